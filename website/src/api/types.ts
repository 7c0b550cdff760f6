/** The API's types by the names that the website uses. */

export type RunStatus =
  | "pending"
  | "assigned"
  | "running"
  | "succeeded"
  | "failed"
  | "aborted"
  | "cancelled"
  | "exception"
  | "skipped";
export type ParameterValue = boolean | number | string;
export interface Cause {
  code: string;
  message: string;
}
export interface Step {
  name: string;
  command: string | string[];
  phase: string;
  start_date: string | null;
  completion_date: string | null;
  exit_code: number | null;
  log_start: number;
  log_end: number | null;
}
export interface RunSummary {
  project: string;
  identifier: string;
  number: number;
  job: string;
  job_revision: number;
  parameters: Record<string, unknown>;
  source: Record<string, unknown>;
  worker: string | null;
  status: RunStatus;
  cause: Cause;
  priority: number;
  start_date: string | null;
  completion_date: string | null;
  result_error: string | null;
  should_cancel: boolean;
  should_abort: boolean;
  log_size: number;
  log_complete: boolean;
  log_error: string | null;
  expiration_date: string | null;
  creation_date: string;
  update_date: string;
}
export interface Run extends RunSummary {
  steps: Step[];
  results: unknown;
  worker_properties: Record<string, unknown> | null;
  definition: Record<string, unknown>;
}
export interface Parameter {
  key: string;
  description: string;
  type: "string" | "integer" | "number" | "boolean" | "choice" | "text" | "secret";
  default: ParameterValue | null;
  is_required: boolean;
  choices: ParameterValue[];
  pattern: string | null;
}
export interface Project {
  identifier: string;
  display_name: string;
  description: string;
  managed_by: string;
}
export interface Job {
  project: string;
  identifier: string;
  display_name: string;
  description: string;
  definition: Record<string, unknown>;
  parameters: Parameter[];
  properties: Record<string, unknown>;
  group: string;
  policy: Record<string, unknown>;
  revision: number;
  managed_by: string;
  is_enabled: boolean;
  creation_date: string;
  update_date: string;
}
export interface Worker {
  identifier: string;
  owner: string;
  version: string;
  display_name: string;
  properties: Record<string, unknown>;
  concurrency: number;
  active_runs: number;
  note: string;
  is_enabled: boolean;
  is_active: boolean;
  should_disconnect: boolean;
  connection_date: string | null;
  last_seen_date: string | null;
  creation_date: string;
  update_date: string;
}
export interface RunEvent {
  sequence: number;
  date: string;
  type: string;
  project: string | null;
  job: string | null;
  run: string | null;
  worker: string | null;
  actor: string | null;
  data: Record<string, unknown>;
}
export interface LogWindow {
  start: number;
  total: number;
  complete: boolean;
  sgr: string;
  times: [number, number][];
  lines: string[];
  cut: [number, number][];
}
export interface WorkerVerdict {
  worker: string;
  reasons: string[];
  message: string;
  mismatches: { property: string; wanted: unknown; has: unknown }[];
}
export interface Explanation {
  status: RunStatus;
  cause: Cause;
  workers: WorkerVerdict[];
}
export interface Me {
  user: { identifier: string; display_name: string; roles: string[]; is_enabled: boolean };
  permissions: string[];
  projects: Record<string, string[]>;
  csrf_token: string | null;
}
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: { path: string; message: string }[];
}
export interface Overview {
  runs: { pending: number; assigned: number; running: number; last_24_hours: Record<string, number> };
  workers: { total: number; enabled: number; active: number; slots: number; slots_used: number } | null;
}
export interface LogSection {
  id: string;
  parent: string | null;
  name: string;
  first: number;
  last: number | null;
}
