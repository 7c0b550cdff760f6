import { expect, test } from "vitest";
import type { Stop } from "../../api/types";
import { isUser, receiptSteps, withReceipt } from "./receipt";

const at = (second: number) => new Date(Date.UTC(2026, 10, 24, 2, 0, second)).toISOString();
const receipt = (changes: Partial<Stop>): Stop => ({
  requested_date: at(0),
  requested_by: "maya",
  delivered_date: null,
  terminated_date: null,
  killed_date: null,
  verified_date: null,
  survivors: [],
  ...changes,
});
const states = (stop: Stop, isAway = false, hasEnded = false) =>
  receiptSteps(stop, isAway, hasEnded).map((step) => step.state);
const labels = (stop: Stop, isAway = false, hasEnded = false) =>
  receiptSteps(stop, isAway, hasEnded).map((step) => step.label);

test("what is under way is the step after the last one that has a date", () => {
  expect(states(receipt({}))).toEqual(["done", "now", "later", "later", "later"]);
  expect(states(receipt({ delivered_date: at(1) }))).toEqual(["done", "done", "now", "later", "later"]);
});

test("nobody waits for a kill: after the signal the processes are waited for", () => {
  const told = receipt({ delivered_date: at(1), terminated_date: at(1) });
  expect(states(told)).toEqual(["done", "done", "done", "later", "now"]);
  expect(states({ ...told, killed_date: at(6) })).toEqual(["done", "done", "done", "done", "now"]);
});

test("what was not needed says so once a later step is there", () => {
  const over = receipt({ delivered_date: at(1), terminated_date: at(1), verified_date: at(2) });
  expect(states(over, false, true)).toEqual(["done", "done", "done", "unneeded", "done"]);
  expect(labels(over, false, true)[3]).toBe("No kill needed");
});

test("a wish is not delivered while the worker is away, and never when the run ended before", () => {
  expect(labels(receipt({}))[1]).toBe("Being delivered…");
  expect(labels(receipt({}), true)[1]).toBe("Not delivered yet; will be on return");
  expect(labels(receipt({}), false, true)[1]).toBe("Not delivered: the run ended before");
  expect(states(receipt({}), false, true)).toEqual(["done", "unneeded", "unneeded", "unneeded", "unneeded"]);
});

test("who survived is the last step, in place of an empty tree", () => {
  const stop = receipt({ killed_date: at(9), survivors: [{ pid: 7, command: "dd" }] });
  expect(receiptSteps(stop, false, true).at(-1)).toMatchObject({
    state: "bad",
    label: "1 process is still alive",
    date: null,
  });
});

test("a limit is no user", () => {
  expect(isUser("maya")).toBe(true);
  expect(isUser("the limit timeout")).toBe(false);
});

test("steps stand among the events by their dates; a user's wish is an event already", () => {
  const event = (date: string, title: string) => ({ key: title, date, title, more: "" });
  const events = [event(at(0), "Abort requested"), event(at(5), "Aborted")];
  const stop = receipt({ delivered_date: at(1), terminated_date: at(5) });
  expect(withReceipt(events, stop).map((one) => one.title)).toEqual([
    "Abort requested",
    "Stop delivered",
    "Aborted",
    "Told to end",
  ]);
  const limit = withReceipt([], receipt({ requested_by: "the limit timeout" }));
  expect(limit).toMatchObject([{ title: "Stop requested", more: "the limit timeout" }]);
  expect(withReceipt(events, null)).toEqual(events);
});
