"""Manifest: the whole contract of configuration files, with all problems at once, in normal form."""

from typing import Any

import msgspec
import pytest

from orchestra import documents
from orchestra.documents import Document
from orchestra.domain.entries import JOB, PROJECT, SCHEDULE
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.job import ParameterType, commands_definition, policy
from orchestra.domain.manifest import Manifest, job_from, project_from, schedule_from
from orchestra.domain.parameters import TOTAL_BYTES
from orchestra.domain.shapes import Record, check
from orchestra.domain.tree import Report, from_plain
from orchestra.wire.messages import FRAME_BYTES, Assign

EXAMPLE = """
projects:
  website:
    display_name: Website
    services: {repository: {type: git, url: https://git.example.org/website.git}}
    jobs:
      build:
        display_name: Build
        description: Builds and tests one branch
        group: ci
        parameters:
          - {key: branch, description: Branch to build, type: string, default: main, pattern: '[\\w./-]+'}
        properties: {os: linux, python: ">=3.11"}
        policy: {priority: 10, on_worker_lost: {fail_after: 2h},
                 concurrency: {group: "build-{parameters.branch}", limit: 1, overflow: queue},
                 expiration: 1d, retry: {limit: 2, on: [worker_lost], delay: 30s}}
        definition:
          type: commands
          environment: {CI: "true"}
          workspace: reuse            # reuse | clean
          timeout: 30m
          silence_timeout: 10m
          grace: 10s
          commands:
            - git clone --depth 1 --branch {parameters.branch} {services.repository.url} source
            - [python3, -m, pytest, source]
            - {name: report, run: ./source/report.sh, timeout: 5m}
          finally:
            - rm -rf source
          artifacts: [source/dist/**]
    schedules:
      nightly: {job: build, parameters: {branch: main}, expression: "30 2 * * *", time_zone: Europe/Paris,
                overlap: skip, misfire: latest}
"""


def zones() -> frozenset[str]:
    return frozenset({"UTC", "Europe/Paris", "Europe/Berlin", "America/New_York"})


def read(*texts: str) -> Manifest:
    return documents.manifest_of(Document(f"{number}.yaml", text) for number, text in enumerate(texts))


def problems(*texts: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidContent) as caught:
        read(*texts)
    return caught.value.problems


def job(**fields: Any) -> dict[str, Any]:
    return {"definition": {"type": "commands", "commands": ["true"]}, **fields}


def wrong(**fields: Any) -> list[str]:
    """The problems of a job with these fields, as `path: message`."""
    with pytest.raises(InvalidContent) as caught:
        job_from(job(**fields), "p", "j", services={"repo": {"url": "x"}})
    return [str(one) for one in caught.value.problems]


def test_the_example_of_the_contract_is_read_into_its_normal_form() -> None:
    manifest = read(EXAMPLE)
    (project,), (build,), (nightly,) = manifest.projects, manifest.jobs, manifest.schedules
    assert (project.identifier, project.display_name, project.is_declared) == ("website", "Website", True)
    assert (build.group, build.properties, build.is_enabled) == ("ci", {"os": "linux", "python": ">=3.11"}, None)
    assert build.definition == {
        "type": "commands",
        "commands": [
            {
                "name": "git clone --depth 1 --branch {parameters.branch} {services.repository.url} sour…",
                "run": "git clone --depth 1 --branch {parameters.branch} {services.repository.url} source",
                "timeout": None,
            },
            {"name": "python3 -m pytest source", "run": ["python3", "-m", "pytest", "source"], "timeout": None},
            {"name": "report", "run": "./source/report.sh", "timeout": 300.0},
        ],
        "finally": [{"name": "rm -rf source", "run": "rm -rf source", "timeout": None}],
        "environment": {"CI": "true"},
        "workspace": "reuse",
        "timeout": 1800.0,
        "silence_timeout": 600.0,
        "grace": 10.0,
        "artifacts": ["source/dist/**"],
    }
    assert build.policy == {
        "priority": 10,
        "concurrency": {"group": "build-{parameters.branch}", "limit": 1, "overflow": "queue"},
        "expiration": 86_400.0,
        "retry": {"limit": 2, "on": ["worker_lost"], "delay": 30.0},
        "on_worker_lost": {"fail_after": 7200.0},
        "retention": {},
    }
    assert build.parameters[0].type is ParameterType.STRING
    assert (nightly.job, nightly.parameters, nightly.misfire_window_s) == ("build", {"branch": "main"}, 86_400.0)


