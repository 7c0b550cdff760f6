/** What components use of the live connection. */
import { useCallback, useEffect, useReducer, useRef, useState, useSyncExternalStore } from "react";
import { Problem } from "../api/problem";
import { getRun, getWorker, listRuns, listWorkers, PAGE, type RunFilters } from "../api/requests";
import type { Overview, Run, RunSummary, Worker } from "../api/types";
import { can, useMe } from "../session";
import type { LiveState } from "./connection";
import { type KnownRun, live, runs, workers } from "./hub";
import { type Action, EMPTY, type LiveList, LONGEST, MOST_FRESH, reduce } from "./list";
import type { Update } from "./protocol";
import type { Entity, EntityStore } from "./store";

export function useLiveState(): LiveState {
  return useSyncExternalStore(live.onState, live.state);
}

/** The entity as it is now; draws again when it changes, and only then. */
export function useEntity<T extends Entity>(store: EntityStore<T>, identifier: string): T | undefined {
  const subscribe = useCallback((listener: () => void) => store.subscribe(identifier, listener), [store, identifier]);
  return useSyncExternalStore(subscribe, () => store.get(identifier));
}

export const useRun = (identifier: string): KnownRun | undefined => useEntity(runs, identifier);

/** A refusal is an answer: what the page shows is as true as before, so it is not "offline". */
async function unlessUnreachable(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem) || error.isUnreachable) throw error;
  }
}

/** Keeps a run current while it is shown. */
export function useRunTopic(identifier: string | undefined): void {
  useEffect(() => {
    if (identifier === undefined) return;
    const take = (item: unknown) => runs.put([item as Run]);
    return live.subscribe({
      topic: `run:${identifier}`,
      canResume: true,
      onUpdate: (update) => {
        if ((update.type === "snapshot" || update.type === "upsert") && update.item !== undefined) take(update.item);
      },
      refresh: (signal) => unlessUnreachable(async () => take(await getRun(identifier, signal))),
    });
  }, [identifier]);
}

/** Who is watched, by how many parts of the page: the rows of a list mostly have few workers among them. */
const watched = new Map<string, { users: number; readonly leave: () => void }>();
/** Of the 64 subscriptions that a connection may have. What is beyond shows as it was when the page came. */
const MOST_WATCHED = 40;

function watchWorker(identifier: string): () => void {
  const take = (item: unknown) => workers.put([item as Worker]);
  const held = watched.get(identifier);
  if (held === undefined && watched.size >= MOST_WATCHED) return () => undefined;
  const watch = held ?? {
    users: 0,
    leave: live.subscribe({
      topic: `worker:${identifier}`,
      canResume: true,
      onUpdate: (update) => {
        if ((update.type === "snapshot" || update.type === "upsert") && update.item !== undefined) take(update.item);
      },
      refresh: (signal) => unlessUnreachable(async () => take(await getWorker(identifier, signal))),
    }),
  };
  watched.set(identifier, watch);
  watch.users += 1;
  return () => {
    watch.users -= 1;
    if (watch.users > 0) return;
    watched.delete(identifier);
    watch.leave();
  };
}

const isHeld = (run: KnownRun | undefined): boolean =>
  run !== undefined && (run.status === "assigned" || run.status === "running");

/** The worker that has the run now, kept current while it is shown; undefined when nobody has it, or nobody may know. */
export function useHolder(run: KnownRun | undefined): Worker | undefined {
  const mayWatch = can(useMe(), "worker.read");
  const name = run?.worker != null && isHeld(run) && mayWatch ? run.worker : "";
  useEffect(() => (name === "" ? undefined : watchWorker(name)), [name]);
  return useEntity(workers, name);
}

/** Since when nothing is heard of the run, because its worker is not connected; null while it is. */
export function useUnheard(run: KnownRun): string | null {
  const worker = useHolder(run);
  return worker?.is_active === false ? worker.last_seen_date : null;
}

export interface RunList {
  readonly list: LiveList;
  readonly isLoaded: boolean;
  readonly error: unknown;
  readonly reload: () => void;
  readonly reveal: () => void;
  readonly loadMore: () => void;
}

