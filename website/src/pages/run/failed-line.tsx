import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { getLogLines } from "../../api/requests";
import type { LogWindow, Step } from "../../api/types";
import type { KnownRun } from "../../live/hub";
import { PLAIN, parseLine } from "../../log/ansi";
import { number as formatted, t } from "../../text/t";
import styles from "./run.module.css";
import { useSections } from "./sections";

const LOOKED_AT = 20;

interface Found {
  readonly line: number;
  readonly text: string;
}

/** The last thing that the failed step said: most programs end with why they end. */
export function lastWords(window: LogWindow): Found | null {
  for (let index = window.lines.length - 1; index >= 0; index--) {
    const text = parseLine(window.lines[index] ?? "", PLAIN)
      .segments.map((segment) => segment.text)
      .join("")
      .trim();
    if (text !== "") return { line: window.start + index, text };
  }
  return null;
}

/** Gives its child the failed step's last words, and a link to them. */
export function FailedLine({
  run,
  step,
  children,
}: {
  run: KnownRun;
  step: Step | null;
  children: (text: string | null, link: ReactNode) => ReactNode;
}) {
  const section = useSections(run)[step === null ? -1 : (run.steps ?? []).indexOf(step)];
  const last = section?.last ?? null;
  const found = useQuery({
    queryKey: ["last-words", run.identifier, last],
    queryFn: async () => {
      const first = Math.max(section?.first ?? 1, (last ?? 1) - LOOKED_AT + 1);
      return lastWords(await getLogLines(run.identifier, first, (last ?? first) - first + 1));
    },
    enabled: last !== null,
  }).data;
  if (found == null) return children(null, null);
  return children(
    found.text,
    <Link
      to="/p/$project/jobs/$job/runs/$number"
      params={{ project: run.project, job: run.job, number: String(run.number) }}
      hash={`L${found.line}`}
      className={styles.goTo}
    >
      {t("run.why.go", { line: formatted(found.line) })} <span aria-hidden="true">↵</span>
    </Link>,
  );
}
