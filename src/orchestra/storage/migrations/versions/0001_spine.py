"""The spine: projects, jobs, runs, schedules, users, workers, events, logs.

Frozen: this says what the schema was then, whatever `schema.py` says now.
"""

import sqlalchemy as sa
from alembic import op

from orchestra.storage.columns import Date, Json, string

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables in an empty database."""
    _project()
    _jobs()
    _runs()
    _schedules()
    _users()
    _workers()
    _events()
    _logs()
    _settings()


def filtered(
    name: str, table: str, columns: list[str | sa.ColumnElement[int]], condition: str, *, unique: bool = False
) -> None:
    """Create an index of the rows that meet `condition`."""
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _project() -> None:
    op.create_table(
        "project",
        sa.Column("identifier", string(), nullable=False),
        sa.Column("display_name", string(), nullable=False),
        sa.Column("description", string(), nullable=False),
        sa.Column("services", Json(), nullable=False),
        sa.Column("managed_by", string(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.PrimaryKeyConstraint("identifier", name="pk_project"),
    )


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("project", string(), nullable=False),
        sa.Column("identifier", string(), nullable=False),
        sa.Column("display_name", string(), nullable=False),
        sa.Column("description", string(), nullable=False),
        sa.Column("definition", Json(), nullable=False),
        sa.Column("parameters", Json(), nullable=False),
        sa.Column("properties", Json(), nullable=False),
        sa.Column("group", string(), nullable=False),
        sa.Column("policy", Json(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("managed_by", string(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.identifier"], name="fk_job_project"),
        sa.PrimaryKeyConstraint("project", "identifier", name="pk_job"),
    )
    op.create_table(
        "job_revision",
        sa.Column("project", string(), nullable=False),
        sa.Column("job", string(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("definition", Json(), nullable=False),
        sa.Column("parameters", Json(), nullable=False),
        sa.Column("properties", Json(), nullable=False),
        sa.Column("policy", Json(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.PrimaryKeyConstraint("project", "job", "revision", name="pk_job_revision"),
    )
    op.create_table(
        "job_counter",
        sa.Column("project", string(), nullable=False),
        sa.Column("job", string(), nullable=False),
        sa.Column("last_revision", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "job", name="pk_job_counter"),
    )


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("identifier", string(), nullable=False),
        sa.Column("project", string(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job", string(), nullable=False),
        sa.Column("job_revision", sa.Integer(), nullable=False),
        sa.Column("parameters", Json(), nullable=False),
        sa.Column("source", Json(), nullable=False),
        sa.Column("worker", string()),
        sa.Column("status", string(), nullable=False),
        sa.Column("cause", Json(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("start_date", Date()),
        sa.Column("completion_date", Date()),
        sa.Column("results", Json()),
        sa.Column("result_error", string()),
        sa.Column("should_cancel", sa.Boolean(), nullable=False),
        sa.Column("should_abort", sa.Boolean(), nullable=False),
        sa.Column("stop_requested_by", string()),
        sa.Column("steps", Json(), nullable=False),
        sa.Column("worker_properties", Json()),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("log_complete", sa.Boolean(), nullable=False),
        sa.Column("log_error", string()),
        sa.Column("expiration_date", Date()),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.Column("source_type", string(), nullable=False),
        sa.Column("source_name", string(), nullable=False),
        sa.CheckConstraint(
            "(status IN ('aborted', 'cancelled', 'exception', 'failed', 'skipped', 'succeeded')) "
            "= (completion_date IS NOT NULL)",
            name="ck_run_completion",
        ),
        sa.CheckConstraint("NOT (status IN ('assigned', 'running')) OR worker IS NOT NULL", name="ck_run_worker"),
        sa.CheckConstraint(
            "status IN ('aborted', 'assigned', 'cancelled', 'exception', 'failed', "
            "'pending', 'running', 'skipped', 'succeeded')",
            name="ck_run_status",
        ),
        sa.CheckConstraint("epoch >= 0 AND number >= 1 AND log_size >= 0", name="ck_run_counts"),
        sa.CheckConstraint("priority BETWEEN -100 AND 100", name="ck_run_priority"),
        sa.ForeignKeyConstraint(
            ["project", "job", "job_revision"],
            ["job_revision.project", "job_revision.job", "job_revision.revision"],
            name="fk_run_project_job_job_revision",
        ),
        sa.ForeignKeyConstraint(["project", "job"], ["job.project", "job.identifier"], name="fk_run_project_job"),
        sa.PrimaryKeyConstraint("identifier", name="pk_run"),
        sa.UniqueConstraint("project", "job", "number", name="uq_run_project_job_number"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("principal", string(), nullable=False),
        sa.Column("project", string(), nullable=False),
        sa.Column("job", string(), nullable=False),
        sa.Column("key", string(), nullable=False),
        sa.Column("body_hash", string(), nullable=False),
        sa.Column("run", string(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "project", "job", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_creation_date", "idempotency_key", ["creation_date"])
    _indexes_of_runs()


def _indexes_of_runs() -> None:
    filtered("ix_run_active_of_worker", "run", ["worker"], "status IN ('assigned', 'running')")
    filtered("ix_run_ended", "run", ["status", "creation_date"], "completion_date IS NOT NULL")
    filtered("ix_run_ended_of_job", "run", ["project", "job", "status", "creation_date"], "completion_date IS NOT NULL")
    filtered("ix_run_ended_of_project", "run", ["project", "status", "creation_date"], "completion_date IS NOT NULL")
    filtered(
        "ix_run_ended_of_worker",
        "run",
        ["worker", "status", "creation_date"],
        "completion_date IS NOT NULL AND worker IS NOT NULL",
    )
    filtered("ix_run_expiring", "run", ["expiration_date"], "status = 'pending' AND expiration_date IS NOT NULL")
    op.create_index("ix_run_latest", "run", ["creation_date"])
    op.create_index("ix_run_latest_of_job", "run", ["project", "job", "creation_date"])
    op.create_index("ix_run_latest_of_project", "run", ["project", "creation_date"])
    op.create_index("ix_run_latest_of_source", "run", ["source_type", "source_name", "creation_date"])
    filtered("ix_run_latest_of_worker", "run", ["worker", "creation_date"], "worker IS NOT NULL")
    filtered("ix_run_live", "run", ["status", "creation_date"], "completion_date IS NULL")
    filtered("ix_run_queue", "run", [sa.literal_column("priority DESC"), "creation_date"], "status = 'pending'")


def _schedules() -> None:
    op.create_table(
        "schedule",
        sa.Column("project", string(), nullable=False),
        sa.Column("identifier", string(), nullable=False),
        sa.Column("display_name", string(), nullable=False),
        sa.Column("job", string(), nullable=False),
        sa.Column("parameters", Json(), nullable=False),
        sa.Column("expression", string(), nullable=False),
        sa.Column("time_zone", string(), nullable=False),
        sa.Column("overlap", string(), nullable=False),
        sa.Column("misfire", string(), nullable=False),
        sa.Column("misfire_window_s", sa.Float(), nullable=False),
        sa.Column("jitter_s", sa.Float(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("last_run", string()),
        sa.Column("next_fire", Date()),
        sa.Column("managed_by", string(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["project.identifier"], name="fk_schedule_project"),
        sa.PrimaryKeyConstraint("project", "identifier", name="pk_schedule"),
    )


def _users() -> None:
    op.create_table(
        "user",
        sa.Column("identifier", string(), nullable=False),
        sa.Column("display_name", string(), nullable=False),
        sa.Column("roles", Json(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.PrimaryKeyConstraint("identifier", name="pk_user"),
    )
    op.create_table(
        "user_authentication",
        sa.Column("identifier", string(), nullable=False),
        sa.Column("user", string(), nullable=False),
        sa.Column("type", string(), nullable=False),
        sa.Column("description", string(), nullable=False),
        sa.Column("hash_function", string(), nullable=False),
        sa.Column("hash_function_parameters", Json(), nullable=False),
        sa.Column("hash_function_salt", string()),
        sa.Column("secret", string(), nullable=False),
        sa.Column("expiration_date", Date()),
        sa.Column("last_use_date", Date()),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.CheckConstraint("type IN ('password', 'token')", name="ck_user_authentication_type"),
        sa.ForeignKeyConstraint(["user"], ["user.identifier"], name="fk_user_authentication_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("identifier", name="pk_user_authentication"),
    )
    op.create_index("ix_user_authentication_user", "user_authentication", ["user", "creation_date"])


def _workers() -> None:
    op.create_table(
        "worker",
        sa.Column("identifier", string(), nullable=False),
        sa.Column("owner", string(), nullable=False),
        sa.Column("version", string(), nullable=False),
        sa.Column("display_name", string(), nullable=False),
        sa.Column("properties", Json(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("protocol", sa.Integer(), nullable=False),
        sa.Column("note", string(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("should_disconnect", sa.Boolean(), nullable=False),
        sa.Column("connection_date", Date()),
        sa.Column("last_seen_date", Date()),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("installation", string(), nullable=False),
        sa.Column("boot", string(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("update_date", Date(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["user.identifier"], name="fk_worker_owner"),
        sa.PrimaryKeyConstraint("identifier", name="pk_worker"),
    )


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column("date", Date(), nullable=False),
        sa.Column("type", string(), nullable=False),
        sa.Column("project", string()),
        sa.Column("job", string()),
        sa.Column("run", string()),
        sa.Column("worker", string()),
        sa.Column("user", string()),
        sa.Column("actor", string()),
        sa.Column("run_sequence", sa.Integer()),
        sa.Column("data", Json(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_event"),
        sqlite_autoincrement=True,
    )
    filtered("uq_event_run_run_sequence", "event", ["run", "run_sequence"], "run IS NOT NULL", unique=True)


def _logs() -> None:
    op.create_table(
        "log_chunk",
        sa.Column("run", string(), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary()),
        sa.Column("times", sa.LargeBinary()),
        sa.CheckConstraint("start >= 0 AND size >= 0", name="ck_log_chunk_range"),
        sa.PrimaryKeyConstraint("run", "start", name="pk_log_chunk"),
    )


def _settings() -> None:
    op.create_table(
        "setting",
        sa.Column("key", string(), nullable=False),
        sa.Column("value", Json(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )
