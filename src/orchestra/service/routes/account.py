"""The own account: who am I, signing in and out, own tokens."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import delete, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal, TokenKind
from orchestra.domain.errors import InvalidContent, NotAllowed, NotAuthenticated, OrchestraError, Problem, TooMany
from orchestra.domain.user import User
from orchestra.service.authentication import Caller, session_life
from orchestra.service.authorization import needs
from orchestra.service.entities import AuthenticationEntity, Listing, NewToken
from orchestra.service.listing import Cursor, Limit, Order
from orchestra.service.me import Me, read_me
from orchestra.service.outcome import settle
from orchestra.service.parts import Parts
from orchestra.service.request import ApiRequest
from orchestra.service.routes.users import TokenInput, create_for, delete_of, list_of
from orchestra.service.tail import ACCESS_CHANGED
from orchestra.storage import authentications, sessions, tokens, users

Text = Annotated[str, msgspec.Meta(max_length=1024)]
REFUSED: Final = "the user, the password or the token is not right"
"""One answer for everything that may be wrong with a sign-in: it must not tell which users exist (S-01)."""


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By a token (alone, or as the password of its user), or by the one-time code of a sign-in link."""

    user: Text | None = None
    password: Text | None = None
    token: Text | None = None
    code: Text | None = None


@get("/me", operation_id="getMe", tags=["account"], opt=needs(Permission.ACCOUNT_READ))
async def get_me(request: ApiRequest) -> Me:
    """Read who you are and what you may."""
    return await request.parts.database.read(lambda rows: read_me(rows, request.caller))


@post("/me/login", operation_id="signIn", tags=["account"], opt=needs(Permission.SESSION_CREATE), status_code=200)
async def sign_in(request: ApiRequest, data: JSONBody[SignIn]) -> Response[Me]:
    """Begin a session: sets the session's cookie and answers as `GET /me`, with the CSRF token."""
    parts = request.parts
    if not parts.authenticator.is_own_origin(request.scope):
        raise NotAllowed("the request comes from another site")
    secret = data.token or data.password
    if (data.code is None) == (secret is None):
        what = "expected either a code, or a token (or user and password)"
        raise InvalidContent("the sign-in does not fit", (Problem("", what),))
    address = request.client.host if request.client else "unknown"
    wait_s = parts.authenticator.sign_ins.wait_s(address, parts.clock.monotonic())
    if wait_s:
        raise TooMany("too many failed sign-ins came from this address", wait_s)
    now = parts.clock.now()
    made = _session_values(parts)

    def write(rows: Connection) -> tuple[Caller, str, Me] | OrchestraError:
        if data.code is not None:
            name, until = sessions.redeem_code(rows, data.code, now), None
        else:
            principal = _token_of(rows, data.user, secret or "", now)
            name, until = (None, None) if principal is None else (principal.user, principal.expiration_date)
        user = None if name is None else users.get(rows, name)
        return NotAuthenticated(REFUSED) if user is None else _begin(rows, user, until, now, made)

    try:
        caller, text, me = settle(await parts.database.write(write))
    except NotAuthenticated:
        parts.authenticator.sign_ins.count(address, parts.clock.monotonic())
        raise
    return Response(me, cookies=[_cookie(parts, text, caller.principal.expiration_date, now)])


def _token_of(rows: Connection, user: str | None, text: str, now: datetime) -> Principal | None:
    """Whose token this is; people's tokens only, and only with the right user's name where one was given."""
    principal = authentications.authenticate(rows, text, now)
    if principal is None or principal.kind is not TokenKind.USER or user not in (None, "", principal.user):
        return None
    return principal


def _session_values(parts: Parts) -> tuple[str, bytes, bytes]:
    secret, csrf = (parts.random.randbytes(tokens.SECRET_BYTES) for _ in range(2))
    return parts.identifiers.new(), secret, csrf


def _begin(
    rows: Connection, user: User, until: datetime | None, now: datetime, made: tuple[str, bytes, bytes]
) -> tuple[Caller, str, Me]:
    """Begin a session of `user`, which ends with the token that began it."""
    life = session_life(user.roles)
    if until is not None:
        life = min(life, until - now)
    identifier, secret, csrf = made
    session, text = sessions.create(rows, user.identifier, identifier, secret, csrf, now=now, life=life)
    principal = Principal(
        user=user.identifier,
        roles=user.roles,
        is_enabled=user.is_enabled,
        kind=TokenKind.SESSION,
        authentication=session.identifier,
        expiration_date=session.expiration_date,
    )
    caller = Caller(principal=principal, csrf=session.csrf, session=session.identifier)
    return caller, text, read_me(rows, caller)


def _cookie(parts: Parts, text: str, expires: datetime | None, now: datetime) -> Cookie:
    settings = parts.settings
    return Cookie(
        key=parts.authenticator.cookie,
        value=text,
        path=settings.base_path or "/",
        httponly=True,
        secure=settings.is_secure,
        samesite="lax",
        max_age=0 if expires is None else int((expires - now).total_seconds()),
    )


@post("/me/logout", operation_id="signOut", tags=["account"], opt=needs(Permission.ACCOUNT_UPDATE), status_code=204)
async def sign_out(request: ApiRequest) -> Response[None]:
    """End this session. For a token there is nothing to end; delete it instead."""
    session = request.caller.session
    if session is not None:
        await request.parts.database.write(lambda rows: sessions.end(rows, session))
        request.parts.authenticator.forget()
        request.parts.board.doubt()
        request.parts.hints.publish(ACCESS_CHANGED)
    return Response(None, status_code=204, cookies=[_cookie(request.parts, "", None, request.parts.clock.now())])


@get("/me/authentications", operation_id="listOwnTokens", tags=["account"], opt=needs(Permission.OWN_TOKEN_READ))
async def list_own_tokens(
    *, request: ApiRequest, limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[AuthenticationEntity]:
    """List your tokens, without their secrets."""
    return await list_of(request, request.principal.user, limit, cursor, order)


@post("/me/authentications", operation_id="createOwnToken", tags=["account"], opt=needs(Permission.OWN_TOKEN_CREATE))
async def create_own_token(request: ApiRequest, data: JSONBody[TokenInput]) -> NewToken:
    """Create a token for yourself. The answer's `secret` is the token: it is shown this once."""
    return await create_for(request, request.principal.user, data)


@delete(
    "/me/authentications/{identifier:str}",
    operation_id="deleteOwnToken",
    tags=["account"],
    opt=needs(Permission.OWN_TOKEN_DELETE),
)
async def delete_own_token(request: ApiRequest, identifier: FromPath[str]) -> None:
    """Delete one of your tokens: it is invalid at once, and your other sessions end."""
    await delete_of(request, request.principal.user, identifier)


HANDLERS: list[Any] = [get_me, sign_in, sign_out, list_own_tokens, create_own_token, delete_own_token]
