"""The same worker again, another one with its name, a server that restarts: nothing is lost, nothing starts twice."""

from sqlalchemy import Connection

from orchestra.domain.access import Principal
from orchestra.domain.errors import Unavailable
from orchestra.domain.recovery import Action
from orchestra.domain.run import RunStatus
from orchestra.storage import hints, runs, users, workers
from orchestra.storage.database import Moment
from orchestra.wire import messages as m
from support import stored
from support.conversation import finished, held, run_id, started
from support.master_world import MACHINES, RUN, WorkerEnd, World, pass_time, settle, story


async def running(world: World, log: bytes = b"0123456789") -> WorkerEnd:
    """A worker that runs the run and has sent the first half of its log."""
    await world.furnish(policy={"on_worker_lost": {"fail_after": 3600.0}})
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await worker.write(log[: len(log) // 2])
    return worker


async def finish(worker: WorkerEnd, log: bytes = b"0123456789") -> None:
    """After a welcome: tell again that the run started, its log, and its end."""
    await worker.say(started())
    await worker.write(log)
    await worker.say(finished(log=log))


@story
async def test_a_worker_that_comes_back_goes_on_where_the_server_is(world: World) -> None:
    worker = await running(world)
    await worker.close()
    assert not (await world.worker()).is_active
    again = await world.connect(held=(held(log_size=10),))
    (welcome,) = again.heard(m.Welcome)
    assert welcome.session == 2
    assert [(one.action, one.log_offset) for one in welcome.verdicts] == [(Action.RESUME, 5)]
    await finish(again)
    run = await world.run()
    assert (run.status, run.log_complete) == (RunStatus.SUCCEEDED, True)
    assert await world.log() == b"0123456789"


@story
async def test_runs_go_on_over_a_restart_of_the_server(world: World) -> None:
    worker = await running(world)
    await world.stop()
    await world.start()
    assert worker.closed is not None
    again = await world.connect(held=(held(log_size=10),))
    await finish(again)
    assert (await world.run()).status is RunStatus.SUCCEEDED
    assert await world.log() == b"0123456789"


@story
async def test_a_large_log_is_verified_after_a_restart_of_the_server(world: World) -> None:
    log = bytes(range(256)) * 2_000
    await running(world, log)
    await world.stop()
    await world.start()
    again = await world.connect(held=(held(log_size=len(log)),))
    await finish(again, log)
    run = await world.run()
    assert (run.status, run.log_complete, run.log_size) == (RunStatus.SUCCEEDED, True, len(log))


@story
async def test_a_run_that_ended_while_the_server_was_away_ends_when_it_is_back(world: World) -> None:
    await running(world)
    await world.stop()
    await pass_time(600)
    await world.start()
    again = await world.connect(held=(held(phase="finished", log_size=10),))
    await finish(again)
    assert (await world.run()).status is RunStatus.SUCCEEDED


@story
async def test_a_run_that_never_arrived_is_given_back_and_assigned_again(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    worker.is_silent = True
    await world.trigger()
    again = await world.connect()
    assert [(assign.run, assign.epoch) for assign in again.heard(m.Assign)] == [(RUN, 2)]


@story
async def test_a_run_that_had_started_and_is_gone_ends_as_exception(world: World) -> None:
    worker = await running(world)
    await worker.close()
    await world.connect()
    run = await world.run()
    assert (run.status, run.cause.code, run.log_complete, run.log_size) == (
        RunStatus.EXCEPTION,
        "worker_lost",
        False,
        5,
    )


@story
async def test_a_run_that_was_assigned_before_a_reboot_is_not_started_again(world: World) -> None:
    await world.furnish()
    worker = await world.connect(boot="boot-1")
    await world.trigger()
    await worker.close()
    await world.connect(boot="boot-2")
    run = await world.run()
    assert (run.status, run.cause.code) == (RunStatus.EXCEPTION, "host_rebooted")


@story
async def test_the_same_installation_takes_over_at_once(world: World) -> None:
    old = await running(world)
    new = await world.connect(held=(held(log_size=10),))
    assert old.transport.closed == (m.CloseCode.SUPERSEDED, "a newer connection of the same worker took over")
    assert new.heard(m.Welcome)
    assert (await world.worker()).is_active
    await finish(new)
    assert (await world.run()).status is RunStatus.SUCCEEDED


@story
async def test_what_an_older_session_still_says_changes_nothing(world: World) -> None:
    old = await running(world)
    await world.write(lambda connection: bump_session(connection, world))
    await old.say(finished(log=b"01234"))
    assert (await world.run()).status is RunStatus.RUNNING
    assert old.transport.closed is not None


def bump_session(connection: Connection, world: World) -> None:
    """What the hello of a newer connection on another server does."""
    workers.connect(connection, stored.a_hello(), "machines", world.clock.now())


@story
async def test_a_session_that_a_newer_one_replaced_elsewhere_is_closed_by_a_wish(world: World) -> None:
    await world.furnish()
    old = await world.connect()
    await world.write(lambda connection: bump_session(connection, world), hints.wish("w1"))
    assert old.transport.closed is not None
    assert old.transport.closed[0] == m.CloseCode.SUPERSEDED
    assert (await world.worker()).is_active


@story
async def test_a_session_that_the_rows_call_ended_is_closed_so_that_a_new_one_sets_them_right(world: World) -> None:
    await world.furnish()
    old = await world.connect()
    row = await world.worker()
    await world.write(
        lambda connection: workers.disconnect(connection, "w1", row.session, world.clock.now()), hints.wish("w1")
    )
    assert old.transport.closed is not None
    assert old.transport.closed[0] == m.CloseCode.TRY_LATER
    await world.connect()
    assert (await world.worker()).is_active


@story
async def test_another_installation_is_refused_while_the_name_is_connected(world: World) -> None:
    await world.furnish()
    first = await world.connect()
    second = await world.connect(installation="another disk")
    (reject,) = second.heard(m.Reject)
    assert reject.code == "name_taken"
    assert reject.retry_s is not None
    assert "w1" in reject.reason
    assert first.closed is None
    await world.connect(installation="another disk")
    rejected = [event for event in await world.events() if event.type == "worker.rejected"]
    assert [(event.worker, event.data["reason"]) for event in rejected] == [("w1", reject.reason)]


@story
async def test_another_installation_is_refused_while_the_name_holds_runs(world: World) -> None:
    worker = await running(world)
    await worker.close()
    other = await world.connect(installation="another disk")
    assert other.heard(m.Reject)
    assert (await world.run()).status is RunStatus.RUNNING


@story
async def test_another_installation_may_have_the_name_once_it_is_free(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await worker.close()
    other = await world.connect(installation="another disk")
    assert other.heard(m.Welcome)


@story
async def test_a_name_belongs_to_the_user_who_brought_it(world: World) -> None:
    await world.furnish()
    await world.write(lambda connection: users.save(connection, stored.a_user("eve", roles=("Worker",)), stored.T0))
    worker = await world.connect()
    await worker.close()
    thief = await world.connect(principal=Principal(user="eve", roles=("Worker",)))
    (reject,) = thief.heard(m.Reject)
    assert "another user" in reject.reason


@story
async def test_a_user_without_the_role_is_no_worker(world: World) -> None:
    await world.furnish()
    nobody = await world.connect(principal=Principal(user="machines", roles=("Operator",)))
    (reject,) = nobody.heard(m.Reject)
    assert (reject.code, reject.retry_s) == ("not_allowed", None)


@story
async def test_a_run_that_the_database_does_not_know_is_left_alone(world: World) -> None:
    await world.furnish()
    worker = await world.connect(held=(held(run_id(9), log_size=5),))
    (welcome,) = worker.heard(m.Welcome)
    assert [one.action for one in welcome.verdicts] == [Action.QUARANTINE]


@story
async def test_a_lost_run_gets_the_rest_of_its_log_when_the_worker_returns(world: World) -> None:
    worker = await running(world)
    await worker.close()
    await pass_time(3600 + 120)
    run = await world.run()
    assert (run.status, run.cause.code, run.log_complete, run.log_size) == (
        RunStatus.EXCEPTION,
        "worker_lost",
        False,
        5,
    )
    again = await world.connect(held=(held(log_size=10),))
    (welcome,) = again.heard(m.Welcome)
    assert [(one.action, one.log_offset) for one in welcome.verdicts] == [(Action.DELIVER, 5)]
    await again.write(b"0123456789")
    await again.say(finished(log=b"0123456789"))
    run = await world.run()
    assert (run.status, run.cause.code, run.log_complete, run.log_size) == (
        RunStatus.EXCEPTION,
        "worker_lost",
        True,
        10,
    )
    assert await world.log() == b"0123456789"
    assert again.heard(m.Forget)


@story
async def test_a_database_that_does_not_answer_is_a_reason_to_come_back(world: World) -> None:
    await world.furnish()

    def fail(moment: Moment) -> None:
        raise Unavailable("the disk is full")

    world.fails = fail
    worker = await world.connect()
    (reject,) = worker.heard(m.Reject)
    assert (reject.code, reject.retry_s) == ("unavailable", 5.0)
    assert "the disk is full" in reject.reason
    world.fails = lambda moment: None
    again = await world.connect()
    assert again.heard(m.Welcome)


@story
async def test_a_report_that_cannot_be_stored_ends_the_session_and_comes_again(world: World) -> None:
    worker = await running(world)

    def fail(moment: Moment) -> None:
        if moment is Moment.BEFORE_COMMIT:
            raise Unavailable("the disk is full")

    world.fails = fail
    await worker.say(finished(log=b"01234"))
    assert worker.transport.closed is not None
    assert worker.transport.closed[0] == m.CloseCode.TRY_LATER
    assert not worker.heard(m.Forget)
    world.fails = lambda moment: None
    await pass_time(5)
    assert not (await world.worker()).is_active
    again = await world.connect(held=(held(phase="finished", log_size=10),))
    await finish(again)
    assert (await world.run()).status is RunStatus.SUCCEEDED


@story
async def test_a_commit_whose_outcome_is_unknown_is_settled_by_the_next_hello(world: World) -> None:
    worker = await running(world)

    def fail(moment: Moment) -> None:
        if moment is Moment.AFTER_COMMIT:
            raise Unavailable("the connection was lost")

    world.fails = fail
    await worker.say(finished(log=b"01234"))
    world.fails = lambda moment: None
    assert (await world.run()).status is RunStatus.SUCCEEDED
    assert not worker.heard(m.Forget)
    again = await world.connect(held=(held(phase="finished", log_size=5),))
    (welcome,) = again.heard(m.Welcome)
    assert [one.action for one in welcome.verdicts] == [Action.FORGET]


@story
async def test_a_thousand_held_runs_are_settled_in_one_hello(world: World) -> None:
    await world.furnish()

    def fill(connection: Connection) -> None:
        for number in range(1, 1001):
            runs.insert(connection, stored.a_new_run(identifier=run_id(number)), world.clock.now())

    await world.write(fill)
    worker = await world.connect(concurrency=1000)
    await world.write(lambda connection: None, hints.PENDING)
    for _ in range(10):
        await world.write(lambda connection: None, hints.PENDING)
    assigned = worker.heard(m.Assign)
    assert len(assigned) == 1000
    again = await world.connect(held=tuple(held(one.run, one.epoch, "accepted") for one in assigned), concurrency=1000)
    (welcome,) = again.heard(m.Welcome)
    assert {one.action for one in welcome.verdicts} == {Action.RESUME}
    assert MACHINES.user == (await world.worker()).owner


@story
async def test_a_database_that_is_away_while_the_server_starts_delays_the_start_and_ends_nothing(world: World) -> None:
    await world.furnish()
    await world.connect()
    await world.stop()
    times = 3

    def fail(moment: Moment) -> None:
        nonlocal times
        if moment is Moment.BEFORE_COMMIT and times:
            times -= 1
            raise Unavailable("the disk is full")

    world.fails = fail
    await world.start()
    assert times == 0
    assert not (await world.worker()).is_active


@story
async def test_c23_many_workers_that_come_back_at_once_are_all_served(world: World) -> None:
    await world.furnish()
    before = [await world.connect(f"w{number}", concurrency=1) for number in range(150)]
    for number in range(1, 151):
        await world.trigger(number)
    assigned = {worker: one for worker in before for one in worker.heard(m.Assign)}
    assert len(assigned) == 150
    await world.stop()
    await world.start()
    again = [
        world.new_worker(worker=f"w{number}", concurrency=1, held=(held(assigned[worker].run, assigned[worker].epoch),))
        for number, worker in enumerate(before)
    ]
    began = world.clock.monotonic()
    for worker in again:
        worker.connect_now()
    await settle()
    assert all(worker.heard(m.Welcome) for worker in again)
    assert world.clock.monotonic() - began < 1, "nobody waits for a turn"
    for worker in again:
        (welcome,) = worker.heard(m.Welcome)
        assert [one.action for one in welcome.verdicts] == [Action.RESUME]
