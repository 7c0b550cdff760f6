import { Link } from "@tanstack/react-router";
import type { Column } from "../grid/data-grid";
import { useUnheard } from "../live/hooks";
import type { KnownRun } from "../live/hub";
import { Status } from "../status/status";
import { t } from "../text/t";
import { Duration, Time } from "../time/time";
import page from "./page.module.css";
import { parametersText, Source } from "./source";

export function RunLink({ run }: { run: KnownRun }) {
  return (
    <Link
      to="/p/$project/jobs/$job/runs/$number"
      params={{ project: run.project, job: run.job, number: String(run.number) }}
      className={page.number}
      tabIndex={-1}
    >
      #{run.number}
    </Link>
  );
}

/** Waiting: from its creation until it started, or ended without ever starting. */
function Queued({ run }: { run: KnownRun }) {
  return <Duration from={run.creation_date} to={run.start_date ?? run.completion_date} />;
}

/** What is not heard of does not turn. */
function StatusOf({ run }: { run: KnownRun }) {
  const isOld = useUnheard(run) !== null;
  return (
    <span data-old={isOld || undefined}>
      <Status run={run} />
    </span>
  );
}

function WorkerOf({ run }: { run: KnownRun }) {
  const isAway = useUnheard(run) !== null;
  if (run.worker === null) return <span className={page.quiet}>–</span>;
  return (
    <>
      {run.worker}
      {isAway && <span className={page.quiet}> ({t("away.fact")})</span>}
    </>
  );
}

function DurationOf({ run }: { run: KnownRun }) {
  const until = useUnheard(run);
  if (until === null) return <Duration from={run.start_date} to={run.completion_date} />;
  return (
    <span data-tip={t("run.unheard", { worker: run.worker ?? "" })}>
      ≥ <Duration from={run.start_date} to={until} />
    </span>
  );
}

export function runColumns(withJob: boolean, withProject: boolean): readonly Column<KnownRun>[] {
  const job: Column<KnownRun> = {
    id: "job",
    header: t("run.job"),
    width: "minmax(140px, 1.4fr)",
    cell: (run) => (
      <>
        {withProject && <span className={page.quiet}>{run.project} / </span>}
        {run.job}
      </>
    ),
  };
  return [
    { id: "status", header: t("run.status"), width: "124px", cell: (run) => <StatusOf run={run} /> },
    { id: "number", header: t("run.run"), width: "72px", cell: (run) => <RunLink run={run} /> },
    ...(withJob ? [job] : []),
    {
      id: "parameters",
      header: t("run.parameters"),
      width: "minmax(120px, 1.2fr)",
      from: "wide",
      cell: (run) => <span className={page.quiet}>{parametersText(run.parameters)}</span>,
    },
    {
      id: "source",
      header: t("run.source"),
      width: "minmax(110px, .9fr)",
      from: "medium",
      cell: (run) => <Source source={run.source} />,
    },
    {
      id: "worker",
      header: t("run.worker"),
      width: "minmax(90px, .8fr)",
      from: "medium",
      cell: (run) => <WorkerOf run={run} />,
    },
    {
      id: "queued",
      header: t("run.queued"),
      width: "72px",
      align: "end",
      cell: (run) => (
        <span className={page.quiet}>
          <Queued run={run} />
        </span>
      ),
    },
    {
      id: "duration",
      header: t("run.duration"),
      width: "80px",
      align: "end",
      cell: (run) => <DurationOf run={run} />,
    },
    {
      id: "created",
      header: t("run.created"),
      width: "96px",
      align: "end",
      cell: (run) => (
        <span className={page.quiet}>
          <Time value={run.creation_date} />
        </span>
      ),
    },
  ];
}

/** A run in two lines, for a narrow page. */
export function RunCard({ run }: { run: KnownRun }) {
  return (
    <div className={page.cardLines}>
      <StatusOf run={run} />
      <span className={page.cardEnd}>
        <DurationOf run={run} />
      </span>
      <span className={page.cardText}>
        {run.project} / {run.job} <RunLink run={run} />
      </span>
      <span className={page.cardQuiet}>
        <Time value={run.creation_date} />
      </span>
    </div>
  );
}
