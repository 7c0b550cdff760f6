/**
 * The trigger form's fields: from a job's parameters to texts that one edits, and back to values.
 *
 * Rules: what is checked here is checked again by the server, whose answer counts. An empty optional field is not sent,
 * so that the job's default (or the empty value) holds. Pure functions.
 */
import type { Parameter, ParameterValue } from "../api/types";
import { t } from "../text/t";

export type Texts = Record<string, string | boolean>;

const asText = (value: unknown): string =>
  value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);

/** What stands in the fields at first: given values (a link's, an earlier run's) before defaults. */
export function initialTexts(parameters: readonly Parameter[], given: Record<string, unknown>): Texts {
  return Object.fromEntries(
    parameters.map((parameter) => {
      const value = Object.hasOwn(given, parameter.key) ? given[parameter.key] : parameter.default;
      if (parameter.type === "boolean") return [parameter.key, value === true || value === "true"];
      return [parameter.key, asText(value)];
    }),
  );
}

/** What is wrong with the text of a field, in words; null when nothing is. */
export function problemWith(parameter: Parameter, text: string | boolean): string | null {
  if (typeof text === "boolean") return null;
  if (text === "") return parameter.is_required && parameter.default === null ? t("trigger.required") : null;
  if (parameter.type === "integer" && !/^[+-]?\d+$/.test(text.trim())) return t("trigger.integer");
  if (parameter.type === "number" && !isNumber(text)) return t("trigger.number");
  if (parameter.pattern !== null && !matches(parameter.pattern, text))
    return t("trigger.pattern", { pattern: parameter.pattern });
  return null;
}

const isNumber = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));

/** The server's patterns are Python's; one that this browser cannot read is left to the server. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(text);
  } catch {
    return true;
  }
}

/** The values to send. */
export function valuesFrom(parameters: readonly Parameter[], texts: Texts): Record<string, ParameterValue> {
  const values: Record<string, ParameterValue> = {};
  for (const parameter of parameters) {
    const text = texts[parameter.key] ?? "";
    if (typeof text === "boolean") values[parameter.key] = text;
    else if (text !== "" || asText(parameter.default) !== "") values[parameter.key] = typed(parameter, text);
  }
  return values;
}

function typed(parameter: Parameter, text: string): ParameterValue {
  const chosen = parameter.choices.find((choice) => asText(choice) === text);
  if (chosen !== undefined) return chosen;
  if (parameter.type === "integer" && Number.isSafeInteger(Number(text)) && text.trim() !== "") return Number(text);
  if (parameter.type === "number" && isNumber(text)) return Number(text);
  return text;
}

/** The parameter that the server's problem speaks of: `parameters.branch` or `/parameters/branch`. */
export function fieldOf(path: string, parameters: readonly Parameter[]): string | null {
  const name = path.replace(/^\/?parameters[./]/, "");
  return parameters.find((parameter) => parameter.key === name)?.key ?? null;
}
