import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, type RefObject, useId, useRef } from "react";
import { Empty, Failure, GreyRows, Loading, Stale } from "../../ui/states";
import styles from "./me.module.css";

interface Props {
  readonly title: string;
  /** What it is for. */
  readonly text?: ReactNode;
  /** What can be done here; at the end of its head. */
  readonly action?: ReactNode;
  /** Takes the focus when what had it is gone. */
  readonly heading?: RefObject<HTMLHeadingElement | null>;
  readonly children?: ReactNode;
}

/** For a section: its heading, and what moves the focus there once what had it has gone from the page. */
export function useHeading(): [RefObject<HTMLHeadingElement | null>, () => void] {
  const heading = useRef<HTMLHeadingElement>(null);
  return [heading, () => requestAnimationFrame(() => heading.current?.focus({ preventScroll: true }))];
}

/** One part of the account. */
export function Section({ title, text, action, heading, children }: Props) {
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <div className={styles.sectionHead}>
        <div>
          <h2 ref={heading} id={id} tabIndex={-1}>
            {title}
          </h2>
          {text !== undefined && <p className={styles.text}>{text}</p>}
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}

interface AnsweredProps<T> {
  readonly query: UseQueryResult<T>;
  /** Why it may not be seen; null: it may. */
  readonly reason: string | null;
  readonly forbidden: string;
  readonly children: (data: T) => ReactNode;
}

/** What a question of one section was answered: it loads, fails and is stale by itself, the rest of the page stands. */
export function Answered<T>({ query, reason, forbidden, children }: AnsweredProps<T>) {
  if (reason !== null)
    return (
      <div className={styles.frame}>
        <Empty title={forbidden} level={3}>
          {reason}
        </Empty>
      </div>
    );
  if (query.data === undefined)
    return query.error === null ? (
      <Loading>
        <div className={styles.frame}>
          <GreyRows count={3} height={52} />
        </div>
      </Loading>
    ) : (
      <div className={styles.frame}>
        <Failure error={query.error} retry={() => query.refetch()} level={3} />
      </div>
    );
  return (
    <>
      {query.error !== null && <Stale since={query.dataUpdatedAt} retry={() => query.refetch()} />}
      {children(query.data)}
    </>
  );
}
