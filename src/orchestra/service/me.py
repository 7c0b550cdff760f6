"""Me: what the caller is and may, as the website needs it to show, to hide, and to explain."""

from sqlalchemy import Connection

from orchestra.domain.access import GLOBAL, Permission, Principal, TokenKind
from orchestra.service.authentication import Caller
from orchestra.service.entities import Date, Entity, optional_date
from orchestra.storage import password_records, users


class MeUser(Entity, frozen=True):
    """The caller's user; for a run's token a user of that name does not exist.

    `has_password` tells whether a change of the password needs the current one.
    """

    identifier: str
    display_name: str
    roles: tuple[str, ...]
    is_enabled: bool
    has_password: bool


class MeAuthentication(Entity, frozen=True):
    """How the caller authenticated: by which kind of token, and until when it is valid.

    `roles` are what the token is limited to, null: nothing. `authentication_date` is when a session's user proved
    last who they are; what hands out rights asks for a proof of the last 15 minutes.
    """

    identifier: str | None
    kind: str
    roles: tuple[str, ...] | None
    authentication_date: Date | None
    expiration_date: Date | None


class Me(Entity, frozen=True):
    """`permissions` hold everywhere; `projects` maps each project where there are more to those it adds.

    `csrf_token` is what a session sends as `X-CSRF-Token` with each change; null for tokens.
    """

    user: MeUser
    permissions: list[Permission]
    projects: dict[str, list[Permission]]
    authentication: MeAuthentication
    csrf_token: str | None


_KINDS = {
    TokenKind.USER: "token",
    TokenKind.WORKER: "token",
    TokenKind.SESSION: "session",
    TokenKind.ENROLMENT: "enrolment",
    TokenKind.RUN: "run",
}


def read_me(connection: Connection, caller: Caller) -> Me:
    """Return what the website shows of the caller."""
    principal = caller.principal
    user = users.get(connection, principal.user)
    everywhere = [one for one in Permission if principal.can(one)]
    return Me(
        user=MeUser(
            identifier=principal.user,
            display_name=principal.user if user is None else user.display_name,
            roles=principal.roles,
            is_enabled=principal.is_enabled,
            has_password=password_records.find(connection, principal.user) is not None,
        ),
        permissions=everywhere,
        projects={project: found for project in _projects(principal) if (found := _added(principal, project))},
        authentication=MeAuthentication(
            identifier=principal.authentication,
            kind=_KINDS[principal.kind],
            roles=principal.limit,
            authentication_date=optional_date(caller.authentication_date),
            expiration_date=optional_date(principal.expiration_date),
        ),
        csrf_token=caller.csrf,
    )


def _projects(principal: Principal) -> list[str]:
    """Projects that the caller's roles or run name."""
    named = {project for permission in Permission for project in principal.scope(permission) or ()}
    return sorted(named)


def _added(principal: Principal, project: str) -> list[Permission]:
    return [one for one in Permission if one not in GLOBAL and not principal.can(one) and principal.can(one, project)]
