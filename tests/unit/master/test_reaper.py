"""What happens because time has passed, and what must not."""

from datetime import timedelta

from orchestra.domain.run import RunStatus
from orchestra.storage import runs, workers
from orchestra.wire import messages as m
from support.conversation import finished, held, started
from support.master_world import RUN, World, long_story, pass_time

HOUR = 3600.0


async def running_and_away(world: World, policy: dict[str, object]) -> None:
    await world.furnish(policy=policy)
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await worker.close()


@long_story
async def test_a_worker_that_stays_away_too_long_loses_its_runs(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": {"fail_after": HOUR}})
    await pass_time(HOUR - 10)
    assert (await world.run()).status is RunStatus.RUNNING
    await pass_time(15)
    run = await world.run()
    assert (run.status, run.cause.code, run.log_complete) == (RunStatus.EXCEPTION, "worker_lost", False)
    assert run.log_error


@long_story
async def test_a_worker_that_comes_back_in_time_keeps_its_runs(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": {"fail_after": HOUR}})
    await pass_time(HOUR - 10)
    worker = await world.connect(held=(held(),))
    await pass_time(2 * HOUR)
    assert (await world.run()).status is RunStatus.RUNNING
    await worker.say(started(), finished())
    assert (await world.run()).status is RunStatus.SUCCEEDED


@long_story
async def test_a_policy_to_wait_waits_for_ever(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": "wait"})
    await pass_time(100 * HOUR)
    assert (await world.run()).status is RunStatus.RUNNING


@long_story
async def test_the_servers_own_absence_is_not_the_workers(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": {"fail_after": HOUR}})
    await world.stop()
    await pass_time(5 * HOUR)
    await world.start()
    await pass_time(HOUR - 60)
    assert (await world.run()).status is RunStatus.RUNNING
    await pass_time(120)
    assert (await world.run()).status is RunStatus.EXCEPTION


@long_story
async def test_a_wall_clock_that_jumps_loses_nobody(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": {"fail_after": HOUR}})
    world.clock.start += timedelta(days=2)
    await pass_time(HOUR / 2)
    assert (await world.run()).status is RunStatus.RUNNING


@long_story
async def test_a_wall_clock_that_is_set_back_delays_no_loss(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": {"fail_after": HOUR}})
    world.clock.start -= timedelta(days=2)
    await pass_time(HOUR - 10)
    assert (await world.run()).status is RunStatus.RUNNING
    await pass_time(15)
    assert (await world.run()).status is RunStatus.EXCEPTION


@long_story
async def test_a_run_that_waits_too_long_expires_close_to_its_time(world: World) -> None:
    await world.furnish()
    await world.trigger(expiration_date=world.clock.now() + timedelta(seconds=30))
    await pass_time(29)
    assert (await world.run()).status is RunStatus.PENDING
    await pass_time(3)
    run = await world.run()
    assert (run.status, run.cause.code) == (RunStatus.CANCELLED, "expired")
    worker = await world.connect()
    assert worker.heard(m.Assign) == []


@long_story
async def test_a_run_that_was_assigned_does_not_expire(world: World) -> None:
    await world.furnish()
    await world.connect()
    await world.trigger(expiration_date=world.clock.now() + timedelta(seconds=30))
    await pass_time(120)
    assert (await world.run()).status is RunStatus.ASSIGNED


@long_story
async def test_idempotency_keys_are_forgotten_after_their_time(world: World) -> None:
    await world.furnish()
    await world.trigger()
    key = runs.IdempotencyKey(principal="ada", project="web", job="build", key="k")
    now = world.clock.now()
    await world.write(lambda connection: runs.remember_idempotent(connection, key, {}, RUN, now))
    await pass_time(6 * 86_400)
    assert await world.read(lambda connection: runs.find_idempotent(connection, key, {})) is not None
    await pass_time(2 * 86_400)
    assert await world.read(lambda connection: runs.find_idempotent(connection, key, {})) is None


@long_story
async def test_an_exclusive_run_is_lost_only_when_it_is_dead_for_sure(world: World) -> None:
    await running_and_away(world, {"on_worker_lost": {"fail_after": 1.0}, "exclusive": {"lease": 30.0}})
    await pass_time(30 + 10 + 15 - 5)
    assert (await world.run()).status is RunStatus.RUNNING
    await pass_time(10)
    assert ((await world.run()).status, (await world.run()).cause.code) == (RunStatus.EXCEPTION, "worker_lost")


@long_story
async def test_a_question_about_leases_is_answered_only_while_the_session_counts(world: World) -> None:
    await world.furnish(policy={"exclusive": True})
    worker = await world.connect()
    await world.trigger()
    assert [one.lease_s for one in worker.heard(m.Assign)] == [60.0]
    worker.session.ask(123.5)
    await worker.say()
    assert [one.at for one in worker.heard(m.Heartbeat) if one.at is not None] == [123.5]
    await world.write(lambda rows: workers.deactivate_all(rows, world.clock.now()))
    worker.session.ask(124.5)
    await worker.say()
    assert [one.at for one in worker.heard(m.Heartbeat) if one.at is not None] == [123.5]
