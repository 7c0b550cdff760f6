import { t } from "../text/t";
import { duration } from "../time/format";
import { Json } from "../ui/json";
import styles from "./definition.module.css";
import { plannedSteps } from "./run/steps";

/** What a job does: its commands in order, then the settings that differ from nothing. */
export function Definition({ definition }: { definition: Record<string, unknown> }) {
  const steps = plannedSteps(definition);
  if (steps.length === 0) return <Json value={definition} label={t("job.definition")} />;
  const seconds = (name: string) => (typeof definition[name] === "number" ? duration(definition[name]) : null);
  const environment = Object.entries((definition.environment ?? {}) as Record<string, unknown>);
  const artifacts = Array.isArray(definition.artifacts) ? definition.artifacts.map(String) : [];
  const facts: [string, string | null][] = [
    [t("job.timeout"), seconds("timeout")],
    [t("job.silence-timeout"), seconds("silence_timeout")],
    [t("job.grace"), seconds("grace")],
    [t("job.workspace"), typeof definition.workspace === "string" ? definition.workspace : null],
    [t("job.environment"), environment.map(([name, value]) => `${name}=${String(value)}`).join(" ") || null],
    [t("job.artifacts"), artifacts.join(" ") || null],
  ];
  return (
    <div className={styles.definition}>
      <ol className={styles.commands}>
        {steps.map((step, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a definition is a list, its places are its identity
          <li key={index}>
            <span className={styles.name}>
              {step.name}
              {step.isFinally && <span className={styles.tag}>{t("step.finally")}</span>}
            </span>
            {step.command !== step.name && <pre>{step.command}</pre>}
          </li>
        ))}
      </ol>
      <dl className={styles.pairs}>
        {facts.map(([name, value]) =>
          value === null ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <code>{value}</code>
              </dd>
            </div>
          ),
        )}
      </dl>
    </div>
  );
}
