/** What a page shows when it has nothing to show: it loads, it is empty, or something went wrong. */
import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { asProblem } from "../api/problem";
import { t } from "../text/t";
import { clock } from "../time/format";
import { Heading } from "./heading";
import styles from "./ui.module.css";

/** Nothing for 150 ms, for most answers come sooner; then what will be there, in grey and in its final measures. */
export function Loading({ children }: { children: ReactNode }) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div aria-busy="true" className={styles.loading}>
      {isLate && (
        <>
          <span className="visually-hidden">{t("state.loading")}</span>
          {children}
        </>
      )}
    </div>
  );
}

/** `count` grey lines, as high as the rows that will stand there. */
export function GreyRows({ count, height = 36 }: { count: number; height?: number }) {
  return (
    <div aria-hidden="true">
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: grey lines have no identity
        <div key={index} className={styles.greyRow} style={{ height }}>
          <span className={styles.grey} style={{ width: 90 }} />
          <span className={styles.grey} style={{ width: `${28 + ((index * 37) % 30)}%` }} />
          <span className={styles.grey} style={{ width: 60, marginInlineStart: "auto" }} />
        </div>
      ))}
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  /** It is all that the page has. */
  readonly isPage?: boolean;
  /** Of its heading, where it stands in a part of the page that has one. */
  readonly level?: 2 | 3;
}

export function Empty({ title, children, action, isPage = false, level = 2 }: EmptyProps) {
  return (
    <div className={styles.empty} data-level={level}>
      <Title title={title} isPage={isPage} level={level} />
      {children !== undefined && <div className={styles.emptyText}>{children}</div>}
      {action}
    </div>
  );
}

/** Above what was true a while ago, when asking again fails: nothing that is shown goes away. */
export function Stale({ since, retry }: { since: number; retry: () => void }) {
  return (
    <p role="status" className={styles.stale}>
      <span>{t("state.stale", { time: clock(new Date(since)) })}</span>
      <Button size="xs" variant="default" onClick={retry}>
        {t("action.retry")}
      </Button>
    </p>
  );
}

function Title({ title, isPage, level }: { title: string; isPage: boolean; level: 2 | 3 }) {
  if (isPage) return <Heading title={title}>{title}</Heading>;
  return level === 2 ? <h2>{title}</h2> : <h3>{title}</h3>;
}

interface FailureProps {
  readonly error: unknown;
  readonly retry?: () => void;
  readonly isPage?: boolean;
  readonly level?: 2 | 3;
}

/** Says what failed in the server's words, and offers to try again where that can help. */
export function Failure({ error, retry, isPage = false, level = 2 }: FailureProps) {
  const problem = asProblem(error);
  const [title, text] =
    problem.status === 403
      ? [t("error.forbidden"), problem.detail || t("error.forbidden.text")]
      : problem.status === 404
        ? [t("error.missing"), problem.detail || t("error.missing.text")]
        : [problem.isUnreachable ? t("error.unreachable") : problem.title, problem.detail];
  const canRetry = retry !== undefined && problem.status !== 403 && problem.status !== 404;
  return (
    <div className={styles.empty} data-level={level} role="alert">
      <Title title={title} isPage={isPage} level={level} />
      {text !== "" && <p className={styles.emptyText}>{text}</p>}
      {problem.requestId !== null && (
        <p className={styles.emptyText}>{t("error.request", { id: problem.requestId })}</p>
      )}
      {canRetry && (
        <Button variant="default" onClick={retry}>
          {t("action.retry")}
        </Button>
      )}
    </div>
  );
}
