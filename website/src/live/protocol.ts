/** The messages of `/api/v1/live`, as docs/live.md describes them; a frame becomes one of them or is refused. */
import type { LogWindow } from "../api/types";

export interface Subscribe {
  readonly op: "sub";
  readonly id: string;
  readonly topic: string;
  readonly args?: Record<string, unknown>;
  readonly since?: number;
}
export interface Unsubscribe {
  readonly op: "unsub";
  readonly id: string;
}

interface OfSubscription {
  readonly id: string;
  readonly seq: number;
}
export interface Snapshot extends OfSubscription {
  readonly type: "snapshot";
  readonly items?: readonly unknown[];
  readonly item?: unknown;
  readonly next_cursor?: string | null;
}
export interface Upsert extends OfSubscription {
  readonly type: "upsert";
  readonly items?: readonly unknown[];
  readonly item?: unknown;
}
export interface Remove extends OfSubscription {
  readonly type: "remove";
  readonly identifiers: readonly string[];
  readonly items: readonly unknown[];
}
export interface LogMessage extends OfSubscription {
  readonly type: "log";
  readonly from: number;
  readonly total: number;
  readonly bytes: number;
  readonly complete: boolean;
  readonly lines?: LogWindow["lines"];
  readonly times?: LogWindow["times"];
  readonly cut?: LogWindow["cut"];
  readonly sgr?: string;
}
export interface Resync extends OfSubscription {
  readonly type: "resync";
  readonly reason: string;
}
export interface Refused {
  readonly type: "error";
  readonly id: string;
  readonly problem: { readonly title: string; readonly status: number; readonly detail?: string };
}
export interface Hello {
  readonly type: "hello";
  readonly version: string;
  readonly seq: number;
  readonly user: string;
}
export interface Alive {
  readonly type: "alive";
}

/** What concerns one subscription. */
export type Update = Snapshot | Upsert | Remove | LogMessage | Resync | Refused;
export type FromServer = Update | Hello | Alive;

/** The close code that means "sign in". */
export const NOT_AUTHENTICATED = 4401;

const TYPES = new Set(["snapshot", "upsert", "remove", "log", "resync", "error", "hello", "alive"]);

/** The message in a frame; null for a type that this website does not know (a newer server's), which is left out. */
export function readFrame(frame: string): FromServer | null {
  const value: unknown = JSON.parse(frame);
  if (typeof value !== "object" || value === null || !("type" in value)) throw new TypeError("expected a message");
  return TYPES.has(String(value.type)) ? (value as FromServer) : null;
}
