"""What the tests of access know of the API: every route with its permission and its kind, and who calls.

A row is `method path kind permission`, where the kind says what decides beside the permission:

    open      anybody
    own       the own account: nothing but who asks
    server    what lies outside projects: the role everywhere
    list      what is narrowed to the caller's projects: the permission anywhere
    project   the project in the path
    run       the project of the run's row

`stream` after a row: an answer without an end. `absent`: what the path names does not exist, so that
nothing is deleted; whoever may is answered 404.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestra.domain.access import DISABLED, GLOBAL, LIMITED, PERMISSIONS, RUN_TOKEN, Permission, Role

OWN, OTHER, NOWHERE = "core", "secret-lab", "nowhere-lab"
"""A project that callers know, one that exists beside it, and one that does not exist."""

ROUTES = """
GET    /health/live                                             open    health.read
GET    /health/ready                                            open    health.read
WS     /api/v1/live                                             open    website.read
WS     /api/v1/workers/connect                                  server  worker.connect
POST   /api/v1/me/login                                         open    session.create
POST   /api/v1/me/password                                      open    session.create

GET    /api/docs                                                own     documentation.read
GET    /api/v1/openapi.json                                     own     documentation.read
GET    /api/v1/me                                               own     account.read
GET    /api/v1/me/sessions                                      own     account.token.read
DELETE /api/v1/me/sessions                                      own     account.update
DELETE /api/v1/me/sessions/{identifier}                         own     account.update       absent
POST   /api/v1/me/logout                                        own     account.update
PUT    /api/v1/me/password                                      own     account.update
POST   /api/v1/me/reauthenticate                                own     account.update
GET    /api/v1/me/authentications                               own     account.token.read
POST   /api/v1/me/authentications                               own     account.token.create
GET    /api/v1/me/authentications/{identifier}                  own     account.token.read   absent
PATCH  /api/v1/me/authentications/{identifier}                  own     account.token.create absent
DELETE /api/v1/me/authentications/{identifier}                  own     account.token.delete absent

GET    /api/v1/events                                           list    event.read           stream
GET    /api/v1/projects                                         list    project.read
GET    /api/v1/runs                                             list    run.read

GET    /api/v1/projects/{project}                               project project.read
PUT    /api/v1/projects/{project}                               project project.update
PATCH  /api/v1/projects/{project}                               project project.update
DELETE /api/v1/projects/{project}                               project project.update
GET    /api/v1/projects/{project}/runs                          project run.read
GET    /api/v1/projects/{project}/jobs                          project job.read
GET    /api/v1/projects/{project}/jobs/{job}                    project job.read
PUT    /api/v1/projects/{project}/jobs/{job}                    project job.update
PATCH  /api/v1/projects/{project}/jobs/{job}                    project job.enable
DELETE /api/v1/projects/{project}/jobs/{job}                    project job.update
GET    /api/v1/projects/{project}/jobs/{job}/revisions          project job.read
GET    /api/v1/projects/{project}/jobs/{job}/revisions/{revision} project job.read
GET    /api/v1/projects/{project}/jobs/{job}/revisions/{revision}/changes project job.read
POST   /api/v1/projects/{project}/jobs/{job}/trigger            project job.trigger
GET    /api/v1/projects/{project}/jobs/{job}/runs               project run.read
GET    /api/v1/projects/{project}/jobs/{job}/runs/{number}      project run.read
GET    /api/v1/projects/{project}/schedules                     project schedule.read
GET    /api/v1/projects/{project}/schedules/{schedule}          project schedule.read
PUT    /api/v1/projects/{project}/schedules/{schedule}          project schedule.update
PATCH  /api/v1/projects/{project}/schedules/{schedule}          project schedule.enable
DELETE /api/v1/projects/{project}/schedules/{schedule}          project schedule.update
GET    /api/v1/projects/{project}/schedules/{schedule}/preview  project schedule.read

