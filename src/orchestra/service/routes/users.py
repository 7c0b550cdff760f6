"""Users and their roles."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from litestar import delete, get, patch, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal, Role, check_role
from orchestra.domain.errors import Conflict, InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.ids import is_identifier
from orchestra.domain.user import User
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs
from orchestra.service.entities import Listing, UserEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, IsEnabled, Limit, Order
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.sign_in import check_fresh, tell_access_changed
from orchestra.storage import sessions, users
from orchestra.storage.paging import Asked
from orchestra.storage.sessions import End

HasRole = Annotated[
    str | None, QueryParameter(description="Only users whose `roles` have this entry, such as `Viewer@website`.")
]
NAMES: Final = ("identifier", "display_name")
"""What everybody who may read users is shown of them."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Roles = Annotated[list[str], msgspec.Meta(max_length=1000)]


class UserInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user; `display_name` defaults to the identifier, `is_enabled` keeps its value."""

    display_name: Name | UnsetType = UNSET
    roles: Roles = []
    is_enabled: bool | UnsetType = UNSET


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a user; what is absent stays."""

    display_name: Name | UnsetType = UNSET
    roles: Roles | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a user is to be, for the storage."""

    identifier: str
    display_name: str
    roles: tuple[str, ...]
    is_enabled: bool | None


@get("/users", operation_id="listUsers", tags=["users"], opt=needs(Permission.USER_READ))
async def list_users(
    *,
    request: ApiRequest,
    role: HasRole = None,
    is_enabled: IsEnabled = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[UserEntity]:
    """List users: names for those who may see names, everything for administrators and auditors.

    Only they may filter and order by more than names.
    """
    _check_order(request.principal, order)
    _check_filters(request.principal, role=role, is_enabled=is_enabled)
    asked = Asked(order=order, cursor=cursor, limit=limit)
    page = await request.parts.database.read(lambda rows: users.page(rows, asked, role=role, is_enabled=is_enabled))
    return Listing(items=[_show(request.principal, user) for user in page.items], next_cursor=page.next_cursor)


def _check_filters(principal: Principal, **filters: object) -> None:
    """Refuse a filter by what the caller is not shown: what is left would tell it. Raises InvalidContent."""
    given = [name for name, value in filters.items() if value is not None]
    if given and not principal.can(Permission.USER_INSPECT):
        says = f"only who has the permission {Permission.USER_INSPECT} may filter users by it"
        raise InvalidContent("the list cannot be read", tuple(Problem(name, says) for name in given))


def _check_order(principal: Principal, order: str | None) -> None:
    """Refuse an order by what the caller is not shown: the order would tell it. Raises InvalidContent."""
    if order is None or principal.can(Permission.USER_INSPECT) or order.removeprefix("-") in NAMES:
        return
    expected = ", ".join(f"{one}, -{one}" for one in NAMES)
    raise InvalidContent("the list cannot be read", (Problem("order", f"expected one of {expected}, got {order!r}"),))


@get("/users/{user:str}", operation_id="getUser", tags=["users"], opt=needs(Permission.USER_READ))
async def get_user(request: ApiRequest, user: FromPath[str], if_none_match: IfNoneMatch = None) -> Response[UserEntity]:
    """Read one user."""
    found = await request.parts.database.read(lambda rows: users.get(rows, user))
    if found is None:
        raise NotFound(f"there is no user {user}")
    return conditional.answer(_show(request.principal, found), if_none_match)


def _show(principal: Principal, user: User) -> UserEntity:
    return entities.user(user) if principal.can(Permission.USER_INSPECT) else entities.user_name(user)


@put("/users/{user:str}", operation_id="putUser", tags=["users"], opt=needs(Permission.USER_UPDATE))
async def put_user(
    request: ApiRequest, user: FromPath[str], data: JSONBody[UserInput], if_match: IfMatch = None
) -> Response[UserEntity]:
    """Create or replace a user."""
    problems = _role_problems(data.roles)
    if not is_identifier(user):
        problems = (Problem("identifier", f"expected letters, digits, _ . -, got {user!r}"), *problems)
    if problems:
        raise InvalidContent("the user does not fit", problems)
    wanted = _Wanted(
        user,
        user if data.display_name is UNSET else data.display_name,
        tuple(data.roles),
        None if data.is_enabled is UNSET else data.is_enabled,
    )
    before, after = settle(await request.parts.database.write(lambda rows: _save(request, rows, wanted, if_match)))
    tell_access_changed(request.parts)
    return conditional.answer(entities.user(after), status=201 if before is None else 200)


@patch("/users/{user:str}", operation_id="changeUser", tags=["users"], opt=needs(Permission.USER_UPDATE))
async def change_user(
    request: ApiRequest, user: FromPath[str], data: JSONBody[UserChange], if_match: IfMatch = None
) -> Response[UserEntity]:
    """Change a user. A disabled user keeps only the own account; its tokens reach nothing else."""
    problems = () if data.roles is UNSET else _role_problems(data.roles)
    if problems:
        raise InvalidContent("the change does not fit", problems)

    def write(rows: Connection) -> tuple[User | None, User] | OrchestraError:
        before = users.get(rows, user)
        if before is None:
            return NotFound(f"there is no user {user}")
        wanted = _Wanted(
            user,
            before.display_name if data.display_name is UNSET else data.display_name,
            before.roles if data.roles is UNSET else tuple(data.roles),
            None if data.is_enabled is UNSET else data.is_enabled,
        )
        return _save(request, rows, wanted, if_match)

    _, after = settle(await request.parts.database.write(write))
    tell_access_changed(request.parts)
    return conditional.answer(entities.user(after))


@delete("/users/{user:str}", operation_id="deleteUser", tags=["users"], opt=needs(Permission.USER_UPDATE))
async def delete_user(request: ApiRequest, user: FromPath[str], if_match: IfMatch = None) -> None:
    """Delete a user with all tokens and sessions. 409 while the user owns workers, or is the last administrator."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        before = users.get(rows, user)
        if before is None:
            return NotFound(f"there is no user {user}")
        refused = conditional.check(if_match, entities.user(before))
        if refused is not None:
            return refused
        if _is_administrator(before) and not _other_administrators(rows, user):
            return _last_administrator(user)
        try:
            users.delete(rows, user, now, actor=actor)
        except Conflict as error:
            return error
        return None

    settle(await request.parts.database.write(write))
    tell_access_changed(request.parts)