def test_a_job_needs_a_definition() -> None:
    with pytest.raises(InvalidContent) as caught:
        job_from({"description": "x"}, "p", "j")
    assert [str(one) for one in caught.value.problems] == ["definition: the key 'definition' is missing"]


def test_everything_but_the_essential_has_a_default() -> None:
    entry = job_from({"definition": {"type": "commands", "commands": ["echo hi"]}}, "p", "build.it")
    assert (entry.display_name, entry.description, entry.group, entry.properties) == ("build.it", "", "", {})
    assert entry.policy == {
        "priority": 0,
        "concurrency": None,
        "expiration": None,
        "retry": None,
        "on_worker_lost": {"fail_after": 86_400.0},
        "retention": {},
    }
    assert entry.definition["grace"] == 10.0
    assert project_from({}, "p").display_name == "p"
    schedule = schedule_from({"job": "j", "expression": "@daily"}, "p", "s", jobs={"j": ()}, zones=zones)
    assert (schedule.time_zone, schedule.overlap, schedule.misfire) == ("UTC", "skip", "latest")
    assert (schedule.misfire_window_s, schedule.jitter_s, schedule.is_enabled) == (86_400.0, 0.0, None)


def test_a_normal_form_is_accepted_as_it_is() -> None:
    build = read(EXAMPLE).jobs[0]
    value = {
        "display_name": build.display_name,
        "description": build.description,
        "group": build.group,
        "properties": build.properties,
        "policy": build.policy,
        "definition": build.definition,
        "is_enabled": None,
        "parameters": [
            {
                "key": one.key,
                "description": one.description,
                "type": str(one.type),
                "default": one.default,
                "is_required": one.is_required,
                "choices": list(one.choices),
                "pattern": one.pattern,
            }
            for one in build.parameters
        ],
    }
    assert job_from(value, "website", "build", services={"repository": {"url": "x"}}) == build


def test_json_says_the_same_as_yaml() -> None:
    text = '{"projects": {"p": {"jobs": {"j": {"definition": {"type": "commands", "commands": ["a", ["b", 1]]}}}}}}'
    (entry,) = read(text).jobs
    assert [one["run"] for one in entry.definition["commands"]] == ["a", ["b", "1"]]


def test_every_problem_is_told_with_file_line_column_and_path() -> None:
    found = problems(
        """\
projects:
  website:
    display_nam: Website
    jobs:
      build:
        policy: {priority: 1000}
        definition:
          type: commands
          timeout: soon
          commands:
            - |
              echo one
              echo {parameters.branch}
""",
        "projects:\n  website:\n    schedules:\n      n: {job: build, expression: 61 * * * *}\n",
    )
    assert [(one.file, one.line, one.column, one.path) for one in found] == [
        ("0.yaml", 3, 5, "projects.website.display_nam"),
        ("0.yaml", 6, 28, "projects.website.jobs.build.policy.priority"),
        ("0.yaml", 9, 20, "projects.website.jobs.build.definition.timeout"),
        ("0.yaml", 13, None, "projects.website.jobs.build.definition.commands[0]"),
        ("1.yaml", 4, 35, "projects.website.schedules.n.expression"),
    ]
    assert "did you mean 'display_name'?" in found[0].message
    assert "expected a whole number from -100 to 100, got the number 1000" in found[1].message


