/**
 * The receipt of a stop as steps: what was done when, what is under way, what was not needed.
 *
 * Rules: docs/stopping.md names the steps. A step without a date has not happened: it is still to come while the run
 * goes on, and was not needed when a later one is there or the run is over. Pure functions.
 */
import type { Stop } from "../../api/types";
import { t } from "../../text/t";

export type StepState = "done" | "now" | "later" | "unneeded" | "bad";

export interface ReceiptStep {
  readonly key: "requested" | "delivered" | "terminated" | "killed" | "verified";
  readonly state: StepState;
  readonly label: string;
  readonly date: string | null;
}

const KEYS = ["requested", "delivered", "terminated", "killed", "verified"] as const;

/** `isAway`: the worker is not connected; `hasEnded`: nothing more will come. */
export function receiptSteps(stop: Stop, isAway: boolean, hasEnded: boolean): ReceiptStep[] {
  const dates = KEYS.map((key) => stop[`${key}_date`]);
  const last = dates.findLastIndex((date) => date !== null);
  // A kill is needed only when the termination signal was not enough: nobody waits for it.
  const next = KEYS.findIndex((key, index) => index > last && key !== "killed");
  return KEYS.map((key, index): ReceiptStep => {
    const date = dates[index] ?? null;
    if (key === "verified" && stop.survivors.length > 0)
      return { key, state: "bad", label: t("stop.survivors", { count: stop.survivors.length }), date: null };
    const state: StepState =
      date !== null ? "done" : hasEnded || index < last ? "unneeded" : index === next ? "now" : "later";
    return { key, state, label: t(labelOf(key, state, isAway)), date };
  });
}

function labelOf(key: ReceiptStep["key"], state: StepState, isAway: boolean) {
  if (state === "done") return `stop.${key}` as const;
  switch (key) {
    case "requested":
      return "stop.requested";
    case "delivered":
      return state === "unneeded" ? "stop.delivered.unneeded" : isAway ? "stop.delivered.away" : "stop.delivered.now";
    case "terminated":
      return state === "unneeded" ? "stop.terminated.unneeded" : "stop.terminated.later";
    case "killed":
      return state === "unneeded" ? "stop.killed.unneeded" : "stop.killed.later";
    case "verified":
      return state === "unneeded"
        ? "stop.verified.unneeded"
        : state === "now"
          ? "stop.verified.now"
          : "stop.verified.later";
  }
}

export interface ShownEvent {
  readonly key: string;
  readonly date: string;
  readonly title: string;
  readonly more: string;
}

/** The steps of a stop among the events, by their dates. What a user asked for is an event already. */
export function withReceipt(events: readonly ShownEvent[], stop: Stop | null): ShownEvent[] {
  if (stop === null) return [...events];
  const steps = KEYS.flatMap((key): ShownEvent[] => {
    const date = stop[`${key}_date`];
    if (date === null || (key === "requested" && isUser(stop.requested_by))) return [];
    return [{ key, date, title: t(`event.stop.${key}`), more: key === "requested" ? stop.requested_by : "" }];
  });
  // Among equals an event comes first: the server wrote it before anybody acted on it.
  return [...events, ...steps].sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
}

/** A user's identifier, or what is no user: a limit, a signal. */
export const isUser = (requestedBy: string): boolean => !requestedBy.includes(" ");
