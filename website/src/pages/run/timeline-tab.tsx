import { Link } from "@tanstack/react-router";
import { t } from "../../text/t";
import { duration } from "../../time/format";
import { Duration, Time } from "../../time/time";
import { Empty } from "../../ui/states";
import { useKnowledge, useShownRun } from "./context";
import styles from "./run.module.css";
import { useSections } from "./sections";
import { StepBar, StepIcon } from "./step-list";
import { shownSteps } from "./steps";

/** Each command as it went: when, how long, how it ended. */
export default function TimelineTab() {
  const run = useShownRun();
  const sections = useSections(run);
  const { until } = useKnowledge();
  const steps = shownSteps(run);
  if (steps.length === 0) return <Empty title={t("run.steps.none")} />;
  return (
    <div className={styles.tabBody}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className={styles.tableFrame} tabIndex={0} role="region" aria-label={t("run.tab.timeline")}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("step.step")}</th>
              <th scope="col" className={styles.wideColumn}>
                {t("step.time")}
              </th>
              <th scope="col" data-align="end">
                {t("step.exit-code")}
              </th>
              <th scope="col" data-align="end">
                {t("step.start")}
              </th>
              <th scope="col" data-align="end">
                {t("run.duration")}
              </th>
            </tr>
          </thead>
          <tbody>
            {steps.map((shown) => {
              const index = shown.step === null ? -1 : (run.steps ?? []).indexOf(shown.step);
              const line = sections[index]?.first;
              return (
                <tr key={shown.key}>
                  <th scope="row">
                    <span className={styles.stepCell}>
                      <StepIcon shown={shown} />
                      <span>
                        {line === undefined ? (
                          shown.name
                        ) : (
                          <Link
                            to="/p/$project/jobs/$job/runs/$number"
                            params={{ project: run.project, job: run.job, number: String(run.number) }}
                            hash={`L${line}`}
                          >
                            {shown.name}
                          </Link>
                        )}
                        {shown.isFinally && <span className={styles.tag}>{t("step.finally")}</span>}
                        {shown.command !== shown.name && <code className={styles.command}>{shown.command}</code>}
                      </span>
                    </span>
                  </th>
                  <td>
                    <StepBar run={run} shown={shown} />
                  </td>
                  <td data-align="end">{shown.step?.exit_code ?? "–"}</td>
                  <td data-align="end">
                    {shown.step?.start_date == null || run.start_date === null ? (
                      "–"
                    ) : (
                      <span data-tip={shown.step.start_date}>
                        +{duration((Date.parse(shown.step.start_date) - Date.parse(run.start_date)) / 1_000)}
                      </span>
                    )}
                  </td>
                  <td data-align="end">
                    <Duration
                      from={shown.step?.start_date ?? null}
                      to={shown.step?.completion_date ?? null}
                      until={until}
                    />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <dl className={styles.facts}>
        <div>
          <dt>{t("run.created")}</dt>
          <dd>
            <Time value={run.creation_date} as="clock" />
          </dd>
        </div>
        <div>
          <dt>{t("run.started")}</dt>
          <dd>
            <Time value={run.start_date} as="clock" />
          </dd>
        </div>
        <div>
          <dt>{t("run.ended")}</dt>
          <dd>
            <Time value={run.completion_date} as="clock" />
          </dd>
        </div>
      </dl>
    </div>
  );
}
