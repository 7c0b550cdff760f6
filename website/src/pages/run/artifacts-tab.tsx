/** The files that the run left: which, how large, where they are, and how to get them. */
import { Button } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { apiAddress } from "../../api/client";
import { asProblem } from "../../api/problem";
import { listArtifacts } from "../../api/requests";
import type { Artifact } from "../../api/types";
import type { KnownRun } from "../../live/hub";
import { isTerminal } from "../../status/registry";
import { number, t } from "../../text/t";
import { bytes } from "../../time/format";
import { CopyButton } from "../../ui/copy";
import { Empty, Failure, GreyRows, Loading } from "../../ui/states";
import page from "../page.module.css";
import { artifactAddress, artifactPatterns, stateKey } from "./artifacts";
import { useShownRun } from "./context";
import styles from "./run.module.css";

/** While files are on their way. */
const POLL_MS = 5_000;

export default function ArtifactsTab() {
  const run = useShownRun();
  const isOver = isTerminal(run.status);
  const state = [run.status, run.artifact_count, run.artifacts_complete, run.artifact_error].join(" ");
  const { data, error, refetch } = useQuery({
    queryKey: ["artifacts", run.identifier, state],
    queryFn: () => listArtifacts(run.identifier),
    placeholderData: keepPreviousData,
    enabled: isOver,
    refetchInterval: run.artifact_count > 0 && !run.artifacts_complete ? POLL_MS : false,
  });
  if (!isOver) return <Awaited run={run} />;
  if (error !== null && data === undefined) return <Failure error={error} retry={() => refetch()} />;
  if (data === undefined)
    return (
      <Loading>
        <GreyRows count={4} />
      </Loading>
    );
  if (data.items.length === 0) return <NoFiles run={run} />;
  return <Files key={run.identifier} run={run} items={data.items} cursor={data.next_cursor} />;
}

function Files({ run, items, cursor }: { run: KnownRun; items: readonly Artifact[]; cursor: string | null }) {
  const [more, setMore] = useState<{ items: readonly Artifact[]; cursor: string | null } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const next = more === null ? cursor : more.cursor;
  const shown = [...items, ...(more?.items ?? [])];
  const loadMore = async (from: string) => {
    setProblem(null);
    try {
      const page = await listArtifacts(run.identifier, from);
      setMore({ items: [...(more?.items ?? []), ...page.items], cursor: page.next_cursor });
    } catch (reason) {
      setProblem(asProblem(reason).message);
    }
  };
  return (
    <div className={styles.tabBody}>
      <div className={styles.artifactsHead}>
        <p>
          {t("artifacts.total", { count: run.artifact_count, size: bytes(run.artifact_size) })}
          {!run.artifacts_complete && run.artifact_error === null && (
            <span className={page.quiet}> {t("artifacts.coming")}</span>
          )}
        </p>
        <Button
          component="a"
          size="xs"
          variant="default"
          href={apiAddress(`/runs/${run.identifier}/archive`)}
          download
          data-tip={t("artifacts.archive.tip")}
        >
          {t("artifacts.archive")}
        </Button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div className={styles.tableFrame} tabIndex={0} role="region" aria-label={t("run.tab.artifacts")}>
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col" className={styles.pathColumn}>
                {t("artifacts.path")}
              </th>
              <th scope="col" data-align="end">
                {t("artifacts.size")}
              </th>
              <th scope="col">{t("artifacts.sha256")}</th>
              <th scope="col">{t("artifacts.state")}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <File key={one.path} run={run} file={one} />
            ))}
          </tbody>
        </table>
      </div>
      {next !== null && (
        <div>
          <Button variant="default" onClick={() => loadMore(next)}>
            {t("artifacts.more", { left: number(run.artifact_count - shown.length) })}
          </Button>
        </div>
      )}
      {problem !== null && (
        <p role="alert" className={styles.problem}>
          {problem}
        </p>
      )}
    </div>
  );
}

function File({ run, file }: { run: KnownRun; file: Artifact }) {
  return (
    <tr>
      <th scope="row" className={styles.path}>
        {file.state === "stored" ? (
          <a href={apiAddress(artifactAddress(run.identifier, file.path))} download>
            {file.path}
          </a>
        ) : (
          file.path
        )}
      </th>
      <td data-align="end" data-tip={t("artifacts.bytes", { count: file.size })}>
        {bytes(file.size)}
      </td>
      <td>
        <CopyButton
          text={file.sha256}
          label={t("artifacts.copy", { path: file.path })}
          shown={file.sha256.slice(0, 12)}
        />
      </td>
      <td>{t(stateKey(file.state))}</td>
    </tr>
  );
}

/** The run goes on: what it will leave is known at its end. */
function Awaited({ run }: { run: KnownRun }) {
  const patterns = artifactPatterns(run.definition);
  if (patterns.length === 0) return <NoFiles run={run} />;
  return (
    <Empty title={t("artifacts.later")}>
      {t("artifacts.later.text")} <code>{patterns.join("  ")}</code>
    </Empty>
  );
}

function NoFiles({ run }: { run: KnownRun }) {
  const patterns = artifactPatterns(run.definition);
  return (
    <Empty title={patterns.length === 0 ? t("artifacts.unnamed") : t("artifacts.none")}>
      {patterns.length === 0 ? (
        <>
          {t("artifacts.how")} <code>artifacts: ["dist/**"]</code>
        </>
      ) : (
        <>
          {t("artifacts.none.text")} <code>{patterns.join("  ")}</code>
        </>
      )}
    </Empty>
  );
}
