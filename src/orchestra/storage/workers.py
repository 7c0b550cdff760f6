"""Workers: who is known, who is connected, in which session, and what each may take.

A worker's row is made by its first connection. `session` counts connections: only the newest one
may speak (`is_current_session`), so a half-open older one is fenced off. `is_active` is written by
`connect`, `disconnect` and `deactivate_all` alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, select, text, update
from sqlalchemy import delete as delete_from

from orchestra.domain import lease
from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.placement import WorkerSlots
from orchestra.domain.worker import Worker
from orchestra.storage import events, job_revisions, obstacles, schema
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import FROM_THE_BEGINNING, Asked, Order, Page, equal, read_page
from orchestra.storage.rows import Shape
from orchestra.storage.statements import Statement

_WORKER: Final = schema.worker
_RUN: Final = schema.run
_IS_ACTIVE: Final = text(f"run.{schema.IS_ACTIVE}")
_SHAPE: Final = Shape(_WORKER, Worker, "identifier")
_ORDER: Final = Order(
    {
        name: _WORKER.c[name]
        for name in (
            "identifier",
            "display_name",
            "owner",
            "version",
            "concurrency",
            "is_enabled",
            "is_active",
            "connection_date",
            "creation_date",
            "update_date",
        )
    },
    "identifier",
    _WORKER.c.identifier,
)
_IS_IT: Final = _WORKER.c.identifier == bindparam("identifier")
_SESSION: Final = Statement(select(_WORKER.c.session).where(_IS_IT))
_TAKEN: Final = select(func.count()).where(_IS_ACTIVE, _RUN.c.worker == _WORKER.c.identifier).scalar_subquery()
_FREE: Final = Statement(
    select(_WORKER.c.concurrency - _TAKEN).where(_IS_IT, _WORKER.c.is_enabled.is_(True), _WORKER.c.is_active.is_(True))
)
_USED: Final = Statement(select(_RUN.c.worker, func.count()).where(_IS_ACTIVE).group_by(_RUN.c.worker))
_ALL: Final = Statement(_SHAPE.all)
_SEEN: Final = (
    update(_WORKER)
    .where(_WORKER.c.identifier == bindparam("of"), _WORKER.c.session == bindparam("of_session"))
    .values(last_seen_date=bindparam("now"))
)
_ABSENT: Final = (
    select(
        _RUN.c.identifier,
        _RUN.c.epoch,
        _RUN.c.worker,
        _WORKER.c.last_seen_date,
        schema.job_revision.c.project,
        schema.job_revision.c.job,
        schema.job_revision.c.revision,
        schema.job_revision.c.policy,
    )
    .join(_WORKER, _WORKER.c.identifier == _RUN.c.worker)
    .join(
        schema.job_revision,
        (schema.job_revision.c.project == _RUN.c.project)
        & (schema.job_revision.c.job == _RUN.c.job)
        & (schema.job_revision.c.revision == _RUN.c.job_revision),
    )
    .where(_IS_ACTIVE, _WORKER.c.is_active.is_(False))
    .order_by(_RUN.c.worker, _RUN.c.identifier)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """What a worker says of itself when it connects (`wire.messages.Hello`)."""

    worker: str
    version: str
    protocol: int
    concurrency: int
    installation: str
    boot: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A run whose worker is away: since `last_seen_date`, tolerated for `fail_after_s` seconds (None: for ever)."""

    run: str
    epoch: int
    worker: str
    last_seen_date: datetime
    fail_after_s: float | None


def get(connection: Connection, identifier: str) -> Worker | None:
    """Return the worker, None if there is none."""
    return _SHAPE.get(connection, identifier)


def page(
    connection: Connection,
    asked: Asked = FROM_THE_BEGINNING,
    *,
    owner: str | None = None,
    is_enabled: bool | None = None,
    is_active: bool | None = None,
) -> Page[Worker]:
    """Return a part of the list of workers. Raises InvalidContent for a bad order, cursor or limit."""
    wanted = {_WORKER.c.owner: owner, _WORKER.c.is_enabled: is_enabled, _WORKER.c.is_active: is_active}
    return read_page(connection, _SHAPE, _ORDER, asked, *equal(wanted))


