/** What is asked once and kept: answers that change only when somebody edits something. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import {
  explainRun,
  getJob,
  getLogInfo,
  getRunByNumber,
  listJobs,
  listLogSections,
  listOwnAuthentications,
  listOwnSessions,
  listProjects,
  listRunEvents,
  listRuns,
} from "./api/requests";
import { runs } from "./live/hub";

const MINUTE = 60_000;

export const projectsQuery = queryOptions({ queryKey: ["projects"], queryFn: listProjects, staleTime: MINUTE });

export const jobsQuery = (project: string) =>
  queryOptions({ queryKey: ["jobs", project], queryFn: () => listJobs(project), staleTime: MINUTE / 2 });

export const jobQuery = (project: string, job: string) =>
  queryOptions({ queryKey: ["job", project, job], queryFn: () => getJob(project, job) });

export const runQuery = (project: string, job: string, number: number) =>
  queryOptions({
    queryKey: ["run", project, job, number],
    queryFn: async () => {
      const run = await getRunByNumber(project, job, number);
      runs.put([run]);
      return run;
    },
    staleTime: MINUTE,
  });

/** The newest runs of a job, for its small bars and for "is there a next one?". */
export const lastRunsQuery = (project: string, job: string, limit: number) =>
  queryOptions({
    queryKey: ["last-runs", project, job, limit],
    queryFn: async () => {
      const page = await listRuns({ project, job }, { limit });
      runs.put(page.items);
      return page.items;
    },
  });

export const eventsQuery = (run: string, status: string) =>
  queryOptions({ queryKey: ["events", run, status], queryFn: () => listRunEvents(run) });

export const explainQuery = (run: string, updated: string) =>
  queryOptions({ queryKey: ["explain", run, updated], queryFn: () => explainRun(run), refetchInterval: 10_000 });

/** Until when the log is held, while no more of it comes. */
export const logInfoQuery = (run: string, since: string) =>
  queryOptions({ queryKey: ["log-info", run, since], queryFn: () => getLogInfo(run) });

/** Asked again when a step begins or ends: `steps` says how many did. */
export const sectionsQuery = (run: string, steps: string) =>
  queryOptions({
    queryKey: ["sections", run, steps],
    queryFn: () => listLogSections(run),
    placeholderData: keepPreviousData,
  });

/** Also keeps current when they were used last, elsewhere. */
export const ownAuthenticationsQuery = queryOptions({
  queryKey: ["own-authentications"],
  queryFn: listOwnAuthentications,
  refetchInterval: MINUTE / 2,
});

export const ownSessionsQuery = queryOptions({
  queryKey: ["own-sessions"],
  queryFn: listOwnSessions,
  refetchInterval: MINUTE / 2,
});
