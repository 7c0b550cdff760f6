"""Entities as the web API shows them: field names exactly as in the data model, dates as RFC 3339 text.

Rules: every field is always there. What only the master needs (epochs, sessions, installations) and
what nobody may see (secrets, salts) is not here. Dates are UTC with microseconds and `Z`, also when
those are zero, so that they compare as text. Durations are seconds.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from orchestra.domain.artifact import Artifact, ArtifactState
from orchestra.domain.job import Job, Parameter
from orchestra.domain.project import Project
from orchestra.domain.run import Cause, Run, RunStatus, Step
from orchestra.domain.schedule import Schedule
from orchestra.domain.stop import Stop, Survivor
from orchestra.domain.user import AuthenticationType, User, UserAuthentication
from orchestra.domain.worker import Worker
from orchestra.storage.sessions import Session

T = TypeVar("T")

Date = Annotated[str, msgspec.Meta(description="RFC 3339, UTC", extra_json_schema={"format": "date-time"})]
Json = dict[str, Any]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer holds."""


class Listing(Entity, Generic[T], frozen=True):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


class ProjectEntity(Entity, frozen=True):
    """A space for jobs, schedules and runs."""

    identifier: str
    display_name: str
    description: str
    services: dict[str, Json]
    managed_by: str
    creation_date: Date
    update_date: Date


class JobEntity(Entity, frozen=True):
    """What to execute."""

    project: str
    identifier: str
    display_name: str
    description: str
    group: str
    definition: Json
    parameters: tuple[Parameter, ...]
    properties: Json
    policy: Json
    revision: int
    is_enabled: bool
    managed_by: str
    creation_date: Date
    update_date: Date


class ScheduleEntity(Entity, frozen=True):
    """When to trigger a job; `misfire_window` and `jitter` in seconds."""

    project: str
    identifier: str
    display_name: str
    job: str
    parameters: Json
    expression: str
    time_zone: str
    overlap: str
    misfire: str
    misfire_window: float
    jitter: float
    is_enabled: bool
    last_run: str | None
    next_fire: Date | None
    managed_by: str
    creation_date: Date
    update_date: Date


class StepEntity(Entity, frozen=True):
    """One command as it went; `log_start` and `log_end` are byte offsets into the run's log."""

    name: str
    command: str | tuple[str, ...]
    phase: str
    start_date: Date | None
    completion_date: Date | None
    exit_code: int | None
    log_start: int
    log_end: int | None


class StopEntity(Entity, frozen=True):
    """The receipt of a stop: who or what asked for it, and when it was delivered to the worker, the processes were
    told to end, killed, and verified to be gone; null is what did not happen (yet, or was not needed)."""

    requested_date: Date
    requested_by: str
    delivered_date: Date | None
    terminated_date: Date | None
    killed_date: Date | None
    verified_date: Date | None
    survivors: tuple[Survivor, ...]


class RunSummary(Entity, frozen=True):
    """A run without what may be large; lists of the website hold these."""

    project: str
    identifier: str
    number: int
    job: str
    job_revision: int
    parameters: Json
    source: Json
    worker: str | None
    status: RunStatus
    cause: Cause
    priority: int
    start_date: Date | None
    completion_date: Date | None
    result_error: str | None
    should_cancel: bool
    should_abort: bool
    log_size: int
    log_complete: bool
    log_error: str | None
    artifact_count: int
    artifact_size: int
    artifacts_complete: bool
    artifact_error: str | None
    expiration_date: Date | None
    creation_date: Date
    update_date: Date


class RunEntity(RunSummary, frozen=True):
    """A run. `stop` is null when nobody and nothing asked that it end."""

    stop: StopEntity | None
    results: Any
    steps: list[StepEntity]
    worker_properties: Json | None


class RunDetail(RunEntity, frozen=True):
    """A run with the frozen definition that it was made with."""

    definition: Json


class ArtifactEntity(Entity, frozen=True):
    """A file that a run left; `state` is `awaited` until its bytes are here, `lost` when they never will be."""

    path: str
    size: int
    sha256: str
    state: ArtifactState


class WorkerEntity(Entity, frozen=True):
    """A process that executes runs; `active_runs` counts what it has now."""

    identifier: str
    owner: str
    version: str
    display_name: str
    properties: Json
    concurrency: int
    active_runs: int
    protocol: int
    note: str
    is_enabled: bool
    is_active: bool
    should_disconnect: bool
    connection_date: Date | None
    last_seen_date: Date | None
    creation_date: Date
    update_date: Date


class UserEntity(Entity, frozen=True):
    """A user. Who may see names only gets `identifier` and `display_name`; the rest is then absent."""

    identifier: str
    display_name: str
    roles: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    is_enabled: bool | msgspec.UnsetType = msgspec.UNSET
    creation_date: Date | msgspec.UnsetType = msgspec.UNSET
    update_date: Date | msgspec.UnsetType = msgspec.UNSET


