/** Sends requests to the service under the page's base path: JSON in, JSON out, problems as errors. */
import { boot } from "../boot";
import { Problem, problemOf } from "./problem";

type Value = string | number | boolean | readonly string[] | null | undefined;

interface Options {
  readonly query?: Record<string, Value>;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

let csrfToken: string | null = null;
let onSignedOut: () => void = () => undefined;

/** The value that proves that a changing request comes from our own page; `GET /me` tells it. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Called when a request is refused because the session is no longer valid. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

export const apiAddress = (path: string): string => `${boot.base_path}/api/v1${path}`;

export async function send<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value === null || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken !== null) headers["X-CSRF-Token"] = csrfToken;
  const response = await fetch(`${apiAddress(path)}${query.size > 0 ? `?${query}` : ""}`, {
    method,
    headers,
    credentials: "same-origin",
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }).catch((error: unknown) => {
    throw error instanceof DOMException ? error : new Problem(0, {});
  });
  if (!response.ok) {
    if (response.status === 401 && !path.startsWith("/me/login")) onSignedOut();
    throw await problemOf(response);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}
