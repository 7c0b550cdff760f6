"""Rows of artifacts: what runs left and whether the server has it, as plain functions of a connection.

    list_files ──► awaited ──► mark (stored, or lost) ──► complete: the run says so, an event tells of it
    remove ──► rows go; contents that nobody else needs are noted for removal ──► (commit) ──► `ArtifactStore.sweep`

A row is there before its bytes are, so a content that some row names is never removed. Contents are
shared: two runs that left the same bytes have two rows and one file.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, union, update

from orchestra.domain.artifact import Artifact, ArtifactFile, ArtifactLimits, ArtifactState
from orchestra.domain.run import TERMINAL
from orchestra.storage import events
from orchestra.storage.paging import LIMIT, Order, Page
from orchestra.storage.rows import Shape
from orchestra.storage.run_rows import get, parts
from orchestra.storage.schema import UNEXPLAINED, artifact, artifact_removal, run, worker

_SHAPE: Final = Shape(artifact, Artifact, "run", "path")
_column = artifact.c
_ONE: Final = _SHAPE.all.where(_column.run == bindparam("of"), _column.path == bindparam("at"))
_ORDER: Final = Order({"path": _column.path, "size": _column.size}, "path", _column.path)
_AWAITED: Final = (
    select(_column.sha256, func.max(_column.size))
    .where(_column.run == bindparam("of"), _column.state == "awaited")
    .group_by(_column.sha256)
    .order_by(_column.sha256)
)
_MARK: Final = (
    update(artifact)
    .where(_column.run == bindparam("of"), _column.sha256 == bindparam("content"), _column.state == "awaited")
    .values(state=bindparam("new_state"))
)
_LOST: Final = select(func.count()).where(_column.run == bindparam("of"), _column.state == "lost")
_SUM: Final = select(
    func.count(), func.coalesce(func.sum(_column.size), 0), func.coalesce(func.max(_column.size), 0)
).where(_column.run == bindparam("of"))
_COMPLETE: Final = (
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.epoch == bindparam("of_epoch"), run.c.status.in_(TERMINAL))
    .values(
        artifacts_complete=bindparam("is_complete"),
        artifact_error=bindparam("error"),
        artifact_count=bindparam("count"),
        artifact_size=bindparam("size"),
        update_date=bindparam("update_date"),
    )
)
_OUT_OF_REACH: Final = (
    select(run.c.identifier)
    .join(worker, worker.c.identifier == run.c.worker)
    .where(text(UNEXPLAINED), worker.c.is_active.is_(False))
    .order_by(run.c.identifier)
    .limit(bindparam("limit"))
)
_OF_WORKER: Final = select(run.c.identifier, run.c.epoch, run.c.artifact_count).where(
    run.c.worker == bindparam("of_worker"), run.c.status.in_(TERMINAL)
)
_OPEN_OF_WORKER: Final = union(
    _OF_WORKER.where(run.c.identifier.in_(select(_column.run).where(_column.state == "awaited").distinct())),
    _OF_WORKER.where(text(UNEXPLAINED)),
).order_by(run.c.identifier)
_SAY: Final = (
    update(run)
    .where(run.c.identifier == bindparam("of"), run.c.artifacts_complete.is_(False), run.c.status.in_(TERMINAL))
    .values(artifact_error=bindparam("error"), update_date=bindparam("update_date"))
)


def list_files(connection: Connection, of: str, files: Iterable[ArtifactFile]) -> None:
    """Note what a run left; what is noted already stays as it is, for a worker lists everything again."""
    wanted = {file.path: file for file in files}
    for some in parts(wanted):
        known = set(connection.execute(select(_column.path).where(_column.run == of, _column.path.in_(some))).scalars())
        rows = [
            {
                "run": of,
                "path": path,
                "size": wanted[path].size,
                "sha256": wanted[path].sha256,
                "state": ArtifactState.AWAITED,
            }
            for path in some
            if path not in known
        ]
        if rows:
            connection.execute(insert(artifact), rows)


def summary(connection: Connection, of: str) -> tuple[int, int, int]:
    """Return how many files the run left, their bytes together, and those of the largest."""
    count, total, largest = connection.execute(_SUM, {"of": of}).one()
    return int(count), int(total), int(largest)


def refuse(connection: Connection, of: str, limits: ArtifactLimits) -> str | None:
    """Forget the list of a run that left more than `limits` allow, and say why; None when it is within them."""
    count, total, largest = summary(connection, of)
    if count <= limits.count and total <= limits.total_bytes and largest <= limits.file_bytes:
        return None
    remove(connection, [of])
    return f"the worker listed {count} files, {total} bytes together and {largest} at most: more than the server takes"


def awaited(connection: Connection, of: str, limit: int) -> list[tuple[str, int]]:
    """Return (SHA-256, size) of contents that are still to come, each once."""
    return [(sha256, size) for sha256, size in connection.execute(_AWAITED.limit(limit), {"of": of})]


def mark(connection: Connection, of: str, states: Mapping[str, ArtifactState]) -> None:
    """Say of contents (by SHA-256) of a run what became of them.

    A content whose row is gone meanwhile, with its run, is noted for removal.
    """
    for sha256, state in states.items():
        values = {"of": of, "content": sha256, "new_state": state}
        if connection.execute(_MARK, values).rowcount == 0 and state is ArtifactState.STORED:
            note_unneeded(connection, [sha256])


def complete(
    connection: Connection, of: str, epoch: int, now: datetime, *, count: int, error: str | None = None
) -> bool:
    """Say on the run that nothing of the `count` files that it left is still to come; `error` says what it lacks.

    True when all of them are here. Of a run that is gone, nothing changes.
    """
    lost = connection.execute(_LOST, {"of": of}).scalar_one()
    listed, total, _ = summary(connection, of)
    is_complete = not lost and listed >= count
    if lost:
        what = "1 file is lost: its bytes" if lost == 1 else f"{lost} files are lost: their bytes"
        error = "; ".join(filter(None, (error, f"{what} are not on the worker any more, or are others than listed")))
    values = {"of": of, "of_epoch": epoch, "is_complete": is_complete, "error": error, "count": count, "size": total}
    before = get(connection, of)
    if before is None or connection.execute(_COMPLETE, {**values, "update_date": now}).rowcount != 1:
        return False
    after = get(connection, of)
    if after is not None and count and not before.artifacts_complete:
        events.append_of_runs(connection, [events.artifacts_stored(after, now)])
    return is_complete


def lose(connection: Connection, of: str) -> int:
    """Say of what is awaited of a run that it never comes; return how many files that are."""
    awaited = update(artifact).where(_column.run == of, _column.state == "awaited")
    return connection.execute(awaited.values(state=ArtifactState.LOST)).rowcount


def give_up(connection: Connection, worker: str, held: Iterable[str], now: datetime) -> list[str]:
    """Files of ended runs that `worker` had, and of which it holds nothing any more, never come: say so on the runs.

    Or that all have come: whoever stored the last one may have ended before it said so.
    """
    kept = set(held)
    rows = connection.execute(_OPEN_OF_WORKER, {"of_worker": worker}).all()
    gone = [row for row in rows if row.identifier not in kept]
    for row in gone:
        lost = lose(connection, row.identifier)
        listed, _, _ = summary(connection, row.identifier)
        error = f"{worker} no longer holds what the run left" if lost or listed < row.artifact_count else None
        complete(connection, row.identifier, row.epoch, now, count=row.artifact_count, error=error)
    return [row.identifier for row in gone]


def say(connection: Connection, of: str, error: str, now: datetime) -> None:
    """Say on an ended run why its files have not come yet."""
    connection.execute(_SAY, {"of": of, "error": error, "update_date": now})


def out_of_reach(connection: Connection, limit: int) -> list[str]:
    """Return ended runs that have files on their way from a worker that is away, where nothing says so yet."""
    return list(connection.execute(_OUT_OF_REACH, {"limit": limit}).scalars())


def explain(connection: Connection, of: str, now: datetime) -> None:
    """Say on a run that is `out_of_reach` where its files are; or that all have come, for its server died meanwhile."""
    ended = get(connection, of)
    if ended is None:
        return
    listed, _, _ = summary(connection, of)
    if listed < ended.artifact_count or connection.execute(_AWAITED, {"of": of}).first() is not None:
        say(connection, of, f"files are on the worker {ended.worker}, which is away", now)
    else:
        complete(connection, of, ended.epoch, now, count=ended.artifact_count)


def get_artifact(connection: Connection, of: str, path: str) -> Artifact | None:
    """Return one artifact, None if there is none."""
    return _SHAPE.one(connection, _ONE, {"of": of, "at": path})


def page(
    connection: Connection, of: str, order: str | None = None, cursor: str | None = None, limit: int = LIMIT
) -> Page[Artifact]:
    """Return a part of the list of what a run left, by path. Raises InvalidContent for a bad order, cursor or limit."""
    part = _ORDER.slice(order, cursor, limit)
    return part.page(_SHAPE.many(connection.execute(part.of(_SHAPE.all.where(_column.run == of)))))


def remove(connection: Connection, runs: Sequence[str]) -> None:
    """Delete the artifacts of `runs`; contents that nobody else needs are noted for removal."""
    for some in parts(runs):
        contents = connection.execute(select(_column.sha256).where(_column.run.in_(some)).distinct()).scalars().all()
        connection.execute(delete(artifact).where(_column.run.in_(some)))
        note_unneeded(connection, contents)


def note_unneeded(connection: Connection, contents: Iterable[str]) -> None:
    """Note for removal those of `contents` that no artifact has."""
    for some in parts(contents):
        known = connection.execute(select(artifact_removal.c.sha256).where(artifact_removal.c.sha256.in_(some)))
        left = set(some) - needed(connection, some) - set(known.scalars())
        if left:
            connection.execute(insert(artifact_removal), [{"sha256": one} for one in sorted(left)])


def noted(connection: Connection, limit: int) -> list[str]:
    """Return contents that are noted for removal."""
    statement = select(artifact_removal.c.sha256).order_by(artifact_removal.c.sha256).limit(limit)
    return list(connection.execute(statement).scalars())


def needed(connection: Connection, contents: Sequence[str]) -> set[str]:
    """Return those of `contents` that some artifact has."""
    found: set[str] = set()
    for some in parts(contents):
        found.update(connection.execute(select(_column.sha256).where(_column.sha256.in_(some)).distinct()).scalars())
    return found


def forget_noted(connection: Connection, contents: Sequence[str]) -> None:
    """Forget the notes about `contents`: they are removed, or needed again."""
    for some in parts(contents):
        connection.execute(delete(artifact_removal).where(artifact_removal.c.sha256.in_(some)))


def waiting(connection: Connection, runs: Iterable[str]) -> set[str]:
    """Return those of `runs` of which bytes are still to come."""
    found: set[str] = set()
    for some in parts(runs):
        statement = select(_column.run).where(_column.run.in_(some), _column.state == "awaited").distinct()
        found.update(connection.execute(statement).scalars())
    return found
