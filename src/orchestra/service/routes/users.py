"""Users and their tokens. Passwords come later; their routes do not exist yet."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal, Role, TokenKind, check_role
from orchestra.domain.errors import Conflict, InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.ids import is_identifier
from orchestra.domain.user import User
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs
from orchestra.service.entities import AuthenticationEntity, Listing, NewToken, UserEntity
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, Limit, Order
from orchestra.service.outcome import settle
from orchestra.service.parts import Parts
from orchestra.service.request import ApiRequest
from orchestra.storage import authentications, hints, sessions, tokens, users

TOKEN_LIFE: Final = timedelta(days=90)
"""security.md: tokens of people expire after 90 days if nobody says otherwise; workers' do not."""
TOKENS_PER_USER: Final = 50

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


class TokenInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token. Without `expiration_date` it lives 90 days; a token of a user that is only a Worker for ever."""

    description: Annotated[str, msgspec.Meta(max_length=256)] = ""
    expiration_date: str | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a user is to be, for the storage."""

    identifier: str
    display_name: str
    roles: tuple[str, ...]
    is_enabled: bool | None


@get("/users", operation_id="listUsers", tags=["users"], opt=needs(Permission.USER_READ))
async def list_users(
    *, request: ApiRequest, limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[UserEntity]:
    """List users: names for those who may see names, everything for administrators and auditors."""
    page = await request.parts.database.read(lambda rows: users.page(rows, order, cursor, limit))
    return Listing(items=[_show(request.principal, user) for user in page.items], next_cursor=page.next_cursor)


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
    _tell(request.parts)
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
    _tell(request.parts)
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
    _tell(request.parts)


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
    after = users.save(rows, wanted, request.parts.clock.now(), actor=request.principal.user)
    if before is not None and before.roles != after.roles:
        # A session keeps nothing of the rights with which it began.
        sessions.end_all(rows, after.identifier, but=request.caller.session)
    return before, after


def _is_administrator(user: User) -> bool:
    return user.is_enabled and Role.ADMINISTRATOR in user.roles


def _other_administrators(rows: Connection, user: str) -> bool:
    cursor: str | None = None
    while True:
        page = users.page(rows, None, cursor, 1000)
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


@get(
    "/users/{user:str}/authentications",
    operation_id="listAuthentications",
    tags=["users"],
    opt=needs(Permission.USER_INSPECT),
)
async def list_authentications(
    *, request: ApiRequest, user: FromPath[str], limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[AuthenticationEntity]:
    """List the tokens of a user, without their secrets."""
    return await list_of(request, user, limit, cursor, order)


@post(
    "/users/{user:str}/authentications",
    operation_id="createToken",
    tags=["users"],
    opt=needs(Permission.USER_UPDATE),
)
async def create_token(request: ApiRequest, user: FromPath[str], data: JSONBody[TokenInput]) -> NewToken:
    """Create a token for a user. The answer's `secret` is the token: it is shown this once."""
    return await create_for(request, user, data)


@delete(
    "/users/{user:str}/authentications/{identifier:str}",
    operation_id="deleteAuthentication",
    tags=["users"],
    opt=needs(Permission.USER_UPDATE),
)
async def delete_authentication(request: ApiRequest, user: FromPath[str], identifier: FromPath[str]) -> None:
    """Delete a token: it is invalid at once, and the user's sessions end."""
    await delete_of(request, user, identifier)


async def list_of(
    request: ApiRequest, user: str, limit: int, cursor: str | None, order: str | None
) -> Listing[AuthenticationEntity]:
    """The tokens of `user`. Raises NotFound."""

    def read(rows: Connection) -> Listing[AuthenticationEntity]:
        if users.get(rows, user) is None:
            raise NotFound(f"there is no user {user}")
        page = authentications.page(rows, user, order, cursor, limit)
        return Listing(items=[entities.authentication(one) for one in page.items], next_cursor=page.next_cursor)

    return await request.parts.database.read(read)


async def create_for(request: ApiRequest, user: str, data: TokenInput) -> NewToken:
    """Create a token of `user`. Raises NotFound, InvalidContent, Conflict when there are too many."""
    parts = request.parts
    now, identifier, secret = parts.clock.now(), parts.identifiers.new(), parts.random.randbytes(tokens.SECRET_BYTES)
    given = _expiration(data, now)

    def write(rows: Connection) -> NewToken | OrchestraError:
        owner = users.get(rows, user)
        if owner is None:
            return NotFound(f"there is no user {user}")
        if len(authentications.page(rows, user, None, None, TOKENS_PER_USER).items) >= TOKENS_PER_USER:
            return Conflict(f"the user {user} has {TOKENS_PER_USER} tokens already; delete one first")
        is_worker = set(owner.roles) == {Role.WORKER}
        expiration = given if data.expiration_date is not UNSET else None if is_worker else now + TOKEN_LIFE
        made, text = authentications.create_token(
            rows,
            user,
            identifier,
            secret,
            now,
            kind=TokenKind.WORKER if is_worker else TokenKind.USER,
            description=data.description,
            expiration_date=expiration,
            actor=request.principal.user,
        )
        return entities.new_token(made, text)

    made = settle(await parts.database.write(write))
    _tell(parts)
    return made


async def delete_of(request: ApiRequest, user: str, identifier: str) -> None:
    """Delete a token of `user`, and end the user's other sessions. Raises NotFound."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        try:
            authentications.delete(rows, user, identifier, now, actor=actor)
        except NotFound as error:
            return error
        sessions.end_all(rows, user, but=request.caller.session)
        return None

    settle(await request.parts.database.write(write))
    _tell(request.parts)


def _expiration(data: TokenInput, now: datetime) -> datetime | None:
    text: Any = data.expiration_date
    if text is UNSET or text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        what = f"expected a date with its zone, such as 2027-01-31T12:00:00Z, got {text!r}"
        raise InvalidContent("the token does not fit", (Problem("expiration_date", what),))
    if found <= now:
        raise InvalidContent("the token does not fit", (Problem("expiration_date", "expected a date to come"),))
    return found.astimezone(UTC)


def _tell(parts: Parts) -> None:
    """What anyone may has changed: ask again, here at once and elsewhere by the event."""
    parts.authenticator.forget()
    parts.hints.publish(hints.EVENT)


HANDLERS = [
    list_users,
    get_user,
    put_user,
    change_user,
    delete_user,
    list_authentications,
    create_token,
    delete_authentication,
]
