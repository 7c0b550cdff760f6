/**
 * What is known of a run now: whether its worker is connected, and until when it is known that the run goes on.
 *
 * Rules: two connections may be lost, and are never mixed up. The worker's (`away`) is what the server says: the run
 * probably goes on, and its log waits on the worker. The page's own to the server makes everything old that it shows;
 * the pill at the top says so, and nothing here claims that a worker is back or away.
 */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Absence } from "../../api/types";
import { useHolder, useLiveState } from "../../live/hooks";
import { type KnownRun, live, workers } from "../../live/hub";
import { explainQuery } from "../../queries";
import { can, useMe } from "../../session";
import { useNow } from "../../time/now";
import type { Knowledge } from "./context";

const LAST_WORDS_MS = 5_000;

/** A server that stops lets its workers go before it goes itself: that is no absence of theirs. */
const isLastWord = (away: Absence): boolean => live.lastGood() - Date.parse(away.since) < LAST_WORDS_MS;

/** The server speaks every 15 s at least: after more nobody knows whether it is still there. */
const QUIET_MS = 20_000;

export function useRunKnowledge(run: KnownRun | undefined): Knowledge {
  const state = useLiveState();
  const mayWatch = can(useMe(), "worker.read");
  const worker = useHolder(run);
  const isHeld = run !== undefined && run.worker !== null && (run.status === "assigned" || run.status === "running");
  // Who may not watch workers asks for the run alone, now and then.
  const isAsked = isHeld && (mayWatch ? worker?.is_active === false : true);
  const { data } = useQuery({
    ...explainQuery(run?.identifier ?? "", `away ${worker?.last_seen_date ?? ""}`),
    enabled: isAsked,
    placeholderData: keepPreviousData,
  });
  const told = isAsked && data?.run === run?.identifier ? (data?.away ?? null) : null;
  const isCut = state.kind === "offline" || state.kind === "reconnecting";
  const away = told !== null && isCut && isLastWord(told) ? null : told;
  const lost = useNow(isHeld ? "second" : "never", (now) =>
    state.kind === "offline" || now - live.lastGood() > QUIET_MS ? live.lastGood() : 0,
  );
  return { away, until: away?.since ?? (isHeld && lost > 0 ? new Date(lost).toISOString() : null) };
}

export interface Return {
  readonly worker: string;
  readonly since: string;
  /** When this page saw it come back, as the API writes dates. */
  readonly date: string;
}

const SHOWN_MS = 60_000;

/** The absence that has just ended, for a minute; null when there was none while this page was open. */
export function useReturn(away: Absence | null): Return | null {
  const [found, setFound] = useState<Return | null>(null);
  const before = useRef<Absence | null>(null);
  useEffect(() => {
    const last = before.current;
    before.current = away;
    if (away !== null) return setFound(null);
    // Nobody knows that it is back where the run was given up, or the page has lost the server meanwhile.
    if (last === null || workers.get(last.worker)?.is_active === false) return;
    const date = workers.get(last.worker)?.connection_date ?? new Date().toISOString();
    setFound({ worker: last.worker, since: last.since, date: date > last.since ? date : new Date().toISOString() });
  }, [away]);
  useEffect(() => {
    if (found === null) return;
    const timer = setTimeout(() => setFound(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [found]);
  return found;
}