def _save(
    request: ApiRequest, rows: Connection, wanted: _Wanted, if_match: str | None
) -> tuple[User | None, User] | OrchestraError:
    before = users.get(rows, wanted.identifier)
    refused = conditional.check(if_match, None if before is None else entities.user(before))
    if refused is not None:
        return refused
    stays = Role.ADMINISTRATOR in wanted.roles and wanted.is_enabled is not False
    loses = before is not None and _is_administrator(before) and not stays
    if loses and not _other_administrators(rows, wanted.identifier):
        return _last_administrator(wanted.identifier)
    if wanted.roles != (() if before is None else before.roles):
        stale = check_fresh(request)
        if stale is not None:
            return stale
    now, actor = request.parts.clock.now(), request.principal.user
    after = users.save(rows, wanted, now, actor=actor)
    # A session keeps nothing of the rights with which it began.
    if before is not None and before.roles != after.roles:
        _end_sessions(request, rows, after, End.ROLES_CHANGED)
    elif before is not None and before.is_enabled and not after.is_enabled:
        _end_sessions(request, rows, after, End.USER_DISABLED)
    return before, after


def _end_sessions(request: ApiRequest, rows: Connection, user: User, reason: End) -> None:
    now, actor = request.parts.clock.now(), request.principal.user
    sessions.end_all(rows, user.identifier, now, reason=reason, but=request.caller.session, actor=actor)


def _is_administrator(user: User) -> bool:
    return user.is_enabled and Role.ADMINISTRATOR in user.roles


def _other_administrators(rows: Connection, user: str) -> bool:
    cursor: str | None = None
    while True:
        page = users.page(rows, Asked(cursor=cursor, limit=1000))
        if any(_is_administrator(one) and one.identifier != user for one in page.items):
            return True
        if page.next_cursor is None:
            return False
        cursor = page.next_cursor


def _last_administrator(user: str) -> Conflict:
    return Conflict(f"the user {user} is the last enabled administrator; make another one first")


def _role_problems(roles: list[str]) -> tuple[Problem, ...]:
    found = [(index, check_role(role)) for index, role in enumerate(roles)]
    return tuple(Problem(f"roles[{index}]", what) for index, what in found if what is not None)


HANDLERS = [list_users, get_user, put_user, change_user, delete_user]
