/**
 * What time it is, for what must be drawn anew as it passes: one timer for all that ask, none while nobody does.
 *
 * Rules: who asks for each second shares one timer of a second, who asks for less one of 30 seconds. A hidden page is
 * not drawn; when it is seen again everything is current at once.
 */
import { useCallback, useSyncExternalStore } from "react";

class Ticker {
  readonly #period: number;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #now = Date.now();

  constructor(period: number) {
    this.#period = period;
  }

  now = (): number => this.#now;

  subscribe = (listener: () => void): (() => void) => {
    if (this.#listeners.size === 0) {
      this.#now = Date.now();
      this.#timer = setInterval(this.#tick, this.#period);
      document.addEventListener("visibilitychange", this.#tick);
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      document.removeEventListener("visibilitychange", this.#tick);
    };
  };

  #tick = (): void => {
    if (document.hidden) return;
    this.#now = Date.now();
    for (const listener of [...this.#listeners]) listener();
  };
}

const everySecond = new Ticker(1_000);
const everyHalfMinute = new Ticker(30_000);
const never = () => () => undefined;

export type Pace = "second" | "half-minute" | "never";

/** `derive(now)`, drawn again only when its value changes; `now` is in milliseconds since 1970. */
export function useNow<T extends string | number>(pace: Pace, derive: (now: number) => T): T {
  const ticker = pace === "second" ? everySecond : everyHalfMinute;
  const subscribe = useCallback(
    (listener: () => void) => (pace === "never" ? never() : ticker.subscribe(listener)),
    [pace, ticker],
  );
  // Between two ticks the clock may have moved on: never show a time before the last tick, and none that is stale.
  return useSyncExternalStore(subscribe, () => derive(Math.max(ticker.now(), Math.floor(Date.now() / 1_000) * 1_000)));
}
