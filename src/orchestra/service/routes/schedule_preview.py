"""Previews: when a schedule will fire, in words and dates, and what to look at before it does."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from sqlalchemy import Connection

from orchestra.documents import zone_named
from orchestra.domain import cron
from orchestra.domain.access import Permission
from orchestra.domain.errors import InvalidContent, NotFound, Problem
from orchestra.domain.preview import MOST_ITEMS, UNNAMED, Preview, PreviewItem, preview
from orchestra.domain.schedule import Schedule
from orchestra.service.authorization import needs
from orchestra.service.entities import Date, Entity, date
from orchestra.service.listing import read_date
from orchestra.service.request import ApiRequest
from orchestra.storage import run_durations, schedules

EXPRESSION_LENGTH: Final = 256
_YEARS: Final = (1970, 2199)
"""Time zones are known from the one on; who asks beyond the other means something else."""
Count = Annotated[int, QueryParameter(ge=1, le=MOST_ITEMS, description="Most firings.")]
After = Annotated[
    str | None, QueryParameter(description="Only firings after this date, of the years 1970 to 2199; now when absent.")
]
Expression = Annotated[str, QueryParameter(description="A cron expression: minute, hour, day, month, weekday.")]
TimeZone = Annotated[str, QueryParameter(description="An IANA time zone, such as Europe/Paris.")]
Name = Annotated[
    str | None,
    QueryParameter(description="The name that the schedule is to have, as `project/schedule`: `H` draws from it."),
]


LocalDate = Annotated[
    str, msgspec.Meta(description="RFC 3339, with the zone's offset", extra_json_schema={"format": "date-time"})
]


class PreviewItemEntity(Entity, frozen=True):
    """A firing. `local_date` is its date in the schedule's zone, with the offset; `note` says what a change does.

    `local_times` are those that it stands for: several, or others than `local_date`, where a change skips them.
    """

    fire_date: Date
    local_date: LocalDate
    local_times: tuple[str, ...]
    note: str | None


class ClockChangeEntity(Entity, frozen=True):
    """A change of the zone's clock within a year: how often the schedule fires on that day, and its first firings."""

    date: Date
    text: str
    count: int
    items: tuple[PreviewItemEntity, ...]


class AdviceEntity(Entity, frozen=True):
    """Something that may surprise; `code` is for programs."""

    code: str
    message: str


class PreviewEntity(Entity, frozen=True):
    """What a schedule will do; `text` is its expression in words."""

    expression: str
    time_zone: str
    text: str
    items: tuple[PreviewItemEntity, ...]
    changes: tuple[ClockChangeEntity, ...]
    warnings: tuple[AdviceEntity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    expression: str
    time_zone: str
    after: datetime
    count: int
    identity: str
    overlap: str = "skip"
    usual_s: float | None = None


@get(
    "/schedules/preview",
    operation_id="previewExpression",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_READ),
)
async def preview_expression(
    *,
    request: ApiRequest,
    expression: Expression,
    time_zone: TimeZone = "UTC",
    count: Count = 10,
    after: After = None,
    schedule: Name = None,
) -> PreviewEntity:
    """Show when an expression fires, before a schedule has it."""
    problems: list[Problem] = []
    if len(expression) > EXPRESSION_LENGTH:
        problems.append(
            Problem("expression", f"expected at most {EXPRESSION_LENGTH} characters, got {len(expression)}")
        )
    else:
        problems += [Problem("expression", one) for one in cron.problems(expression)]
    since = _since(request, after, problems)
    wanted = _Wanted(expression=expression, time_zone=time_zone, after=since, count=count, identity=schedule or UNNAMED)
    return await asyncio.to_thread(_shown, wanted, problems)


@get(
    "/projects/{project:str}/schedules/{schedule:str}/preview",
    operation_id="previewSchedule",
    tags=["schedules"],
    opt=needs(Permission.SCHEDULE_READ),
)
async def preview_schedule(
    *, request: ApiRequest, project: FromPath[str], schedule: FromPath[str], count: Count = 10, after: After = None
) -> PreviewEntity:
    """Show when a schedule fires next, whether it is enabled or not."""
    problems: list[Problem] = []
    since = _since(request, after, problems)

    def read(rows: Connection) -> tuple[Schedule, float | None]:
        found = schedules.get(rows, project, schedule)
        if found is None:
            raise NotFound(f"there is no schedule {project}/{schedule}")
        return found, run_durations.usual_s(rows, project, found.job)

    found, usual_s = await request.parts.database.read(read)
    wanted = _Wanted(
        expression=found.expression,
        time_zone=found.time_zone,
        after=since,
        count=count,
        identity=f"{project}/{schedule}",
        overlap=found.overlap,
        usual_s=usual_s,
    )
    return await asyncio.to_thread(_shown, wanted, problems)


def _since(request: ApiRequest, after: str | None, problems: list[Problem]) -> datetime:
    since = read_date(after, "after", problems) or request.parts.clock.now()
    if not _YEARS[0] <= since.year <= _YEARS[1]:
        problems.append(Problem("after", f"expected a date in the years {_YEARS[0]} to {_YEARS[1]}, got {since.year}"))
    return since


def _shown(wanted: _Wanted, problems: list[Problem]) -> PreviewEntity:
    """Compute a preview, off the event loop: a thousand firings take 20 ms, a zone's files are read."""
    zone = zone_named(wanted.time_zone)
    if isinstance(zone, str):
        problems.append(Problem("time_zone", zone))
    if problems or isinstance(zone, str):
        raise InvalidContent("the preview cannot be made", tuple(problems))
    found = preview(
        wanted.expression,
        zone,
        wanted.after,
        identity=wanted.identity,
        count=wanted.count,
        overlap=wanted.overlap,
        usual_s=wanted.usual_s,
    )
    return _entity(found)


def _entity(found: Preview) -> PreviewEntity:
    return PreviewEntity(
        expression=found.expression,
        time_zone=found.time_zone,
        text=found.text,
        items=tuple(map(_item, found.items)),
        changes=tuple(
            ClockChangeEntity(date=date(one.date), text=one.text, count=one.count, items=tuple(map(_item, one.items)))
            for one in found.changes
        ),
        warnings=tuple(AdviceEntity(code=one.code, message=one.message) for one in found.warnings),
    )


def _item(one: PreviewItem) -> PreviewItemEntity:
    return PreviewItemEntity(
        fire_date=date(one.fire_date),
        local_date=one.local_date.isoformat(timespec="seconds"),
        local_times=one.local_times,
        note=one.note,
    )


HANDLERS = [preview_expression, preview_schedule]
