"""What the power takes, and what a disk lies about: what was acknowledged is there, or reading it says that it is not.

The first half cuts the power at random points: all that was flushed by then is kept, of what followed there
is a piece, zeros or rubbish, in the write-ahead log and in the log files alike. The second half damages what
was flushed, as no crash can.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import sqlite3
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from orchestra.cli.storage_check import storage_findings
from orchestra.domain.errors import Unavailable
from orchestra.domain.project import Project
from orchestra.storage import projects
from orchestra.storage.database import open_database
from orchestra.storage.log_check import Checked, check_logs
from orchestra.storage.logs import LogAppend, LogStore
from simulation.world.seams import BEGINNING

WAL = "orchestra.db-wal"
RUNS = 6
STEPS = 80
CRASHES = 20
LARGE = 150_000


@dataclass
class Moment:
    """What was acknowledged at one time, and how long each file was then."""

    logs: dict[str, int]
    projects: int
    sizes: dict[str, int]


@dataclass
class Past:
    """A data folder, the truth of its logs, and the moments after each acknowledgement."""

    folder: Path
    truths: dict[str, bytes] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/orchestra.db"


def _sizes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _project(number: int) -> Project:
    name = f"p{number}"
    return Project(identifier=name, display_name=name, creation_date=BEGINNING, update_date=BEGINNING)


def _save(connection: Connection, number: int) -> None:
    projects.save(connection, _project(number), BEGINNING)


async def _live(past: Past, image: Path, chance: random.Random) -> None:
    """Write projects and logs one after the other; keep the files as they are at the end, without a clean close."""
    database = open_database(_url(past.folder))
    store = LogStore(past.folder / "logs", database, inline_bytes=2000)
    runs = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(RUNS)]
    past.truths = {run: chance.randbytes(chance.choice((900, 40_000, LARGE))) for run in runs}
    told, made = dict.fromkeys(runs, 0), 0
    for _ in range(STEPS):
        if chance.random() < 0.3:
            await database.write(partial(_save, number=made))
            made += 1
        else:
            run = chance.choice(runs)
            piece = past.truths[run][told[run] : told[run] + chance.choice((10, 500, 9000, 70_000))]
            appended = await store.append_many([LogAppend(run=run, offset=told[run], data=piece)])
            told[run] = appended[run]
        past.moments.append(Moment(dict(told), made, _sizes(past.folder)))
    shutil.copytree(past.folder, image)
    await database.close()


def _crash(past: Past, image: Path, target: Path, chance: random.Random) -> Moment:
    """Copy the folder as a loss of power may leave it in the middle of a step; return what was acknowledged before."""
    number = chance.randrange(len(past.moments) - 1)
    before, after = past.moments[number : number + 2]
    # A step flushes its log bytes first, then commits: either these were under way or that.
    is_committing = chance.random() < 0.5
    shutil.copytree(image, target)
    for path in [path for path in target.rglob("*") if path.is_file()]:
        name = str(path.relative_to(target))
        kept, written = before.sizes.get(name, 0), after.sizes.get(name, 0)
        if name == WAL:
            _tear(path, kept, written if is_committing else kept, chance)
        elif name.endswith("-shm") or not written:
            # SQLite makes its shared memory again; the other files did not exist yet.
            path.unlink()
        elif path.suffix == ".log":
            _tear(path, written if is_committing else kept, written, chance)
        elif path.parent.name != target.name:
            # Beside the log nothing is flushed: any of it may be missing or rubbish.
            _tear(path, chance.randrange(written + 1), written, chance)
    return before


def _tear(path: Path, kept: int, written: int, chance: random.Random) -> None:
    """Of what follows the first `kept` bytes leave a piece, zeros, or rubbish, up to `written` bytes."""
    data = path.read_bytes()
    tail = bytearray(data[kept : kept + chance.randrange(written - kept + 1)])
    if tail:
        place = chance.randrange(len(tail))
        match chance.randrange(3):
            case 0:
                del tail[place:]
            case 1:
                tail[place:] = bytes(len(tail) - place)
            case _:
                tail[place:] = chance.randbytes(len(tail) - place)
    path.write_bytes(data[:kept] + tail)


async def _examine(folder: Path, past: Past, moment: Moment) -> None:
    """Everything acknowledged is there, nothing is wrong, and each log can go on to its end."""
    database = open_database(_url(folder))
    try:
        store = LogStore(folder / "logs", database, inline_bytes=2000)
        for number in range(moment.projects):
            found = await database.read(partial(projects.get, identifier=f"p{number}"))
            assert found == _project(number)
        for run, truth in past.truths.items():
            size = await store.size(run)
            assert size >= moment.logs[run], "acknowledged bytes are gone"
            assert b"".join([piece async for piece in store.stream(run)]) == truth[:size]
            assert (await store.info(run)).lines == truth[:size].count(b"\n") + (size > 0 and truth[size - 1] != 10)
            assert await store.append_many([LogAppend(run=run, offset=size, data=truth[size:])]) == {run: len(truth)}
            assert await store.digest(run) == (len(truth), hashlib.sha256(truth).hexdigest())
            assert b"".join([piece async for piece in store.stream(run)]) == truth
        lost = await database.read(
            lambda connection: [one for one in check_logs(connection, folder / "logs", Checked()) if one.is_loss]
        )
        assert not lost
    finally:
        await database.close()


@pytest.mark.parametrize("seed", range(3))
def test_inv_29_after_a_loss_of_power_all_that_was_acknowledged_is_there_to_the_byte(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    past = Past(tmp_path / "data")
    past.folder.mkdir()
    asyncio.run(_live(past, tmp_path / "image", chance))
    for _ in range(CRASHES):
        moment = _crash(past, tmp_path / "image", tmp_path / "crashed", chance)
        asyncio.run(_examine(tmp_path / "crashed", past, moment))
        shutil.rmtree(tmp_path / "crashed")


RUN = "0190a0b0-0000-7000-8000-00000000abcd"
TRUTH = b"".join(b"line %d\n" % number for number in range(30_000))


class Bench:
    """A data folder with one large log, ended, and the store over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "logs" / RUN[-2:] / f"{RUN}.log"

    def play(self, scenario: Coroutine[Any, Any, None]) -> None:
        asyncio.run(scenario)

    async def fill(self) -> None:
        database = open_database(_url(self.folder))
        store = LogStore(self.folder / "logs", database)
        await store.append_many([LogAppend(run=RUN, offset=0, data=TRUTH)])
        await store.digest(RUN)
        await database.close()

    def findings(self) -> list[tuple[str, str]]:
        return [(one.state, one.fact) for one in storage_findings(_url(self.folder), self.folder)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.play(made.fill())
    return made


def test_sound_storage_is_called_sound(bench: Bench) -> None:
    ((state, fact),) = bench.findings()
    assert state == "good"
    assert "1 logs, 1 files" in fact


def test_a_log_file_that_lost_its_end_is_never_read_as_if_it_were_whole(bench: Bench) -> None:
    with bench.file.open("r+b") as file:
        file.truncate(100_000)

    async def scenario() -> None:
        database = open_database(_url(bench.folder))
        store = LogStore(bench.folder / "logs", database)
        assert await store.read(RUN, 0, 10) == TRUTH[:10]
        with pytest.raises(Unavailable, match="ends at byte 100000"):
            await store.read(RUN, 99_990, 100_010)
        with pytest.raises(Unavailable):
            assert not [piece async for piece in store.stream(RUN, 90_000)]
        with pytest.raises(Unavailable, match="goes on from there"):
            await store.append_many([LogAppend(run=RUN, offset=len(TRUTH), data=b"more")])
        # Whoever still has the rest sends it again, and nothing in the middle is zeros.
        assert await store.size(RUN) == 100_000
        await store.append_many([LogAppend(run=RUN, offset=100_000, data=TRUTH[100_000:])])
        assert await store.digest(RUN) == (len(TRUTH), hashlib.sha256(TRUTH).hexdigest())
        await database.close()

    assert bench.findings() == [("bad", f"{bench.file.name}: ends at byte 100000, {len(TRUTH)} were stored")]
    bench.play(scenario())


def test_the_digest_of_a_log_file_that_lost_its_end_is_not_told(bench: Bench) -> None:
    with bench.file.open("r+b") as file:
        file.truncate(100_000)

    async def scenario() -> None:
        database = open_database(_url(bench.folder))
        store = LogStore(bench.folder / "logs", database)
        with pytest.raises(Unavailable, match="ends at byte 100000"):
            await store.digest(RUN)
        assert (await store.digest(RUN))[0] == 100_000
        await database.close()

    bench.play(scenario())


def test_a_byte_that_went_bad_is_found(bench: Bench) -> None:
    with bench.file.open("r+b") as file:
        file.seek(54_321)
        file.write(b"\x00")
    assert ("bad", f"{bench.file.name}: does not have the SHA-256 that it had when its run ended") in bench.findings()


def test_an_index_that_counts_wrong_and_files_of_nobody_are_named(bench: Bench) -> None:
    index = bench.file.with_suffix(".lines")
    index.write_bytes((7).to_bytes(8, "little") + index.read_bytes()[8:])
    bench.file.with_name(f"{RUN[:-4]}0000.log").write_bytes(b"whose?")
    found = bench.findings()
    assert [state for state, _ in found] == ["attention", "attention", "good"]
    assert "does not count the lines" in found[0][1]
    assert "6 bytes that no row speaks of" in found[1][1]


def test_a_value_that_cannot_be_read_is_named_with_its_row(bench: Bench) -> None:
    with sqlite3.connect(bench.folder / "orchestra.db") as rows:
        rows.execute("INSERT INTO setting (key, value) VALUES ('one', '1'), ('other', '{bad')")
    rows.close()
    ((state, fact),) = bench.findings()
    assert (state, fact.partition(": ")[0]) == ("bad", "setting other")
    assert "its value cannot be read: " in fact


def test_a_damaged_database_says_so(bench: Bench) -> None:
    file = bench.folder / "orchestra.db"
    data = bytearray(file.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for place in range(page, len(data), page):
        data[place : place + 100] = bytes(100)
    file.write_bytes(data)

    async def scenario() -> None:
        with pytest.raises(Unavailable, match=r"damaged|does not answer"):
            database = open_database(_url(bench.folder))
            try:
                await database.read(lambda connection: projects.get(connection, "p1"))
            finally:
                await database.close()

    assert all(state == "bad" for state, _ in bench.findings())
    bench.play(scenario())
