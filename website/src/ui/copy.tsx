import { useState } from "react";
import { t } from "../text/t";
import styles from "./ui.module.css";

/** Copies without the Clipboard API, which a page on plain HTTP does not have. */
function copyByCommand(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  area.style.opacity = "0";
  document.body.append(area);
  const before = document.activeElement;
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return isDone;
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyByCommand(text);
  }
}

/** `label` says what is copied; the answer stands on the button for a moment and is spoken. */
export function CopyButton({ text, label, shown }: { text: string; label: string; shown?: string }) {
  const [isDone, setDone] = useState(false);
  return (
    <button
      type="button"
      className={styles.copy}
      aria-label={label}
      data-tip={label}
      onClick={async () => {
        if (!(await copyText(text))) return;
        setDone(true);
        setTimeout(() => setDone(false), 1_500);
      }}
    >
      {shown !== undefined && <code>{shown}</code>}
      <svg
        width="14"
        height="14"
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        aria-hidden="true"
      >
        {isDone ? (
          <path d="m3 8.5 3.2 3.2L13 5" />
        ) : (
          <path d="M5.5 5.5V3a1 1 0 0 1 1-1H13a1 1 0 0 1 1 1v6.500a1 1 0 0 1-1 1h-2.500M3 5.500h6.500a1 1 0 0 1 1 1V13a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V6.500a1 1 0 0 1 1-1z" />
        )}
      </svg>
      <span role="status" className="visually-hidden">
        {isDone ? t("action.copied") : ""}
      </span>
    </button>
  );
}
