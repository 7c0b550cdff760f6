/** One run: what it is, how it went and why; tabs below, each with an address of its own. */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useRun, useRunTopic } from "../../live/hooks";
import type { KnownRun } from "../../live/hub";
import { lastRunsQuery, runQuery } from "../../queries";
import { useShortcut } from "../../shell/shortcuts";
import { lookOf } from "../../status/registry";
import { StatusPill } from "../../status/status";
import { t } from "../../text/t";
import { Duration, Time } from "../../time/time";
import { Heading } from "../../ui/heading";
import { LinkButton } from "../../ui/links";
import { Failure, GreyRows, Loading } from "../../ui/states";
import page from "../page.module.css";
import { parametersText, Source } from "../source";
import { RunActions } from "./actions";
import { Away } from "./away";
import { type Knowledge, KnowledgeContext, RunContext, useKnowledge } from "./context";
import { useRunKnowledge } from "./knowledge";
import { Receipt } from "./receipt-box";
import styles from "./run.module.css";
import { Why } from "./why";

export interface RunKey {
  readonly project: string;
  readonly job: string;
  readonly number: number;
}

const ROUTE = "/p/$project/jobs/$job/runs/$number";
export const TABS = ["log", "timeline", "results", "artifacts", "parameters", "events", "definition"] as const;
export type Tab = (typeof TABS)[number];

export default function RunPage({ project, job, number }: RunKey) {
  const query = useQuery(runQuery(project, job, number));
  const live = useRun(query.data?.identifier ?? "");
  useRunTopic(query.data?.identifier);
  const run: KnownRun | undefined = live ?? query.data;
  const knowledge = useRunKnowledge(run);
  const title = t("run.title", { number: String(number) });
  return (
    <div className={styles.page} data-old={knowledge.until === null ? undefined : true}>
      <nav aria-label={t("nav.crumbs")}>
        <ol className={page.crumbs}>
          <li>
            <Link to="/p/$project/runs" params={{ project }}>
              {project}
            </Link>
          </li>
          <li>
            <Link to="/p/$project/jobs/$job" params={{ project, job }}>
              {job}
            </Link>
          </li>
          <li>{t("run.crumb")}</li>
        </ol>
      </nav>
      <div className={page.head}>
        <Heading title={`${title} · ${job} · ${project}`}>{title}</Heading>
        {run !== undefined && <StatusPill run={run} label={oldStatus(run, knowledge)} />}
        {run !== undefined && (
          <div className={page.headEnd}>
            <Neighbours run={run} />
            <RunActions run={run} />
          </div>
        )}
      </div>
      {run === undefined && query.error !== null && <Failure error={query.error} retry={() => query.refetch()} />}
      {run === undefined && query.error === null && (
        <Loading>
          <GreyRows count={8} />
        </Loading>
      )}
      {run !== undefined && (
        <RunContext value={run}>
          <KnowledgeContext value={knowledge}>
            <Facts run={run} />
            <Away run={run} />
            <Why run={run} />
            <Receipt run={run} />
            <Tabs run={run} />
            <Outlet />
          </KnowledgeContext>
        </RunContext>
      )}
    </div>
  );
}

/** How the status is called when it may be another by now. */
function oldStatus(run: KnownRun, { until }: Knowledge): string | undefined {
  if (until === null) return undefined;
  if (run.should_abort && run.stop?.delivered_date == null) return t("run.status.asked");
  return t("run.status.old", { status: lookOf(run).label.replace("…", "") });
}

function Neighbours({ run }: { run: KnownRun }) {
  const navigate = useNavigate();
  const { project, job } = run;
  const newest = useQuery(lastRunsQuery(project, job, 1)).data?.[0]?.number ?? run.number;
  const hasBefore = run.number > 1;
  const hasAfter = run.number < newest;
  const to = (number: number) => ({ to: ROUTE, params: { project, job, number: String(number) } }) as const;
  useShortcut("[", t("run.previous"), () => navigate(to(run.number - 1)), hasBefore);
  useShortcut("]", t("run.next"), () => navigate(to(run.number + 1)), hasAfter);
  return (
    <>
      {hasBefore && (
        <LinkButton variant="default" {...to(run.number - 1)} aria-label={t("run.previous")}>
          ◂ #{run.number - 1}
        </LinkButton>
      )}
      {hasAfter && (
        <LinkButton variant="default" {...to(run.number + 1)} aria-label={t("run.next")}>
          #{run.number + 1} ▸
        </LinkButton>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Facts({ run }: { run: KnownRun }) {
  const parameters = parametersText(run.parameters);
  const { away, until } = useKnowledge();
  return (
    <dl className={styles.facts}>
      <Fact name={t("run.source")}>
        <Source source={run.source} />
      </Fact>
      {run.worker !== null && (
        <Fact name={t("run.worker")}>
          {run.worker}
          {away !== null && <span className={page.quiet}> ({t("away.fact")})</span>}
        </Fact>
      )}
      {run.start_date === null ? (
        <Fact name={t("run.created")}>
          <Time value={run.creation_date} as="clock" />{" "}
          <span className={page.quiet}>
            (<Time value={run.creation_date} />)
          </span>
        </Fact>
      ) : (
        <Fact name={t("run.started")}>
          <Time value={run.start_date} as="clock" />{" "}
          <span className={page.quiet}>
            (<Time value={run.start_date} />)
          </span>
        </Fact>
      )}
      {run.start_date !== null && (
        <Fact name={t("run.duration")}>
          <Duration from={run.start_date} to={run.completion_date} until={until} />
        </Fact>
      )}
      <Fact name={t("run.queue")}>
        <Duration from={run.creation_date} to={run.start_date ?? run.completion_date} />
      </Fact>
      {run.priority !== 0 && <Fact name={t("run.priority")}>{run.priority}</Fact>}
      {parameters !== "" && (
        <div className={styles.longFact}>
          <dt>{t("run.parameters")}</dt>
          <dd data-tip={parameters}>{parameters}</dd>
        </div>
      )}
    </dl>
  );
}

function Tabs({ run }: { run: KnownRun }) {
  const last = useRouterState({ select: (state) => state.location.pathname.split("/").at(-1) });
  const current: Tab = TABS.find((tab) => tab === last) ?? "log";
  const counts: Partial<Record<Tab, number>> = {
    artifacts: run.artifact_count,
    parameters: Object.keys(run.parameters).length,
    ...(isRecord(run.results) ? { results: Object.keys(run.results).length } : {}),
  };
  return (
    <nav className={styles.tabs} aria-label={t("run.tabs")}>
      {TABS.map((tab) => (
        <TabLink key={tab} run={run} tab={tab} isCurrent={tab === current} count={counts[tab] ?? 0} />
      ))}
    </nav>
  );
}

function TabLink({ run, tab, isCurrent, count }: { run: KnownRun; tab: Tab; isCurrent: boolean; count: number }) {
  const navigate = useNavigate();
  const to = {
    to: tab === "log" ? ROUTE : (`${ROUTE}/${tab}` as const),
    params: { project: run.project, job: run.job, number: String(run.number) },
  } as const;
  const name = t(`run.tab.${tab}`);
  useShortcut(String(TABS.indexOf(tab) + 1), t("run.tab.key", { tab: name }), () => navigate(to));
  return (
    <Link
      {...to}
      className={styles.tab}
      activeProps={{}}
      activeOptions={{ exact: true }}
      {...(isCurrent ? { "aria-current": "page" as const } : {})}
    >
      {name} {count > 0 && <span className={styles.count}>{count}</span>}
    </Link>
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
