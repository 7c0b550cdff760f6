"""Runs: lists, one run, what is known about it, and the wishes to stop it."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy import Connection

from orchestra.domain.access import Permission
from orchestra.domain.errors import Conflict, NotFound, OrchestraError
from orchestra.domain.run import Run, RunStatus
from orchestra.service import entities
from orchestra.service.authorization import needs, reachable
from orchestra.service.entities import Listing, RunDetail, RunEntity, StepEntity
from orchestra.service.events_view import EventEntity, show_event
from orchestra.service.explain import Explanation, explain
from orchestra.service.listing import Cursor, Limit, Order, RunQuery, full_page, query_of, run_filter, show
from orchestra.service.outcome import settle
from orchestra.service.removal import remove_files
from orchestra.service.request import ApiRequest
from orchestra.storage import events, hints, jobs, projects, run_close, run_delete, runs
from orchestra.storage.paging import Page
from orchestra.storage.runs import Wish, WishOutcome

Project = Annotated[str | None, QueryParameter(description="Only runs of this project.")]
Job = Annotated[str | None, QueryParameter(description="Only runs of jobs with this identifier.")]
Status = Annotated[list[RunStatus] | None, QueryParameter(description="Only these statuses; may be repeated.")]
Worker = Annotated[str | None, QueryParameter(description="Only runs that this worker has or had.")]
Source = Annotated[
    str | None,
    QueryParameter(description="Only runs triggered by a `user`, `schedule` or `run`, or by one: `user:maya`."),
]
Q = Annotated[
    str | None, QueryParameter(description="A query, such as `status:failed job:build-* created:>-24h`: see query.md.")
]
CreatedAfter = Annotated[str | None, QueryParameter(description="Only runs created after this date.")]
CreatedBefore = Annotated[str | None, QueryParameter(description="Only runs created before this date.")]


class CloseInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the run's worker will not come back, for whoever reads the run's history."""

    reason: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=run_close.REASON_CHARACTERS,
            pattern=r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
        ),
    ]


