"""Access: roles × permissions, one table; it alone decides who may do what.

A user's `roles` holds entries `Role` (everywhere) or `Role@project` (only there). Every user has Default
beside them (the own account); who did not authenticate is Anonymous. An entry that is not understood
grants nothing.

    Anonymous ⊂ Default ⊂ Viewer ⊂ Operator ⊂ Administrator          Worker = Default + connect
                           Viewer ⊂ Auditor (reads all, administration and audit log included)

What lies outside projects (`GLOBAL`: users, workers, configuration of the server) needs the role
everywhere. A disabled user keeps `DISABLED`, whatever the roles say. The token that a run receives
speaks for that run: it triggers jobs of its own project, and reads and stops the runs it triggered.

A token may be limited to role entries (`Principal.limit`). It then gives what the owner's roles and the
limit both give, looked at anew at each use: an owner who loses a role takes it from every token. Of the
own account such a token keeps `LIMITED`, so that it can never make, or become, one that may more.

Rules: pure functions of values. Whether an object exists, and to which project it belongs, the
caller finds out: the project comes from the object's row, never from what the client says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from orchestra.domain.ids import is_identifier


class Permission(StrEnum):
    """What a route needs; the names are what `GET /me` lists and the website reads. `MEANINGS` explains them."""

    HEALTH_READ = "health.read"
    WEBSITE_READ = "website.read"
    SESSION_CREATE = "session.create"

    ACCOUNT_READ = "account.read"
    ACCOUNT_UPDATE = "account.update"
    OWN_TOKEN_READ = "account.token.read"
    OWN_TOKEN_CREATE = "account.token.create"
    OWN_TOKEN_DELETE = "account.token.delete"
    DOCUMENTATION_READ = "documentation.read"

    PROJECT_READ = "project.read"
    PROJECT_UPDATE = "project.update"
    JOB_READ = "job.read"
    JOB_UPDATE = "job.update"
    JOB_ENABLE = "job.enable"
    JOB_TRIGGER = "job.trigger"
    SCHEDULE_READ = "schedule.read"
    SCHEDULE_UPDATE = "schedule.update"
    SCHEDULE_ENABLE = "schedule.enable"
    RUN_READ = "run.read"
    RUN_CANCEL = "run.cancel"
    RUN_ABORT = "run.abort"
    RUN_CLOSE = "run.close"
    RUN_RETRY = "run.retry"
    RUN_DELETE = "run.delete"
    EVENT_READ = "event.read"

    WORKER_READ = "worker.read"
    WORKER_ENABLE = "worker.enable"
    WORKER_UPDATE = "worker.update"
    WORKER_CONNECT = "worker.connect"

    USER_READ = "user.read"
    USER_INSPECT = "user.inspect"
    USER_UPDATE = "user.update"
    CONFIGURATION_READ = "configuration.read"
    CONFIGURATION_APPLY = "configuration.apply"
    AUDIT_READ = "audit.read"
    METRICS_READ = "metrics.read"


class Role(StrEnum):
    """The roles; Default and Anonymous are never written into a user's `roles`."""

    ADMINISTRATOR = "Administrator"
    AUDITOR = "Auditor"
    OPERATOR = "Operator"
    VIEWER = "Viewer"
    WORKER = "Worker"
    DEFAULT = "Default"
    ANONYMOUS = "Anonymous"


ASSIGNABLE: Final = (Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR, Role.VIEWER, Role.WORKER)
"""Roles that a user's `roles` may name."""

_P = Permission

