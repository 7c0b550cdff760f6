"""Sessions of the website, and the one-time codes that begin the first one.

A session is a token `orcs_…` in a cookie; it ends when it was idle too long, at its expiration date at the
latest, or when it is deleted. A sign-in code is shown once at the first start and buys one session.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from orchestra.domain.access import TokenKind
from orchestra.storage import schema, tokens
from orchestra.storage.rows import Shape

IDLE: Final = timedelta(hours=24)
"""A session that was not used for so long has ended."""
LIFE: Final = timedelta(days=7)
"""A session ends at the latest after so long, however much it is used."""
CODE_LIFE: Final = timedelta(minutes=15)
"""Long enough to open the printed link at the first start."""
USE_NOTED_EVERY: Final = timedelta(minutes=1)
"""`last_use_date` is this precise: a write for each request would cost more than the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as stored: `secret` is a hash; `csrf` is what the website sends back with each change."""

    identifier: str
    user: str
    secret: str = field(repr=False)
    csrf: str = field(repr=False)
    creation_date: datetime
    last_use_date: datetime
    expiration_date: datetime


_TABLE: Final = schema.session
_CODE: Final = schema.sign_in_code
_SHAPE: Final = Shape(_TABLE, Session, "identifier")
_ONE: Final = _SHAPE.all.where(_TABLE.c.identifier == bindparam("identifier"))
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
) -> tuple[Session, str]:
    """Begin a session of `user`; return it and the text of its token, for the cookie.

    `identifier` is a new UUID; `secret` and `csrf` are `tokens.SECRET_BYTES` random bytes each.
    """
    session = Session(
        identifier=identifier,
        user=user,
        secret=tokens.digest(secret),
        csrf=tokens.code(csrf),
        creation_date=now,
        last_use_date=now,
        expiration_date=now + life,
    )
    connection.execute(insert(_TABLE), _SHAPE.values(session))
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


def used(connection: Connection, identifier: str, now: datetime) -> bool:
    """Note that a session was used; True if that was written (at most once in `USE_NOTED_EVERY`)."""
    values = {"of": identifier, "before": now - USE_NOTED_EVERY, "now": now}
    return connection.execute(_USED, values).rowcount == 1


def end(connection: Connection, identifier: str) -> bool:
    """End a session at once; False when there was none."""
    return connection.execute(delete(_TABLE).where(_TABLE.c.identifier == identifier)).rowcount == 1


def end_all(connection: Connection, user: str, but: str | None = None) -> int:
    """End the sessions of a user, except the one named by `but`; return how many."""
    statement = delete(_TABLE).where(_TABLE.c.user == user)
    if but is not None:
        statement = statement.where(_TABLE.c.identifier != but)
    return connection.execute(statement).rowcount


def purge(connection: Connection, now: datetime, idle: timedelta = IDLE) -> int:
    """Delete what has expired: sessions, codes; return how many."""
    over = (_TABLE.c.expiration_date <= now) | (_TABLE.c.last_use_date <= now - idle)
    sessions = connection.execute(delete(_TABLE).where(over)).rowcount
    codes = connection.execute(delete(_CODE).where(_CODE.c.expiration_date <= now)).rowcount
    return sessions + codes


def create_code(connection: Connection, user: str, secret: bytes, now: datetime, life: timedelta = CODE_LIFE) -> str:
    """Create a one-time code with which `user` signs in; return its text. `secret` is random."""
    values = {"secret": tokens.digest(secret), "user": user, "expiration_date": now + life}
    connection.execute(insert(_CODE), values)
    return tokens.code(secret)


def redeem_code(connection: Connection, text: str, now: datetime) -> str | None:
    """Return the user whose code this is, None when it is none, used or expired. It is used up by this.

    The look-up is by the hash, so how long it takes says nothing about codes that exist.
    """
    secret = tokens.code_secret(text)
    if secret is None:
        return None
    digest = tokens.digest(secret)
    row = connection.execute(select(_CODE.c.user, _CODE.c.expiration_date).where(_CODE.c.secret == digest)).first()
    if row is None:
        return None
    connection.execute(delete(_CODE).where(_CODE.c.secret == digest))
    user: str = row.user
    return user if now < row.expiration_date else None