GET    /api/v1/schedules/forecast                               list    schedule.read
GET    /api/v1/schedules/preview                                list    schedule.read
GET    /api/v1/search                                           list    project.read
POST   /api/v1/runs/bulk                                        list    run.read
GET    /api/v1/runs/{run}                                       run     run.read
DELETE /api/v1/runs/{run}                                       run     run.delete
POST   /api/v1/runs/{run}/cancel                                run     run.cancel
POST   /api/v1/runs/{run}/abort                                 run     run.abort
POST   /api/v1/runs/{run}/close                                 run     run.close
POST   /api/v1/runs/{run}/retry                                 run     run.retry
GET    /api/v1/runs/{run}/explain                               run     run.read
GET    /api/v1/runs/{run}/events                                run     run.read
GET    /api/v1/runs/{run}/results                               run     run.read
GET    /api/v1/runs/{run}/steps                                 run     run.read
GET    /api/v1/runs/{run}/log                                   run     run.read
GET    /api/v1/runs/{run}/archive                               run     run.read
GET    /api/v1/runs/{run}/artifacts                             run     run.read
GET    /api/v1/runs/{run}/artifacts/{path}                      run     run.read             absent
GET    /api/v1/runs/{run}/log/info                              run     run.read
GET    /api/v1/runs/{run}/log/lines                             run     run.read
GET    /api/v1/runs/{run}/log/lines/{line}                      run     run.read
GET    /api/v1/runs/{run}/log/sections                          run     run.read
GET    /api/v1/runs/{run}/log/stream                            run     run.read             stream

