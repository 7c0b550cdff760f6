"""Who gets what, and what the rest waits for."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import OutcomeUnknown, Unavailable
from orchestra.domain.run import RunStatus
from orchestra.storage import hints, jobs, runs
from orchestra.storage.database import Moment
from orchestra.wire import messages as m
from support import stored
from support.conversation import run_id
from support.master_world import RUN, WorkerEnd, World, pass_time, settle, story


def assigned(worker: WorkerEnd) -> list[str]:
    return [assign.run for assign in worker.heard(m.Assign)]


@story
async def test_a_run_that_no_worker_can_take_says_what_it_waits_for(world: World) -> None:
    await world.furnish(properties={"os": "linux"})
    await world.trigger()
    assert (await world.run()).cause.message == "no worker has ever connected"
    await world.connect(properties={"os": "darwin"})
    assert (await world.run()).cause.message == "no worker has os linux"
    worker = await world.connect("w2", properties={"os": "linux"}, installation="disk 2")
    assert assigned(worker) == [RUN]


@story
async def test_slots_bound_what_a_worker_gets_and_a_freed_slot_is_used_at_once(world: World) -> None:
    await world.furnish()
    worker = await world.connect(concurrency=2)
    for number in range(1, 4):
        await world.trigger(number)
    assert assigned(worker) == [run_id(1), run_id(2)]
    assert (await world.run(run_id(3))).cause.message == "every slot of w1 is taken"
    await worker.carry_out(run_id(1))
    assert assigned(worker) == [run_id(1), run_id(2), run_id(3)]


@story
async def test_priority_goes_first(world: World) -> None:
    await world.furnish()
    await world.trigger(1)
    await world.trigger(2, priority=5)
    worker = await world.connect(concurrency=1)
    assert assigned(worker) == [run_id(2)]


@story
async def test_runs_of_a_disabled_job_wait_and_start_when_it_is_enabled(world: World) -> None:
    await world.furnish(is_enabled=False)
    worker = await world.connect()
    await world.trigger()
    assert (await world.run()).cause.code == "job_disabled"
    now = world.clock.now()
    await world.write(lambda connection: jobs.set_enabled(connection, "web", "build", True, now), hints.PENDING)
    assert assigned(worker) == [RUN]


@story
async def test_many_triggers_are_few_transactions_and_few_frames(world: World) -> None:
    await world.furnish()
    worker = await world.connect(concurrency=100)
    world.hints.publish(hints.PENDING)
    before = world.writes

    for number in range(1, 51):
        await world.database.write(lambda connection, number=number: world_insert(connection, world, number))  # type: ignore[misc]
    world.hints.publish(hints.PENDING)
    await settle()
    assert len(assigned(worker)) == 50
    assert world.writes - before == 50 + 1


def world_insert(connection: Connection, world: World, number: int) -> None:
    """Insert a run that nobody is told of."""
    runs.insert(connection, stored.a_new_run(identifier=run_id(number)), world.clock.now())


@story
async def test_every_run_of_a_long_queue_is_told_why_it_waits(world: World) -> None:
    await world.furnish()
    await world.connect(concurrency=1)
    for number in range(1, 31):
        await world.trigger(number)
    await pass_time(2)
    now = world.clock.now()
    await world.write(lambda connection: jobs.set_enabled(connection, "web", "build", False, now), hints.PENDING)
    await pass_time(2)
    waiting = [await world.run(run_id(number)) for number in range(2, 31)]
    assert {run.cause.code for run in waiting} == {"job_disabled"}


@story
async def test_a_lost_hint_costs_at_most_the_audit(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await settle()
    await world.database.write(lambda connection: world_insert(connection, world, 1))
    await settle()
    assert assigned(worker) == []
    await pass_time(world.settings.audit_s + 1)
    assert assigned(worker) == [RUN]


@story
async def test_a_database_that_fails_for_a_moment_delays_and_loses_nothing(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.database.write(lambda connection: world_insert(connection, world, 1))
    failures: list[Moment] = []

    def fail(moment: Moment) -> None:
        if len(failures) < 3:
            failures.append(moment)
            raise Unavailable("a moment")

    world.fails = fail
    world.hints.publish(hints.PENDING)
    await settle()
    assert assigned(worker) == []
    await pass_time(5)
    assert assigned(worker) == [RUN]


@story
async def test_a_claim_whose_outcome_is_unknown_is_undone_and_made_again(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.database.write(lambda connection: world_insert(connection, world, 1))

    def fail(moment: Moment) -> None:
        if moment is Moment.AFTER_COMMIT:
            world.fails = lambda moment: None
            raise OutcomeUnknown("the connection was lost")

    world.fails = fail
    world.hints.publish(hints.PENDING)
    await settle()
    assert (await world.run()).status is RunStatus.ASSIGNED
    assert assigned(worker) == []
    await pass_time(10)
    assert [(assign.run, assign.epoch) for assign in worker.heard(m.Assign)] == [(RUN, 2)]


@story
async def test_a_claim_for_a_session_that_ended_meanwhile_is_undone(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    write = world.database.write

    async def write_then_end(function):  # type: ignore[no-untyped-def]
        result = await write(function)
        run = await world.run()
        if run.status is RunStatus.ASSIGNED and worker.transport.closed is None:
            await worker.transport.close(1006, "cut")
            await settle()
        return result

    await world.database.write(lambda connection: world_insert(connection, world, 1))
    world.database.write = write_then_end  # type: ignore[method-assign]
    world.hints.publish(hints.PENDING)
    await pass_time(0.1)
    run = await world.run()
    assert (run.status, run.epoch, run.worker) == (RunStatus.PENDING, 1, None)
    assert [event.type for event in await world.events() if event.run == RUN] == [
        "run.created",
        "run.assigned",
        "run.given_back",
    ]
    world.database.write = write  # type: ignore[method-assign]
    again = await world.connect()
    assert [(assign.run, assign.epoch) for assign in again.heard(m.Assign)] == [(RUN, 2)]


@story
async def test_a_run_that_fits_no_frame_ends_with_its_reason(world: World) -> None:
    huge = {"type": "commands", "commands": [{"name": "a", "run": "x" * m.FRAME_LIMIT_BYTES, "timeout": None}]}
    await world.furnish(definition=huge)
    worker = await world.connect()
    await world.trigger()
    run = await world.run()
    assert (run.status, run.cause.code) == (RunStatus.EXCEPTION, "bad_definition")
    assert worker.closed is None


@story
async def test_a_concurrency_group_lets_one_run_go_at_a_time(world: World) -> None:
    await world.furnish(policy={"concurrency": {"group": "g", "limit": 1, "overflow": "queue"}})
    worker = await world.connect()
    await world.trigger(1, concurrency_group="g")
    await world.trigger(2, concurrency_group="g")
    assert assigned(worker) == [run_id(1)]
    assert (await world.run(run_id(2))).cause.code == "group_full"
    await worker.carry_out(run_id(1))
    assert assigned(worker) == [run_id(1), run_id(2)]


@pytest.mark.parametrize("count", [1, 8])
def test_pending_runs_spread_over_the_workers(count: int, tmp_path: Path) -> None:
    @story
    async def spread(world: World) -> None:
        await world.furnish()
        workers = [await world.connect(f"w{n}", concurrency=2) for n in range(count)]
        for number in range(1, count + 1):
            await world.trigger(number)
        assert sorted(len(assigned(worker)) for worker in workers) == [1] * count

    spread(tmp_path)
