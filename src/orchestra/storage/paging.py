"""Pages of lists by keyset: a cursor names the last row that was seen, never a count of rows.

So a page costs the same at the beginning and at the millionth row, and rows that come or go
meanwhile neither repeat nor hide others. A cursor is opaque to clients: base64 of a JSON array of the
order and the row's values. It holds nothing secret and nothing that is trusted: it is checked like
any other input.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, NoReturn, TypeVar

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Select, literal, or_, tuple_

from orchestra.domain.errors import InvalidContent, Problem
from orchestra.storage.rows import Shape

T = TypeVar("T")

LIMIT: Final = 100
LIMIT_HIGHEST: Final = 1_000
"""`limit` of lists: interfaces say 1 to 1,000, 100 when absent."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Order:
    """The orders that a list allows: names of fields; ties are decided by `key`, in the same direction.

    A field may be without a value, no part of `key` may; rows without come last, and first when descending.
    """

    def __init__(self, allowed: Mapping[str, Column[Any]], default: str, *key: Column[Any]) -> None:
        self.allowed = allowed
        self._default = default
        self._key = key

    def slice(self, order: str | None, cursor: str | None, limit: int) -> "Slice":
        """Read what a client sent. Raises InvalidContent with every problem of the three."""
        wanted = order if order is not None else self._default
        name = wanted.removeprefix("-")
        problems = []
        if name not in self.allowed:
            names = ", ".join(f"{one}, -{one}" for one in self.allowed)
            problems.append(Problem("order", f"expected one of {names}, got {wanted!r}"))
        if not 1 <= limit <= LIMIT_HIGHEST:
            problems.append(Problem("limit", f"expected 1 to {LIMIT_HIGHEST}, got {limit}"))
        if problems:
            raise InvalidContent("the list cannot be read", tuple(problems))
        first = self.allowed[name]
        columns = (first, *(column for column in self._key if column is not first))
        after = None if cursor is None else _read_cursor(cursor, wanted, columns)
        return Slice(wanted, columns, after, limit)


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of an ordered list: `columns` in order, all in one direction; `after` are the last row's values."""

    order: str
    columns: tuple[Column[Any], ...]
    after: tuple[Any, ...] | None
    limit: int

    @property
    def is_descending(self) -> bool:
        return self.order.startswith("-")

    def of(self, statement: Select[Any]) -> Select[Any]:
        """Return `statement` ordered, from after the cursor on, with one row more than the limit."""
        if self.after is not None:
            statement = statement.where(self._beyond(self.after))
        return statement.order_by(*(self._by(column) for column in self.columns)).limit(self.limit + 1)

    def _by(self, column: Column[Any]) -> ColumnElement[Any]:
        by = column.desc() if self.is_descending else column.asc()
        if not column.nullable:
            return by
        return by.nulls_first() if self.is_descending else by.nulls_last()

    def _beyond(self, after: tuple[Any, ...]) -> ColumnElement[bool]:
        first = self.columns[0]
        if after[0] is None:
            same = first.is_(None) & self._compared(self.columns[1:], after[1:])
            return or_(same, first.is_not(None)) if self.is_descending else same
        beyond = self._compared(self.columns, after)
        return or_(beyond, first.is_(None)) if first.nullable and not self.is_descending else beyond

    def _compared(self, columns: Sequence[Column[Any]], after: Sequence[Any]) -> ColumnElement[bool]:
        here = tuple_(*columns)
        there = tuple_(*(literal(value, column.type) for value, column in zip(after, columns, strict=True)))
        return here < there if self.is_descending else here > there

    def page(self, items: Sequence[T]) -> Page[T]:
        """Return the page of what `of` found; items have the columns as attributes."""
        if len(items) <= self.limit:
            return Page(tuple(items))
        last = items[self.limit - 1]
        return Page(tuple(items[: self.limit]), self.cursor(*(getattr(last, column.name) for column in self.columns)))

    def cursor(self, *values: Any) -> str:
        """Return the cursor of the row with these values in `columns`."""
        return urlsafe_b64encode(msgspec.json.encode([self.order, *values])).rstrip(b"=").decode()


def _read_cursor(cursor: str, order: str, columns: Sequence[Column[Any]]) -> tuple[Any, ...]:
    try:
        values = msgspec.json.decode(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _bad_cursor("it is not one that this server has given") from error
    if not isinstance(values, list) or len(values) != len(columns) + 1:
        raise _bad_cursor("it is not one that this server has given")
    if values[0] != order:
        raise _bad_cursor(f"it belongs to the order {values[0]!r}, not to {order!r}")
    try:
        return tuple(_value(value, column) for value, column in zip(values[1:], columns, strict=True))
    except (ValueError, OverflowError) as error:
        raise _bad_cursor("it is not one that this server has given") from error


def _value(value: Any, column: Column[Any]) -> Any:
    """Return what `value` is in `column`. Raises ValueError, OverflowError for what no row of it can hold."""
    if value is None and column.nullable:
        return None
    found = msgspec.convert(value, column.type.python_type, strict=True)
    match found:
        case datetime():
            return found.astimezone(UTC) if found.tzinfo is not None else _refuse()
        case str():
            return found if "\0" not in found else _refuse()
        case int():
            bits = 63 if isinstance(column.type, BigInteger) else 31
            return found if -(1 << bits) <= found < 1 << bits else _refuse()
        case _:
            return found


def _refuse() -> NoReturn:
    raise ValueError("no row can hold it")


def _bad_cursor(why: str) -> InvalidContent:
    return InvalidContent("the list cannot be read", (Problem("cursor", f"{why}; begin again without a cursor"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of a list somebody asks for; None: the list's own order, from its beginning."""

    order: str | None = None
    cursor: str | None = None
    limit: int = LIMIT


FROM_THE_BEGINNING: Final = Asked()


def read_page(
    connection: Connection, shape: Shape[T], order: Order, asked: Asked, *conditions: ColumnElement[bool]
) -> Page[T]:
    """Return the part of the list of `shape`'s rows that meet all `conditions`.

    Raises InvalidContent for a bad order, cursor or limit.
    """
    part = order.slice(asked.order, asked.cursor, asked.limit)
    return part.page(shape.many(connection.execute(part.of(shape.all.where(*conditions)))))


def equal(columns: Mapping[Column[Any], Any]) -> list[ColumnElement[bool]]:
    """Return the conditions that columns have these values; None: any."""
    return [column == value for column, value in columns.items() if value is not None]


def within(column: Column[str], among: Iterable[str] | None) -> list[ColumnElement[bool]]:
    """Return the condition that `column` is among these; None: all are."""
    return [] if among is None else [column.in_(sorted(among))]
