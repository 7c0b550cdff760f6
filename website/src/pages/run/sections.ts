import { useQuery } from "@tanstack/react-query";
import type { LogSection } from "../../api/types";
import type { KnownRun } from "../../live/hub";
import { sectionsQuery } from "../../queries";

const NONE: readonly LogSection[] = [];

/** The lines of each step, by the step's place in `run.steps`. */
export function useSections(run: KnownRun): readonly LogSection[] {
  const steps = (run.steps ?? []).map((step) => `${step.log_start}-${step.log_end ?? ""}`).join();
  const query = useQuery({ ...sectionsQuery(run.identifier, steps), enabled: steps !== "" });
  return query.data?.items ?? NONE;
}
