/**
 * Times and durations as text.
 *
 * Rules: durations have at most two units and the second one is padded (`6m 41s`, `1h 02m`), so that columns of them
 * line up; below ten seconds one decimal, below one second milliseconds, for runs are often that short. Clock times have 24 hours. Local zone; the
 * tooltip of <Time> gives UTC too. Functions are pure: now is an argument.
 */
import { language, t } from "../text/t";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const two = (value: number): string => String(value).padStart(2, "0");

/** Seconds → `340ms`, `4.2s`, `41s`, `6m 41s`, `1h 02m`, `3d 04h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const value = Math.max(0, seconds);
  if (value < 0.9995) return `${Math.round(value * 1_000)}ms`;
  if (value < 9.95) return `${value.toFixed(1)}s`;
  return wholeDuration(Math.round(value));
}

/** The same for a duration that still grows: whole seconds, for a flickering decimal says nothing. */
export function liveDuration(seconds: number): string {
  return wholeDuration(Math.floor(Math.max(0, seconds)));
}

function wholeDuration(value: number): string {
  if (value < MINUTE) return `${value}s`;
  if (value < HOUR) return `${Math.floor(value / MINUTE)}m ${two(value % MINUTE)}s`;
  if (value < DAY) return `${Math.floor(value / HOUR)}h ${two(Math.floor((value % HOUR) / MINUTE))}m`;
  return `${Math.floor(value / DAY)}d ${two(Math.floor((value % DAY) / HOUR))}h`;
}

/** Time since the start of a run, in the log: `+4m 39.592`, `+1h 02m 03.004`. */
export function elapsed(milliseconds: number): string {
  const sign = milliseconds < 0 ? "−" : "+";
  const total = Math.abs(Math.round(milliseconds));
  const seconds = `${two(Math.floor(total / 1_000) % 60)}.${String(total % 1_000).padStart(3, "0")}`;
  const minutes = Math.floor(total / 60_000) % 60;
  const hours = Math.floor(total / 3_600_000);
  if (hours > 0) return `${sign}${hours}h ${two(minutes)}m ${seconds}`;
  return `${sign}${minutes}m ${seconds}`;
}

/** `02:14:08`, with milliseconds `02:14:08.123`. */
export function clock(date: Date, isPrecise = false): string {
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return isPrecise ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** `24 Nov 2026, 02:14:08`. */
export function absolute(date: Date, zone?: string): string {
  return new Intl.DateTimeFormat(language() === "en" ? "en-GB" : language(), {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).format(date);
}

/** `just now`, `3 min ago`, `in 2 h`; a day and more as days. */
export function relative(date: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - date.getTime()) / 1_000);
  const [size, isPast] = [Math.abs(seconds), seconds >= 0];
  if (size < 5) return t("time.now");
  const amount = roughly(size);
  return isPast ? t("time.ago", { amount }) : t("time.in", { amount });
}

function roughly(seconds: number): string {
  if (seconds < MINUTE) return t("time.seconds", { n: seconds });
  if (seconds < HOUR) return t("time.minutes", { n: Math.floor(seconds / MINUTE) });
  if (seconds < DAY) return t("time.hours", { n: Math.floor(seconds / HOUR) });
  return t("time.days", { n: Math.floor(seconds / DAY) });
}

/** Bytes → `0 B`, `812 B`, `1.4 kB`, `3.2 MB`, `1.1 GB`. */
export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = size;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
