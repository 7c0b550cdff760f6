"""What of an export is to be stored here, given what is stored already, and the report of it.

Rules. What is here stays as it is: an object that exists is unchanged when it is the one that an import
would make, else a conflict, which is told. So a second import changes nothing, no import overwrites a
user, and nobody gains a right by one. Authentications come only with their user: to one who is here
already nothing is added, so that what was deleted does not come back. A dry run is this function alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from orchestra.domain.job import Job
from orchestra.domain.job_orchestra.exported import Export, ExportedRun, Record, Table
from orchestra.domain.job_orchestra.history import run_identifier, run_of
from orchestra.domain.job_orchestra.translation import (
    Outcome,
    Support,
    authentication_of,
    job_of,
    project_of,
    schedule_of,
    user_of,
    worker_of,
)
from orchestra.domain.project import Project
from orchestra.domain.run import Run
from orchestra.domain.schedule import Schedule
from orchestra.domain.user import AuthenticationType, User, UserAuthentication
from orchestra.domain.worker import Worker

JobName = tuple[str, str]
"""(project, identifier)."""


class Action(StrEnum):
    """What an import does with a record; in a dry run, what it would do."""

    CREATE = "create"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record in the report. `path` is `project/identifier` or `identifier`; `reasons` say what is lost, or why."""

    table: Table
    path: str
    support: Support
    action: Action
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The last revision and the last number of a job that were ever given here."""

    revision: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is stored here, of what the export names; users' passwords are named by their users."""

    users: Mapping[str, User] = field(default_factory=dict)
    authentications: Mapping[str, UserAuthentication] = field(default_factory=dict)
    projects: Mapping[str, Project] = field(default_factory=dict)
    jobs: Mapping[JobName, Job] = field(default_factory=dict)
    schedules: Mapping[JobName, Schedule] = field(default_factory=dict)
    workers: Mapping[str, Worker] = field(default_factory=dict)
    runs: Mapping[str, Run] = field(default_factory=dict)
    numbers: Mapping[JobName, Numbers] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What to store, each list in the order in which it can be, and the report."""

    users: list[User] = field(default_factory=list)
    authentications: list[UserAuthentication] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    orphans: list[JobName] = field(default_factory=list)
    """Jobs of runs that exist neither here nor in the export: their runs need a revision to name, of nothing."""
    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: tuple[Table, ...] = ()

    def counts(self) -> dict[Table, dict[str, int]]:
        """Return for each table how many records there are of each support and each action."""
        words = Counter((one.table, word) for one in self.items for word in (str(one.support), str(one.action)))
        names = [str(word) for word in (*Support, *Action) if word is not Action.NONE]
        return {table: {name: words[table, name] for name in names} for table in Table if table not in self.missing}


def plan(export: Export, present: Present) -> Plan:
    """Decide what of `export` is stored beside what is `present`."""
    planned = Plan(missing=export.missing)
    maker = _Maker(present, planned)
    maker.users(export)
    maker.projects(export)
    maker.jobs(export)
    maker.schedules(export)
    maker.workers(export)
    maker.runs(export)
    if export.runs:
        planned.notes.append("logs of runs are not supported: an export does not hold them")
        planned.notes.append("runs show the definition of this import: an export does not say which one they ran with")
    return planned


_BORN: Final = ("creation_date",)
"""Two objects of one name that were created at the same microsecond are one."""


class _Maker:
    """Fills a plan, table by table."""

    def __init__(self, present: Present, planned: Plan) -> None:
        self._present = present
        self._planned = planned
        self._users = dict(present.users)
        self._projects = dict(present.projects)
        self._jobs = dict(present.jobs)

    def users(self, export: Export) -> None:
        created = set()
        for record in export.users:
            outcome = user_of(record)
            before = self._present.users.get(record.identifier)
            fields = ("display_name", "roles", "is_enabled", *_BORN)
            if (
                self._add(Table.USER, record, record.identifier, outcome, before=before, fields=fields)
                and outcome.value is not None
            ):
                self._planned.users.append(outcome.value)
                self._users[record.identifier] = outcome.value
                created.add(record.identifier)
        passwords: set[str] = set()
        for one in export.authentications:
            found = authentication_of(one)
            path = f"{one.user}/{one.identifier}"
            known = self._present.authentications.get(one.identifier)
            if known is None and (reason := self._against_authentication(one.user, one.type, created, passwords)):
                kept = found.value is not None and one.user in self._present.users
                self._tell(Table.USER_AUTHENTICATION, path, found, Action.CONFLICT if kept else Action.NONE, reason)
            elif self._add(Table.USER_AUTHENTICATION, one, path, found, before=known, fields=("user", "type", *_BORN)):
                assert found.value is not None
                self._planned.authentications.append(found.value)
                passwords |= {one.user} if found.value.type is AuthenticationType.PASSWORD else set()

    def _against_authentication(self, user: str, kind: str, created: set[str], passwords: set[str]) -> str:
        if user in self._present.users:
            return f"the user {user!r} was here before; its authentications are left alone"
        if user not in created:
            return f"the user {user!r} is not there"
        return f"the user {user!r} has a password already" if kind == "password" and user in passwords else ""

    def projects(self, export: Export) -> None:
        for record in export.projects:
            outcome = project_of(record)
            before = self._present.projects.get(record.identifier)
            fields = ("display_name", "services", *_BORN)
            if (
                self._add(Table.PROJECT, record, record.identifier, outcome, before=before, fields=fields)
                and outcome.value is not None
            ):
                self._planned.projects.append(outcome.value)
                self._projects[record.identifier] = outcome.value

    def jobs(self, export: Export) -> None:
        outcomes = [(record, self._in_project(record.project, job_of(record))) for record in export.jobs]
        known = {
            *self._present.jobs,
            *((one.project, one.identifier) for one, made in outcomes if made.value is not None),
        }
        for record, outcome in outcomes:
            name = (record.project, record.identifier)
            if outcome.value is not None and (lost := _lost_elements(outcome.value, known)):
                outcome = replace(outcome, reasons=(*outcome.reasons, *lost))  # noqa: PLW2901
            before = self._present.jobs.get(name)
            fields = ("display_name", "description", "definition", "parameters", "properties", "is_enabled", *_BORN)
            if (
                self._add(Table.JOB, record, "/".join(name), outcome, before=before, fields=fields)
                and outcome.value is not None
            ):
                revision = self._present.numbers.get(name, Numbers()).revision + 1
                self._planned.jobs.append(replace(outcome.value, revision=revision))
                self._jobs[name] = self._planned.jobs[-1]

    def schedules(self, export: Export) -> None:
        parameters: dict[str, dict[str, Any]] = {}
        for (project, job), value in self._jobs.items():
            parameters.setdefault(project, {})[job] = value.parameters
        for record in export.schedules:
            outcome = self._in_project(record.project, schedule_of(record, parameters.get(record.project, {})))
            if outcome.value is not None and record.last_run is not None:
                last_run = run_identifier(record.project, record.last_run)
                outcome = replace(outcome, value=replace(outcome.value, last_run=last_run))
            name = (record.project, record.identifier)
            before = self._present.schedules.get(name)
            fields = ("display_name", "job", "parameters", "expression", "is_enabled", *_BORN)
            if (
                self._add(Table.SCHEDULE, record, "/".join(name), outcome, before=before, fields=fields)
                and outcome.value is not None
            ):
                self._planned.schedules.append(outcome.value)

    def workers(self, export: Export) -> None:
        for record in export.workers:
            outcome = worker_of(record)
            if outcome.value is not None and record.owner not in self._users:
                outcome = Outcome(value=None, reasons=(f"its owner {record.owner!r} is not there",))
            before = self._present.workers.get(record.identifier)
            # A worker that has connected since says itself what it is.
            if self._add(Table.WORKER, record, record.identifier, outcome, before=before, fields=("owner", *_BORN)):
                assert outcome.value is not None
                self._planned.workers.append(outcome.value)

    def runs(self, export: Export) -> None:
        numbers, known = dict(self._present.numbers), dict(self._present.runs)
        for record in in_order(export.runs):
            name = (record.project, record.job)
            given = numbers.get(name, Numbers())
            job = self._jobs.get(name)
            revision = job.revision if job is not None else max(given.revision, 1)
            outcome = self._in_project(record.project, run_of(record, given.number + 1, revision))
            identifier = run_identifier(record.project, record.identifier)
            path, before = f"{record.project}/{identifier}", known.get(identifier)
            if self._add(Table.RUN, record, path, outcome, before=before, fields=("project", "job", *_BORN)):
                assert outcome.value is not None
                self._planned.runs.append(outcome.value)
                known[identifier] = outcome.value
                if job is None and given.revision == 0:
                    self._planned.orphans.append(name)
                numbers[name] = Numbers(revision=revision, number=given.number + 1)

    def _in_project(self, project: str, outcome: Outcome[Any]) -> Outcome[Any]:
        if outcome.value is None or project in self._projects:
            return outcome
        return Outcome(value=None, reasons=(f"its project {project!r} is not there",))

    def _add(
        self, table: Table, record: Record, path: str, outcome: Outcome[Any], *, before: Any, fields: tuple[str, ...]
    ) -> bool:
        """Report a record; tell whether it is to be created. `fields` tell it from another one of the same name."""
        if outcome.value is None:
            self._tell(table, path, outcome, Action.NONE)
        elif before is None:
            self._tell(table, path, outcome, Action.CREATE)
            return True
        elif differing := [name for name in fields if getattr(before, name) != getattr(outcome.value, name)]:
            says = f"it is here already with another {', '.join(differing)}; left alone"
            self._tell(table, path, outcome, Action.CONFLICT, says)
        else:
            self._tell(table, path, outcome, Action.UNCHANGED)
        return False

    def _tell(self, table: Table, path: str, outcome: Outcome[Any], action: Action, *more: str) -> None:
        support = Support.NOT_SUPPORTED if more and action is Action.NONE else outcome.support
        item = Item(table=table, path=path, support=support, action=action, reasons=(*outcome.reasons, *more))
        self._planned.items.append(item)


def in_order(runs: Iterable[ExportedRun]) -> list[ExportedRun]:
    """Return runs in the order in which they get their numbers: by creation, ties by identifier."""
    return sorted(runs, key=lambda one: (one.creation_date, one.identifier))


def _lost_elements(job: Job, known: set[JobName]) -> list[str]:
    """Say which elements of a pipeline name jobs that are not there."""
    return [
        f"elements: {element['identifier']!r} names the job {element['job']!r}, which is not there"
        for element in job.definition.get("elements", ())
        if (element["project"] or job.project, element["job"]) not in known
    ]
