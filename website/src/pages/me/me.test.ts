import { expect, test } from "vitest";
import { limitsOf, meaningOf, parseRole } from "./roles";
import { inDays, stateOf } from "./tokens";

test("a role says where it holds", () => {
  expect(parseRole("Operator")).toEqual({ entry: "Operator", role: "Operator", project: null });
  expect(parseRole("Viewer@web@site")).toEqual({ entry: "Viewer@web@site", role: "Viewer", project: "web@site" });
});

test.each(["Administrator", "Auditor", "Operator", "Viewer", "Worker", "Operator@x", "Auditor@x", "Administrator@x"])(
  "%s is explained in words",
  (entry) => expect(meaningOf(parseRole(entry))).not.toBe(""),
);

test("a role that is newer than the website stands without words", () => {
  expect(meaningOf(parseRole("Gardener"))).toBe("");
});

test("a token is limited to own roles, or lesser ones in the same place", () => {
  const entries = (...roles: string[]) => limitsOf(roles).map((one) => one.entry);
  expect(entries("Administrator")).toEqual(["Administrator", "Auditor", "Operator", "Viewer"]);
  expect(entries("Viewer", "Operator@web")).toEqual(["Viewer", "Operator@web", "Viewer@web"]);
  expect(entries("Administrator@web")).toEqual(["Administrator@web", "Operator@web", "Viewer@web"]);
  expect(entries("Operator", "Viewer")).toEqual(["Operator", "Viewer"]);
  expect(entries()).toEqual([]);
});

const NOW = Date.parse("2026-11-24T00:00:00Z");
const token = (created: number, used: number | null, expires: number | null) => ({
  creation_date: inDays(created, NOW),
  last_use_date: used === null ? null : inDays(used, NOW),
  expiration_date: expires === null ? null : inDays(expires, NOW),
});

test.each<[string, ReturnType<typeof token>, string]>([
  ["never expires", token(-400, -300, null), "valid"],
  ["is fresh", token(0, null, 90), "valid"],
  ["has expired", token(-91, -1, -1), "expired"],
  ["expires this instant", token(-91, -1, 0), "expired"],
  ["ends in days", token(-85, -1, 5), "soon"],
  ["was made for a week", token(-2, -1, 5), "valid"],
  ["nobody used for long", token(-200, -91, 100), "unused"],
  ["nobody ever used", token(-91, null, 200), "unused"],
])("of a token that %s", (_, one, state) => expect(stateOf(one, NOW)).toBe(state));
