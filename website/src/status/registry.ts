/**
 * Statuses of runs: what each is called, how it looks, and what it means for a page. One table, used by all.
 *
 * Rules: a status is always a shape, a word and a colour together. A status that the server knows and this website does
 * not is drawn neutral, with its raw name: an older website stays usable with a newer server. registry.test.ts compares
 * the table with the API's own list.
 */
import type { RunStatus } from "../api/types";
import { type Key, sentenceOf, t } from "../text/t";

/** A colour token: `--<tone>` and `--<tone>-tint`. */
export type Tone = "pending" | "running" | "succeeded" | "failed" | "exception" | "aborted";

export type Shape =
  | "clock"
  | "handed-over"
  | "arc"
  | "check"
  | "octagon"
  | "triangle"
  | "square"
  | "slash"
  | "skip"
  | "stopping"
  | "dashed";

type Word = Extract<Key, `status.${string}`>;

export interface StatusEntry {
  readonly label: Word;
  readonly shape: Shape;
  readonly tone: Tone;
  /** Nothing will change it any more. */
  readonly isTerminal: boolean;
  /** Somebody may have to look. */
  readonly needsAttention: boolean;
}

const entry = (shape: Shape, tone: Tone, label: Word, isTerminal: boolean, needsAttention = false): StatusEntry => ({
  label,
  shape,
  tone,
  isTerminal,
  needsAttention,
});

export const STATUSES: { readonly [S in RunStatus]: StatusEntry } = {
  pending: entry("clock", "pending", "status.pending", false),
  assigned: entry("handed-over", "running", "status.assigned", false),
  running: entry("arc", "running", "status.running", false),
  succeeded: entry("check", "succeeded", "status.succeeded", true),
  failed: entry("octagon", "failed", "status.failed", true, true),
  exception: entry("triangle", "exception", "status.exception", true, true),
  aborted: entry("square", "aborted", "status.aborted", true),
  cancelled: entry("slash", "pending", "status.cancelled", true),
  skipped: entry("skip", "pending", "status.skipped", true),
};

export interface Look {
  readonly shape: Shape;
  readonly tone: Tone;
  readonly label: string;
}

interface Observed {
  readonly status: string;
  readonly should_abort?: boolean;
  readonly should_cancel?: boolean;
}

function entryOf(status: string): StatusEntry | undefined {
  return Object.hasOwn(STATUSES, status) ? STATUSES[status as RunStatus] : undefined;
}

export function isTerminal(status: string): boolean {
  return entryOf(status)?.isTerminal ?? false;
}

/** How a run looks now: a wish that the run has not followed yet shows as `Aborting…` or `Cancelling…`. */
export function lookOf(run: Observed): Look {
  const known = entryOf(run.status);
  if (known === undefined)
    return { shape: "dashed", tone: "pending", label: sentenceOf(`status.${run.status}`) ?? run.status };
  if (!known.isTerminal && run.should_abort) return { shape: "stopping", tone: "aborted", label: t("status.aborting") };
  if (!known.isTerminal && run.should_cancel)
    return { shape: "stopping", tone: "pending", label: t("status.cancelling") };
  return { shape: known.shape, tone: known.tone, label: t(known.label) };
}

export const ALL_STATUSES = Object.keys(STATUSES) as RunStatus[];