def test_a_file_of_another_kind_gives_a_bounded_list_of_problems() -> None:
    text = "projects:\n  p:\n" + "".join(f"    key{number}: x\n" for number in range(1500))
    found = problems(text)
    assert len(found) == 1001
    assert found[-1].message == "and 500 more problems"


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"definition": None}, "definition", "expected a mapping, got nothing"),
        ({"definition": {"commands": ["x"]}}, "definition.type", "the key 'type' is missing"),
        ({"definition": {"type": "command", "commands": ["x"]}}, "definition.type", "did you mean 'commands'?"),
        ({"definition": "x"}, "definition", "expected a mapping"),
        ({"display_name": 5}, "display_name", "expected text (put it in quotes), got the number 5"),
        ({"display_name": "a\nb"}, "display_name", "U+000A is not allowed"),
        ({"display_name": "x" * 257}, "display_name", "at most 256 characters, got 257"),
        ({"group": "/x"}, "group", "expected a path such as a/b"),
        ({"is_enabled": "yes"}, "is_enabled", "expected true or false"),
        ({"properties": {"os": None}}, "properties.os", "expected a text, a number, a boolean"),
        ({"properties": {"os": [["x"]]}}, "properties.os", "expected a text, a number"),
        ({"properties": {"python": ">= "}}, "properties.python", "a version behind '>='"),
        ({"properties": {"9": "x"}}, "properties.9", "as the key"),
        ({"policy": {"priority": -101}}, "policy.priority", "from -100 to 100"),
        ({"policy": {"priority": True}}, "policy.priority", "got the boolean true"),
        ({"policy": {"concurrency": {"limit": 1}}}, "policy.concurrency.group", "missing"),
        ({"policy": {"concurrency": {"group": "g", "limit": 0}}}, "policy.concurrency.limit", "from 1 to"),
        ({"policy": {"concurrency": {"group": "{run.x}"}}}, "policy.concurrency.group", "unknown name {run.x}"),
        ({"policy": {"concurrency": {"group": "{results.x}"}}}, "policy.concurrency.group", "before a worker is"),
        ({"policy": {"expiration": "0s"}}, "policy.expiration", "from 1s"),
        ({"policy": {"retry": {"on": ["worker_los"]}}}, "policy.retry.on[0]", "did you mean 'worker_lost'?"),
        ({"policy": {"retry": {"on": [256]}}}, "policy.retry.on[0]", "exit codes from 1 to 255"),
        ({"policy": {"retry": {"on": [[]]}}}, "policy.retry.on[0]", "expected a cause, got a list"),
        ({"policy": {"on_worker_lost": "wiat"}}, "policy.on_worker_lost", "did you mean 'wait'?"),
        ({"policy": {"exclusive": {"lease": "9s"}}}, "policy.exclusive.lease", "expected a duration from 10s to 1h"),
        (
            {"policy": {"exclusive": True, "concurrency": {"group": "g", "limit": 2}}},
            "policy.exclusive",
            "runs of an exclusive job never overlap: expected a limit of 1, got 2",
        ),
        ({"policy": {"on_worker_lost": 3}}, "policy.on_worker_lost", "expected wait or {fail_after: DURATION}"),
        ({"policy": {"retention": {"x": 1}}}, "policy.retention.x", "none is expected here"),
        ({"parameters": [{"key": "1a"}]}, "parameters[0].key", "expected a letter"),
        ({"parameters": [{"key": "a"}, {"key": "a"}]}, "parameters[1].key", "two parameters have the key 'a'"),
        ({"parameters": [{"key": "a-b"}, {"key": "A.B"}]}, "parameters[1].key", "share the variable ORCHESTRA_"),
        ({"parameters": [{"key": "a", "type": "int"}]}, "parameters[0].type", "did you mean 'integer'?"),
        ({"parameters": [{"key": "a", "type": "integer", "default": "x"}]}, "parameters[0].default", "whole number"),
        ({"parameters": [{"key": "a", "pattern": "(a)\\1"}]}, "parameters[0].pattern", "not supported"),
        ({"parameters": [{"key": "a", "pattern": "b", "default": "a"}]}, "parameters[0].default", "does not match"),
        ({"parameters": [{"key": "a", "type": "choice"}]}, "parameters[0].choices", "at least one choice"),
        (
            {"parameters": [{"key": "a", "type": "choice", "choices": ["x", "y"], "default": "z"}]},
            "parameters[0].default",
            "expected one of x, y",
        ),
        ({"parameters": [{"key": "a", "choices": ["x", "x"]}]}, "parameters[0].choices", "the same"),
        ({"parameters": [{"key": "a", "type": "boolean", "choices": [1]}]}, "parameters[0].choices", "no choices"),
        ({"parameters": [{"key": "a", "type": "integer", "pattern": "x"}]}, "parameters[0].pattern", "no pattern"),
        ({"parameters": [{"key": "a", "type": "secret", "default": "x"}]}, "parameters[0].default", "no default"),
    ],
)
def test_what_does_not_fit_in_a_job_is_told(fields: dict[str, Any], path: str, says: str) -> None:
    (problem,) = wrong(**fields)
    assert problem.startswith(f"{path}: ")
    assert says in problem


