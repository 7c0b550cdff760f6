"""Cancel, abort, disconnect, disable: a wish reaches the worker once, also when it crosses something."""

from dataclasses import replace

from sqlalchemy import Connection

from orchestra.domain.run import Cause, CauseCode, RunStatus
from orchestra.domain.stop import Stop
from orchestra.storage import hints, runs, workers
from orchestra.wire import messages as m
from support.conversation import DATE, finished, held, started
from support.master_world import RUN, World, pass_time, story


async def cancel(world: World) -> None:
    now = world.clock.now()
    await world.write(lambda connection: runs.request_cancel(connection, RUN, "ada", now), hints.wish("w1"))


async def abort(world: World) -> None:
    now = world.clock.now()
    await world.write(lambda connection: runs.request_abort(connection, RUN, "ada", now), hints.wish("w1"))


@story
async def test_a_cancel_before_the_start_ends_the_run_cancelled(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await cancel(world)
    assert worker.heard(m.Cancel) == [m.Cancel(run=RUN, epoch=1, by="ada")]
    cause = Cause(CauseCode.CANCELLED_BY, "cancelled by ada; no command had started")
    await worker.say(finished(status=RunStatus.CANCELLED, cause=cause, never_started=True))
    run = await world.run()
    assert (run.status, run.cause, run.log_complete) == (RunStatus.CANCELLED, cause, True)
    assert worker.heard(m.Forget)


@story
async def test_a_cancel_that_crosses_the_start_changes_nothing(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await cancel(world)
    await worker.carry_out()
    assert (await world.run()).status is RunStatus.SUCCEEDED


@story
async def test_an_abort_reaches_the_worker_once_in_a_session(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await abort(world)
    await world.write(lambda connection: None, hints.wish("w1"))
    await pass_time(130)
    assert worker.heard(m.Abort) == [m.Abort(run=RUN, epoch=1, by="ada")]
    await worker.say(finished(status=RunStatus.ABORTED, cause=Cause(CauseCode.ABORTED_BY, "aborted by ada")))
    assert (await world.run()).status is RunStatus.ABORTED


@story
async def test_the_receipt_of_an_abort_is_stored_as_the_worker_tells_it(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await abort(world)
    asked = (await world.run()).stop
    assert asked is not None
    told = Stop(requested_date=DATE, requested_by="ada", delivered_date=DATE, terminated_date=DATE)
    await worker.say(m.Stepped(run=RUN, epoch=1, steps=(), stop=told))
    assert (await world.run()).stop == replace(told, requested_date=asked.requested_date)
    cause = Cause(CauseCode.ABORTED_BY, "aborted by ada")
    end = finished(status=RunStatus.ABORTED, cause=cause, stop=replace(told, verified_date=DATE))
    await worker.say(end)
    assert (await world.run()).stop == replace(told, requested_date=asked.requested_date, verified_date=DATE)


@story
async def test_a_limit_that_stopped_a_run_is_told_although_nobody_asked(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    told = Stop(requested_date=DATE, requested_by="the limit timeout", verified_date=DATE)
    cause = Cause(CauseCode.TIMEOUT, "too long")
    await worker.say(finished(status=RunStatus.EXCEPTION, cause=cause, stop=told))
    assert (await world.run()).stop == told


@story
async def test_an_abort_of_a_disconnected_run_travels_with_the_welcome(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await worker.close()
    await abort(world)
    again = await world.connect(held=(held(),))
    (welcome,) = again.heard(m.Welcome)
    (verdict,) = welcome.verdicts
    assert (verdict.should_abort, verdict.stop_requested_by) == (True, "ada")
    await world.write(lambda connection: None, hints.wish("w1"))
    assert again.heard(m.Abort) == []


@story
async def test_a_wish_whose_hint_is_lost_is_found_by_the_audit(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    now = world.clock.now()
    await world.write(lambda connection: runs.request_abort(connection, RUN, "ada", now))
    assert worker.heard(m.Abort) == []
    await pass_time(world.settings.audit_s + 1)
    assert len(worker.heard(m.Abort)) == 1


@story
async def test_a_cancel_between_claim_and_order_follows_the_order(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    order: list[str] = []

    def claimed_and_cancelled(connection: Connection) -> None:
        """The wish commits, and is heard, while the dispatcher has not yet sent what it claimed."""
        runs.request_cancel(connection, RUN, "ada", world.clock.now())

    write = world.database.write

    async def write_then_cancel(function):  # type: ignore[no-untyped-def]
        result = await write(function)
        run = await world.read(lambda connection: runs.get(connection, RUN))
        if run is not None and run.status is RunStatus.ASSIGNED and not order:
            order.append("cancel")
            await write(claimed_and_cancelled)
            world.hints.publish(hints.wish("w1"))
            await pass_time(0.001)
        return result

    world.database.write = write_then_cancel  # type: ignore[method-assign]
    await world.trigger()
    await pass_time(0.01)
    heard = [type(event) for event in worker.events if isinstance(event, m.Assign | m.Cancel)]
    assert heard == [m.Assign, m.Cancel]


@story
async def test_a_wish_to_disconnect_closes_the_connection_once(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    now = world.clock.now()
    await world.write(lambda connection: workers.patch(connection, "w1", now, should_disconnect=True), hints.wish("w1"))
    assert worker.transport.closed is not None
    assert worker.transport.closed[0] == m.CloseCode.DISCONNECTED
    row = await world.worker()
    assert (row.is_active, row.should_disconnect) == (False, False)
    assert (await world.run()).status is RunStatus.RUNNING
    again = await world.connect(held=(held(),))
    await world.write(lambda connection: None, hints.wish("w1"))
    assert again.closed is None


@story
async def test_a_worker_that_is_disabled_gets_no_new_runs_and_finishes_what_it_has(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger(1)
    now = world.clock.now()
    await world.write(lambda connection: workers.patch(connection, "w1", now, is_enabled=False), hints.wish("w1"))
    await world.trigger(2)
    assert [assign.run for assign in worker.heard(m.Assign)] == [RUN]
    await worker.carry_out()
    assert (await world.run()).status is RunStatus.SUCCEEDED
    await world.write(lambda connection: workers.patch(connection, "w1", now, is_enabled=True), hints.PENDING)
    assert len(worker.heard(m.Assign)) == 2
