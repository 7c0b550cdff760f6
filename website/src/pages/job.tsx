/** One job: what it does, how it went, and where to trigger it. */
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { asProblem } from "../api/problem";
import type { RunFilters } from "../api/requests";
import { setJobEnabled } from "../api/requests";
import type { Job } from "../api/types";
import { jobQuery } from "../queries";
import { can, useMe } from "../session";
import { useShortcut } from "../shell/shortcuts";
import { t } from "../text/t";
import { Heading } from "../ui/heading";
import { LinkButton } from "../ui/links";
import { Failure, GreyRows, Loading } from "../ui/states";
import { Definition } from "./definition";
import page from "./page.module.css";
import { denied } from "./run/actions";
import run from "./run/run.module.css";
import { Runs } from "./runs";

export type JobTab = "runs" | "definition";

interface Props {
  readonly project: string;
  readonly job: string;
  readonly tab: JobTab;
  readonly status: RunFilters["status"];
}

export default function JobPage({ project, job: name, tab, status }: Props) {
  const query = useQuery(jobQuery(project, name));
  const job = query.data;
  const filters = useMemo<RunFilters>(() => ({ project, job: name, status }), [project, name, status]);
  return (
    <div className={page.fill}>
      <nav aria-label={t("nav.crumbs")}>
        <ol className={page.crumbs}>
          <li>
            <Link to="/p/$project/runs" params={{ project }}>
              {project}
            </Link>
          </li>
          <li>
            <Link to="/p/$project/jobs" params={{ project }}>
              {t("jobs.title")}
            </Link>
          </li>
        </ol>
      </nav>
      <div className={page.head}>
        <Heading title={`${name} · ${project}`}>{job?.display_name ?? name}</Heading>
        {job?.is_enabled === false && <span className={page.tag}>{t("job.disabled")}</span>}
        {job !== undefined && <JobActions job={job} />}
      </div>
      {job === undefined && query.error !== null && <Failure error={query.error} retry={() => query.refetch()} />}
      {job === undefined && query.error === null && (
        <Loading>
          <GreyRows count={8} />
        </Loading>
      )}
      {job !== undefined && (
        <>
          <JobFacts job={job} />
          <nav className={run.tabs} aria-label={t("job.tabs")}>
            {(["runs", "definition"] as const).map((one) => (
              <Link
                key={one}
                to="/p/$project/jobs/$job"
                params={{ project, job: name }}
                search={one === "runs" ? {} : { tab: one }}
                className={run.tab}
                activeProps={{}}
                {...(one === tab ? { "aria-current": "page" as const } : {})}
              >
                {t(`job.tab.${one}`)}
              </Link>
            ))}
          </nav>
          {tab === "definition" ? (
            <div className={run.tabBody}>
              <Definition definition={job.definition} />
            </div>
          ) : (
            <div className={page.flush}>
              <Runs key={JSON.stringify(filters)} filters={filters} withJob={false} />
            </div>
          )}
        </>
      )}
    </div>
  );
}

function JobActions({ job }: { job: Job }) {
  const me = useMe();
  const client = useQueryClient();
  const canTrigger = can(me, "job.trigger", job.project);
  const canEnable = can(me, "job.enable", job.project);
  const enabling = useMutation({
    mutationFn: () => setJobEnabled(job.project, job.identifier, !job.is_enabled),
    onSuccess: (changed) => {
      client.setQueryData(jobQuery(job.project, job.identifier).queryKey, changed);
      return client.invalidateQueries({ queryKey: ["jobs", job.project] });
    },
  });
  const trigger = {
    to: "/p/$project/jobs/$job/trigger",
    params: { project: job.project, job: job.identifier },
  } as const;
  const link = <LinkButton {...trigger}>{t("job.trigger.more")}</LinkButton>;
  useShortcut(
    "t",
    t("job.trigger"),
    () => document.querySelector<HTMLElement>("[data-trigger] a")?.click(),
    canTrigger,
  );
  return (
    <div className={page.headEnd}>
      {enabling.error !== null && (
        <p role="alert" className={run.problem}>
          {asProblem(enabling.error).message}
        </p>
      )}
      <Button
        variant="default"
        loading={enabling.isPending}
        {...denied(canEnable)}
        onClick={() => canEnable && enabling.mutate()}
      >
        {job.is_enabled ? t("job.disable") : t("job.enable")}
      </Button>
      <span data-trigger>{canTrigger ? link : <Button {...denied(false)}>{t("job.trigger.more")}</Button>}</span>
    </div>
  );
}

function JobFacts({ job }: { job: Job }) {
  const wanted = Object.entries(job.properties);
  const facts: [string, string][] = [
    ...(wanted.length === 0
      ? []
      : [
          [t("job.properties"), wanted.map(([name, value]) => `${name} ${show(value)}`).join(" · ")] as [
            string,
            string,
          ],
        ]),
    ...(job.parameters.length === 0
      ? []
      : [[t("run.parameters"), job.parameters.map((one) => one.key).join(" · ")] as [string, string]]),
    ...(job.group === "" ? [] : [[t("job.group"), job.group] as [string, string]]),
    [t("job.revision"), String(job.revision)],
  ];
  return (
    <>
      {job.description !== "" && <p className={page.description}>{job.description}</p>}
      <dl className={run.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

const show = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(String).join(` ${t("job.or")} `)
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
