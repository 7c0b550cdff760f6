"""Sections of a log: which lines each step of a run wrote, so that a reader can go there without reading on the way."""

from litestar import get
from litestar.params import FromPath

from orchestra.domain.access import Permission
from orchestra.domain.run import Step
from orchestra.service.authorization import needs
from orchestra.service.entities import Entity, Listing
from orchestra.service.parts import Parts
from orchestra.service.request import ApiRequest
from orchestra.service.routes.runs import find_run


class LogSectionEntity(Entity, frozen=True):
    """Lines `first` to `last` (from 1) of a log; `last` is null while the step runs, below `first` if it wrote nothing.

    `parent` is the section around it, null for steps. Sections of steps come in the order of the run's `steps`, and
    their `id` is the place there.
    """

    id: str
    parent: str | None
    name: str
    first: int
    last: int | None


@get(
    "/runs/{run:str}/log/sections",
    operation_id="listLogSections",
    tags=["logs"],
    opt=needs(Permission.RUN_READ),
)
async def list_log_sections(request: ApiRequest, run: FromPath[str]) -> Listing[LogSectionEntity]:
    """List which lines of a log each step of the run wrote."""
    found = await find_run(request, run)
    sections = [await _section(request.parts, run, place, step) for place, step in enumerate(found.steps)]
    return Listing(items=sections, next_cursor=None)


async def _section(parts: Parts, run: str, place: int, step: Step) -> LogSectionEntity:
    first = await parts.logs.line_of(run, step.log_start)
    if step.log_end is None:
        last = None
    elif step.log_end == step.log_start:
        last = first - 1
    else:
        last = await parts.logs.line_of(run, step.log_end - 1)
    return LogSectionEntity(id=str(place), parent=None, name=step.name, first=first, last=last)


HANDLERS = [list_log_sections]
