"""Pending runs × workers: who starts, in which order, and why the rest waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.matching import match
from orchestra.domain.placement import PendingRun, Snapshot, WorkerSlots, in_order, place
from orchestra.domain.run import Cause, CauseCode
from orchestra.domain.worker import Worker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def pending(run: str, *, age_s: float = 0, priority: int = 0, **fields: Any) -> PendingRun:
    return PendingRun(
        run=run,
        epoch=fields.pop("epoch", 0),
        project=fields.pop("project", "p"),
        job=fields.pop("job", "j"),
        job_revision=1,
        priority=priority,
        creation_date=NOW - timedelta(seconds=age_s),
        **fields,
    )


def slots(identifier: str, free: int = 1, used: int = 0, **fields: Any) -> WorkerSlots:
    worker = Worker(
        identifier=identifier,
        owner="admin",
        display_name=identifier,
        concurrency=free + used,
        is_active=fields.pop("is_active", True),
        creation_date=NOW,
        update_date=NOW,
        **fields,
    )
    return WorkerSlots(worker=worker, used=used)


def placed(*runs: PendingRun, workers: tuple[WorkerSlots, ...], **fields: Any) -> dict[str, str]:
    plan = place(Snapshot(pending=runs, workers=workers, **fields))
    return {one.run: one.worker for one in plan.assignments}


def cause(run: PendingRun, *workers: WorkerSlots, **fields: Any) -> Cause:
    plan = place(Snapshot(pending=(run,), workers=workers, **fields))
    assert plan.assignments == ()
    ((identifier, found),) = plan.causes
    assert identifier == run.run
    return found


def test_the_higher_priority_starts_first_and_then_the_older_run() -> None:
    runs = (pending("young"), pending("old", age_s=9), pending("urgent", priority=5))
    assert [one.run for one in in_order(runs)] == ["urgent", "old", "young"]
    assert placed(*runs, workers=(slots("w", free=2),)) == {"urgent": "w", "old": "w"}


def test_a_head_that_no_worker_matches_does_not_block_what_can_run() -> None:
    head = pending("head", age_s=9, properties={"gpu": "*"})
    assert placed(head, pending("next"), workers=(slots("w"),)) == {"next": "w"}


def test_the_worker_with_the_most_free_slots_is_taken() -> None:
    runs = tuple(pending(f"r{number}", age_s=9 - number) for number in range(4))
    assert placed(*runs, workers=(slots("a", free=1), slots("b", free=3, used=5))) == {
        "r0": "b",
        "r1": "b",
        "r2": "a",
        "r3": "b",
    }


def test_an_assignment_carries_the_epoch_and_the_workers_properties() -> None:
    plan = place(
        Snapshot(pending=(pending("r", epoch=3),), workers=(slots("w", properties={"os": "linux"}),)),
    )
    (assignment,) = plan.assignments
    assert (assignment.run, assignment.epoch, assignment.worker) == ("r", 3, "w")
    assert assignment.worker_properties == {"os": "linux"}
    assert plan.causes == plan.changed == ()


def test_runs_of_a_disabled_job_wait_with_that_cause() -> None:
    assert cause(pending("r", is_job_enabled=False), slots("w")) == Cause(
        CauseCode.JOB_DISABLED, "the job j is disabled"
    )


def test_a_concurrency_group_lets_no_more_than_its_limit_run_and_counts_what_it_starts() -> None:
    runs = tuple(pending(f"r{number}", age_s=9 - number, group="g", group_limit=2) for number in range(3))
    workers = (slots("w", free=8),)
    assert placed(*runs, workers=workers, groups={("p", "g"): 1}) == {"r0": "w"}
    found = cause(runs[0], *workers, groups={("p", "g"): 2})
    assert found == Cause(CauseCode.GROUP_FULL, "the concurrency group g allows 2 runs at once")


def test_groups_of_one_name_in_two_projects_are_two_groups() -> None:
    run = pending("r", group="g", project="q")
    assert placed(run, workers=(slots("w"),), groups={("p", "g"): 1}) == {"r": "w"}


@pytest.mark.parametrize(
    ("workers", "message"),
    [
        ((), "no worker has ever connected"),
        ((slots("a", free=0, used=1, properties={"gpu": "t4", "os": "linux"}),), "every slot of a is taken"),
        (
            tuple(slots(f"w{n}", free=0, used=1, properties={"gpu": "t4", "os": "linux"}) for n in range(5)),
            "every slot of w0, w1, w2 and 2 more is taken",
        ),
        (
            (slots("a", properties={"gpu": "t4", "os": "linux"}, is_enabled=False),),
            "a would match, but is disabled",
        ),
        (
            tuple(slots(name, properties={"gpu": "t4", "os": "linux"}, is_active=False) for name in "ab"),
            "a and b would match, but is offline",
        ),
        ((slots("a", properties={"os": "linux"}),), "no worker has gpu t4"),
        (
            (
                slots("a", properties={"os": "linux", "gpu": "v1"}),
                slots("b", properties={"os": "macos", "gpu": "t4"}),
            ),
            "no worker matches; nearest is b, which has os macos, not linux",
        ),
        (
            (slots("a", properties={"os": "linux"}), slots("b", properties={"gpu": "t4"})),
            "no worker matches; nearest is b, which lacks os, not linux",
        ),
    ],
)
def test_a_run_that_waits_for_a_worker_says_what_is_missing(workers: tuple[WorkerSlots, ...], message: str) -> None:
    run = pending("r", properties={"os": "linux", "gpu": "t4"})
    assert cause(run, *workers) == Cause(CauseCode.WAITING_FOR_WORKER, message)


def test_three_properties_that_never_meet_are_named_together() -> None:
    run = pending("r", properties={"a": 1, "b": 1, "c": 1})
    workers = (slots("x", properties={"a": 1}), slots("y", properties={"b": 1}), slots("z", properties={"c": 1}))
    assert cause(run, *workers).message == "no worker has a 1 and b 1 and c 1 together"


def test_only_a_cause_that_differs_from_the_stored_one_is_reported_as_changed() -> None:
    run = pending("r")
    snapshot = Snapshot(pending=(run,), workers=())
    plan = place(snapshot)
    assert plan.changed == plan.causes
    again = place(replace(snapshot, pending=(replace(run, cause=plan.causes[0][1]),)))
    assert again.causes == plan.causes
    assert again.changed == ()


_VALUES = st.sampled_from(["1", "2", "3"])
_PROPERTIES = st.dictionaries(st.sampled_from(["a", "b"]), _VALUES, max_size=2)
_WANTED = st.dictionaries(st.sampled_from(["a", "b"]), _VALUES | st.just(">=2"), max_size=2)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    workers = tuple(
        slots(
            f"w{number}",
            free=draw(st.integers(-1, 3)),
            used=draw(st.integers(1, 3)),
            properties=draw(_PROPERTIES),
            is_active=draw(st.booleans()),
            is_enabled=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 5)))
    )
    runs = tuple(
        pending(
            f"r{number}",
            age_s=draw(st.integers(0, 5)),
            priority=draw(st.integers(-1, 1)),
            is_job_enabled=draw(st.booleans()),
            properties=draw(_WANTED),
            group=draw(st.none() | st.sampled_from(["g", "h"])),
            group_limit=draw(st.integers(1, 2)),
        )
        for number in range(draw(st.integers(0, 15)))
    )
    groups = draw(st.dictionaries(st.tuples(st.just("p"), st.sampled_from(["g", "h"])), st.integers(0, 2), max_size=2))
    return Snapshot(pending=runs, workers=workers, groups=groups)


@given(snapshots())
def test_no_slot_is_taken_twice_and_every_start_is_allowed(snapshot: Snapshot) -> None:
    plan = place(snapshot)
    workers = {one.worker.identifier: one for one in snapshot.workers}
    runs = {one.run: one for one in snapshot.pending}
    for identifier, count in Counter(one.worker for one in plan.assignments).items():
        chosen = workers[identifier]
        assert chosen.used + count <= chosen.worker.concurrency
        assert chosen.worker.is_active
        assert chosen.worker.is_enabled
    for assignment in plan.assignments:
        run = runs[assignment.run]
        assert run.is_job_enabled
        assert not match(run.properties, workers[assignment.worker].worker.properties)
    active = Counter(dict(snapshot.groups))
    for assignment in plan.assignments:
        run = runs[assignment.run]
        if run.group is not None:
            assert active[run.project, run.group] < run.group_limit
            active[run.project, run.group] += 1


@given(snapshots())
def test_every_run_is_either_placed_or_has_a_cause(snapshot: Snapshot) -> None:
    plan = place(snapshot)
    answered = [one.run for one in plan.assignments] + [run for run, _ in plan.causes]
    assert sorted(answered) == sorted(one.run for one in snapshot.pending)
    assert all(found.message for _, found in plan.causes)


@given(snapshots())
def test_a_run_that_stays_behind_could_not_have_started_after_those_that_did(snapshot: Snapshot) -> None:
    plan = place(snapshot)
    taken = Counter(one.worker for one in plan.assignments)
    runs = {one.run: one for one in snapshot.pending}
    active = Counter(dict(snapshot.groups))
    for assignment in plan.assignments:
        run = runs[assignment.run]
        active[run.project, run.group or ""] += 1
    for identifier, _ in plan.causes:
        run = runs[identifier]
        group_full = run.group is not None and active[run.project, run.group] >= run.group_limit
        room = any(
            one.worker.is_active
            and one.worker.is_enabled
            and one.used + taken[one.worker.identifier] < one.worker.concurrency
            and not match(run.properties, one.worker.properties)
            for one in snapshot.workers
        )
        assert group_full or not run.is_job_enabled or not room


@given(snapshots())
def test_runs_of_one_kind_start_in_queue_order(snapshot: Snapshot) -> None:
    plan = place(snapshot)
    waiting = {run for run, _ in plan.causes}

    def kind(run: PendingRun) -> tuple[object, ...]:
        return repr(run.properties), run.group, run.group_limit, run.is_job_enabled

    blocked = set()
    for run in in_order(snapshot.pending):
        if run.run in waiting:
            blocked.add(kind(run))
        else:
            assert kind(run) not in blocked


@given(snapshots())
def test_the_order_in_which_rows_are_read_changes_nothing(snapshot: Snapshot) -> None:
    turned = replace(snapshot, pending=snapshot.pending[::-1], workers=snapshot.workers[::-1])
    assert place(turned) == place(snapshot)
