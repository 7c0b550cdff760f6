"""The tables: one for each entity of the data model, columns named as its fields, and what the system needs beside.

Rules: this module is what the program expects; `migrations` is how a database gets there, and a test
compares the two. Invariants stand here too, as CHECK, UNIQUE and foreign keys, so that no code path
can break them. Each index names the query that it serves; indexes of lists end with `creation_date`
and leave the identifier out (ties are sorted, and ties are short).

Columns beside the data model's fields: `run.epoch`, `run.stop_requested_by`, `run.expiration_date`
(see `domain.run`); `run.concurrency_group` (the group with its substitutions made), `run.token_hash`
(of the token that the run's commands receive), `run.source_type` and `run.source_name` (copies out
of `source`, for filters); `worker.session`, `worker.installation`, `worker.boot` (see
`domain.worker`); `user_authentication.roles` (what a token is limited to; NULL: nothing). Tables beside:
`job_revision` (what runs were made from; outlives its job), `job_counter` (numbers
that are never given twice), `event`, `log_chunk`, `artifact`, `artifact_removal`, `idempotency_key`,
`session` (of the website), `sign_in_code`, `setting`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from orchestra.domain.artifact import ArtifactState
from orchestra.domain.job import PRIORITY_HIGHEST, PRIORITY_LOWEST, Parameter
from orchestra.domain.run import ACTIVE, TERMINAL, Cause, RunStatus, Step
from orchestra.domain.stop import Stop
from orchestra.domain.user import AuthenticationType
from orchestra.storage.columns import Code, Date, Json, string
from orchestra.storage.event_type import EventType

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _among(column: str, values: Iterable[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in sorted(values))})"


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, string(), nullable=False, **options)


def _optional_text(name: str) -> Column[str | None]:
    return Column(name, string())


def _json(name: str, shape: Any = Any) -> Column[Any]:
    return Column(name, Json(shape), nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(create_constraint=False), nullable=False)


def _integer(name: str, **options: Any) -> Column[int]:
    return Column(name, Integer, nullable=False, **options)


def _dates() -> tuple[Column[Any], Column[Any]]:
    return Column("creation_date", Date(), nullable=False), Column("update_date", Date(), nullable=False)


def _filtered(name: str, condition: str, *columns: Any, unique: bool = False) -> Index:
    """An index of the rows that meet `condition`; a query must repeat the condition to use it."""
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


project: Final = Table(
    "project",
    metadata,
    _text("identifier", primary_key=True),
    _text("display_name"),
    _text("description"),
    _json("services", dict[str, dict[str, Any]]),
    _text("managed_by"),
    *_dates(),
)

job: Final = Table(
    "job",
    metadata,
    _text("project", primary_key=True),
    _text("identifier", primary_key=True),
    _text("display_name"),
    _text("description"),
    _json("definition", dict[str, Any]),
    _json("parameters", tuple[Parameter, ...]),
    _json("properties", dict[str, Any]),
    _text("group"),
    _json("policy", dict[str, Any]),
    _integer("revision"),
    _text("managed_by"),
    _flag("is_enabled"),
    *_dates(),
    ForeignKeyConstraint(["project"], ["project.identifier"]),
)

job_revision: Final = Table(
    "job_revision",
    metadata,
    _text("project", primary_key=True),
    _text("job", primary_key=True),
    _integer("revision", primary_key=True, autoincrement=False),
    _json("definition", dict[str, Any]),
    _json("parameters", tuple[Parameter, ...]),
    _json("properties", dict[str, Any]),
    _json("policy", dict[str, Any]),
    _optional_text("creator"),
    Column("creation_date", Date(), nullable=False),
)

job_counter: Final = Table(
    "job_counter",
    metadata,
    _text("project", primary_key=True),
    _text("job", primary_key=True),
    _integer("last_revision"),
    _integer("last_number"),
)

run: Final = Table(
    "run",
    metadata,
    _text("identifier", primary_key=True),
    _text("project"),
    _integer("number"),
    _text("job"),
    _integer("job_revision"),
    _json("parameters", dict[str, Any]),
    _json("source", dict[str, Any]),
    _optional_text("worker"),
    Column("status", Code(RunStatus), nullable=False),
    _json("cause", Cause),
    _integer("priority"),
    _integer("epoch"),
    Column("start_date", Date()),
    Column("completion_date", Date()),
    Column("results", Json()),
    _optional_text("result_error"),
    _flag("should_cancel"),
    _flag("should_abort"),
    _optional_text("stop_requested_by"),
    Column("stop", Json(Stop)),
    _json("steps", tuple[Step, ...]),
    Column("worker_properties", Json(dict[str, Any])),
    Column("log_size", BigInteger, nullable=False),
    _flag("log_complete"),
    _optional_text("log_error"),
    _integer("artifact_count", server_default="0"),
    Column("artifact_size", BigInteger, nullable=False, server_default="0"),
    Column("artifacts_complete", Boolean(create_constraint=False), nullable=False, server_default=false()),
    _optional_text("artifact_error"),
    Column("expiration_date", Date()),
    *_dates(),
    _text("source_type"),
    _text("source_name"),
    _optional_text("concurrency_group"),
    _optional_text("token_hash"),
    UniqueConstraint("project", "job", "number"),
    # Not to `job`: runs are history, and outlive the job that they were made from.
    ForeignKeyConstraint(["project"], ["project.identifier"]),
    ForeignKeyConstraint(
        ["project", "job", "job_revision"], ["job_revision.project", "job_revision.job", "job_revision.revision"]
    ),
    CheckConstraint(_among("status", RunStatus), name="status"),
    CheckConstraint(f"priority BETWEEN {PRIORITY_LOWEST} AND {PRIORITY_HIGHEST}", name="priority"),
    CheckConstraint(f"({_among('status', TERMINAL)}) = (completion_date IS NOT NULL)", name="completion"),
    CheckConstraint(f"NOT ({_among('status', ACTIVE)}) OR worker IS NOT NULL", name="worker"),
    CheckConstraint("epoch >= 0 AND number >= 1 AND log_size >= 0", name="counts"),
)

LIVE: Final = "completion_date IS NULL"
ENDED: Final = "completion_date IS NOT NULL"
PENDING: Final = "status = 'pending'"
IS_ACTIVE: Final = _among("status", ACTIVE)
EXPIRING: Final = f"{PENDING} AND expiration_date IS NOT NULL"
UNEXPLAINED: Final = f"{ENDED} AND NOT artifacts_complete AND artifact_error IS NULL"

# The latest runs of everything, of a project, of a job.
Index("ix_run_latest", run.c.creation_date)
Index("ix_run_latest_of_project", run.c.project, run.c.creation_date)
Index("ix_run_latest_of_job", run.c.project, run.c.job, run.c.creation_date)
# The same for one status; live runs are few and share one index, so that a start does not touch the big ones.
_filtered("ix_run_live", LIVE, run.c.status, run.c.creation_date)
_filtered("ix_run_ended", ENDED, run.c.status, run.c.creation_date)
_filtered("ix_run_ended_of_project", ENDED, run.c.project, run.c.status, run.c.creation_date)
_filtered("ix_run_ended_of_job", ENDED, run.c.project, run.c.job, run.c.status, run.c.creation_date)
# The latest runs of a worker, and of a worker with one status.
_filtered("ix_run_latest_of_worker", "worker IS NOT NULL", run.c.worker, run.c.creation_date)
_filtered("ix_run_ended_of_worker", f"{ENDED} AND worker IS NOT NULL", run.c.worker, run.c.status, run.c.creation_date)
# The latest runs that a user, a schedule or a run has triggered.
Index("ix_run_latest_of_source", run.c.source_type, run.c.source_name, run.c.creation_date)
# The queue in its order.
_filtered("ix_run_queue", PENDING, run.c.priority.desc(), run.c.creation_date)
# The heads of the queue, class by class, when it is long.
_filtered(
    "ix_run_queue_of_class",
    PENDING,
    run.c.project,
    run.c.job,
    run.c.job_revision,
    run.c.concurrency_group,
    run.c.priority.desc(),
    run.c.creation_date,
)
# Pending runs whose time is over.
_filtered("ix_run_expiring", EXPIRING, run.c.expiration_date)
# What a worker has; how many of its slots are taken.
_filtered("ix_run_active_of_worker", IS_ACTIVE, run.c.worker)
# How many runs of a concurrency group are active.
_filtered(
    "ix_run_active_of_group",
    f"{IS_ACTIVE} AND concurrency_group IS NOT NULL",
    run.c.project,
    run.c.concurrency_group,
)

# Ended runs of a worker that have files on their way.
_filtered("ix_run_unexplained_files", UNEXPLAINED, run.c.worker)

schedule: Final = Table(
    "schedule",
    metadata,
    _text("project", primary_key=True),
    _text("identifier", primary_key=True),
    _text("display_name"),
    _text("job"),
    _json("parameters", dict[str, Any]),
    _text("expression"),
    _text("time_zone"),
    _text("overlap"),
    _text("misfire"),
    Column("misfire_window_s", Float, nullable=False),
    Column("jitter_s", Float, nullable=False),
    _flag("is_enabled"),
    _optional_text("last_run"),
    Column("next_fire", Date()),
    _text("managed_by"),
    *_dates(),
    ForeignKeyConstraint(["project"], ["project.identifier"]),
)

user: Final = Table(
    "user",
    metadata,
    _text("identifier", primary_key=True),
    _text("display_name"),
    _json("roles", tuple[str, ...]),
    _flag("is_enabled"),
    *_dates(),
)

user_authentication: Final = Table(
    "user_authentication",
    metadata,
    _text("identifier", primary_key=True),
    Column("user", string(), ForeignKey("user.identifier", ondelete="CASCADE"), nullable=False),
    Column("type", Code(AuthenticationType), nullable=False),
    _text("description"),
    _text("hash_function"),
    _json("hash_function_parameters", dict[str, Any]),
    _optional_text("hash_function_salt"),
    _text("secret"),
    Column("expiration_date", Date()),
    Column("last_use_date", Date()),
    Column("roles", Json(tuple[str, ...])),
    *_dates(),
    CheckConstraint(_among("type", AuthenticationType), name="type"),
    # The authentications of a user.
    Index("ix_user_authentication_user", "user", "creation_date"),
)
# A user has one password.
_filtered("uq_user_authentication_password", "type = 'password'", user_authentication.c.user, unique=True)

session: Final = Table(
    "session",
    metadata,
    _text("identifier", primary_key=True),
    Column("user", string(), ForeignKey("user.identifier", ondelete="CASCADE"), nullable=False),
    _text("secret"),
    _text("csrf"),
    Column("creation_date", Date(), nullable=False),
    Column("last_use_date", Date(), nullable=False),
    Column("expiration_date", Date(), nullable=False),
    _text("client", server_default=""),
    Column("authentication_date", Date()),
    # The sessions of a user.
    Index("ix_session_user", "user"),
)

sign_in_code: Final = Table(
    "sign_in_code",
    metadata,
    _text("secret", primary_key=True),
    Column("user", string(), ForeignKey("user.identifier", ondelete="CASCADE"), nullable=False),
    Column("expiration_date", Date(), nullable=False),
    _text("purpose", server_default="sign_in"),
)

worker: Final = Table(
    "worker",
    metadata,
    _text("identifier", primary_key=True),
    Column("owner", string(), ForeignKey("user.identifier"), nullable=False),
    _text("version"),
    _text("display_name"),
    _json("properties", dict[str, Any]),
    _integer("concurrency"),
    _integer("protocol"),
    _text("note"),
    _flag("is_enabled"),
    _flag("is_active"),
    _flag("should_disconnect"),
    Column("connection_date", Date()),
    Column("last_seen_date", Date()),
    _integer("session"),
    _text("installation"),
    _text("boot"),
    *_dates(),
)

SEQUENCE: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the column is exactly INTEGER PRIMARY KEY."""

