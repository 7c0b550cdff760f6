"""Authentications: the tokens of users and of oneself, and passwords as far as they expire and are deleted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Role, TokenKind
from orchestra.domain.errors import Conflict, InvalidContent, NotFound, OrchestraError, Problem
from orchestra.domain.user import AuthenticationType, User, UserAuthentication, check_limit
from orchestra.service import conditional, entities
from orchestra.service.authorization import needs
from orchestra.service.entities import AuthenticationEntity, Listing, NewToken
from orchestra.service.headers import IfMatch, IfNoneMatch
from orchestra.service.listing import Cursor, Limit, Order
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.sign_in import check_fresh, tell_access_changed
from orchestra.storage import authentications, sessions, tokens, users
from orchestra.storage.sessions import End

TOKEN_LIFE: Final = timedelta(days=90)
"""security.md: tokens of people expire after 90 days if nobody says otherwise; workers' do not."""
TOKEN_LONGEST: Final = timedelta(days=366)
"""A year, the leap day included; a token that nobody renews is one that nobody remembers."""
TOKENS_PER_USER: Final = 50

Description = Annotated[str, msgspec.Meta(max_length=256)]


class TokenInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token.

    Without `expiration_date` it lives 90 days, 366 at most; a token of a user that is only a Worker for ever.
    `roles` limits it to these entries, `Role` or `Role@project`, each within what the user may.
    """

    description: Description = ""
    expiration_date: str | UnsetType | None = UNSET
    roles: Annotated[list[str], msgspec.Meta(max_length=100)] | UnsetType = UNSET


class AuthenticationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of an authentication; what is absent stays. A past `expiration_date` means: expired now."""

    description: Description | UnsetType = UNSET
    expiration_date: str | UnsetType | None = UNSET


