"""One-time codes: each buys its user one thing, once, and not for long.

    sign_in      a session; in the link that the first start prints
    invitation   the first password and a session; in a link that an administrator hands over
    reset        a new password and a session; likewise

A code is 256 random bits; stored is its SHA-256, by which it is looked up, so how long that takes
says nothing about codes that exist.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from orchestra.storage import events, schema, tokens
from orchestra.storage.columns import date_text
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event

_CODE: Final = schema.sign_in_code


class Purpose(StrEnum):
    """What a code buys."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    RESET = "reset"


LINKS: Final = (Purpose.INVITATION, Purpose.RESET)
"""Codes with which a user sets a password."""

LIFE: Final = {
    Purpose.SIGN_IN: timedelta(minutes=15),
    Purpose.INVITATION: timedelta(hours=72),
    Purpose.RESET: timedelta(hours=1),
}
"""Long enough to open what is printed; to come back from a weekend; to read a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What a code says."""

    user: str
    purpose: Purpose
    expiration_date: datetime


def create(
    connection: Connection, user: str, secret: bytes, now: datetime, *, purpose: Purpose = Purpose.SIGN_IN
) -> tuple[Code, str]:
    """Create a code for `user`, who exists; return it and its text. `secret` is `tokens.SECRET_BYTES` random bytes."""
    made = Code(user=user, purpose=purpose, expiration_date=now + LIFE[purpose])
    values = {"secret": tokens.digest(secret), "user": user, "expiration_date": made.expiration_date}
    connection.execute(insert(_CODE), {**values, "purpose": purpose})
    return made, tokens.code(secret)


def create_link(
    connection: Connection, user: str, secret: bytes, now: datetime, *, purpose: Purpose, actor: str | None = None
) -> tuple[Code, str]:
    """Like `create`, for a code that is handed over: the user's older ones are void."""
    delete_links(connection, user)
    made, text = create(connection, user, secret, now, purpose=purpose)
    data = {"purpose": purpose, "expiration_date": date_text(made.expiration_date)}
    happened = Event(date=now, type=EventType.AUTHENTICATION_LINK_CREATED, user=user, actor=actor, data=data)
    events.append(connection, happened)
    return made, text


def find(connection: Connection, text: str, purposes: Collection[Purpose], now: datetime) -> Code | None:
    """Return what a code says, None when it is none, used, expired, or for something else."""
    secret = tokens.code_secret(text)
    if secret is None:
        return None
    columns = (_CODE.c.user, _CODE.c.purpose, _CODE.c.expiration_date)
    row = connection.execute(select(*columns).where(_CODE.c.secret == tokens.digest(secret))).first()
    if row is None or row.purpose not in purposes or row.expiration_date <= now:
        return None
    return Code(user=row.user, purpose=Purpose(row.purpose), expiration_date=row.expiration_date)


def redeem(connection: Connection, text: str, purposes: Collection[Purpose], now: datetime) -> Code | None:
    """Like `find`; the code is used up by this."""
    found, secret = find(connection, text, purposes, now), tokens.code_secret(text)
    if found is not None and secret is not None:
        connection.execute(delete(_CODE).where(_CODE.c.secret == tokens.digest(secret)))
    return found


def delete_links(connection: Connection, user: str) -> None:
    """Void the links that were handed out for `user`."""
    connection.execute(delete(_CODE).where(_CODE.c.user == user, _CODE.c.purpose.in_(LINKS)))


def purge(connection: Connection, now: datetime) -> int:
    """Delete what has expired; return how many."""
    return connection.execute(delete(_CODE).where(_CODE.c.expiration_date <= now)).rowcount
