"""Users: who may sign in, with which roles."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Text, bindparam, cast, func, insert, literal, select, update
from sqlalchemy import delete as delete_from

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.user import User
from orchestra.storage import events, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import FROM_THE_BEGINNING, Asked, Order, Page, equal, read_page
from orchestra.storage.rows import Shape

NAMED: Final = 10
"""Most workers that the refusal to delete their owner names."""

_USER: Final = schema.user
_SHAPE: Final = Shape(_USER, User, "identifier")
_ONE: Final = _SHAPE.all.where(_USER.c.identifier == bindparam("identifier"))
_ORDER: Final = Order(
    {name: _USER.c[name] for name in ("identifier", "display_name", "is_enabled", "creation_date", "update_date")},
    "identifier",
    _USER.c.identifier,
)


class UserValues(Protocol):
    """What a user is to be: a `User`, or what a request says of one (`is_enabled` None: keep)."""

    @property
    def identifier(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def roles(self) -> tuple[str, ...]: ...
    @property
    def is_enabled(self) -> bool | None: ...


def get(connection: Connection, identifier: str) -> User | None:
    """Return the user, None if there is none."""
    return _SHAPE.one(connection, _ONE, {"identifier": identifier})


def page(
    connection: Connection,
    asked: Asked = FROM_THE_BEGINNING,
    *,
    role: str | None = None,
    is_enabled: bool | None = None,
) -> Page[User]:
    """Return a part of the list of users; `role` is an entry of `roles` as it is written there.

    Raises InvalidContent for a bad order, cursor or limit.
    """
    conditions = equal({_USER.c.is_enabled: is_enabled})
    if role is not None:
        # Entries hold no character that JSON escapes, so an entry in quotes is found as it is.
        places = func.instr if connection.dialect.name == "sqlite" else func.strpos
        conditions.append(places(cast(_USER.c.roles, Text), literal(f'"{role}"', Text())) > 0)
    return read_page(connection, _SHAPE, _ORDER, asked, *conditions)


def save(connection: Connection, wanted: UserValues, now: datetime, *, actor: str | None = None) -> User:
    """Create or replace a user; writes nothing when nothing differs. Dates are not taken from `wanted`."""
    values: dict[str, Any] = {"display_name": wanted.display_name, "roles": tuple(wanted.roles)}
    before = get(connection, wanted.identifier)
    if before is None:
        is_enabled = wanted.is_enabled is not False
        after = User(identifier=wanted.identifier, **values, is_enabled=is_enabled, creation_date=now, update_date=now)
        connection.execute(insert(_USER), _SHAPE.values(after))
        _happened(connection, EventType.USER_CREATED, after, now, actor=actor, data={"roles": list(after.roles)})
        return after
    if wanted.is_enabled is not None:
        values["is_enabled"] = wanted.is_enabled
    changed = sorted(name for name, value in values.items() if value != getattr(before, name))
    if not changed:
        return before
    after = replace(before, **values, update_date=now)
    connection.execute(update(_USER).where(_USER.c.identifier == after.identifier), _SHAPE.values(after))
    data = {"changed": changed, "roles": list(after.roles), "is_enabled": after.is_enabled}
    _happened(connection, EventType.USER_UPDATED, after, now, actor=actor, data=data)
    return after


def delete(connection: Connection, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Delete a user with all authentications and sessions. Raises NotFound, and Conflict while workers are theirs."""
    before = get(connection, identifier)
    if before is None:
        raise NotFound(f"there is no user {identifier}")
    worker = schema.worker
    owned = connection.execute(
        select(worker.c.identifier).where(worker.c.owner == identifier).order_by(worker.c.identifier)
    ).scalars()
    names = list(owned)
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        named = f"worker{'s' * (len(names) > 1)} {', '.join(names[:NAMED])}{more}"
        raise Conflict(f"the user {identifier} owns the {named}; delete what it owns first, or disable the user")
    connection.execute(delete_from(_USER).where(_USER.c.identifier == identifier))
    _happened(connection, EventType.USER_DELETED, before, now, actor=actor, data={})


def _happened(
    connection: Connection, type_: EventType, user: User, now: datetime, *, actor: str | None, data: dict[str, Any]
) -> None:
    events.append(connection, Event(date=now, type=type_, user=user.identifier, actor=actor, data=data))