@pytest.mark.parametrize(
    ("definition", "path", "says"),
    [
        ({"commands": []}, "commands", "at least 1 item"),
        ({"commands": [""]}, "commands[0]", "expected a command"),
        ({"commands": [[]]}, "commands[0]", "at least 1 item"),
        ({"commands": [3]}, "commands[0]", "expected a command: text, a list of arguments, or a mapping with 'run'"),
        ({"commands": [{"name": "x"}]}, "commands[0].run", "missing"),
        ({"commands": [["x", None]]}, "commands[0][1]", "expected an argument, got nothing"),
        ({"commands": [["x", {"parameters.a": None}]]}, "commands[0][1]", "a text that begins with '{' needs quotes"),
        ({"commands": ["x\0"]}, "commands[0]", "U+0000 is not allowed"),
        ({"commands": ["x" * 65_537]}, "commands[0]", "at most 65536 characters"),
        ({"commands": ["echo {parameters.x}"]}, "commands[0]", "there are no parameters"),
        ({"commands": [["a", "{services.repo.ur}"]]}, "commands[0][1]", "did you mean {services.repo.url}?"),
        ({"commands": [{"run": "`echo {run.number}`"}]}, "commands[0].run", "use the variable ORCHESTRA_RUN_NUMBER"),
        ({"finally": ["{environment.NOPE}"]}, "finally[0]", "unknown name {environment.NOPE}"),
        ({"environment": {"1": "x"}}, "environment.1", "as the key"),
        ({"environment": {"ORCHESTRA_X": "x"}}, "environment.ORCHESTRA_X", "given by Orchestra"),
        ({"environment": {"A": "{results.x}"}}, "environment.A", "the variables are set before"),
        ({"environment": {"A": "x", "B": "{environment.A}"}}, "environment.B", "unknown name {environment.A}"),
        ({"environment": {"A": ["x"]}}, "environment.A", "expected text, got a list"),
        ({"workspace": "new"}, "workspace", "expected one of reuse, clean"),
        ({"timeout": 0}, "timeout", "from 0.1s"),
        ({"timeout": "5 minutes"}, "timeout", "a duration such as 90s"),
        ({"timeout": True}, "timeout", "a duration such as 90s"),
        ({"grace": "2h"}, "grace", "from 0s to 1h"),
        ({"artifacts": ["/etc/*"]}, "artifacts[0]", "below the workspace"),
        ({"artifacts": ["a/../../b"]}, "artifacts[0]", "below the workspace"),
        ({"comands": []}, "comands", "did you mean 'commands'?"),
    ],
)
def test_what_does_not_fit_in_a_definition_is_told(definition: dict[str, Any], path: str, says: str) -> None:
    (problem,) = wrong(definition={"type": "commands", "commands": ["true"], **definition})
    assert problem.startswith(f"definition.{path}: ")
    assert says in problem


def test_a_definition_that_no_frame_could_carry_is_refused() -> None:
    (problem,) = wrong(definition={"type": "commands", "commands": ["x" * 65_000] * 3})
    assert "more than 98304: put long programs into files" in problem


def pipeline(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "pipeline", "elements": list(elements)}


def test_a_pipeline_is_read_into_its_normal_form() -> None:
    definition = pipeline(
        {"identifier": "build", "job": "build", "parameters": {"branch": "main"}},
        {
            "identifier": "deploy",
            "job": "deploy",
            "project": "other",
            "after": [{"element": "build"}],
            "matrix": {"zone": ["a", "b"]},
            "approval": {"message": "Really?"},
        },
    )
    elements = job_from(job(definition=definition), "p", "j").definition["elements"]
    assert elements[0]["after"] == [] and elements[0]["approval"] is False and elements[0]["project"] is None
    assert elements[1]["after"] == [{"element": "build", "status": ["succeeded"]}]


