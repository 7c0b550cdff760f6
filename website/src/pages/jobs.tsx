/** Jobs of a project, or of all: what can be triggered, and how it went lately. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Job } from "../api/types";
import { type Column, DataGrid } from "../grid/data-grid";
import { jobsQuery, lastRunsQuery, projectsQuery } from "../queries";
import { StatusIcon } from "../status/icon";
import { lookOf } from "../status/registry";
import { t } from "../text/t";
import { Time } from "../time/time";
import { Heading } from "../ui/heading";
import { LinkButton } from "../ui/links";
import { Empty, Failure, GreyRows, Loading } from "../ui/states";
import page from "./page.module.css";

export default function JobsPage({ project }: { project?: string | undefined }) {
  const projects = useQuery(projectsQuery);
  const names = project === undefined ? (projects.data?.items ?? []).map((one) => one.identifier) : [project];
  const queries = useQueries({ queries: names.map((name) => jobsQuery(name)) });
  const error = queries.find((query) => query.error !== null)?.error ?? (project === undefined ? projects.error : null);
  const isLoaded = (project !== undefined || projects.isSuccess) && queries.every((query) => query.isSuccess);
  const jobs = queries.flatMap((query) => query.data?.items ?? []);
  const title = project === undefined ? t("jobs.title") : `${t("jobs.title")} · ${project}`;
  return (
    <div className={page.fill}>
      <div className={page.head}>
        <Heading title={title}>{t("jobs.title")}</Heading>
      </div>
      {error !== null ? (
        <Failure
          error={error}
          retry={() => Promise.all([projects.refetch(), ...queries.map((one) => one.refetch())])}
        />
      ) : !isLoaded ? (
        <Loading>
          <div className={page.grey}>
            <GreyRows count={6} />
          </div>
        </Loading>
      ) : jobs.length === 0 ? (
        <Empty title={t("jobs.none")}>
          <p>{t("jobs.none.text")}</p>
          <pre className={page.example}>orchestra apply FILE.yaml</pre>
        </Empty>
      ) : (
        <JobGrid jobs={jobs} withProject={project === undefined} />
      )}
    </div>
  );
}

const keyOf = (job: Job) => `${job.project}/${job.identifier}`;

function JobGrid({ jobs, withProject }: { jobs: readonly Job[]; withProject: boolean }) {
  const navigate = useNavigate();
  const byKey = useMemo(() => new Map(jobs.map((job) => [keyOf(job), job])), [jobs]);
  const identifiers = useMemo(() => [...byKey.keys()].sort(), [byKey]);
  const useItem = useCallback((key: string) => byKey.get(key), [byKey]);
  const columns = useMemo(() => jobColumns(withProject), [withProject]);
  return (
    <DataGrid
      label={t("jobs.title")}
      columns={columns}
      identifiers={identifiers}
      useItem={useItem}
      total={identifiers.length}
      card={(job) => <JobCard job={job} />}
      open={(job) => navigate({ to: "/p/$project/jobs/$job", params: { project: job.project, job: job.identifier } })}
    />
  );
}

function JobLink({ job }: { job: Job }) {
  return (
    <Link
      to="/p/$project/jobs/$job"
      params={{ project: job.project, job: job.identifier }}
      className={page.number}
      tabIndex={-1}
    >
      {job.identifier}
    </Link>
  );
}

function jobColumns(withProject: boolean): readonly Column<Job>[] {
  return [
    {
      id: "job",
      header: t("run.job"),
      width: "minmax(140px, 1fr)",
      cell: (job) => (
        <>
          {withProject && <span className={page.quiet}>{job.project} / </span>}
          <JobLink job={job} />
        </>
      ),
    },
    {
      id: "description",
      header: t("job.description"),
      width: "minmax(160px, 2fr)",
      from: "medium",
      cell: (job) => <span className={page.quiet}>{job.description}</span>,
    },
    { id: "last", header: t("jobs.last"), width: "200px", cell: (job) => <LastRuns job={job} /> },
    {
      id: "when",
      header: t("jobs.when"),
      width: "96px",
      align: "end",
      from: "medium",
      cell: (job) => <LastTime job={job} />,
    },
    {
      id: "trigger",
      header: t("job.trigger"),
      width: "96px",
      align: "end",
      cell: (job) => (
        <LinkButton
          to="/p/$project/jobs/$job/trigger"
          params={{ project: job.project, job: job.identifier }}
          variant="default"
          size="xs"
          aria-label={t("jobs.trigger", { job: job.identifier })}
        >
          {t("job.trigger")}
        </LinkButton>
      ),
    },
  ];
}

const SHOWN = 10;

/** The newest runs, oldest first, as one looks back in time from right to left. */
function LastRuns({ job }: { job: Job }) {
  const runs = useQuery({ ...lastRunsQuery(job.project, job.identifier, SHOWN), refetchInterval: 15_000 }).data ?? [];
  if (!job.is_enabled) return <span className={page.tag}>{t("job.disabled")}</span>;
  return (
    <span className={page.marks}>
      {[...runs].reverse().map((run) => {
        const look = lookOf(run);
        return (
          <Link
            key={run.identifier}
            to="/p/$project/jobs/$job/runs/$number"
            params={{ project: run.project, job: run.job, number: String(run.number) }}
            tabIndex={-1}
            data-tip={`#${run.number} ${look.label}`}
          >
            <StatusIcon shape={look.shape} tone={look.tone} label={`#${run.number} ${look.label}`} size={14} />
          </Link>
        );
      })}
    </span>
  );
}

function LastTime({ job }: { job: Job }) {
  const runs = useQuery(lastRunsQuery(job.project, job.identifier, SHOWN)).data;
  return (
    <span className={page.quiet}>
      <Time value={runs?.[0]?.creation_date ?? null} />
    </span>
  );
}

function JobCard({ job }: { job: Job }) {
  return (
    <div className={page.cardLines}>
      <span className={page.cardText}>
        {job.project} / <JobLink job={job} />
      </span>
      <span className={page.cardEnd}>
        <LastTime job={job} />
      </span>
      <span className={page.cardText}>
        <span className={page.quiet}>{job.description}</span>
      </span>
      <span className={page.cardEnd}>
        <LastRuns job={job} />
      </span>
    </div>
  );
}
