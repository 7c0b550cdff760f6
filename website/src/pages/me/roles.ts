/** Roles in words, and which of them a token can be limited to. */
import { sentenceOf } from "../../text/t";

export interface RoleEntry {
  /** As the API writes it: `Role` or `Role@project`. */
  readonly entry: string;
  readonly role: string;
  /** Null: everywhere. */
  readonly project: string | null;
}

export function parseRole(entry: string): RoleEntry {
  const at = entry.indexOf("@");
  return at < 0
    ? { entry, role: entry, project: null }
    : { entry, role: entry.slice(0, at), project: entry.slice(at + 1) };
}

/** What it allows; empty for a role that is newer than this website. */
export function meaningOf({ role, project }: RoleEntry): string {
  return sentenceOf(`role.${role.toLowerCase()}${project === null ? "" : ".project"}`) ?? "";
}

/** The lesser roles within each. On one project an Auditor is a Viewer: there is no administration to read. */
const WITHIN: Record<string, readonly string[]> = {
  Administrator: ["Auditor", "Operator", "Viewer"],
  Auditor: ["Viewer"],
  Operator: ["Viewer"],
};
const WITHIN_PROJECT: Record<string, readonly string[]> = {
  Administrator: ["Operator", "Viewer"],
  Operator: ["Viewer"],
};

/** The roles that a token of somebody with `roles` can be limited to: their own, and lesser ones in the same place. */
export function limitsOf(roles: readonly string[]): RoleEntry[] {
  const found = roles.map(parseRole).flatMap((one) => {
    const lesser =
      one.project === null
        ? (WITHIN[one.role] ?? [])
        : (WITHIN_PROJECT[one.role] ?? []).map((role) => `${role}@${one.project}`);
    return [one, ...lesser.map(parseRole)];
  });
  return [...new Map(found.map((one) => [one.entry, one])).values()];
}
