/** Every address of the website, and what its search parameters may hold. The address is the state. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  useLocation,
} from "@tanstack/react-router";
import { Problem } from "./api/problem";
import { getRun } from "./api/requests";
import type { RunStatus } from "./api/types";
import { boot } from "./boot";
import { runs } from "./live/hub";
import type { JobTab } from "./pages/job";
import { RunsPage, type RunsSearch } from "./pages/runs";
import { runQuery } from "./queries";
import { meQuery } from "./session";
import { Shell } from "./shell/shell";
import { ALL_STATUSES } from "./status/registry";
import { t } from "./text/t";
import { Empty, Failure } from "./ui/states";

interface Context {
  readonly client: QueryClient;
}

type Search = Record<string, unknown>;

const text = (value: unknown): string | undefined => {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
};

function readStatus(value: unknown): readonly RunStatus[] | undefined {
  const given = Array.isArray(value) ? value : typeof value === "string" ? value.split(",") : [];
  const found = ALL_STATUSES.filter((status) => given.includes(status));
  return found.length === 0 ? undefined : found;
}

function readRunsSearch(search: Search): RunsSearch {
  return { status: readStatus(search.status), job: text(search.job), worker: text(search.worker) };
}

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  errorComponent: BrokenAlone,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Search): { next?: string | undefined; code?: string | undefined } => ({
    next: text(search.next),
    code: text(search.code),
  }),
  component: function Login() {
    const { next, code } = login.useSearch();
    // Only a path of ours: an address elsewhere would make the sign-in a trap.
    const isOwn = next !== undefined && /^\/(?![/\\])/.test(next);
    return <LoginPage next={isOwn ? next : "/"} code={code} />;
  },
});
const LoginPage = lazyRouteComponent(() => import("./pages/login"));

const setPassword = createRoute({
  getParentRoute: () => root,
  path: "/set-password",
  component: function SetPassword() {
    return <SetPasswordPage code={useLocation().hash} />;
  },
});
const SetPasswordPage = lazyRouteComponent(() => import("./pages/set-password"));

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  beforeLoad: async ({ context, location }) => {
    const toLogin = () => redirect({ to: "/login", search: { next: location.href } });
    const isKnown = context.client.getQueryData(meQuery.queryKey) !== undefined;
    // The page knows whether its request brought a session: no request that is bound to be refused.
    if (!isKnown && !boot.is_signed_in) throw toLogin();
    try {
      await context.client.ensureQueryData(meQuery);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) throw toLogin();
      throw error;
    }
  },
  component: Shell,
  errorComponent: BrokenAlone,
});

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/runs", replace: true });
  },
});

const allRuns = createRoute({
  getParentRoute: () => app,
  path: "/runs",
  validateSearch: readRunsSearch,
  component: function AllRuns() {
    return <RunsPage search={allRuns.useSearch()} />;
  },
});

const anyRun = createRoute({
  getParentRoute: () => app,
  path: "/runs/$run",
  loader: async ({ params, location }) => {
    const run = await getRun(params.run);
    runs.put([run]);
    throw redirect({
      to: "/p/$project/jobs/$job/runs/$number",
      params: { project: run.project, job: run.job, number: String(run.number) },
      hash: location.hash,
      replace: true,
    });
  },
  pendingComponent: () => null,
});

const project = createRoute({
  getParentRoute: () => app,
  path: "/p/$project",
  beforeLoad: ({ params, location }) => {
    if (location.pathname.replace(/\/$/, "") === `/p/${encodeURIComponent(params.project)}`)
      throw redirect({ to: "/p/$project/runs", params, replace: true });
  },
  component: Outlet,
});

const projectRuns = createRoute({
  getParentRoute: () => project,
  path: "/runs",
  validateSearch: readRunsSearch,
  component: function ProjectRuns() {
    return <RunsPage project={projectRuns.useParams().project} search={projectRuns.useSearch()} />;
  },
});

const JobsPage = lazyRouteComponent(() => import("./pages/jobs"));
const allJobs = createRoute({ getParentRoute: () => app, path: "/jobs", component: () => <JobsPage /> });

const projectJobs = createRoute({
  getParentRoute: () => project,
  path: "/jobs",
  component: function ProjectJobs() {
    return <JobsPage project={projectJobs.useParams().project} />;
  },
});

const JobPage = lazyRouteComponent(() => import("./pages/job"));
const job = createRoute({
  getParentRoute: () => project,
  path: "/jobs/$job",
  validateSearch: (search: Search): { tab?: JobTab | undefined; status?: readonly RunStatus[] | undefined } => ({
    tab: search.tab === "definition" ? "definition" : undefined,
    status: readStatus(search.status),
  }),
  component: function OneJob() {
    const params = job.useParams();
    const { tab, status } = job.useSearch();
    return <JobPage key={`${params.project}/${params.job}`} {...params} tab={tab ?? "runs"} status={status} />;
  },
});

const TriggerPage = lazyRouteComponent(() => import("./pages/trigger"));
const trigger = createRoute({
  getParentRoute: () => project,
  path: "/jobs/$job/trigger",
  validateSearch: (search: Search): { from?: string | undefined } & Record<`param.${string}`, string> => ({
    ...Object.fromEntries(
      Object.entries(search)
        .filter(([name]) => name.startsWith("param."))
        .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    from: text(search.from),
  }),
  component: function Trigger() {
    const params = trigger.useParams();
    const { from, ...given } = trigger.useSearch();
    const values = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name.slice("param.".length), String(value)]),
    );
    return <TriggerPage key={`${params.project}/${params.job}/${from}`} {...params} given={values} from={from} />;
  },
});

const RunPage = lazyRouteComponent(() => import("./pages/run/run-page"));
const run = createRoute({
  getParentRoute: () => project,
  path: "/jobs/$job/runs/$number",
  beforeLoad: ({ params }) => {
    if (!/^[1-9]\d{0,15}$/.test(params.number)) throw new Problem(404, {});
  },
  loader: ({ context, params }) => {
    // Begins with the page, not after it; the page itself shows what became of it.
    void context.client.prefetchQuery(runQuery(params.project, params.job, Number(params.number)));
  },
  component: function OneRun() {
    const params = run.useParams();
    return <RunPage key={Object.values(params).join("/")} {...params} number={Number(params.number)} />;
  },
});

const tab = <P extends string>(path: P, load: () => Promise<{ default: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => run, path, component: lazyRouteComponent(load), errorComponent: BrokenTab });

const workersPage = createRoute({
  getParentRoute: () => app,
  path: "/workers",
  component: lazyRouteComponent(() => import("./pages/workers")),
});

const mePage = createRoute({
  getParentRoute: () => app,
  path: "/me",
  component: lazyRouteComponent(() => import("./pages/me/me-page")),
});

const nowhere = createRoute({ getParentRoute: () => app, path: "/$", component: Missing });

const routes = root.addChildren([
  login,
  setPassword,
  app.addChildren([
    home,
    allRuns,
    anyRun,
    allJobs,
    workersPage,
    mePage,
    nowhere,
    project.addChildren([
      projectRuns,
      projectJobs,
      job,
      trigger,
      run.addChildren([
        tab("/", () => import("./pages/run/log-tab")),
        tab("/log", () => import("./pages/run/log-tab")),
        tab("/timeline", () => import("./pages/run/timeline-tab")),
        tab("/results", () => import("./pages/run/results-tab")),
        tab("/artifacts", () => import("./pages/run/artifacts-tab")),
        tab("/parameters", () => import("./pages/run/parameters-tab")),
        tab("/events", () => import("./pages/run/events-tab")),
        tab("/definition", () => import("./pages/run/definition-tab")),
      ]),
    ]),
  ]),
]);

function Missing() {
  return (
    <Empty title={t("error.missing")} isPage>
      {t("error.missing.text")}
    </Empty>
  );
}

function Broken({ error, reset }: { error: unknown; reset: () => void }) {
  return <Failure error={error} retry={reset} isPage />;
}

/** A part of a page that has its heading. */
function BrokenTab({ error, reset }: { error: unknown; reset: () => void }) {
  return <Failure error={error} retry={reset} />;
}

/** Where there is no frame around it. */
function BrokenAlone(props: { error: unknown; reset: () => void }) {
  return (
    <main>
      <Broken {...props} />
    </main>
  );
}

export function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree: routes,
    basepath: boot.base_path === "" ? "/" : boot.base_path,
    context: { client },
    defaultNotFoundComponent: Missing,
    defaultErrorComponent: Broken,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    defaultPendingMs: 150,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
