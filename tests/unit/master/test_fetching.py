"""Files that ended runs left: fetched, verified, stored, and forgotten by the worker only then."""

from __future__ import annotations

import errno

from orchestra.config import ServerSettings
from orchestra.domain.artifact import ArtifactState
from orchestra.domain.run import RunStatus
from orchestra.master import fetching
from orchestra.storage import run_delete
from orchestra.wire import messages as m
from support.conversation import finished, held, run_id, started
from support.master_world import RUN, WorkerEnd, World, pass_time, settle, sha256, story

BIG = bytes(range(256)) * 40_000


async def assigned(world: World) -> WorkerEnd:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    return worker


async def again(world: World, old: WorkerEnd, phase: str = "finished") -> WorkerEnd:
    """The same worker, connected again with the run and its files."""
    worker = await world.connect(held=(held(phase=phase),))
    worker.files = old.files
    return worker


@story
async def test_a_run_ends_at_once_and_its_files_follow(world: World) -> None:
    worker = await assigned(world)
    world.disk.clear()
    await worker.leave({"a": b"one", "dist/big": BIG, "empty": b"", "same": b"one"})
    run = await world.run()
    assert (run.status, run.artifacts_complete, run.artifact_count) == (RunStatus.SUCCEEDED, False, 4)
    assert run.artifact_size == len(BIG) + 6
    assert {one.state for one in (await world.left()).values()} == {ArtifactState.AWAITED}
    assert not worker.heard(m.Forget)
    world.disk.set()
    await pass_time(1)
    run = await world.run()
    assert (run.artifacts_complete, run.artifact_error) == (True, None)
    left = await world.left()
    assert [await world.content(left[path]) for path in ("a", "dist/big", "empty", "same")] == [
        b"one",
        BIG,
        b"",
        b"one",
    ]
    assert worker.heard(m.Forget) == [m.Forget(run=RUN, epoch=1)]
    assert [event.type for event in await world.events()][-1] == "run.artifacts_stored"
    assert sum(size for _, _, size in worker.read) == len(BIG) + 3, "every content once"


@story
async def test_a_run_without_files_is_forgotten_with_its_end(world: World) -> None:
    worker = await assigned(world)
    await worker.carry_out()
    assert (await world.run()).artifacts_complete
    assert worker.heard(m.Forget)


@story
async def test_what_the_worker_could_not_keep_is_told_and_fails_nothing(world: World) -> None:
    worker = await assigned(world)
    await worker.carry_out(artifact_error="'dist/*' fits no file")
    run = await world.run()
    assert (run.status, run.artifacts_complete) == (RunStatus.SUCCEEDED, True)
    assert run.artifact_error == "'dist/*' fits no file"


@story
async def test_after_a_cut_only_what_is_missing_is_sent_again(world: World) -> None:
    worker = await assigned(world)
    files = {f"f{number}": bytes([number]) * 3_000_000 for number in range(5)}
    listed = worker.keep(files)
    # It answers nothing by itself: every range is handed over below.
    await worker.say(started(), listed)
    worker.is_silent = False
    count = 0

    real = worker.session.feed_artifact

    def feed(want: object, data: bytes, error: str | None = None) -> bool:
        nonlocal count
        count += len(data)
        if count > 7_000_000:
            worker.is_silent = True
        return real(want, data, error)  # type: ignore[arg-type]

    worker.session.feed_artifact = feed  # type: ignore[method-assign]
    await worker.say(finished(artifact_count=5))
    await pass_time(0.1)
    await worker.close()
    assert not (await world.run()).artifacts_complete
    await settle()
    back = await again(world, worker)
    await back.say(started(), listed, finished(artifact_count=5))
    await pass_time(1)
    left = await world.left()
    assert (await world.run()).artifacts_complete
    assert {path: await world.content(one) for path, one in left.items()} == files
    sent_again = sum(size for _, _, size in back.read)
    assert sent_again < 15_000_000 - 7_000_000 + fetching.WINDOW_BYTES + 2 * m.ARTIFACT_ASK_BYTES
    assert any(offset for _, offset, _ in back.read), "one of them goes on in its middle"
    assert back.heard(m.Forget)


@story
async def test_a_server_that_restarts_goes_on(world: World) -> None:
    worker = await assigned(world)
    world.disk.clear()
    await worker.leave({"a": BIG})
    await world.stop()
    world.disk.set()
    await worker.close()
    assert not (await world.run()).artifacts_complete
    await world.start()
    back = await again(world, worker)
    assert back.heard(m.Welcome)[0].verdicts[0].action == "deliver"
    await back.say(started(), back.keep({"a": BIG}), finished(artifact_count=1))
    await pass_time(1)
    assert (await world.run()).artifacts_complete
    assert await world.content((await world.left())["a"]) == BIG


@story
async def test_bytes_that_are_not_what_was_listed_are_asked_for_once_more_and_then_lost(world: World) -> None:
    worker = await assigned(world)
    listed = worker.keep({"a": b"right", "b": b"fine"})
    worker.files[sha256(b"right")] = b"wrong"
    await worker.say(started(), listed, finished(artifact_count=2))
    await pass_time(1)
    run, left = await world.run(), await world.left()
    assert (run.status, run.artifacts_complete) == (RunStatus.SUCCEEDED, False)
    assert "1 file is lost" in (run.artifact_error or "")
    assert (left["a"].state, left["b"].state) == (ArtifactState.LOST, ArtifactState.STORED)
    assert [one for one in worker.read if one[0] == sha256(b"right")] == [(sha256(b"right"), 0, 5)] * fetching.TRIES
    assert worker.heard(m.Forget), "there is nothing to wait for"


