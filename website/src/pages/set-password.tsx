/** Choosing a password, by a one-time link that an administrator gave: an invitation, or a reset. */
import { Button, PasswordInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { asProblem, type Problem } from "../api/problem";
import { setPasswordByLink } from "../api/requests";
import { boot } from "../boot";
import { signedIn } from "../session";
import { t } from "../text/t";
import { Heading } from "../ui/heading";
import styles from "./login.module.css";

interface Props {
  /** What stands behind `#` in the link: it never reaches a server's log. */
  readonly code: string;
}

export default function SetPasswordPage({ code }: Props) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      signedIn(client, await setPasswordByLink({ code, password }));
      await navigate({ to: "/", replace: true });
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  const isOver = code === "" || problem?.status === 401;
  const ofPassword = problem?.errors.filter(({ path }) => path === "password").map(({ message }) => message) ?? [];
  const other = problem !== null && !isOver && ofPassword.length === 0 ? problem.message : null;
  return (
    <main className={styles.page} id="main">
      <form className={styles.form} onSubmit={submit}>
        <Heading title={t("password.title")}>{t("password.of", { title: boot.title })}</Heading>
        {isOver && (
          <p role="alert" className={styles.problem}>
            {t("password.link.over")}
          </p>
        )}
        {other !== null && (
          <p role="alert" className={styles.problem}>
            {other}
          </p>
        )}
        <PasswordInput
          label={t("password.new")}
          description={t("password.rules")}
          error={ofPassword.length === 0 ? undefined : ofPassword.join("; ")}
          aria-invalid={ofPassword.length > 0}
          name="password"
          autoComplete="new-password"
          required
          withAsterisk={false}
          disabled={isOver}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": t("login.password.show") }}
          data-autofocus
        />
        <Button type="submit" fullWidth loading={isBusy} disabled={isOver}>
          {t("password.submit")}
        </Button>
      </form>
    </main>
  );
}
