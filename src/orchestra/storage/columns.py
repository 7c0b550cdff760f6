"""Column types: how domain values lie in a database, the same for SQLite and PostgreSQL.

    value            SQLite                                  PostgreSQL
    datetime (UTC)   TEXT YYYY-MM-DDTHH:MM:SS.ffffffZ        TIMESTAMP WITH TIME ZONE
    JSON             TEXT                                    JSON (keeps the order of keys)
    text             TEXT (compares bytes)                   TEXT COLLATE "C" (compares bytes)
    StrEnum          TEXT                                    TEXT COLLATE "C"

The text form of dates has a fixed width, so that it sorts by time. Both engines compare text by
bytes, so that a list has one order, whatever the locale of the server.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Dialect, Text, TypeDecorator
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine, UserDefinedType


def date_text(date: datetime) -> str:
    """Return an aware date as the text that SQLite stores: UTC, microseconds, Z."""
    if date.tzinfo is not UTC:
        date = date.astimezone(UTC)
    return date.isoformat(timespec="microseconds")[:26] + "Z"


class Date(TypeDecorator[datetime]):
    """An aware date in UTC, to the microsecond."""

    impl = Text
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return postgresql.TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return date_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(value)


class _PostgresJson(UserDefinedType[str]):
    """PostgreSQL's JSON as the text that it is; what turns text into values is `Json`."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


class Json(TypeDecorator[Any]):
    """A JSON value; `shape` is the type as which it is read (`Any` for plain values). None is NULL."""

    impl = Text
    cache_ok = True

    def __init__(self, shape: Any = Any) -> None:
        super().__init__()
        self.shape = shape
        self._decoder = msgspec.json.Decoder(shape)
        self._encoder = msgspec.json.Encoder()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return _PostgresJson() if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self._encoder.encode(value).decode()

    def process_result_value(self, value: str | bytes | None, dialect: Dialect) -> Any:
        return None if value is None else self._decoder.decode(value)


class Code(TypeDecorator[Any]):
    """A member of a StrEnum, stored as its value."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return Text(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.members(value)


def string() -> TypeEngine[str]:
    """Text that compares by bytes on both engines."""
    return Text().with_variant(Text(collation="C"), "postgresql")
