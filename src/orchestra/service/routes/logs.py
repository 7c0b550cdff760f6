"""Logs: the raw bytes, windows of lines, and the stream that follows."""

from typing import Annotated, Any, Final

from litestar import get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from litestar.response import Response, Stream

from orchestra.domain.access import Permission
from orchestra.domain.errors import NotFound
from orchestra.domain.run import Run
from orchestra.service import ranges, sse
from orchestra.service.access_watch import AccessWatch, cut_off
from orchestra.service.authorization import needs
from orchestra.service.entities import Date, Entity, from_milliseconds
from orchestra.service.headers import LastEventId
from orchestra.service.log_stream import follow
from orchestra.service.problems import HttpProblem
from orchestra.service.request import ApiRequest
from orchestra.service.routes.runs import find_run
from orchestra.storage.log_lines import LINE_BYTES, LINES

SMALL_BYTES: Final = 1 << 18
"""Up to here an answer is sent whole, beyond in pieces."""
IMMUTABLE: Final = "private, max-age=31536000, immutable"

_RAW: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Accept-Ranges": "bytes",
    # Whatever a job printed, no browser may take it for a page of ours.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}

Range = Annotated[
    str | None,
    HeaderParameter(name="Range", description="One range: `bytes=0-499`, `bytes=500-`, `bytes=-500`."),
]


class LogInfoEntity(Entity, frozen=True):
    """`complete`: it will not grow any more. `truncated` says why bytes are missing at the end, null if none are."""

    lines: int
    bytes: int
    complete: bool
    first_time: Date | None
    last_time: Date | None
    truncated: str | None


class LogWindowEntity(Entity, frozen=True):
    """Lines from `start` on, of `total`; see `docs/api.md` for `sgr`, `times` and `cut`."""

    start: int
    total: int
    complete: bool
    sgr: str
    times: tuple[tuple[int, int], ...]
    lines: list[str]
    cut: tuple[tuple[int, int], ...]


@get("/runs/{run:str}/log", operation_id="getLog", tags=["logs"], opt=needs(Permission.RUN_READ))
async def get_log(request: ApiRequest, run: FromPath[str], range_: Range = None) -> Response[Any] | Stream:
    """Read the log's bytes exactly as the processes wrote them, all or a range (RFC 9110 section 14).

    The header `Orchestra-Log-Size` has the number of bytes that are durable now.
    """
    found = await find_run(request, run)
    size = await request.parts.logs.size(run)
    headers = _RAW | {
        "Orchestra-Log-Size": str(size),
        "Content-Disposition": f'attachment; filename="{found.project}-{found.job}-{found.number}.log"',
    }
    try:
        part = ranges.parse(range_, size)
    except ranges.NotSatisfiable:
        headers = {"Content-Range": f"bytes */{size}", "Orchestra-Log-Size": str(size)}
        raise HttpProblem(416, f"the log has {size} bytes", headers=headers) from None
    start, end = (0, size) if part is None else (part.start, part.end)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if part is None else 206
    if end - start <= SMALL_BYTES:
        body = await request.parts.logs.read(run, start, end)
        return Response(body, status_code=status, headers=headers, media_type="text/plain; charset=utf-8")
    pieces = cut_off(request.parts.logs.stream(run, start, end), _watch(request, found))
    return Stream(pieces, status_code=status, headers=headers, media_type="text/plain; charset=utf-8")


@get("/runs/{run:str}/log/info", operation_id="getLogInfo", tags=["logs"], opt=needs(Permission.RUN_READ))
async def get_log_info(request: ApiRequest, run: FromPath[str]) -> LogInfoEntity:
    """Read how long a log is: lines (an unfinished last one counts), bytes, and when it was written."""
    found = await find_run(request, run)
    info = await request.parts.logs.info(run)
    return LogInfoEntity(
        lines=info.lines,
        bytes=info.bytes,
        complete=found.log_complete,
        first_time=from_milliseconds(info.first_time),
        last_time=from_milliseconds(info.last_time),
        truncated=found.log_error,
    )