def slots(connection: Connection) -> list[WorkerSlots]:
    """Return every worker with how many of its slots assigned and running runs take."""
    used = dict(_USED.all(connection, {}))
    workers = _SHAPE.many(_ALL.all(connection, {}))
    return [WorkerSlots(worker=one, used=used.get(one.identifier, 0)) for one in workers]


def free_slots(connection: Connection, identifiers: Iterable[str]) -> dict[str, int]:
    """Return how many more runs those of `identifiers` may get that are enabled and connected."""
    rows = {one: _FREE.first(connection, {"identifier": one}) for one in sorted(identifiers)}
    return {one: row[0] for one, row in rows.items() if row is not None}


def session(connection: Connection, identifier: str) -> int | None:
    """Return the number of the worker's newest session, None for an unknown worker."""
    row = _SESSION.first(connection, {"identifier": identifier})
    return None if row is None else row[0]


def is_current_session(connection: Connection, identifier: str, number: int) -> bool:
    """Tell whether `number` is the worker's newest session."""
    return session(connection, identifier) == number


def connect(connection: Connection, hello: Connecting, owner: str, now: datetime) -> tuple[Worker | None, Worker]:
    """Begin a session: return the worker before (None: unknown until now) and after, its `session` one higher.

    The same installation supersedes its own session at once. Raises Conflict when the name belongs to
    another user, or to another installation that is connected or has runs; nothing is changed then.
    """
    before = get(connection, hello.worker)
    if before is None:
        after = _new(hello, owner, now)
        connection.execute(insert(_WORKER), _SHAPE.values(after))
    else:
        _refuse_impostor(connection, before, hello, owner)
        after = replace(
            before,
            version=hello.version,
            properties=hello.properties,
            concurrency=hello.concurrency,
            protocol=hello.protocol,
            is_active=True,
            should_disconnect=False,
            connection_date=now,
            last_seen_date=now,
            session=before.session + 1,
            installation=hello.installation,
            boot=hello.boot,
            update_date=now,
        )
        _SHAPE.store(connection, after)
    data = {"session": after.session, "version": after.version, "is_new": before is None}
    _happened(connection, EventType.WORKER_CONNECTED, after.identifier, now, actor=owner, data=data)
    return before, after


def disconnect(
    connection: Connection, identifier: str, session: int, now: datetime, heard: datetime | None = None
) -> bool:
    """End a session; False when a newer one has begun meanwhile, then nothing changes.

    `heard` is when the worker said its last word, if that was long before the end; what is known of it is as old.
    """
    before = get(connection, identifier)
    if before is None or before.session != session or not before.is_active:
        return False
    _SHAPE.store(
        connection,
        replace(before, is_active=False, should_disconnect=False, last_seen_date=heard or now, update_date=now),
    )
    _happened(connection, EventType.WORKER_DISCONNECTED, identifier, now, actor=None, data={"session": session})
    return True


def deactivate_all(connection: Connection, now: datetime) -> list[str]:
    """At a server's start nobody is connected: return the workers that were said to be.

    Their `last_seen_date` becomes `now`: while no server ran, nobody could have seen them, and a worker
    must not count as lost for the server's own absence.
    """
    identifiers = list(connection.execute(select(_WORKER.c.identifier).where(_WORKER.c.is_active)).scalars())
    for identifier in identifiers:
        before = get(connection, identifier)
        if before is not None:
            disconnect(connection, identifier, before.session, now)
    return identifiers


def seen(connection: Connection, sessions: Mapping[str, int], now: datetime) -> None:
    """Note that workers (identifier → session) were heard of; makes no event."""
    values = [{"of": identifier, "of_session": session, "now": now} for identifier, session in sessions.items()]
    if values:
        connection.execute(_SEEN, values)


def patch(
    connection: Connection,
    identifier: str,
    now: datetime,
    *,
    is_enabled: bool | None = None,
    note: str | None = None,
    display_name: str | None = None,
    should_disconnect: bool | None = None,
    actor: str | None = None,
) -> Worker:
    """Change the named fields (None: keep); writes nothing when nothing differs. Raises NotFound."""
    before = _existing(connection, identifier)
    wanted: dict[str, Any] = {
        "is_enabled": is_enabled,
        "note": note,
        "display_name": display_name,
        "should_disconnect": should_disconnect,
    }
    changed = {name: value for name, value in wanted.items() if value is not None and value != getattr(before, name)}
    if not changed:
        return before
    after = replace(before, **changed, update_date=now)
    _SHAPE.store(connection, after)
    flags = {name: value for name, value in changed.items() if isinstance(value, bool)}
    data = {"changed": sorted(changed), **flags}
    _happened(connection, EventType.WORKER_UPDATED, identifier, now, actor=actor, data=data)
    return after


