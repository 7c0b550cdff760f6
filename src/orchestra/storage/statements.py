"""Statements of the hot path: compiled once, executed for many rows with nothing done twice.

SQLAlchemy prepares each row's parameters with care that our fixed statements do not need: some 10 µs a
row, as much as SQLite takes to write it (measured 2026-03: an UPDATE of 9 parameters, 64 rows: 17 µs a row
through `Connection.execute`, 8 µs this way). What is left is each column type's own conversion.

For INSERT and UPDATE with named `bindparam`s; values that stand in the statement itself stay in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Insert, Select, Update

Row = Mapping[str, Any]


class Statement:
    """A statement that is executed often. Every parameter has a name, and every row brings a value for each.

    What a SELECT finds comes as the driver gives it, not converted.

    `columns` are those that an INSERT without values fills: then they are the names.
    """

    def __init__(self, clause: Insert | Update | Delete | Select[Any], columns: Sequence[str] | None = None) -> None:
        self._clause = clause
        self._columns = None if columns is None else list(columns)
        self._compiled: dict[str, tuple[str, Callable[[Row], Any]]] = {}

    def execute(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        """Execute for each of `rows`, at least one; the result's `rowcount` is their sum."""
        prepared = self._compiled.get(connection.dialect.name)
        if prepared is None:
            prepared = self._compiled[connection.dialect.name] = self._compile(connection.dialect)
        text, convert = prepared
        values = [convert(row) for row in rows]
        return connection.exec_driver_sql(text, values if len(values) > 1 else values[0])

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], Any]]:
        compiled = self._clause.compile(dialect=dialect, column_keys=self._columns)
        converters = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()
        }
        if not compiled.positional:
            return str(compiled), lambda row: {
                name: row[name] if convert is None else convert(row[name]) for name, convert in converters.items()
            }
        pairs = [(name, converters[name]) for name in compiled.positiontup or ()]
        return str(compiled), lambda row: tuple(
            [row[name] if convert is None else convert(row[name]) for name, convert in pairs]
        )
