"""Passwords, links, narrower tokens; who made a revision; runs that outlive their job."""

import sqlalchemy as sa
from alembic import op

from orchestra.storage.columns import Date, Json, string

revision = "0003"
down_revision = "0002"

_JOB_OF_RUN = "CONSTRAINT fk_run_project_job FOREIGN KEY(project, job) REFERENCES job (project, identifier)"
_PROJECT_OF_RUN = "CONSTRAINT fk_run_project FOREIGN KEY(project) REFERENCES project (identifier)"


def upgrade() -> None:
    """Add what people sign in with, and let a job go while its runs stay."""
    op.add_column("job_revision", sa.Column("creator", string()))
    op.add_column("user_authentication", sa.Column("roles", Json()))
    op.add_column("session", sa.Column("client", string(), nullable=False, server_default=""))
    op.add_column("session", sa.Column("authentication_date", Date()))
    op.add_column("sign_in_code", sa.Column("purpose", string(), nullable=False, server_default="sign_in"))
    op.create_index("ix_idempotency_key_run", "idempotency_key", ["run"])
    is_password = sa.text("type = 'password'")
    op.create_index(
        "uq_user_authentication_password",
        "user_authentication",
        ["user"],
        unique=True,
        sqlite_where=is_password,
        postgresql_where=is_password,
    )
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_run()
    else:
        op.drop_constraint("fk_run_project_job", "run", type_="foreignkey")
        op.create_foreign_key("fk_run_project", "run", "project", ["project"], ["identifier"])


def _rebuild_run() -> None:
    """SQLite changes a table's constraints only by making it anew (sqlite.org/lang_altertable.html section 7)."""
    connection = op.get_bind()
    of_run = "FROM sqlite_master WHERE tbl_name = 'run' AND sql IS NOT NULL AND type ="
    table = connection.exec_driver_sql(f"SELECT sql {of_run} 'table'").scalar_one()
    indexes = connection.exec_driver_sql(f"SELECT sql {of_run} 'index'").scalars().all()
    made = table.replace("CREATE TABLE run ", "CREATE TABLE run_anew ", 1).replace(_JOB_OF_RUN, _PROJECT_OF_RUN)
    connection.exec_driver_sql(made)
    connection.exec_driver_sql("INSERT INTO run_anew SELECT * FROM run")
    connection.exec_driver_sql("DROP TABLE run")
    connection.exec_driver_sql("ALTER TABLE run_anew RENAME TO run")
    for index in indexes:
        connection.exec_driver_sql(index)
