"""Migrations: from nothing, from the previous schema, and never from the future."""

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.exc import DBAPIError

from orchestra.domain.errors import InvalidContent, Unavailable
from orchestra.storage import migrations, projects, runs
from orchestra.storage.engine import parse_url, writer_engine
from orchestra.storage.migrate import HEAD, migrate
from orchestra.storage.schema import metadata

VERSIONS = Path(migrations.__path__[0]) / "versions"
DATE = "2026-03-01T12:00:00.000000Z"


def revisions() -> list[str]:
    return sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))


def shape(connection: Connection, schema: str | None = None) -> dict[str, Any]:
    """Everything that a database says about its tables, in an order that does not matter."""
    found = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"])
                for column in found.get_columns(table, schema=schema)
            },
            "primary key": found.get_pk_constraint(table, schema=schema)["constrained_columns"],
            "foreign keys": sorted(
                (one["constrained_columns"], one["referred_table"], one["referred_columns"], one["options"])
                for one in found.get_foreign_keys(table, schema=schema)
            ),
            "unique": sorted(
                (one["name"] or "", one["column_names"]) for one in found.get_unique_constraints(table, schema=schema)
            ),
            "checks": sorted(
                (one["name"] or "", one["sqltext"]) for one in found.get_check_constraints(table, schema=schema)
            ),
            "indexes": sorted(
                (
                    one["name"] or "",
                    one["unique"],
                    str(one.get("column_names")),
                    str(one.get("expressions")),
                    _where(one),
                )
                for one in found.get_indexes(table, schema=schema)
            ),
        }
        for table in found.get_table_names(schema=schema)
        if table != "alembic_version"
    }


def _where(index: Any) -> str:
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where")))


@pytest.fixture
def fresh(url: str) -> Iterator[Engine]:
    # A plain one: what SQLAlchemy reads about a schema is JSON too, which the program's own engines leave as text.
    engine = create_engine(parse_url(url))
    yield engine
    engine.dispose()


def test_a_migrated_database_has_the_schema_that_the_program_expects(url: str, fresh: Engine) -> None:
    migrate(parse_url(url))
    with fresh.connect() as connection:
        migrated = shape(connection)
    assert migrated == expected(fresh)
    assert len(migrated["run"]["indexes"]) > 10


def expected(engine: Engine) -> dict[str, Any]:
    if engine.dialect.name == "sqlite":
        other = create_engine("sqlite://")
        with other.begin() as connection:
            metadata.create_all(connection)
            return shape(connection)
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("CREATE SCHEMA expected")
        connection.execution_options(schema_translate_map={None: "expected"})
        metadata.create_all(connection)
        found = shape(connection, "expected")
        transaction.rollback()
        return found


def test_the_previous_schema_is_upgraded_and_keeps_its_rows(url: str, fresh: Engine) -> None:
    previous = revisions()[-2]
    migrate(parse_url(url), previous)
    with fresh.begin() as connection:
        assert "artifacts_complete" not in {column["name"] for column in inspect(connection).get_columns("run")}
        fill(connection)
    migrate(parse_url(url))
    with fresh.connect() as connection:
        assert shape(connection) == expected(fresh)
    with writer_engine(parse_url(url)).connect() as connection:
        project = projects.get(connection, "web")
        assert project is not None
        assert project.services == {"a": {"b": [1, None]}}
        run = runs.get_by_number(connection, "web", "build", 1)
        assert run is not None
        assert run.cause.message == "done"
        assert run.artifacts_complete, "a run that ended before files were kept left none"


