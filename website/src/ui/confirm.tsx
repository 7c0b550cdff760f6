import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { asProblem } from "../api/problem";
import { t } from "../text/t";
import { Dialog } from "./dialog";
import { useProof } from "./proof";
import styles from "./ui.module.css";

interface Props {
  readonly title: string;
  /** What it does, and what it does not do. */
  readonly children: ReactNode;
  /** The verb and its object: never "Yes". */
  readonly confirm: string;
  readonly action: () => Promise<unknown>;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Asks before something that cannot be taken back. What has gone in the meantime is gone, as was wanted. */
export function ConfirmDialog({ title, children, confirm, action, onDone, onClose }: Props) {
  const { proven, question } = useProof();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const act = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const isDone = await proven(async () => {
        await action();
        return true;
      });
      if (isDone !== null) return onDone();
    } catch (error) {
      const found = asProblem(error);
      if (found.status === 404) return onDone();
      setProblem(found.message);
    }
    setBusy(false);
  };
  if (question !== null) return question;
  return (
    <Dialog title={title} onClose={onClose}>
      <div className={styles.form}>
        {children}
        {problem !== null && (
          <p role="alert" className={styles.problem}>
            {problem}
          </p>
        )}
        <div className={styles.dialogEnd}>
          <Button variant="default" onClick={onClose} data-autofocus>
            {t("action.cancel")}
          </Button>
          <Button variant="danger" onClick={act} loading={isBusy}>
            {confirm}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