Start = Annotated[int, QueryParameter(description="The first line, from 1; negative counts from the end (-1).")]
Count = Annotated[int, QueryParameter(ge=1, le=LINES, description="Most lines; fewer come when they are long.")]
Columns = Annotated[int, QueryParameter(ge=1, le=LINE_BYTES, description="Longer lines are cut, in bytes.")]


@get("/runs/{run:str}/log/lines", operation_id="getLogLines", tags=["logs"], opt=needs(Permission.RUN_READ))
async def get_log_lines(
    request: ApiRequest, run: FromPath[str], start: Start = 1, count: Count = 500, cols: Columns = LINE_BYTES
) -> Response[LogWindowEntity]:
    """Read lines anywhere in a log. Bytes that are no UTF-8 come as U+FFFD; the raw log has them unchanged.

    A window that will never change may be kept for ever; with `Accept: text/plain` come the raw lines, and
    `X-Log-Start` and `X-Log-Total` as headers.
    """
    found = await find_run(request, run)
    window = await request.parts.logs.lines(run, start, count, cols)
    last = window.start + len(window.lines) - 1
    is_final = bool(window.lines) and (last < window.total or (found.log_complete and not start < 0))
    headers = {"Cache-Control": IMMUTABLE if is_final and start > 0 and len(window.lines) == count else "no-store"}
    if request.accept.best_match(["application/json", "text/plain"]) == "text/plain":
        text = b"\n".join(window.lines) + (b"" if window.open_end or not window.lines else b"\n")
        headers |= _RAW | {"X-Log-Start": str(window.start), "X-Log-Total": str(window.total)}
        return Response(text, headers=headers, media_type="text/plain; charset=utf-8")  # type: ignore[arg-type]
    entity = LogWindowEntity(
        start=window.start,
        total=window.total,
        complete=found.log_complete,
        sgr=window.sgr,
        times=window.times,
        lines=[line.decode("utf-8", "replace") for line in window.lines],
        cut=window.cut,
    )
    return Response(entity, headers=headers)


@get("/runs/{run:str}/log/lines/{line:int}", operation_id="getLogLine", tags=["logs"], opt=needs(Permission.RUN_READ))
async def get_log_line(
    request: ApiRequest, run: FromPath[str], line: FromPath[int], range_: Range = None
) -> Response[bytes] | Stream:
    """Read one whole line, however long, without its newline."""
    found = await find_run(request, run)
    place = await request.parts.logs.line_range(run, line)
    if place is None:
        raise NotFound(f"the log has no line {line}")
    start, end = place
    try:
        part = ranges.parse(range_, end - start)
    except ranges.NotSatisfiable:
        raise HttpProblem(
            416, f"the line has {end - start} bytes", headers={"Content-Range": f"bytes */{end - start}"}
        ) from None
    headers = dict(_RAW)
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{end - start}"
        start, end = start + part.start, start + part.end
    headers["Content-Length"] = str(end - start)
    pieces = cut_off(request.parts.logs.stream(run, start, end), _watch(request, found))
    return Stream(
        pieces, status_code=200 if part is None else 206, headers=headers, media_type="text/plain; charset=utf-8"
    )


def _watch(request: ApiRequest, run: Run) -> AccessWatch:
    """Who may read the run's log, for as long as the answer lasts."""
    return AccessWatch(request.parts, request.scope, request.caller, Permission.RUN_READ, run.project)


Offset = Annotated[int, QueryParameter(ge=0, description="The first byte wanted.")]


@get("/runs/{run:str}/log/stream", operation_id="streamLog", tags=["logs"], opt=needs(Permission.RUN_READ))
async def stream_log(
    request: ApiRequest, run: FromPath[str], offset: Offset = 0, last_event_id: LastEventId = None
) -> Stream:
    """Follow a log as server-sent events until the run ends.

    Events `log` carry `{offset, text}` or, where bytes are no UTF-8, `{offset, base64}`; their identifier is
    the offset after them, so a client that comes back with `Last-Event-ID` loses nothing. At the end comes one
    event `end` with `{bytes, complete, status}`.
    """
    access = _watch(request, await find_run(request, run))
    resumed = sse.last_event_id(last_event_id)
    return sse.stream(follow(request.parts, run, offset if resumed is None else resumed, access))


HANDLERS = [get_log, get_log_info, get_log_lines, get_log_line, stream_log]