MEANINGS: Final[Mapping[Permission, str]] = {
    _P.HEALTH_READ: "ask whether the server is alive and ready",
    _P.WEBSITE_READ: "load the website's files, open its live connection",
    _P.SESSION_CREATE: "sign in; set a password by a one-time link",
    _P.ACCOUNT_READ: "read who one is and what one may",
    _P.ACCOUNT_UPDATE: "set the own password, sign out, end own sessions",
    _P.OWN_TOKEN_READ: "list the own password, tokens and sessions, never their secrets",
    _P.OWN_TOKEN_CREATE: "make tokens for oneself, describe them, let them expire earlier or later",
    _P.OWN_TOKEN_DELETE: "delete own tokens",
    _P.DOCUMENTATION_READ: "read the API's documentation",
    _P.PROJECT_READ: "see that a project exists, and read it",
    _P.PROJECT_UPDATE: "create, change and delete projects",
    _P.JOB_READ: "read jobs and their history",
    _P.JOB_UPDATE: "create, change and delete jobs",
    _P.JOB_ENABLE: "enable and disable jobs",
    _P.JOB_TRIGGER: "trigger jobs",
    _P.SCHEDULE_READ: "read schedules",
    _P.SCHEDULE_UPDATE: "create, change and delete schedules",
    _P.SCHEDULE_ENABLE: "enable and disable schedules",
    _P.RUN_READ: "read runs with their steps, results, events and logs",
    _P.RUN_CANCEL: "cancel runs that have not started",
    _P.RUN_ABORT: "abort runs",
    _P.RUN_CLOSE: "declare runs over whose worker is away",
    _P.RUN_RETRY: "retry runs that have ended",
    _P.RUN_DELETE: "delete runs that have ended, with their logs",
    _P.EVENT_READ: "follow what happens, as far as the other permissions show it",
    _P.WORKER_READ: "read workers",
    _P.WORKER_ENABLE: "enable, disable, annotate and disconnect workers: how a machine is drained",
    _P.WORKER_UPDATE: "rename and delete workers",
    _P.WORKER_CONNECT: "connect as a worker",
    _P.USER_READ: "read users' identifiers and display names",
    _P.USER_INSPECT: "read everything of users, their authentications and sessions, never secrets",
    _P.USER_UPDATE: "create, change and delete users, give roles, make tokens, links and passwords for others",
    _P.CONFIGURATION_READ: "plan configuration files: see what applying would change",
    _P.CONFIGURATION_APPLY: "apply configuration files, import from other systems",
    _P.AUDIT_READ: "read the audit log",
    _P.METRICS_READ: "read the server's metrics",
}

GLOBAL: Final = frozenset(
    {
        _P.WORKER_READ,
        _P.WORKER_ENABLE,
        _P.WORKER_UPDATE,
        _P.WORKER_CONNECT,
        _P.USER_READ,
        _P.USER_INSPECT,
        _P.USER_UPDATE,
        _P.CONFIGURATION_READ,
        _P.CONFIGURATION_APPLY,
        _P.AUDIT_READ,
        _P.METRICS_READ,
    }
)
"""Permissions on what lies outside projects: a role on one project never gives them."""

_ANONYMOUS: Final = frozenset({_P.HEALTH_READ, _P.WEBSITE_READ, _P.SESSION_CREATE})

DISABLED: Final = _ANONYMOUS | {_P.ACCOUNT_READ, _P.ACCOUNT_UPDATE, _P.OWN_TOKEN_READ, _P.OWN_TOKEN_DELETE}
"""What a disabled user keeps: sign in, the own account, delete own tokens; creates none, reaches nothing else."""

_DEFAULT: Final = DISABLED | {_P.OWN_TOKEN_CREATE, _P.DOCUMENTATION_READ}

LIMITED: Final = _ANONYMOUS | {_P.ACCOUNT_READ, _P.DOCUMENTATION_READ}
"""What a limited token keeps of Default: it makes no tokens, sets no password and ends no sessions."""

_VIEWER: Final = _DEFAULT | {
    _P.PROJECT_READ,
    _P.JOB_READ,
    _P.SCHEDULE_READ,
    _P.RUN_READ,
    _P.EVENT_READ,
    _P.WORKER_READ,
    _P.USER_READ,
}

_OPERATOR: Final = _VIEWER | {
    _P.JOB_TRIGGER,
    _P.JOB_ENABLE,
    _P.SCHEDULE_ENABLE,
    _P.RUN_CANCEL,
    _P.RUN_ABORT,
    _P.RUN_CLOSE,
    _P.RUN_RETRY,
    _P.WORKER_ENABLE,
}

_AUDITOR: Final = _VIEWER | {_P.USER_INSPECT, _P.CONFIGURATION_READ, _P.AUDIT_READ, _P.METRICS_READ}

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.ANONYMOUS: _ANONYMOUS,
    Role.DEFAULT: _DEFAULT,
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.AUDITOR: _AUDITOR,
    Role.WORKER: _DEFAULT | {_P.WORKER_CONNECT},
    # All of it, but an administrator is no worker: a token made for a machine is a token that only connects.
    Role.ADMINISTRATOR: frozenset(Permission) - {_P.WORKER_CONNECT},
}
"""The table. What is absent is refused."""

RUN_TOKEN: Final = frozenset({_P.PROJECT_READ, _P.JOB_READ, _P.JOB_TRIGGER, _P.RUN_READ, _P.RUN_CANCEL, _P.RUN_ABORT})
"""What a run's own token may, in the run's project; `may_touch` narrows runs to those that it triggered."""

