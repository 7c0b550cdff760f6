"""The door to the tables: what it promises to whoever reads and writes at the same time."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from orchestra.domain.errors import Conflict, OutcomeUnknown, Unavailable
from orchestra.domain.run import Run
from orchestra.storage import engine as engines
from orchestra.storage import events, projects, runs, settings
from orchestra.storage.database import Database, InlineDatabase, Moment, open_database
from support.stored import T0, a_project, assignment, at, furnish, insert, run_id

Scenario = Callable[[Database], Awaitable[None]]
Play = Callable[[Scenario], None]


def put(key: str, value: Any = 1) -> Callable[[Connection], str]:
    def write(connection: Connection) -> str:
        settings.put(connection, key, value)
        return key

    return write


def has(key: str) -> Callable[[Connection], bool]:
    return lambda connection: settings.get(connection, key) is not None


def fail(connection: Connection) -> None:
    settings.put(connection, "half", "done")
    raise Conflict("not this one")


class Gate:
    """A write that holds the writer until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, _: Connection) -> None:
        self.reached.set()
        assert self.open.wait(30)


async def held(database: Database) -> tuple[Gate, "asyncio.Task[None]"]:
    """The writer is busy until the gate opens: what is written meanwhile becomes one group."""
    gate = Gate()
    task = asyncio.ensure_future(database.write(gate))
    await asyncio.to_thread(gate.reached.wait, 30)
    return gate, task


def test_each_of_many_writers_gets_its_own_result(play: Play) -> None:
    async def scenario(database: Database) -> None:
        keys = [f"key {number}" for number in range(700)]
        assert await asyncio.gather(*(database.write(put(key)) for key in keys)) == keys
        assert all(await asyncio.gather(*(database.read(has(key)) for key in keys[::50])))

    play(scenario)


def test_a_write_that_raises_fails_alone(play: Play) -> None:
    async def scenario(database: Database) -> None:
        gate, first = await held(database)
        writes = [database.write(put("a")), database.write(fail), database.write(put("b")), database.write(fail)]
        gathered = asyncio.gather(*writes, return_exceptions=True)
        await asyncio.sleep(0)
        gate.open.set()
        a, one, b, two = await gathered
        await first
        assert (a, b) == ("a", "b")
        assert isinstance(one, Conflict)
        assert isinstance(two, Conflict)
        assert one is not two
        assert await database.read(has("a"))
        assert await database.read(has("b"))
        assert not await database.read(has("half")), "nothing of a write that raised is kept"

    play(scenario)


