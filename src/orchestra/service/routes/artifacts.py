"""Artifacts: the files that runs left, one by one, and a run with all that belongs to it as one archive."""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

from litestar import get
from litestar.params import FromPath, HeaderParameter
from litestar.response import Response, Stream
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.artifact import Artifact, ArtifactState
from orchestra.domain.errors import Conflict, NotFound
from orchestra.domain.run import Run
from orchestra.service import entities, ranges
from orchestra.service.access_watch import AccessWatch, cut_off
from orchestra.service.archive import archive
from orchestra.service.authorization import needs, reachable
from orchestra.service.entities import ArtifactEntity, Listing
from orchestra.service.listing import Cursor, Limit, Order, show
from orchestra.service.problems import HttpProblem
from orchestra.service.request import ApiRequest
from orchestra.service.routes.runs import find_run
from orchestra.storage import artifacts, runs
from orchestra.storage.paging import Page

_UNTRUSTED: Final = {
    # Whatever a job wrote, no browser may take it for a page of ours (security.md 4.2).
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}

Range = Annotated[
    str | None,
    HeaderParameter(name="Range", description="One range: `bytes=0-499`, `bytes=500-`, `bytes=-500`."),
]
IfRange = Annotated[
    str | None, HeaderParameter(name="If-Range", description="The range counts only while this is still the ETag.")
]
IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match", description="304 when it is the ETag.")]


@get("/runs/{run:str}/artifacts", operation_id="listArtifacts", tags=["artifacts"], opt=needs(Permission.RUN_READ))
async def list_artifacts(
    request: ApiRequest, run: FromPath[str], limit: Limit = 100, cursor: Cursor = None, order: Order = None
) -> Listing[ArtifactEntity]:
    """List the files that a run left, by path; `order` may be `path`, `size` and their reverse.

    They are known when the run has ended. `state` is `awaited` while the bytes are still on the worker.
    """

    def read(rows: Connection) -> Page[Artifact]:
        reachable(request.principal, Permission.RUN_READ, runs.get(rows, run), run)
        return artifacts.page(rows, run, order, cursor, limit)

    return show(await request.parts.database.read(read), entities.artifact)


@get(
    "/runs/{run:str}/artifacts/{path:path}",
    operation_id="getArtifact",
    tags=["artifacts"],
    opt=needs(Permission.RUN_READ),
)
async def get_artifact(
    *,
    request: ApiRequest,
    run: FromPath[str],
    path: FromPath[str],
    range_: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Any] | Stream:
    """Read a file that a run left, all or a range (RFC 9110 section 14). The ETag is the SHA-256 of its bytes.

    409 while the bytes are still on the worker, 404 when they are lost.
    """
    name = path.removeprefix("/")

    def read(rows: Connection) -> tuple[Run, Artifact | None]:
        found = reachable(request.principal, Permission.RUN_READ, runs.get(rows, run), run)
        # No database holds a NUL or half of a surrogate pair, so there is no such row.
        is_text = "\0" not in name and not any("\ud800" <= one <= "\udfff" for one in name)
        return found, artifacts.get_artifact(rows, run, name) if is_text else None

    found, artifact = await request.parts.database.read(read)
    if artifact is None:
        raise NotFound(f"the run left no file {name!r}")
    if artifact.state is ArtifactState.AWAITED:
        raise Conflict(f"the bytes of {name!r} are still on the worker {found.worker}")
    if artifact.state is ArtifactState.LOST:
        raise NotFound(f"the bytes of {name!r} are lost: {found.artifact_error}")
    return _answer(request, found, artifact, (range_, if_range, if_none_match))


def _answer(
    request: ApiRequest, run: Run, artifact: Artifact, asked: tuple[str | None, str | None, str | None]
) -> Response[Any] | Stream:
    range_, if_range, if_none_match = asked
    size, etag = artifact.size, f'"{artifact.sha256}"'
    headers = _UNTRUSTED | {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        # The bytes behind a path of an ended run never change; who may read them is asked again by each cache's owner.
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition(artifact.path.rpartition("/")[2]),
    }
    if if_none_match is not None and etag in re.split(r"\s*,\s*", if_none_match.strip().replace("W/", "")):
        return Response(b"", status_code=304, headers=headers, media_type="application/octet-stream")
    try:
        part = None if if_range not in (None, etag) else ranges.parse(range_, size)
    except ranges.NotSatisfiable:
        raise HttpProblem(
            416, f"the file has {size} bytes", headers={"Content-Range": f"bytes */{size}", "ETag": etag}
        ) from None
    start, end = (0, size) if part is None else (part.start, part.end)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    watch = AccessWatch(request.parts, request.scope, request.caller, Permission.RUN_READ, run.project)
    pieces = cut_off(request.parts.artifacts.stream(artifact.sha256, start, end), watch)
    status = 200 if part is None else 206
    return Stream(pieces, status_code=status, headers=headers, media_type="application/octet-stream")


@get("/runs/{run:str}/archive", operation_id="getArchive", tags=["artifacts"], opt=needs(Permission.RUN_READ))
async def get_archive(request: ApiRequest, run: FromPath[str]) -> Stream:
    """Read all that is kept of a run as one ZIP file: run, parameters, definition, steps, results, log and artifacts.

    It is made while it is sent; artifacts whose bytes are not here are named in `artifacts.json` and absent.
    """
    found = await find_run(request, run)
    definition = await request.parts.database.read(lambda rows: runs.definition(rows, found))
    name = f"{found.project}-{found.job}-{found.number}"
    headers = _UNTRUSTED | {"Content-Disposition": disposition(f"{name}.zip")}
    watch = AccessWatch(request.parts, request.scope, request.caller, Permission.RUN_READ, found.project)
    pieces = cut_off(archive(request.parts, found, definition, name), watch)
    return Stream(pieces, headers=headers, media_type="application/zip")


def disposition(name: str) -> str:
    """Return a Content-Disposition (RFC 6266): a plain name for old programs, and the true one in UTF-8."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{exact}'


HANDLERS = [list_artifacts, get_artifact, get_archive]