@pytest.mark.parametrize(
    ("elements", "path", "says"),
    [
        ([], "elements", "at least 1 item"),
        ([{"identifier": "a", "job": "x"}, {"identifier": "a", "job": "x"}], "elements[1].identifier", "second"),
        (
            [{"identifier": "ab", "job": "x", "after": [{"element": "ac"}]}],
            "elements[0].after[0].element",
            "expected one of ab",
        ),
        ([{"identifier": "a", "job": "x", "after": [{"element": "a"}]}], "elements[0].after", "circle: a → a"),
        (
            [
                {"identifier": "a", "job": "x"},
                {"identifier": "b", "job": "x", "after": [{"element": "a"}, {"element": "d"}]},
                {"identifier": "c", "job": "x", "after": [{"element": "b"}]},
                {"identifier": "d", "job": "x", "after": [{"element": "c"}]},
            ],
            "elements[1].after",
            "circle: b → d → c → b",
        ),
        (
            [
                {"identifier": "a", "job": "x"},
                {"identifier": "b", "job": "x", "after": [{"element": "a", "status": ["succeded"]}]},
            ],
            "elements[1].after[0].status[0]",
            "did you mean 'succeeded'?",
        ),
    ],
)
def test_what_is_wrong_with_a_pipeline_is_told(elements: list[dict[str, Any]], path: str, says: str) -> None:
    (problem,) = wrong(definition=pipeline(*elements))
    assert problem.startswith(f"definition.{path}: ")
    assert says in problem


def schedule_problems(value: dict[str, Any], *parameters: dict[str, Any]) -> list[str]:
    known = {"build": job_from(job(parameters=list(parameters)), "p", "build").parameters}
    with pytest.raises(InvalidContent) as caught:
        schedule_from(value, "p", "s", jobs=known, zones=zones)
    return [str(one) for one in caught.value.problems]


def test_an_unknown_job_is_named_beside_what_else_is_wrong_with_a_schedule() -> None:
    value = {"job": "biuld", "expression": "never", "time_zone": "Mars"}
    with pytest.raises(InvalidContent) as raised:
        schedule_from(value, "p", "s", jobs={"build": ()}, zones=zones)
    assert [problem.path for problem in raised.value.problems] == ["expression", "time_zone", "job"]


def test_a_schedule_is_checked_against_its_job_and_the_time_zones() -> None:
    bad = {"job": "build", "expression": "* * *", "time_zone": "europe/paris"}
    assert schedule_problems(bad) == [
        "expression: expected five fields (minute, hour, day of month, month, day of week) or a macro such as "
        "@daily, got 3",
        "time_zone: unknown time zone 'europe/paris'; did you mean 'Europe/Paris'?",
    ]
    (problem,) = schedule_problems({"job": "biuld", "expression": "@daily"})
    assert problem == "job: unknown job 'biuld'; did you mean 'build'?"
    given = {"job": "build", "expression": "@daily", "parameters": {"n": "x", "zz": 1}}
    assert schedule_problems(given, {"key": "n", "type": "integer"}, {"key": "r", "is_required": True}) == [
        "parameters.zz: unknown parameter 'zz': expected one of n, r",
        "parameters.n: expected a whole number, got 'x'",
        "parameters.r: a value is required",
    ]


def test_values_of_schedules_are_typed_and_text_in_files_stays_as_written() -> None:
    manifest = read(
        """
        projects:
          p:
            jobs:
              j:
                parameters: [{key: version}, {key: count, type: integer, default: 1}, {key: other}]
                definition: {type: commands, commands: ["true"]}
            schedules:
              s: {job: j, expression: "@hourly", parameters: {version: 3.10, count: "4"}}
        """
    )
    assert manifest.schedules[0].parameters == {"version": "3.10", "count": 4}