class AuthenticationEntity(Entity, frozen=True):
    """A mean to authenticate, without anything that helps to forge it.

    `roles` are what a token is limited to; null: it may what its user may.
    """

    identifier: str
    user: str
    type: AuthenticationType
    description: str
    roles: tuple[str, ...] | None
    expiration_date: Date | None
    last_use_date: Date | None
    creation_date: Date
    update_date: Date


class NewToken(AuthenticationEntity, frozen=True):
    """A token that was just made; `secret` is shown this once and never again."""

    secret: str


class SessionEntity(Entity, frozen=True):
    """A session of the website; `client` is what the browser calls itself, and its address."""

    identifier: str
    creation_date: Date
    last_use_date: Date
    expiration_date: Date
    client: str
    is_current: bool


class LinkEntity(Entity, frozen=True):
    """A one-time link with which a user sets a password; `path` is below the server's address, `code` alone is shown
    this once."""

    purpose: str
    code: str
    path: str
    expiration_date: Date


def date(value: datetime) -> str:
    """Write an aware date as RFC 3339 in UTC, microseconds always there."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds")[:26] + "Z"


def optional_date(value: datetime | None) -> str | None:
    """Like `date`; None stays."""
    return None if value is None else date(value)


def from_milliseconds(value: int | None) -> str | None:
    """Write milliseconds since 1970 as a date; None stays."""
    return None if value is None else date(_EPOCH + timedelta(milliseconds=value))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _copier(kind: type[T], *computed: str) -> Callable[..., T]:
    """Return a function that makes a `kind` of a domain value: fields of the same name, dates as text.

    `computed` are fields that the caller gives by name.
    """
    names = [field.name for field in msgspec.structs.fields(kind)]  # type: ignore[arg-type]
    plain = [name for name in names if name not in computed and not _is_date(name)]
    dates = [name for name in names if name not in computed and _is_date(name)]

    def copy(value: Any, **given: Any) -> T:
        values = {name: getattr(value, name) for name in plain}
        for name in dates:
            found = getattr(value, name)
            values[name] = None if found is None else date(found)
        return kind(**values, **given)

    return copy


def _is_date(name: str) -> bool:
    return name.endswith("_date") or name == "next_fire"


_project = _copier(ProjectEntity)
_job = _copier(JobEntity)
_schedule = _copier(ScheduleEntity, "misfire_window", "jitter")
_step = _copier(StepEntity)
_stop = _copier(StopEntity)
_summary = _copier(RunSummary)
_run = _copier(RunEntity, "steps", "stop")
_detail = _copier(RunDetail, "steps", "stop", "definition")
_artifact = _copier(ArtifactEntity)
_worker = _copier(WorkerEntity, "active_runs")
_user = _copier(UserEntity)
_authentication = _copier(AuthenticationEntity)
_new_token = _copier(NewToken, "secret")
_session = _copier(SessionEntity, "is_current")


def project(value: Project) -> ProjectEntity:
    """Show a project."""
    return _project(value)


def job(value: Job) -> JobEntity:
    """Show a job."""
    return _job(value)


def schedule(value: Schedule) -> ScheduleEntity:
    """Show a schedule."""
    return _schedule(value, misfire_window=value.misfire_window_s, jitter=value.jitter_s)


def steps(values: tuple[Step, ...]) -> list[StepEntity]:
    """Show the steps of a run."""
    return [_step(value) for value in values]


def stop(value: Stop | None) -> StopEntity | None:
    """Show the receipt of a stop."""
    return None if value is None else _stop(value)


def summary(value: Run) -> RunSummary:
    """Show a run in short."""
    return _summary(value)


def run(value: Run) -> RunEntity:
    """Show a run."""
    return _run(value, steps=steps(value.steps), stop=stop(value.stop))


def run_detail(value: Run, definition: Mapping[str, Any]) -> RunDetail:
    """Show a run with its definition."""
    return _detail(value, steps=steps(value.steps), stop=stop(value.stop), definition=dict(definition))


def artifact(value: Artifact) -> ArtifactEntity:
    """Show an artifact."""
    return _artifact(value)


def worker(value: Worker, active_runs: int) -> WorkerEntity:
    """Show a worker."""
    return _worker(value, active_runs=active_runs)


def user_name(value: User) -> UserEntity:
    """Show a user to those who may know names."""
    return UserEntity(identifier=value.identifier, display_name=value.display_name)


def user(value: User) -> UserEntity:
    """Show a user."""
    return _user(value)


def authentication(value: UserAuthentication) -> AuthenticationEntity:
    """Show an authentication."""
    return _authentication(value)


def new_token(value: UserAuthentication, secret: str) -> NewToken:
    """Show a token that was just made."""
    return _new_token(value, secret=secret)


def session(value: Session, current: str | None) -> SessionEntity:
    """Show a session; `current` is the identifier of the caller's own."""
    return _session(value, is_current=value.identifier == current)
