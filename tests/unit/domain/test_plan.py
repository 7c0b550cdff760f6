"""Plan: what differs, in which order it is done, and whose objects are left alone."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestra import documents
from orchestra.documents import Document
from orchestra.domain.entries import JobEntry, ProjectEntry, ScheduleEntry
from orchestra.domain.job import Job
from orchestra.domain.manifest import Manifest
from orchestra.domain.plan import Action, Current, Plan, plan
from orchestra.domain.project import Project
from orchestra.domain.schedule import Schedule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILES = """
projects:
  web:
    display_name: Web
    services: {repo: {url: x}}
    jobs:
      build:
        parameters: [{key: branch, default: main}, {key: count, type: integer}]
        definition: {type: commands, timeout: 1m, commands: [make, make test]}
      deploy:
        definition: {type: commands, commands: [deploy]}
    schedules:
      nightly: {job: build, expression: "@daily", parameters: {branch: dev}}
"""


def read(text: str) -> Manifest:
    return documents.manifest_of([Document("f.yaml", text)])


def applied(current: Current, found: Plan) -> Current:
    """What the server has after the plan."""
    projects, jobs, schedules = dict(current.projects), dict(current.jobs), dict(current.schedules)
    for change in found.changes:
        entry, key = change.entry, (change.project, change.identifier)
        match entry:
            case ProjectEntry():
                projects[entry.identifier] = Project(**_values(entry, Project))
            case JobEntry():
                jobs[key] = Job(**_values(entry, Job))
            case ScheduleEntry():
                schedules[key] = Schedule(**_values(entry, Schedule))
            case None if change.kind == "project":
                del projects[change.project]
            case None:
                del (jobs if change.kind == "job" else schedules)[key]
    return Current(projects=projects, jobs=jobs, schedules=schedules)


def _values(entry: Any, kind: type) -> dict[str, Any]:
    names = set(kind.__dataclass_fields__) & set(entry.__dataclass_fields__)  # type: ignore[attr-defined]
    values = {name: getattr(entry, name) for name in names}
    if values.get("is_enabled", True) is None:
        values["is_enabled"] = True
    return {**values, "creation_date": NOW, "update_date": NOW}


@pytest.fixture
def current() -> Current:
    return applied(Current(), plan(Current(), read(FILES), "files", False))


def told(found: Plan) -> list[str]:
    return [f"{change.action} {change.kind} {change.path}" for change in found.changes]


def test_a_new_configuration_is_created_from_projects_to_schedules() -> None:
    found = plan(Current(), read(FILES), "files", False)
    assert told(found) == [
        "create project web",
        "create job web/build",
        "create job web/deploy",
        "create schedule web/nightly",
    ]
    assert {change.entry.managed_by for change in found.changes if change.entry} == {"files"}


def test_the_same_files_twice_are_no_change(current: Current) -> None:
    assert plan(current, read(FILES), "files", True) == Plan()


def test_an_update_tells_each_field_that_differs(current: Current) -> None:
    text = (
        FILES.replace("Web", "The web")
        .replace("timeout: 1m", "timeout: 2m")
        .replace("make test", "make check")
        .replace("default: main", "default: dev, description: Which")
        .replace("{key: count, type: integer}", "{key: other}")
        .replace('"@daily"', '"@hourly", jitter: 5s')
    )
    found = plan(current, read(text), "files", False)
    fields = {change.path: [(one.path, one.old, one.new) for one in change.fields] for change in found.changes}
    assert fields == {
        "web": [("display_name", "Web", "The web")],
        "web/build": [
            ("parameters.branch.default", "main", "dev"),
            ("parameters.branch.description", None, "Which"),
            ("parameters.count", {"type": "integer"}, None),
            ("parameters.other", None, {"type": "string"}),
            ("definition.commands[1].name", "make test", "make check"),
            ("definition.commands[1].run", "make test", "make check"),
            ("definition.timeout", 60.0, 120.0),
        ],
        "web/nightly": [("expression", "@daily", "@hourly"), ("jitter", 0.0, 5.0)],
    }
    assert plan(applied(current, found), read(text), "files", True) == Plan()


def test_a_new_order_of_parameters_is_a_change(current: Current) -> None:
    text = FILES.replace(
        "[{key: branch, default: main}, {key: count, type: integer}]",
        "[{key: count, type: integer}, {key: branch, default: main}]",
    )
    (change,) = plan(current, read(text), "files", False).changes
    assert [(one.path, one.old, one.new) for one in change.fields] == [
        ("parameters", ["branch", "count"], ["count", "branch"])
    ]


def test_what_a_list_has_more_is_told_alone(current: Current) -> None:
    (change,) = plan(current, read(FILES.replace("[deploy]", "[deploy, [verify]]")), "files", False).changes
    (field,) = change.fields
    assert (field.path, field.old, field.new["run"]) == ("definition.commands[1]", None, ["verify"])


def test_what_an_operator_disabled_stays_so_unless_the_file_says_otherwise(current: Current) -> None:
    key = ("web", "deploy")
    disabled = replace(current, jobs={**current.jobs, key: replace(current.jobs[key], is_enabled=False)})
    assert plan(disabled, read(FILES), "files", False) == Plan()
    text = FILES.replace("deploy:\n", "deploy:\n        is_enabled: true\n")
    (change,) = plan(disabled, read(text), "files", False).changes
    assert [(one.path, one.old, one.new) for one in change.fields] == [("is_enabled", False, True)]


def test_only_with_prune_and_only_its_own_objects_are_deleted(current: Current) -> None:
    others = replace(current.jobs["web", "deploy"], identifier="other", managed_by="api")
    current = replace(current, jobs={**current.jobs, ("web", "other"): others})
    wanted = read("projects: {web: {display_name: Web, services: {repo: {url: x}}}}")
    kept = plan(current, wanted, "files", False)
    assert kept.changes == ()
    assert [change.path for change in kept.leftovers] == ["web/nightly", "web/build", "web/deploy"]
    assert told(plan(current, wanted, "files", True)) == [
        "delete schedule web/nightly",
        "delete job web/build",
        "delete job web/deploy",
    ]
    assert plan(current, wanted, "elsewhere", True).problems != ()


def test_a_whole_project_goes_after_what_is_in_it(current: Current) -> None:
    found = plan(current, read("projects: {}"), "files", True)
    assert told(found)[-1] == "delete project web"
    assert applied(current, found) == Current()


def test_a_project_that_holds_objects_of_others_is_not_deleted(current: Current) -> None:
    others = replace(current.jobs["web", "deploy"], managed_by="api")
    current = replace(current, jobs={**current.jobs, ("web", "deploy"): others})
    found = plan(current, read("projects: {}"), "files", True)
    assert found.changes == ()
    assert "these files do not own the job deploy in it" in found.problems[0].message


def test_a_job_that_schedules_still_trigger_is_not_deleted(current: Current) -> None:
    wanted = read("projects: {web: {schedules: {nightly: {job: build, expression: '0 1 * * *'}}}}")
    people = replace(current.schedules["web", "nightly"], identifier="weekly", managed_by="api")
    current = replace(current, schedules={**current.schedules, ("web", "weekly"): people})
    found = plan(current, wanted, "files", True)
    assert found.changes == ()
    assert [(one.path, one.message) for one in found.problems] == [
        ("projects.web.jobs.build", "the job cannot be deleted: schedules trigger it: nightly, weekly")
    ]
    assert [change.path for change in found.deletions] == ["web/build", "web/deploy"]


def test_objects_of_another_source_are_a_conflict_each_with_its_place(current: Current) -> None:
    found = plan(current, read(FILES.replace("make test", "make check")), "elsewhere", True)
    assert found.changes == ()
    assert [problem.path for problem in found.problems] == [
        "projects.web",
        "projects.web.jobs.build",
        "projects.web.jobs.deploy",
        "projects.web.schedules.nightly",
    ]
    assert found.problems[0].line == 4
    assert "belongs to the configuration 'files'" in found.problems[0].message


def test_what_people_made_is_taken_over(current: Current) -> None:
    key = ("web", "deploy")
    made = replace(current, jobs={**current.jobs, key: replace(current.jobs[key], managed_by="api")})
    (change,) = plan(made, read(FILES), "files", False).changes
    assert change.action is Action.UPDATE
    assert [(one.path, one.old, one.new) for one in change.fields] == [("managed_by", "api", "files")]


def test_jobs_may_be_put_into_a_project_that_is_managed_elsewhere(current: Current) -> None:
    text = "projects: {web: {jobs: {mine: {definition: {type: commands, commands: [x]}}}}}"
    assert told(plan(current, read(text), "mine", True)) == ["create job web/mine"]


def test_a_project_that_says_nothing_of_itself_is_created_and_reset_by_its_owner(current: Current) -> None:
    text = "projects: {new: , web: }"
    found = plan(current, read(text), "files", False)
    assert told(found) == ["create project new", "update project web"]
    assert {field.path for field in found.changes[1].fields} == {"display_name", "services.repo"}


def test_references_are_checked_against_files_and_server_together(current: Current) -> None:
    text = """
    projects:
      web:
        jobs:
          all:
            definition:
              type: pipeline
              elements: [{identifier: a, job: build}, {identifier: b, job: biuld}, {identifier: c, job: x, project: no}]
        schedules:
          good: {job: deploy, expression: "@daily"}
          bad: {job: buidl, expression: "@daily"}
          typed: {job: build, expression: "@daily", parameters: {count: "7"}}
          wrong: {job: build, expression: "@daily", parameters: {cuont: 7}}
    """
    found = plan(current, read(text), "mine", False)
    assert [(problem.path, problem.message) for problem in found.problems] == [
        ("projects.web.jobs.all.definition.elements[1].job", "unknown job 'biuld'; did you mean 'build'?"),
        ("projects.web.jobs.all.definition.elements[2].job", "unknown job 'x': none is expected here"),
        ("projects.web.schedules.bad.job", "unknown job 'buidl'; did you mean 'build'?"),
        ("projects.web.schedules.wrong.parameters.cuont", "unknown parameter 'cuont'; did you mean 'count'?"),
    ]
    good = read("projects: {web: {schedules: {t: {job: build, expression: '@daily', parameters: {count: '7'}}}}}")
    (change,) = plan(current, good, "mine", False).changes
    assert isinstance(change.entry, ScheduleEntry)
    assert change.entry.parameters == {"count": 7}


def test_a_plan_is_described_as_json() -> None:
    found = plan(Current(), read("projects: {p: }"), "files", False)
    assert found.describe() == {
        "changes": [{"action": "create", "kind": "project", "path": "p", "fields": []}],
        "leftovers": [],
    }
