/** The answer to "why?": why it waits, why it failed, what went wrong beside it. Silent when all is well. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { KnownRun } from "../../live/hub";
import { explainQuery } from "../../queries";
import { isTerminal, lookOf, type Tone } from "../../status/registry";
import { t } from "../../text/t";
import { relative } from "../../time/format";
import { useNow } from "../../time/now";
import { FailedLine } from "./failed-line";
import styles from "./run.module.css";
import { failedStep } from "./steps";

export function Why({ run }: { run: KnownRun }) {
  const notes = [
    logNote(run),
    run.result_error && t("run.why.results", { text: run.result_error }),
    run.artifact_error && t("run.why.artifacts", { text: run.artifact_error }),
  ].filter((note) => note !== null);
  switch (run.status) {
    case "pending":
      return <Waiting run={run} />;
    case "failed":
      return <Failed run={run} notes={notes} />;
    case "exception":
    case "aborted":
    case "cancelled":
      return (
        <Box tone={lookOf(run).tone} notes={notes}>
          <strong>{stopped(run.cause.message)}</strong>
        </Box>
      );
    default:
      return notes.length === 0 ? null : <Box tone="aborted" notes={notes} />;
  }
}

/** Why the log of a run that is over lacks its end: what the server says, or that the rest is still to come. */
function logNote(run: KnownRun): string | null {
  if (run.log_error !== null || run.log_complete || !isTerminal(run.status) || run.worker === null)
    return run.log_error;
  return t("run.why.log-rest", { worker: run.worker });
}

/** The server's messages are clauses: "exit code 1 of step 2". */
export function sentence(text: string): string {
  return text === "" ? "" : `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`;
}

/** The same as a whole sentence. */
function stopped(text: string): string {
  const whole = sentence(text);
  return whole === "" || /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

function Box({
  tone,
  notes,
  children,
  end,
}: {
  tone: Tone;
  notes: readonly string[];
  children?: ReactNode;
  end?: ReactNode;
}) {
  return (
    <section className={styles.why} data-tone={tone} aria-label={t("run.why")}>
      <div className={styles.whyText}>
        {children}
        {notes.map((note) => (
          <p key={note}>{stopped(note)}</p>
        ))}
      </div>
      {end}
    </section>
  );
}

function Failed({ run, notes }: { run: KnownRun; notes: readonly string[] }) {
  const failed = failedStep(run);
  // The step's own words are shorter; where it was no exit code (a signal), the cause knows more.
  const title =
    failed === null || run.cause.code !== "exit_code"
      ? stopped(run.cause.message)
      : t("run.why.step", { n: failed.position, step: failed.step.name, code: failed.step.exit_code ?? 0 });
  return (
    <FailedLine run={run} step={failed?.step ?? null}>
      {(line, link) => (
        <Box tone="failed" notes={notes} end={link}>
          <p className={styles.whyLine}>
            <strong>{title}</strong> {line !== null && <code>{line}</code>}
          </p>
        </Box>
      )}
    </FailedLine>
  );
}

const SHOWN = 5;

function Waiting({ run }: { run: KnownRun }) {
  const explanation = useQuery(explainQuery(run.identifier, run.update_date)).data;
  const nearestFirst = (worker: string) => (worker === explanation?.nearest ? 0 : 1);
  const verdicts = [...(explanation?.workers ?? [])].sort(
    (a, b) => nearestFirst(a.worker) - nearestFirst(b.worker) || a.mismatches.length - b.mismatches.length,
  );
  return (
    <Box tone="pending" notes={[]}>
      <p>
        <strong>{stopped(run.cause.message)}</strong>
        {explanation?.position != null && ` ${t("run.why.position", { n: explanation.position })}`}
        {run.expiration_date != null && <Expires date={run.expiration_date} />}
      </p>
      {verdicts.length > 0 && (
        <ul className={styles.verdicts}>
          {verdicts.slice(0, SHOWN).map((verdict) => (
            <li key={verdict.worker}>
              <code>{verdict.worker}</code> {verdict.message}
            </li>
          ))}
          {verdicts.length > SHOWN && <li>{t("run.why.more", { count: verdicts.length - SHOWN })}</li>}
        </ul>
      )}
      {explanation !== undefined && verdicts.length === 0 && <p>{t("run.why.no-workers")}</p>}
    </Box>
  );
}

function Expires({ date }: { date: string }) {
  const when = useNow("half-minute", (now) => relative(new Date(date), new Date(now)));
  return <> {t("run.why.expires", { when })}</>;
}
