"""Signing in: who proves to be whom, and what a new session is.

    password ──► may this place try? ──► record ──► hash (thread) ──► right and not expired: a `Proof`
                        │ no: TooMany                       │ no: None, counted, told once a minute
    token, code ──► looked up inside the write that begins the session

Rules: unknown user, no password, wrong password, expired password: one answer, one amount of work
(S-01). What was verified is compared again inside the write that relies on it.
"""

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from litestar.datastructures import Cookie
from sqlalchemy import Connection

from orchestra.domain.access import Principal, TokenKind
from orchestra.domain.errors import NotAllowed, NotAuthenticated, ReauthenticationRequired, TooMany, Unavailable
from orchestra.domain.user import User, UserAuthentication
from orchestra.service.authentication import Caller, cookie_of, place_of, session_life
from orchestra.service.client_name import client_name
from orchestra.service.me import Me, read_me
from orchestra.service.parts import Parts
from orchestra.service.request import ApiRequest
from orchestra.storage import authentications, events, hints, password_records, passwords, sessions, tokens, users
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.passwords import Hashed

REFUSED: Final = "the user, the password or the token is not right"
"""One answer for everything that may be wrong with a sign-in: it must not tell which users exist (S-01)."""
FRESH: Final = timedelta(minutes=15)
"""How long after its user proved who they are a session may hand out rights (S-04)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A password that was right: its record as it was verified, and the same hashed anew where that is due."""

    record: UserAuthentication
    anew: Hashed | None

    def confirm(self, rows: Connection, now: datetime) -> bool:
        """Inside a write: tell whether the record still is the one that was verified; note its use, renew its hash."""
        present = password_records.find(rows, self.record.user)
        if present is None or present.is_expired(now):
            return False
        if not hmac.compare_digest(present.secret.encode(), self.record.secret.encode()):
            return False
        authentications.used(rows, present.identifier, now)
        if self.anew is not None:
            password_records.rehash(rows, present, self.anew, now)
        return True


def check_place(request: ApiRequest) -> None:
    """Raise TooMany while too much that came from the caller's address was wrong; NotAllowed for a foreign page."""
    parts = request.parts
    if not parts.authenticator.is_own_origin(request.scope):
        raise NotAllowed("the request comes from another site")
    wait_s = parts.sign_ins.wait_s(place_of(request.scope), parts.clock.monotonic())
    if wait_s:
        raise TooMany("too many failed sign-ins came from this address", wait_s)


def check_fresh(request: ApiRequest) -> ReauthenticationRequired | None:
    """Return the refusal when the caller's session is older than `FRESH` without a new proof; tokens need none."""
    caller = request.caller
    if caller.session is None:
        return None
    proved = caller.authentication_date
    if proved is not None and request.parts.clock.now() - proved < FRESH:
        return None
    return ReauthenticationRequired(
        "for this the session must have proved within 15 minutes who you are: POST /me/reauthenticate"
    )


async def prove_password(request: ApiRequest, user: str, password: str) -> Proof | None:
    """Return the proof that `password` is the one of `user`, None when it is not, whatever the reason.

    Raises TooMany when this place has to wait, for this user or for any, or when too many hashes are due.
    """
    parts, place = request.parts, place_of(request.scope)
    wait_s = parts.sign_ins.wait_s(place, parts.clock.monotonic(), user)
    if wait_s:
        await tell_refused(request, user, "throttled")
        raise TooMany("too many failed sign-ins: wait before the next one", wait_s)
    parts.sign_ins.begin(place, parts.clock.monotonic(), user)
    try:
        record, with_pbkdf2 = await parts.database.read(
            lambda rows: (password_records.find(rows, user), password_records.has_pbkdf2(rows))
        )
        is_right = await parts.passwords.is_right(
            password, password_records.hashed(record), place, with_pbkdf2=with_pbkdf2
        )
    except BaseException:
        # Nobody knows whether it was right: the database or the desk did not answer, or the client left.
        parts.sign_ins.withdraw(place, user)
        raise
    if record is None or not is_right or record.is_expired(parts.clock.now()):
        parts.sign_ins.failed(place, parts.clock.monotonic())
        await tell_refused(request, user, "password")
        return None
    parts.sign_ins.succeeded(place, user)
    stored = password_records.hashed(record)
    is_due = stored is not None and not passwords.is_current(stored)
    return Proof(record=record, anew=await parts.passwords.hash(password, place) if is_due else None)