GET    /api/v1/workers                                          server  worker.read
GET    /api/v1/workers/{worker}                                 server  worker.read
PATCH  /api/v1/workers/{worker}                                 server  worker.enable
DELETE /api/v1/workers/{worker}                                 server  worker.update
POST   /api/v1/workers/{worker}/disconnect                      server  worker.enable
GET    /api/v1/users                                            server  user.read
GET    /api/v1/users/{user}                                     server  user.read
PUT    /api/v1/users/{user}                                     server  user.update
PATCH  /api/v1/users/{user}                                     server  user.update
DELETE /api/v1/users/{user}                                     server  user.update
PUT    /api/v1/users/{user}/password                            server  user.update
POST   /api/v1/users/{user}/link                                server  user.update
GET    /api/v1/users/{user}/sessions                            server  user.inspect
DELETE /api/v1/users/{user}/sessions                            server  user.update
GET    /api/v1/users/{user}/authentications                     server  user.inspect
POST   /api/v1/users/{user}/authentications                     server  user.update
GET    /api/v1/users/{user}/authentications/{identifier}        server  user.inspect         absent
PATCH  /api/v1/users/{user}/authentications/{identifier}        server  user.update          absent
DELETE /api/v1/users/{user}/authentications/{identifier}        server  user.update          absent
POST   /api/v1/configuration/plan                               server  configuration.read
POST   /api/v1/configuration/apply                              server  configuration.apply
POST   /api/v1/import/job-orchestra                             server  configuration.apply
"""

TOPICS = """
me                  own     account.read
runs                list    run.read
overview            list    event.read
runs@project        project run.read
overview@project    project event.read
run:{run}           run     run.read
log:{run}           run     run.read
workers             server  worker.read
worker:{worker}     server  worker.read
"""
"""What can be followed on the live connection; `@project` is the argument of that name."""


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    kind: str
    permission: Permission
    is_stream: bool = False
    is_absent: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def targets(self) -> tuple[str | None, ...]:
        """The projects whose objects it is tried with."""
        return {"project": (OWN, OTHER, NOWHERE), "run": (OWN, "foreign", OTHER, NOWHERE)}.get(self.kind, (None,))


def _rows() -> list[Row]:
    found = []
    for line in ROUTES.split("\n"):
        words = line.split()
        if words:
            method, path, kind, permission, *flags = words
            found.append(Row(method, path, kind, Permission(permission), "stream" in flags, "absent" in flags))
    return found


ROWS = _rows()
TOPIC_ROWS = [
    Row("TOPIC", topic, kind, Permission(permission))
    for topic, kind, permission in (line.split() for line in TOPICS.split("\n") if line)
]


@dataclass(frozen=True)
class Caller:
    """Who asks. `limit` is what the token is limited to; `is_dead`: the token has expired or was deleted."""

    name: str
    roles: tuple[str, ...] = ()
    limit: tuple[str, ...] | None = None
    is_enabled: bool = True
    is_dead: bool = False
    is_anonymous: bool = False
    is_run: bool = False

    def __str__(self) -> str:
        return self.name


CALLERS = [
    Caller("anonymous", is_anonymous=True),
    Caller("nobody"),
    *(Caller(str(role).lower(), (role,)) for role in PERMISSIONS if role not in (Role.DEFAULT, Role.ANONYMOUS)),
    *(
        Caller(f"{role.lower()}-of-core", (f"{role}@{OWN}",))
        for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR, Role.VIEWER)
    ),
    Caller("mixed", (f"Operator@{OWN}", "Worker")),
    Caller("disabled-administrator", ("Administrator",), is_enabled=False),
    Caller("disabled-viewer-of-core", (f"Viewer@{OWN}",), is_enabled=False),
    Caller("limited-to-viewing", ("Administrator",), ("Viewer",)),
    Caller("limited-to-operating-core", ("Administrator",), (f"Operator@{OWN}",)),
    Caller("limited-to-administering-core", ("Administrator",), (f"Administrator@{OWN}",)),
    Caller("limited-beyond-the-owner", (f"Viewer@{OWN}",), ("Operator",)),
    Caller("limited-elsewhere", (f"Viewer@{OWN}",), (f"Operator@{OTHER}",)),
    Caller("limited-to-nothing", ("Administrator",), ()),
    Caller("limited-worker", ("Worker", "Viewer"), ("Worker",)),
    Caller("limited-and-disabled", ("Administrator",), ("Administrator",), is_enabled=False),
    Caller("expired", ("Administrator",), is_dead=True),
    Caller("deleted", ("Administrator",), is_dead=True),
    Caller("run", is_run=True),
    Caller("run-that-ended", is_run=True, is_dead=True),
]


def oracle(caller: Caller, row: Row, target: str | None) -> int:
    """What the table of roles says that `caller` is answered: 401, 403, 404 (it must not know), or 0: let in."""
    project = OWN if target == "foreign" else target
    if row.permission in PERMISSIONS[Role.ANONYMOUS]:
        return 0
    if caller.is_anonymous or caller.is_dead:
        return 401
    if row.kind in ("own", "server"):
        return 0 if _holds(caller, row.permission, None) else 403
    anywhere = any(_holds(caller, row.permission, where) for where in (None, OWN, OTHER))
    if row.kind == "list":
        return 0 if anywhere else 403
    if row.kind == "project":
        if _holds(caller, row.permission, project):
            return 0
        return 403 if _holds(caller, Permission.PROJECT_READ, project) else 404
    if not anywhere:
        # On the live connection there is no route that could be closed: the run is not there.
        return 404 if row.method == "TOPIC" else 403
    if not _holds(caller, Permission.RUN_READ, project) or (caller.is_run and target != OWN):
        return 404
    return 0 if _holds(caller, row.permission, project) else 403


def _holds(caller: Caller, permission: Permission, where: str | None) -> bool:
    if caller.is_run:
        return permission == Permission.ACCOUNT_READ or (where == OWN and permission in RUN_TOKEN)
    if permission in PERMISSIONS[Role.DEFAULT]:
        return (caller.is_enabled or permission in DISABLED) and (caller.limit is None or permission in LIMITED)
    given = _give(caller.roles, permission, where) and (caller.limit is None or _give(caller.limit, permission, where))
    return caller.is_enabled and given


def _give(entries: tuple[str, ...], permission: Permission, where: str | None) -> bool:
    for entry in entries:
        role, at, project = entry.partition("@")
        if permission in PERMISSIONS[Role(role)] and (not at or (project == where and permission not in GLOBAL)):
            return True
    return False


def cells() -> list[tuple[Caller, str, Row, str | None]]:
    """Every case: caller, method, row, target. HEAD beside each GET, OPTIONS beside each path."""
    found: list[tuple[Caller, str, Row, str | None]] = []
    for caller in CALLERS:
        paths: set[str] = set()
        for row in (*ROWS, *TOPIC_ROWS):
            methods = ["GET", "HEAD"] if row.method == "GET" else [row.method]
            if row.method not in ("WS", "TOPIC") and row.path not in paths:
                methods.append("OPTIONS")
                paths.add(row.path)
            found += [(caller, method, row, target) for method in methods for target in row.targets]
    return found


CELLS = cells()
