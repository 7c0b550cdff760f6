"""Artifacts on both databases: rows, what is complete, and contents that are removed when nobody needs them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from orchestra.domain.artifact import Artifact, ArtifactFile, ArtifactLimits, ArtifactState
from orchestra.domain.errors import InvalidContent, Unavailable
from orchestra.domain.run import Run, RunStatus, Started
from orchestra.storage import artifacts, events, run_delete, runs, workers
from orchestra.storage.artifact_store import ArtifactStore, Piece
from orchestra.storage.database import Database
from support.stored import assign, at, finished, furnish, insert, run_id

RUN = run_id(1)
Play = Callable[[Callable[[Database], Awaitable[None]]], None]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file(path: str, data: bytes = b"x") -> ArtifactFile:
    return ArtifactFile(path, len(data), sha(data))


def ended(connection: Connection, number: int = 1, count: int = 0) -> Run:
    run = assign(connection, insert(connection, number))
    runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2))
    fact = finished(run, RunStatus.FAILED, artifact_count=count, artifacts_complete=not count)
    after = runs.record(connection, run.identifier, fact, at(3))
    assert isinstance(after, Run)
    return after


def paths(connection: Connection, run: str = RUN) -> list[str]:
    return [one.path for one in artifacts.page(connection, run).items]


def test_files_are_listed_once_whatever_is_said_twice(connection: Connection) -> None:
    artifacts.list_files(connection, RUN, [file("b"), file("a", b"y")])
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED})
    artifacts.list_files(connection, RUN, [file("b"), file("a", b"y"), file("c")])
    assert artifacts.page(connection, RUN).items == (
        Artifact(run=RUN, path="a", size=1, sha256=sha(b"y"), state=ArtifactState.AWAITED),
        Artifact(run=RUN, path="b", size=1, sha256=sha(b"x"), state=ArtifactState.STORED),
        Artifact(run=RUN, path="c", size=1, sha256=sha(b"x"), state=ArtifactState.AWAITED),
    )
    assert artifacts.awaited(connection, RUN, 10) == sorted([(sha(b"x"), 1), (sha(b"y"), 1)])


def test_names_of_any_script_and_with_newlines_are_stored_as_they_are(connection: Connection) -> None:
    names = ["two\nlines", "ü", "日本", "a'b\"c", "%2e%2e", "\u2028", "🙂", "A", "a"]
    artifacts.list_files(connection, RUN, [file(name) for name in names])
    assert sorted(paths(connection)) == sorted(names)
    for name in names:
        assert artifacts.get_artifact(connection, RUN, name) is not None


def test_a_list_comes_in_pages_by_path_or_size(connection: Connection) -> None:
    artifacts.list_files(connection, RUN, [file(f"{number:03}", bytes(number)) for number in range(25)])
    first = artifacts.page(connection, RUN, None, None, 10)
    second = artifacts.page(connection, RUN, None, first.next_cursor, 20)
    assert [one.path for one in (*first.items, *second.items)] == [f"{number:03}" for number in range(25)]
    assert second.next_cursor is None
    assert artifacts.page(connection, RUN, "-size").items[0].size == 24
    with pytest.raises(InvalidContent):
        artifacts.page(connection, RUN, "sha256")


def test_ten_thousand_files_are_a_few_statements(connection: Connection) -> None:
    artifacts.list_files(connection, RUN, [file(f"f{number}", b"%d" % number) for number in range(10_000)])
    assert artifacts.summary(connection, RUN)[0] == 10_000
    assert len(artifacts.awaited(connection, RUN, 1_000)) == 1_000


def test_a_run_is_complete_when_all_of_its_files_are_stored(connection: Connection) -> None:
    furnish(connection)
    run = ended(connection, count=2)
    artifacts.list_files(connection, RUN, [file("a"), file("b", b"yy")])
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED, sha(b"yy"): ArtifactState.STORED})
    assert artifacts.complete(connection, RUN, run.epoch, at(5), count=2, error="c was too large")
    after = runs.get(connection, RUN)
    assert after is not None
    assert (after.artifacts_complete, after.artifact_count, after.artifact_size) == (True, 2, 3)
    assert (after.artifact_error, after.status, after.update_date) == ("c was too large", RunStatus.FAILED, at(5))
    told = events.of_run(connection, RUN)[-1]
    assert (told.type, told.data) == (
        "run.artifacts_stored",
        {"epoch": 1, "count": 2, "size": 3, "complete": True},
    )


def test_a_lost_file_makes_a_run_incomplete_and_says_so(connection: Connection) -> None:
    furnish(connection)
    run = ended(connection, count=2)
    artifacts.list_files(connection, RUN, [file("a"), file("b", b"yy")])
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED, sha(b"yy"): ArtifactState.LOST})
    assert not artifacts.complete(connection, RUN, run.epoch, at(5), count=2)
    after = runs.get(connection, RUN)
    assert after is not None
    assert not after.artifacts_complete
    assert "1 file is lost" in (after.artifact_error or "")


def test_a_run_whose_list_is_short_is_not_complete(connection: Connection) -> None:
    furnish(connection)
    run = ended(connection, count=3)
    artifacts.list_files(connection, RUN, [file("a")])
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED})
    assert not artifacts.complete(connection, RUN, run.epoch, at(5), count=3)


def test_files_on_a_worker_that_is_away_have_a_reason_until_they_come(connection: Connection) -> None:
    furnish(connection)
    ended(connection, count=1)
    artifacts.list_files(connection, RUN, [file("a")])
    assert artifacts.out_of_reach(connection, 10) == []
    workers.deactivate_all(connection, at(4))
    assert artifacts.out_of_reach(connection, 10) == [RUN]
    artifacts.explain(connection, RUN, at(5))
    assert artifacts.out_of_reach(connection, 10) == []
    assert shown(connection).artifact_error == "files are on the worker w1, which is away"
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED})
    assert artifacts.complete(connection, RUN, 1, at(6), count=1)
    assert shown(connection).artifact_error is None


def test_files_that_all_came_before_the_worker_left_are_complete(connection: Connection) -> None:
    furnish(connection)
    ended(connection, count=1)
    artifacts.list_files(connection, RUN, [file("a")])
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED})
    workers.deactivate_all(connection, at(4))
    artifacts.explain(connection, RUN, at(5))
    assert shown(connection).artifacts_complete
    assert artifacts.out_of_reach(connection, 10) == []


def test_a_worker_that_comes_without_a_run_settles_what_is_open_of_its_files(connection: Connection) -> None:
    furnish(connection)
    listed = {1: 2, 2: 2, 3: 2, 4: 1}
    whole, half, kept, unlisted = (ended(connection, number, count=2).identifier for number in listed)
    for number, count in listed.items():
        artifacts.list_files(connection, run_id(number), [file("a"), file("b", b"yy")][:count])
    for run in (whole, kept):
        artifacts.mark(connection, run, {sha(b"x"): ArtifactState.STORED, sha(b"yy"): ArtifactState.STORED})
    for run in (half, unlisted):
        artifacts.mark(connection, run, {sha(b"x"): ArtifactState.STORED})
    worker = runs.get_many(connection, [whole])[whole].worker
    assert worker is not None
    assert artifacts.give_up(connection, worker, [kept], at(6)) == [whole, half, unlisted]
    after = runs.get_many(connection, [whole, half, kept, unlisted])
    assert (after[whole].artifacts_complete, after[whole].artifact_error) == (True, None)
    assert (after[kept].artifacts_complete, after[kept].artifact_error) == (False, None)
    for run in (half, unlisted):
        assert not after[run].artifacts_complete
        assert f"{worker} no longer holds what the run left" in (after[run].artifact_error or "")
    assert artifacts.give_up(connection, worker, [kept], at(7)) == []


def shown(connection: Connection) -> Run:
    run = runs.get(connection, RUN)
    assert run is not None
    return run


def test_another_epoch_and_a_run_that_is_gone_change_nothing(connection: Connection) -> None:
    furnish(connection)
    run = ended(connection, count=1)
    assert not artifacts.complete(connection, RUN, run.epoch + 1, at(5), count=0)
    assert not artifacts.complete(connection, run_id(9), 1, at(5), count=0)
    assert runs.get(connection, RUN) == run


@pytest.mark.parametrize(
    "limits",
    [ArtifactLimits(count=1), ArtifactLimits(file_bytes=1), ArtifactLimits(total_bytes=2)],
    ids=["count", "one file", "together"],
)
def test_a_list_beyond_the_limits_is_refused_whole(connection: Connection, limits: ArtifactLimits) -> None:
    artifacts.list_files(connection, RUN, [file("a"), file("b", b"yy")])
    assert artifacts.refuse(connection, RUN, ArtifactLimits()) is None
    assert "more than the server takes" in str(artifacts.refuse(connection, RUN, limits))
    assert paths(connection) == []


def test_a_content_is_noted_for_removal_with_its_last_artifact(connection: Connection) -> None:
    furnish(connection)
    one, two = ended(connection, 1), ended(connection, 2)
    artifacts.list_files(connection, one.identifier, [file("a", b"shared"), file("b", b"own")])
    artifacts.list_files(connection, two.identifier, [file("c", b"shared")])
    run_delete.remove(connection, [one.identifier], at(9))
    assert artifacts.noted(connection, 10) == [sha(b"own")]
    assert artifacts.page(connection, one.identifier).items == ()
    run_delete.remove(connection, [two.identifier], at(9))
    assert artifacts.noted(connection, 10) == sorted([sha(b"own"), sha(b"shared")])


def test_a_content_that_comes_for_a_run_that_was_deleted_is_noted_for_removal(connection: Connection) -> None:
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED})
    artifacts.mark(connection, RUN, {sha(b"x"): ArtifactState.STORED})
    assert artifacts.noted(connection, 10) == [sha(b"x")]


# The store


def stored(play: Play, folder: Path, story: Callable[[Database, ArtifactStore], Awaitable[None]]) -> None:
    async def tell(database: Database) -> None:
        await story(database, ArtifactStore(folder / "artifacts", database))

    play(tell)


async def receive(store: ArtifactStore, data: bytes, run: str = RUN) -> dict[str, ArtifactState]:
    return await store.receive(run, [Piece(sha(data), 0, data, len(data))])


def test_a_content_is_there_when_its_bytes_hash_to_its_name(play: Play, tmp_path: Path) -> None:
    async def story(_: Database, store: ArtifactStore) -> None:
        data = bytes(range(256)) * 5000
        name, size = sha(data), len(data)
        assert await store.look(RUN, [(name, size)]) == {name: 0}
        assert await store.receive(RUN, [Piece(name, 0, data[:1000], size)]) == {}
        assert await store.look(RUN, [(name, size)]) == {name: 1000}
        assert await store.receive(RUN, [Piece(name, 1000, data[1000:], size)]) == {name: ArtifactState.STORED}
        assert await store.look(RUN, [(name, size)]) == {name: None}
        assert await store.read(name, 0, size) == data
        assert await store.read(name, 300_000, 300_010) == data[300_000:300_010]
        assert (tmp_path / "artifacts" / name[:2] / name).read_bytes() == data

    stored(play, tmp_path, story)


def test_another_process_goes_on_where_the_last_one_ended(play: Play, tmp_path: Path) -> None:
    async def story(database: Database, store: ArtifactStore) -> None:
        data = bytes(range(256)) * 5000
        await store.receive(RUN, [Piece(sha(data), 0, data[:700_001], len(data))])
        again = ArtifactStore(tmp_path / "artifacts", database)
        assert await again.look(RUN, [(sha(data), len(data))]) == {sha(data): 700_001}
        rest = Piece(sha(data), 700_001, data[700_001:], len(data))
        assert await again.receive(RUN, [rest]) == {sha(data): ArtifactState.STORED}

    stored(play, tmp_path, story)


def test_wrong_bytes_never_become_a_content(play: Play, tmp_path: Path) -> None:
    async def story(_: Database, store: ArtifactStore) -> None:
        wrong = Piece(sha(b"right"), 0, b"wrong", 5)
        assert await store.receive(RUN, [wrong]) == {sha(b"right"): ArtifactState.LOST}
        assert await store.look(RUN, [(sha(b"right"), 5)]) == {sha(b"right"): 0}
        assert await receive(store, b"right") == {sha(b"right"): ArtifactState.STORED}
        gap = Piece(sha(b"other"), 3, b"er", 5)
        assert await store.receive(RUN, [gap]) == {sha(b"other"): ArtifactState.LOST}
        long = Piece(sha(b"abc"), 0, b"abcd", 3)
        assert await store.receive(RUN, [long]) == {sha(b"abc"): ArtifactState.LOST}

    stored(play, tmp_path, story)


def test_a_partial_file_that_a_crash_filled_with_zeros_is_found_out(play: Play, tmp_path: Path) -> None:
    async def story(database: Database, store: ArtifactStore) -> None:
        data = b"x" * 1000
        await store.receive(RUN, [Piece(sha(data), 0, data[:500], 1000)])
        partial = tmp_path / "artifacts" / "partial" / RUN / sha(data)
        partial.write_bytes(bytes(500))
        again = ArtifactStore(tmp_path / "artifacts", database)
        rest = Piece(sha(data), 500, data[500:], 1000)
        assert await again.receive(RUN, [rest]) == {sha(data): ArtifactState.LOST}
        assert not partial.exists()

    stored(play, tmp_path, story)


def test_an_empty_file_is_a_content_too(play: Play, tmp_path: Path) -> None:
    async def story(_: Database, store: ArtifactStore) -> None:
        assert await receive(store, b"") == {sha(b""): ArtifactState.STORED}
        assert await store.look(RUN, [(sha(b""), 0)]) == {sha(b""): None}
        assert await store.read(sha(b""), 0, 0) == b""

    stored(play, tmp_path, story)


def test_a_sweep_removes_what_nobody_needs_and_nothing_else(play: Play, tmp_path: Path) -> None:
    async def story(database: Database, store: ArtifactStore) -> None:
        for data in (b"needed", b"unneeded"):
            await receive(store, data)
        await database.write(lambda rows: artifacts.list_files(rows, RUN, [file("a", b"needed")]))
        await database.write(lambda rows: artifacts.mark(rows, run_id(2), {sha(b"unneeded"): ArtifactState.STORED}))
        await store.receive(run_id(3), [Piece(sha(b"part"), 0, b"p", 4)])
        await store.receive(RUN, [Piece(sha(b"part"), 0, b"p", 4)])
        assert await store.sweep() == 1
        assert await store.look(RUN, [(sha(b"needed"), 6), (sha(b"unneeded"), 8)]) == {
            sha(b"needed"): None,
            sha(b"unneeded"): 0,
        }
        partial = tmp_path / "artifacts" / "partial"
        assert [one.name for one in partial.iterdir()] == [RUN], "of the run that awaits something"
        assert await database.read(lambda rows: artifacts.noted(rows, 10)) == []
        with pytest.raises(Unavailable):
            await store.read(sha(b"unneeded"), 0, 8)

    stored(play, tmp_path, story)


def test_a_content_that_is_needed_again_before_the_sweep_stays(play: Play, tmp_path: Path) -> None:
    async def story(database: Database, store: ArtifactStore) -> None:
        await receive(store, b"again")
        await database.write(lambda rows: artifacts.mark(rows, RUN, {sha(b"again"): ArtifactState.STORED}))
        await database.write(lambda rows: artifacts.list_files(rows, run_id(2), [file("a", b"again")]))
        assert await store.sweep() == 0
        assert await store.read(sha(b"again"), 0, 5) == b"again"

    stored(play, tmp_path, story)


def test_two_runs_that_send_the_same_content_at_once_both_have_it(play: Play, tmp_path: Path) -> None:
    async def story(_: Database, store: ArtifactStore) -> None:
        data = bytes(1 << 20)
        states = await asyncio.gather(*(receive(store, data, run_id(number)) for number in (1, 2, 3)))
        assert states == [{sha(data): ArtifactState.STORED}] * 3
        assert await store.read(sha(data), 0, len(data)) == data

    stored(play, tmp_path, story)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "A" * 64, ""])
def test_s24_no_other_name_reaches_the_disk(play: Play, tmp_path: Path, name: str) -> None:
    async def story(_: Database, store: ArtifactStore) -> None:
        with pytest.raises(ValueError, match="not the name"):
            await store.look(RUN, [(name, 1)])
        with pytest.raises(ValueError, match="not the name"):
            await store.receive("../..", [Piece("a" * 64, 0, b"x", 1)])

    stored(play, tmp_path, story)
