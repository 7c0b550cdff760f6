/** The log viewer as a React component: toolbar, LogView in its frame, and the run's live log behind it. */
import { Button, Menu, useComputedColorScheme } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import { apiAddress } from "../api/client";
import { asProblem } from "../api/problem";
import { getLogLines } from "../api/requests";
import { type KnownRun, live } from "../live/hub";
import type { LogMessage } from "../live/protocol";
import { useShortcut } from "../shell/shortcuts";
import { isTerminal } from "../status/registry";
import { number, t } from "../text/t";
import { bytes, relative } from "../time/format";
import { useNow } from "../time/now";
import { Duration } from "../time/time";
import { Caret } from "../ui/caret";
import { copyText } from "../ui/copy";
import styles from "./log.module.css";
import { Palette } from "./palette";
import { toHash } from "./permalink";
import { LogSource } from "./source";
import { type LineRange, LogView, type Look, type TimeMode, type ViewState } from "./view";

const TIME_MODES: readonly TimeMode[] = ["off", "clock", "elapsed"];
const HOUR_MS = 3_600_000;
const STORED = "orchestra.log.time";

interface Props {
  readonly run: KnownRun;
  /** The worker is not connected: nothing of the log comes now. */
  readonly isAway: boolean;
  readonly linked: LineRange | null;
  /** A line to show, for each new object; `isLast`: what led to it is shown too. */
  readonly target: { readonly line: number; readonly isLast?: boolean } | null;
  readonly onFirstSeen: (line: number) => void;
  readonly onLink: (range: LineRange) => void;
}

export function LogPanel({ run, isAway, linked, target, onFirstSeen, onLink }: Props) {
  const [timeMode, setTimeMode] = useTimeMode();
  const [state, setState] = useState<ViewState>({ isFollowing: false, newLines: 0, firstSeen: 1 });
  const [counts, setCounts] = useState<Counts>({ total: 0, isComplete: false, isKnown: false, size: 0, last: null });
  const [problem, setProblem] = useState<string | null>(null);
  const look = useLook(run, timeMode, linked);
  const onPick = (line: number, isRange: boolean) => {
    const start = isRange && linked !== null ? linked.from : line;
    onLink({ from: Math.min(start, line), to: Math.max(start, line) });
  };
  const { frame, view, source } = useView(run, look, linked, { setState, setCounts, setProblem, onPick });

  useEffect(() => onFirstSeen(state.firstSeen), [onFirstSeen, state.firstSeen]);
  useEffect(() => view.current?.setLook(look), [view, look]);
  useEffect(() => {
    if (target !== null) view.current?.show(target.line, target.isLast);
  }, [view, target]);
  const linkedFrom = linked?.from;
  useEffect(() => {
    if (linkedFrom !== undefined) view.current?.show(linkedFrom);
  }, [view, linkedFrom]);

  const isLive = !isTerminal(run.status);
  // The run itself says it when something happens to it; the log's own messages sooner.
  const size = Math.max(run.log_size, counts.size);
  const follow = (isOn: boolean) => view.current?.setFollowing(isOn);
  useShortcut("f", t("log.follow.key"), () => follow(!state.isFollowing));
  useShortcut("Shift+T", t("log.time.key"), () =>
    setTimeMode(TIME_MODES[(TIME_MODES.indexOf(timeMode) + 1) % TIME_MODES.length] ?? "off"),
  );
  useShortcut(
    "l",
    t("log.link.key"),
    () =>
      copyText(
        `${window.location.href.split("#")[0]}#${toHash(linked ?? { from: state.firstSeen, to: state.firstSeen })}`,
      ),
    counts.total > 0,
  );

  return (
    <section className={styles.panel} aria-label={t("log.label", { count: counts.total })}>
      <div className={styles.toolbar}>
        <span className={styles.facts}>
          {counts.isKnown && t("log.lines", { count: counts.total })}
          {size > 0 && ` · ${bytes(size)}`}
          {isLive && counts.last !== null && <LastLine time={counts.last} />}
        </span>
        <TimeMenu mode={timeMode} onChange={setTimeMode} />
        {isLive && (
          <Button
            size="xs"
            variant="default"
            aria-pressed={state.isFollowing}
            onClick={() => follow(!state.isFollowing)}
          >
            {t("log.follow")}
          </Button>
        )}
        <Button component="a" size="xs" variant="default" href={apiAddress(`/runs/${run.identifier}/log`)} download>
          {t("log.download")}
        </Button>
      </div>
      <div
        className={styles.frame}
        style={{
          ["--log-number-width" as string]: `${Math.max(3, number(counts.total).length)}ch`,
          ["--log-time-width" as string]: timeWidth(timeMode, run),
          ["--log-time-gap" as string]: timeMode === "off" ? "0px" : "16px",
          ["--log-gutter" as string]:
            "calc(var(--log-number-width) + var(--log-time-width) + var(--log-time-gap) + 26px)",
        }}
      >
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <div ref={frame} className={styles.scroller} tabIndex={0} role="region" aria-label={t("log.text")}>
          <div className={styles.spacer} />
          <div className={styles.rows} />
        </div>
        {counts.isKnown && counts.total === 0 && <NoLines run={run} isAway={isAway} isComplete={counts.isComplete} />}
        {problem !== null && (
          <div className={styles.empty} role="alert">
            <p>{problem}</p>
            <Button
              variant="default"
              onClick={() => {
                setProblem(null);
                view.current?.sourceChanged();
                source.current?.want(state.firstSeen, state.firstSeen);
              }}
            >
              {t("action.retry")}
            </Button>
          </div>
        )}
        {!state.isFollowing && state.newLines > 0 && (
          <Button size="xs" className={styles.resume ?? ""} onClick={() => follow(true)}>
            ↓ {t("log.new-lines", { count: state.newLines })}
          </Button>
        )}
      </div>
    </section>
  );
}

