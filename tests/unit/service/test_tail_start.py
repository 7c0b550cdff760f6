"""A server that starts while its database restarts waits for it."""

from __future__ import annotations

import pytest

from orchestra.domain.errors import Unavailable
from orchestra.service.tail import START_TRIES, Tail
from orchestra.storage.database import InlineDatabase, Moment
from orchestra.storage.hints import Hints
from support.virtual_time import run_virtually


async def start(failures: int) -> Tail:
    """Start a tail whose database does not answer so many times."""
    left = failures

    def fail(moment: Moment) -> None:
        nonlocal left
        if moment is Moment.BEFORE_READ and left:
            left -= 1
            raise Unavailable("it restarts")

    database = InlineDatabase(fail)
    try:
        tail = Tail(database, Hints(), on_access=lambda: None)
        await tail.start()
    finally:
        await database.close()
    assert not left
    return tail


@pytest.mark.parametrize("failures", [0, 3, START_TRIES])
def test_a_database_that_comes_back_is_waited_for(failures: int) -> None:
    assert run_virtually(start(failures)).sequence == 0


def test_a_database_that_stays_away_is_not_waited_for_for_ever() -> None:
    with pytest.raises(Unavailable):
        run_virtually(start(START_TRIES + 1))