/** Runs that match, newest first, live. `isQuiet` tells whether a new row would disturb nobody just now. */
export function useRunList(filters: RunFilters, isQuiet: () => boolean): RunList {
  const [list, dispatch] = useReducer((before: LiveList, action: Action) => reduce(before, action), EMPTY);
  const [isLoaded, setLoaded] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  const isLoadingMore = useRef(false);
  const isReplacing = useRef(false);
  const quiet = useRef(isQuiet);
  quiet.current = isQuiet;
  const key = JSON.stringify(filters);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` is `filters` by value, `attempt` asks anew
  useEffect(() => {
    const stop = new AbortController();
    const take = (rows: readonly RunSummary[], cursor: string | null) => {
      if (stop.signal.aborted) return;
      runs.put(rows);
      if (isReplacing.current) dispatch({ type: "replace", rows, cursor });
      else dispatch({ type: "snapshot", rows, cursor, isQuiet: quiet.current() });
      isReplacing.current = false;
      setLoaded(true);
      setError(null);
    };
    const refresh = async (signal: AbortSignal) => {
      const page = await listRuns(filters, { signal: AbortSignal.any([signal, stop.signal]) });
      take(page.items, page.next_cursor);
    };
    const onUpdate = (update: Update) => {
      if (update.type === "snapshot") take((update.items ?? []) as RunSummary[], update.next_cursor ?? null);
      else if (update.type === "upsert") {
        const rows = (update.items ?? []) as RunSummary[];
        runs.put(rows);
        dispatch({ type: "upsert", rows, isQuiet: quiet.current() });
      } else if (update.type === "remove") {
        runs.put(update.items as RunSummary[]);
        dispatch({ type: "remove", identifiers: update.identifiers });
      } else if (update.type === "error") {
        setError(new Problem(update.problem.status, update.problem));
      }
    };
    const leave = live.subscribe({
      topic: "runs",
      args: () => ({ ...filters, limit: PAGE }),
      canResume: true,
      onUpdate,
      refresh: (signal) => unlessUnreachable(() => refresh(signal)),
    });
    if (live.state().kind !== "live")
      refresh(stop.signal).catch((reason: unknown) => {
        if (!stop.signal.aborted) setError(reason);
      });
    return () => {
      stop.abort();
      leave();
    };
  }, [key, attempt]);

  /** The newest page, in place of what is held. */
  const beginAnew = useCallback(() => {
    isReplacing.current = true;
    setError(null);
    setAttempt((n) => n + 1);
  }, []);
  const { length } = list.order;
  useEffect(() => {
    if (length > LONGEST && quiet.current()) beginAnew();
  }, [length, beginAnew]);

  const { cursor } = list;
  const loadMore = useCallback(() => {
    if (cursor === null || isLoadingMore.current) return;
    isLoadingMore.current = true;
    listRuns(filters, { cursor })
      .then((page) => {
        runs.put(page.items);
        dispatch({ type: "more", rows: page.items, cursor: page.next_cursor });
      })
      .catch(setError)
      .finally(() => {
        isLoadingMore.current = false;
      });
  }, [cursor, filters]);

  return {
    list,
    isLoaded,
    error,
    reload: beginAnew,
    reveal: () => (list.fresh.length > MOST_FRESH ? beginAnew() : dispatch({ type: "reveal" })),
    loadMore,
  };
}

export interface WorkerList {
  /** By name; null while nothing is known. */
  readonly identifiers: readonly string[] | null;
  readonly error: unknown;
  readonly reload: () => void;
}

export function useWorkerList(): WorkerList {
  const [identifiers, setIdentifiers] = useState<readonly string[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks anew
  useEffect(() => {
    let hasLeft = false;
    const take = (items: readonly Worker[]) => {
      if (hasLeft) return;
      workers.put(items);
      setIdentifiers(items.map((item) => item.identifier).sort());
      setError(null);
    };
    const refresh = async (signal?: AbortSignal) => take((await listWorkers(signal)).items);
    const leave = live.subscribe({
      topic: "workers",
      canResume: true,
      onUpdate: (update) => {
        if (update.type === "snapshot") take((update.items ?? []) as Worker[]);
        else if (update.type === "upsert") {
          const items = (update.items ?? []) as Worker[];
          workers.put(items);
          setIdentifiers((before) => [...new Set([...(before ?? []), ...items.map((item) => item.identifier)])].sort());
        } else if (update.type === "remove") {
          setIdentifiers((before) => before?.filter((one) => !update.identifiers.includes(one)) ?? null);
        } else if (update.type === "error") {
          setError(new Problem(update.problem.status, update.problem));
        }
      },
      refresh: (signal) => unlessUnreachable(() => refresh(signal)),
    });
    if (live.state().kind !== "live")
      refresh().catch((reason: unknown) => {
        if (!hasLeft) setError(reason);
      });
    return () => {
      hasLeft = true;
      leave();
    };
  }, [attempt]);
  return {
    identifiers,
    error,
    reload: () => {
      setError(null);
      setAttempt((n) => n + 1);
    },
  };
}

/** Counts for the navigation; null while unknown (the live connection alone brings them). */
export function useOverview(): Overview | null {
  const [overview, setOverview] = useState<Overview | null>(null);
  useEffect(
    () =>
      live.subscribe({
        topic: "overview",
        canResume: false,
        onUpdate: (update) => {
          if ((update.type === "snapshot" || update.type === "upsert") && update.item !== undefined)
            setOverview(update.item as Overview);
        },
        refresh: async () => undefined,
      }),
    [],
  );
  return overview;
}
