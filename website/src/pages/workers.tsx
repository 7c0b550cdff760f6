/** Workers: which machines there are, which are connected, what they have and what they do. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { asProblem } from "../api/problem";
import { setWorkerEnabled } from "../api/requests";
import type { Worker } from "../api/types";
import { boot } from "../boot";
import { type Column, DataGrid } from "../grid/data-grid";
import { useEntity, useWorkerList } from "../live/hooks";
import { workers } from "../live/hub";
import { can, useMe } from "../session";
import { t } from "../text/t";
import { Time } from "../time/time";
import { CopyButton } from "../ui/copy";
import { Heading } from "../ui/heading";
import { Empty, Failure, GreyRows, Loading } from "../ui/states";
import page from "./page.module.css";
import { denied } from "./run/actions";
import styles from "./workers.module.css";

export default function WorkersPage() {
  const { identifiers, error, reload } = useWorkerList();
  return (
    <div className={page.fill}>
      <div className={page.head}>
        <Heading title={t("workers.title")}>{t("workers.title")}</Heading>
      </div>
      {identifiers === null ? (
        error === null ? (
          <Loading>
            <div className={page.grey}>
              <GreyRows count={4} />
            </div>
          </Loading>
        ) : (
          <Failure error={error} retry={reload} />
        )
      ) : identifiers.length === 0 ? (
        <NoWorkers />
      ) : (
        <DataGrid
          label={t("workers.title")}
          columns={COLUMNS}
          identifiers={identifiers}
          useItem={useWorker}
          total={identifiers.length}
          card={(worker) => <WorkerCard worker={worker} />}
        />
      )}
    </div>
  );
}

const useWorker = (identifier: string) => useEntity(workers, identifier);

const COLUMNS: readonly Column<Worker>[] = [
  { id: "state", header: t("worker.state"), width: "132px", cell: (worker) => <State worker={worker} /> },
  {
    id: "name",
    header: t("worker.worker"),
    width: "minmax(110px, 1fr)",
    cell: (worker) => <span className={page.number}>{worker.identifier}</span>,
  },
  { id: "slots", header: t("worker.slots"), width: "150px", cell: (worker) => <Slots worker={worker} /> },
  {
    id: "properties",
    header: t("worker.properties"),
    width: "minmax(160px, 2.4fr)",
    from: "medium",
    cell: (worker) => <Properties worker={worker} />,
  },
  {
    id: "version",
    header: t("worker.version"),
    width: "72px",
    from: "wide",
    cell: (worker) => <span className={page.quiet}>{worker.version}</span>,
  },
  {
    id: "seen",
    header: t("worker.seen"),
    width: "96px",
    align: "end",
    from: "medium",
    cell: (worker) => (
      <span className={page.quiet}>{worker.is_active ? t("worker.now") : <Time value={worker.last_seen_date} />}</span>
    ),
  },
  {
    id: "actions",
    header: t("worker.actions"),
    width: "92px",
    align: "end",
    cell: (worker) => <Actions worker={worker} />,
  },
];

/** It is away with runs that nobody hears of. */
const hasHidden = (worker: Worker) => !worker.is_active && worker.active_runs > 0;

type Kind = "connected" | "draining" | "disabled" | "disconnected";

/** Two facts (connected? enabled?) and its runs, as one word. */
export function stateOf(worker: Pick<Worker, "is_active" | "is_enabled" | "active_runs">): Kind {
  if (!worker.is_enabled) return worker.is_active && worker.active_runs > 0 ? "draining" : "disabled";
  return worker.is_active ? "connected" : "disconnected";
}

function State({ worker }: { worker: Worker }) {
  const kind = stateOf(worker);
  return (
    <span className={styles.state} data-kind={kind} data-hidden={hasHidden(worker) || undefined}>
      <svg
        width="12"
        height="12"
        viewBox="0 0 12 12"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.75"
        aria-hidden="true"
      >
        {kind === "connected" && <circle cx="6" cy="6" r="5" fill="currentColor" stroke="none" />}
        {kind === "disconnected" && <circle cx="6" cy="6" r="4.500" />}
        {kind === "draining" && <path d="M4 2v8M8 2v8" />}
        {kind === "disabled" && (
          <path d="M6 1.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 1 0 0-9zM2.900 9.100l6.200-6.200" />
        )}
      </svg>
      {t(`worker.${kind}`)}
    </span>
  );
}

const DRAWN = 12;

function Slots({ worker }: { worker: Worker }) {
  const { concurrency, active_runs: used } = worker;
  return (
    <span className={styles.slots} data-tip={hasHidden(worker) ? t("worker.away.tip") : undefined}>
      {concurrency <= DRAWN && (
        <span aria-hidden="true" className={styles.cells}>
          {Array.from({ length: concurrency }, (_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: slots are numbered, that is all they are
            <span key={index} data-used={index < used || undefined} />
          ))}
        </span>
      )}
      {t("worker.used", { used, all: concurrency })}
    </span>
  );
}

function Properties({ worker }: { worker: Worker }) {
  const texts = Object.entries(worker.properties).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return (
    <code className={styles.properties} data-tip={texts.join("\n")}>
      {texts.join("  ")}
    </code>
  );
}

function Actions({ worker }: { worker: Worker }) {
  const isAllowed = can(useMe(), "worker.enable");
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const toggle = async () => {
    if (!isAllowed) return;
    setBusy(true);
    setProblem(null);
    try {
      workers.put([await setWorkerEnabled(worker.identifier, !worker.is_enabled)]);
    } catch (error) {
      setProblem(asProblem(error).message);
    }
    setBusy(false);
  };
  const [word, name, tip] = worker.is_enabled
    ? [t("job.disable"), t("worker.disable", { worker: worker.identifier }), t("worker.disable.text")]
    : [t("job.enable"), t("worker.enable", { worker: worker.identifier }), t("worker.enable.text")];
  return (
    <>
      <Button
        size="xs"
        variant="default"
        aria-label={name}
        data-tip={problem ?? tip}
        loading={isBusy}
        onClick={toggle}
        {...denied(isAllowed)}
      >
        {word}
      </Button>
      <span role="alert" className="visually-hidden">
        {problem}
      </span>
    </>
  );
}

function WorkerCard({ worker }: { worker: Worker }) {
  return (
    <div className={page.cardLines}>
      <span className={page.cardText}>
        <strong>{worker.identifier}</strong>
      </span>
      <span className={page.cardEnd}>
        <State worker={worker} />
      </span>
      <span className={page.cardText}>
        <span className={page.quiet}>
          <Properties worker={worker} />
        </span>
      </span>
      <span className={page.cardEnd}>
        <Slots worker={worker} />
      </span>
    </div>
  );
}

function NoWorkers() {
  const server = `${window.location.origin}${boot.base_path}`;
  const command = `orchestra worker --server ${server} --token TOKEN`;
  return (
    <Empty title={t("workers.none")}>
      <p>{t("workers.none.text")}</p>
      <div className={styles.command}>
        <code>{command}</code>
        <CopyButton text={command} label={t("workers.copy")} />
      </div>
    </Empty>
  );
}
