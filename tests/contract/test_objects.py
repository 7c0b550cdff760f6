"""Projects, jobs, schedules, users, settings: changed only where something differs, deleted with care."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.job import Parameter, ParameterType
from orchestra.storage import events, job_revisions, jobs, projects, runs, schedules, settings, users, workers
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from support.stored import T0, a_job, a_project, a_schedule, a_user, assign, at, finished, furnish, insert


def happened(connection: Connection, since: int = 0) -> list[Event]:
    return events.after(connection, since)


def test_a_project_is_read_as_it_was_saved(connection: Connection) -> None:
    services = {"repository": {"type": "git", "url": "https://git.example.org/web.git", "depth": 1}}
    saved = projects.save(connection, a_project(services=services, description="ä\n", managed_by="files"), T0)
    assert projects.get(connection, "web") == saved
    assert projects.get(connection, "api") is None
    assert saved.services == services


def test_saving_what_is_already_so_writes_nothing(connection: Connection) -> None:
    furnish(connection)
    schedules.save(connection, a_schedule(), T0)
    last = events.last_sequence(connection)
    assert projects.save(connection, a_project(), at(9)).update_date == T0
    assert jobs.save(connection, a_job(), at(9)).update_date == T0
    assert schedules.save(connection, a_schedule(), at(9)).update_date == T0
    assert users.save(connection, a_user(roles=("Administrator",)), at(9)).update_date == T0
    assert workers.patch(connection, "w1", at(9), note="", is_enabled=True).update_date == T0
    assert jobs.set_enabled(connection, "web", "build", True, at(9)).update_date == T0
    assert events.last_sequence(connection) == last


def test_a_change_names_the_fields_that_differ_and_who_asked(connection: Connection) -> None:
    projects.save(connection, a_project(), T0)
    after = projects.save(connection, a_project(display_name="Web", description="new"), at(5), actor="ada")
    assert (after.creation_date, after.update_date) == (T0, at(5))
    created, updated = happened(connection)
    assert (created.type, created.project, created.actor) == (EventType.PROJECT_CREATED, "web", None)
    assert (updated.type, updated.actor) == (EventType.PROJECT_UPDATED, "ada")
    assert updated.data == {"changed": ["description", "display_name"]}


def test_a_project_with_something_in_it_is_not_deleted_and_says_what(connection: Connection) -> None:
    furnish(connection)
    schedules.save(connection, a_schedule(), T0)
    insert(connection)
    with pytest.raises(Conflict, match=r"it has 1 job: build; it has 1 schedule: nightly; it has 1 run$"):
        projects.delete(connection, "web", at(1))


def test_an_empty_project_is_deleted(connection: Connection) -> None:
    projects.save(connection, a_project(), T0)
    projects.delete(connection, "web", at(1), actor="ada")
    assert projects.get(connection, "web") is None
    assert happened(connection)[-1].type is EventType.PROJECT_DELETED
    with pytest.raises(NotFound):
        projects.delete(connection, "web", at(2))


def test_a_job_is_read_as_it_was_saved(connection: Connection) -> None:
    projects.save(connection, a_project(), T0)
    parameters = (
        Parameter(key="count", type=ParameterType.INTEGER, default=3),
        Parameter(key="mode", type=ParameterType.CHOICE, choices=("fast", "slow"), is_required=True),
        Parameter(key="branch", pattern=r"[\w./-]+", description="ä"),
        Parameter(key="ratio", type=ParameterType.NUMBER, default=0.5),
        Parameter(key="dry", type=ParameterType.BOOLEAN, default=False),
    )
    job = a_job(parameters=parameters, properties={"os": ["linux", "bsd"]}, group="ci/slow", policy={"priority": 3})
    saved = jobs.save(connection, job, T0)
    assert saved == job
    assert jobs.get(connection, "web", "build") == job


@pytest.mark.parametrize(
    ("changed", "revision"),
    [
        ({"definition": {"type": "commands", "commands": []}}, 2),
        ({"parameters": (Parameter(key="x"),)}, 2),
        ({"properties": {"os": "linux"}}, 2),
        ({"policy": {"priority": 1}}, 2),
        ({"display_name": "Build"}, 1),
        ({"description": "text"}, 1),
        ({"group": "ci"}, 1),
        ({"managed_by": "files"}, 1),
        ({"is_enabled": False}, 1),
    ],
)
def test_the_revision_grows_only_with_what_decides_how_a_run_goes(
    connection: Connection, changed: dict[str, Any], revision: int
) -> None:
    furnish(connection)
    saved = jobs.save(connection, a_job(**changed), at(5))
    assert (saved.revision, saved.update_date) == (revision, at(5))
    assert jobs.get(connection, "web", "build") == saved
    assert happened(connection)[-1].data == {"changed": list(changed), "revision": revision}
    found = job_revisions.get(connection, "web", "build", revision)
    assert found is not None
    assert found.definition == saved.definition
    assert job_revisions.get(connection, "web", "build", revision + 1) is None


class Unmanaged:
    """What a file says of a job without `is_enabled`."""

    def __getattr__(self, name: str) -> object:
        return None if name == "is_enabled" else getattr(a_job(), name)


def test_what_does_not_manage_is_enabled_never_enables_again(connection: Connection) -> None:
    furnish(connection)
    jobs.set_enabled(connection, "web", "build", False, at(1), actor="ada")
    saved = jobs.save(connection, Unmanaged(), at(2))  # type: ignore[arg-type]
    assert not saved.is_enabled
    assert happened(connection)[-1].data == {"changed": ["is_enabled"], "is_enabled": False, "revision": 1}


def test_a_job_that_is_in_use_is_not_deleted_and_says_by_what(connection: Connection) -> None:
    furnish(connection)
    for number in range(1, 13):
        insert(connection, number)
    schedules.save(connection, a_schedule("hourly"), T0)
    schedules.save(connection, a_schedule("nightly"), T0)
    schedules.save(connection, a_schedule("other", job="deploy"), T0)
    with pytest.raises(Conflict) as refused:
        jobs.delete(connection, "web", "build", at(1))
    assert refused.value.detail == (
        "the job web/build cannot be deleted: "
        "12 runs of it have not ended: #1, #2, #3, #4, #5, #6, #7, #8, #9, #10 and 2 more; "
        "2 schedules trigger it: hourly, nightly"
    )
    assert jobs.get(connection, "web", "build") is not None


def test_ended_runs_and_revisions_outlive_their_job_and_numbers_go_on(connection: Connection) -> None:
    furnish(connection)
    run = insert(connection)
    runs.request_cancel(connection, run.identifier, "ada", at(1))
    jobs.delete(connection, "web", "build", at(2))
    kept = runs.get(connection, run.identifier)
    assert kept is not None
    assert runs.definition(connection, kept) == a_job().definition
    assert runs.page(connection, runs.RunFilter(project="web", job="build")).items == (kept,)
    assert jobs.existed(connection, "web", "build")
    assert not jobs.existed(connection, "web", "never")
    with pytest.raises(Conflict, match=r"it has 1 run$"):
        projects.delete(connection, "web", at(2))
    again = jobs.save(connection, a_job(), at(3))
    assert again.revision == 2
    assert insert(connection, 2, job_revision=2).number == 2


def test_a_worker_that_is_in_use_is_not_deleted_and_says_by_what(connection: Connection) -> None:
    furnish(connection)
    assign(connection, insert(connection))
    with pytest.raises(Conflict) as refused:
        workers.delete(connection, "w1", at(1))
    assert refused.value.detail == (
        "the worker w1 cannot be deleted: it is connected; it has 1 run that has not ended: web/build#1"
    )


def test_a_job_or_schedule_of_an_unknown_project_is_refused(connection: Connection) -> None:
    with pytest.raises(NotFound, match="no project web"):
        jobs.save(connection, a_job(), T0)
    with pytest.raises(NotFound, match="no project web"):
        schedules.save(connection, a_schedule(), T0)


def test_unknown_jobs_cannot_be_enabled_or_deleted(connection: Connection) -> None:
    with pytest.raises(NotFound):
        jobs.set_enabled(connection, "web", "nothing", True, T0)
    with pytest.raises(NotFound):
        jobs.delete(connection, "web", "nothing", T0)


def test_a_schedule_is_saved_changed_and_deleted(connection: Connection) -> None:
    furnish(connection)
    schedule = a_schedule(parameters={"branch": "main"}, time_zone="Europe/Paris", jitter_s=1.5)
    assert schedules.save(connection, schedule, T0) == schedule
    assert schedules.get(connection, "web", "nightly") == schedule
    changed = schedules.save(connection, replace(schedule, expression="0 0 * * *", is_enabled=False), at(5))
    assert (changed.expression, changed.is_enabled, changed.next_fire) == ("0 0 * * *", False, None)
    assert schedules.page(connection, ("web",)).items == (changed,)
    last = happened(connection)[-1]
    assert (last.type, last.job) == (EventType.SCHEDULE_UPDATED, "build")
    assert last.data == {"schedule": "nightly", "changed": ["expression", "is_enabled"]}
    schedules.delete(connection, "web", "nightly", at(6))
    assert schedules.get(connection, "web", "nightly") is None
    with pytest.raises(NotFound):
        schedules.delete(connection, "web", "nightly", at(7))


def test_a_user_is_saved_and_changed(connection: Connection) -> None:
    user = a_user(roles=("Viewer", "Operator@web"))
    assert users.save(connection, user, T0) == user
    disabled = users.save(connection, replace(user, is_enabled=False), at(5), actor="root")
    assert users.get(connection, "ada") == disabled
    assert users.page(connection).items == (disabled,)
    last = happened(connection)[-1]
    assert (last.type, last.user, last.actor) == (EventType.USER_UPDATED, "ada", "root")
    assert last.data == {"changed": ["is_enabled"], "roles": ["Viewer", "Operator@web"], "is_enabled": False}


def test_a_user_who_owns_workers_is_not_deleted(connection: Connection) -> None:
    furnish(connection)
    with pytest.raises(Conflict, match="worker w1"):
        users.delete(connection, "ada", at(1))
    workers.disconnect(connection, "w1", 1, at(2))
    workers.delete(connection, "w1", at(3))
    users.delete(connection, "ada", at(4))
    assert users.get(connection, "ada") is None
    with pytest.raises(NotFound):
        users.delete(connection, "ada", at(5))


def test_settings_hold_json_values(connection: Connection) -> None:
    assert settings.get(connection, "incarnation") is None
    settings.put(connection, "incarnation", {"id": "x", "list": [1, None]})
    settings.put(connection, "incarnation", {"id": "y", "list": [1, None]})
    assert settings.get(connection, "incarnation") == {"id": "y", "list": [1, None]}
    assert settings.remove(connection, "incarnation")
    assert not settings.remove(connection, "incarnation")


def test_events_come_in_one_order_and_after_a_number(connection: Connection) -> None:
    assert events.last_sequence(connection) >= 0
    furnish(connection)
    told = happened(connection)
    assert [one.type.value for one in told] == [
        "project.created",
        "job.created",
        "user.created",
        "worker.connected",
    ]
    numbers = [one.sequence for one in told]
    assert numbers == sorted(set(numbers))
    assert events.last_sequence(connection) == numbers[-1]
    assert events.after(connection, numbers[1], 1) == told[2:3]
    assert events.after(connection, numbers[-1]) == []


def test_events_are_narrowed_by_what_the_reader_may_see_and_wants(connection: Connection) -> None:
    furnish(connection)
    run = assign(connection, insert(connection))
    narrow = events.EventFilter

    def told(filter_: events.EventFilter) -> list[str]:
        return [one.type.value for one in events.after(connection, 0, filter_=filter_)]

    assert told(narrow(projects=("web",))) == ["project.created", "job.created", "run.created", "run.assigned"]
    assert told(narrow(projects=("api",))) == []
    assert told(narrow(run=run.identifier)) == ["run.created", "run.assigned"]
    assert told(narrow(worker="w1")) == ["worker.connected", "run.assigned"]
    assert told(narrow(types=(EventType.RUN_CREATED, EventType.JOB_CREATED))) == ["job.created", "run.created"]
    assert told(narrow(projects=("web",), types=(EventType.RUN_CREATED,))) == ["run.created"]


def test_no_secret_stands_in_an_event(connection: Connection) -> None:
    furnish(connection)
    run = assign(connection, insert(connection, parameters={"password": "hunter2"}))
    runs.record(connection, run.identifier, finished(run, results={"key": "hunter2"}), at(3))
    assert all("hunter2" not in repr(one) for one in happened(connection))
