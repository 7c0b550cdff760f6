import { t } from "../../text/t";
import { CopyButton } from "../../ui/copy";
import { Empty } from "../../ui/states";
import { useShownRun } from "./context";
import styles from "./run.module.css";
import { triggerCommand } from "./trigger-command";

export default function ParametersTab() {
  const run = useShownRun();
  const entries = Object.entries(run.parameters);
  const command = triggerCommand(run.project, run.job, run.parameters);
  return (
    <div className={styles.tabBody}>
      {entries.length === 0 ? (
        <Empty title={t("run.parameters.none")} />
      ) : (
        <dl className={styles.pairs}>
          {entries.map(([key, value]) => (
            <div key={key}>
              <dt>
                <code>{key}</code>
              </dt>
              <dd>
                <code className={styles.value}>{typeof value === "string" ? value : JSON.stringify(value)}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      <div className={styles.commandLine}>
        <code>{command}</code>
        <CopyButton text={command} label={t("run.parameters.copy")} />
      </div>
    </div>
  );
}
