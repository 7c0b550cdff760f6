"""Rows become frozen domain values here, and only in this package.

A `Shape` ties a table to the dataclass whose fields its columns are named after: it selects exactly
those columns, in the order of the fields, and makes the value of each row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, select

T = TypeVar("T")


class Shape(Generic[T]):
    """How rows of `table` are read as `value`s. `where` are the columns that find one row."""

    def __init__(self, table: Table, value: type[T], *key: str) -> None:
        self.table = table
        self.names = tuple(field.name for field in fields(value))  # type: ignore[arg-type]
        self.columns: tuple[ColumnElement[Any], ...] = tuple(table.c[name] for name in self.names)
        self.key = tuple(table.c[name] for name in key)
        self._value = value
        self.all: Select[Any] = select(*self.columns)

    def make(self, row: Sequence[Any]) -> T:
        """Return the value of one row of a select of `columns` (more columns may follow)."""
        return self._value(**dict(zip(self.names, row, strict=False)))

    def one(self, connection: Connection, statement: Select[Any], values: dict[str, Any]) -> T | None:
        """Return the one value that `statement` finds, or None."""
        row = connection.execute(statement, values).first()
        return None if row is None else self.make(row)

    def many(self, rows: Iterable[Sequence[Any]]) -> list[T]:
        """Return the value of each row."""
        return [self.make(row) for row in rows]

    def values(self, value: T) -> dict[str, Any]:
        """Return what an INSERT of `value` needs: field name → domain value, for columns' types to encode."""
        return {name: getattr(value, name) for name in self.names}
