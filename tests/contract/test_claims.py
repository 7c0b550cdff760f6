"""Claims and the queue: what is assigned is checked again inside the transaction that assigns it."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from orchestra.domain.run import GivenBack, Run, RunStatus, Started
from orchestra.storage import events, jobs, run_queue, runs, workers
from support.stored import T0, a_hello, a_job, assign, assignment, at, finished, furnish, insert, run_id

GROUPED = {"concurrency": {"group": "g-{parameters.x}", "limit": 2, "overflow": "queue"}}


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)


def claimed(connection: Connection, *wanted: Run, worker: str = "w1") -> list[str]:
    won = runs.claim(connection, [assignment(run, worker) for run in wanted], at(9))
    return [one.identifier for one in won]


def test_a_worker_never_gets_more_runs_than_it_has_slots(connection: Connection) -> None:
    queue = [insert(connection, number) for number in range(1, 5)]
    assert claimed(connection, *queue) == [run_id(1), run_id(2)]
    assert claimed(connection, queue[2]) == []
    runs.record(connection, run_id(1), Started(epoch=1, date=at(10)), at(10))
    assert claimed(connection, queue[2]) == [], "a running run takes a slot too"
    runs.record(connection, run_id(1), finished(replace(queue[0], epoch=1)), at(11))
    assert claimed(connection, queue[2]) == [run_id(3)]


def test_a_disabled_job_gets_no_start(connection: Connection) -> None:
    run = insert(connection)
    jobs.set_enabled(connection, "web", "build", False, at(1))
    assert claimed(connection, run) == []
    jobs.set_enabled(connection, "web", "build", True, at(2))
    assert claimed(connection, run) == [run.identifier]


def test_a_disabled_worker_gets_no_start(connection: Connection) -> None:
    run = insert(connection)
    workers.patch(connection, "w1", at(1), is_enabled=False)
    assert claimed(connection, run) == []


def test_a_worker_that_is_not_connected_gets_no_start(connection: Connection) -> None:
    run = insert(connection)
    workers.disconnect(connection, "w1", 1, at(1))
    assert claimed(connection, run) == []
    assert claimed(connection, run, worker="unknown") == []


def test_a_plan_made_for_another_epoch_is_a_lost_race(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    runs.record(connection, run.identifier, GivenBack(epoch=1, reason="no slot"), at(2))
    assert claimed(connection, insert(connection, 2), insert(connection, 3)) == [run_id(2), run_id(3)]
    stale = replace(assignment(run), epoch=0)
    assert runs.claim(connection, [stale], at(3)) == []


def test_a_cancelled_run_is_not_assigned(connection: Connection) -> None:
    run = insert(connection)
    runs.request_cancel(connection, run.identifier, "ada", at(1))
    assert claimed(connection, run) == []


def test_at_most_as_many_runs_of_a_group_are_active_as_their_own_limit_says(connection: Connection) -> None:
    workers.connect(connection, a_hello("big", concurrency=10), "ada", T0)
    jobs.save(connection, a_job("grouped", policy=GROUPED), T0)
    group = [insert(connection, n, job="grouped", concurrency_group="g-1") for n in range(1, 5)]
    other = insert(connection, 9, job="grouped", concurrency_group="g-2")
    assert claimed(connection, *group, other, worker="big") == [run_id(1), run_id(2), run_id(9)]
    assert claimed(connection, group[2], worker="big") == []
    assert runs.group_counts(connection) == {("web", "g-1"): 2, ("web", "g-2"): 1}


def test_the_token_of_an_assignment_dies_when_the_assignment_ends(connection: Connection) -> None:
    run = insert(connection)
    (won,) = runs.claim(connection, [assignment(run)], at(1), {run.identifier: "hash"})
    assert _token_hash(connection, run) == "hash"
    runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2))
    assert _token_hash(connection, run) == "hash"
    runs.record(connection, run.identifier, finished(won), at(3))
    assert _token_hash(connection, run) is None


def _token_hash(connection: Connection, run: Run) -> str | None:
    found: str | None = connection.exec_driver_sql(
        f"SELECT token_hash FROM run WHERE identifier = '{run.identifier}'"
    ).scalar()
    return found


def test_a_claim_writes_one_event_for_each_run_that_won(connection: Connection) -> None:
    queue = [insert(connection, number) for number in range(1, 4)]
    before = events.last_sequence(connection)
    claimed(connection, *queue)
    happened = events.after(connection, before)
    assert [(one.type.value, one.run, one.worker) for one in happened] == [
        ("run.assigned", run_id(1), "w1"),
        ("run.assigned", run_id(2), "w1"),
    ]
    assert happened[0].data["cause"] == {"code": "assigned", "message": "assigned to w1"}


def test_nothing_to_claim_is_nothing_done(connection: Connection) -> None:
    assert runs.claim(connection, [], at(1)) == []


def test_the_queue_comes_in_its_order(connection: Connection) -> None:
    for number, priority in ((1, 0), (2, 5), (3, 0), (4, -5), (5, 5)):
        insert(connection, number, priority=priority)
    assert [one.run for one in runs.pending(connection, 100)] == [run_id(n) for n in (2, 5, 1, 3, 4)]


def test_a_pending_run_comes_with_all_that_placement_needs(connection: Connection) -> None:
    jobs.save(connection, a_job("grouped", policy=GROUPED, properties={"os": "linux"}, is_enabled=False), T0)
    run = insert(connection, 7, job="grouped", concurrency_group="g-1", priority=3)
    (found,) = runs.pending(connection, 100)
    assert (found.run, found.epoch, found.project, found.job, found.job_revision) == (run_id(7), 0, "web", "grouped", 1)
    assert (found.priority, found.creation_date, found.is_job_enabled) == (3, at(7), False)
    assert (found.properties, found.group, found.group_limit) == ({"os": "linux"}, "g-1", 2)
    assert found.cause == run.cause


def test_properties_are_those_of_the_revision_that_the_run_was_made_from(connection: Connection) -> None:
    insert(connection, 1)
    jobs.save(connection, a_job(properties={"os": "linux"}), at(2))
    insert(connection, 3, job_revision=2)
    assert [one.properties for one in runs.pending(connection, 100)] == [{}, {"os": "linux"}]


def test_a_long_queue_of_one_job_hides_no_other_job(connection: Connection) -> None:
    jobs.save(connection, a_job("rare"), T0)
    for number in range(1, 30):
        insert(connection, number, priority=50)
    last = insert(connection, 99, job="rare", priority=-50)
    found = [one.run for one in runs.pending(connection, 4)]
    assert found == [run_id(1), run_id(2), run_id(3), run_id(4), last.identifier]


def test_a_full_group_hides_no_other_group_of_its_job(connection: Connection) -> None:
    for number in range(1, 20):
        insert(connection, number, concurrency_group="full")
    insert(connection, 50, concurrency_group="free")
    insert(connection, 60)
    assert [one.run for one in runs.pending(connection, 2)] == [run_id(n) for n in (1, 2, 50, 60)]


@pytest.mark.parametrize("groups", [5, run_queue.LEAPS + 10])
def test_of_each_class_the_first_few_are_read_however_many_classes_there_are(
    connection: Connection, groups: int
) -> None:
    for number in range(groups * 3):
        insert(connection, number + 1, concurrency_group=f"g{number % groups:03}", priority=number // groups)
    found = [one.run for one in runs.pending(connection, 2)]
    wanted = [*range(groups * 2, groups * 3), *range(groups, groups * 2)]
    assert found == [run_id(number + 1) for number in wanted]


def test_a_snapshot_counts_taken_slots_and_groups(connection: Connection) -> None:
    workers.connect(connection, a_hello("idle"), "ada", T0)
    assign(connection, insert(connection, 1, concurrency_group="g"))
    insert(connection, 2)
    snapshot = runs.snapshot(connection, 10)
    assert [one.run for one in snapshot.pending] == [run_id(2)]
    assert {one.worker.identifier: one.used for one in snapshot.workers} == {"w1": 1, "idle": 0}
    assert snapshot.groups == {("web", "g"): 1}


def test_the_runs_of_a_worker_are_those_assigned_and_running(connection: Connection) -> None:
    first, second = (assign(connection, insert(connection, number)) for number in (1, 2))
    insert(connection, 3)
    runs.record(connection, second.identifier, Started(epoch=1, date=at(2)), at(2))
    active = runs.active_by_worker(connection, "w1")
    assert [(one.identifier, one.status) for one in active] == [
        (run_id(1), RunStatus.ASSIGNED),
        (run_id(2), RunStatus.RUNNING),
    ]
    runs.record(connection, first.identifier, GivenBack(epoch=1, reason="full"), at(3))
    assert [one.identifier for one in runs.active_by_worker(connection, "w1")] == [run_id(2)]
    assert runs.active_by_worker(connection, "other") == []
