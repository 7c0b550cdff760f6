"""Looks at all that is stored, and says what cannot be true: for `orchestra doctor --check-storage`.

    database        SQLite's own check of every page and index; references that lead nowhere
    log_chunk       the pieces of small logs join without gaps and are as long as they say
    run             an ended run's log_size is what is stored
    <run>.log       at least as long as the database says, and the SHA-256 of the run's end, where it is known
    <run>.lines     sums that agree with the log, as far as they are there (what is missing is counted again)
    other files     logs that no row speaks of

It only reads, and may run beside a server: rows are read before their files, which only grow. A run that is
deleted meanwhile looks like a loss: what is found in two passes is true. It takes as long as reading all
logs takes.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Row, func, select

from orchestra.domain.run import TERMINAL
from orchestra.storage.log_files import DiskFiles
from orchestra.storage.log_index import BLOCK_BYTES, RECORD_BYTES
from orchestra.storage.log_writer import HASH_BYTES, seal_of
from orchestra.storage.schema import log_chunk, run

_CHUNK = log_chunk.c


@dataclass(frozen=True, slots=True)
class Fault:
    """`what` cannot be true of `where`, a run or a file. `is_loss`: bytes are gone or wrong; else only untidy."""

    where: str
    what: str
    is_loss: bool = True


@dataclass(slots=True)
class Checked:
    """What was looked at: counts for people."""

    logs: int = 0
    files: int = 0
    bytes: int = 0


def check_sqlite(connection: Connection) -> Iterator[Fault]:
    """Let SQLite check itself: pages, indexes, constraints, references."""
    for (text,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
        if text != "ok":
            yield Fault("database", str(text))
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Fault("database", f"row {row} of {table} refers to a row of {parent} that is not there")


def check_logs(connection: Connection, directory: Path, checked: Checked) -> Iterator[Fault]:
    """Compare rows and files. `checked` counts on while this goes on."""
    files = DiskFiles(directory)
    large: set[str] = set()
    for identifier, pieces in _by_run(connection.execute(select(log_chunk).order_by(_CHUNK.run, _CHUNK.start))):
        checked.logs += 1
        if pieces[0].data is not None:
            yield from _small(identifier, pieces)
        else:
            large.add(identifier)
            yield from _large(files, identifier, pieces, checked)
    yield from _sizes(connection)
    yield from _strangers(directory, large)


def _by_run(rows: Iterable[Row[tuple[object, ...]]]) -> Iterator[tuple[str, list[Row[tuple[object, ...]]]]]:
    pieces: list[Row[tuple[object, ...]]] = []
    for row in rows:
        if pieces and pieces[0].run != row.run:
            yield pieces[0].run, pieces
            pieces = []
        pieces.append(row)
    if pieces:
        yield pieces[0].run, pieces


def _small(identifier: str, pieces: list[Row[tuple[object, ...]]]) -> Iterator[Fault]:
    end = 0
    for piece in pieces:
        if piece.start != end or piece.data is None or len(bytes(piece.data)) != piece.size:
            yield Fault(identifier, f"the piece of its log at byte {piece.start} does not continue at byte {end}")
            return
        end += piece.size


def _large(
    files: DiskFiles, identifier: str, pieces: list[Row[tuple[object, ...]]], checked: Checked
) -> Iterator[Fault]:
    durable, name = pieces[0].size, f"{identifier}.log"
    if len(pieces) > 1 or pieces[0].start != 0:
        yield Fault(identifier, "its log stands in a file and in rows")
        return
    found = files.size(name)
    checked.files += 1
    checked.bytes += min(found, durable)
    if found < durable:
        yield Fault(name, f"ends at byte {found}, {durable} were stored")
        return
    seal = files.read(f"{identifier}.digest", 0, 1 << 10)
    digest = hashlib.sha256()
    sealed = int(seal[:20]) if seal[:20].isdigit() else 0
    total, sums = 1, [1]
    for start in range(0, durable, HASH_BYTES):
        data = files.read(name, start, min(start + HASH_BYTES, durable))
        digest.update(data[: max(sealed - start, 0)])
        for block in range(0, len(data), BLOCK_BYTES):
            total += data.count(b"\n", block, block + BLOCK_BYTES)
            sums.append(total)
    if sealed and sealed <= durable and seal != seal_of(sealed, digest.hexdigest()):
        yield Fault(name, "does not have the SHA-256 that it had when its run ended")
    blocks = durable // BLOCK_BYTES
    records = files.read(f"{identifier}.lines", 0, blocks * RECORD_BYTES)
    kept = array("Q", records[: len(records) // RECORD_BYTES * RECORD_BYTES])
    if list(kept) != sums[1 : len(kept) + 1]:
        yield Fault(f"{identifier}.lines", "does not count the lines of its log; delete it, it is counted again", False)


def _sizes(connection: Connection) -> Iterator[Fault]:
    """Ended runs whose row tells another size than what is stored."""
    stored = select(_CHUNK.run, func.sum(_CHUNK.size).label("size")).group_by(_CHUNK.run).subquery()
    size = func.coalesce(stored.c.size, 0)
    wrong = (
        select(run.c.identifier, run.c.log_size, size)
        .join(stored, stored.c.run == run.c.identifier, isouter=True)
        .where(run.c.status.in_(sorted(TERMINAL)), run.c.log_complete, run.c.log_size != size)
    )
    for identifier, told, found in connection.execute(wrong):
        yield Fault(identifier, f"its row tells of {told} bytes of log, {found} are stored")


def _strangers(directory: Path, large: set[str]) -> Iterator[Fault]:
    for path in sorted(directory.glob("*/*")):
        if path.stem not in large:
            yield Fault(path.name, f"{path.stat().st_size} bytes that no row speaks of: of a run deleted since", False)