def test_a_write_that_the_database_refuses_fails_alone(play: Play) -> None:
    def duplicate(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO setting VALUES ('a', '1')")

    async def scenario(database: Database) -> None:
        await database.write(put("a"))
        gate, first = await held(database)
        gathered = asyncio.gather(
            database.write(put("b")), database.write(duplicate), database.write(put("c")), return_exceptions=True
        )
        await asyncio.sleep(0)
        gate.open.set()
        b, refused, c = await gathered
        await first
        assert (b, c) == ("b", "c")
        assert isinstance(refused, IntegrityError)
        with pytest.raises(IntegrityError):
            await database.write(duplicate)
        assert await database.read(has("c"))

    play(scenario)


def test_a_value_that_the_driver_refuses_fails_alone(postgres_url: str) -> None:
    async def scenario() -> None:
        database = open_database(postgres_url)
        gate, first = await held(database)
        gathered = asyncio.gather(database.write(put("a")), database.write(put("\0")), return_exceptions=True)
        await asyncio.sleep(0)
        gate.open.set()
        await first
        a, refused = await gathered
        assert a == "a"
        assert isinstance(refused, DBAPIError)
        await database.close()

    asyncio.run(scenario())


def test_writes_happen_in_the_order_in_which_they_were_asked_for(play: Play) -> None:
    def add(number: int) -> Callable[[Connection], list[int]]:
        def write(connection: Connection) -> list[int]:
            seen = [*(settings.get(connection, "seen") or []), number]
            settings.put(connection, "seen", seen)
            return seen

        return write

    async def scenario(database: Database) -> None:
        await asyncio.gather(*(database.write(add(number)) for number in range(50)))
        assert await database.read(lambda connection: settings.get(connection, "seen")) == list(range(50))

    play(scenario)


def test_a_read_sees_what_was_acknowledged_before(play: Play) -> None:
    async def scenario(database: Database) -> None:
        for number in range(50):
            await database.write(put("last", number))
            assert await database.read(lambda connection: settings.get(connection, "last")) == number

    play(scenario)


def test_a_read_sees_one_moment_however_long_it_takes(play: Play) -> None:
    reached, changed = threading.Event(), threading.Event()

    def slow(connection: Connection) -> tuple[Any, Any]:
        first = settings.get(connection, "value")
        reached.set()
        assert changed.wait(30)
        return first, settings.get(connection, "value")

    async def scenario(database: Database) -> None:
        await database.write(put("value", "old"))
        reading = asyncio.ensure_future(database.read(slow))
        await asyncio.to_thread(reached.wait, 30)
        await database.write(put("value", "new"))
        changed.set()
        assert await reading == ("old", "old")
        assert await database.read(lambda connection: settings.get(connection, "value")) == "new"

    play(scenario)


def test_a_read_cannot_write(play: Play) -> None:
    async def scenario(database: Database) -> None:
        with pytest.raises((DBAPIError, Unavailable)):
            await database.read(put("a"))
        assert not await database.read(has("a"))

    play(scenario)


def test_a_read_that_raises_tells_its_caller_and_harms_no_other(play: Play) -> None:
    def broken(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT * FROM nowhere")

    async def scenario(database: Database) -> None:
        for _ in range(10):
            with pytest.raises(DBAPIError, match="nowhere"):
                await database.read(broken)
        assert not await database.read(has("a"))

    play(scenario)


def test_closing_finishes_what_was_accepted_and_refuses_the_rest(url: str) -> None:
    async def scenario() -> None:
        database = open_database(url)
        gate, first = await held(database)
        accepted = [asyncio.ensure_future(database.write(put(f"key {number}"))) for number in range(20)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(database.close())
        await asyncio.sleep(0)
        gate.open.set()
        await closing
        assert await asyncio.gather(first, *accepted) == [None, *(f"key {number}" for number in range(20))]
        with pytest.raises(Unavailable, match="closed"):
            await database.write(put("late"))
        with pytest.raises(Unavailable, match="closed"):
            await database.read(has("late"))
        again = open_database(url)
        assert await again.read(has("key 19"))
        await again.close()

    asyncio.run(scenario())


def test_more_than_the_queue_holds_is_refused_and_changes_nothing(url: str) -> None:
    async def scenario() -> None:
        database = open_database(url, writes_waiting=3)
        gate, first = await held(database)
        waiting = [asyncio.ensure_future(database.write(put(f"key {number}"))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="3 writes wait already"):
            await database.write(put("too much"))
        gate.open.set()
        await asyncio.gather(first, *waiting)
        assert not await database.read(has("too much"))
        assert await database.write(put("now")) == "now"
        await database.close()

    asyncio.run(scenario())


def test_a_caller_that_gives_up_harms_no_other(play: Play) -> None:
    async def scenario(database: Database) -> None:
        gate, first = await held(database)
        given_up = asyncio.ensure_future(database.write(put("given up")))
        other = asyncio.ensure_future(database.write(put("other")))
        await asyncio.sleep(0)
        given_up.cancel()
        gate.open.set()
        await first
        assert await other == "other"
        assert await database.read(has("given up")), "what was accepted happens"

    play(scenario)


def test_events_have_one_order_whoever_writes(url: str) -> None:
    """Two servers on one database: a number never becomes visible after a higher one."""

    async def scenario() -> None:
        first, second = open_database(url), open_database(url)
        seen: list[int] = []
        done = asyncio.Event()

        async def follow() -> None:
            while not done.is_set() or await second.read(events.last_sequence) > (seen or [0])[-1]:
                new = await second.read(lambda connection: events.after(connection, (seen or [0])[-1]))
                seen.extend(one.sequence for one in new)

        async def write(database: Database, name: str) -> None:
            for number in range(40):
                project = a_project(f"{name}{number}")
                await database.write(lambda connection, project=project: projects.save(connection, project, T0))  # type: ignore[misc]

        following = asyncio.ensure_future(follow())
        await asyncio.gather(write(first, "a"), write(second, "b"))
        done.set()
        await following
        every = await first.read(lambda connection: events.after(connection, 0))
        assert seen == [one.sequence for one in every]
        assert len(seen) == 80
        await first.close()
        await second.close()

    asyncio.run(scenario())


def test_two_servers_never_assign_one_run_twice(url: str) -> None:
    async def scenario() -> None:
        first, second = open_database(url), open_database(url)
        await first.write(furnish)
        for number in range(1, 11):
            run = await first.write(lambda connection, number=number: insert(connection, number))  # type: ignore[misc]
            runs_of = [database.read(lambda connection: runs.snapshot(connection, 5)) for database in (first, second)]
            assert all(len(snapshot.pending) == 1 for snapshot in await asyncio.gather(*runs_of))
            won = await asyncio.gather(
                *(database.write(lambda connection, run=run: _claim(connection, run)) for database in (first, second))  # type: ignore[misc]
            )
            assert sorted(won) == [0, 1]
        await first.close()
        await second.close()

    asyncio.run(scenario())


def _claim(connection: Connection, run: Run) -> int:
    won = runs.claim(connection, [assignment(run)], at(1))
    for one in won:
        connection.exec_driver_sql("DELETE FROM event")
        connection.exec_driver_sql(f"DELETE FROM run WHERE identifier = '{one.identifier}'")
    return len(won)


def test_a_foreign_lock_that_stays_makes_writes_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.05)

    async def scenario() -> None:
        database = open_database(f"sqlite:///{tmp_path}/orchestra.db")
        foreign = sqlite3.connect(f"{tmp_path}/orchestra.db", isolation_level=None)
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await database.write(put("a"))
        assert not await database.read(has("a")), "readers are not kept waiting"
        foreign.execute("COMMIT")
        foreign.close()
        assert await database.write(put("a")) == "a"
        await database.close()

    asyncio.run(scenario())


def test_every_file_of_the_database_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        database = open_database(f"sqlite:///{tmp_path}/orchestra.db")
        await database.write(put("a"))
        modes = await asyncio.to_thread(
            lambda: {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        )
        assert modes == {"orchestra.db": 0o600, "orchestra.db-wal": 0o600, "orchestra.db-shm": 0o600}
        await database.close()

    asyncio.run(scenario())


def test_a_commit_that_fails_leaves_the_outcome_to_be_read(tmp_path: Path) -> None:
    def breaks_at_the_end(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql("INSERT INTO sign_in_code VALUES ('s', 'nobody', '', '')")

    async def scenario() -> None:
        database = open_database(f"sqlite:///{tmp_path}/orchestra.db")
        with pytest.raises(OutcomeUnknown, match="read again"):
            await database.write(breaks_at_the_end)
        assert await database.write(put("a")) == "a"
        await database.close()

    asyncio.run(scenario())


def backend(connection: Connection) -> int:
    found: int = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    return found


def terminate(url: str, process: int) -> None:
    """What a restart of the server does to a connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


def test_a_connection_that_was_lost_between_writes_is_made_anew(postgres_url: str) -> None:
    async def scenario() -> None:
        database = open_database(postgres_url)
        first = await database.write(backend)
        terminate(postgres_url, first)
        assert await database.write(put("a")) == "a"
        assert await database.write(backend) != first
        reader = await database.read(backend)
        terminate(postgres_url, reader)
        for _ in range(20):
            assert await database.read(has("a"))
        await database.close()

    asyncio.run(scenario())


def test_a_connection_that_is_lost_during_a_group_makes_it_unavailable_and_changes_nothing(postgres_url: str) -> None:
    def die(connection: Connection) -> None:
        settings.put(connection, "half", "done")
        terminate(postgres_url, backend(connection))
        backend(connection)

    async def scenario() -> None:
        database = open_database(postgres_url)
        gate, first = await held(database)
        gathered = asyncio.gather(database.write(put("a")), database.write(die), return_exceptions=True)
        await asyncio.sleep(0)
        gate.open.set()
        await first
        for outcome in await gathered:
            assert isinstance(outcome, Unavailable)
            assert not isinstance(outcome, OutcomeUnknown)
        assert not await database.read(has("a"))
        assert not await database.read(has("half"))
        assert await database.write(put("a")) == "a"
        await database.close()

    asyncio.run(scenario())


def test_a_connection_that_is_lost_at_the_commit_leaves_the_outcome_unknown(postgres_url: str) -> None:
    def die_later(connection: Connection) -> None:
        settings.put(connection, "maybe", 1)
        terminate(postgres_url, backend(connection))

    async def scenario() -> None:
        database = open_database(postgres_url)
        with pytest.raises(OutcomeUnknown):
            await database.write(die_later)
        assert not await database.read(has("maybe")), "this time it did not happen"
        assert await database.write(put("a")) == "a"
        await database.close()

    asyncio.run(scenario())


def test_a_statement_that_takes_too_long_ends(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "STATEMENT_TIMEOUT_MS", 100)

    def slow(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_sleep(30)")

    async def scenario() -> None:
        database = open_database(postgres_url)
        with pytest.raises(Unavailable, match="57014"):
            await database.write(slow)
        with pytest.raises(Unavailable, match="57014"):
            await database.read(slow)
        assert await database.write(put("a")) == "a"
        await database.close()

    asyncio.run(scenario())


def test_the_database_of_simulated_worlds_keeps_the_same_promises() -> None:
    async def scenario() -> None:
        database = InlineDatabase()
        assert await database.write(put("a")) == "a"
        with pytest.raises(Conflict):
            await database.write(fail)
        assert not await database.read(has("half"))
        await database.read(put("b"))
        assert not await database.read(has("b")), "what a read writes is undone"
        await database.write(furnish)
        run = await database.write(insert)
        assert await database.read(lambda connection: runs.get(connection, run_id(1))) == run
        other = InlineDatabase()
        assert not await other.read(has("a")), "each world has its own"
        await database.close()
        await other.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("moment", "is_kept"), [(Moment.BEFORE_COMMIT, False), (Moment.AFTER_COMMIT, True), (Moment.BEFORE_READ, None)]
)
def test_a_simulated_world_may_let_it_fail_at_each_moment(moment: Moment, is_kept: bool | None) -> None:
    def hook(now: Moment) -> None:
        if now is moment:
            raise OutcomeUnknown("as planned")

    async def scenario() -> None:
        database = InlineDatabase(hook)
        if is_kept is None:
            with pytest.raises(OutcomeUnknown):
                await database.read(has("a"))
        else:
            with pytest.raises(OutcomeUnknown):
                await database.write(put("a"))
        database.hook = None
        assert await database.read(has("a")) is bool(is_kept)
        assert await database.write(put("b")) == "b"
        await database.close()

    asyncio.run(scenario())


def test_several_event_loops_may_share_a_database(url: str) -> None:
    database = open_database(url)
    failures: list[BaseException] = []

    def loop(name: str) -> None:
        async def work() -> None:
            for number in range(20):
                assert await database.write(put(f"{name} {number}")) == f"{name} {number}"

        try:
            asyncio.run(work())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=loop, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    asyncio.run(database.close())
