"""Pages ordered by a field that may be without a value, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from orchestra.storage import schedules, schema
from orchestra.storage.paging import Asked
from support.stored import T0, a_schedule, at, furnish

FIRES = {"a": None, "b": 3, "c": None, "d": 1, "e": 3, "f": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("order", ["next_fire", "-next_fire"])
def test_rows_without_a_value_neither_repeat_nor_hide(connection: Connection, order: str, limit: int) -> None:
    furnish(connection)
    for name, seconds in FIRES.items():
        schedules.save(connection, replace(a_schedule(name)), T0)
        fire = None if seconds is None else at(seconds)
        connection.execute(schema.schedule.update().where(schema.schedule.c.identifier == name), {"next_fire": fire})
    found: list[str] = []
    cursor = None
    while cursor is not None or not found:
        page = schedules.page(connection, None, Asked(order=order, cursor=cursor, limit=limit))
        found += [one.identifier for one in page.items]
        cursor = page.next_cursor
    expected = ["d", "b", "e", "a", "c", "f"]
    assert found == (expected if order == "next_fire" else expected[::-1])
