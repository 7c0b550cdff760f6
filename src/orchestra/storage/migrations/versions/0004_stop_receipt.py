"""The receipt of a stop."""

import sqlalchemy as sa
from alembic import op

from orchestra.storage.columns import Json

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add it to runs; those that were stopped before have none."""
    op.add_column("run", sa.Column("stop", Json()))