def fill(connection: Connection) -> None:
    """A project, a job and a run as a program of the first schema would have left them."""
    q = connection.exec_driver_sql
    q(f"""INSERT INTO project VALUES ('web', 'Web', '', '{{"a": {{"b": [1, null]}}}}', 'api', '{DATE}', '{DATE}')""")
    q(
        f"INSERT INTO job_revision (project, job, revision, definition, parameters, properties, policy, creation_date) "
        f"VALUES ('web', 'build', 1, '{{}}', '[]', '{{}}', '{{}}', '{DATE}')"
    )
    job = 'project, identifier, display_name, description, definition, parameters, properties, "group", policy'
    q(
        f"INSERT INTO job ({job}, revision, managed_by, is_enabled, creation_date, update_date) "
        f"VALUES ('web', 'build', 'Build', '', '{{}}', '[]', '{{}}', '', '{{}}', 1, 'api', true, '{DATE}', '{DATE}')"
    )
    run = "identifier, project, number, job, job_revision, parameters, source, source_type, source_name, worker, status"
    q(
        f"INSERT INTO run ({run}, cause, priority, epoch, completion_date, should_cancel, should_abort, steps, "
        f"log_size, log_complete, creation_date, update_date) VALUES ('r', 'web', 1, 'build', 1, '{{}}', '{{}}', '', "
        f"'', 'w', 'succeeded', '{{\"code\": \"succeeded\", \"message\": \"done\"}}', 0, 1, '{DATE}', false, false, "
        f"'[]', 0, true, '{DATE}', '{DATE}')"
    )


def test_migrating_twice_changes_nothing(url: str, fresh: Engine) -> None:
    for _ in range(2):
        migrate(parse_url(url))
    with fresh.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]


def test_a_database_of_a_newer_program_is_refused_and_not_touched(url: str, fresh: Engine) -> None:
    migrate(parse_url(url))
    with fresh.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        before = shape(connection)
    with pytest.raises(Unavailable, match=r"revision 9999.* up to " + HEAD):
        migrate(parse_url(url))
    with fresh.connect() as connection:
        assert shape(connection) == before


def test_a_migration_that_fails_leaves_everything_as_it_was(url: str, fresh: Engine) -> None:
    migrate(parse_url(url), revisions()[-2])
    with fresh.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX ix_artifact_sha256 ON user_authentication (type)")
        before = shape(connection)
    with pytest.raises(DBAPIError, match="ix_artifact_sha256"):
        migrate(parse_url(url))
    with fresh.connect() as connection:
        assert shape(connection) == before


def test_several_servers_may_start_at_once(postgres_url: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            migrate(parse_url(postgres_url))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    engine = create_engine(parse_url(postgres_url))
    with engine.connect() as connection:
        found = shape(connection)
    assert found == expected(engine)
    engine.dispose()


def test_the_newest_revision_is_the_one_that_the_program_expects() -> None:
    found = revisions()
    assert found[-1] == HEAD
    assert found == [f"{number:04}" for number in range(1, len(found) + 1)]


def test_a_database_that_is_up_to_date_opens_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/orchestra.db"
    migrate(parse_url(url))
    program = (
        "import sys; from orchestra.storage.engine import parse_url; from orchestra.storage.migrate import migrate;"
        f"migrate(parse_url({url!r})); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_the_file_and_its_folder_belong_to_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data" / "orchestra.db"
    migrate(parse_url(f"sqlite:///{path}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    migrate(parse_url(f"sqlite:///{path}"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "also when somebody had opened it to others"


@pytest.mark.parametrize("text", ["", "orchestra.db", "sqlite://", "mysql://host/db", "sqlite:", "://"])
def test_a_url_that_does_not_fit_says_what_was_expected(text: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        parse_url(text)
    assert refused.value.problems[0].path == "database"
    assert "expected sqlite:///PATH" in refused.value.problems[0].message


def test_a_postgresql_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"cannot use the database .* No such file") as refused:
        migrate(parse_url(f"postgresql://nobody:secret@/nothing?host={tmp_path}"))
    assert "secret" not in refused.value.detail


def test_a_file_that_is_no_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "orchestra.db"
    path.write_bytes(b"minutes of the last meeting\n" * 100)
    with pytest.raises(Unavailable, match=r"cannot use the database .*orchestra.db: file is not a database"):
        migrate(parse_url(f"sqlite:///{path}"))
    assert path.read_bytes().startswith(b"minutes")
