"""Events as the API shows them, and who may see which."""

from collections.abc import Mapping
from typing import Final

from orchestra.domain.access import Permission, Principal
from orchestra.service.entities import Date, Entity, Json, date
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event


class EventEntity(Entity, frozen=True):
    """One thing that happened; `actor` is who asked for it, null when the system did it by itself."""

    sequence: int
    date: Date
    type: EventType
    project: str | None
    job: str | None
    run: str | None
    worker: str | None
    user: str | None
    actor: str | None
    run_sequence: int | None
    data: Json


def show_event(event: Event) -> EventEntity:
    """Show an event."""
    return EventEntity(
        sequence=event.sequence,
        date=date(event.date),
        type=event.type,
        project=event.project,
        job=event.job,
        run=event.run,
        worker=event.worker,
        user=event.user,
        actor=event.actor,
        run_sequence=event.run_sequence,
        data=event.data,
    )


_NEEDED: Final[Mapping[str, Permission]] = {
    "run": Permission.RUN_READ,
    "job": Permission.JOB_READ,
    "schedule": Permission.SCHEDULE_READ,
    "project": Permission.PROJECT_READ,
    "worker": Permission.WORKER_READ,
    "user": Permission.USER_INSPECT,
    "authentication": Permission.USER_INSPECT,
    "session": Permission.USER_INSPECT,
}
"""By the first part of a type; what is not here is for whoever reads the audit log."""


def may_see(principal: Principal, event: Event) -> bool:
    """Tell whether `principal` may know of the event."""
    needed = _NEEDED.get(event.type.partition(".")[0], Permission.AUDIT_READ)
    return principal.can(needed, event.project)
