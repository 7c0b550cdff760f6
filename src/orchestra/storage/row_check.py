"""Looks at every row: can its values be read? For `orchestra doctor --check-storage`.

The database keeps JSON, dates and lists as text, and finds nothing wrong with any text. A value that the
program cannot read (a disk, a copy or a person changed it) stops whatever needs its row, the assignment of
runs for instance, so it must be found by name. It only reads.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import DBAPIError

from orchestra.storage.log_check import Fault
from orchestra.storage.schema import log_chunk, metadata

AT_ONCE: Final = 1_000
"""So many rows are in memory together."""


def check_rows(connection: Connection) -> Iterator[Fault]:
    """Read every row of every table but the bytes of logs, which `log_check` reads."""
    for table in metadata.sorted_tables:
        if table is not log_chunk and not _is_readable(connection, table):
            yield from _unreadable(connection, table)


def _is_readable(connection: Connection, table: Table) -> bool:
    try:
        for _ in connection.execution_options(yield_per=AT_ONCE).execute(select(table)):
            pass
    except DBAPIError:
        raise
    except Exception:
        # Whatever a type makes of what it did not expect.
        return False
    return True


def _unreadable(connection: Connection, table: Table) -> Iterator[Fault]:
    """One row and one value after the other: what exactly is it?"""
    key = list(table.primary_key.columns)
    for row in connection.execute(select(*key)).all():
        is_it = [column == value for column, value in zip(key, row, strict=True)]
        for column in table.columns:
            try:
                connection.execute(select(column).where(*is_it)).all()
            except DBAPIError:
                raise
            except Exception as error:
                yield Fault(f"{table.name} {_named(row)}", f"its {column.name} cannot be read: {error}")


def _named(row: Any) -> str:
    return " ".join(str(value) for value in row)
