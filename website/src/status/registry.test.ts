import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ALL_STATUSES, isTerminal, lookOf, STATUSES } from "./registry";

test("every status has a shape and a word of its own", () => {
  const looks = ALL_STATUSES.map((status) => lookOf({ status }));
  expect(new Set(looks.map((look) => look.shape)).size).toBe(looks.length);
  expect(new Set(looks.map((look) => look.label)).size).toBe(looks.length);
});

test("a wish that the run has not followed yet shows", () => {
  expect(lookOf({ status: "running", should_abort: true })).toMatchObject({ label: "Aborting…", shape: "stopping" });
  expect(lookOf({ status: "assigned", should_cancel: true })).toMatchObject({ label: "Cancelling…" });
  expect(lookOf({ status: "aborted", should_abort: true })).toMatchObject({ label: "Aborted", shape: "square" });
});

test("a status that this website does not know is shown by its name", () => {
  expect(lookOf({ status: "hibernating" })).toEqual({ shape: "dashed", tone: "pending", label: "hibernating" });
  expect(lookOf({ status: "constructor" }).label).toBe("constructor");
  expect(isTerminal("hibernating")).toBe(false);
});

test("what is over is over", () => {
  expect(ALL_STATUSES.filter(isTerminal).sort()).toEqual([
    "aborted",
    "cancelled",
    "exception",
    "failed",
    "skipped",
    "succeeded",
  ]);
  expect(STATUSES.failed.needsAttention && STATUSES.exception.needsAttention).toBe(true);
});

test("the table knows every status of the API, and no other", () => {
  const schema = readFileSync("src/api/schema.ts", "utf8");
  const listed = /RunStatus: ((?:"\w+"(?: \| )?)+);/.exec(schema)?.[1]?.match(/\w+/g) ?? expect.fail("no RunStatus");
  expect([...ALL_STATUSES].sort()).toEqual([...listed].sort());
});
