import { Link } from "@tanstack/react-router";
import { t } from "../text/t";

type Given = Record<string, unknown>;

/** Who or what triggered a run, in a few words. */
export function sourceText(source: Given): string {
  const text = (name: string) => (typeof source[name] === "string" ? source[name] : "");
  switch (source.type) {
    case "user":
      return text("user");
    case "schedule":
      return t("source.schedule", { schedule: text("schedule") });
    case "run":
      if (source.reason === "retry") return t("source.retry");
      if (source.reason === "pipeline") return t("source.pipeline");
      return t("source.run");
    case "webhook":
      return t("source.webhook");
    default:
      return String(source.type ?? "–");
  }
}

/** The same; what another run triggered links to that run. */
export function Source({ source }: { source: Given }) {
  const text = sourceText(source);
  if (source.type !== "run" || typeof source.run !== "string") return <>{text}</>;
  return (
    <Link to="/runs/$run" params={{ run: source.run }}>
      {text}
    </Link>
  );
}

/** `branch=main · target=release`; without those that are empty, and empty when there are none. */
export function parametersText(parameters: Given): string {
  return Object.entries(parameters)
    .filter(([, value]) => value !== "" && value !== null)
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" · ");
}
