"""Artifacts: what runs leave, whether all of it is here, and contents that nobody needs any more."""

import sqlalchemy as sa
from alembic import op

from orchestra.storage.columns import string

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables; runs that had ended left nothing that anybody kept."""
    op.add_column("run", sa.Column("artifact_count", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("artifact_size", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("run", sa.Column("artifacts_complete", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("run", sa.Column("artifact_error", string()))
    run = sa.table("run", sa.column("artifacts_complete", sa.Boolean()), sa.column("completion_date"))
    op.execute(sa.update(run).where(run.c.completion_date.is_not(None)).values(artifacts_complete=sa.true()))
    on_their_way = sa.text("completion_date IS NOT NULL AND NOT artifacts_complete AND artifact_error IS NULL")
    op.create_index(
        "ix_run_unexplained_files", "run", ["worker"], sqlite_where=on_their_way, postgresql_where=on_their_way
    )
    op.create_table(
        "artifact",
        sa.Column("run", string(), nullable=False),
        sa.Column("path", string(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", string(), nullable=False),
        sa.Column("state", string(), nullable=False),
        sa.CheckConstraint("state IN ('awaited', 'lost', 'stored')", name="ck_artifact_state"),
        sa.CheckConstraint("size >= 0", name="ck_artifact_size"),
        sa.PrimaryKeyConstraint("run", "path", name="pk_artifact"),
    )
    op.create_index("ix_artifact_sha256", "artifact", ["sha256"])
    is_awaited = sa.text("state = 'awaited'")
    op.create_index("ix_artifact_awaited", "artifact", ["run"], sqlite_where=is_awaited, postgresql_where=is_awaited)
    op.create_table(
        "artifact_removal",
        sa.Column("sha256", string(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_artifact_removal"),
    )
