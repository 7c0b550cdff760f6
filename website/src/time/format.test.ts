import { describe, expect, test } from "vitest";
import { absolute, bytes, clock, duration, elapsed, liveDuration, relative } from "./format";

test.each<[number, string]>([
  [0, "0ms"],
  [0.0042, "4ms"],
  [0.3404, "340ms"],
  [0.9994, "999ms"],
  [0.9996, "1.0s"],
  [4.23, "4.2s"],
  [9.94, "9.9s"],
  [9.96, "10s"],
  [41.4, "41s"],
  [59.6, "1m 00s"],
  [401, "6m 41s"],
  [3_599.4, "59m 59s"],
  [3_599.6, "1h 00m"],
  [3_720, "1h 02m"],
  [86_400, "1d 00h"],
  [273_600, "3d 04h"],
  [-3, "0ms"],
  [Number.NaN, "–"],
])("a duration of %d s is %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test("a duration that grows counts whole seconds and never runs ahead", () => {
  expect(liveDuration(0.99)).toBe("0s");
  expect(liveDuration(59.99)).toBe("59s");
  expect(liveDuration(60)).toBe("1m 00s");
});

test.each<[number, string]>([
  [0, "+0m 00.000"],
  [279_592, "+4m 39.592"],
  [3_723_004, "+1h 02m 03.004"],
  [-1_500, "−0m 01.500"],
])("%d ms into the run is %s", (milliseconds, text) => expect(elapsed(milliseconds)).toBe(text));

describe("relative times", () => {
  const now = new Date("2026-11-24T02:14:08Z");
  const before = (seconds: number) => relative(new Date(now.getTime() - seconds * 1_000), now);
  test.each<[number, string]>([
    [0, "just now"],
    [4, "just now"],
    [-4, "just now"],
    [41, "41 s ago"],
    [185, "3 min ago"],
    [7_300, "2 h ago"],
    [200_000, "2 d ago"],
    [-185, "in 3 min"],
  ])("%d seconds before now is %s", (seconds, text) => expect(before(seconds)).toBe(text));
});

test("absolute times name the day and have 24 hours", () => {
  expect(absolute(new Date("2026-11-24T22:14:08Z"), "UTC")).toBe("24 Nov 2026, 22:14:08");
  expect(absolute(new Date("2026-11-24T00:00:00Z"), "UTC")).toBe("24 Nov 2026, 00:00:00");
});

test("clock times are padded", () => {
  const date = new Date(2026, 10, 24, 2, 4, 8, 7);
  expect(clock(date)).toBe("02:04:08");
  expect(clock(date, true)).toBe("02:04:08.007");
});

test.each<[number, string]>([
  [0, "0 B"],
  [812, "812 B"],
  [1_400, "1.4 kB"],
  [999_600, "1.0 MB"],
  [123_456_789, "123 MB"],
  [1_086_000_000, "1.1 GB"],
])("%d bytes are %s", (size, text) => expect(bytes(size)).toBe(text));
