"""Authentication: whose request is it? Bearer token, Basic `user:token`, or the website's session cookie.

    Authorization header → a token; cookies are then ignored, and no CSRF header is asked for
    session cookie       → a session; every change needs `X-CSRF-Token` and an Origin of ours
    neither              → NotAuthenticated

What was found is remembered for `MEMORY_S` by the token's hash, so that a thousand requests a second
cost one look at the database; an expiration date is honoured at its instant, and whatever changes
users or authentications empties the memory (`forget`).

Rules: a token that is malformed, unknown, expired or deleted gives the same answer. Bad tokens are
limited per address after they were looked at, so that nobody can lock others out.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection

from orchestra.domain.access import Principal, Role, TokenKind
from orchestra.domain.errors import NotAllowed, NotAuthenticated, TooMany, Unavailable
from orchestra.service.parts import Clock, ServiceSettings
from orchestra.service.throttle import Throttle, place
from orchestra.storage import authentications, sessions
from orchestra.storage.database import Database

SESSION_IDLE: Final = timedelta(hours=24)
SESSION_LIFE: Final = timedelta(days=7)
ADMINISTRATOR_IDLE: Final = timedelta(hours=1)
ADMINISTRATOR_LIFE: Final = timedelta(hours=12)
"""security.md 4.2. A page that is open counts as use, so idle means that nobody looks."""

NEVER: Final = datetime.min.replace(tzinfo=UTC)

MEMORY_S: Final = 1.0
"""How long a principal is believed without looking: the longest that a deleted token may live on another server."""
REMEMBERED: Final = 10_000
"""Most tokens remembered at once."""
BAD_TOKENS_A_MINUTE: Final = 60
CSRF_HEADER: Final = b"x-csrf-token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls. `csrf` is the session's CSRF token, `session` its identifier, `authentication_date` when its
    user proved last who they are (aware UTC); all None for tokens."""

    principal: Principal
    csrf: str | None = None
    session: str | None = None
    authentication_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float


class Authenticator:
    """Finds out who calls; one for each process."""

    def __init__(self, database: Database, clock: Clock, settings: ServiceSettings) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._noted: dict[str, datetime] = {}
        self._bad_tokens = Throttle(limit=BAD_TOKENS_A_MINUTE, period_s=60.0)
        self.cookie = cookie_name(settings)
        self._origins = frozenset(_netloc(origin) for origin in settings.origins)

    async def authenticate(self, scope: Any) -> Caller:
        """Return who makes the request of this ASGI scope (HTTP or WebSocket).

        Raises NotAuthenticated; TooMany when this address sent too many bad tokens; NotAllowed for a
        change that came with a cookie and without its CSRF token, or from a foreign page.
        """
        authorization, cookie, csrf = _credentials(scope["headers"])
        if authorization is not None:
            user, token = _token(authorization)
            caller = await self._find(token, scope, is_session=False, user=user)
            if user is not None and user != caller.principal.user:
                raise NotAuthenticated("the user and the token do not belong together")
            return caller
        session = None if cookie is None else _cookie(cookie, self.cookie)
        if session is None:
            raise NotAuthenticated("expected an Authorization header or a session")
        caller = await self._find(session, scope, is_session=True)
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            self._check_change(scope, caller, csrf)
        return caller

    def is_own_origin(self, scope: Any) -> bool:
        """Tell whether the request comes from a page of ours, or from no page at all."""
        headers = dict(scope["headers"])
        site = headers.get(b"sec-fetch-site")
        origin = headers.get(b"origin")
        if site is not None and site not in (b"same-origin", b"none") and scope["type"] == "http":
            return False
        if origin is None:
            return True
        netloc = _netloc(origin.decode("latin-1"))
        return bool(netloc) and (
            netloc == headers.get(b"host", b"").decode("latin-1").lower() or netloc in self._origins
        )

    def is_valid(self, caller: Caller) -> bool:
        """Tell whether the caller's authentication has not expired by now."""
        expires = caller.principal.expiration_date
        return expires is None or self._clock.now() < expires

    def forget(self) -> None:
        """Forget everyone: the next request of each looks at the database again."""
        self._known.clear()

    def _check_change(self, scope: Any, caller: Caller, csrf: str | None) -> None:
        if not self.is_own_origin(scope):
            raise NotAllowed("the request comes from another site")
        if csrf is None or caller.csrf is None or not hmac.compare_digest(csrf.encode(), caller.csrf.encode()):
            raise NotAllowed("expected the session's token in the header X-CSRF-Token")

    async def _find(self, token: str, scope: Any, *, is_session: bool, user: str | None = None) -> Caller:
        # What is right as a header is wrong as a cookie, and the other way round; what is right beside one name
        # may be nothing beside another, or alone: they are remembered apart.
        beside = "\0cookie" if is_session else "" if user is None else f"\0{user}"
        digest = hashlib.sha256(f"{token}{beside}".encode()).digest()
        known = self._known.get(digest)
        now = self._clock.monotonic()
        if known is None or known.until <= now:
            caller = await self._look_up(token, user, is_session=is_session)
            if caller is None:
                self._known.pop(digest, None)
                raise self._refused(scope, now)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = _Known(caller, now + MEMORY_S)
            # A run's token ends with its run, and no event tells us in time.
            if caller.principal.kind is not TokenKind.RUN:
                self._known[digest] = known
        if not self.is_valid(known.caller):
            raise NotAuthenticated("the authentication has expired")
        return known.caller

    async def _look_up(self, token: str, user: str | None, *, is_session: bool) -> Caller | None:
        now = self._clock.now()

        def read(connection: Connection) -> Caller | None:
            session = sessions.find(connection, token, now, SESSION_IDLE) if is_session else None
            principal = authentications.authenticate(connection, token, now, user)
            # A session speaks as a cookie only (as a header it would need no CSRF token), all others as a header.
            if principal is None or (principal.kind is TokenKind.SESSION) != is_session:
                return None
            if is_session and session is None:
                return None
            if session is None:
                return Caller(principal=principal)
            if now - session.last_use_date >= session_idle(principal.roles):
                return None
            return Caller(
                principal=principal,
                csrf=session.csrf,
                session=session.identifier,
                authentication_date=session.authentication_date or session.creation_date,
            )

        caller = await self._database.read(read)
        if caller is not None:
            await self._note_use(caller, now)
        return caller

    async def _note_use(self, caller: Caller, now: datetime) -> None:
        """Keep `last_use_date` of the authentication current to the minute."""
        identifier = caller.principal.authentication
        if identifier is None or now - self._noted.get(identifier, NEVER) < sessions.USE_NOTED_EVERY:
            return
        if len(self._noted) >= REMEMBERED:
            self._noted.clear()
        self._noted[identifier] = now
        use = authentications.used if caller.session is None else sessions.used
        try:
            await self._database.write(lambda connection: use(connection, identifier, now))
        except Unavailable:
            # Reading goes on without it; the next minute tries again.
            return

    def _refused(self, scope: Any, now: float) -> NotAuthenticated | TooMany:
        where = place_of(scope)
        self._bad_tokens.count(where, now)
        wait_s = self._bad_tokens.wait_s(where, now)
        if wait_s:
            return TooMany("too many requests with a bad token came from this address", wait_s)
        return NotAuthenticated("the token is not valid")


