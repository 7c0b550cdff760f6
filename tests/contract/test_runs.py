"""Runs: creation, and the one way in which their status changes."""

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import InvalidContent, NotFound
from orchestra.domain.run import (
    Assigned,
    Cause,
    CauseCode,
    Expired,
    Finished,
    GivenBack,
    Lost,
    NeverStarted,
    Refusal,
    Run,
    RunStatus,
    Started,
    Step,
)
from orchestra.storage import events, jobs, runs, workers
from orchestra.storage.event_type import EventType
from orchestra.storage.runs import IdempotencyKey
from support.stored import (
    T0,
    a_hello,
    a_job,
    a_new_run,
    assign,
    assignment,
    at,
    finished,
    furnish,
    insert,
    known_worker,
    run_id,
)


@pytest.fixture(autouse=True)
def furnished(connection: Connection) -> None:
    furnish(connection)


def recorded(outcome: Run | Refusal) -> Run:
    assert isinstance(outcome, Run), outcome
    return outcome


def history(connection: Connection, run: Run) -> list[tuple[int | None, str]]:
    return [(one.run_sequence, one.type.value) for one in events.of_run(connection, run.identifier)]


def test_a_new_run_is_pending_and_has_the_next_number_of_its_job(connection: Connection) -> None:
    jobs.save(connection, a_job("deploy"), T0)
    first, second = insert(connection, 1), insert(connection, 2)
    other = insert(connection, 3, job="deploy")
    assert (first.number, second.number, other.number) == (1, 2, 1)
    assert first.status is RunStatus.PENDING
    assert first.cause.code is CauseCode.WAITING_FOR_WORKER


def test_a_run_is_read_exactly_as_it_was_inserted(connection: Connection) -> None:
    parameters = {"branch": 'it\'s "main"\n$(x)', "count": 3, "ratio": 0.5, "deep": {"z": [1, None, True], "a": "ä"}}
    inserted = insert(connection, 1, parameters=parameters, priority=-100, expiration_date=at(60))
    assert runs.get(connection, run_id(1)) == inserted
    assert runs.get_by_number(connection, "web", "build", 1) == inserted
    assert list(inserted.parameters["deep"]) == ["z", "a"], "the order of keys is kept"


def test_what_does_not_exist_is_none(connection: Connection) -> None:
    assert runs.get(connection, run_id(9)) is None
    assert runs.get_by_number(connection, "web", "build", 9) is None
    assert runs.get_many(connection, [run_id(8), run_id(9)]) == {}


def test_a_run_of_an_unknown_job_is_refused(connection: Connection) -> None:
    with pytest.raises(NotFound, match="web/nothing"):
        insert(connection, 1, job="nothing")


def test_a_run_of_a_job_that_was_deleted_meanwhile_is_refused(connection: Connection) -> None:
    jobs.save(connection, a_job("gone"), T0)
    jobs.delete(connection, "web", "gone", at(1))
    nested = connection.begin_nested()
    with pytest.raises(NotFound, match="web/gone"):
        insert(connection, 1, job="gone")
    nested.rollback()


def test_a_run_keeps_the_definition_that_it_was_made_from(connection: Connection) -> None:
    run = insert(connection)
    old = runs.definition(connection, run)
    changed = jobs.save(connection, a_job(definition={"type": "commands", "commands": []}), at(5))
    assert changed.revision == 2
    assert runs.definition(connection, run) == old


def test_a_retry_names_its_run_and_is_found_by_it(connection: Connection) -> None:
    first = insert(connection, 1)
    source = {"type": "run", "run": first.identifier, "reason": "retry"}
    retry = insert(connection, 2, source=source)
    found = runs.page(connection, runs.RunFilter(source_type="run", source_name=first.identifier))
    assert found.items == (retry,)
    assert retry.source == source


def test_the_whole_life_of_a_run_is_told_by_its_events_without_gaps(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    session = known_worker(connection).session
    step = Step(name="make", command=("make", "-j"), start_date=at(2), completion_date=at(3), exit_code=0, log_end=7)
    recorded(runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2), worker="w1", session=session))
    fact = finished(run, steps=(step,), results={"tests": [1, "two"]}, log_size=7)
    ended = recorded(runs.record(connection, run.identifier, fact, at(4), worker="w1", session=session))
    assert ended.status is RunStatus.SUCCEEDED
    assert runs.get(connection, run.identifier) == ended
    assert history(connection, run) == [
        (1, "run.created"),
        (2, "run.assigned"),
        (3, "run.started"),
        (4, "run.succeeded"),
    ]
    last = events.of_run(connection, run.identifier)[-1]
    assert (last.worker, last.project, last.job, last.date) == ("w1", "web", "build", at(4))
    cause = {"code": "succeeded", "message": "succeeded"}
    assert last.data == {"from": "running", "to": "succeeded", "epoch": 1, "cause": cause}


