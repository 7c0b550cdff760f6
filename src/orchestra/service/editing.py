"""Editing: how people change what configuration files may own too: projects, jobs and schedules.

    PUT, PATCH, DELETE ──► If-Match fits? ──► owned by files? ──► storage ──► hints ──► the object with its tag

One `Kind` says what is special of each; the questions, their order and their answers are the same for all.
Both questions are asked in the transaction that writes.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.entries import JobEntry, ProjectEntry, ScheduleEntry
from orchestra.domain.errors import Conflict, InvalidContent, ManagedElsewhere, NotFound, OrchestraError, Problem
from orchestra.domain.project import MANAGED_BY_API
from orchestra.service import conditional
from orchestra.service.entities import Entity
from orchestra.service.outcome import settle
from orchestra.service.request import ApiRequest
from orchestra.storage import projects


class Managed(Protocol):
    """An object that configuration files may own."""

    @property
    def managed_by(self) -> str: ...


T = TypeVar("T", bound=Managed)
Key = tuple[str, ...]
"""What finds an object: `(project,)`, or `(project, identifier)`."""
Entry = ProjectEntry | JobEntry | ScheduleEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """A kind of object. The functions are storage's; `wakes` are the hints that follow a change."""

    name: str
    get: Callable[..., T | None]
    save: Callable[..., T]
    delete: Callable[..., None]
    set_enabled: Callable[..., T] | None = None
    show: Callable[[T], Entity]
    wakes: tuple[str, ...]

    def called(self, key: Key) -> str:
        """The object in a sentence."""
        return f"{self.name} {'/'.join(key)}"

    def missing(self, key: Key) -> NotFound:
        """The error that there is none."""
        return NotFound(f"there is no {self.called(key)}")

    def refusal(self, key: Key, before: T) -> ManagedElsewhere | None:
        """Return why people may not change it."""
        if before.managed_by == MANAGED_BY_API:
            return None
        says = f"the {self.called(key)} belongs to the configuration files {before.managed_by}"
        return ManagedElsewhere(f"{says}; change it there and apply them")

    def tell(self, request: ApiRequest) -> None:
        """Wake whoever waits for such a change."""
        for topic in self.wakes:
            request.parts.hints.publish(topic)


def need_project(rows: Connection, project: str) -> None:
    """Raise NotFound when there is no such project."""
    if projects.get(rows, project) is None:
        raise NotFound(f"there is no project {project}")


async def find(request: ApiRequest, kind: Kind[T], *key: str) -> T:
    """Return the object. Raises NotFound."""
    found = await request.parts.database.read(lambda rows: kind.get(rows, *key))
    if found is None:
        raise kind.missing(key)
    return found


async def save(request: ApiRequest, kind: Kind[T], key: Key, wanted: Entry, if_match: str | None) -> Response[Any]:
    """Create or replace the object; answer 201 or 200.

    Raises NotFound (its project), PreconditionFailed, ManagedElsewhere.
    """
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> tuple[T | None, T] | OrchestraError:
        if len(key) > 1 and projects.get(rows, key[0]) is None:
            return NotFound(f"there is no project {key[0]}")
        before = kind.get(rows, *key)
        refused = conditional.check(if_match, None if before is None else kind.show(before))
        if refused is None and before is not None:
            refused = kind.refusal(key, before)
        return refused or (before, kind.save(rows, replace(wanted, managed_by=MANAGED_BY_API), now, actor=actor))

    before, after = settle(await request.parts.database.write(write))
    kind.tell(request)
    return conditional.answer(kind.show(after), status=201 if before is None else 200)


async def change(
    request: ApiRequest, kind: Kind[T], key: Key, complete: Callable[[T], Awaitable[Entry]], if_match: str | None
) -> Response[Any]:
    """Change the object to what `complete` makes of it as it is.

    What was read must still hold when it is written, or a change of somebody else would be undone.
    """
    before = await find(request, kind, *key)
    refused = kind.refusal(key, before)
    if refused is not None:
        raise refused
    wanted = await complete(before)
    return await save(request, kind, key, wanted, conditional.tag(kind.show(before)) if if_match is None else if_match)


async def enable(
    request: ApiRequest, kind: Kind[T], key: Key, data: Mapping[str, Any], if_match: str | None
) -> Response[Any]:
    """Enable or disable the object, also one that files own; nothing or null changes nothing."""
    now, actor, is_enabled = request.parts.clock.now(), request.principal.user, data.get("is_enabled")
    if is_enabled is not None and not isinstance(is_enabled, bool):
        raise InvalidContent("the change does not fit", (Problem("is_enabled", "expected a boolean"),))

    def write(rows: Connection) -> T | OrchestraError:
        before = kind.get(rows, *key)
        if before is None:
            return kind.missing(key)
        refused = conditional.check(if_match, kind.show(before))
        if refused is not None or is_enabled is None:
            return refused or before
        assert kind.set_enabled is not None, kind.name
        return kind.set_enabled(rows, *key, is_enabled, now, actor=actor)

    after = settle(await request.parts.database.write(write))
    kind.tell(request)
    return conditional.answer(kind.show(after))


async def remove(request: ApiRequest, kind: Kind[T], key: Key, if_match: str | None) -> None:
    """Delete the object. Raises NotFound, PreconditionFailed, ManagedElsewhere, and Conflict naming what needs it."""
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        before = kind.get(rows, *key)
        if before is None:
            return kind.missing(key)
        refused = conditional.check(if_match, kind.show(before)) or kind.refusal(key, before)
        if refused is not None:
            return refused
        try:
            kind.delete(rows, *key, now, actor=actor)
        except Conflict as error:
            return error
        return None

    settle(await request.parts.database.write(write))
    kind.tell(request)
