"""The own account: who am I, signing in and out."""

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal, TokenKind
from orchestra.domain.errors import InvalidContent, NotAllowed, NotAuthenticated, OrchestraError, Problem
from orchestra.service.authentication import Caller
from orchestra.service.authorization import needs
from orchestra.service.me import Me, read_me
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.sign_in import (
    REFUSED,
    begin,
    check_place,
    cookie,
    new_session,
    prove_password,
    refuse,
    tell_access_changed,
)
from orchestra.storage import authentications, codes, sessions, tokens, users
from orchestra.storage.codes import Purpose
from orchestra.storage.sessions import End

Text = Annotated[str, msgspec.Meta(max_length=1024)]
Begun = tuple[Caller, str, Me]


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By user and password, by a token (alone, or as the password of its user), or by the code of a sign-in link."""

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
    check_place(request)
    secret = data.token or data.password
    if (data.code is None) == (secret is None):
        what = "expected either a code, or a token (or user and password)"
        raise InvalidContent("the sign-in does not fit", (Problem("", what),))
    if data.code is not None:
        caller, text, me = await _by_code(request, data.code)
    elif data.token is not None or tokens.parse(secret or "") is not None:
        caller, text, me = await _by_token(request, data.user, secret or "")
    else:
        caller, text, me = await _by_password(request, data.user or "", secret or "")
    tell_access_changed(parts)
    return Response(me, cookies=[cookie(parts, text, caller.principal.expiration_date)])


async def _by_code(request: ApiRequest, code: str) -> Begun:
    made = new_session(request)

    def write(rows: Connection) -> Begun | None:
        found = codes.redeem(rows, code, (Purpose.SIGN_IN,), made.now)
        user = None if found is None else users.get(rows, found.user)
        return None if user is None else begin(rows, user, made, how="code")

    begun = await request.parts.database.write(write)
    if begun is None:
        raise await refuse(request, None, "code")
    return begun


async def _by_token(request: ApiRequest, user: str | None, token: str) -> Begun:
    made = new_session(request)

    def write(rows: Connection) -> Begun | OrchestraError:
        principal = authentications.authenticate(rows, token, made.now)
        if principal is None or not _signs_in(principal, user):
            return NotAuthenticated(REFUSED)
        if principal.limit is not None:
            # A session has all rights of its user, so the limit would be none.
            return NotAllowed("the token is limited to some roles: it is for programs, and does not sign in")
        found = users.get(rows, principal.user)
        if found is None:
            return NotAuthenticated(REFUSED)
        authentications.used(rows, principal.authentication or "", made.now)
        return begin(rows, found, made, how="token", until=principal.expiration_date)

    begun = await request.parts.database.write(write)
    if isinstance(begun, NotAuthenticated):
        raise await refuse(request, user, "token")
    return settle(begun)


def _signs_in(principal: Principal, user: str | None) -> bool:
    """People's tokens only, and only with the right user's name where one was given."""
    return principal.kind is TokenKind.USER and user in (None, "", principal.user)


async def _by_password(request: ApiRequest, name: str, password: str) -> Begun:
    proof = await prove_password(request, name, password)
    if proof is None:
        raise NotAuthenticated(REFUSED)
    made = new_session(request)

    def write(rows: Connection) -> Begun | OrchestraError:
        user = users.get(rows, name)
        if user is None or not proof.confirm(rows, made.now):
            return NotAuthenticated(REFUSED)
        return begin(rows, user, made, how="password", until=proof.record.expiration_date)

    return settle(await request.parts.database.write(write))


@post("/me/logout", operation_id="signOut", tags=["account"], opt=needs(Permission.ACCOUNT_UPDATE), status_code=204)
async def sign_out(request: ApiRequest) -> Response[None]:
    """End this session. For a token there is nothing to end; delete it instead."""
    parts, session, user = request.parts, request.caller.session, request.principal.user
    if session is not None:
        now = parts.clock.now()
        await parts.database.write(
            lambda rows: sessions.end(rows, user, session, now, reason=End.SIGNED_OUT, actor=user)
        )
        tell_access_changed(parts)
    return Response(None, status_code=204, cookies=[cookie(parts, "", None)])


HANDLERS: list[Any] = [get_me, sign_in, sign_out]
