import { expect, test } from "vitest";
import type { Step } from "../../api/types";
import type { KnownRun } from "../../live/hub";
import { commandText, failedStep, plannedSteps, shownSteps, spanOf } from "./steps";

const at = (second: number) => new Date(Date.UTC(2026, 10, 24, 2, 0, second)).toISOString();
const step = (changes: Partial<Step>): Step => ({
  name: "build",
  command: "make",
  phase: "commands",
  start_date: at(0),
  completion_date: at(10),
  exit_code: 0,
  log_start: 0,
  log_end: 0,
  ...changes,
});
const run = (changes: Partial<KnownRun>): KnownRun =>
  ({
    status: "running",
    start_date: at(0),
    completion_date: null,
    steps: [],
    definition: {
      type: "commands",
      commands: [
        { name: "build", run: "make" },
        { name: "test", run: ["pytest", "-k", "a b"] },
        { name: "", run: "echo" },
      ],
      finally: [{ name: "clean", run: "rm -rf x" }],
    },
    ...changes,
  }) as KnownRun;

test("before anything ran, all steps of the definition are pending, cleanup last", () => {
  expect(shownSteps(run({})).map((one) => [one.name, one.status])).toEqual([
    ["build", "pending"],
    ["test", "pending"],
    ["echo", "pending"],
    ["clean", "pending"],
  ]);
});

test("what was not reached stands between what was and the cleanup, and is skipped when the run is over", () => {
  const failed = run({
    status: "failed",
    steps: [step({ exit_code: 2 }), step({ name: "clean", phase: "finally" })],
  });
  expect(shownSteps(failed).map((one) => [one.name, one.status])).toEqual([
    ["build", "failed"],
    ["test", "skipped"],
    ["echo", "skipped"],
    ["clean", "succeeded"],
  ]);
});

test("a step without an exit code is running, or was stopped with its run", () => {
  const open = step({ completion_date: null, exit_code: null });
  const status = (changes: Partial<KnownRun>) => shownSteps(run({ steps: [open], ...changes }))[0]?.status;
  expect(status({})).toBe("running");
  expect(status({ status: "aborted" })).toBe("aborted");
  expect(status({ status: "exception" })).toBe("exception");
});

test("each step has a key of its own", () => {
  const keys = shownSteps(run({ steps: [step({}), step({ name: "test" })] })).map((one) => one.key);
  expect(new Set(keys).size).toBe(keys.length);
});

test("a definition that is no list of commands has no planned steps", () => {
  expect(plannedSteps({ type: "pipeline" })).toEqual([]);
  expect(plannedSteps(undefined)).toEqual([]);
});

test("an argument vector is written as one would type it", () => {
  expect(commandText(["pytest", "-k", "a b", "it's", ""])).toBe("pytest -k 'a b' 'it'\\''s' ''");
  expect(commandText("a | b")).toBe("a | b");
});

test("a span lies within its run", () => {
  const over = run({ status: "succeeded", completion_date: at(40) });
  expect(spanOf(step({ start_date: at(10), completion_date: at(30) }), over, 0)).toEqual({ start: 0.25, length: 0.5 });
  expect(spanOf(null, over, 0)).toBeNull();
  const late = spanOf(step({ start_date: at(50), completion_date: at(60) }), over, 0);
  expect(late).toEqual({ start: 1, length: 0 });
  const growing = spanOf(step({ start_date: at(10), completion_date: null }), run({}), Date.parse(at(20)));
  expect(growing).toEqual({ start: 0.5, length: 0.5 });
});

test("the step that decided is the last command that said no, never the cleanup", () => {
  const steps = [
    step({}),
    step({ name: "test", exit_code: 1 }),
    step({ name: "clean", exit_code: 9, phase: "finally" }),
  ];
  expect(failedStep(run({ steps }))).toMatchObject({ position: 2, step: { name: "test" } });
  expect(failedStep(run({ steps: [step({})] }))).toBeNull();
});
