/** What the page of a run's files computes: addresses, the job's patterns, words for states. Pure functions. */
import type { Artifact, Run } from "../../api/types";

/** Below the API: slashes stand as they are, everything else is encoded (docs/artifacts.md). */
export function artifactAddress(run: string, path: string): string {
  return `/runs/${encodeURIComponent(run)}/artifacts/${encodeURIComponent(path).replaceAll("%2F", "/")}`;
}

/** Which files the definition names; none for other kinds of definitions. */
export function artifactPatterns(definition: Run["definition"] | undefined): string[] {
  const named = definition?.artifacts;
  return Array.isArray(named) ? named.filter((one) => typeof one === "string") : [];
}

const STATES = {
  awaited: "artifacts.state.awaited",
  stored: "artifacts.state.stored",
  lost: "artifacts.state.lost",
} as const;

export function stateKey(state: Artifact["state"]): (typeof STATES)[keyof typeof STATES] {
  return STATES[state];
}
