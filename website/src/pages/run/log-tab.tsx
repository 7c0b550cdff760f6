/** The log, with the run's steps beside it. */
import { useLocation, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { LogSection } from "../../api/types";
import type { KnownRun } from "../../live/hub";
import { LogPanel } from "../../log/log-panel";
import { rangeOf, toHash } from "../../log/permalink";
import { useKnowledge, useShownRun } from "./context";
import styles from "./run.module.css";
import { useSections } from "./sections";
import { StepList } from "./step-list";
import { failedStep } from "./steps";

export default function LogTab() {
  const run = useShownRun();
  const { away } = useKnowledge();
  const sections = useSections(run);
  const navigate = useNavigate();
  const hash = useLocation({ select: (location) => location.hash });
  const [firstSeen, setFirstSeen] = useState(1);
  const [target, setTarget] = useState<{ line: number; isLast?: boolean } | null>(null);
  useFailure(run, sections, hash === "", setTarget);
  let current = -1;
  for (const [index, section] of sections.entries()) if (section.first <= firstSeen) current = index;
  return (
    <div className={styles.logTab}>
      <StepList
        run={run}
        current={current}
        onChoose={(index) => {
          const line = sections[index]?.first;
          if (line !== undefined) setTarget({ line });
        }}
      />
      <LogPanel
        key={run.identifier}
        run={run}
        isAway={away !== null}
        linked={rangeOf(hash)}
        target={target}
        onFirstSeen={setFirstSeen}
        onLink={(range) => navigate({ to: ".", hash: toHash(range), replace: true, resetScroll: false })}
      />
    </div>
  );
}

/** Who opens a run that has failed wants to read why: the end of the step that failed, what led to it above. */
function useFailure(
  run: KnownRun,
  sections: readonly LogSection[],
  isWanted: boolean,
  show: (target: { line: number; isLast: boolean }) => void,
): void {
  const isOpen = useRef(isWanted && run.status === "failed");
  useEffect(() => {
    if (!isOpen.current || sections.length === 0) return;
    isOpen.current = false;
    const step = failedStep(run)?.step;
    const section = step === undefined ? undefined : sections[(run.steps ?? []).indexOf(step)];
    if (section?.last != null && section.last >= section.first) show({ line: section.last, isLast: true });
  }, [run, sections, show]);
}
