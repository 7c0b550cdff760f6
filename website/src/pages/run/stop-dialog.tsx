import { Button } from "@mantine/core";
import { useState } from "react";
import { asProblem } from "../../api/problem";
import { abortRun, cancelRun } from "../../api/requests";
import { type KnownRun, runs } from "../../live/hub";
import { isTerminal } from "../../status/registry";
import { t } from "../../text/t";
import { Dialog } from "../../ui/dialog";
import styles from "./run.module.css";

/** Asks before a run is stopped, and says what stopping means: abort is not cancel. */
export default function StopDialog({ run, onClose }: { run: KnownRun; onClose: () => void }) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  // What it does is what the person read: it does not change when the run starts under the open dialog.
  const [isCancel] = useState(run.status === "pending");
  const name = `${run.job} #${run.number}`;
  const isLate = isTerminal(run.status);
  const stop = async () => {
    setBusy(true);
    setProblem(null);
    try {
      runs.put([await (isCancel ? cancelRun : abortRun)(run.identifier)]);
      onClose();
    } catch (error) {
      setProblem(asProblem(error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={isCancel ? t("run.cancel.title", { run: name }) : t("run.abort.title", { run: name })}
      onClose={onClose}
    >
      <p>{isLate ? t("run.stop.late") : isCancel ? t("run.cancel.text") : t("run.abort.text")}</p>
      {problem !== null && (
        <p role="alert" className={styles.problem}>
          {problem}
        </p>
      )}
      <div className={styles.dialogEnd}>
        <Button variant="default" onClick={onClose}>
          {t("run.stop.keep")}
        </Button>
        {!isLate && (
          <Button variant="danger" onClick={stop} loading={isBusy}>
            {isCancel ? t("run.cancel.confirm") : t("run.abort.confirm")}
          </Button>
        )}
      </div>
    </Dialog>
  );
}
