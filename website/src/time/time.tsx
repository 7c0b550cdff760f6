import { t } from "../text/t";
import { absolute, clock, duration, liveDuration, relative } from "./format";
import { useNow } from "./now";

/**
 * A moment: `relative` ("3 min ago"), `clock` ("02:14:08") or `full` ("24 Nov 2026, 02:14:08"). The tooltip says it in full, here and in UTC.
 * `value` is a date as the API writes it; null is a dash.
 */
type Form = "relative" | "clock" | "full";

export function Time({ value, as = "relative" }: { value: string | null; as?: Form }) {
  if (value === null) return <span aria-hidden="true">–</span>;
  return <Moment value={value} as={as} />;
}

function Moment({ value, as }: { value: string; as: Form }) {
  const date = new Date(value);
  const age = Math.abs(Date.now() - date.getTime());
  const text = useNow(as !== "relative" ? "never" : age < 60_000 ? "second" : "half-minute", (now) =>
    as === "clock" ? clock(date) : as === "full" ? absolute(date) : relative(date, new Date(now)),
  );
  return (
    <time dateTime={value} data-tip={t("time.tip", { local: absolute(date), utc: absolute(date, "UTC") })}>
      {text}
    </time>
  );
}

/**
 * From `from` to `to`, or until now while `to` is null; then `until` is when that was last known to be so, and the
 * duration is at least that long.
 */
export function Duration({
  from,
  to,
  until = null,
}: {
  from: string | null;
  to: string | null;
  until?: string | null;
}) {
  if (from === null) return <span aria-hidden="true">–</span>;
  if (to === null && until !== null)
    return t("time.at-least", { duration: liveDuration((Date.parse(until) - Date.parse(from)) / 1_000) });
  if (to === null) return <Growing from={from} />;
  return duration((Date.parse(to) - Date.parse(from)) / 1_000);
}

function Growing({ from }: { from: string }) {
  const start = Date.parse(from);
  return useNow("second", (now) => liveDuration((now - start) / 1_000));
}
