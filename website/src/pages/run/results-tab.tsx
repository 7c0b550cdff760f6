import { isTerminal } from "../../status/registry";
import { t } from "../../text/t";
import { Time } from "../../time/time";
import { Json } from "../../ui/json";
import { Empty } from "../../ui/states";
import { useKnowledge, useShownRun } from "./context";
import styles from "./run.module.css";
import { sentence } from "./why";

export default function ResultsTab() {
  const run = useShownRun();
  const { until } = useKnowledge();
  if (run.results === undefined || run.results === null)
    return (
      <Empty title={isTerminal(run.status) ? t("run.results.none") : t("run.results.later")}>
        {run.result_error !== null && <p>{sentence(run.result_error)}</p>}
        {t("run.results.how")} <code>$ORCHESTRA_RESULTS</code>
      </Empty>
    );
  return (
    <div className={styles.tabBody}>
      {!isTerminal(run.status) && (
        <p className={styles.note}>
          {until === null ? (
            t("run.results.live")
          ) : (
            <>
              {t("run.results.old")} <Time value={until} as="clock" />.
            </>
          )}
        </p>
      )}
      {run.result_error !== null && <p className={styles.note}>{sentence(run.result_error)}</p>}
      <Json value={run.results} label={t("run.tab.results")} />
    </div>
  );
}
