import { t } from "../text/t";
import { absolute, clock, duration, liveDuration, relative } from "./format";
import { useNow } from "./now";

/**
 * A moment: `relative` ("3 min ago") or `clock` ("02:14:08"). The tooltip says it in full, here and in UTC.
 * `value` is a date as the API writes it; null is a dash.
 */
export function Time({ value, as = "relative" }: { value: string | null; as?: "relative" | "clock" }) {
  if (value === null) return <span aria-hidden="true">–</span>;
  return <Moment value={value} as={as} />;
}

function Moment({ value, as }: { value: string; as: "relative" | "clock" }) {
  const date = new Date(value);
  const age = Math.abs(Date.now() - date.getTime());
  const text = useNow(as === "clock" ? "never" : age < 60_000 ? "second" : "half-minute", (now) =>
    as === "clock" ? clock(date) : relative(date, new Date(now)),
  );
  return (
    <time dateTime={value} data-tip={t("time.tip", { local: absolute(date), utc: absolute(date, "UTC") })}>
      {text}
    </time>
  );
}

/** From `from` to `to`, or until now while `to` is null. */
export function Duration({ from, to }: { from: string | null; to: string | null }) {
  if (from === null) return <span aria-hidden="true">–</span>;
  if (to === null) return <Growing from={from} />;
  return duration((Date.parse(to) - Date.parse(from)) / 1_000);
}

function Growing({ from }: { from: string }) {
  const start = Date.parse(from);
  return useNow("second", (now) => liveDuration((now - start) / 1_000));
}
