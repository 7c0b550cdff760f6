"""Sessions of the website.

A session is a token `orcs_…` in a cookie; it ends when it was idle too long, at its expiration date at the
latest, or when it is deleted. Its beginning and every end that somebody asked for are events.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, update

from orchestra.domain.access import TokenKind
from orchestra.storage import events, schema, tokens
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import LIMIT, Order, Page
from orchestra.storage.rows import Shape

IDLE: Final = timedelta(hours=24)
"""A session that was not used for so long has ended."""
LIFE: Final = timedelta(days=7)
"""A session ends at the latest after so long, however much it is used."""
USE_NOTED_EVERY: Final = timedelta(minutes=1)
"""`last_use_date` is this precise: a write for each request would cost more than the request."""


class End(StrEnum):
    """Why sessions ended."""

    SIGNED_OUT = "signed_out"
    SIGNED_IN_AGAIN = "signed_in_again"
    REVOKED = "revoked"
    PASSWORD_SET = "password_set"
    AUTHENTICATION_DELETED = "authentication_deleted"
    AUTHENTICATION_EXPIRED = "authentication_expired"
    ROLES_CHANGED = "roles_changed"
    USER_DISABLED = "user_disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as stored: `secret` is a hash; `csrf` is what the website sends back with each change.

    `client` is what the browser calls itself, for people to recognise it. `authentication_date` is when its
    user proved last who they are; None: when it began.
    """

    identifier: str
    user: str
    secret: str = field(repr=False)
    csrf: str = field(repr=False)
    creation_date: datetime
    last_use_date: datetime
    expiration_date: datetime
    client: str = ""
    authentication_date: datetime | None = None


_TABLE: Final = schema.session
_SHAPE: Final = Shape(_TABLE, Session, "identifier")
_ONE: Final = _SHAPE.all.where(_TABLE.c.identifier == bindparam("identifier"))
_ORDER: Final = Order(
    {name: _TABLE.c[name] for name in ("creation_date", "last_use_date", "expiration_date")},
    "-last_use_date",
    _TABLE.c.identifier,
)
_OF_USER: Final = _SHAPE.all.where(_TABLE.c.user == bindparam("user")).order_by(_TABLE.c.creation_date)
_USED: Final = (
    update(_TABLE)
    .where(_TABLE.c.identifier == bindparam("of"), _TABLE.c.last_use_date < bindparam("before"))
    .values(last_use_date=bindparam("now"))
)


def create(
    connection: Connection,
    user: str,
    identifier: str,
    secret: bytes,
    csrf: bytes,
    *,
    now: datetime,
    life: timedelta = LIFE,
    client: str = "",
    how: str = "",
) -> tuple[Session, str]:
    """Begin a session of `user`; return it and the text of its token, for the cookie.

    `identifier` is a new UUID; `secret` and `csrf` are `tokens.SECRET_BYTES` random bytes each; `how` is by
    what means the user signed in, for the event.
    """
    session = Session(
        identifier=identifier,
        user=user,
        secret=tokens.digest(secret),
        csrf=tokens.code(csrf),
        creation_date=now,
        last_use_date=now,
        expiration_date=now + life,
        client=client,
        authentication_date=now,
    )
    connection.execute(insert(_TABLE), _SHAPE.values(session))
    facts = {"session": identifier, "how": how, "client": client}
    _happened(connection, EventType.SESSION_CREATED, user, now, actor=user, data=facts)
    return session, tokens.make(TokenKind.SESSION, identifier, secret)


def find(connection: Connection, text: str, now: datetime, idle: timedelta = IDLE) -> Session | None:
    """Return the session whose token this is, None when it is none, unknown, wrong, expired or idle too long."""
    token = tokens.parse(text)
    if token is None or token.kind is not TokenKind.SESSION:
        return None
    session = _SHAPE.one(connection, _ONE, {"identifier": token.identifier})
    if session is None or not tokens.is_secret(token, session.secret):
        return None
    return session if now < min(session.expiration_date, session.last_use_date + idle) else None


def of_user(connection: Connection, user: str) -> list[Session]:
    """Return the sessions of a user, oldest first."""
    return _SHAPE.many(connection.execute(_OF_USER, {"user": user}))


def page(
    connection: Connection,
    user: str,
    now: datetime,
    *,
    idle: timedelta = IDLE,
    order: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[Session]:
    """Return a part of the list of a user's sessions that have not ended, as last used first.

    Raises InvalidContent for a bad order, cursor or limit.
    """
    part = _ORDER.slice(order, cursor, limit)
    open_ = (_TABLE.c.expiration_date > now) & (_TABLE.c.last_use_date > now - idle)
    statement = part.of(_SHAPE.all.where(_TABLE.c.user == user, open_))
    return part.page(_SHAPE.many(connection.execute(statement)))


def used(connection: Connection, identifier: str, now: datetime) -> bool:
    """Note that a session was used; True if that was written (at most once in `USE_NOTED_EVERY`)."""
    values = {"of": identifier, "before": now - USE_NOTED_EVERY, "now": now}
    return connection.execute(_USED, values).rowcount == 1


def authenticated(connection: Connection, identifier: str, now: datetime) -> None:
    """Note that the session's user has proved again who they are."""
    connection.execute(update(_TABLE).where(_TABLE.c.identifier == identifier).values(authentication_date=now))


def end(
    connection: Connection, user: str, identifier: str, now: datetime, *, reason: End, actor: str | None = None
) -> bool:
    """End a session of `user` at once; False when there was none."""
    statement = delete(_TABLE).where(_TABLE.c.identifier == identifier, _TABLE.c.user == user)
    if connection.execute(statement).rowcount == 0:
        return False
    facts = {"sessions": [identifier], "reason": reason}
    _happened(connection, EventType.SESSION_ENDED, user, now, actor=actor, data=facts)
    return True


def end_all(
    connection: Connection, user: str, now: datetime, *, reason: End, but: str | None = None, actor: str | None = None
) -> int:
    """End the sessions of a user, except the one named by `but`; return how many."""
    ended = [one.identifier for one in of_user(connection, user) if one.identifier != but]
    if not ended:
        return 0
    statement = delete(_TABLE).where(_TABLE.c.user == user)
    if but is not None:
        statement = statement.where(_TABLE.c.identifier != but)
    connection.execute(statement)
    facts = {"sessions": ended, "reason": reason}
    _happened(connection, EventType.SESSION_ENDED, user, now, actor=actor, data=facts)
    return len(ended)


def purge(connection: Connection, now: datetime, idle: timedelta = IDLE) -> int:
    """Delete the sessions that have expired; return how many."""
    over = (_TABLE.c.expiration_date <= now) | (_TABLE.c.last_use_date <= now - idle)
    return connection.execute(delete(_TABLE).where(over)).rowcount


def _happened(
    connection: Connection, type_: EventType, user: str, now: datetime, *, actor: str | None, data: dict[str, Any]
) -> None:
    events.append(connection, Event(date=now, type=type_, user=user, actor=actor, data=data))