def session_life(roles: Iterable[str]) -> timedelta:
    """How long a session of a user with `roles` may last."""
    return ADMINISTRATOR_LIFE if Role.ADMINISTRATOR in roles else SESSION_LIFE


def session_idle(roles: Iterable[str]) -> timedelta:
    """How long a session of a user with `roles` may go unused."""
    return ADMINISTRATOR_IDLE if Role.ADMINISTRATOR in roles else SESSION_IDLE


def cookie_of(scope: Any, name: str) -> str | None:
    """The value of one cookie of the request of an ASGI scope; None when it is absent."""
    _, header, _ = _credentials(scope["headers"])
    return None if header is None else _cookie(header, name)


def address_of(scope: Any) -> str:
    """The address that the request of an ASGI scope comes from."""
    return str((scope.get("client") or ("unknown",))[0])


def place_of(scope: Any) -> str:
    """The place whose failures are counted together; see `throttle.place`."""
    return place(address_of(scope))


def cookie_name(settings: ServiceSettings) -> str:
    """The session cookie's name: with the prefix that browsers enforce, where they can."""
    return "__Host-orchestra" if settings.is_secure and not settings.base_path else "orchestra"


def _credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes | None, bytes | None, str | None]:
    """(Authorization, Cookie, X-CSRF-Token) in one pass."""
    authorization = cookie = csrf = None
    for name, value in headers:
        if name == b"authorization":
            authorization = value
        elif name == b"cookie":
            cookie = value if cookie is None else cookie + b"; " + value
        elif name == CSRF_HEADER:
            csrf = value.decode("latin-1")
    return authorization, cookie, csrf


def _token(authorization: bytes) -> tuple[str | None, str]:
    """(user or None, token) of an Authorization header. Raises NotAuthenticated."""
    scheme, _, rest = authorization.decode("latin-1").strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer" and rest:
        return None, rest
    if scheme.lower() == "basic" and rest:
        try:
            user, colon, token = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:
            # No base64 (binascii.Error), no UTF-8 inside, no ASCII at all: each is a ValueError of its own.
            raise NotAuthenticated("the Authorization header cannot be read") from None
        if colon and token:
            return user, token
    raise NotAuthenticated("expected Authorization: Bearer TOKEN, or Basic with user:token")


def _cookie(header: bytes, name: str) -> str | None:
    """The value of one cookie of a Cookie header (RFC 6265 section 4.2); None when it is absent."""
    for pair in header.decode("latin-1").split(";"):
        key, equals, value = pair.strip().partition("=")
        if equals and key == name:
            return value
    return None


def _netloc(origin: str) -> str:
    return urlsplit(origin).netloc.lower()
