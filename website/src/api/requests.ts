/** Every request that the website makes, by name. Each throws a Problem. */
import { answer, client } from "./client";
import type { LogWindow, OwnPassword, PasswordByLink, Reauthentication, RunStatus, SignIn, TokenInput } from "./types";

export interface RunFilters {
  readonly project?: string | undefined;
  readonly job?: string | undefined;
  readonly status?: readonly RunStatus[] | undefined;
  readonly worker?: string | undefined;
}

/** Rows of one page of a list. */
export const PAGE = 100;
const ALL = 1_000;
/** Longer lines are cut here: nobody reads further to the right, and the raw log has them whole. */
const COLUMNS = 4_096;

const API = "/api/v1";

export const getMe = () => answer(client.GET(`${API}/me`));
export const signIn = (body: SignIn) => answer(client.POST(`${API}/me/login`, { body }));
export const setPasswordByLink = (body: PasswordByLink) => answer(client.POST(`${API}/me/password`, { body }));
export const signOut = () => answer(client.POST(`${API}/me/logout`));
export const setOwnPassword = (body: OwnPassword) => answer(client.PUT(`${API}/me/password`, { body }));
export const reauthenticate = (body: Reauthentication) => answer(client.POST(`${API}/me/reauthenticate`, { body }));
export const listOwnAuthentications = () =>
  answer(client.GET(`${API}/me/authentications`, { params: { query: { limit: ALL } } }));
export const createOwnToken = (body: TokenInput) => answer(client.POST(`${API}/me/authentications`, { body }));
/** It has expired at once: any date that is past says so. */
export const expireOwnToken = (identifier: string) =>
  answer(
    client.PATCH(`${API}/me/authentications/{identifier}`, {
      params: { path: { identifier } },
      body: { expiration_date: new Date(0).toISOString() },
    }),
  );
export const deleteOwnAuthentication = (identifier: string) =>
  answer(client.DELETE(`${API}/me/authentications/{identifier}`, { params: { path: { identifier } } }));
export const listOwnSessions = () => answer(client.GET(`${API}/me/sessions`, { params: { query: { limit: ALL } } }));
export const endOwnSession = (identifier: string) =>
  answer(client.DELETE(`${API}/me/sessions/{identifier}`, { params: { path: { identifier } } }));
export const endOwnSessions = () => answer(client.DELETE(`${API}/me/sessions`));

export const listProjects = () => answer(client.GET(`${API}/projects`, { params: { query: { limit: ALL } } }));
export const listJobs = (project: string) =>
  answer(client.GET(`${API}/projects/{project}/jobs`, { params: { path: { project }, query: { limit: ALL } } }));
export const getJob = (project: string, job: string) =>
  answer(client.GET(`${API}/projects/{project}/jobs/{job}`, { params: { path: { project, job } } }));
export const setJobEnabled = (project: string, job: string, is_enabled: boolean) =>
  answer(
    client.PATCH(`${API}/projects/{project}/jobs/{job}`, { params: { path: { project, job } }, body: { is_enabled } }),
  );
export const triggerJob = (
  project: string,
  job: string,
  body: { parameters: Record<string, unknown>; priority?: number },
  key: string,
) =>
  answer(
    client.POST(`${API}/projects/{project}/jobs/{job}/trigger`, {
      params: { path: { project, job }, header: { "Idempotency-Key": key } },
      body,
    }),
  );

export const listRuns = (
  filters: RunFilters,
  options: { cursor?: string; limit?: number; signal?: AbortSignal } = {},
) =>
  answer(
    client.GET(`${API}/runs`, {
      params: {
        query: defined({
          ...filters,
          status: filters.status === undefined ? undefined : [...filters.status],
          cursor: options.cursor,
          limit: options.limit ?? PAGE,
        }),
      },
      signal: options.signal ?? null,
    }),
  );
export const getRun = (run: string, signal?: AbortSignal) =>
  answer(client.GET(`${API}/runs/{run}`, { params: { path: { run } }, signal: signal ?? null }));
export const getRunByNumber = (project: string, job: string, number: number) =>
  answer(
    client.GET(`${API}/projects/{project}/jobs/{job}/runs/{number}`, { params: { path: { project, job, number } } }),
  );
export const cancelRun = (run: string) =>
  answer(client.POST(`${API}/runs/{run}/cancel`, { params: { path: { run } } }));
export const abortRun = (run: string) => answer(client.POST(`${API}/runs/{run}/abort`, { params: { path: { run } } }));
export const retryRun = (run: string) =>
  answer(client.POST(`${API}/runs/{run}/retry`, { params: { path: { run } }, body: {} }));
export const explainRun = (run: string) =>
  answer(client.GET(`${API}/runs/{run}/explain`, { params: { path: { run } } }));
export const listRunEvents = (run: string) =>
  answer(client.GET(`${API}/runs/{run}/events`, { params: { path: { run } } }));
/** Which lines each step wrote, in the order of the run's `steps`. */
export const listLogSections = (run: string) =>
  answer(client.GET(`${API}/runs/{run}/log/sections`, { params: { path: { run } } }));
export const getLogLines = (run: string, start: number, count: number, signal?: AbortSignal): Promise<LogWindow> =>
  answer(
    client.GET(`${API}/runs/{run}/log/lines`, {
      params: { path: { run }, query: { start, count, cols: COLUMNS } },
      signal: signal ?? null,
    }) as Promise<{ data?: LogWindow }>, // the client's types forget that pairs are pairs
  );

export const getLogInfo = (run: string) =>
  answer(client.GET(`${API}/runs/{run}/log/info`, { params: { path: { run } } }));
export const listArtifacts = (run: string, cursor?: string) =>
  answer(
    client.GET(`${API}/runs/{run}/artifacts`, {
      params: { path: { run }, query: defined({ cursor, limit: PAGE * 5 }) },
    }),
  );

export const getWorker = (worker: string, signal?: AbortSignal) =>
  answer(client.GET(`${API}/workers/{worker}`, { params: { path: { worker } }, signal: signal ?? null }));
export const listWorkers = (signal?: AbortSignal) =>
  answer(client.GET(`${API}/workers`, { params: { query: { limit: ALL } }, signal: signal ?? null }));
export const setWorkerEnabled = (worker: string, is_enabled: boolean) =>
  answer(client.PATCH(`${API}/workers/{worker}`, { params: { path: { worker } }, body: { is_enabled } }));

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the fields that are undefined. */
function defined<T extends object>(values: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Defined<T>>;
}