RUN_ACCOUNT: Final = _ANONYMOUS | {_P.ACCOUNT_READ}
"""What it has instead of Default: it may ask who it is."""


class TokenKind(StrEnum):
    """The letter in a token's prefix `orc<letter>_`."""

    USER = "u"
    SESSION = "s"
    WORKER = "w"
    ENROLMENT = "e"
    RUN = "r"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a user, by one authentication. `run` and `project` are set for a run's token only.

    `limit` holds the role entries to which a token is limited, None when it is not; an empty one leaves `LIMITED`.
    `expiration_date` (aware UTC) is when the authentication ends: whoever keeps a Principal checks it.
    """

    user: str
    roles: tuple[str, ...] = ()
    limit: tuple[str, ...] | None = None
    is_enabled: bool = True
    kind: TokenKind = TokenKind.USER
    authentication: str | None = None
    expiration_date: datetime | None = None
    run: str | None = None
    project: str | None = None

    def can(self, permission: Permission, project: str | None = None) -> bool:
        """Tell whether this principal has `permission`; see `can` for what `project` means."""
        if permission in _DEFAULT:
            return permission in self._account()
        if not self.is_enabled:
            return False
        if self.run is not None:
            return project == self.project and permission in RUN_TOKEN
        return can(self.roles, permission, project) and (self.limit is None or can(self.limit, permission, project))

    def scope(self, permission: Permission) -> frozenset[str] | None:
        """Return the projects in which this principal has `permission`; None means everywhere."""
        if self.can(permission):
            return None
        if not self.is_enabled or permission in _DEFAULT or permission in GLOBAL:
            return frozenset()
        if self.run is not None:
            return frozenset({self.project} if self.project and permission in RUN_TOKEN else ())
        given = _scope(self.roles, permission)
        allowed = None if self.limit is None else _scope(self.limit, permission)
        if given is None or allowed is None:
            return allowed if given is None else given
        return given & allowed

    def _account(self) -> frozenset[Permission]:
        """What is left of Default: the own account, and what everybody may."""
        if self.run is not None:
            return RUN_ACCOUNT
        kept = _DEFAULT if self.is_enabled else DISABLED
        return kept if self.limit is None else kept & LIMITED

    def may_touch(self, run: str, source: Mapping[str, object]) -> bool:
        """Tell whether the run `run`, triggered by `source`, is within reach of a run's token.

        Always true for people; a run's token reaches its own run and those that name it as their source.
        """
        return self.run is None or run == self.run or (source.get("type") == "run" and source.get("run") == self.run)


def can(roles: Iterable[str], permission: Permission, project: str | None = None) -> bool:
    """Tell whether an enabled user with `roles` has `permission`.

    With `project` None the permission must hold everywhere; else a role everywhere or a role on that
    project gives it, except for `GLOBAL` permissions, which a role on one project never gives.
    """
    if permission in _DEFAULT:
        return True
    for entry in roles:
        role, where = _parse(entry)
        if role is None or permission not in PERMISSIONS[role]:
            continue
        if where is None or (where == project and permission not in GLOBAL):
            return True
    return False


def _scope(roles: Iterable[str], permission: Permission) -> frozenset[str] | None:
    """The projects in which `roles` give a permission that is not of Default; None: everywhere."""
    where = {project for role, project in map(_parse, roles) if role is not None and permission in PERMISSIONS[role]}
    return None if None in where else frozenset(one for one in where if one is not None)


def can_anonymous(permission: Permission) -> bool:
    """Tell whether someone who did not authenticate has `permission`."""
    return permission in _ANONYMOUS


def check_role(entry: str) -> str | None:
    """Return why `entry` cannot stand in a user's `roles`, or None when it can."""
    role, at, project = entry.partition("@")
    if role not in ASSIGNABLE:
        return f"expected one of {', '.join(ASSIGNABLE)}, alone or followed by @project, got {entry!r}"
    if at and not is_identifier(project):
        return f"expected a project's identifier after @, got {project!r}"
    if at and role == Role.WORKER:
        return "a worker lies outside projects: expected Worker without @project"
    return None


@lru_cache(maxsize=4096)
def _parse(entry: str) -> tuple[Role | None, str | None]:
    """(role, project), project None for everywhere; (None, None) for what may not be assigned."""
    if check_role(entry) is not None:
        return None, None
    role, at, project = entry.partition("@")
    return Role(role), project if at else None
