"""Passwords: setting one's own, setting a user's, one-time links, and proving again who one is."""

from typing import Annotated, Any

import msgspec
from litestar import post, put
from litestar.params import FromPath, JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission, TokenKind
from orchestra.domain.errors import (
    Conflict,
    InvalidContent,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OrchestraError,
    Problem,
)
from orchestra.domain.user import User
from orchestra.service.authentication import Caller, place_of
from orchestra.service.authorization import needs
from orchestra.service.entities import LinkEntity, date
from orchestra.service.me import Me
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.service.sign_in import (
    REFUSED,
    Proof,
    begin,
    check_fresh,
    check_place,
    cookie,
    new_session,
    prove_password,
    refuse,
    tell_access_changed,
)
from orchestra.storage import authentications, codes, password_records, sessions, tokens, users
from orchestra.storage.codes import LINKS, Purpose
from orchestra.storage.passwords import Hashed
from orchestra.storage.sessions import End

Text = Annotated[str, msgspec.Meta(max_length=1024)]
NewPassword = Annotated[str, msgspec.Meta(max_length=16_384)]
"""What is too long the policy says, together with what else is wrong."""


class OwnPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password; `current_password` is required when there is one."""

    password: NewPassword
    current_password: Text | None = None


class PasswordByLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password, and the code of an invitation or a reset link."""

    code: Text
    password: NewPassword