/** As wide as the longest time of the run: `12:34:56.789`, `+59m 59.999`, `+1h 02m 03.004`. */
function timeWidth(mode: TimeMode, run: KnownRun): string {
  if (mode === "off") return "0px";
  if (mode === "clock") return "12ch";
  const end = run.completion_date === null ? Date.now() : Date.parse(run.completion_date);
  const isLong = run.start_date !== null && end - Date.parse(run.start_date) >= HOUR_MS;
  return isLong ? "14ch" : "11ch";
}

const SILENCE_MS = 5_000;

/** How long nothing has come, once that is unusual: whoever waits wants to know whether it still speaks. */
function LastLine({ time }: { time: number }) {
  const text = useNow("second", (now) => (now - time < SILENCE_MS ? "" : relative(new Date(time), new Date(now))));
  return text === "" ? null : ` · ${t("log.last", { ago: text })}`;
}

function NoLines({ run, isAway, isComplete }: { run: KnownRun; isAway: boolean; isComplete: boolean }) {
  if (isComplete || isTerminal(run.status)) return <div className={styles.empty}>{t("log.none")}</div>;
  if (isAway) return <div className={styles.empty}>{t("log.away")}</div>;
  if (run.start_date === null) return <div className={styles.empty}>{t("log.not-started")}</div>;
  return (
    <div className={styles.empty}>
      <span>
        {t("log.waiting")} <Duration from={run.start_date} to={null} />
      </span>
    </div>
  );
}