def test_a_fact_of_an_older_epoch_is_fenced(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    recorded(runs.record(connection, run.identifier, GivenBack(epoch=1, reason="no slot"), at(2)))
    again = assign(connection, recorded_now(connection, run), seconds=3)
    assert again.epoch == 2
    assert runs.record(connection, run.identifier, Started(epoch=1, date=at(4)), at(4)) is Refusal.FENCED
    assert runs.get(connection, run.identifier) == again


def recorded_now(connection: Connection, run: Run) -> Run:
    found = runs.get(connection, run.identifier)
    assert found is not None
    return found


def test_a_fact_of_another_worker_is_fenced(connection: Connection) -> None:
    workers.connect(connection, a_hello("w2"), "ada", T0)
    run = assign(connection, insert(connection))
    fact = Started(epoch=1, date=at(2))
    assert runs.record(connection, run.identifier, fact, at(2), worker="w2", session=1) is Refusal.FENCED
    assert recorded_now(connection, run) == run


def test_a_fact_of_a_superseded_session_is_fenced(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    workers.connect(connection, a_hello(), "ada", at(2))
    fact = Started(epoch=1, date=at(3))
    assert runs.record(connection, run.identifier, fact, at(3), worker="w1", session=1) is Refusal.FENCED
    assert recorded(runs.record(connection, run.identifier, fact, at(3), worker="w1", session=2)).epoch == 1


def test_a_fact_of_an_unknown_run_is_fenced_and_harms_no_other(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    facts = [(run_id(99), Started(epoch=1, date=at(2))), (run.identifier, Started(epoch=1, date=at(2)))]
    outcomes = runs.record_many(connection, facts, at(2), worker="w1", session=1)
    assert outcomes[0] is Refusal.FENCED
    assert recorded(outcomes[1]).status is RunStatus.RUNNING


def test_a_terminal_status_is_final(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    lost = Lost(epoch=1, cause=Cause(CauseCode.WORKER_LOST, "gone"), log_error="gone too")
    ended = recorded(runs.record(connection, run.identifier, lost, at(2)))
    for fact in (Started(epoch=1, date=at(3)), finished(run), lost, GivenBack(epoch=1, reason="?")):
        assert runs.record(connection, run.identifier, fact, at(3)) is Refusal.ILLEGAL
    assert recorded_now(connection, run) == ended


def test_one_batch_may_hold_the_whole_execution_of_several_runs(connection: Connection) -> None:
    first, second = (assign(connection, insert(connection, number)) for number in (1, 2))
    facts: list[tuple[str, Started | Finished]] = []
    for run in (first, second):
        facts += [(run.identifier, Started(epoch=1, date=at(2))), (run.identifier, finished(run))]
    outcomes = [recorded(one) for one in runs.record_many(connection, facts, at(4), worker="w1", session=1)]
    assert [one.status.value for one in outcomes] == ["running", "succeeded"] * 2
    for run, ended in ((first, outcomes[1]), (second, outcomes[3])):
        assert recorded_now(connection, run) == ended
        assert [number for number, _ in history(connection, run)] == [1, 2, 3, 4]


def test_a_run_that_never_started_ends_cancelled(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    fact = NeverStarted(epoch=1, cause=Cause(CauseCode.CANCELLED_BY, "by ada"))
    ended = recorded(runs.record(connection, run.identifier, fact, at(2), actor="ada"))
    assert ended.status is RunStatus.CANCELLED
    assert events.of_run(connection, run.identifier)[-1].actor == "ada"


def test_pending_runs_expire_when_their_time_is_over(connection: Connection) -> None:
    insert(connection, 1)
    soon, later = (insert(connection, n, expiration_date=at(10 * n)) for n in (2, 3))
    assert runs.next_expiration(connection) == at(20)
    assert runs.due_to_expire(connection, at(19)) == []
    assert runs.due_to_expire(connection, at(20)) == [soon.identifier]
    expired = Expired(cause=Cause(CauseCode.EXPIRED, "waited 20 s"))
    recorded(runs.record(connection, soon.identifier, expired, at(20)))
    assert runs.due_to_expire(connection, at(99)) == [later.identifier]
    assert recorded_now(connection, soon).status is RunStatus.CANCELLED


def test_live_steps_are_shown_while_the_run_is_running_under_that_epoch(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    steps = (Step(name="one", command="true", start_date=at(2)),)
    assert not runs.set_steps(connection, run.identifier, 1, steps, at(2))
    recorded(runs.record(connection, run.identifier, Started(epoch=1, date=at(2)), at(2)))
    assert not runs.set_steps(connection, run.identifier, 2, steps, at(2))
    assert runs.set_steps(connection, run.identifier, 1, steps, at(3))
    assert recorded_now(connection, run).steps == steps


def test_the_size_of_a_log_never_shrinks(connection: Connection) -> None:
    run = insert(connection)
    runs.set_log_size(connection, {run.identifier: 70_000}, at(5))
    runs.set_log_size(connection, {run.identifier: 10}, at(6))
    assert recorded_now(connection, run).log_size == 70_000


def test_the_rest_of_a_log_may_come_after_the_end(connection: Connection) -> None:
    run = assign(connection, insert(connection))
    assert not runs.complete_log(connection, run.identifier, 1, 9, at(2)), "the run has not ended"
    lost = Lost(epoch=1, cause=Cause(CauseCode.WORKER_LOST, "gone"), log_error="the rest may come")
    recorded(runs.record(connection, run.identifier, lost, at(2)))
    assert not runs.complete_log(connection, run.identifier, 2, 9, at(3)), "another epoch"
    assert runs.complete_log(connection, run.identifier, 1, 9, at(3))
    after = recorded_now(connection, run)
    assert (after.log_complete, after.log_size, after.log_error) == (True, 9, None)
    assert history(connection, run)[-1] == (4, EventType.RUN_LOG_COMPLETED)
    assert not runs.complete_log(connection, run.identifier, 1, 9, at(4)), "it is complete already"


def test_the_cause_of_waiting_changes_for_pending_runs_only(connection: Connection) -> None:
    waiting, taken = insert(connection, 1), assign(connection, insert(connection, 2))
    cause = Cause(CauseCode.JOB_DISABLED, "the job build is disabled")
    runs.set_pending_cause(connection, [(waiting.identifier, cause), (taken.identifier, cause)], at(5))
    assert recorded_now(connection, waiting).cause == cause
    assert recorded_now(connection, taken) == taken


def test_a_fact_of_assignment_goes_the_same_way_as_a_claim(connection: Connection) -> None:
    run = insert(connection)
    fact = Assigned(worker="w1", worker_properties={})
    assert recorded(runs.record(connection, run.identifier, fact, at(1))).epoch == 1
    assert history(connection, run)[-1] == (2, "run.assigned")


KEY = IdempotencyKey(principal="ada", project="web", job="build", key="k-1")


def test_the_same_key_and_body_find_the_same_run(connection: Connection) -> None:
    assert runs.find_idempotent(connection, KEY, {"parameters": {}}) is None
    run = insert(connection)
    runs.remember_idempotent(connection, KEY, {"a": 1, "b": [2]}, run.identifier, T0)
    assert runs.find_idempotent(connection, KEY, {"b": [2], "a": 1}) == run


def test_the_same_key_with_another_body_is_refused(connection: Connection) -> None:
    runs.remember_idempotent(connection, KEY, {"a": 1}, insert(connection).identifier, T0)
    with pytest.raises(InvalidContent) as refused:
        runs.find_idempotent(connection, KEY, {"a": 2})
    assert refused.value.problems[0].path == "Idempotency-Key"


def test_keys_of_different_principals_and_jobs_are_different(connection: Connection) -> None:
    runs.remember_idempotent(connection, KEY, {}, insert(connection).identifier, T0)
    for other in ({"principal": "bob"}, {"project": "api"}, {"job": "deploy"}, {"key": "k-2"}):
        values = {"principal": "ada", "project": "web", "job": "build", "key": "k-1"} | other
        assert runs.find_idempotent(connection, IdempotencyKey(**values), {}) is None


def test_keys_are_forgotten_after_seven_days(connection: Connection) -> None:
    runs.remember_idempotent(connection, KEY, {}, insert(connection).identifier, T0)
    assert runs.purge_idempotent(connection, at(7 * 86_400)) == 0
    assert runs.purge_idempotent(connection, at(7 * 86_400 + 1)) == 1
    assert runs.find_idempotent(connection, KEY, {"other": "body"}) is None


def test_a_new_run_makes_one_event_that_names_who_asked(connection: Connection) -> None:
    run = runs.insert(connection, a_new_run(), T0, actor="ada")
    (created,) = events.of_run(connection, run.identifier)
    assert (created.actor, created.type, created.run_sequence) == ("ada", EventType.RUN_CREATED, 1)
    assert created.data["from"] is None
    assert created.data["to"] == "pending"


def test_a_claim_takes_a_pending_run_and_grows_its_epoch(connection: Connection) -> None:
    run = insert(connection)
    (won,) = runs.claim(connection, [assignment(run)], at(1))
    assert (won.status, won.worker, won.epoch, won.worker_properties) == (
        RunStatus.ASSIGNED,
        "w1",
        1,
        {"os": "linux"},
    )
    assert recorded_now(connection, run) == won
    assert runs.claim(connection, [assignment(run)], at(2)) == [], "a second server comes too late"
