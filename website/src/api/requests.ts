/** Every request that the website makes, by name. */
import { send } from "./client";
import type {
  Explanation,
  Job,
  LogSection,
  LogWindow,
  Me,
  Page,
  Project,
  Run,
  RunEvent,
  RunStatus,
  RunSummary,
  Worker,
} from "./types";

const part = encodeURIComponent;

export interface RunFilters {
  readonly project?: string | undefined;
  readonly job?: string | undefined;
  readonly status?: readonly RunStatus[] | undefined;
  readonly worker?: string | undefined;
}

export const PAGE = 100;

export const getMe = () => send<Me>("GET", "/me");
export const signIn = (body: { user: string; password: string } | { token: string } | { code: string }) =>
  send<Me>("POST", "/me/login", { body });
export const signOut = () => send<void>("POST", "/me/logout");

export const listProjects = () => send<Page<Project>>("GET", "/projects", { query: { limit: 1_000 } });
export const listJobs = (project: string) =>
  send<Page<Job>>("GET", `/projects/${part(project)}/jobs`, { query: { limit: 1_000 } });
export const getJob = (project: string, job: string) =>
  send<Job>("GET", `/projects/${part(project)}/jobs/${part(job)}`);
export const setJobEnabled = (project: string, job: string, is_enabled: boolean) =>
  send<Job>("PATCH", `/projects/${part(project)}/jobs/${part(job)}`, { body: { is_enabled } });
export const triggerJob = (
  project: string,
  job: string,
  body: { parameters: Record<string, unknown>; priority?: number },
  key: string,
) =>
  send<Run>("POST", `/projects/${part(project)}/jobs/${part(job)}/trigger`, {
    body,
    headers: { "Idempotency-Key": key },
  });

export const listRuns = (
  filters: RunFilters,
  options: { cursor?: string; limit?: number; signal?: AbortSignal } = {},
) =>
  send<Page<RunSummary>>("GET", "/runs", {
    query: { ...filters, limit: options.limit ?? PAGE, cursor: options.cursor },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
export const getRun = (run: string) => send<Run>("GET", `/runs/${part(run)}`);
export const getRunByNumber = (project: string, job: string, number: number) =>
  send<Run>("GET", `/projects/${part(project)}/jobs/${part(job)}/runs/${number}`);
export const cancelRun = (run: string) => send<Run>("POST", `/runs/${part(run)}/cancel`);
export const abortRun = (run: string) => send<Run>("POST", `/runs/${part(run)}/abort`);
export const retryRun = (run: string) => send<Run>("POST", `/runs/${part(run)}/retry`, { body: {} });
export const explainRun = (run: string) => send<Explanation>("GET", `/runs/${part(run)}/explain`);
export const listRunEvents = (run: string) =>
  send<Page<RunEvent>>("GET", `/runs/${part(run)}/events`, { query: { limit: 1_000 } });
export const getLogLines = (run: string, start: number, count: number, signal?: AbortSignal) =>
  send<LogWindow>("GET", `/runs/${part(run)}/log/lines`, {
    query: { start, count },
    ...(signal === undefined ? {} : { signal }),
  });

/** Which lines each step wrote: in the order of the run's `steps`. */
export const listLogSections = (run: string) => send<LogSection[]>("GET", `/runs/${part(run)}/log/sections`);

export const listWorkers = () => send<Page<Worker>>("GET", "/workers", { query: { limit: 1_000 } });
export const setWorkerEnabled = (worker: string, is_enabled: boolean) =>
  send<Worker>("PATCH", `/workers/${part(worker)}`, { body: { is_enabled } });
