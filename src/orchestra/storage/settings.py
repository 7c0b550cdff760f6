"""Settings that live in the database: one JSON value for each key, shared by all servers."""

from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from orchestra.storage.schema import setting

_ONE: Final = select(setting.c.value).where(setting.c.key == bindparam("key"))


def get(connection: Connection, key: str) -> Any:
    """Return the value (a plain JSON value), None if there is none."""
    return connection.execute(_ONE, {"key": key}).scalar()


def put(connection: Connection, key: str, value: Any) -> None:
    """Store a JSON value other than null."""
    remove(connection, key)
    connection.execute(insert(setting), {"key": key, "value": value})


def remove(connection: Connection, key: str) -> bool:
    """Forget a value; False if there was none."""
    return connection.execute(delete(setting).where(setting.c.key == key)).rowcount == 1
