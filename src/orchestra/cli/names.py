"""What people type for a project, a job, a run, a worker or a user: how it reads, completes, and what is near it.

Each kind of name is a type of click's. `candidates` lists what could stand there: for the shell's
completion, and for "did you mean" when the server says that there is no such object.
"""

import difflib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from orchestra.domain.access import ASSIGNABLE, Role
from orchestra.domain.ids import is_uuid

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from orchestra.client import Client
    from orchestra.client.entities import RunDetail

MOST: Final = 1000
"""Names that a completion offers: more is nothing that anybody reads."""

RECENT_RUNS: Final = 50


class Candidate(NamedTuple):
    """A name that could stand there, and what people call it."""

    name: str
    help: str = ""


class Name(click.ParamType[Any]):
    """A name of one kind of object."""

    name = "name"

    def candidates(self, client: "Client", typed: str) -> Iterable[Candidate]:
        """What could stand there, given what was typed so far."""
        raise NotImplementedError

    def near(self, client: "Client", typed: str) -> list[str]:
        """Names that `typed` may have meant; empty when it stands among the candidates or nothing is near."""
        known = [one.name for one in islice(self.candidates(client, typed), MOST)]
        return [] if typed in known else difflib.get_close_matches(typed, known)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        # Imported here: only shells ask for it.
        from orchestra.cli.completing import complete  # noqa: PLC0415

        return complete(ctx, lambda client: self.candidates(client, incomplete), incomplete)


class ProjectName(Name):
    """PROJECT."""

    name = "project"

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        return (Candidate(one.identifier, one.display_name) for one in client.projects())


class _Path(NamedTuple):
    project: str
    identifier: str


class PathName(Name):
    """PROJECT/NAME; read into its two parts."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> _Path:
        if isinstance(value, _Path):
            return value
        project, sign, identifier = str(value).partition("/")
        if not (project and sign and identifier) or "/" in identifier:
            self.fail(f"'{value}' is not PROJECT/{self.name.upper()}", param, ctx)
        return _Path(project, identifier)

    def near(self, client: "Client", typed: str) -> list[str]:
        project, _, identifier = typed.partition("/")
        projects = [one.identifier for one in islice(client.projects(), MOST)]
        if project not in projects:
            return [f"{one}/{identifier}" for one in difflib.get_close_matches(project, projects)]
        return super().near(client, typed)

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        project, sign, _ = typed.partition("/")
        projects = [project] if sign else [one.identifier for one in client.projects()]
        for one in projects:
            if one.startswith(project):
                yield from self.inside(client, one)

    def inside(self, client: "Client", project: str) -> Iterator[Candidate]:
        """The objects of one project."""
        raise NotImplementedError


class JobName(PathName):
    """PROJECT/JOB."""

    name = "job"

    def inside(self, client: "Client", project: str) -> Iterator[Candidate]:
        return (Candidate(f"{project}/{one.identifier}", one.display_name) for one in client.jobs(project))


class ScheduleName(PathName):
    """PROJECT/SCHEDULE."""

    name = "schedule"

    def inside(self, client: "Client", project: str) -> Iterator[Candidate]:
        return (Candidate(f"{project}/{one.identifier}", one.display_name) for one in client.schedules(project))


class ScopeName(Name):
    """PROJECT or PROJECT/JOB; read into (project, job or None)."""

    name = "scope"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str | None]:
        if isinstance(value, tuple):
            return value
        text = str(value)
        if "/" not in text:
            return text, None
        project, job = JobName().convert(text, param, ctx)
        return project, job

    def candidates(self, client: "Client", typed: str) -> Iterable[Candidate]:
        return (JobName() if "/" in typed else ProjectName()).candidates(client, typed)


class RunName(Name):
    """A run's UUID, or PROJECT/JOB#NUMBER."""

    name = "run"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        job, sign, number = text.partition("#")
        if is_uuid(text.lower()):
            return text.lower()
        if not (sign and number.isdigit() and job.count("/") == 1 and all(job.split("/"))):
            self.fail(f"'{text}' names no run: give its UUID, or PROJECT/JOB#NUMBER", param, ctx)
        return text

    def near(self, client: "Client", typed: str) -> list[str]:
        job, _, number = typed.partition("#")
        return [f"{one}#{number}" for one in JobName().near(client, job)] if "/" in job else []

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        project, _, rest = typed.partition("/")
        job, sign, _ = rest.partition("#")
        filters = {"project": project, "job": job} if sign else {}
        for one in client.runs(limit=RECENT_RUNS, **filters):
            yield Candidate(f"{one.project}/{one.job}#{one.number}", f"{one.status}")


class WorkerName(Name):
    """WORKER."""

    name = "worker"

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        return (Candidate(one.identifier, one.display_name) for one in client.workers())


class UserName(Name):
    """USER."""

    name = "user"

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        return (Candidate(one.identifier, one.display_name) for one in client.users())


class RoleEntry(Name):
    """ROLE, or ROLE@PROJECT. What does not fit is told by the server, all at once."""

    name = "role"

    def near(self, client: "Client", typed: str) -> list[str]:
        return []

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        role, sign, _ = typed.partition("@")
        if not sign:
            yield from (Candidate(str(one)) for one in ASSIGNABLE)
        elif role != Role.WORKER:
            yield from (Candidate(f"{role}@{one.identifier}", one.display_name) for one in client.projects())


class TokenId(Name):
    """A token's identifier: one's own, or of the user that `--user` names."""

    name = "token"

    def near(self, client: "Client", typed: str) -> list[str]:
        return []

    def candidates(self, client: "Client", typed: str) -> Iterator[Candidate]:
        owner = click.get_current_context().params.get("owner")
        found = client.own_authentications() if owner is None else client.authentications(owner)
        return (Candidate(one.identifier, one.description or one.type) for one in found)


def find_run(client: "Client", text: str) -> "RunDetail":
    """The run that `text` (as `RunName` reads it) names."""
    if is_uuid(text):
        return client.run(text)
    job, _, number = text.partition("#")
    project, _, identifier = job.partition("/")
    return client.run_by_number(project, identifier, int(number))
