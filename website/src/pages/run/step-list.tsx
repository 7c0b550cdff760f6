import type { KnownRun } from "../../live/hub";
import { StatusIcon } from "../../status/icon";
import { lookOf } from "../../status/registry";
import { t } from "../../text/t";
import { useNow } from "../../time/now";
import { Duration } from "../../time/time";
import { useKnowledge } from "./context";
import styles from "./run.module.css";
import { type ShownStep, shownSteps, spanOf } from "./steps";

/** The steps beside the log: how each went, how long, and when within the run. A click shows its lines. */
export function StepList({
  run,
  current,
  onChoose,
}: {
  run: KnownRun;
  current: number;
  onChoose: (index: number) => void;
}) {
  const steps = shownSteps(run);
  const { until } = useKnowledge();
  if (steps.length === 0) return null;
  return (
    <nav className={styles.stepList} aria-label={t("run.steps")}>
      <ol>
        {steps.map((shown) => {
          const index = shown.step === null ? -1 : (run.steps ?? []).indexOf(shown.step);
          return (
            <li key={shown.key}>
              <button
                type="button"
                className={styles.stepItem}
                disabled={shown.step === null}
                aria-current={index >= 0 && index === current ? "step" : undefined}
                onClick={() => onChoose(index)}
                data-tip={shown.command === shown.name ? undefined : shown.command}
              >
                <StepIcon shown={shown} />
                <span className={styles.stepName}>{shown.name}</span>
                <span className={styles.stepTime}>
                  {shown.step === null ? (
                    "–"
                  ) : (
                    <Duration from={shown.step.start_date} to={shown.step.completion_date} until={until} />
                  )}
                </span>
                <StepBar run={run} shown={shown} />
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

export function StepIcon({ shown }: { shown: ShownStep }) {
  const look = lookOf({ status: shown.status });
  const shape = shown.step === null ? "dashed" : look.shape;
  return <StatusIcon shape={shape} tone={look.tone} label={look.label} />;
}

/** Where the step lies in its run's time. */
export function StepBar({ run, shown }: { run: KnownRun; shown: ShownStep }) {
  const { until } = useKnowledge();
  const isGrowing = run.start_date !== null && run.completion_date === null && until === null;
  const now = useNow(isGrowing ? "second" : "never", (at) => (until === null ? at : Date.parse(until)));
  const span = spanOf(shown.step, run, now);
  return (
    <span className={styles.bar} aria-hidden="true">
      {span !== null && (
        <span
          data-tone={lookOf({ status: shown.status }).tone}
          style={{ insetInlineStart: `${span.start * 100}%`, width: `max(3px, ${span.length * 100}%)` }}
        />
      )}
    </span>
  );
}