@story
async def test_a_file_that_the_worker_cannot_read_is_lost_and_the_others_come(world: World) -> None:
    worker = await assigned(world)
    listed = worker.keep({"gone": BIG, "here": b"x"})
    del worker.files[sha256(BIG)]
    await worker.say(started(), listed, finished(artifact_count=2, artifact_error="c is too large"))
    await pass_time(1)
    run, left = await world.run(), await world.left()
    assert (left["gone"].state, left["here"].state) == (ArtifactState.LOST, ArtifactState.STORED)
    assert (run.artifact_error or "").startswith("c is too large; 1 file is lost")
    assert worker.closed is None


@story
async def test_a_full_disk_is_said_on_the_run_and_tried_again(world: World) -> None:
    worker = await assigned(world)

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    world.artifacts_fail = full
    await worker.leave({"a": BIG, "b": b"x"})
    await pass_time(5)
    run = await world.run()
    assert (run.status, run.artifacts_complete) == (RunStatus.SUCCEEDED, False)
    assert run.artifact_error == "the server cannot store artifacts now: No space left on device"
    assert not worker.heard(m.Forget)
    await world.trigger(2)
    await worker.carry_out(run_id(2))
    assert (await world.run(run_id(2))).status is RunStatus.SUCCEEDED, "other runs do not mind"
    world.artifacts_fail = lambda: None
    await pass_time(fetching.RETRY_S + 5)
    run = await world.run()
    assert (run.artifacts_complete, run.artifact_error) == (True, None)
    assert worker.heard(m.Forget)


@story
async def test_control_and_logs_pass_a_server_that_stores_files_slowly(world: World) -> None:
    worker = await assigned(world)
    await world.trigger(2)
    world.disk.clear()
    await worker.leave({"a": BIG})
    await worker.say(started(run_id(2)))
    world.disk.set()
    await worker.write(b"hello\n", run_id(2))
    assert (await world.run(run_id(2))).status is RunStatus.RUNNING
    assert await world.log(run_id(2)) == b"hello\n"


async def _too_long(world: World) -> None:
    worker = await assigned(world)
    await worker.leave({"a": b"x", "b": b"yyy"})
    run = await world.run()
    assert not run.artifacts_complete
    assert "more than the server takes" in (run.artifact_error or "")
    assert await world.left() == {}
    assert worker.heard(m.Forget)


test_a_list_that_is_too_long_for_the_server_is_refused = story(_too_long, ServerSettings(artifact_file_bytes=2))


@story
async def test_the_limits_travel_with_the_assignment_of_a_job_that_leaves_files(world: World) -> None:
    await world.furnish(definition={"type": "commands", "commands": [], "artifacts": ["*"]})
    worker = await world.connect()
    await world.trigger()
    (assign,) = worker.heard(m.Assign)
    assert assign.artifact_limits == world.settings.artifact_limits


@story
async def test_a_lost_run_says_that_nobody_knows_and_is_completed_when_its_worker_returns(world: World) -> None:
    worker = await assigned(world)
    await worker.say(started())
    await worker.close()
    await pass_time(86_400 + 120)
    run = await world.run()
    assert (run.status, run.artifacts_complete) == (RunStatus.EXCEPTION, False)
    assert "nobody can tell" in (run.artifact_error or "")
    back = await again(world, worker)
    await back.say(started(), back.keep({"a": BIG}), finished(artifact_count=1))
    await pass_time(1)
    run = await world.run()
    assert (run.status, run.artifacts_complete, run.artifact_error) == (RunStatus.EXCEPTION, True, None)
    assert (run.artifact_count, run.artifact_size) == (1, len(BIG))
    assert await world.content((await world.left())["a"]) == BIG


@story
async def test_a_run_that_is_deleted_while_its_files_come_is_forgotten(world: World) -> None:
    worker = await assigned(world)
    world.disk.clear()
    await worker.leave({"a": BIG})
    await world.write(lambda rows: run_delete.remove(rows, [RUN], world.clock.now()))
    world.disk.set()
    await pass_time(1)
    assert worker.heard(m.Forget)
    assert worker.closed is None
    await world.artifacts.sweep()
    assert await world.artifacts.look(RUN, [(sha256(BIG), len(BIG))]) == {sha256(BIG): 0}


@story
async def test_live_results_are_shown_and_replaced_by_the_last_ones(world: World) -> None:
    worker = await assigned(world)
    await worker.say(started(), m.Stepped(run=RUN, epoch=1, steps=(), results=b'{"done": 1}'))
    assert (await world.run()).results == {"done": 1}
    await worker.say(m.Stepped(run=RUN, epoch=1, steps=()))
    assert (await world.run()).results == {"done": 1}, "nothing was said about them"
    await worker.say(m.Stepped(run=RUN, epoch=1, steps=(), results=b'{"done":'))
    assert (await world.run()).results == {"done": 1}, "half of them is no JSON"
    await worker.say(finished(results=None))
    assert (await world.run()).results is None, "the end is exact: the file was gone"
