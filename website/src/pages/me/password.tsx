/** The own password: set, changed, taken away. */
import { Button, PasswordInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../../api/problem";
import { deleteOwnAuthentication, setOwnPassword } from "../../api/requests";
import type { Authentication, Me } from "../../api/types";
import { ownAuthenticationsQuery, ownSessionsQuery } from "../../queries";
import { can, meQuery, whyNot } from "../../session";
import { t } from "../../text/t";
import { Time } from "../../time/time";
import { blocked } from "../../ui/blocked";
import { ConfirmDialog } from "../../ui/confirm";
import { Dialog } from "../../ui/dialog";
import { useProof } from "../../ui/proof";
import ui from "../../ui/ui.module.css";
import styles from "./me.module.css";
import { Section, useHeading } from "./section";

type Open = "set" | "remove" | null;

export function PasswordSection({ me }: { me: Me }) {
  const client = useQueryClient();
  const mayList = can(me, "account.token.read");
  const list = useQuery({ ...ownAuthenticationsQuery, enabled: mayList }).data?.items ?? [];
  const record = list.find((one) => one.type === "password");
  const hasPassword = me.user.has_password;
  const [open, setOpen] = useState<Open>(null);
  const [done, setDone] = useState("");
  const [heading, focusHeading] = useHeading();
  const begin = (what: Open) => {
    setDone("");
    setOpen(what);
  };
  const finish = (sentence: string) => {
    setOpen(null);
    setDone(sentence);
    for (const { queryKey } of [meQuery, ownAuthenticationsQuery, ownSessionsQuery])
      void client.invalidateQueries({ queryKey });
  };
  const whyNotSet = whyNot(me, "account.update");
  const whyNotRemove = whyNot(me, "account.token.delete");
  return (
    <Section
      title={t("me.password")}
      heading={heading}
      text={hasPassword ? <State record={record} /> : t("me.password.none")}
      action={
        <div className={styles.actions}>
          <Button variant="default" onClick={() => whyNotSet === null && begin("set")} {...blocked(whyNotSet)}>
            {hasPassword ? t("me.password.change") : t("me.password.set")}
          </Button>
          {record !== undefined && (
            <Button
              variant="default"
              onClick={() => whyNotRemove === null && begin("remove")}
              {...blocked(whyNotRemove)}
            >
              {t("me.password.remove")}
            </Button>
          )}
        </div>
      }
    >
      <p role="status" className={styles.done}>
        {done}
      </p>
      {open === "set" && (
        <PasswordDialog me={me} onDone={() => finish(t("me.password.done"))} onClose={() => setOpen(null)} />
      )}
      {open === "remove" && record !== undefined && (
        <ConfirmDialog
          title={t("me.password.remove.title")}
          confirm={t("me.password.remove.confirm")}
          action={() => deleteOwnAuthentication(record.identifier)}
          onDone={() => {
            finish(t("me.password.remove.done"));
            focusHeading();
          }}
          onClose={() => setOpen(null)}
        >
          <p>{t("me.password.remove.text")}</p>
        </ConfirmDialog>
      )}
    </Section>
  );
}

function State({ record }: { record: Authentication | undefined }) {
  if (record === undefined) return t("me.password.exists");
  return (
    <>
      {t("me.password.since")} <Time value={record.update_date} />
      {record.last_use_date !== null && (
        <>
          {" · "}
          {t("me.password.used")} <Time value={record.last_use_date} />
        </>
      )}
      {record.expiration_date !== null && (
        <>
          {" · "}
          {Date.parse(record.expiration_date) <= Date.now() ? t("me.password.expired") : t("me.password.until")}{" "}
          <Time value={record.expiration_date} />
        </>
      )}
    </>
  );
}

function PasswordDialog({ me, onDone, onClose }: { me: Me; onDone: () => void; onClose: () => void }) {
  const { proven, question } = useProof();
  const form = useRef<HTMLFormElement>(null);
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const { has_password: hasPassword, identifier } = me.user;
  const of = (field: string) => {
    const found = problem?.errors.filter(({ path }) => path === field).map(({ message }) => message) ?? [];
    return found.length === 0 ? null : found.join("; ");
  };
  // Without errors of fields, a refusal speaks of the one proof that the form holds.
  const ofCurrent = of("current_password") ?? (hasPassword && problem?.status === 403 ? problem.message : null);
  const ofPassword = of("password");
  const other = problem !== null && ofCurrent === null && ofPassword === null ? problem.message : null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each refusal takes the person to its first field
  useEffect(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), [problem]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const body = current === "" ? { password } : { password, current_password: current };
      const isDone = await proven(async () => {
        await setOwnPassword(body);
        return true;
      });
      if (isDone !== null) return onDone();
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  if (question !== null) return question;
  const visibility = { "aria-label": t("login.password.show") };
  return (
    <Dialog title={hasPassword ? t("me.password.change.title") : t("me.password.set.title")} onClose={onClose}>
      <form ref={form} className={ui.form} onSubmit={submit} noValidate>
        {/* So that a password store knows whose password it is. */}
        <input hidden name="username" autoComplete="username" value={identifier} readOnly />
        {hasPassword && (
          <PasswordInput
            label={t("me.password.current")}
            error={ofCurrent}
            aria-invalid={ofCurrent !== null}
            name="current-password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
            visibilityToggleButtonProps={visibility}
            data-autofocus
          />
        )}
        <PasswordInput
          label={t("password.new")}
          description={t("password.rules")}
          error={ofPassword}
          aria-invalid={ofPassword !== null}
          name="new-password"
          autoComplete="new-password"
          required
          withAsterisk={false}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={visibility}
          data-autofocus={!hasPassword || undefined}
        />
        {other !== null && (
          <p role="alert" className={ui.problem}>
            {other}
          </p>
        )}
        <p className={styles.text}>{t("me.password.effect")}</p>
        <div className={ui.dialogEnd}>
          <Button variant="default" onClick={onClose}>
            {t("action.cancel")}
          </Button>
          <Button type="submit" loading={isBusy}>
            {hasPassword ? t("me.password.change.confirm") : t("me.password.set.confirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
