"""Sessions of the website, tokens of runs, concurrency groups."""

import sqlalchemy as sa
from alembic import op

from orchestra.storage.columns import Date, string

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what signs people and runs in, and what the queue needs to keep groups apart."""
    op.add_column("run", sa.Column("concurrency_group", string()))
    op.add_column("run", sa.Column("token_hash", string()))
    op.create_table(
        "session",
        sa.Column("identifier", string(), nullable=False),
        sa.Column("user", string(), nullable=False),
        sa.Column("secret", string(), nullable=False),
        sa.Column("csrf", string(), nullable=False),
        sa.Column("creation_date", Date(), nullable=False),
        sa.Column("last_use_date", Date(), nullable=False),
        sa.Column("expiration_date", Date(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.identifier"], name="fk_session_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("identifier", name="pk_session"),
    )
    op.create_table(
        "sign_in_code",
        sa.Column("secret", string(), nullable=False),
        sa.Column("user", string(), nullable=False),
        sa.Column("expiration_date", Date(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user.identifier"], name="fk_sign_in_code_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secret", name="pk_sign_in_code"),
    )
    op.create_index("ix_session_user", "session", ["user"])
    filtered(
        "ix_run_active_of_group",
        "run",
        ["project", "concurrency_group"],
        "status IN ('assigned', 'running') AND concurrency_group IS NOT NULL",
    )
    filtered(
        "ix_run_queue_of_class",
        "run",
        ["project", "job", "job_revision", "concurrency_group", sa.literal_column("priority DESC"), "creation_date"],
        "status = 'pending'",
    )


def filtered(name: str, table: str, columns: list[str | sa.ColumnElement[int]], condition: str) -> None:
    """Create an index of the rows that meet `condition`."""
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
