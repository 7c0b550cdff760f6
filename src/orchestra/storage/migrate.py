"""Migration: bring a database to the schema of this program, or refuse it.

The revisions are in `migrations/versions` (Alembic), numbered 0001, 0002, … A database that stands
at `HEAD` is not touched, and Alembic is not even imported: that takes a quarter of a second. All
steps are one transaction, which holds the writers' lock, so that several servers may start at once.
A database that stands beyond `HEAD` was written by a newer program and is refused.
"""

from typing import Final

import psycopg
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from orchestra.domain.errors import Unavailable
from orchestra.storage.engine import failure, writer_engine

HEAD: Final = "0005"
"""The newest revision; a test compares it with the files."""
_TABLE: Final = "alembic_version"


def migrate(url: URL, revision: str = HEAD) -> None:
    """Upgrade the database at `url` to `revision`, from nothing or from any older revision.

    Raises Unavailable when it does not answer, or stands at a revision that this program does not know.
    """
    engine = writer_engine(url)
    try:
        with engine.begin() as connection:
            current = _current(connection)
            if current is None or current < revision:
                _upgrade(connection, revision)
            elif current > HEAD:
                raise Unavailable(
                    f"the database stands at revision {current}, this program knows revisions up to {HEAD}: it was "
                    f"written by a newer Orchestra; start that one, or restore a backup"
                )
    except DBAPIError as error:
        if failure(error) is None:
            raise
        why = str(error.orig).partition("\n")[0]
        raise Unavailable(f"cannot use the database {url.render_as_string()}: {why}") from error
    finally:
        engine.dispose()


def may_come_up(error: Unavailable) -> bool:
    """Tell whether `migrate` failed because a PostgreSQL server does not answer now: it may be starting.

    A file is there or not; a newer database stays one.
    """
    cause = error.__cause__
    if not isinstance(cause, DBAPIError) or not isinstance(cause.orig, psycopg.Error):
        return False
    code = cause.orig.sqlstate
    # No code: nobody answered, or not as a database that we may use does. 57P03 is "starting up".
    return code is None or code[:2] in ("08", "53", "57")


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_TABLE):
        return None
    current: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()
    return current


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415  see the module's text
    from alembic.config import Config  # noqa: PLC0415

    configuration = Config()
    configuration.set_main_option("script_location", "orchestra.storage:migrations")
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)