def delete(connection: Connection, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Forget a worker. Raises NotFound, and Conflict while it is connected or has runs that have not ended."""
    before = _existing(connection, identifier)
    found = obstacles.of_worker(connection, before)
    if found:
        raise Conflict(obstacles.sentence(f"the worker {identifier}", found))
    connection.execute(delete_from(_WORKER).where(_WORKER.c.identifier == identifier))
    _happened(connection, EventType.WORKER_DELETED, identifier, now, actor=actor, data={})


def inactive_with_runs(connection: Connection) -> list[Absence]:
    """Return every run that is assigned to or running on a worker that is not connected now."""
    definitions: _Definitions = {}
    return [_absence(connection, row, definitions) for row in connection.execute(_ABSENT)]


def absence(connection: Connection, run: str) -> Absence | None:
    """Return the absence of a run's worker; None when it is connected, or the run is not assigned and not running."""
    row = connection.execute(_ABSENT.where(_RUN.c.identifier == run)).one_or_none()
    return None if row is None else _absence(connection, row, {})


_Definitions = dict[tuple[str, str, int], dict[str, Any]]


def _absence(connection: Connection, row: Row[*tuple[Any, ...]], definitions: _Definitions) -> Absence:
    # Only few policies make the definition matter, and definitions can be large.
    key = (row.project, row.job, row.revision)
    if row.policy.get("exclusive") and key not in definitions:
        revision = job_revisions.get(connection, *key)
        definitions[key] = {} if revision is None else revision.definition
    return Absence(
        run=row.identifier,
        epoch=row.epoch,
        worker=row.worker,
        last_seen_date=row.last_seen_date,
        fail_after_s=_grace_s(row.policy, definitions.get(key, {})),
    )


def _grace_s(policy: Mapping[str, Any], definition: Mapping[str, Any]) -> float | None:
    """How many seconds a run's worker may be away (policy and definition in normal form); None: for ever.

    `on_worker_lost` says so, `wait` or `{fail_after: seconds}`; a run that is exclusive must be dead before.
    """
    rule = policy.get("on_worker_lost", {"fail_after": DAY_S})
    return None if rule == "wait" else max(float(rule["fail_after"]), lease.over_after_s(policy, definition))


DAY_S: Final = 86_400.0


def _new(hello: Connecting, owner: str, now: datetime) -> Worker:
    return Worker(
        identifier=hello.worker,
        owner=owner,
        version=hello.version,
        display_name=hello.worker,
        properties=hello.properties,
        concurrency=hello.concurrency,
        protocol=hello.protocol,
        is_active=True,
        connection_date=now,
        last_seen_date=now,
        session=1,
        installation=hello.installation,
        boot=hello.boot,
        creation_date=now,
        update_date=now,
    )


def _refuse_impostor(connection: Connection, before: Worker, hello: Connecting, owner: str) -> None:
    name = before.identifier
    if before.owner != owner:
        raise Conflict(f"the worker {name} belongs to another user; choose another name (--name)")
    if before.installation == hello.installation:
        return
    if before.is_active:
        raise Conflict(f"a worker named {name} with another data folder is connected; choose another name (--name)")
    has_runs = connection.execute(select(_RUN.c.identifier).where(_IS_ACTIVE, _RUN.c.worker == name).limit(1)).first()
    if has_runs is not None:
        raise Conflict(
            f"the worker {name} has runs in another data folder; start it there, choose another name (--name), or, "
            f"if that folder is gone, close them (orchestra run close)"
        )


def _existing(connection: Connection, identifier: str) -> Worker:
    found = get(connection, identifier)
    if found is None:
        raise NotFound(f"there is no worker {identifier}")
    return found


def _happened(
    connection: Connection, type_: EventType, worker: str, now: datetime, *, actor: str | None, data: dict[str, Any]
) -> None:
    events.append(connection, Event(date=now, type=type_, worker=worker, actor=actor, data=data))
