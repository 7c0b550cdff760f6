/** The log, with the run's steps beside it. */
import { useLocation, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { LogPanel } from "../../log/log-panel";
import { rangeOf, toHash } from "../../log/permalink";
import { useShownRun } from "./context";
import styles from "./run.module.css";
import { useSections } from "./sections";
import { StepList } from "./step-list";

export default function LogTab() {
  const run = useShownRun();
  const sections = useSections(run);
  const navigate = useNavigate();
  const hash = useLocation({ select: (location) => location.hash });
  const [firstSeen, setFirstSeen] = useState(1);
  const [target, setTarget] = useState<{ line: number } | null>(null);
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
        linked={rangeOf(hash)}
        target={target}
        onFirstSeen={setFirstSeen}
        onLink={(range) => navigate({ to: ".", hash: toHash(range), replace: true, resetScroll: false })}
      />
    </div>
  );
}
