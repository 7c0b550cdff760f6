/** The tab's live connection and what it holds: one of each, made when the page starts. */
import type { Run, Worker } from "../api/types";
import { boot } from "../boot";
import { LiveConnection, type Socket } from "./connection";
import { EntityStore } from "./store";

function open(): Socket {
  const address = new URL(`${boot.base_path}/api/v1/live`, window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  // The same object; only the types of its event handlers are wider.
  return new WebSocket(address) as unknown as Socket;
}

export const live = new LiveConnection(open);

/** Runs; those that came by a list have no steps, results and definition yet. */
export type KnownRun = Omit<Run, "steps" | "results" | "definition" | "worker_properties"> & Partial<Run>;

export const runs = new EntityStore<KnownRun>();
export const workers = new EntityStore<Worker>();
