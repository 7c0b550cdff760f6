"""Configuration as code: the content of files, checked as a whole, planned, and applied."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Final

import msgspec
from litestar import post
from litestar.params import JSONBody

from orchestra.documents import Document, manifest_of, zone_named
from orchestra.domain.access import Permission
from orchestra.domain.cron_lint import warnings
from orchestra.domain.entries import ScheduleEntry
from orchestra.domain.errors import InvalidContent, Problem
from orchestra.domain.ids import is_identifier
from orchestra.domain.manifest import Manifest
from orchestra.domain.plan import Action, Change, Kind, Plan
from orchestra.domain.project import MANAGED_BY_API
from orchestra.service.authorization import needs
from orchestra.service.entities import Entity
from orchestra.service.parts import CONFIGURATION_BODY_BYTES
from orchestra.service.request import ApiRequest
from orchestra.storage import configuration, hints

FILES: Final = 3_000
"""Most files at once: with their names and texts they stay below `strict_json.VALUES`."""
WARNINGS: Final = 100
SCHEDULES_LOOKED_AT: Final = 1_000
"""Most schedules whose times are looked at for warnings: a millisecond each."""
DEFAULT_SOURCE: Final = "files"


class ConfigurationFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: the name that messages give, and its text, YAML or JSON."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    content: str


class ConfigurationInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All files of one `source`, which owns what they create. `prune` deletes what it owns and they no longer name."""

    files: Annotated[list[ConfigurationFile], msgspec.Meta(max_length=FILES)]
    prune: bool = False
    source: str = DEFAULT_SOURCE


class FieldChangeEntity(Entity, frozen=True):
    """One value that differs; null is "not there"."""

    path: str
    old: Any
    new: Any


class ChangeEntity(Entity, frozen=True):
    """One object: `path` is `project` or `project/identifier`."""

    action: Action
    kind: Kind
    path: str
    fields: list[FieldChangeEntity]


class PlanWarning(Entity, frozen=True):
    """What may surprise in an object that the plan creates or changes; `code` is for programs."""

    path: str
    code: str
    message: str


class PlanEntity(Entity, frozen=True):
    """`changes` in order; `leftovers` are what the source owns and the files no longer name, when nothing is pruned.

    `warnings` are of schedules that get a new time: the first hundred.
    """

    changes: list[ChangeEntity]
    leftovers: list[ChangeEntity]
    warnings: list[PlanWarning]


@post(
    "/configuration/plan",
    operation_id="planConfiguration",
    tags=["configuration"],
    opt=needs(Permission.CONFIGURATION_READ),
    status_code=200,
    request_max_body_size=CONFIGURATION_BODY_BYTES,
)
async def plan_configuration(request: ApiRequest, data: JSONBody[ConfigurationInput]) -> PlanEntity:
    """Say what applying these files would change; change nothing.

    422 names every problem of all files, each with file, line and path.
    """
    wanted = await _manifest(data)
    plan = await request.parts.database.read(
        lambda rows: configuration.plan_of(rows, wanted, data.source, prune=data.prune)
    )
    return await asyncio.to_thread(_show, plan, request.parts.clock.now())


@post(
    "/configuration/apply",
    operation_id="applyConfiguration",
    tags=["configuration"],
    opt=needs(Permission.CONFIGURATION_APPLY),
    status_code=200,
    request_max_body_size=CONFIGURATION_BODY_BYTES,
)
async def apply_configuration(request: ApiRequest, data: JSONBody[ConfigurationInput]) -> PlanEntity:
    """Make the server as these files say, all of it or nothing; answer what was changed.

    Where nothing differs nothing is written. 422 names every problem of all files, each with file, line and path;
    409 says what cannot be deleted yet.
    """
    wanted = await _manifest(data)
    now, actor = request.parts.clock.now(), request.principal.user
    # It raises inside the transaction, for what it changed before must be undone.
    done = await request.parts.database.write(
        lambda rows: configuration.apply(rows, wanted, data.source, now, prune=data.prune, actor=actor)
    )
    if done.changes:
        request.parts.hints.publish(hints.EVENT)
        request.parts.hints.publish(hints.PENDING)
    return await asyncio.to_thread(_show, done, now)


async def _manifest(data: ConfigurationInput) -> Manifest:
    if data.source == MANAGED_BY_API or not is_identifier(data.source):
        what = f"expected a name of letters, digits, _ . - other than {MANAGED_BY_API}, got {data.source!r}"
        raise InvalidContent("the configuration does not fit", (Problem("source", what),))
    documents = [Document(file.name, file.content) for file in data.files]
    # Off the event loop: thousands of jobs take seconds.
    return await asyncio.to_thread(manifest_of, documents)


def _show(plan: Plan, now: datetime) -> PlanEntity:
    return msgspec.convert({**plan.describe(), "warnings": list(islice(_warnings(plan, now), WARNINGS))}, PlanEntity)


def _warnings(plan: Plan, now: datetime) -> Iterator[dict[str, str]]:
    """What may surprise in the schedules whose times are new: those that change otherwise were warned of before."""
    for change in islice(filter(_has_new_times, plan.changes), SCHEDULES_LOOKED_AT):
        entry = change.entry
        assert isinstance(entry, ScheduleEntry)
        zone = zone_named(entry.time_zone)
        assert not isinstance(zone, str), "zones were checked when the files were read"
        identity = f"{entry.project}/{entry.identifier}"
        for one in warnings(entry.expression, zone, now, identity=identity):
            yield {"path": change.path, "code": one.code, "message": one.message}


def _has_new_times(change: Change) -> bool:
    return isinstance(change.entry, ScheduleEntry) and (
        change.action is Action.CREATE or any(one.path in ("expression", "time_zone") for one in change.fields)
    )


HANDLERS = [plan_configuration, apply_configuration]
