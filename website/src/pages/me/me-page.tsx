/** The own account: who one is, and by which means one gets in. `orchestra login --browser` leads here. */
import { useQuery } from "@tanstack/react-query";
import type { Me } from "../../api/types";
import { meQuery, useMe } from "../../session";
import { t } from "../../text/t";
import { Heading } from "../../ui/heading";
import page from "../page.module.css";
import styles from "./me.module.css";
import { PasswordSection } from "./password";
import { meaningOf, parseRole } from "./roles";
import { SessionSection } from "./sessions";
import { TokenSection } from "./token-list";

export default function MePage() {
  const me = useMe();
  // What an administrator changed since the page was opened; while it is asked for, what is known stays.
  useQuery({ ...meQuery, refetchOnMount: "always" });
  return (
    <div className={page.fill}>
      <div className={page.head}>
        <Heading title={t("me.title")}>{t("me.title")}</Heading>
      </div>
      <div className={styles.body}>
        {!me.user.is_enabled && <p className={styles.notice}>{t("me.disabled.text")}</p>}
        {me.authentication.roles !== null && <p className={styles.notice}>{t("me.limited.text")}</p>}
        <WhoSection me={me} />
        <PasswordSection me={me} />
        <TokenSection me={me} />
        <SessionSection me={me} />
      </div>
    </div>
  );
}

function WhoSection({ me: { user, authentication } }: { me: Me }) {
  return (
    <dl className={styles.who}>
      <div>
        <dt>{t("login.user")}</dt>
        <dd>{user.identifier}</dd>
      </div>
      {user.display_name !== user.identifier && (
        <div>
          <dt>{t("me.name")}</dt>
          <dd>{user.display_name}</dd>
        </div>
      )}
      <div>
        <dt>{t("me.roles")}</dt>
        <dd>{user.roles.length === 0 ? <p>{t("me.roles.none")}</p> : <Roles roles={user.roles} />}</dd>
      </div>
      {authentication.roles !== null && (
        <div>
          <dt>{t("me.limit")}</dt>
          <dd>
            {authentication.roles.length === 0 ? <p>{t("me.limit.none")}</p> : <Roles roles={authentication.roles} />}
          </dd>
        </div>
      )}
    </dl>
  );
}

function Roles({ roles }: { roles: readonly string[] }) {
  return (
    <ul className={styles.roles}>
      {roles.map(parseRole).map((one) => (
        <li key={one.entry}>
          <span>
            <strong>{one.role}</strong>{" "}
            {one.project === null ? t("role.everywhere") : t("role.of-project", { project: one.project })}
          </span>
          <span className={page.quiet}>{meaningOf(one)}</span>
        </li>
      ))}
    </ul>
  );
}
