/** The frame around every page: where one is, where one can go, how true what one sees is. */
import { Button, Menu } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useMatch, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { signOut } from "../api/requests";
import { boot } from "../boot";
import { useOverview } from "../live/hooks";
import { projectsQuery } from "../queries";
import { can, canAnywhere, useMe } from "../session";
import { number, t } from "../text/t";
import { Caret } from "../ui/caret";
import { LinkButton, MenuLink } from "../ui/links";
import { Empty } from "../ui/states";
import { Tips } from "../ui/tip";
import { leave } from "./leave";
import { LivePill } from "./live-pill";
import styles from "./shell.module.css";
import { useShortcut, useShortcutKeys } from "./shortcuts";
import { UserMenu } from "./user-menu";

const Help = lazy(() => import("./help"));

export function Shell() {
  const { project } = useParams({ strict: false });
  const navigate = useNavigate();
  const client = useQueryClient();
  const me = useMe();
  const isOwnAccount = useMatch({ from: "/app/me", shouldThrow: false }) !== undefined;
  const [isHelpOpen, setHelpOpen] = useState(false);
  useShortcutKeys();
  useShortcut("?", t("help.open"), () => setHelpOpen(true));
  useShortcut("g r", t("help.go", { page: t("nav.runs") }), () => navigate(runsOf(project)));
  useShortcut("g j", t("help.go", { page: t("nav.jobs") }), () => navigate(jobsOf(project)));
  useShortcut("g m", t("help.go", { page: t("me.title") }), () => navigate({ to: "/me" }));
  useShortcut("g w", t("help.go", { page: t("nav.workers") }), () => navigate({ to: "/workers" }));

  const onSignOut = async () => {
    await signOut().catch(() => undefined);
    leave(client);
  };

  return (
    <div className={styles.shell}>
      <a href="#main" className={styles.skip}>
        {t("nav.skip")}
      </a>
      <header className={styles.topbar}>
        <Link to="/runs" className={styles.brand}>
          {boot.title}
        </Link>
        <ProjectSwitch project={project} />
        <div className={styles.topbarEnd}>
          <LivePill />
          <UserMenu onHelp={() => setHelpOpen(true)} onSignOut={onSignOut} />
        </div>
      </header>
      <Navigation project={project} />
      <main id="main" className={styles.main} tabIndex={-1}>
        {boot.announcement !== null && (
          <p className={styles.announcement} role="status">
            {boot.announcement}
          </p>
        )}
        {canAnywhere(me, "run.read") || isOwnAccount ? (
          <Outlet />
        ) : (
          <Empty
            title={me.user.is_enabled ? t("error.no-role") : t("error.disabled")}
            isPage
            action={
              <LinkButton to="/me" variant="default">
                {t("me.title")}
              </LinkButton>
            }
          >
            {me.user.is_enabled
              ? t("error.no-role.text", { user: me.user.identifier })
              : t("error.disabled.text", { user: me.user.identifier })}
          </Empty>
        )}
        <Tips />
      </main>
      {isHelpOpen && (
        <Suspense>
          <Help onClose={() => setHelpOpen(false)} />
        </Suspense>
      )}
    </div>
  );
}

const runsOf = (project: string | undefined) =>
  project === undefined ? ({ to: "/runs" } as const) : ({ to: "/p/$project/runs", params: { project } } as const);
const jobsOf = (project: string | undefined) =>
  project === undefined ? ({ to: "/jobs" } as const) : ({ to: "/p/$project/jobs", params: { project } } as const);

function ProjectSwitch({ project }: { project: string | undefined }) {
  const isAllowed = canAnywhere(useMe(), "project.read");
  const projects = useQuery({ ...projectsQuery, enabled: isAllowed }).data?.items ?? [];
  const isJobs = useRouterState({ select: (state) => /\/jobs$/.test(state.location.pathname) });
  if (!isAllowed) return null;
  return (
    <Menu position="bottom-start" width={240}>
      <Menu.Target>
        <Button
          variant="subtle"
          rightSection={<Caret />}
          aria-label={t("nav.project", { project: project ?? t("nav.all-projects") })}
        >
          <span className={styles.projectName}>{project ?? t("nav.all-projects")}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <MenuLink {...(isJobs ? jobsOf(undefined) : runsOf(undefined))}>{t("nav.all-projects")}</MenuLink>
        {projects.length > 0 && <Menu.Divider />}
        {projects.map((one) => (
          <MenuLink key={one.identifier} {...(isJobs ? jobsOf(one.identifier) : runsOf(one.identifier))}>
            {one.display_name}
          </MenuLink>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** What is current is said below: the router's own idea would mark the jobs too while one reads a run. */
const EXACT = { exact: true, includeSearch: false };

function Navigation({ project }: { project: string | undefined }) {
  const overview = useOverview();
  const me = useMe();
  const { pathname } = useRouterState({ select: (state) => state.location });
  const isOwnAccount = useMatch({ from: "/app/me", shouldThrow: false }) !== undefined;
  const here = /\/jobs(\/[^/]+)?(\/trigger)?$/.test(pathname)
    ? "jobs"
    : /\/workers/.test(pathname)
      ? "workers"
      : isOwnAccount
        ? "me"
        : "runs";
  const running = overview?.runs.running ?? 0;
  const workers = overview?.workers;
  const current = (name: string) => (here === name ? { "aria-current": "page" as const } : {});
  return (
    <nav className={styles.navigation} aria-label={t("nav.label")}>
      <ul hidden={!canAnywhere(me, "run.read")}>
        <li>
          <Link
            {...runsOf(project)}
            className={styles.item}
            activeProps={{}}
            activeOptions={EXACT}
            {...current("runs")}
          >
            {t("nav.runs")}
            {running > 0 && (
              <span className={styles.badge} data-tip={t("nav.running", { count: running })}>
                {number(running)}
              </span>
            )}
          </Link>
        </li>
        <li>
          <Link
            {...jobsOf(project)}
            className={styles.item}
            activeProps={{}}
            activeOptions={EXACT}
            {...current("jobs")}
          >
            {t("nav.jobs")}
          </Link>
        </li>
        {can(me, "worker.read") && (
          <li>
            <Link to="/workers" className={styles.item} activeProps={{}} activeOptions={EXACT} {...current("workers")}>
              {t("nav.workers")}
              {workers != null && (
                <span
                  className={styles.badge}
                  data-tip={t("nav.connected", { active: workers.active, total: workers.total })}
                >
                  {workers.active}/{workers.total}
                </span>
              )}
            </Link>
          </li>
        )}
      </ul>
      <footer className={styles.footer}>
        {boot.version !== "" && <span>{boot.version}</span>}
        <a href={`${boot.base_path}/api/docs`}>{t("nav.api")}</a>
      </footer>
    </nav>
  );
}
