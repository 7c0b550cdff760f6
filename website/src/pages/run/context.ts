import { createContext, use } from "react";
import type { Absence } from "../../api/types";
import type { KnownRun } from "../../live/hub";

/** The run of the page, for its tabs. */
export const RunContext = createContext<KnownRun | null>(null);

/** What is known of the run now, and what is not. */
export interface Knowledge {
  /** Its worker is not connected; null when it is, or when nobody has the run. */
  readonly away: Absence | null;
  /** Until when it is known that the run goes on; null: until this moment. */
  readonly until: string | null;
}

export const KnowledgeContext = createContext<Knowledge>({ away: null, until: null });

export const useKnowledge = (): Knowledge => use(KnowledgeContext);

export function useShownRun(): KnownRun {
  const run = use(RunContext);
  if (run === null) throw new Error("a tab of a run is drawn outside of its page");
  return run;
}
