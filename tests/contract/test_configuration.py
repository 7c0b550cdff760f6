"""Applying configuration files: one write, nothing where nothing differs, all or nothing."""

import pytest
from sqlalchemy import Connection

from orchestra import documents
from orchestra.documents import Document
from orchestra.domain.errors import Conflict, InvalidContent
from orchestra.domain.manifest import Manifest
from orchestra.domain.project import MANAGED_BY_API
from orchestra.storage import configuration, events, jobs, projects, runs, schedules
from support.stored import T0, a_new_run, at

FILES = """
projects:
  web:
    display_name: Web
    services: {repo: {url: x, depth: 1}}
    jobs:
      build:
        parameters:
          - {key: branch, default: main, pattern: '[a-z]+'}
          - {key: ratio, type: number, default: 1.0}
          - {key: mode, type: choice, choices: [fast, 2], default: fast}
        policy: {priority: 3, retry: {limit: 1, on: [worker_lost, 7]}, expiration: 1d}
        properties: {os: [linux, bsd], cores: 4}
        definition: {type: commands, timeout: 90, commands: ["make {parameters.branch}", [sleep, 1]]}
      all:
        definition: {type: pipeline, elements: [{identifier: b, job: build, matrix: {branch: [a, b]}}]}
    schedules:
      nightly: {job: build, expression: "@daily", parameters: {branch: dev}, misfire_window: 2h}
"""


def read(text: str) -> Manifest:
    return documents.manifest_of([Document("f.yaml", text)])


def apply(connection: Connection, text: str, *, source: str = "files", prune: bool = False) -> list[str]:
    changed = configuration.apply(connection, read(text), source, at(5), prune=prune, actor="ada").changes
    return [f"{change.action} {change.path}" for change in changed]


def test_applying_twice_writes_once(connection: Connection) -> None:
    assert apply(connection, FILES) == ["create web", "create web/build", "create web/all", "create web/nightly"]
    last = events.last_sequence(connection)
    build = jobs.get(connection, "web", "build")
    assert build is not None
    assert (build.managed_by, build.revision, build.is_enabled) == ("files", 1, True)
    assert apply(connection, FILES) == []
    assert apply(connection, FILES, prune=True) == []
    assert events.last_sequence(connection) == last
    assert jobs.get(connection, "web", "build") == build


def test_a_change_of_the_description_keeps_the_revision_and_one_of_the_definition_does_not(
    connection: Connection,
) -> None:
    apply(connection, FILES)
    assert apply(connection, FILES.replace("build:\n", "build:\n        description: new\n")) == ["update web/build"]
    build = jobs.get(connection, "web", "build")
    assert build is not None and build.revision == 1
    assert apply(connection, FILES.replace("timeout: 90", "timeout: 91")) == ["update web/build"]
    build = jobs.get(connection, "web", "build")
    assert build is not None and build.revision == 2


def test_a_plan_changes_nothing(connection: Connection) -> None:
    planned = configuration.plan_of(connection, read(FILES), "files", prune=False)
    assert len(planned.changes) == 4
    assert projects.get(connection, "web") is None


def test_prune_deletes_in_an_order_that_works(connection: Connection) -> None:
    apply(connection, FILES)
    assert apply(connection, "projects: {}") == []
    assert apply(connection, "projects: {}", prune=True) == [
        "delete web/nightly",
        "delete web/all",
        "delete web/build",
        "delete web",
    ]
    assert projects.get(connection, "web") is None


def test_prune_names_everything_that_stands_in_its_way_and_changes_nothing(connection: Connection) -> None:
    apply(connection, FILES)
    triggered(connection, "build", 1)
    triggered(connection, "build", 2)
    last = events.last_sequence(connection)
    for work in (planned, applied):
        with pytest.raises(Conflict) as caught:
            work(connection)
        assert [(one.path, one.message) for one in caught.value.problems] == [
            (
                "projects.web.jobs.build",
                "the job web/build cannot be deleted: 2 runs of it have not ended: #1, #2",
            ),
            ("projects.web", "the project web cannot be deleted: it has 2 runs"),
        ]
    assert events.last_sequence(connection) == last
    assert configuration.plan_of(connection, read("projects: {}"), "files", prune=False).changes == ()


def test_a_job_with_ended_runs_is_pruned_and_they_stay(connection: Connection) -> None:
    apply(connection, FILES)
    run = triggered(connection, "build", 1)
    runs.request_cancel(connection, run, "ada", at(6))
    text = "projects: {web: {jobs: {all: {definition: {type: commands, commands: [x]}}}}}"
    assert "delete web/build" in apply(connection, text, prune=True)
    assert runs.get(connection, run) is not None


def planned(connection: Connection) -> None:
    configuration.plan_of(connection, read("projects: {}"), "files", prune=True)


def applied(connection: Connection) -> None:
    configuration.apply(connection, read("projects: {}"), "files", at(5), prune=True)


def triggered(connection: Connection, job: str, number: int) -> str:
    return runs.insert(connection, a_new_run(number, job=job), at(number)).identifier


def test_what_another_source_owns_is_refused_and_nothing_is_written(connection: Connection) -> None:
    apply(connection, FILES)
    last = events.last_sequence(connection)
    text = "projects: {web: {jobs: {build: {definition: {type: commands, commands: [x]}}}}, new: }"
    with pytest.raises(InvalidContent) as caught:
        apply(connection, text, source="elsewhere")
    assert [problem.path for problem in caught.value.problems] == ["projects.web.jobs.build"]
    assert events.last_sequence(connection) == last
    assert projects.get(connection, "new") is None


def test_jobs_of_projects_that_the_files_do_not_name_are_known(connection: Connection) -> None:
    apply(connection, FILES)
    text = (
        "projects: {other: {jobs: {all: {definition: "
        "{type: pipeline, elements: [{identifier: a, job: build, project: web}]}}}}}"
    )
    assert apply(connection, text, source="elsewhere") == ["create other", "create other/all"]


def test_who_applied_stands_in_the_events(connection: Connection) -> None:
    apply(connection, FILES)
    assert {event.actor for event in events.after(connection, 0)} == {"ada"}


def test_the_example_project_is_loaded_and_then_taken_over_by_whoever_applies_its_files(connection: Connection) -> None:
    manifest = documents.manifest_of(documents.examples())
    created = configuration.apply(connection, manifest, MANAGED_BY_API, T0, prune=False)
    assert len(created.changes) == 8
    assert configuration.apply(connection, manifest, MANAGED_BY_API, at(1), prune=False).changes == ()
    schedule = schedules.get(connection, "examples", "nightly-backup")
    assert schedule is not None and schedule.is_enabled is False
    taken = configuration.apply(connection, manifest, "files", at(2), prune=True)
    assert {field.path for change in taken.changes for field in change.fields} == {"managed_by"}
    assert configuration.apply(connection, manifest, "files", at(3), prune=True).changes == ()