class Password(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password that an administrator sets."""

    password: NewPassword


class Reauthentication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The own password, or one of the own tokens."""

    password: Text | None = None
    token: Text | None = None


@put(
    "/me/password",
    operation_id="setOwnPassword",
    tags=["account"],
    opt=needs(Permission.ACCOUNT_UPDATE),
    status_code=204,
)
async def set_own_password(request: ApiRequest, data: JSONBody[OwnPassword]) -> Response[None]:
    """Set your password. Your other sessions end; tokens stay."""
    parts, name = request.parts, request.principal.user

    def read(rows: Connection) -> tuple[User | None, bool]:
        record = password_records.find(rows, name)
        return users.get(rows, name), record is not None and not record.is_expired(parts.clock.now())

    user, has_password = await parts.database.read(read)
    if user is None:
        raise NotFound(f"there is no user {name}")
    missing = has_password and data.current_password is None
    extra = (Problem("current_password", "expected the current password, for there is one"),) if missing else ()
    await _check_policy(request, user, data.password, extra)
    proof = await _prove_current(request, user, data.current_password) if has_password else None
    if proof is None:
        _raise(check_fresh(request))
    await _set(request, user.identifier, data.password, proof)
    return Response(None, status_code=204)


async def _prove_current(request: ApiRequest, user: User, current: str | None) -> Proof:
    proof = await prove_password(request, user.identifier, current or "")
    if proof is None:
        raise NotAllowed("the current password is not right")
    return proof


@put(
    "/users/{user:str}/password",
    operation_id="setPassword",
    tags=["users"],
    opt=needs(Permission.USER_UPDATE),
    status_code=204,
)
async def set_password(request: ApiRequest, user: FromPath[str], data: JSONBody[Password]) -> Response[None]:
    """Set the password of a user. The user's sessions end; tokens stay."""
    _raise(check_fresh(request))
    found = await _user(request, user)
    await _check_policy(request, found, data.password)
    await _set(request, user, data.password, None)
    return Response(None, status_code=204)


@post("/users/{user:str}/link", operation_id="createLink", tags=["users"], opt=needs(Permission.USER_UPDATE))
async def create_link(request: ApiRequest, user: FromPath[str]) -> LinkEntity:
    """Create a one-time link with which a user sets a password; older ones of the user are void.

    An invitation, valid for 72 hours, while the user has no password; a reset, valid for one hour, after that.
    """
    _raise(check_fresh(request))
    parts, actor = request.parts, request.principal.user
    now, secret = parts.clock.now(), parts.random.randbytes(tokens.SECRET_BYTES)

    def write(rows: Connection) -> LinkEntity | OrchestraError:
        if users.get(rows, user) is None:
            return NotFound(f"there is no user {user}")
        purpose = Purpose.INVITATION if password_records.find(rows, user) is None else Purpose.RESET
        made, text = codes.create_link(rows, user, secret, now, purpose=purpose, actor=actor)
        return LinkEntity(
            purpose=purpose,
            code=text,
            path=f"/set-password#{text}",
            expiration_date=date(made.expiration_date),
        )

    link = settle(await parts.database.write(write))
    tell_access_changed(parts)
    return link


@post(
    "/me/password",
    operation_id="setPasswordByLink",
    tags=["account"],
    opt=needs(Permission.SESSION_CREATE),
    status_code=200,
)
async def set_password_by_link(request: ApiRequest, data: JSONBody[PasswordByLink]) -> Response[Me]:
    """Set a password with the code of a link, and sign in. The code is used up; other sessions of the user end."""
    check_place(request)
    parts, now = request.parts, request.parts.clock.now()

    def read(rows: Connection) -> User | None:
        code = codes.find(rows, data.code, LINKS, now)
        return None if code is None else users.get(rows, code.user)

    user = await parts.database.read(read)
    if user is None:
        raise await refuse(request, None, "code")
    await _check_policy(request, user, data.password)
    new = await parts.passwords.hash(data.password, place_of(request.scope))
    made, record = new_session(request), parts.identifiers.new()

    def write(rows: Connection) -> tuple[Caller, str, Me] | OrchestraError:
        code = codes.redeem(rows, data.code, LINKS, now)
        found = None if code is None else users.get(rows, code.user)
        if code is None or found is None:
            return NotAuthenticated(REFUSED)
        _store(rows, found.identifier, record, new, request)
        return begin(rows, found, made, how=code.purpose)

    caller, text, me = settle(await parts.database.write(write))
    tell_access_changed(parts)
    return Response(me, cookies=[cookie(parts, text, caller.principal.expiration_date)])


@post(
    "/me/reauthenticate",
    operation_id="reauthenticate",
    tags=["account"],
    opt=needs(Permission.ACCOUNT_UPDATE),
    status_code=204,
)
async def reauthenticate(request: ApiRequest, data: JSONBody[Reauthentication]) -> Response[None]:
    """Prove again who you are, for what a session may do only within 15 minutes of a proof."""
    parts, session, name = request.parts, request.caller.session, request.principal.user
    if (data.password is None) == (data.token is None):
        raise InvalidContent("the proof does not fit", (Problem("", "expected either a password or a token"),))
    if session is None:
        raise Conflict("only sessions of the website are asked to authenticate again; a token needs nothing")
    check_place(request)
    now, proof, token = parts.clock.now(), None, data.token
    if data.password is not None and tokens.parse(data.password) is None:
        proof = await prove_password(request, name, data.password)
        if proof is None:
            raise NotAllowed("the password is not right")
    else:
        token = token or data.password

    def write(rows: Connection) -> bool:
        holds = proof.confirm(rows, now) if proof is not None else _is_own_token(rows, token or "", name, request)
        if holds:
            sessions.authenticated(rows, session, now)
        return holds

    if not await parts.database.write(write):
        await refuse(request, name, "token")
        raise NotAllowed("the token is not right")
    tell_access_changed(parts)
    return Response(None, status_code=204)


def _is_own_token(rows: Connection, text: str, user: str, request: ApiRequest) -> bool:
    found = authentications.authenticate(rows, text, request.parts.clock.now())
    return found is not None and found.kind is TokenKind.USER and found.limit is None and found.user == user


async def _check_policy(request: ApiRequest, user: User, password: str, extra: tuple[Problem, ...] = ()) -> None:
    """Raise InvalidContent with everything that is wrong with the new password, and with `extra`."""
    found = await request.parts.passwords.problems(password, user, place_of(request.scope))
    problems = (*(Problem("password", one) for one in found), *extra)
    if problems:
        raise InvalidContent("the password cannot be used", problems)


async def _user(request: ApiRequest, name: str) -> User:
    found = await request.parts.database.read(lambda rows: users.get(rows, name))
    if found is None:
        raise NotFound(f"there is no user {name}")
    return found


async def _set(request: ApiRequest, user: str, password: str, proof: Proof | None) -> None:
    """Store a new password that fits; `proof` is of the one before, where that was asked for."""
    parts = request.parts
    new, record = await parts.passwords.hash(password, place_of(request.scope)), parts.identifiers.new()

    def write(rows: Connection) -> OrchestraError | None:
        if users.get(rows, user) is None:
            return NotFound(f"there is no user {user}")
        now = parts.clock.now()
        if proof is not None and not proof.confirm(rows, now):
            return Conflict("the password was changed meanwhile")
        _store(rows, user, record, new, request)
        if proof is not None and request.caller.session is not None:
            sessions.authenticated(rows, request.caller.session, now)
        return None

    settle(await parts.database.write(write))
    tell_access_changed(parts)


def _store(rows: Connection, user: str, record: str, new: Hashed, request: ApiRequest) -> None:
    now, caller = request.parts.clock.now(), request.known_caller
    actor = user if caller is None else caller.principal.user
    password_records.save(rows, user, record, new, now, actor=actor)
    but = None if caller is None else caller.session
    sessions.end_all(rows, user, now, reason=End.PASSWORD_SET, but=but, actor=actor)


def _raise(error: OrchestraError | None) -> None:
    if error is not None:
        raise error


HANDLERS: list[Any] = [
    set_own_password,
    set_password_by_link,
    reauthenticate,
    set_password,
    create_link,
]
