import type { KnownRun } from "../../live/hub";
import { isTerminal } from "../../status/registry";
import { t } from "../../text/t";
import { Time } from "../../time/time";
import { useKnowledge } from "./context";
import { isUser, type ReceiptStep, receiptSteps, type StepState } from "./receipt";
import styles from "./run.module.css";

/** How far the stop of the run has come: each step with its time, and who is still alive. */
export function Receipt({ run }: { run: KnownRun }) {
  const { away } = useKnowledge();
  const { stop } = run;
  // A cancelled run never had a process: its cause says all.
  if (stop == null || run.status === "cancelled") return null;
  const hasEnded = isTerminal(run.status);
  const steps = receiptSteps(stop, away !== null, hasEnded);
  return (
    <section className={styles.receipt} aria-label={t("stop.label")} data-is-over={hasEnded || undefined}>
      <h2>
        {isUser(stop.requested_by)
          ? t("stop.by-user", { user: stop.requested_by })
          : t("stop.by", { what: stop.requested_by })}
      </h2>
      <ol>
        {steps.map((step) => (
          <Step key={step.key} step={step} />
        ))}
      </ol>
      {stop.survivors.length > 0 && (
        <div className={styles.survivors}>
          <p>{t("stop.survivors.text", { worker: run.worker ?? "" })}</p>
          <ul>
            {stop.survivors.map((one) => (
              <li key={`${one.pid} ${one.command}`}>
                <code>{one.pid > 0 ? one.pid : t("stop.container")}</code> <code>{one.command}</code>
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Step({ step }: { step: ReceiptStep }) {
  return (
    <li data-state={step.state}>
      <Mark state={step.state} />
      <span>
        {step.label}
        {step.date !== null && (
          <span className={styles.receiptTime}>
            {" "}
            <Time value={step.date} as="clock" />
          </span>
        )}
      </span>
    </li>
  );
}

/** The words beside it say the same. */
function Mark({ state }: { state: StepState }) {
  return (
    <svg
      width="14"
      height="14"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {state === "done" && <path d="m3 8.500 3.200 3.200L13 5" />}
      {state === "now" && <circle cx="8" cy="8" r="3.500" fill="currentColor" stroke="none" />}
      {state === "later" && <circle cx="8" cy="8" r="4" />}
      {state === "unneeded" && <path d="M4 8h8" />}
      {state === "bad" && <path d="M8 2.500 14.500 13.500h-13zM8 6.500v3M8 11.700v.1" />}
    </svg>
  );
}
