import { useState } from "react";
import { t } from "../text/t";
import { CopyButton } from "./copy";
import styles from "./json.module.css";

/** How much of a large value is drawn at once. */
const SHOWN = 200;

/** Any JSON value as a tree: names, values in the colour of their kind, long parts folded. */
export function Json({ value, label }: { value: unknown; label: string }) {
  return (
    <div className={styles.frame}>
      <div className={styles.copy}>
        <CopyButton text={JSON.stringify(value, null, 2)} label={t("action.copy-json", { name: label })} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className={styles.tree} role="region" aria-label={label} tabIndex={0}>
        <Node value={value} depth={0} />
      </div>
    </div>
  );
}

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const [shown, setShown] = useState(SHOWN);
  const key = name === undefined ? null : <span className={styles.key}>{name}: </span>;
  if (typeof value !== "object" || value === null)
    return (
      <div className={styles.leaf}>
        {key}
        <Scalar value={value} />
      </div>
    );
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  if (entries.length === 0)
    return (
      <div className={styles.leaf}>
        {key}
        {isList ? "[]" : "{}"}
      </div>
    );
  return (
    <details open={depth < 2} className={styles.branch}>
      <summary>
        {key}
        <span className={styles.size}>
          {isList ? t("json.items", { count: entries.length }) : t("json.fields", { count: entries.length })}
        </span>
      </summary>
      {entries.slice(0, shown).map(([one, child]) => (
        <Node key={one} name={one} value={child} depth={depth + 1} />
      ))}
      {entries.length > shown && (
        <button type="button" className={styles.more} onClick={() => setShown(shown + 10 * SHOWN)}>
          {t("json.more", { count: entries.length - shown })}
        </button>
      )}
    </details>
  );
}

function Scalar({ value }: { value: unknown }) {
  if (typeof value === "string") return <span className={styles.text}>{value}</span>;
  return <span className={styles.scalar}>{JSON.stringify(value) ?? "null"}</span>;
}
