/** The API's types by the names that the website uses; schema.ts is generated from the service's OpenAPI document. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type RunStatus = Schemas["RunStatus"];
export type Permission = Schemas["Permission"];
export type Cause = Schemas["Cause"];
export type Step = Schemas["Step"];
export type RunSummary = Schemas["RunInList"];
export type Run = Schemas["Run"];
export type RunEvent = Schemas["Event"];
export type Absence = Schemas["Absence"];
export type Artifact = Schemas["Artifact"];
export type Stop = Schemas["Stop"];
export type Explanation = Schemas["Explanation"];
export type Project = Schemas["Project"];
export type Job = Schemas["Job"];
export type Parameter = Schemas["Parameter"];
export type ParameterValue = Parameter["choices"][number];
export type Worker = Schemas["Worker"];
export type LogWindow = Schemas["LogWindow"];
export type LogSection = Schemas["LogSection"];
export type Me = Schemas["Me"];
export type SignIn = Schemas["SignIn"];
export type OwnPassword = Schemas["OwnPassword"];
export type Reauthentication = Schemas["Reauthentication"];
export type Authentication = Schemas["Authentication"];
export type TokenInput = Schemas["TokenInput"];
export type NewToken = Schemas["NewToken"];
export type Session = Schemas["Session"];
export type PasswordByLink = Schemas["PasswordByLink"];

/** The item of the live topic `overview` (docs/live.md). */
export interface Overview {
  readonly runs: {
    readonly pending: number;
    readonly assigned: number;
    readonly running: number;
    readonly last_24_hours: Record<string, number>;
  };
  readonly workers: {
    readonly total: number;
    readonly enabled: number;
    readonly active: number;
    readonly slots: number;
    readonly slots_used: number;
  } | null;
}
