/** What can be said of a token by its dates. */
import type { Authentication } from "../../api/types";

/** From the server's documentation: a token with an expiration date that nobody used for so long is invalid. */
const UNUSED_DAYS = 90;
const SOON_DAYS = 7;
const DAY_MS = 86_400_000;

export type TokenState = "valid" | "soon" | "expired" | "unused";

/** `now` is in milliseconds since 1970. */
export function stateOf(
  token: Pick<Authentication, "creation_date" | "last_use_date" | "expiration_date">,
  now: number,
): TokenState {
  if (token.expiration_date === null) return "valid";
  const left = Date.parse(token.expiration_date) - now;
  if (left <= 0) return "expired";
  if (now - Date.parse(token.last_use_date ?? token.creation_date) > UNUSED_DAYS * DAY_MS) return "unused";
  // One that was made for a few days is no surprise when they are over.
  const life = Date.parse(token.expiration_date) - Date.parse(token.creation_date);
  return left < SOON_DAYS * DAY_MS && life > 2 * SOON_DAYS * DAY_MS ? "soon" : "valid";
}

/** The date `days` after `now`, as the API takes it. */
export const inDays = (days: number, now: number): string => new Date(now + days * DAY_MS).toISOString();
