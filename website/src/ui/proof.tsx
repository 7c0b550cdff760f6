/**
 * "Confirm that it is you": for everything that the server does only shortly after a proof of who one is.
 *
 *     const { proven, question } = useProof();
 *     const made = await proven(() => createToken(body));   // null: the person gave up
 *     return question ?? <Dialog …>;
 *
 * Rules: `question` stands in place of the dialog that asked, never above it: one dialog at a time, so that Escape means
 * one thing. What was typed there is kept, for its component stays mounted.
 */
import { Button, PasswordInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useCallback, useState } from "react";
import { asProblem } from "../api/problem";
import { withProof } from "../api/proof";
import { reauthenticate } from "../api/requests";
import { useMe } from "../session";
import { t } from "../text/t";
import { Dialog } from "./dialog";
import styles from "./ui.module.css";

export interface Proof {
  readonly proven: <T>(action: () => Promise<T>) => Promise<T | null>;
  readonly question: ReactNode;
}

export function useProof(): Proof {
  const [answer, setAnswer] = useState<{ readonly give: (isProven: boolean) => void } | null>(null);
  const prove = useCallback(
    () =>
      new Promise<boolean>((resolve) => {
        setAnswer({
          give: (isProven) => {
            setAnswer(null);
            resolve(isProven);
          },
        });
      }),
    [],
  );
  const proven = useCallback(<T,>(action: () => Promise<T>) => withProof(action, prove), [prove]);
  return { proven, question: answer === null ? null : <Question onAnswer={answer.give} /> };
}

function Question({ onAnswer }: { onAnswer: (isProven: boolean) => void }) {
  const { user } = useMe();
  const [secret, setSecret] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (secret === "") return setProblem(t("proof.needed"));
    setBusy(true);
    setProblem(null);
    try {
      // The server knows a token by its form.
      await reauthenticate({ password: tokenOr(secret) });
      onAnswer(true);
    } catch (error) {
      setProblem(asProblem(error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("proof.title")} onClose={() => onAnswer(false)}>
      <form className={styles.form} onSubmit={submit} noValidate>
        <p>{t("proof.text")}</p>
        {/* So that a password store knows whose password it is. */}
        <input hidden name="username" autoComplete="username" value={user.identifier} readOnly />
        <PasswordInput
          label={user.has_password ? t("login.password") : t("proof.token")}
          description={user.has_password ? t("login.password.text") : t("proof.token.text")}
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={secret}
          error={problem}
          aria-invalid={problem !== null}
          onChange={(event) => setSecret(event.currentTarget.value)}
          visibilityToggleButtonProps={{ "aria-label": t("login.password.show") }}
          data-autofocus
        />
        <div className={styles.dialogEnd}>
          <Button variant="default" onClick={() => onAnswer(false)}>
            {t("action.cancel")}
          </Button>
          <Button type="submit" loading={isBusy}>
            {t("proof.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const TOKEN = /^\s*(orc[a-z]_\S+)\s*$/;

/** A token comes from a clipboard, with what stood around it; of a password every character counts. */
const tokenOr = (secret: string): string => TOKEN.exec(secret)?.[1] ?? secret;
