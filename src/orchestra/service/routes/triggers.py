"""Trigger and retry: how runs come into being through the API."""

from typing import Annotated, Any, Final

import msgspec
from litestar import post
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import Response
from sqlalchemy import Connection

from orchestra.domain.access import Permission, Principal
from orchestra.domain.errors import InvalidContent, OrchestraError, Problem
from orchestra.domain.job import PRIORITY_HIGHEST, PRIORITY_LOWEST
from orchestra.domain.run import Run
from orchestra.service import entities
from orchestra.service.authorization import needs, reachable
from orchestra.service.entities import RunEntity
from orchestra.service.outcome import settle
from orchestra.service.parts import Parts
from orchestra.service.request import ApiRequest
from orchestra.storage import hints, runs
from orchestra.storage.runs import IdempotencyKey
from orchestra.storage.trigger import Trigger

KEY_LENGTH: Final = 255

Priority = Annotated[int, msgspec.Meta(ge=PRIORITY_LOWEST, le=PRIORITY_HIGHEST)]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="The same key with the same body returns the same run (200); with another body it is refused.",
    ),
]


class TriggerInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of the job's parameters; `priority` is the job's when absent."""

    parameters: dict[str, Any] = {}
    priority: Priority | None = None


class RetryInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values that replace those of the run that is retried."""

    parameters: dict[str, Any] = {}


@post(
    "/projects/{project:str}/jobs/{job:str}/trigger",
    operation_id="triggerJob",
    tags=["runs"],
    opt=needs(Permission.JOB_TRIGGER),
    status_code=201,
)
async def trigger_job(
    request: ApiRequest,
    project: FromPath[str],
    job: FromPath[str],
    data: JSONBody[TriggerInput | None] = None,
    idempotency_key: Key = None,
) -> Response[RunEntity]:
    """Trigger a job: a new run, pending. A disabled job may be triggered; its runs wait until it is enabled.

    The run's `source` is set by the server from who asks.
    """
    parts, principal = request.parts, request.principal
    given = data or TriggerInput()
    key = _key(principal, project, job, idempotency_key)
    body = {"parameters": given.parameters, "priority": given.priority}
    now = parts.clock.now()
    wanted = Trigger(
        identifier=parts.identifiers.new(),
        project=project,
        job=job,
        parameters=given.parameters,
        priority=given.priority,
        source=_source(principal),
        actor=principal.user,
    )

    def write(rows: Connection) -> Run | OrchestraError:
        if key is not None:
            try:
                known = runs.find_idempotent(rows, key, body)
            except InvalidContent as error:
                return error
            if known is not None:
                return known
        refused = parts.pending_runs.admit(rows, project)
        if refused is not None:
            return refused
        created = parts.triggers.trigger(rows, wanted, now)
        if key is not None and isinstance(created, Run):
            runs.remember_idempotent(rows, key, body, created.identifier, now)
        return created

    run = settle(await parts.database.write(write))
    return _created(parts, run, is_new=run.identifier == wanted.identifier)


@post("/runs/{run:str}/retry", operation_id="retryRun", tags=["runs"], opt=needs(Permission.RUN_RETRY), status_code=201)
async def retry_run(
    request: ApiRequest, run: FromPath[str], data: JSONBody[RetryInput | None] = None
) -> Response[RunEntity]:
    """Start a new run of the same job, as the job is now, with the parameters of a run that has ended.

    409 while that run has not ended. The new run's `source` names the old one.
    """
    parts, principal = request.parts, request.principal
    now, identifier = parts.clock.now(), parts.identifiers.new()

    def write(rows: Connection) -> Run | OrchestraError:
        try:
            of = reachable(principal, Permission.RUN_RETRY, runs.get(rows, run), run)
        except OrchestraError as error:
            return error
        refused = parts.pending_runs.admit(rows, of.project)
        if refused is not None:
            return refused
        wanted = Trigger(
            identifier=identifier,
            project=of.project,
            job=of.job,
            parameters={} if data is None else data.parameters,
            source={"type": "run", "run": of.identifier, "reason": "retry"},
            actor=principal.user,
        )
        return parts.triggers.retry(rows, of, wanted, now)

    return _created(parts, settle(await parts.database.write(write)), is_new=True)


def _created(parts: Parts, run: Run, *, is_new: bool) -> Response[RunEntity]:
    if is_new:
        parts.hints.publish(hints.PENDING)
        parts.hints.publish(hints.EVENT)
    location = f"{parts.settings.base_path}/api/v1/runs/{run.identifier}"
    return Response(entities.run(run), status_code=201 if is_new else 200, headers={"Location": location})


def _source(principal: Principal) -> dict[str, Any]:
    if principal.run is not None:
        return {"type": "run", "run": principal.run, "reason": "token"}
    return {"type": "user", "user": principal.user}


def _key(principal: Principal, project: str, job: str, key: str | None) -> IdempotencyKey | None:
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LENGTH:
        what = f"expected 1 to {KEY_LENGTH} characters, got {len(key)}"
        raise InvalidContent("the idempotency key does not fit", (Problem("Idempotency-Key", what),))
    return IdempotencyKey(principal=principal.user, project=project, job=job, key=key)


HANDLERS = [trigger_job, retry_run]
