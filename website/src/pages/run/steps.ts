/**
 * The steps of a run as the page shows them: those that ran, and those of the definition that were not reached.
 *
 * Rules: the API lists commands as they were reached; the definition says what was to come. A step without an exit code
 * that has ended was stopped with its run. Pure functions.
 */
import type { Run, Step } from "../../api/types";
import type { KnownRun } from "../../live/hub";
import { isTerminal } from "../../status/registry";

export type StepStatus = "pending" | "running" | "succeeded" | "failed" | "aborted" | "exception" | "skipped";

export interface ShownStep {
  readonly key: string;
  readonly name: string;
  readonly command: string;
  readonly isFinally: boolean;
  readonly status: StepStatus;
  readonly step: Step | null;
}

interface Planned {
  readonly name: string;
  readonly command: string;
  readonly isFinally: boolean;
}

export function shownSteps(run: KnownRun): ShownStep[] {
  const reached = run.steps ?? [];
  const planned = plannedSteps(run.definition);
  const shown = reached.map((step, index): ShownStep => {
    const isFinally = step.phase === "finally";
    return {
      key: `${index}`,
      name: step.name,
      command: commandText(step.command),
      isFinally,
      status: statusOf(step, run),
      step,
    };
  });
  for (const phase of [false, true]) {
    const done = reached.filter((step) => (step.phase === "finally") === phase).length;
    const rest = planned.filter((one) => one.isFinally === phase).slice(done);
    const at = phase ? shown.length : shown.filter((one) => !one.isFinally).length;
    const missing = rest.map(
      (one, index): ShownStep => ({
        ...one,
        key: `${phase ? "f" : "c"}${done + index}`,
        status: isTerminal(run.status) ? "skipped" : "pending",
        step: null,
      }),
    );
    shown.splice(at, 0, ...missing);
  }
  return shown;
}

function statusOf(step: Step, run: KnownRun): StepStatus {
  if (step.exit_code === 0) return "succeeded";
  if (step.exit_code !== null) return run.status === "aborted" ? "aborted" : "failed";
  if (step.completion_date === null && !isTerminal(run.status)) return "running";
  return run.status === "aborted" ? "aborted" : run.status === "exception" ? "exception" : "failed";
}

/** The commands of a definition, in the order in which they run. */
export function plannedSteps(definition: Run["definition"] | undefined): Planned[] {
  if (definition?.type !== "commands") return [];
  const read = (name: string, isFinally: boolean): Planned[] => {
    const commands = definition[name];
    if (!Array.isArray(commands)) return [];
    return commands.map((command: unknown) => {
      const { name: label, run } = (command ?? {}) as { name?: unknown; run?: unknown };
      const text = commandText(run as Step["command"]);
      return { name: typeof label === "string" && label !== "" ? label : text, command: text, isFinally };
    });
  };
  return [...read("commands", false), ...read("finally", true)];
}

/** A command as one would type it: vectors with quotes where a shell would need them. */
export function commandText(command: Step["command"] | undefined): string {
  if (command === undefined) return "";
  if (typeof command === "string") return command;
  return command.map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`)).join(" ");
}

export interface Span {
  /** Shares of the whole run, 0 to 1. */
  readonly start: number;
  readonly length: number;
}

/** Where a step lies in the time of its run; `now` in milliseconds since 1970. */
export function spanOf(step: Step | null, run: KnownRun, now: number): Span | null {
  if (step?.start_date == null || run.start_date === null) return null;
  const begin = Date.parse(run.start_date);
  const end = run.completion_date === null ? now : Date.parse(run.completion_date);
  const whole = Math.max(1, end - begin);
  const from = Date.parse(step.start_date) - begin;
  const to = (step.completion_date === null ? end : Date.parse(step.completion_date)) - begin;
  const start = Math.min(1, Math.max(0, from / whole));
  return { start, length: Math.min(1 - start, Math.max(0, (to - from) / whole)) };
}

/** The step that decided that the run failed: the last of the commands that said no. */
export function failedStep(run: KnownRun): { readonly step: Step; readonly position: number } | null {
  const steps = (run.steps ?? []).filter((step) => step.phase !== "finally");
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index];
    if (step !== undefined && step.exit_code !== null && step.exit_code !== 0) return { step, position: index + 1 };
  }
  return null;
}