@get(
    "/users/{user:str}/authentications",
    operation_id="listAuthentications",
    tags=["users"],
    opt=needs(Permission.USER_INSPECT),
)
async def list_authentications(
    *, request: ApiRequest, user: FromPath[str], limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[AuthenticationEntity]:
    """List the password and the tokens of a user, without their secrets."""
    return await _list(request, user, limit, cursor, order)


@post(
    "/users/{user:str}/authentications",
    operation_id="createToken",
    tags=["users"],
    opt=needs(Permission.USER_UPDATE),
)
async def create_token(request: ApiRequest, user: FromPath[str], data: JSONBody[TokenInput]) -> NewToken:
    """Create a token for a user. The answer's `secret` is the token: it is shown this once."""
    return await _create(request, user, data)


@get(
    "/users/{user:str}/authentications/{identifier:str}",
    operation_id="getAuthentication",
    tags=["users"],
    opt=needs(Permission.USER_INSPECT),
)
async def get_authentication(
    request: ApiRequest, user: FromPath[str], identifier: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[AuthenticationEntity]:
    """Read one authentication of a user."""
    return await _get(request, user, identifier, if_none_match)


@patch(
    "/users/{user:str}/authentications/{identifier:str}",
    operation_id="changeAuthentication",
    tags=["users"],
    opt=needs(Permission.USER_UPDATE),
)
async def change_authentication(
    request: ApiRequest,
    user: FromPath[str],
    identifier: FromPath[str],
    data: JSONBody[AuthenticationChange],
    if_match: IfMatch = None,
) -> Response[AuthenticationEntity]:
    """Describe an authentication anew, or let it expire earlier or later; with a past date it has expired at once."""
    return await _change(request, user, identifier, data, if_match)


@delete(
    "/users/{user:str}/authentications/{identifier:str}",
    operation_id="deleteAuthentication",
    tags=["users"],
    opt=needs(Permission.USER_UPDATE),
)
async def delete_authentication(request: ApiRequest, user: FromPath[str], identifier: FromPath[str]) -> None:
    """Delete a token or the password: it is invalid at once, and the user's sessions end."""
    await _delete(request, user, identifier)


@get("/me/authentications", operation_id="listOwnTokens", tags=["account"], opt=needs(Permission.OWN_TOKEN_READ))
async def list_own_tokens(
    *, request: ApiRequest, limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[AuthenticationEntity]:
    """List your password and your tokens, without their secrets."""
    return await _list(request, request.principal.user, limit, cursor, order)


@post("/me/authentications", operation_id="createOwnToken", tags=["account"], opt=needs(Permission.OWN_TOKEN_CREATE))
async def create_own_token(request: ApiRequest, data: JSONBody[TokenInput]) -> NewToken:
    """Create a token for yourself. The answer's `secret` is the token: it is shown this once."""
    return await _create(request, request.principal.user, data)


@get(
    "/me/authentications/{identifier:str}",
    operation_id="getOwnToken",
    tags=["account"],
    opt=needs(Permission.OWN_TOKEN_READ),
)
async def get_own_token(
    request: ApiRequest, identifier: FromPath[str], if_none_match: IfNoneMatch = None
) -> Response[AuthenticationEntity]:
    """Read one of your authentications."""
    return await _get(request, request.principal.user, identifier, if_none_match)


@patch(
    "/me/authentications/{identifier:str}",
    operation_id="changeOwnToken",
    tags=["account"],
    opt=needs(Permission.OWN_TOKEN_CREATE),
)
async def change_own_token(
    request: ApiRequest, identifier: FromPath[str], data: JSONBody[AuthenticationChange], if_match: IfMatch = None
) -> Response[AuthenticationEntity]:
    """Describe one of your authentications anew, or let it expire earlier or later; a past date means now."""
    return await _change(request, request.principal.user, identifier, data, if_match)


@delete(
    "/me/authentications/{identifier:str}",
    operation_id="deleteOwnToken",
    tags=["account"],
    opt=needs(Permission.OWN_TOKEN_DELETE),
)
async def delete_own_token(request: ApiRequest, identifier: FromPath[str]) -> None:
    """Delete one of your tokens, or your password: it is invalid at once, and your other sessions end."""
    await _delete(request, request.principal.user, identifier)


async def _list(
    request: ApiRequest, user: str, limit: int, cursor: str | None, order: str | None
) -> Listing[AuthenticationEntity]:
    def read(rows: Connection) -> Listing[AuthenticationEntity]:
        if users.get(rows, user) is None and request.principal.run is None:
            raise NotFound(f"there is no user {user}")
        page = authentications.page(rows, user, order, cursor, limit)
        return Listing(items=[entities.authentication(one) for one in page.items], next_cursor=page.next_cursor)

    return await request.parts.database.read(read)


async def _get(
    request: ApiRequest, user: str, identifier: str, if_none_match: str | None
) -> Response[AuthenticationEntity]:
    found = await request.parts.database.read(lambda rows: authentications.get(rows, identifier))
    if found is None or found.user != user:
        raise _unknown(user, identifier)
    return conditional.answer(entities.authentication(found), if_none_match)


async def _create(request: ApiRequest, user: str, data: TokenInput) -> NewToken:
    parts = request.parts
    stale = check_fresh(request)
    if stale is not None:
        raise stale
    now, identifier, secret = parts.clock.now(), parts.identifiers.new(), parts.random.randbytes(tokens.SECRET_BYTES)

    def write(rows: Connection) -> NewToken | OrchestraError:
        owner = users.get(rows, user)
        if owner is None:
            return NotFound(f"there is no user {user}")
        problems: list[Problem] = []
        expiration = _new_expiration(data, owner, now, problems)
        limit = None if data.roles is UNSET else tuple(data.roles)
        for index, entry in enumerate(limit or ()):
            wrong = check_limit(entry, owner.roles)
            if wrong is not None:
                problems.append(Problem(f"roles[{index}]", wrong))
        if problems:
            return InvalidContent("the token does not fit", tuple(problems))
        if authentications.count_tokens(rows, user) >= TOKENS_PER_USER:
            return Conflict(f"the user {user} has {TOKENS_PER_USER} tokens already; delete one first")
        made, text = authentications.create_token(
            rows,
            user,
            identifier,
            secret,
            now,
            kind=TokenKind.WORKER if _is_worker(owner) else TokenKind.USER,
            description=data.description,
            expiration_date=expiration,
            roles=limit,
            actor=request.principal.user,
        )
        return entities.new_token(made, text)

    made = settle(await parts.database.write(write))
    tell_access_changed(parts)
    return made


async def _change(
    request: ApiRequest, user: str, identifier: str, data: AuthenticationChange, if_match: str | None
) -> Response[AuthenticationEntity]:
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> UserAuthentication | OrchestraError:
        before, owner = authentications.get(rows, identifier), users.get(rows, user)
        if before is None or owner is None or before.user != user:
            return _unknown(user, identifier)
        refused = conditional.check(if_match, entities.authentication(before))
        if refused is not None:
            return refused
        problems: list[Problem] = []
        after = before if data.description is UNSET else replace(before, description=data.description)
        if data.expiration_date is not UNSET:
            is_free = _is_worker(owner) or before.type is AuthenticationType.PASSWORD
            given = _date(data.expiration_date, problems)
            if not is_free:
                _check_life(given, now, problems)
            after = replace(after, expiration_date=given)
        if problems:
            return InvalidContent("the change does not fit", tuple(problems))
        if _lives_longer(before, after):
            stale = check_fresh(request)
            if stale is not None:
                return stale
        changed = authentications.change(rows, after, now, actor=actor)
        if changed.is_expired(now) and not before.is_expired(now):
            but = request.caller.session
            sessions.end_all(rows, user, now, reason=End.AUTHENTICATION_EXPIRED, but=but, actor=actor)
        return changed

    changed = settle(await request.parts.database.write(write))
    tell_access_changed(request.parts)
    return conditional.answer(entities.authentication(changed))


async def _delete(request: ApiRequest, user: str, identifier: str) -> None:
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        try:
            authentications.delete(rows, user, identifier, now, actor=actor)
        except NotFound as error:
            return error
        but = request.caller.session
        sessions.end_all(rows, user, now, reason=End.AUTHENTICATION_DELETED, but=but, actor=actor)
        return None

    settle(await request.parts.database.write(write))
    tell_access_changed(request.parts)


def _unknown(user: str, identifier: str) -> NotFound:
    return NotFound(f"the user {user} has no authentication {identifier}")


def _lives_longer(before: UserAuthentication, after: UserAuthentication) -> bool:
    if before.expiration_date is None:
        return False
    return after.expiration_date is None or after.expiration_date > before.expiration_date


def _is_worker(user: User) -> bool:
    return set(user.roles) == {Role.WORKER}


def _new_expiration(data: TokenInput, owner: User, now: datetime, problems: list[Problem]) -> datetime | None:
    if data.expiration_date is UNSET:
        return None if _is_worker(owner) else now + TOKEN_LIFE
    already = len(problems)
    given = _date(data.expiration_date, problems)
    if len(problems) > already:
        return None
    if given is not None and given <= now:
        problems.append(Problem("expiration_date", "expected a date to come"))
    elif not _is_worker(owner):
        _check_life(given, now, problems)
    return given


def _check_life(given: datetime | None, now: datetime, problems: list[Problem]) -> None:
    """Only tokens of users that are nothing but workers may live for ever."""
    if any(problem.path == "expiration_date" for problem in problems):
        return
    if given is None or given > now + TOKEN_LONGEST:
        what = (
            f"expected a date at most {TOKEN_LONGEST.days} days ahead; only users with the role Worker alone may exceed"
        )
        problems.append(Problem("expiration_date", what))


def _date(text: Any, problems: list[Problem]) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    what = f"expected a date with its zone, such as 2027-01-31T12:00:00Z, got {text!r}"
    problems.append(Problem("expiration_date", what))
    return None


HANDLERS = [
    list_authentications,
    create_token,
    get_authentication,
    change_authentication,
    delete_authentication,
    list_own_tokens,
    create_own_token,
    get_own_token,
    change_own_token,
    delete_own_token,
]
