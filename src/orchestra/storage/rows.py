"""Rows become frozen domain values here, and only in this package.

A `Shape` ties a table to the dataclass whose fields its columns are named after: it selects exactly
those columns, in the order of the fields, and makes the value of each row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, select, update

from orchestra.storage.statements import Statement

T = TypeVar("T")


class Shape(Generic[T]):
    """How rows of `table` are read as `value`s. `key` are the columns that find one row."""

    def __init__(self, table: Table, value: type[T], *key: str) -> None:
        self.table = table
        self.names = tuple(field.name for field in fields(value))  # type: ignore[arg-type]
        self.columns: tuple[ColumnElement[Any], ...] = tuple(table.c[name] for name in self.names)
        self.key = tuple(table.c[name] for name in key)
        self._value = value
        self.all: Select[Any] = select(*self.columns)
        self._of = tuple(f"of_{name}" for name in key)
        is_it = [column == bindparam(of) for column, of in zip(self.key, self._of, strict=True)]
        self._get = Statement(self.all.where(*is_it))
        self._update = update(table).where(*is_it)

    def make(self, row: Sequence[Any]) -> T:
        """Return the value of one row of a select of `columns` (more columns may follow)."""
        return self._value(**dict(zip(self.names, row, strict=False)))

    def one(self, connection: Connection, statement: Select[Any], values: dict[str, Any]) -> T | None:
        """Return the one value that `statement` finds, or None."""
        row = connection.execute(statement, values).first()
        return None if row is None else self.make(row)

    def get(self, connection: Connection, *key: object) -> T | None:
        """Return the value with this key, or None."""
        row = self._get.first(connection, dict(zip(self._of, key, strict=True)))
        return None if row is None else self.make(row)

    def store(self, connection: Connection, after: T) -> None:
        """Write all fields of a value that is there."""
        of = {name: getattr(after, column.name) for name, column in zip(self._of, self.key, strict=True)}
        connection.execute(self._update, self.values(after) | of)

    def many(self, rows: Iterable[Sequence[Any]]) -> list[T]:
        """Return the value of each row."""
        return [self.make(row) for row in rows]

    def values(self, value: T) -> dict[str, Any]:
        """Return what an INSERT of `value` needs: field name → domain value, for columns' types to encode."""
        return {name: getattr(value, name) for name in self.names}


def changed(before: object, values: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields of `before` that `values` says otherwise, sorted."""
    return sorted(name for name, value in values.items() if value != getattr(before, name))
