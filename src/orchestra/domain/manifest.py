"""Manifest: what configuration files and PUT requests say, checked as a whole, in normal form.

    documents ──trees──► read ──► Manifest (projects, jobs, schedules) ──► plan

`read` takes the trees of all files at once; a project may be spread over files, its own fields stand
in one of them. `project_from`, `job_from` and `schedule_from` are the same checks for one object.
All problems are raised together in one InvalidContent. What only the server knows (jobs that other
files or people made) is checked by `plan`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestra.domain.entries import (
    JOB,
    PROJECT,
    SCHEDULE,
    JobEntry,
    ProjectEntry,
    ScheduleEntry,
    Zones,
    is_identifier,
    job_entry,
    project_entry,
    schedule_entry,
)
from orchestra.domain.ids import IDENTIFIER_PATTERN
from orchestra.domain.job import Parameter
from orchestra.domain.job_check import child
from orchestra.domain.parameters import checked
from orchestra.domain.shapes import json_schema
from orchestra.domain.tree import Node, Report, expected, from_plain, joined, kind

Jobs = Mapping[tuple[str, str], tuple[Parameter, ...]]
"""(project, identifier) of jobs → their parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that files say, in their order."""

    projects: tuple[ProjectEntry, ...] = ()
    jobs: tuple[JobEntry, ...] = ()
    schedules: tuple[ScheduleEntry, ...] = ()


# Files --------------------------------------------------------------------------------------------

_ROOT_KEYS: Final = ("projects", "$schema")
_OWN: Final = tuple(one.name for one in PROJECT.fields)
_PROJECT_KEYS: Final = (*_OWN, "jobs", "schedules")


def read(trees: Iterable[Node], zones: Zones, report: Report | None = None) -> Manifest:
    """Return what the trees of all files say together.

    Raises InvalidContent with every problem, those that `report` already holds included.
    """
    return _Files(zones, Report() if report is None else report).read(tuple(trees))


class _Files:
    """Collects entries from trees; duplicates are told with the place of the first."""

    def __init__(self, zones: Zones, report: Report) -> None:
        self._zones = zones
        self._report = report
        self._first: dict[str, Node] = {}
        self._projects: dict[str, ProjectEntry] = {}
        self._jobs: list[JobEntry] = []
        self._schedules: list[ScheduleEntry] = []

    def read(self, trees: tuple[Node, ...]) -> Manifest:
        sections = [section for tree in trees for section in self._sections(tree)]
        if not self._report and not any(child(tree, "projects") for tree in trees):
            self._report.add(trees[0] if trees else None, "", "expected the key 'projects' in at least one file")
        for identifier, node in sections:
            self._read_project(identifier, node)
        for identifier, node in sections:
            self._read_jobs(identifier, node)
        for identifier, node in sections:
            self._read_schedules(identifier, node)
        known = {(job.project, job.identifier): job.parameters for job in self._jobs}
        # A job that is wrong itself, or that the files do not hold, says nothing about those that name it.
        schedules = [
            check_target(one, _schedule_path(one), known, self._report) if (one.project, one.job) in known else one
            for one in self._schedules
        ]
        self._report.raise_if_any("the configuration")
        return Manifest(projects=tuple(self._projects.values()), jobs=tuple(self._jobs), schedules=tuple(schedules))

    def _sections(self, tree: Node) -> list[tuple[str, Node]]:
        """Return (identifier, tree) of each project in one file."""
        if tree.value is None:
            return []
        if not isinstance(tree.value, dict):
            self._report.add(tree, "", f"expected a mapping with the key 'projects', got {kind(tree)}")
            return []
        self._check_keys(tree, "", _ROOT_KEYS)
        projects = tree.value.get("projects")
        return [] if projects is None else self._children(projects, "projects", "projects by identifier")

    def _children(self, node: Node, path: str, says: str) -> list[tuple[str, Node]]:
        """Return the entries of a mapping of objects, with good identifiers."""
        if not isinstance(node.value, dict):
            self._report.add(node, path, f"expected a mapping of {says}, got {kind(node)}")
            return []
        return [
            (identifier, one)
            for identifier, one in node.value.items()
            if is_identifier(
                identifier, Node(None, node.file, *node.keys.get(identifier, (None, None))), path, self._report
            )
        ]

    def _check_keys(self, node: Node, path: str, known: tuple[str, ...]) -> None:
        assert isinstance(node.value, dict)
        for key in node.value:
            if key not in known:
                self._report.add_key(node, key, joined(path, key), expected("key", key, known))

    def _read_project(self, identifier: str, node: Node) -> None:
        path = f"projects.{identifier}"
        if not isinstance(node.value, dict):
            if node.value is not None:
                self._report.add(node, path, f"expected a mapping, got {kind(node)}")
            node = replace(node, value={})
        assert isinstance(node.value, dict)
        self._check_keys(node, path, _PROJECT_KEYS)
        own = replace(node, value={key: one for key, one in node.value.items() if key in _OWN})
        if not own.value and identifier in self._projects:
            return
        if own.value and self._is_second(path, own, "the project's own fields stand"):
            return
        entry = project_entry(own, identifier, path, self._report)
        if entry is not None:
            self._projects[identifier] = entry

    def _read_jobs(self, project: str, node: Node) -> None:
        jobs = child(node, "jobs")
        path = f"projects.{project}.jobs"
        entry = self._projects.get(project)
        # Services that the server has from elsewhere are not known here; the run will tell.
        services = entry.services if entry is not None and entry.is_declared else None
        for identifier, one in [] if jobs is None else self._children(jobs, path, "jobs by identifier"):
            place = f"{path}.{identifier}"
            if not self._is_second(place, one, "the job stands"):
                job = job_entry(one, project, identifier, place, self._report, services=services)
                self._jobs += [job] if job is not None else []

    def _read_schedules(self, project: str, node: Node) -> None:
        schedules = child(node, "schedules")
        path = f"projects.{project}.schedules"
        for identifier, one in [] if schedules is None else self._children(schedules, path, "schedules by identifier"):
            place = f"{path}.{identifier}"
            if not self._is_second(place, one, "the schedule stands"):
                schedule = schedule_entry(one, project, identifier, place, self._report, zones=self._zones)
                self._schedules += [schedule] if schedule is not None else []

    def _is_second(self, path: str, node: Node, says: str) -> bool:
        first = self._first.setdefault(path, node)
        if first is not node:
            self._report.add(node, path, f"{says} already at {first.file}:{first.line}")
        return first is not node


def _schedule_path(entry: ScheduleEntry) -> str:
    return f"projects.{entry.project}.schedules.{entry.identifier}"


# Single objects -----------------------------------------------------------------------------------


def project_from(value: Any, identifier: str) -> ProjectEntry:
    """Return the project that the JSON value `value` describes. Raises InvalidContent with all problems."""
    report = Report()
    entry = project_entry(from_plain(value), identifier, "", report)
    report.raise_if_any(f"the project {identifier}")
    assert entry is not None
    return replace(entry, is_declared=True)


def job_from(value: Any, project: str, identifier: str, *, services: Mapping[str, Any] | None = None) -> JobEntry:
    """Return the job that the JSON value `value` describes; `services` are its project's, None when not known.

    Raises InvalidContent with all problems.
    """
    report = Report()
    entry = job_entry(from_plain(value), project, identifier, "", report, services=services)
    report.raise_if_any(f"the job {project}/{identifier}")
    assert entry is not None
    return entry


def schedule_from(
    value: Any, project: str, identifier: str, *, jobs: Mapping[str, tuple[Parameter, ...]], zones: Zones
) -> ScheduleEntry:
    """Return the schedule that the JSON value `value` describes; `jobs` holds the project's jobs' parameters.

    Raises InvalidContent with all problems.
    """
    report, node = Report(), from_plain(value)
    known = {(project, job): parameters for job, parameters in jobs.items()}
    entry = schedule_entry(node, project, identifier, "", report, zones=zones)
    if entry is not None:
        entry = check_target(entry, "", known, report)
    else:
        check_job(node, project, "", known, report)
    report.raise_if_any(f"the schedule {project}/{identifier}")
    assert entry is not None
    return entry


# References ---------------------------------------------------------------------------------------


def check_target(entry: ScheduleEntry, path: str, jobs: Jobs, report: Report) -> ScheduleEntry:
    """Check the job of a schedule, and its parameters against it; return the schedule with typed parameters."""
    parameters = jobs.get((entry.project, entry.job))
    if parameters is None:
        check_job(entry.node, entry.project, path, jobs, report)
        return entry
    given = child(entry.node, "parameters")
    if given is None or given.value is None:
        given = replace(entry.node, value={}) if entry.node is not None else from_plain({})
    return replace(entry, parameters=checked(parameters, given, joined(path, "parameters"), report, complete=False))


def check_job(node: Node | None, project: str, path: str, jobs: Jobs, report: Report) -> None:
    """Check that the job that a schedule names exists, whatever else is wrong with the schedule."""
    name = child(node, "job")
    if name is not None and isinstance(name.value, str) and (project, name.value) not in jobs:
        names = [job for one, job in jobs if one == project]
        report.add(name, joined(path, "job"), expected("job", name.value, names))


def check_elements(entry: JobEntry, path: str, jobs: Jobs, report: Report) -> None:
    """Check that the elements of a pipeline name jobs that exist."""
    if entry.definition["type"] != "pipeline":
        return
    elements = child(child(entry.node, "definition"), "elements")
    nodes = elements.value if elements is not None and isinstance(elements.value, tuple) else ()
    for index, element in enumerate(entry.definition["elements"]):
        project = element["project"] or entry.project
        if (project, element["job"]) not in jobs:
            names = [job for one, job in jobs if one == project]
            place = joined(path, f"definition.elements[{index}].job")
            report.add(child(nodes[index], "job") if nodes else None, place, expected("job", element["job"], names))


# Schema -------------------------------------------------------------------------------------------


def configuration_schema() -> dict[str, Any]:
    """Return the JSON Schema of configuration files, for completion in editors (`docs/schema.json`)."""
    project = json_schema(PROJECT)
    names = {"pattern": f"^{IDENTIFIER_PATTERN}$"}
    for section, kind_ in (("jobs", "job"), ("schedules", "schedule")):
        project["properties"][section] = {
            "description": f"The {section} of the project, by identifier.",
            "type": ["object", "null"],
            "propertyNames": names,
            "additionalProperties": {"$ref": f"#/$defs/{kind_}"},
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Orchestra configuration",
        "description": "Projects with their jobs and schedules, for `orchestra apply`.",
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "projects": {
                "description": "Projects by identifier.",
                "type": "object",
                "propertyNames": names,
                "additionalProperties": {"anyOf": [{"$ref": "#/$defs/project"}, {"type": "null"}]},
            },
        },
        "additionalProperties": False,
        "$defs": {"project": project, "job": json_schema(JOB), "schedule": json_schema(SCHEDULE)},
    }
