/** Runs, newest first: what runs, what failed, and nothing that jumps. */
import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import type { RunFilters } from "../api/requests";
import type { RunStatus } from "../api/types";
import { DataGrid, type GridHandle } from "../grid/data-grid";
import { useRun, useRunList } from "../live/hooks";
import { useShortcut } from "../shell/shortcuts";
import { StatusIcon } from "../status/icon";
import { ALL_STATUSES, lookOf } from "../status/registry";
import { t } from "../text/t";
import { Heading } from "../ui/heading";
import { Empty, Failure, GreyRows, Loading } from "../ui/states";
import page from "./page.module.css";
import { RunCard, runColumns } from "./run-columns";

export interface RunsSearch {
  readonly status?: readonly RunStatus[] | undefined;
  readonly job?: string | undefined;
  readonly worker?: string | undefined;
}

/** Only inside pipelines: no filter of its own until there are pipelines. */
const FILTERS = ALL_STATUSES.filter((status) => status !== "skipped");

export function RunsPage({ project, search }: { project?: string | undefined; search: RunsSearch }) {
  const title = project === undefined ? t("runs.title") : `${t("runs.title")} · ${project}`;
  const filters = useMemo<RunFilters>(
    () => ({ project, job: search.job, worker: search.worker, status: search.status }),
    [project, search.job, search.worker, search.status],
  );
  return (
    <div className={page.fill}>
      <div className={page.head}>
        <Heading title={title}>{t("runs.title")}</Heading>
      </div>
      <FilterBar search={search} />
      <Runs key={JSON.stringify(filters)} filters={filters} />
    </div>
  );
}

function useFilters() {
  const navigate = useNavigate();
  return (change: (before: RunsSearch) => RunsSearch) =>
    navigate({ to: ".", search: ((before: RunsSearch) => change(before)) as never, replace: true });
}

function FilterBar({ search }: { search: RunsSearch }) {
  const set = useFilters();
  const bar = useRef<HTMLDivElement>(null);
  useShortcut("/", t("runs.filter.key"), () => bar.current?.querySelector("button")?.focus());
  const chosen = new Set(search.status ?? []);
  const toggle = (status: RunStatus) => {
    if (!chosen.delete(status)) chosen.add(status);
    set((before) => ({ ...before, status: chosen.size === 0 ? undefined : FILTERS.filter((one) => chosen.has(one)) }));
  };
  return (
    <div ref={bar} className={page.filters} role="group" aria-label={t("runs.filter.label")}>
      {FILTERS.map((status) => {
        const look = lookOf({ status });
        return (
          <button
            key={status}
            type="button"
            className={page.chip}
            aria-pressed={chosen.has(status)}
            onClick={() => toggle(status)}
          >
            <StatusIcon shape={look.shape} tone={look.tone} size={14} />
            {look.label}
          </button>
        );
      })}
      {(["job", "worker"] as const).map((name) => {
        const value = search[name];
        if (value === undefined) return null;
        return (
          <button
            key={name}
            type="button"
            className={page.chip}
            aria-pressed="true"
            aria-label={t("runs.filter.remove", { filter: `${name}: ${value}` })}
            onClick={() => set((before) => ({ ...before, [name]: undefined }))}
          >
            {name}: {value} <span aria-hidden="true">×</span>
          </button>
        );
      })}
      {(chosen.size > 0 || search.job !== undefined || search.worker !== undefined) && (
        <button type="button" className={page.clear} onClick={() => set(() => ({}))}>
          {t("runs.filter.clear")}
        </button>
      )}
    </div>
  );
}

/** The list alone: also on the page of a job. */
export function Runs({ filters, withJob = true }: { filters: RunFilters; withJob?: boolean }) {
  const grid = useRef<GridHandle>(null);
  const navigate = useNavigate();
  const { list, isLoaded, error, reload, reveal, loadMore } = useRunList(
    filters,
    () => grid.current?.isQuiet() ?? true,
  );
  const identifiers = useMemo(() => list.order.map((row) => row.identifier), [list.order]);
  const columns = useMemo(() => runColumns(withJob, filters.project === undefined), [withJob, filters.project]);
  const showFresh = () => {
    reveal();
    grid.current?.toTop();
  };
  useShortcut(".", t("runs.fresh.key"), showFresh, list.fresh.length > 0);

  if (error !== null && !isLoaded) return <Failure error={error} retry={reload} />;
  if (!isLoaded)
    return (
      <Loading>
        <div className={page.grey}>
          <GreyRows count={12} />
        </div>
      </Loading>
    );
  if (identifiers.length === 0 && list.fresh.length === 0) return <NoRuns filters={filters} />;
  return (
    <div className={page.gridFrame}>
      {list.fresh.length > 0 && (
        <Button
          className={page.fresh ?? ""}
          size="xs"
          onClick={(event) => {
            showFresh();
            // Pressed by key: the button goes, and the focus goes to what it brought.
            if (event.detail === 0) grid.current?.focusFirst();
          }}
        >
          ↑ {t("runs.fresh", { count: list.fresh.length })}
        </Button>
      )}
      <DataGrid
        label={t("runs.title")}
        columns={columns}
        identifiers={identifiers}
        useItem={useRun}
        dimmed={list.gone}
        total={list.cursor === null ? identifiers.length : undefined}
        onNearEnd={loadMore}
        handle={grid}
        card={(run) => <RunCard run={run} />}
        open={(run) =>
          navigate({
            to: "/p/$project/jobs/$job/runs/$number",
            params: { project: run.project, job: run.job, number: String(run.number) },
          })
        }
      />
    </div>
  );
}

function NoRuns({ filters }: { filters: RunFilters }) {
  const set = useFilters();
  const isFiltered = filters.status !== undefined || filters.worker !== undefined;
  if (isFiltered)
    return (
      <Empty
        title={t("runs.none.match")}
        action={
          <Button variant="default" onClick={() => set(() => ({}))}>
            {t("runs.filter.clear")}
          </Button>
        }
      />
    );
  return (
    <Empty title={t("runs.none")}>
      {filters.project !== undefined ? (
        <Link to="/p/$project/jobs" params={{ project: filters.project }}>
          {t("runs.none.next")}
        </Link>
      ) : (
        <Link to="/jobs">{t("runs.none.next")}</Link>
      )}
    </Empty>
  );
}
