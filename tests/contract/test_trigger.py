"""Triggers: how a run comes into being, on both engines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from orchestra.domain.errors import Conflict, InvalidContent, NotFound
from orchestra.domain.job import Parameter, ParameterType
from orchestra.domain.run import Run, RunStatus
from orchestra.storage import jobs, projects, run_counts, runs
from orchestra.storage.trigger import Trigger, Triggers
from support.stored import a_job, a_project, at, run_id

COMMANDS = {"type": "commands", "commands": [{"name": "true", "run": "true", "timeout": None}]}
COUNT = Parameter(key="count", type=ParameterType.INTEGER, default=1)


def wanted(number: int = 1, **values: Any) -> Trigger:
    fields = {"project": "web", "job": "build", "parameters": {}, "source": {"type": "user", "user": "ada"}}
    return Trigger(identifier=run_id(number), **{**fields, **values})


def made(run: object) -> Run:
    assert isinstance(run, Run), run
    return run


def test_a_run_is_made_of_the_job_as_it_is_now(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    policy = {"priority": 4, "expiration": 60.0}
    jobs.save(connection, a_job(parameters=(COUNT,), policy=policy), at(0))
    triggers = Triggers()
    first = made(triggers.trigger(connection, wanted(parameters={"count": "7"}, actor="ada"), at(1)))
    assert (first.number, first.job_revision, first.parameters) == (1, 1, {"count": 7})
    assert (first.priority, first.expiration_date, first.status) == (4, at(61), RunStatus.PENDING)
    assert runs.get(connection, first.identifier) == first
    jobs.save(connection, a_job(definition={**COMMANDS, "workspace": "clean"}), at(2))
    second = made(triggers.trigger(connection, wanted(2, priority=-1), at(3)))
    assert (second.number, second.job_revision, second.parameters, second.priority) == (2, 2, {}, -1)


def test_what_is_remembered_of_a_revision_that_was_rolled_back_is_not_believed(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    triggers = Triggers()
    with connection.begin_nested() as undone:
        jobs.save(connection, a_job(parameters=(COUNT,)), at(0))
        assert made(triggers.trigger(connection, wanted(), at(1))).parameters == {"count": 1}
        undone.rollback()
    jobs.save(connection, a_job(), at(2))
    assert made(triggers.trigger(connection, wanted(2), at(3))).parameters == {}


def test_what_cannot_be_triggered_is_returned_as_its_error(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    jobs.save(connection, a_job(parameters=(COUNT,)), at(0))
    jobs.save(connection, a_job("all", definition={"type": "pipeline", "elements": []}), at(0))
    triggers = Triggers()
    assert isinstance(triggers.trigger(connection, wanted(job="none"), at(1)), NotFound)
    assert isinstance(triggers.trigger(connection, wanted(project="none"), at(1)), NotFound)
    assert isinstance(triggers.trigger(connection, wanted(job="all"), at(1)), Conflict)
    refused = triggers.trigger(connection, wanted(parameters={"count": "x", "more": 1}), at(1))
    assert isinstance(refused, InvalidContent)
    assert {problem.path for problem in refused.problems} == {"parameters.count", "parameters.more"}
    assert runs.page(connection).items == ()


def test_a_concurrency_group_gets_its_name_from_the_parameters(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    group = {"group": "deploy-{parameters.to}-{job.identifier}", "limit": 1, "overflow": "queue"}
    jobs.save(connection, a_job(parameters=(Parameter(key="to"),), policy={"concurrency": group}), at(0))
    triggers = Triggers()
    made(triggers.trigger(connection, wanted(parameters={"to": "live"}), at(1)))
    assert runs.pending(connection, 10)[0].group == "deploy-live-build"
    jobs.save(connection, a_job(policy={"concurrency": {**group, "group": "{parameters.none}"}}), at(2))
    refused = triggers.trigger(connection, wanted(2), at(3))
    assert isinstance(refused, InvalidContent)
    assert refused.problems[0].path == "policy.concurrency.group"


def test_a_retry_keeps_parameters_that_the_job_still_has(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    jobs.save(connection, a_job(parameters=(COUNT, Parameter(key="gone"))), at(0))
    triggers = Triggers()
    first = made(triggers.trigger(connection, wanted(parameters={"count": 3, "gone": "x"}, priority=9), at(1)))
    assert isinstance(triggers.retry(connection, first, wanted(2), at(2)), Conflict)
    runs.request_cancel(connection, first.identifier, "ada", at(2))
    ended = runs.get(connection, first.identifier)
    assert ended is not None
    jobs.save(connection, a_job(parameters=(COUNT, Parameter(key="new", default="n"))), at(3))
    again = made(triggers.retry(connection, ended, wanted(2, parameters={"new": "m"}), at(4)))
    assert (again.parameters, again.priority, again.number) == ({"count": 3, "new": "m"}, 9, 2)


def test_counts_look_at_no_more_than_they_must(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    jobs.save(connection, a_job(), at(0))
    triggers = Triggers()
    made_runs = [made(triggers.trigger(connection, wanted(n, priority=n % 2), at(n))) for n in range(1, 6)]
    assert run_counts.count_pending(connection, "web", 100) == 5
    assert run_counts.count_pending(connection, "web", 3) == 3
    assert run_counts.count_pending(connection, "none", 3) == 0
    # Priority 1 before 0, older before younger.
    assert [run_counts.position(connection, run) for run in made_runs] == [1, 4, 2, 5, 3]
    runs.request_cancel(connection, made_runs[0].identifier, "ada", at(9))
    live, ended = run_counts.by_status(connection, None, at(0))
    assert (live, ended) == ({RunStatus.PENDING: 4}, {RunStatus.CANCELLED: 1})
    assert run_counts.by_status(connection, ["none"], at(0)) == ({}, {})
    assert run_counts.by_status(connection, None, at(5))[1] == {}


def test_a_run_of_a_deleted_job_cannot_be_retried_and_says_why(connection: Connection) -> None:
    projects.save(connection, a_project(), at(0))
    jobs.save(connection, a_job(), at(0))
    triggers = Triggers()
    run = made(triggers.trigger(connection, wanted(), at(1)))
    runs.request_cancel(connection, run.identifier, "ada", at(2))
    jobs.delete(connection, "web", "build", at(3))
    ended = runs.get(connection, run.identifier)
    assert ended is not None
    refused = triggers.retry(connection, ended, wanted(2), at(4))
    assert isinstance(refused, Conflict)
    assert "the job web/build was deleted" in refused.detail
