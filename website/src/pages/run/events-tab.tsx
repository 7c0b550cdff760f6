import { useQuery } from "@tanstack/react-query";
import type { RunEvent } from "../../api/types";
import { eventsQuery } from "../../queries";
import { sentenceOf, t } from "../../text/t";
import { clock } from "../../time/format";
import { Failure, GreyRows, Loading } from "../../ui/states";
import { useShownRun } from "./context";
import { type ShownEvent, withReceipt } from "./receipt";
import styles from "./run.module.css";
import { sentence } from "./why";

/** What happened to the run, oldest first. */
export default function EventsTab() {
  const run = useShownRun();
  const { data, error, refetch } = useQuery(eventsQuery(run.identifier, `${run.status}${run.update_date}`));
  if (error !== null && data === undefined) return <Failure error={error} retry={() => refetch()} />;
  if (data === undefined)
    return (
      <Loading>
        <GreyRows count={4} />
      </Loading>
    );
  return (
    <div className={styles.tabBody}>
      <ol className={styles.events}>
        {withReceipt(data.items.map(shown), run.stop ?? null).map((one) => (
          <li key={one.key}>
            <time dateTime={one.date} data-tip={one.date}>
              {clock(new Date(one.date), true)}
            </time>
            <span>{one.title}</span>
            <span className={styles.eventMore}>{one.more}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function shown(event: RunEvent): ShownEvent {
  return {
    key: String(event.sequence),
    date: event.date,
    title: sentenceOf(`event.${event.type}`) ?? event.type,
    more: more(event),
  };
}

function more(event: RunEvent): string {
  const cause = event.data.cause as { message?: string } | string | undefined;
  const message = typeof cause === "object" ? cause.message : cause;
  return [event.actor === null ? null : t("event.by", { actor: event.actor }), sentence(message ?? "")]
    .filter((part) => part !== null && part !== "")
    .join(" · ");
}
