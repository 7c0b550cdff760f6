"""Records of an export: one class for each table, fields as the ancestor's database has them.

`kinds` tells the reader what each field holds. Databases without a schema leave out what was never set,
so fields that may be null may be absent.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, get_args, get_origin, get_type_hints


class Kind(StrEnum):
    """What a field holds; the text is how problems name it."""

    TEXT = "text"
    FLAG = "true or false"
    DATE = "a date such as 2020-01-31T12:00:00+00:00"
    LIST = "a list"
    MAPPING = "a mapping"
    ANYTHING = "any value"


_KINDS: Final[Mapping[Any, Kind]] = {str: Kind.TEXT, bool: Kind.FLAG, datetime: Kind.DATE, Any: Kind.ANYTHING}
_COLLECTIONS: Final[Mapping[Any, Kind]] = {list: Kind.LIST, dict: Kind.MAPPING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Where a record stands, and what of it has no meaning here.

    `unknown` are keys that the data model does not have, `flaw` says why nothing of it can be stored (empty: nothing).
    """

    file: str
    index: int
    unknown: tuple[str, ...] = ()
    flaw: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}[{self.index}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedUser(Record):
    identifier: str
    display_name: str
    roles: list[Any]
    is_enabled: bool
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedAuthentication(Record):
    identifier: str
    user: str
    type: str
    description: str | None = None
    hash_function: str | None = None
    hash_function_parameters: dict[str, Any] | None = None
    hash_function_salt: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    expiration_date: datetime | None = None
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedProject(Record):
    identifier: str
    display_name: str
    services: dict[str, Any]
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedJob(Record):
    project: str
    identifier: str
    display_name: str
    description: str
    definition: dict[str, Any]
    parameters: list[Any]
    properties: dict[str, Any]
    is_enabled: bool
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRun(Record):
    project: str
    identifier: str
    job: str
    parameters: dict[str, Any]
    source: dict[str, Any]
    worker: str | None = None
    status: str
    start_date: datetime | None = None
    completion_date: datetime | None = None
    results: Any = None
    should_cancel: bool
    should_abort: bool
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSchedule(Record):
    project: str
    identifier: str
    display_name: str
    job: str
    parameters: dict[str, Any]
    expression: str
    is_enabled: bool
    last_run: str | None = None
    creation_date: datetime
    update_date: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedWorker(Record):
    identifier: str
    owner: str
    version: str
    display_name: str
    properties: dict[str, Any]
    is_enabled: bool
    is_active: bool
    should_disconnect: bool
    creation_date: datetime
    update_date: datetime


def kinds(record: type[Record]) -> Mapping[str, tuple[Kind, bool]]:
    """Return for each field of a table its kind, and whether a record must have it."""
    own = {one.name for one in fields(Record)}
    hints = get_type_hints(record)
    return {one.name: (_kind(hints[one.name]), one.default is MISSING) for one in fields(record) if one.name not in own}


def _kind(hint: Any) -> Kind:
    bare = (
        next((one for one in get_args(hint) if one is not type(None)), hint) if type(None) in get_args(hint) else hint
    )
    return _KINDS[bare] if bare in _KINDS else _COLLECTIONS[get_origin(bare)]


class Table(StrEnum):
    """The tables of an export, in the order in which they depend on each other; each is a file `TABLE.json`."""

    USER = "user"
    USER_AUTHENTICATION = "user_authentication"
    PROJECT = "project"
    JOB = "job"
    SCHEDULE = "schedule"
    WORKER = "worker"
    RUN = "run"

    @property
    def file(self) -> str:
        return f"{self}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What the files say; `missing` are the tables without a file."""

    users: tuple[ExportedUser, ...] = ()
    authentications: tuple[ExportedAuthentication, ...] = ()
    projects: tuple[ExportedProject, ...] = ()
    jobs: tuple[ExportedJob, ...] = ()
    schedules: tuple[ExportedSchedule, ...] = ()
    workers: tuple[ExportedWorker, ...] = ()
    runs: tuple[ExportedRun, ...] = ()
    missing: tuple[Table, ...] = ()
