"""The log store: durable when told, byte-exact, found by line; over both databases."""

from __future__ import annotations

import asyncio
import hashlib
import random
import uuid
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from orchestra.domain.errors import Unavailable
from orchestra.storage import log_chunks, schema
from orchestra.storage.database import Database, InlineDatabase, open_database
from orchestra.storage.log_files import DiskFiles
from orchestra.storage.logs import LogAppend, LogStore

T = TypeVar("T")


class Bench:
    """A store over one database, and a new one over the same as after a restart."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.store = LogStore(folder, database)

    def restart(self) -> None:
        self.store = LogStore(self.folder, self.database)

    def run(self) -> str:
        return str(uuid.uuid4())

    async def append(self, run: str, offset: int, data: bytes, times: Sequence[tuple[int, int]] = ()) -> int:
        return (await self.store.append_many([LogAppend(run=run, offset=offset, data=data, times=times)]))[run]

    async def content(self, run: str) -> bytes:
        return b"".join([piece async for piece in self.store.stream(run)])


Play = Callable[[Callable[[Bench], Coroutine[Any, Any, T]]], T]


@pytest.fixture(params=["sqlite", "postgresql"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play[Any]:
    """Run a scenario on a loop of its own, with a fresh database."""
    url = f"sqlite:///{tmp_path}/orchestra.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")

    def run(scenario: Callable[[Bench], Coroutine[Any, Any, T]]) -> T:
        async def all_of_it() -> T:
            database = open_database(url)
            try:
                return await scenario(Bench(database, tmp_path / "logs"))
            finally:
                await database.close()

        return asyncio.run(all_of_it())

    return run


def test_a_small_log_grows_in_the_database_and_needs_no_file(play: Play[None], tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        assert await bench.append(run, 0, b"one\n", [(0, 1000)]) == 4
        assert await bench.append(run, 4, b"tw", [(4, 2000)]) == 6
        assert await bench.content(run) == b"one\ntw"
        assert await bench.store.size(run) == 6
        assert await bench.store.digest(run) == (6, hashlib.sha256(b"one\ntw").hexdigest())
        info = await bench.store.info(run)
        assert (info.bytes, info.lines, info.first_time, info.last_time) == (6, 2, 1000, 2000)
        window = await bench.store.lines(run, 1, 10)
        assert (window.lines, window.times, window.open_end) == ((b"one", b"tw"), ((0, 1000), (1, 2000)), True)

    play(scenario)
    assert not (tmp_path / "logs").exists()


def test_a_log_without_a_byte_is_empty(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        assert await bench.append(run, 0, b"") == 0
        assert await bench.content(run) == b""
        assert await bench.store.digest(run) == (0, hashlib.sha256().hexdigest())
        assert (await bench.store.lines(run, 1, 10)).lines == ()
        assert (await bench.store.info(run)).first_time is None
        assert await bench.store.line_range(run, 1) is None

    play(scenario)


def test_a_log_that_outgrows_the_database_moves_into_a_file_with_all_its_bytes(
    play: Play[None], tmp_path: Path
) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        expected = b""
        for number in range(300):
            data = f"line {number} of many\n".encode() * 20
            assert await bench.append(run, len(expected), data, [(len(expected), 1000 + number)]) == len(
                expected + data
            )
            expected += data
        assert (tmp_path / "logs" / run[-2:] / f"{run}.log").read_bytes() == expected
        assert await bench.content(run) == expected
        assert await bench.store.digest(run) == (len(expected), hashlib.sha256(expected).hexdigest())
        stored = await bench.database.read(lambda connection: log_chunks.stored(connection, run))
        assert stored.is_large
        window = await bench.store.lines(run, 5981, 20)
        assert window.lines == (b"line 299 of many",) * 20
        assert window.times == ((0, 1299),)
        assert await bench.store.line_at(run, 1298) == 5961
        assert await bench.store.line_at(run, 1) == 1
        assert await bench.store.line_range(run, 2) == (15, 29)
        assert await bench.store.line_of(run, 15) == 2
        info = await bench.store.info(run)
        assert (info.lines, info.first_time, info.last_time) == (6000, 1000, 1299)

    play(scenario)


@pytest.mark.parametrize("size", [10, 100_000])
def test_bytes_that_are_there_are_skipped_and_a_gap_is_refused(play: Play[None], size: int) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        data = random.Random(1).randbytes(size)
        half = size // 2
        assert await bench.append(run, 0, data[:half]) == half
        assert await bench.append(run, half + 1, data[half + 1 :]) == half
        assert await bench.append(run, 0, data[: half - 1]) == half
        assert await bench.append(run, 0, b"other bytes"[:half]) == half
        assert await bench.append(run, half - 2, data[half - 2 :]) == size
        assert await bench.append(run, 0, data) == size
        assert await bench.content(run) == data

    play(scenario)


def test_pieces_of_one_group_are_joined_and_what_follows_a_gap_is_left_out(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        run, other = bench.run(), bench.run()
        durable = await bench.store.append_many(
            [
                LogAppend(run=run, offset=0, data=b"abc", times=((0, 1),)),
                LogAppend(run=other, offset=0, data=b"x" * 70_000),
                LogAppend(run=run, offset=2, data=b"cdef", times=((2, 2), (3, 3))),
                LogAppend(run=run, offset=9, data=b"lost"),
            ]
        )
        assert durable == {run: 6, other: 70_000}
        assert await bench.content(run) == b"abcdef"
        stored = await bench.database.read(lambda connection: log_chunks.stored(connection, run))
        assert list(stored.times) == [(0, 1), (3, 3)]

    play(scenario)


def test_a_group_may_bring_small_and_large_growth_for_many_runs_at_once(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        runs = [bench.run() for _ in range(6)]
        contents = {run: bytes([65 + number]) * (10 ** (number + 1)) for number, run in enumerate(runs[:5])}
        for part in range(2):
            halves = {run: (len(data) // 2 * part, data) for run, data in contents.items()}
            await bench.store.append_many(
                [
                    LogAppend(run=run, offset=start, data=data[start:] if part else data[: len(data) // 2])
                    for run, (start, data) in halves.items()
                ]
            )
        for run, data in contents.items():
            assert await bench.content(run) == data
        sizes = await bench.database.read(lambda connection: log_chunks.offsets(connection, runs))
        assert sizes == {run: len(data) for run, data in contents.items()}

    play(scenario)


def test_a_fence_keeps_bytes_out_whether_the_log_is_small_or_large(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        small, large = bench.run(), bench.run()
        await bench.append(large, 0, b"x" * 70_000)
        groups = [LogAppend(run=small, offset=0, data=b"no"), LogAppend(run=large, offset=70_000, data=b"no")]
        assert await bench.store.append_many(groups, is_allowed=lambda connection, run: False) == {
            small: 0,
            large: 70_000,
        }
        assert await bench.content(small) == b""
        assert await bench.append(large, 70_000, b"yes") == 70_003
        assert (await bench.content(large))[-4:] == b"xyes"

    play(scenario)


def test_a_large_log_continues_after_a_restart_and_drops_what_was_never_acknowledged(
    play: Play[None], tmp_path: Path
) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        data = b"".join(f"{number}\n".encode() for number in range(60_000))
        await bench.append(run, 0, data[:200_000], [(0, 5), (100_000, 6)])
        files = DiskFiles(tmp_path / "logs")
        files.write(f"{run}.log", 200_000, [b"torn, never acknowledged" * 1000])
        files.write(f"{run}.lines", 24, [b"\0" * 40])
        files.write(f"{run}.times", 32, [b"\0" * 20])
        assert await bench.content(run) == data[:200_000]
        bench.restart()
        assert await bench.append(run, 200_000, data[200_000:], [(200_000, 7)]) == len(data)
        assert await bench.content(run) == data
        assert await bench.store.digest(run) == (len(data), hashlib.sha256(data).hexdigest())
        window = await bench.store.lines(run, -2, 5)
        assert (window.start, window.lines) == (59_999, (b"59998", b"59999"))
        assert window.times == ((0, 7),)
        assert files.read(f"{run}.log", 0, 1 << 30) == data

    play(scenario)


def test_a_lost_line_index_is_counted_again_from_the_log(play: Play[None], tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        data = b"".join(f"{number}\n".encode() for number in range(50_000))
        await bench.append(run, 0, data)
        (tmp_path / "logs" / run[-2:] / f"{run}.lines").unlink()
        assert (await bench.store.lines(run, 40_001, 2)).lines == (b"40000", b"40001")
        bench.restart()
        await bench.append(run, len(data), b"more\n" * 20_000)
        assert (await bench.store.info(run)).lines == 70_000
        assert (tmp_path / "logs" / run[-2:] / f"{run}.lines").stat().st_size == (len(data) + 100_000) // 65_536 * 8

    play(scenario)


def test_the_last_inline_bytes_and_anything_else_fit_into_one_transaction(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()

        def finish(connection: Connection) -> tuple[int | None, tuple[int, str] | None]:
            return (
                log_chunks.append_inline(connection, run, 0, b"all of it", ((0, 1),)),
                log_chunks.inline_digest(connection, run),
            )

        assert await bench.database.write(finish) == (9, (9, hashlib.sha256(b"all of it").hexdigest()))
        large = bench.run()
        await bench.append(large, 0, b"x" * 70_000)

        def refused(connection: Connection) -> tuple[object, ...]:
            return (
                log_chunks.append_inline(connection, large, 70_000, b"more"),
                log_chunks.append_inline(connection, run, 9, b"x" * 70_000),
                log_chunks.inline_digest(connection, large),
                log_chunks.offset(connection, large),
            )

        assert await bench.database.write(refused) == (None, None, None, 70_000)

    play(scenario)


def test_small_pieces_share_rows(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        for number in range(400):
            await bench.append(run, number * 50, b"." * 49 + b"\n")
        rows = await bench.database.read(
            lambda connection: connection.execute(schema.log_chunk.select().where(schema.log_chunk.c.run == run)).all()
        )
        assert len(rows) < 8
        assert await bench.content(run) == (b"." * 49 + b"\n") * 400

    play(scenario)


def test_two_appends_of_one_run_at_the_same_time_leave_one_log(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        data = random.Random(2).randbytes(300_000)
        pieces = [(start, data[start : start + 30_000]) for start in range(0, len(data), 10_000)]
        await asyncio.gather(*(bench.append(run, start, piece) for start, piece in pieces))
        assert await bench.content(run) == data
        assert await bench.store.digest(run) == (len(data), hashlib.sha256(data).hexdigest())

    play(scenario)


def test_a_log_is_read_in_ranges_and_while_it_grows(play: Play[None]) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        data = random.Random(3).randbytes(600_000)
        await bench.append(run, 0, data[:400_000])
        reader = bench.store.stream(run)
        first = await anext(reader)
        await bench.append(run, 400_000, data[400_000:])
        assert first + b"".join([piece async for piece in reader]) == data[:400_000]
        assert await bench.store.read(run, 399_990, 400_010) == data[399_990:400_010]
        assert await bench.store.read(run, 599_999, 700_000) == data[599_999:]
        assert b"".join([piece async for piece in bench.store.stream(run, 590_000, 595_000)]) == data[590_000:595_000]

    play(scenario)


def test_a_deleted_log_leaves_nothing(play: Play[None], tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        await bench.append(run, 0, b"line\n" * 50_000, [(0, 1)])
        await bench.store.delete(run)
        assert await bench.content(run) == b""
        assert await bench.append(run, 0, b"new") == 3

    play(scenario)
    assert [path for path in (tmp_path / "logs").rglob("*") if path.is_file()] == []


class BrokenFiles(DiskFiles):
    """A folder whose flush fails while `is_broken`."""

    is_broken = False

    def sync(self, name: str, *, is_new: bool) -> None:
        if self.is_broken:
            raise OSError(28, "No space left on device")
        super().sync(name, is_new=is_new)


def test_a_flush_that_fails_acknowledges_nothing_and_the_same_bytes_may_come_again(
    play: Play[None], tmp_path: Path
) -> None:
    async def scenario(bench: Bench) -> None:
        run = bench.run()
        files = BrokenFiles(tmp_path / "logs")
        bench.store = LogStore(tmp_path / "logs", bench.database, files=files)
        data = random.Random(4).randbytes(300_000)
        assert await bench.append(run, 0, data[:100_000]) == 100_000
        files.is_broken = True
        with pytest.raises(Unavailable, match="No space left"):
            await bench.append(run, 100_000, data[100_000:200_000])
        assert await bench.store.size(run) == 100_000
        files.is_broken = False
        assert await bench.append(run, 100_000, data[100_000:]) == 300_000
        assert await bench.content(run) == data
        assert await bench.store.digest(run) == (300_000, hashlib.sha256(data).hexdigest())

    play(scenario)


def test_a_name_that_is_no_run_reaches_no_file(tmp_path: Path) -> None:
    files = DiskFiles(tmp_path)
    for name in ("../../etc/passwd", "x.log", f"../{uuid.uuid4()}.log", f"{uuid.uuid4()}.log/../../x"):
        with pytest.raises(ValueError, match="not the name of a log's file"):
            files.read(name, 0, 1)


async def _at_once(function: Callable[[], T]) -> T:
    return function()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(-300, 20), st.integers(0, 400), st.sampled_from(["append", "append", "restart", "digest"])
        ),
        max_size=30,
    )
)
def test_whatever_comes_in_whatever_order_the_log_is_a_prefix_of_the_truth(
    tmp_path: Path, steps: list[tuple[int, int, str]]
) -> None:
    truth = random.Random(5).randbytes(20_000)

    async def scenario() -> None:
        database = InlineDatabase()
        run = str(uuid.uuid4())

        def opened() -> LogStore:
            return LogStore(tmp_path / run, database, offload=_at_once, inline_bytes=500)

        store, size = opened(), 0
        for shift, length, action in steps:
            if action == "restart":
                store = opened()
            elif action == "digest":
                assert await store.digest(run) == (size, hashlib.sha256(truth[:size]).hexdigest())
            else:
                offset = max(size + shift, 0)
                append = LogAppend(run=run, offset=offset, data=truth[offset : offset + length])
                told = (await store.append_many([append]))[run]
                if offset <= size:
                    size = max(size, offset + length)
                assert told == size
            assert await store.size(run) == size
        assert b"".join([piece async for piece in store.stream(run)]) == truth[:size]
        await database.close()

    asyncio.run(scenario())
