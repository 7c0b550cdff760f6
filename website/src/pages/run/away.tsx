/** The band above the tabs while the run's worker is not connected: what is known, what is not, what will happen. */
import { useQuery } from "@tanstack/react-query";
import type { Absence } from "../../api/types";
import { useLiveState } from "../../live/hooks";
import type { KnownRun } from "../../live/hub";
import { logInfoQuery } from "../../queries";
import { isTerminal } from "../../status/registry";
import { t } from "../../text/t";
import { clock, duration } from "../../time/format";
import { Time } from "../../time/time";
import { useKnowledge } from "./context";
import { useReturn } from "./knowledge";
import styles from "./run.module.css";

export function Away({ run }: { run: KnownRun }) {
  const { away } = useKnowledge();
  const back = useReturn(away);
  return (
    <>
      {/* Spoken once each time; what stands below counts on. */}
      <p role="status" className="visually-hidden">
        {away !== null && t("away.spoken", { worker: away.worker, time: clock(new Date(away.since)) })}
      </p>
      {away !== null && <Band run={run} away={away} />}
      {away === null && back !== null && (
        <section className={styles.why} data-tone="succeeded" aria-label={t("away.label")}>
          <p role="status">
            <strong>
              {t("away.back", {
                worker: back.worker,
                duration: duration((Date.parse(back.date) - Date.parse(back.since)) / 1_000),
              })}
            </strong>{" "}
            {isTerminal(run.status) ? t("away.back.ended") : t("away.back.goes-on")}
          </p>
        </section>
      )}
    </>
  );
}

function Band({ run, away }: { run: KnownRun; away: Absence }) {
  const isRunning = run.status === "running";
  return (
    <section className={styles.why} data-tone="aborted" aria-label={t("away.label")}>
      <Unplugged />
      <div className={styles.whyText}>
        <p>
          <strong>{t("away.since", { worker: away.worker })} </strong>
          <strong>
            <Time value={away.since} as="clock" />
          </strong>{" "}
          (<Time value={away.since} />
          ). {isRunning ? t("away.goes-on") : t("away.unknown-start")}
        </p>
        {isRunning && <Log run={run} away={away} />}
        <p>
          {away.deadline === null ? (
            t("away.for-ever")
          ) : (
            <>
              {t("away.deadline")} <Time value={away.deadline} as="full" /> (<Time value={away.deadline} />
              ).
            </>
          )}
        </p>
        <Blind />
      </div>
    </section>
  );
}

/** Until where the log is here. */
function Log({ run, away }: { run: KnownRun; away: Absence }) {
  const info = useQuery(logInfoQuery(run.identifier, away.since)).data;
  if (info === undefined) return <p>{t("away.log.kept")}</p>;
  if (info.last_time === null) return <p>{t("away.log.none", { worker: away.worker })}</p>;
  return (
    <p>
      {t("away.log")} <Time value={info.last_time} as="clock" />; {t("away.log.rest", { worker: away.worker })}
    </p>
  );
}

/** The page itself cannot know whether that still holds. */
function Blind() {
  const state = useLiveState();
  if (state.kind !== "offline") return null;
  return <p>{t("away.blind", { time: clock(state.since) })}</p>;
}

function Unplugged() {
  return (
    <svg
      className={styles.unplugged}
      width="20"
      height="20"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M2 18l3-3M7.500 7.500l5 5M6 9l-1.700 1.700a3 3 0 0 0 4.200 4.200L10.300 13.300M9.700 6.700L11.500 5a3 3 0 0 1 4.200 4.200L14 11M15 5l3-3" />
    </svg>
  );
}