def test_a_project_may_be_spread_over_files_but_says_everything_once() -> None:
    one = "projects: {p: {display_name: P, jobs: {a: {definition: {type: commands, commands: [x]}}}}}"
    other = "projects: {p: {jobs: {b: {definition: {type: commands, commands: [x]}}}}}"
    manifest = read(other, one)
    assert [project.display_name for project in manifest.projects] == ["P"]
    assert {entry.identifier for entry in manifest.jobs} == {"a", "b"}
    found = problems(one, one)
    assert [problem.message for problem in found] == [
        "the project's own fields stand already at 0.yaml:1",
        "the job stands already at 0.yaml:1",
    ]
    assert not read("projects: {p: {jobs: {}}}").projects[0].is_declared


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected the key 'projects' in at least one file"),
        ("jobs: {}", "unknown key 'jobs': expected one of projects, $schema"),
        ("[1]", "expected a mapping with the key 'projects', got a list"),
        ("projects: [p]", "expected a mapping of projects by identifier, got a list"),
        ("projects: {p: x}", "expected a mapping, got the text 'x'"),
        ("projects: {'a b': {}}", "'a b' is no identifier"),
        ("projects: {p: {jobs: {-x: {}}}}", "'-x' is no identifier"),
        ("projects: {p: {services: {a: x}}}", "expected a mapping, got the text 'x'"),
    ],
)
def test_the_frame_of_a_file_is_checked(text: str, says: str) -> None:
    assert any(says in problem.message for problem in problems(text)), problems(text)


def test_an_empty_project_is_a_project() -> None:
    assert [one.identifier for one in read("projects: {p: , q: {}}").projects] == ["p", "q"]
    assert read("projects: {}") == Manifest()


def test_the_typed_readers_understand_normal_forms() -> None:
    build = read(EXAMPLE).jobs[0]
    definition = commands_definition(build.definition)
    assert [command.name for command in definition.cleanup] == ["rm -rf source"]
    assert definition.commands[1].run == ("python3", "-m", "pytest", "source")
    assert (definition.timeout_s, definition.commands[2].timeout_s) == (1800.0, 300.0)
    read_policy = policy(build.policy)
    assert read_policy.concurrency is not None and read_policy.concurrency.group == "build-{parameters.branch}"
    assert read_policy.retry is not None and (read_policy.retry.on, read_policy.retry.delay_s) == (("worker_lost",), 30)
    assert (read_policy.priority, read_policy.fail_after_s, read_policy.expiration_s) == (10, 7200.0, 86_400.0)
    assert policy({}).fail_after_s == 86_400.0
    assert policy({"on_worker_lost": "wait"}).fail_after_s is None


@pytest.mark.parametrize("record", [PROJECT, JOB, SCHEDULE])
def test_null_is_the_default_of_every_optional_field(record: Record) -> None:
    required: dict[str, Any] = {
        "definition": {"type": "commands", "commands": ["x"]},
        "job": "j",
        "expression": "@daily",
    }
    needed = {field.name: required[field.name] for field in record.fields if field.required}
    nulls = {field.name: None for field in record.fields if not field.required}
    report = Report()
    assert check(record, from_plain({**nulls, **needed}), "", report) == check(record, from_plain(needed), "", report)
    assert not len(report)


def test_a_request_that_is_nested_too_deeply_is_refused() -> None:
    value: Any = "x"
    for _ in range(100):
        value = [value]
    with pytest.raises(InvalidContent, match="nested deeper"):
        job_from({"definition": value}, "p", "j")


def test_the_largest_assignment_fits_into_one_frame() -> None:
    description = "😀" * 4096
    project = project_from({"description": description, "services": {"s": {"k": "x" * 32_000}}}, "p")
    commands = ["x" * 65_000, "y" * 32_000]
    entry = job_from(
        {"description": description, "definition": {"type": "commands", "commands": commands}},
        "p",
        "j",
        services=project.services,
    )
    message = Assign(
        run="r" * 36,
        epoch=1,
        number=1,
        project="p",
        job="j",
        definition=entry.definition,
        parameters={"x": "z" * TOTAL_BYTES},
        context={
            "project": {"description": project.description},
            "job": {"description": entry.description},
            "services": project.services,
        },
    )
    assert len(msgspec.msgpack.encode([message])) < FRAME_BYTES
