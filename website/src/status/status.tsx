import { StatusIcon } from "./icon";
import { lookOf } from "./registry";
import styles from "./status.module.css";

interface Observed {
  readonly status: string;
  readonly should_abort?: boolean;
  readonly should_cancel?: boolean;
}

/** A run's status in a table: shape and word in its colour; what needs attention is louder. */
export function Status({ run }: { run: Observed }) {
  const look = lookOf(run);
  return (
    <span className={styles.status} data-tone={look.tone}>
      <StatusIcon shape={look.shape} tone={look.tone} />
      <span className={styles.word}>{look.label}</span>
    </span>
  );
}

/** The same beside a heading, on its tint; `label` in place of its word. */
export function StatusPill({ run, label }: { run: Observed; label?: string | undefined }) {
  const look = lookOf(run);
  return (
    <span className={styles.pill} data-tone={look.tone}>
      <StatusIcon shape={look.shape} tone={look.tone} />
      {label ?? look.label}
    </span>
  );
}
