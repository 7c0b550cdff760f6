/** What a page shows when it has nothing to show: it loads, it is empty, or something went wrong. */
import { Button } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { asProblem } from "../api/problem";
import { t } from "../text/t";
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
}

export function Empty({ title, children, action, isPage = false }: EmptyProps) {
  return (
    <div className={styles.empty}>
      {isPage ? <Heading title={title}>{title}</Heading> : <h2>{title}</h2>}
      {children !== undefined && <div className={styles.emptyText}>{children}</div>}
      {action}
    </div>
  );
}

/** Says what failed in the server's words, and offers to try again where that can help. */
export function Failure({ error, retry, isPage = false }: { error: unknown; retry?: () => void; isPage?: boolean }) {
  const problem = asProblem(error);
  const [title, text] =
    problem.status === 403
      ? [t("error.forbidden"), problem.detail || t("error.forbidden.text")]
      : problem.status === 404
        ? [t("error.missing"), problem.detail || t("error.missing.text")]
        : [problem.isUnreachable ? t("error.unreachable") : problem.title, problem.detail];
  const canRetry = retry !== undefined && problem.status !== 403 && problem.status !== 404;
  return (
    <div className={styles.empty} role="alert">
      {isPage ? <Heading title={title}>{title}</Heading> : <h2>{title}</h2>}
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
