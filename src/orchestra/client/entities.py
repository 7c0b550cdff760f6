"""Entities as the client returns them: the API's field names, dates as aware datetimes in UTC, durations in seconds.

Rules. Values are frozen. What people edit is `Editable` and knows its `etag`. Values of which a later
server may know more (codes of causes, types of parameters, types of events) are text and compare equal
to the members of the domain's enumerations; fields that a later server adds are ignored.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from orchestra.domain.job import ParameterValue
from orchestra.domain.run import TERMINAL, RunStatus

Json = dict[str, Any]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer holds."""


class Editable(Entity, frozen=True, kw_only=True, dict=True):
    """What people edit; pass it as `if_match` to change exactly the version that was read."""

    @property
    def etag(self) -> str | None:
        """The version that was read; None for items of lists, which come without."""
        found = self.__dict__.get("etag")
        return None if found is None else str(found)


E = TypeVar("E", bound=Entity)


def with_etag(entity: E, etag: str | None) -> E:
    """Note on a new entity which version it is. Others stay as they are."""
    if etag is not None and isinstance(entity, Editable):
        entity.__dict__["etag"] = etag
    return entity


class Project(Editable, frozen=True):
    """A space for jobs, schedules and runs."""

    identifier: str
    display_name: str
    description: str
    services: dict[str, Json]
    managed_by: str
    creation_date: datetime
    update_date: datetime


class Parameter(Entity, frozen=True):
    """One parameter of a job; `pattern` must match the whole value, `choices` are allowed values."""

    key: str
    description: str = ""
    type: str = "string"
    default: ParameterValue | None = None
    is_required: bool = False
    choices: tuple[ParameterValue, ...] = ()
    pattern: str | None = None


class Job(Editable, frozen=True):
    """What to execute: `definition`, `properties` and `policy` are in their normal form."""

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
    creation_date: datetime
    update_date: datetime


class Schedule(Editable, frozen=True):
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
    next_fire: datetime | None
    managed_by: str
    creation_date: datetime
    update_date: datetime


class Cause(Entity, frozen=True):
    """Why: a stable code for programs and one sentence for people."""

    code: str
    message: str


class Step(Entity, frozen=True):
    """One command as it went; `log_start` and `log_end` are byte offsets into the run's log."""

    name: str
    command: str | tuple[str, ...]
    phase: str
    start_date: datetime | None
    completion_date: datetime | None
    exit_code: int | None
    log_start: int
    log_end: int | None


class Survivor(Entity, frozen=True):
    """A process that could not be killed; `pid` 0 for a container."""

    pid: int
    command: str


class Stop(Entity, frozen=True):
    """The receipt of a stop; None is what did not happen (yet, or was not needed)."""

    requested_date: datetime
    requested_by: str
    delivered_date: datetime | None
    terminated_date: datetime | None
    killed_date: datetime | None
    verified_date: datetime | None
    survivors: tuple[Survivor, ...]


class Run(Entity, frozen=True, kw_only=True):
    """A run, as lists have it."""

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
    start_date: datetime | None
    completion_date: datetime | None
    results: Any
    result_error: str | None
    should_cancel: bool
    should_abort: bool
    stop: Stop | None
    steps: tuple[Step, ...]
    worker_properties: Json | None
    log_size: int
    log_complete: bool
    log_error: str | None
    artifact_count: int = 0
    artifact_size: int = 0
    artifacts_complete: bool = False
    artifact_error: str | None = None
    expiration_date: datetime | None
    creation_date: datetime
    update_date: datetime

    @property
    def has_ended(self) -> bool:
        """Whether the status is terminal: it will never change."""
        return self.status in TERMINAL


class RunDetail(Run, frozen=True, kw_only=True):
    """A run with the frozen definition that it was made with."""

    definition: Json


class Worker(Editable, frozen=True):
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
    connection_date: datetime | None
    last_seen_date: datetime | None
    creation_date: datetime
    update_date: datetime


class User(Editable, frozen=True):
    """A user. Who may see names only gets `identifier` and `display_name`; the rest is then None."""

    identifier: str
    display_name: str
    roles: tuple[str, ...] | None = None
    is_enabled: bool | None = None
    creation_date: datetime | None = None
    update_date: datetime | None = None


class Authentication(Editable, frozen=True):
    """A mean to authenticate, without anything that helps to forge it.

    `roles` is what a token is limited to; None: it may what its user may.
    """

    identifier: str
    user: str
    type: str
    description: str
    roles: tuple[str, ...] | None
    expiration_date: datetime | None
    last_use_date: datetime | None
    creation_date: datetime
    update_date: datetime


class NewToken(Authentication, frozen=True):
    """A token that was just made; `secret` is shown this once and never again."""

    secret: str

    def __repr__(self) -> str:
        # A value that is printed while someone looks for a mistake must not print the token with it.
        return f"NewToken(identifier={self.identifier!r}, user={self.user!r}, secret='…')"


class Session(Entity, frozen=True):
    """A session of the website; `client` is what the browser calls itself, and its address."""

    identifier: str
    creation_date: datetime
    last_use_date: datetime
    expiration_date: datetime
    client: str
    is_current: bool


class JobRevision(Entity, frozen=True):
    """One version of what a job executes; `changed` names the fields that differ from the revision before."""

    project: str
    job: str
    revision: int
    creation_date: datetime
    creator: str | None
    changed: tuple[str, ...]


class JobRevisionDetail(JobRevision, frozen=True):
    """A revision with what it holds."""

    definition: Json
    parameters: tuple[Parameter, ...]
    properties: Json
    policy: Json


class Event(Entity, frozen=True):
    """One thing that happened; `actor` is who asked for it, None when the system did it by itself."""

    sequence: int
    date: datetime
    type: str
    project: str | None
    job: str | None
    run: str | None
    worker: str | None
    user: str | None
    actor: str | None
    run_sequence: int | None
    data: Mapping[str, Any]
