"""Plan: what must change so that the server is as the files say; empty when it is so already.

    create and update: projects, jobs, schedules · then delete: schedules, jobs, projects

Rules. The `source` of the files owns what they create (`managed_by`). What another source owns is
never touched: naming it is a conflict. What people made by API or website is taken over when files
name it. Deleted is only what this source owns, and only with `prune`; without it, `leftovers` tells
what would be. A project that files name without saying anything of its own stays its owner's: so
jobs can be put into a project that is managed elsewhere. Values are compared in normal form.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from orchestra.domain.difference import differences, of_parameters
from orchestra.domain.entries import JobEntry, ProjectEntry, ScheduleEntry
from orchestra.domain.errors import Problem
from orchestra.domain.job import Job
from orchestra.domain.manifest import Manifest, check_elements, check_target
from orchestra.domain.project import MANAGED_BY_API, Project
from orchestra.domain.schedule import Schedule
from orchestra.domain.tree import Report

Entry = ProjectEntry | JobEntry | ScheduleEntry
Object = Project | Job | Schedule


class Action(StrEnum):
    """What is done with one object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Kind(StrEnum):
    """What kind of object it is."""

    PROJECT = "project"
    JOB = "job"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value that differs, at `path` inside the object; None is "not there"."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object; `path` is `project` or `project/identifier`. `entry` is what it becomes, None for a deletion."""

    action: Action
    kind: Kind
    project: str
    identifier: str
    fields: tuple[FieldChange, ...] = ()
    entry: Entry | None = None

    @property
    def path(self) -> str:
        return self.project if self.kind is Kind.PROJECT else f"{self.project}/{self.identifier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What the server has: every object of the projects that the files name, and all that the source owns."""

    projects: Mapping[str, Project] = field(default_factory=dict)
    jobs: Mapping[tuple[str, str], Job] = field(default_factory=dict)
    schedules: Mapping[tuple[str, str], Schedule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`changes` in the order in which they are executed. With `problems`, nothing may be executed."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    leftovers: tuple[Change, ...] = ()
    """What this source owns and the files no longer name, when nothing is pruned."""
    deletions: tuple[Change, ...] = ()
    """Those of `changes` that delete; also there when the plan has problems."""

    def describe(self) -> dict[str, Any]:
        """Return the plan as a JSON value: `changes` and `leftovers` with `action`, `kind`, `path`, `fields`."""
        return {
            "changes": [_described(change) for change in self.changes],
            "leftovers": [_described(change) for change in self.leftovers],
        }


def _described(change: Change) -> dict[str, Any]:
    fields = [{"path": one.path, "old": one.old, "new": one.new} for one in change.fields]
    return {"action": str(change.action), "kind": str(change.kind), "path": change.path, "fields": fields}


def plan(current: Current, wanted: Manifest, source: str, prune: bool) -> Plan:
    """Compare, and return what to do. Nothing is raised: problems stand in the plan."""
    report = Report()
    known = {key: job.parameters for key, job in current.jobs.items()}
    known |= {(job.project, job.identifier): job.parameters for job in wanted.jobs}
    schedules = [check_target(one, _path("schedules", one), known, report) for one in wanted.schedules]
    for job in wanted.jobs:
        check_elements(job, _path("jobs", job), known, report)
    changes = [
        *_wanted(Kind.PROJECT, wanted.projects, {(one, one): value for one, value in current.projects.items()}, source),
        *_wanted(Kind.JOB, wanted.jobs, current.jobs, source),
        *_wanted(Kind.SCHEDULE, schedules, current.schedules, source),
    ]
    for change in changes:
        owner = next((one.old for one in change.fields if one.path == "managed_by"), source)
        if owner not in (source, MANAGED_BY_API):
            assert change.entry is not None
            says = f"the {change.kind} {change.path} belongs to the configuration {owner!r}; only that may change it"
            report.add(change.entry.node, _path(f"{change.kind}s", change.entry), says)
    gone = list(_gone(current, wanted, source))
    if prune:
        _check_gone(gone, current, wanted, report)
        changes += gone
    return Plan(
        changes=() if report else tuple(changes),
        problems=report.problems,
        leftovers=() if prune else tuple(gone),
        deletions=tuple(gone) if prune else (),
    )


def _path(section: str, entry: Entry) -> str:
    if isinstance(entry, ProjectEntry):
        return f"projects.{entry.identifier}"
    return f"projects.{entry.project}.{section}.{entry.identifier}"


def _key(entry: Entry) -> tuple[str, str]:
    return (entry.identifier if isinstance(entry, ProjectEntry) else entry.project), entry.identifier


def _wanted(
    kind: Kind, entries: Iterable[Entry], current: Mapping[tuple[str, str], Object], source: str
) -> Iterator[Change]:
    """Return the creations and updates of one kind."""
    for one in entries:
        project, identifier = _key(one)
        before = current.get((project, identifier))
        if isinstance(one, ProjectEntry) and not one.is_declared and before is not None and before.managed_by != source:
            continue
        entry = replace(one, managed_by=source)
        if before is None:
            yield Change(action=Action.CREATE, kind=kind, project=project, identifier=identifier, entry=entry)
        elif fields := tuple(_differences(before, entry)):
            yield Change(
                action=Action.UPDATE, kind=kind, project=project, identifier=identifier, fields=fields, entry=entry
            )


def _gone(current: Current, wanted: Manifest, source: str) -> Iterator[Change]:
    """Return the deletions: what the source owns and the files do not name."""
    named: dict[Kind, set[tuple[str, str]]] = {
        Kind.SCHEDULE: {_key(one) for one in wanted.schedules},
        Kind.JOB: {_key(one) for one in wanted.jobs},
        Kind.PROJECT: {_key(one) for one in wanted.projects},
    }
    owned: dict[Kind, Mapping[tuple[str, str], Object]] = {
        Kind.SCHEDULE: current.schedules,
        Kind.JOB: current.jobs,
        Kind.PROJECT: {(one, one): value for one, value in current.projects.items()},
    }
    for kind, objects in owned.items():
        for (project, identifier), value in sorted(objects.items(), key=lambda item: item[0]):
            if value.managed_by == source and (project, identifier) not in named[kind]:
                yield Change(action=Action.DELETE, kind=kind, project=project, identifier=identifier)


def _check_gone(gone: list[Change], current: Current, wanted: Manifest, report: Report) -> None:
    """Refuse to delete a project that would take objects of others along, and a job that schedules still trigger."""
    leaving = {(one.kind, one.project, one.identifier) for one in gone}
    triggers = {(project, name): one.job for (project, name), one in current.schedules.items()}
    triggers |= {(one.project, one.identifier): one.job for one in wanted.schedules}
    for change in gone:
        if change.kind is Kind.PROJECT:
            staying = [
                f"the {kind} {identifier}"
                for kind, keys in ((Kind.JOB, current.jobs), (Kind.SCHEDULE, current.schedules))
                for project, identifier in keys
                if project == change.project and (kind, project, identifier) not in leaving
            ]
            if staying:
                says = f"the project cannot be deleted: these files do not own {', '.join(sorted(staying)[:10])} in it"
                report.add(None, place(change), says)
        elif change.kind is Kind.JOB:
            schedules = [
                name
                for (project, name), job in triggers.items()
                if (project, job) == (change.project, change.identifier)
                and (Kind.SCHEDULE, project, name) not in leaving
            ]
            if schedules:
                says = f"the job cannot be deleted: schedules trigger it: {', '.join(sorted(schedules)[:10])}"
                report.add(None, place(change), says)


def place(change: Change) -> str:
    """Return the path of an object in configuration files."""
    if change.kind is Kind.PROJECT:
        return f"projects.{change.project}"
    return f"projects.{change.project}.{change.kind}s.{change.identifier}"


# Differences --------------------------------------------------------------------------------------

_COMPARED: Final[dict[type[Object], tuple[str, ...]]] = {
    Project: ("display_name", "description", "services", "managed_by"),
    Job: (
        "display_name",
        "description",
        "group",
        "parameters",
        "properties",
        "policy",
        "definition",
        "managed_by",
        "is_enabled",
    ),
    Schedule: (
        "display_name",
        "job",
        "parameters",
        "expression",
        "time_zone",
        "overlap",
        "misfire",
        "misfire_window_s",
        "jitter_s",
        "managed_by",
        "is_enabled",
    ),
}


def _differences(before: Object, entry: Entry) -> Iterator[FieldChange]:
    """Return what differs, field by field and inside of fields; `is_enabled` None is not compared."""
    for name in _COMPARED[type(before)]:
        old, new = getattr(before, name), getattr(entry, name)
        if old == new or (name == "is_enabled" and new is None):
            continue
        found = (
            of_parameters(old, new)
            if name == "parameters" and isinstance(before, Job)
            else differences(name.removesuffix("_s"), old, new)
        )
        yield from (FieldChange(one.path, one.before, one.after) for one in found)
