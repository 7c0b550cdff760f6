"""Records of passwords: at most one for each user, among the authentications."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, text, update

from orchestra.domain.user import AuthenticationType, UserAuthentication
from orchestra.storage import codes, events, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.passwords import PBKDF2, Hashed
from orchestra.storage.rows import Shape

_TABLE: Final = schema.user_authentication
_SHAPE: Final = Shape(_TABLE, UserAuthentication, "identifier")
_IS_PASSWORD: Final = text("type = 'password'")
"""As the partial index says it, so that it is used."""
_OF_USER: Final = _SHAPE.all.where(_TABLE.c.user == bindparam("user"), _IS_PASSWORD)
_OLD: Final = select(_TABLE.c.identifier).where(_IS_PASSWORD, _TABLE.c.hash_function == PBKDF2).limit(1)


def find(connection: Connection, user: str) -> UserAuthentication | None:
    """Return the record of the user's password, None when there is no user or no password."""
    return _SHAPE.one(connection, _OF_USER, {"user": user})


def hashed(record: UserAuthentication | None) -> Hashed | None:
    """Return what of a record is needed to verify."""
    if record is None:
        return None
    return Hashed(
        hash_function=record.hash_function,
        hash_function_parameters=record.hash_function_parameters,
        hash_function_salt=record.hash_function_salt,
        secret=record.secret,
    )


def has_pbkdf2(connection: Connection) -> bool:
    """Tell whether any password still is as Job Orchestra hashed it."""
    return connection.execute(_OLD).first() is not None


def save(
    connection: Connection, user: str, identifier: str, new: Hashed, now: datetime, *, actor: str | None = None
) -> UserAuthentication:
    """Give `user`, who exists, this password; it does not expire, and links that were handed out are void.

    `identifier` is a new UUID for the first one; a later password keeps the record's.
    """
    before = find(connection, user)
    if before is None:
        blank = UserAuthentication(
            identifier=identifier,
            user=user,
            type=AuthenticationType.PASSWORD,
            hash_function=new.hash_function,
            secret=new.secret,
            creation_date=now,
            update_date=now,
        )
        after = _with(blank, new, now)
        connection.execute(insert(_TABLE), _SHAPE.values(after))
    else:
        after = replace(_with(before, new, now), expiration_date=None)
        connection.execute(update(_TABLE).where(_TABLE.c.identifier == after.identifier), _SHAPE.values(after))
    codes.delete_links(connection, user)
    data = {"authentication": after.identifier, "is_first": before is None}
    happened = Event(date=now, type=EventType.AUTHENTICATION_PASSWORD_SET, user=user, actor=actor, data=data)
    events.append(connection, happened)
    return after


def rehash(connection: Connection, before: UserAuthentication, new: Hashed, now: datetime) -> bool:
    """Store the same password hashed anew; False when the record is no longer the one that was verified."""
    statement = update(_TABLE).where(_TABLE.c.identifier == before.identifier, _TABLE.c.secret == before.secret)
    return connection.execute(statement, _SHAPE.values(_with(before, new, now))).rowcount == 1


def _with(record: UserAuthentication, new: Hashed, now: datetime) -> UserAuthentication:
    return replace(
        record,
        hash_function=new.hash_function,
        hash_function_parameters=new.hash_function_parameters,
        hash_function_salt=new.hash_function_salt,
        secret=new.secret,
        update_date=now,
    )