event: Final = Table(
    "event",
    metadata,
    Column("sequence", SEQUENCE, Identity(), primary_key=True),
    Column("date", Date(), nullable=False),
    Column("type", Code(EventType), nullable=False),
    _optional_text("project"),
    _optional_text("job"),
    _optional_text("run"),
    _optional_text("worker"),
    _optional_text("user"),
    _optional_text("actor"),
    Column("run_sequence", Integer),
    _json("data", dict[str, Any]),
    # A number that was given is never given again, not even after the newest rows were removed.
    sqlite_autoincrement=True,
)
# The history of a run, and its place in it: gapless because there are no two, and each is the last plus one.
_filtered("uq_event_run_run_sequence", "run IS NOT NULL", event.c.run, event.c.run_sequence, unique=True)

log_chunk: Final = Table(
    "log_chunk",
    metadata,
    # No foreign key: this is the hottest insert, and whoever deletes a run deletes its log first.
    _text("run", primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    # NULL: these bytes stand in the run's file.
    Column("data", LargeBinary),
    Column("times", LargeBinary),
    CheckConstraint("start >= 0 AND size >= 0", name="range"),
)

artifact: Final = Table(
    "artifact",
    metadata,
    # No foreign key, as with logs: whoever deletes a run deletes its artifacts with it.
    _text("run", primary_key=True),
    _text("path", primary_key=True),
    Column("size", BigInteger, nullable=False),
    _text("sha256"),
    Column("state", Code(ArtifactState), nullable=False),
    CheckConstraint(_among("state", ArtifactState), name="state"),
    CheckConstraint("size >= 0", name="size"),
    # Who else needs a content.
    Index("ix_artifact_sha256", "sha256"),
)
# What is still to come of a run.
_filtered("ix_artifact_awaited", "state = 'awaited'", artifact.c.run)

artifact_removal: Final = Table(
    "artifact_removal",
    metadata,
    # Contents whose last artifact was deleted: their files are removed after the commit.
    _text("sha256", primary_key=True),
)

idempotency_key: Final = Table(
    "idempotency_key",
    metadata,
    _text("principal", primary_key=True),
    _text("project", primary_key=True),
    _text("job", primary_key=True),
    _text("key", primary_key=True),
    _text("body_hash"),
    _text("run"),
    Column("creation_date", Date(), nullable=False),
    # Keys whose time is over.
    Index("ix_idempotency_key_creation_date", "creation_date"),
    # The keys of a run that is deleted.
    Index("ix_idempotency_key_run", "run"),
)

setting: Final = Table(
    "setting",
    metadata,
    _text("key", primary_key=True),
    _json("value"),
)
