/** Who is signed in, and what they may do. */
import { type QueryClient, queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { setCsrfToken } from "./api/client";
import { getMe } from "./api/requests";
import type { Me, Permission } from "./api/types";
import { t } from "./text/t";

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async () => accept(await getMe()),
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
});

export function accept(me: Me): Me {
  setCsrfToken(me.csrf_token);
  return me;
}

export function signedIn(client: QueryClient, me: Me): void {
  client.setQueryData(meQuery.queryKey, accept(me));
}

export const useMe = (): Me => useSuspenseQuery(meQuery).data;

/** Why the caller may not do something with the own account, in words; null when they may. */
export function whyNot(me: Me, permission: Permission): string | null {
  if (can(me, permission)) return null;
  if (!me.user.is_enabled) return t("me.disabled");
  if (me.authentication.roles !== null) return t("me.limited");
  return t("error.forbidden.text");
}

/** At least somewhere. */
export function canAnywhere(me: Me, permission: Permission): boolean {
  return can(me, permission) || Object.values(me.projects).some((permissions) => permissions.includes(permission));
}

/** Everywhere, or in the project. */
export function can(me: Me, permission: Permission, project?: string): boolean {
  return (
    me.permissions.includes(permission) ||
    (project !== undefined && (me.projects[project]?.includes(permission) ?? false))
  );
}
