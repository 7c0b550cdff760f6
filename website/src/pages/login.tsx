/** Signing in: with user and password (or a token in its place), or by the one-time link of the first start. */
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../api/problem";
import { signIn } from "../api/requests";
import { boot } from "../boot";
import { signedIn } from "../session";
import { t } from "../text/t";
import { Heading } from "../ui/heading";
import styles from "./login.module.css";

/** User tokens begin so; nobody's password should. */
const TOKEN = /^orc[a-z]_/;

interface Props {
  /** The path to go to, within the website. */
  readonly next: string;
  readonly code: string | undefined;
}

export default function LoginPage({ next, code }: Props) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const used = useRef<string | null>(null);

  const enter = async (body: Parameters<typeof signIn>[0]) => {
    setBusy(true);
    setProblem(null);
    try {
      signedIn(client, await signIn(body));
      await navigate({ to: next, replace: true });
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a code is good for one use
  useEffect(() => {
    if (code === undefined || used.current === code) return;
    used.current = code;
    void enter({ code });
  }, [code]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const secret = password.trim();
    void enter(TOKEN.test(secret) ? { token: secret } : { user: user.trim(), password });
  };
  const text =
    problem === null
      ? null
      : problem.status === 401
        ? code !== undefined && password === ""
          ? t("login.code.refused")
          : t("login.refused")
        : problem.message;
  return (
    <main className={styles.page} id="main">
      <form className={styles.form} onSubmit={submit}>
        <Heading title={t("login.title")}>{t("login.to", { title: boot.title })}</Heading>
        {boot.announcement !== null && <p className={styles.announcement}>{boot.announcement}</p>}
        {text !== null && (
          <p role="alert" className={styles.problem}>
            {text}
          </p>
        )}
        <TextInput
          label={t("login.user")}
          name="user"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
          autoFocus
        />
        <PasswordInput
          label={t("login.password")}
          description={t("login.password.text")}
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": t("login.password.show") }}
        />
        <Button type="submit" fullWidth loading={isBusy}>
          {t("login.submit")}
        </Button>
      </form>
    </main>
  );
}
