"""One worker and the master, from hello to forgetting; rows and events tell what happened."""

import asyncio

from orchestra.domain.run import RunStatus, Step
from orchestra.domain.template_check import FIELDS
from orchestra.storage import authentications
from orchestra.wire import messages as m
from support.conversation import finished, run_id, started
from support.master_world import MACHINES, RUN, MemoryTransport, World, pass_time, settle, sha256, story


@story
async def test_a_worker_that_says_hello_is_welcomed_and_becomes_active(world: World) -> None:
    await world.furnish()
    worker = await world.connect(concurrency=3, properties={"os": "linux"})
    (welcome,) = worker.heard(m.Welcome)
    row = await world.worker()
    assert (welcome.session, row.session, row.is_active, row.concurrency) == (1, 1, True, 3)
    assert [event.type for event in await world.events()][-1] == "worker.connected"


@story
async def test_a_run_travels_from_trigger_to_forgetting(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    (assign,) = worker.heard(m.Assign)
    assert (assign.run, assign.epoch, assign.number) == (RUN, 1, 1)
    await worker.say(started())
    assert (await world.run()).status is RunStatus.RUNNING
    await worker.write(b"hello\n")
    assert await world.log() == b"hello\n"
    await worker.say(finished(log=b"hello\n"))
    run = await world.run()
    assert (run.status, run.log_complete, run.log_size) == (RunStatus.SUCCEEDED, True, 6)
    assert worker.heard(m.Forget) == [m.Forget(run=RUN, epoch=1)]
    await worker.say(m.Forgot(run=RUN, epoch=1))
    assert worker.closed is None


@story
async def test_a_short_run_in_one_frame_is_one_transaction(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    before = world.writes
    await worker.carry_out(log=b"done\n")
    run = await world.run()
    assert (run.status, run.log_complete) == (RunStatus.SUCCEEDED, True)
    assert await world.log() == b"done\n"
    assert world.writes == before + 2, "all that the frame says, and the dispatcher's look at the freed slot"


@story
async def test_a_large_log_is_stored_to_the_byte_before_the_run_ends(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    log = bytes(range(256)) * 40_000
    await worker.carry_out(log=log)
    run = await world.run()
    assert (run.status, run.log_complete, run.log_size) == (RunStatus.SUCCEEDED, True, len(log))
    assert await world.log() == log


@story
async def test_log_bytes_are_acknowledged_once_they_are_durable(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    log = bytes(world.settings.window_bytes * 3)
    await worker.write(log)
    assert await world.log() == log


@story
async def test_live_steps_and_the_size_of_the_log_are_seen_while_a_run_runs(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started(), m.Stepped(run=RUN, epoch=1, steps=(Step(name="one", command="true"),)))
    assert [step.name for step in (await world.run()).steps] == ["one"]
    await pass_time(2)
    await worker.write(b"x" * 1000)
    assert (await world.run()).log_size == 1000


@story
async def test_a_log_that_is_not_what_the_worker_says_is_never_called_complete(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.carry_out(log=b"abc", log_sha256=sha256(b"abd"))
    run = await world.run()
    assert (run.status, run.log_complete, run.log_size) == (RunStatus.SUCCEEDED, False, 3)
    assert "SHA-256" in (run.log_error or "")
    assert worker.heard(m.Forget)


@story
async def test_a_worker_that_lost_a_part_of_its_log_leaves_what_the_server_has(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await worker.write(b"0123456789")
    await worker.say(finished(log=b"01234", log_error="the disk was full"))
    run = await world.run()
    assert (run.log_size, run.log_complete) == (10, False)
    assert run.log_error == "the disk was full; 10 bytes of the log came, but the worker has only 5 left"


@story
async def test_results_are_stored_as_json_or_the_error_is(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    for number, results in enumerate((b'{"a": [1, 2.5]}', b"{", b"[" * 100_000, b'"\\ud800"', b"NaN"), start=1):
        await world.trigger(number)
        await worker.carry_out(run_id(number), results=results)
    first = await world.run()
    assert (first.results, first.result_error) == ({"a": [1, 2.5]}, None)
    for number in range(2, 6):
        run = await world.run(run_id(number))
        assert (run.status, run.results) == (RunStatus.SUCCEEDED, None)
        assert run.result_error


@story
async def test_a_refused_run_is_pending_again_and_gets_the_next_epoch(world: World) -> None:
    await world.furnish()
    worker = await world.connect(concurrency=1)
    await world.trigger()
    await worker.say(m.Refused(run=RUN, epoch=1, reason="draining"))
    run = await world.run()
    assert (run.status, run.cause.message) == (RunStatus.PENDING, "draining")
    await pass_time(1.1)
    assert [assign.epoch for assign in worker.heard(m.Assign)] == [1, 2]
    assert [event.type for event in await world.events() if event.run == RUN] == [
        "run.created",
        "run.assigned",
        "run.given_back",
        "run.assigned",
    ]


@story
async def test_a_worker_that_refuses_everything_is_asked_ever_less_often(world: World) -> None:
    await world.furnish()
    worker = await world.connect(concurrency=1)
    await world.trigger()
    for _ in range(300):
        for assign in worker.heard(m.Assign)[-1:]:
            worker.session.tell(m.Refused(run=RUN, epoch=assign.epoch, reason="the disk is full"))
            worker.flush()
        await pass_time(1)
    assert len(worker.heard(m.Assign)) == 10
    assert (await world.run()).cause.message == "the disk is full"
    other = await world.connect("w2")
    assert [assign.epoch for assign in other.heard(m.Assign)] == [11]


@story
async def test_the_order_holds_what_the_commands_need(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger(parameters={"who": "Ada"})
    (assign,) = worker.heard(m.Assign)
    assert assign.parameters == {"who": "Ada"}
    assert assign.definition["type"] == "commands"
    assert assign.context["services"] == {"db": {"host": "x"}}
    for root, names in FIELDS.items():
        assert set(names) <= set(assign.context[root])
    token = assign.environment.pop("ORCHESTRA_TOKEN")
    assert assign.environment == {
        "ORCHESTRA_PROJECT": "web",
        "ORCHESTRA_JOB": "build",
        "ORCHESTRA_RUN": RUN,
        "ORCHESTRA_RUN_NUMBER": "1",
    }
    principal = await world.read(lambda connection: authentications.authenticate(connection, token, world.clock.now()))
    assert principal is not None
    assert (principal.run, principal.project) == (RUN, "web")


@story
async def test_a_report_about_a_run_of_another_worker_ends_the_session_and_changes_nothing(world: World) -> None:
    await world.furnish()
    await world.connect("w1")
    await world.trigger()
    liar = await world.connect("w2")
    await liar.send(started())
    assert (await world.run()).status is RunStatus.ASSIGNED
    assert liar.closed is not None
    assert "not this session's" in liar.closed.reason
    assert (await world.worker("w2")).is_active is False


@story
async def test_a_worker_that_contradicts_itself_ends_its_run_as_exception(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.send(finished())
    run = await world.run()
    assert run.status is RunStatus.EXCEPTION
    assert "contradicts itself" in run.cause.message
    assert worker.heard(m.Forget)
    await world.trigger(2)
    await worker.say(started(run_id(2)), finished(run_id(2), never_started=True))
    assert (await world.run(run_id(2))).status is RunStatus.EXCEPTION


@story
async def test_a_garbled_frame_ends_the_session_with_a_reason_and_the_next_one_works(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    worker.transport.frames.put_nowait(b"\x91\x81\xa4type\xa6reboot")
    await settle()
    assert worker.transport.closed is not None
    assert worker.transport.closed[0] == m.CloseCode.VIOLATION
    again = await world.connect()
    assert again.heard(m.Welcome)


@story
async def test_a_silent_worker_is_away_after_the_timeout_and_its_run_stays(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    worker.is_silent = True
    await pass_time(25)
    assert worker.transport.closed is not None
    assert worker.transport.closed[0] == m.CloseCode.SILENT
    row = await world.worker()
    assert not row.is_active
    assert row.last_seen_date is not None
    assert (row.update_date - row.last_seen_date).total_seconds() == 20, "nothing is known since its last word"
    assert (await world.run()).status is RunStatus.RUNNING


@story
async def test_an_idle_worker_stays_connected(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await pass_time(600)
    assert worker.closed is None
    row = await world.worker()
    assert row.is_active
    assert row.last_seen_date is not None
    assert (world.clock.now() - row.last_seen_date).total_seconds() < 70


@story
async def test_a_worker_that_does_not_read_is_given_up(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    worker.transport.is_stuck = True
    await world.trigger()
    await pass_time(30)
    assert worker.transport.closed is not None
    assert not (await world.worker()).is_active


@story
async def test_a_connection_that_says_nothing_is_closed(world: World) -> None:
    transport = MemoryTransport()
    serving = asyncio.create_task(world.master.serve_worker(transport, MACHINES))
    await pass_time(11)
    assert transport.closed is not None
    await serving


@story
async def test_a_goodbye_of_the_worker_makes_it_inactive_at_once(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    worker.session.goodbye("the worker stops")
    worker.flush()
    await settle()
    assert not (await world.worker()).is_active


@story
async def test_at_the_stop_of_the_server_workers_hear_a_goodbye_and_runs_stay(world: World) -> None:
    await world.furnish()
    worker = await world.connect()
    await world.trigger()
    await worker.say(started())
    await world.stop()
    assert worker.heard(m.Goodbye) == [m.Goodbye(reason="the server stops; runs go on")]
    assert not (await world.worker()).is_active
    assert (await world.run()).status is RunStatus.RUNNING
