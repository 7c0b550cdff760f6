/**
 * The typed client of the service: JSON in, JSON out, under the page's base path.
 *
 * Rules: an answer with an error status becomes a Problem that is thrown, and so does no answer. A changing request
 * carries the token that proves that it comes from our page. A session that is no longer valid is told to the app.
 */
import createClient from "openapi-fetch";
import { boot } from "../boot";
import { Problem, problemOf } from "./problem";
import type { paths } from "./schema";

let csrfToken: string | null = null;
let onSignedOut: () => void = () => undefined;

/** `GET /me` tells it. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Called when a request is refused because the session is no longer valid. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

/** The address of something that is no request of this client: a download. */
export const apiAddress = (path: string): string => `${boot.base_path}/api/v1${path}`;

/** Here 401 says that the password or the link is wrong. */
const SIGNING_IN: ReadonlySet<string> = new Set(["POST /api/v1/me/login", "POST /api/v1/me/password"]);

export const client = createClient<paths>({ baseUrl: boot.base_path, credentials: "same-origin" });

client.use({
  onRequest({ request }) {
    request.headers.set("Accept", "application/json");
    if (request.method !== "GET" && csrfToken !== null) request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
  async onResponse({ request, response, schemaPath }) {
    if (response.ok) return undefined;
    if (response.status === 401 && !SIGNING_IN.has(`${request.method} ${schemaPath}`)) onSignedOut();
    throw await problemOf(response);
  },
  onError({ error }) {
    // Given up by us, or by a page that is being left: no problem of anybody.
    if (error instanceof DOMException && error.name === "AbortError") return error;
    return error instanceof Problem ? error : new Problem(0, {});
  },
});

/** What an answer holds; errors were thrown before. */
export async function answer<T>(request: Promise<{ data?: T }>): Promise<T> {
  return (await request).data as T;
}
