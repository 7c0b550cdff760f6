"""Deletion of ended runs: the row, its events, its idempotency keys, artifacts and log; one event tells of it for ever.

    remove ──► rows go, `run.deleted` comes, the log is marked ──► (commit) ──► whoever has the log store removes
    the files of what is marked, then `forget`

A mark is a setting `deleted_log:<run>`. So files are removed also when the server stops in between. Of a
run whose log was not complete a worker may still be sending: its mark stays for `LATE`, and what came
late is removed with it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.run import TERMINAL, Run
from orchestra.storage import artifacts, events, schema, settings
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.run_rows import get_many, parts

LATE: Final = timedelta(hours=1)
"""A session of a worker that still delivers the log does not know that the run is gone; longer than any delivery."""
_MARK: Final = "deleted_log:"


def refusal(run: Run) -> Conflict | None:
    """Return why `run` cannot be deleted, None when it can."""
    if run.status in TERMINAL:
        return None
    return Conflict(f"the run has not ended, it is {run.status}; only a run that has ended can be deleted")


def remove(
    connection: Connection, identifiers: Sequence[str], now: datetime, *, actor: str | None = None
) -> list[Run | NotFound | Conflict]:
    """Delete ended runs; return for each what it was, or why it stays. Their numbers are never given again."""
    found = get_many(connection, identifiers)
    refusals = {one: refusal(run) for one, run in found.items()}
    gone = [run for one, run in found.items() if refusals[one] is None]
    if gone:
        _remove(connection, gone, now, actor)
    return [
        NotFound(f"there is no run {one}") if one not in found else refusals[one] or found[one] for one in identifiers
    ]


def _remove(connection: Connection, gone: Sequence[Run], now: datetime, actor: str | None) -> None:
    for some in parts(run.identifier for run in gone):
        for column in (
            schema.log_chunk.c.run,
            schema.event.c.run,
            schema.idempotency_key.c.run,
            schema.run.c.identifier,
        ):
            connection.execute(delete(column.table).where(column.in_(some)))
    artifacts.remove(connection, [run.identifier for run in gone])
    for run in gone:
        due = now if run.log_complete else now + LATE
        settings.put(connection, f"{_MARK}{run.identifier}", due.isoformat())
    events.append(connection, *(_deleted(run, now, actor) for run in gone))


def _deleted(run: Run, now: datetime, actor: str | None) -> Event:
    return Event(
        date=now,
        type=EventType.RUN_DELETED,
        project=run.project,
        job=run.job,
        run=run.identifier,
        actor=actor,
        data={"number": run.number, "status": run.status},
    )


def marked(connection: Connection, limit: int) -> dict[str, datetime]:
    """Return runs whose logs are to be removed, with the date from which on nothing of them can come any more."""
    key, value = schema.setting.c.key, schema.setting.c.value
    rows = connection.execute(select(key, value).where(key >= _MARK, key < f"{_MARK}g").order_by(key).limit(limit))
    return {row[0].removeprefix(_MARK): datetime.fromisoformat(row[1]) for row in rows}


def forget(connection: Connection, runs: Iterable[str]) -> None:
    """Note that the logs of these runs are removed."""
    for run in runs:
        settings.remove(connection, f"{_MARK}{run}")