async def tell_refused(request: ApiRequest, user: str | None, reason: str) -> None:
    """Make an event of a failed sign-in, at most one a minute for a user and a place.

    A name that is no user's may be a password that went into the wrong field, so it is not written down.
    """
    parts = request.parts
    if not parts.sign_ins.may_tell(place_of(request.scope), parts.clock.monotonic(), user or ""):
        return
    now, client = parts.clock.now(), client_name(request.scope)

    def write(rows: Connection) -> None:
        known = None if user is None or users.get(rows, user) is None else user
        data = {"reason": reason, "client": client}
        events.append(rows, Event(date=now, type=EventType.AUTHENTICATION_REFUSED, user=known, data=data))

    with suppress(Unavailable):
        await parts.database.write(write)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """What a session is made of, fetched before the write: chance, the client's name, the session before it."""

    identifier: str
    secret: bytes
    csrf: bytes
    client: str
    before: str | None
    """The text of the session's token that the browser held until now."""
    now: datetime


def new_session(request: ApiRequest) -> NewSession:
    """Prepare a session for whoever signs in by `request`."""
    parts = request.parts
    return NewSession(
        identifier=parts.identifiers.new(),
        secret=parts.random.randbytes(tokens.SECRET_BYTES),
        csrf=parts.random.randbytes(tokens.SECRET_BYTES),
        client=client_name(request.scope),
        before=cookie_of(request.scope, parts.authenticator.cookie),
        now=parts.clock.now(),
    )


def begin(
    rows: Connection, user: User, made: NewSession, *, how: str, until: datetime | None = None
) -> tuple[Caller, str, Me]:
    """Begin a session of `user`, which ends at the latest at `until`; return the caller, the cookie's text, and Me.

    The identifier is always a new one, and the session that the browser had before ends (S-05).
    """
    if made.before is not None:
        old = sessions.find(rows, made.before, made.now)
        if old is not None:
            sessions.end(rows, old.user, old.identifier, made.now, reason=sessions.End.SIGNED_IN_AGAIN, actor=old.user)
    life = session_life(user.roles)
    if until is not None:
        life = min(life, until - made.now)
    session, text = sessions.create(
        rows,
        user.identifier,
        made.identifier,
        made.secret,
        made.csrf,
        now=made.now,
        life=life,
        client=made.client,
        how=how,
    )
    principal = Principal(
        user=user.identifier,
        roles=user.roles,
        is_enabled=user.is_enabled,
        kind=TokenKind.SESSION,
        authentication=session.identifier,
        expiration_date=session.expiration_date,
    )
    caller = Caller(principal=principal, csrf=session.csrf, session=session.identifier, authentication_date=made.now)
    return caller, text, read_me(rows, caller)


async def refuse(request: ApiRequest, user: str | None, reason: str) -> NotAuthenticated:
    """Count and tell a sign-in by token or code that failed; return the error."""
    parts = request.parts
    parts.sign_ins.failed(place_of(request.scope), parts.clock.monotonic())
    await tell_refused(request, user, reason)
    return NotAuthenticated(REFUSED)


def cookie(parts: Parts, text: str, expires: datetime | None) -> Cookie:
    """The session's cookie; with `expires` None one that takes it away."""
    settings = parts.settings
    return Cookie(
        key=parts.authenticator.cookie,
        value=text,
        path=settings.base_path or "/",
        httponly=True,
        secure=settings.is_secure,
        samesite="lax",
        max_age=0 if expires is None else int((expires - parts.clock.now()).total_seconds()),
    )


def tell_access_changed(parts: Parts) -> None:
    """What somebody may, or by which means, has changed: ask again, here at once and elsewhere by the event."""
    parts.authenticator.forget()
    parts.board.doubt()
    parts.hints.publish(hints.ACCESS)
    parts.hints.publish(hints.EVENT)