function TimeMenu({ mode, onChange }: { mode: TimeMode; onChange: (mode: TimeMode) => void }) {
  return (
    <Menu width={180}>
      <Menu.Target>
        <Button size="xs" variant="default" rightSection={<Caret />}>
          {t("log.time", { mode: t(`log.time.${mode}`).toLowerCase() })}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {TIME_MODES.map((one) => (
          <Menu.RadioItem key={one} value={one} checked={one === mode} closeMenuOnClick onChange={() => onChange(one)}>
            {t(`log.time.${one}`)}
          </Menu.RadioItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function useTimeMode(): [TimeMode, (mode: TimeMode) => void] {
  const [mode, setMode] = useState<TimeMode>(() => {
    try {
      return TIME_MODES.find((one) => one === localStorage.getItem(STORED)) ?? "off";
    } catch {
      return "off"; // storage is forbidden
    }
  });
  return [
    mode,
    (next) => {
      setMode(next);
      try {
        localStorage.setItem(STORED, next);
      } catch {
        // As above: the setting lasts as long as the page.
      }
    },
  ];
}

function useLook(run: KnownRun, timeMode: TimeMode, linked: LineRange | null): Look {
  const scheme = useComputedColorScheme("light");
  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme has other colours behind the same names
  const palette = useMemo(() => {
    const computed = getComputedStyle(document.documentElement);
    return new Palette((name) => computed.getPropertyValue(name));
  }, [scheme]);
  const origin = run.start_date === null ? null : Date.parse(run.start_date);
  const [from, to] = [linked?.from ?? 0, linked?.to ?? 0];
  return useMemo(
    () => ({ palette, timeMode, origin, linked: from > 0 ? { from, to } : null }),
    [palette, timeMode, origin, from, to],
  );
}

interface Counts {
  readonly total: number;
  readonly isComplete: boolean;
  readonly isKnown: boolean;
  /** Bytes. */
  readonly size: number;
  /** When the last line was written, milliseconds since 1970; null while it is not held. */
  readonly last: number | null;
}

interface Report {
  readonly setState: (state: ViewState) => void;
  readonly setCounts: (counts: Counts) => void;
  readonly setProblem: (problem: string | null) => void;
  readonly onPick: (line: number, isRange: boolean) => void;
}

/** Makes the view once the frame exists, and keeps its source current while it is shown. */
function useView(run: KnownRun, look: Look, linked: LineRange | null, report: Report) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<LogView | null>(null);
  const held = useRef<LogSource | null>(null);
  const pick = useRef(report.onPick);
  pick.current = report.onPick;
  const { identifier } = run;
  // biome-ignore lint/correctness/useExhaustiveDependencies: one view for each run; its look is set by itself
  useEffect(() => {
    const scroller = frame.current;
    const [spacer, rows] = [...(scroller?.children ?? [])];
    if (scroller === null || !(spacer instanceof HTMLElement) || !(rows instanceof HTMLElement)) return;
    const source = new LogSource(
      (start, count, signal) => getLogLines(identifier, start, count, signal),
      () => {
        view.current?.sourceChanged();
        const { total, isComplete, isKnown } = source;
        report.setCounts({ total, isComplete, isKnown, size: source.bytes, last: source.time(total) });
        report.setProblem(null);
      },
      (error) => report.setProblem(asProblem(error).message),
    );
    held.current = source;
    const isFollowing = linked === null && !isTerminal(run.status);
    view.current = new LogView({ scroller, spacer, rows }, source, look, isFollowing, {
      onState: report.setState,
      onPick: (line, isRange) => pick.current(line, isRange),
    });
    const leave = isTerminal(run.status) && run.log_complete ? () => undefined : followLive(identifier, source);
    return () => {
      leave();
      view.current?.close();
      view.current = null;
      source.close();
    };
  }, [identifier]);
  return { frame, view, source: held };
}

function followLive(identifier: string, source: LogSource): () => void {
  const next = () => Math.max(1, source.total);
  return live.subscribe({
    topic: `log:${identifier}`,
    args: () => ({ from: next() }),
    canResume: false,
    onUpdate: (update) => {
      if (update.type === "log") source.append(update satisfies LogMessage);
    },
    refresh: async (signal) => {
      const window = await getLogLines(identifier, next(), 500, signal);
      const isWhole = window.start + window.lines.length > window.total;
      source.append({
        from: window.start,
        total: window.total,
        complete: window.complete,
        ...(isWhole ? { lines: window.lines, times: window.times, sgr: window.sgr } : {}),
      });
    },
  });
}
