import { isTerminal } from "../../status/registry";
import { t } from "../../text/t";
import { Json } from "../../ui/json";
import { Empty } from "../../ui/states";
import { useShownRun } from "./context";
import styles from "./run.module.css";

export default function ResultsTab() {
  const run = useShownRun();
  if (run.results === undefined || run.results === null)
    return (
      <Empty title={isTerminal(run.status) ? t("run.results.none") : t("run.results.later")}>
        {t("run.results.how")} <code>$ORCHESTRA_RESULTS</code>
      </Empty>
    );
  return (
    <div className={styles.tabBody}>
      <Json value={run.results} label={t("run.tab.results")} />
    </div>
  );
}
