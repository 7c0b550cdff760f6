"""What callers send: the fields of each entity that may be written, as keyword arguments with types.

`put_…` takes a whole content (what is absent gets its default), `change_…` the fields that change.
Durations are seconds, or text such as `90s`, `15m`, `2h`, `1d`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Required, TypedDict

Duration = float | str
Object = Mapping[str, Any]


class ProjectContent(TypedDict, total=False):
    """A project; also what may be changed of one."""

    display_name: str
    description: str
    services: Mapping[str, Object]


class _JobFields(TypedDict, total=False):
    display_name: str
    description: str
    group: str
    parameters: Sequence[Object]
    properties: Object
    policy: Object
    is_enabled: bool


class JobContent(_JobFields, total=False):
    """A job; only its definition is required."""

    definition: Required[Object]


class JobChanges(_JobFields, total=False):
    """What may be changed of a job; `is_enabled` alone also by operators, and where files own the job."""

    definition: Object


class _ScheduleFields(TypedDict, total=False):
    display_name: str
    parameters: Object
    time_zone: str
    overlap: str
    misfire: str
    misfire_window: Duration
    jitter: Duration
    is_enabled: bool


class ScheduleContent(_ScheduleFields, total=False):
    """A schedule; required are the job and the cron expression."""

    job: Required[str]
    expression: Required[str]


class ScheduleChanges(_ScheduleFields, total=False):
    """What may be changed of a schedule; `is_enabled` alone also by operators, and where files own the schedule."""

    job: str
    expression: str


class WorkerChanges(TypedDict, total=False):
    """What may be changed of a worker."""

    is_enabled: bool
    note: str
    display_name: str


class UserContent(TypedDict, total=False):
    """A user; also what may be changed of one. `roles` holds entries `Role` or `Role@project`."""

    display_name: str
    roles: Sequence[str]
    is_enabled: bool


class AuthenticationChanges(TypedDict, total=False):
    """What may be changed of an authentication; an `expiration_date` that has passed makes it invalid now."""

    description: str
    expiration_date: datetime | str | None


class TokenContent(AuthenticationChanges, total=False):
    """A new token. Without `expiration_date` it gets the server's default life, limited to `roles` if there are any."""

    roles: Sequence[str]


class ConfigurationFile(TypedDict):
    """One configuration file: the name that messages give, and its text, YAML or JSON."""

    name: str
    content: str
