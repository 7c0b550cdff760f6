import { t } from "../../text/t";
import { Definition } from "../definition";
import { useShownRun } from "./context";
import styles from "./run.module.css";

/** The definition as it was when the run was made. */
export default function DefinitionTab() {
  const run = useShownRun();
  return (
    <div className={styles.tabBody}>
      <p className={styles.note}>{t("run.definition.revision", { revision: String(run.job_revision) })}</p>
      {run.definition !== undefined && <Definition definition={run.definition} />}
    </div>
  );
}
