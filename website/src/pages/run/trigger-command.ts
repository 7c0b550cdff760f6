import { commandText } from "./steps";

/** The command line that triggers the same: `orchestra trigger core/build -p branch=main`. */
export function triggerCommand(project: string, job: string, parameters: Record<string, unknown>): string {
  const given = Object.entries(parameters).flatMap(([key, value]) => [
    "-p",
    `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  ]);
  return commandText(["orchestra", "trigger", `${project}/${job}`, ...given]);
}
