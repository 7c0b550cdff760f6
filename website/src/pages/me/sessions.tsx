/** Where one is signed in, and signing out elsewhere. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem } from "../../api/problem";
import { endOwnSession, endOwnSessions } from "../../api/requests";
import type { Me, Session } from "../../api/types";
import { ownSessionsQuery } from "../../queries";
import { whyNot } from "../../session";
import { leave } from "../../shell/leave";
import { t } from "../../text/t";
import { Time } from "../../time/time";
import { blocked } from "../../ui/blocked";
import { ConfirmDialog } from "../../ui/confirm";
import { Empty } from "../../ui/states";
import ui from "../../ui/ui.module.css";
import page from "../page.module.css";
import styles from "./me.module.css";
import { Answered, Section, useHeading } from "./section";

export function SessionSection({ me }: { me: Me }) {
  const client = useQueryClient();
  const unreadable = whyNot(me, "account.token.read");
  const query = useQuery({ ...ownSessionsQuery, enabled: unreadable === null });
  const [isLeaving, setLeaving] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [heading, focusHeading] = useHeading();
  const whyNotEnd = whyNot(me, "account.update");
  const end = async (session: Session) => {
    setProblem(null);
    try {
      await endOwnSession(session.identifier);
    } catch (error) {
      const found = asProblem(error);
      // It has ended by itself: that is what was wanted.
      if (found.status !== 404) setProblem(found.message);
    }
    await client.invalidateQueries({ queryKey: ownSessionsQuery.queryKey });
    focusHeading();
  };
  const isSession = me.authentication.kind === "session";
  const count = query.data?.items.length ?? 0;
  return (
    <Section
      title={t("me.sessions")}
      heading={heading}
      text={t("me.sessions.text")}
      action={
        <Button
          variant="default"
          onClick={() => whyNotEnd === null && setLeaving(true)}
          disabled={query.data !== undefined && count === 0}
          {...blocked(whyNotEnd)}
        >
          {t("session.end-all")}
        </Button>
      }
    >
      {problem !== null && (
        <p role="alert" className={ui.problem}>
          {problem}
        </p>
      )}
      <Answered query={query} reason={unreadable} forbidden={t("me.sessions.forbidden")}>
        {({ items }) => <SessionTable sessions={items} whyNotEnd={whyNotEnd} onEnd={end} />}
      </Answered>
      {isLeaving && (
        <ConfirmDialog
          title={t("session.end-all.title")}
          confirm={t("session.end-all.confirm")}
          action={endOwnSessions}
          onDone={() => {
            setLeaving(false);
            if (isSession) leave(client);
            else void client.invalidateQueries({ queryKey: ownSessionsQuery.queryKey });
          }}
          onClose={() => setLeaving(false)}
        >
          <p>{t("session.end-all.text", { count })}</p>
        </ConfirmDialog>
      )}
    </Section>
  );
}

interface TableProps {
  readonly sessions: readonly Session[];
  readonly whyNotEnd: string | null;
  readonly onEnd: (session: Session) => Promise<void>;
}

function SessionTable({ sessions, whyNotEnd, onEnd }: TableProps) {
  if (sessions.length === 0)
    return (
      <div className={styles.frame}>
        <Empty title={t("me.sessions.none")} level={3} />
      </div>
    );
  const currentFirst = [...sessions].sort((one, other) => Number(other.is_current) - Number(one.is_current));
  return (
    <table className={styles.table} aria-label={t("me.sessions")}>
      <thead>
        <tr>
          <th scope="col">{t("session.client")}</th>
          <th scope="col">{t("session.begun")}</th>
          <th scope="col">{t("token.last-use")}</th>
          <th scope="col">{t("session.ends")}</th>
          <th scope="col" className={styles.actionColumn}>
            <span className="visually-hidden">{t("worker.actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {currentFirst.map((session) => (
          <SessionRow key={session.identifier} session={session} whyNotEnd={whyNotEnd} onEnd={onEnd} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly session: Session;
  readonly whyNotEnd: string | null;
  readonly onEnd: (session: Session) => Promise<void>;
}

function SessionRow({ session, whyNotEnd, onEnd }: RowProps) {
  const [isBusy, setBusy] = useState(false);
  const end = async () => {
    if (whyNotEnd !== null) return;
    setBusy(true);
    await onEnd(session);
    setBusy(false);
  };
  return (
    <tr>
      <td className={styles.name}>
        <span>
          {session.client}
          {session.is_current && <span className={styles.current}>{t("session.current")}</span>}
        </span>
      </td>
      <td data-label={t("session.begun")}>
        <Time value={session.creation_date} />
      </td>
      <td data-label={t("token.last-use")}>
        {session.is_current ? (
          <span className={page.quiet}>{t("worker.now")}</span>
        ) : (
          <Time value={session.last_use_date} />
        )}
      </td>
      <td data-label={t("session.ends")}>
        <Time value={session.expiration_date} />
      </td>
      <td className={styles.rowActions}>
        {/* This one ends where one signs out: in the menu above. */}
        {!session.is_current && (
          <Button
            size="xs"
            variant="default"
            aria-label={t("session.end.of", { client: session.client })}
            loading={isBusy}
            onClick={end}
            {...blocked(whyNotEnd)}
          >
            {t("session.end")}
          </Button>
        )}
      </td>
    </tr>
  );
}
