import { createContext, use } from "react";
import type { KnownRun } from "../../live/hub";

/** The run of the page, for its tabs. */
export const RunContext = createContext<KnownRun | null>(null);

export function useShownRun(): KnownRun {
  const run = use(RunContext);
  if (run === null) throw new Error("a tab of a run is drawn outside of its page");
  return run;
}