@get("/runs", operation_id="listRuns", tags=["runs"], opt=needs(Permission.RUN_READ))
async def list_runs(
    *,
    request: ApiRequest,
    project: Project = None,
    job: Job = None,
    status: Status = None,
    worker: Worker = None,
    source: Source = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    q: Q = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[RunEntity]:
    """List runs, latest first.

    Runs of lists have no `definition`. A page ends early, with a cursor, where results are very large, or where a
    query had to look at very many runs.
    """
    query = query_of(
        project=project,
        job=job,
        status=status,
        worker=worker,
        source=source,
        created_after=created_after,
        created_before=created_before,
        q=q,
    )
    return await _list(request, query, limit, cursor, order)


@get("/projects/{project:str}/runs", operation_id="listRunsOfProject", tags=["runs"], opt=needs(Permission.RUN_READ))
async def list_runs_of_project(
    *,
    request: ApiRequest,
    project: FromPath[str],
    job: Job = None,
    status: Status = None,
    worker: Worker = None,
    source: Source = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    q: Q = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[RunEntity]:
    """List the runs of a project, latest first."""
    query = query_of(
        project=project,
        job=job,
        status=status,
        worker=worker,
        source=source,
        created_after=created_after,
        created_before=created_before,
        q=q,
    )
    return await _list(request, query, limit, cursor, order)


@get(
    "/projects/{project:str}/jobs/{job:str}/runs",
    operation_id="listRunsOfJob",
    tags=["runs"],
    opt=needs(Permission.RUN_READ),
)
async def list_runs_of_job(
    *,
    request: ApiRequest,
    project: FromPath[str],
    job: FromPath[str],
    status: Status = None,
    worker: Worker = None,
    source: Source = None,
    created_after: CreatedAfter = None,
    created_before: CreatedBefore = None,
    q: Q = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Order = None,
) -> Listing[RunEntity]:
    """List the runs of a job, latest first; `order` may also be `number` or `-number`.

    Those of a job that was deleted are still there.
    """
    query = query_of(
        project=project,
        job=job,
        status=status,
        worker=worker,
        source=source,
        created_after=created_after,
        created_before=created_before,
        q=q,
    )
    return await _list(request, query, limit, cursor, order)


async def _list(
    request: ApiRequest, query: RunQuery, limit: int, cursor: str | None, order: str | None
) -> Listing[RunEntity]:
    filter_ = run_filter(query, request.principal, request.parts.clock.now())
    # What the path names must exist; what a filter names may be hidden from the caller, and must not tell.
    project, job = (request.path_params.get(name) for name in ("project", "job"))

    def read(rows: Connection) -> Page[Run]:
        if project is not None and projects.get(rows, project) is None:
            raise NotFound(f"there is no project {project}")
        if project is not None and job is not None and not jobs.existed(rows, project, job):
            raise NotFound(f"there is no job {project}/{job}")
        return full_page(rows, filter_, order, cursor, limit)

    return show(await request.parts.database.read(read), entities.run)


@get("/runs/{run:str}", operation_id="getRun", tags=["runs"], opt=needs(Permission.RUN_READ))
async def get_run(request: ApiRequest, run: FromPath[str]) -> RunDetail:
    """Read one run, by its UUID, with the frozen definition that it was made with."""

    def read(rows: Connection) -> tuple[Run, dict[str, Any]]:
        found = reachable(request.principal, Permission.RUN_READ, runs.get(rows, run), run)
        return found, runs.definition(rows, found)

    return entities.run_detail(*await request.parts.database.read(read))


@get(
    "/projects/{project:str}/jobs/{job:str}/runs/{number:int}",
    operation_id="getRunByNumber",
    tags=["runs"],
    opt=needs(Permission.RUN_READ),
)
async def get_run_by_number(
    request: ApiRequest, project: FromPath[str], job: FromPath[str], number: FromPath[int]
) -> RunDetail:
    """Read one run, by its number within its job."""

    def read(rows: Connection) -> tuple[Run, dict[str, Any]]:
        name = f"{project}/{job}#{number}"
        # A number that no database holds is no run.
        row = runs.get_by_number(rows, project, job, number) if 0 < number < 1 << 31 else None
        found = reachable(request.principal, Permission.RUN_READ, row, name)
        return found, runs.definition(rows, found)

    return entities.run_detail(*await request.parts.database.read(read))


@post(
    "/runs/{run:str}/cancel", operation_id="cancelRun", tags=["runs"], opt=needs(Permission.RUN_CANCEL), status_code=200
)
async def cancel_run(request: ApiRequest, run: FromPath[str]) -> RunEntity:
    """Ask that a run never start.

    Honoured while it is pending, or assigned and not started: then it ends `cancelled`, and no command of it
    ever started. 409 once it runs or has ended otherwise. Repeating it changes nothing.
    """
    now = request.parts.clock.now()

    def write(rows: Connection) -> Wish | OrchestraError:
        try:
            reachable(request.principal, Permission.RUN_CANCEL, runs.get(rows, run), run)
        except OrchestraError as error:
            return error
        return runs.request_cancel(rows, run, request.principal.user, now)

    return _fulfil(request, settle(await request.parts.database.write(write)))


@post("/runs/{run:str}/abort", operation_id="abortRun", tags=["runs"], opt=needs(Permission.RUN_ABORT), status_code=200)
async def abort_run(request: ApiRequest, run: FromPath[str]) -> RunEntity:
    """Ask that a run be stopped: a termination signal to its process tree, a grace period, then kill.

    It ends `aborted`, or `cancelled` when its worker proves that nothing had started. 409 while it is pending
    (cancel it) or when it has ended otherwise. Repeating it changes nothing.
    """
    now = request.parts.clock.now()

    def write(rows: Connection) -> Wish | OrchestraError:
        try:
            reachable(request.principal, Permission.RUN_ABORT, runs.get(rows, run), run)
        except OrchestraError as error:
            return error
        return runs.request_abort(rows, run, request.principal.user, now)

    return _fulfil(request, settle(await request.parts.database.write(write)))


@post("/runs/{run:str}/close", operation_id="closeRun", tags=["runs"], opt=needs(Permission.RUN_CLOSE), status_code=200)
async def close_run(request: ApiRequest, run: FromPath[str], data: JSONBody[CloseInput]) -> RunEntity:
    """Declare that a run is over, because its worker will not come back: it ends `exception`, `closed_by`.

    409 unless the run is assigned or running and its worker is away; an exclusive run can be closed once its lease
    is over for sure. A worker that comes back all the same stops the run and delivers the rest of its log.
    Repeating it changes nothing.
    """
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> Wish | OrchestraError:
        try:
            found = reachable(request.principal, Permission.RUN_CLOSE, runs.get(rows, run), run)
        except OrchestraError as error:
            return error
        away_s = 0.0 if found.worker is None else request.parts.away_s(found.worker)
        return run_close.close(rows, run, actor, data.reason, now, known_away_s=away_s)

    closed = settle(await request.parts.database.write(write))
    shown = _fulfil(request, closed)
    if closed.outcome is WishOutcome.ACCEPTED:
        request.parts.hints.publish(hints.PENDING)
        request.parts.hints.publish(hints.log(run))
    return shown


def _fulfil(request: ApiRequest, wish: Wish) -> RunEntity:
    """Tell the worker and everyone who looks on, or say why not."""
    if wish.outcome is WishOutcome.REFUSED:
        raise Conflict(wish.reason or "the run's status does not allow it")
    if wish.outcome is WishOutcome.ACCEPTED:
        request.parts.hints.publish(hints.EVENT)
        if wish.run.worker is not None:
            request.parts.hints.publish(hints.wish(wish.run.worker))
        else:
            request.parts.hints.publish(hints.PENDING)
    return entities.run(wish.run)


@delete("/runs/{run:str}", operation_id="deleteRun", tags=["runs"], opt=needs(Permission.RUN_DELETE))
async def delete_run(request: ApiRequest, run: FromPath[str]) -> None:
    """Delete a run that has ended, with its log, its results and its events. 409 while it has not ended.

    Its number is never given again.
    """
    now, actor = request.parts.clock.now(), request.principal.user

    def write(rows: Connection) -> OrchestraError | None:
        try:
            reachable(request.principal, Permission.RUN_DELETE, runs.get(rows, run), run)
        except OrchestraError as error:
            return error
        [removed] = run_delete.remove(rows, [run], now, actor=actor)
        return removed if isinstance(removed, OrchestraError) else None

    settle(await request.parts.database.write(write))
    request.parts.hints.publish(hints.EVENT)
    await remove_files(request.parts)


@get("/runs/{run:str}/explain", operation_id="explainRun", tags=["runs"], opt=needs(Permission.RUN_READ))
async def explain_run(request: ApiRequest, run: FromPath[str]) -> Explanation:
    """Say why a run is where it is; for one that is pending with its place in the queue and a verdict per worker."""

    def read(rows: Connection) -> Explanation:
        found = reachable(request.principal, Permission.RUN_READ, runs.get(rows, run), run)
        return explain(rows, found)

    return await request.parts.database.read(read)


@get("/runs/{run:str}/results", operation_id="getResults", tags=["runs"], opt=needs(Permission.RUN_READ))
async def get_results(request: ApiRequest, run: FromPath[str]) -> Any:
    """Read the results of a run: any JSON value, null while there are none."""
    return (await find_run(request, run)).results


@get("/runs/{run:str}/steps", operation_id="listSteps", tags=["runs"], opt=needs(Permission.RUN_READ))
async def list_steps(request: ApiRequest, run: FromPath[str]) -> Listing[StepEntity]:
    """List the commands of a run that were reached, as they went."""
    return Listing(items=entities.steps((await find_run(request, run)).steps), next_cursor=None)


@get("/runs/{run:str}/events", operation_id="listEventsOfRun", tags=["runs"], opt=needs(Permission.RUN_READ))
async def list_events_of_run(request: ApiRequest, run: FromPath[str]) -> Listing[EventEntity]:
    """List what happened to a run, oldest first."""

    def read(rows: Connection) -> list[EventEntity]:
        reachable(request.principal, Permission.RUN_READ, runs.get(rows, run), run)
        return [show_event(event) for event in events.of_run(rows, run)]

    return Listing(items=await request.parts.database.read(read), next_cursor=None)


async def find_run(request: ApiRequest, run: str) -> Run:
    """Return the run if the caller may read it. Raises NotFound."""
    found = await request.parts.database.read(lambda rows: runs.get(rows, run))
    return reachable(request.principal, Permission.RUN_READ, found, run)


HANDLERS = [
    list_runs,
    list_runs_of_project,
    list_runs_of_job,
    get_run,
    get_run_by_number,
    cancel_run,
    abort_run,
    close_run,
    delete_run,
    explain_run,
    get_results,
    list_steps,
    list_events_of_run,
]
