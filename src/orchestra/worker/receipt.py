"""The receipt of a stop, as a record of the journal: who asked, and how far it came.

    {"type": "stop", "by", "requested", "delivered", "terminated", "killed", "verified",
     "survivors": [{"pid", "command"}, …]}

Dates are microseconds since 1970, null for what has not happened. The record is written anew, whole,
with each step; the last one counts. `domain.stop` says what each date means.

Imported by executors.
"""

from __future__ import annotations

from orchestra.worker.process import command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from orchestra.worker.process import Stat

SURVIVORS = 100
"""Most that a receipt names: a tree of thousands that cannot be killed needs no longer list."""

LIMIT = "the limit "
"""How a limit is called that stops a run; the space keeps it apart from the identifiers of users."""


class Receipt:
    """What the executor writes down of a stop. Nothing is written as long as nobody asked for one."""

    def __init__(self, now_us: Callable[[], int], note: Callable[[dict[str, object]], None]) -> None:
        self._now_us = now_us
        self._note = note
        self.record: dict[str, Any] | None = None

    def ask(self, by: str) -> None:
        """A stop was asked for. The first one counts; a person's wish takes the place of a limit."""
        if self.record is None or self.record["by"].startswith(LIMIT) > by.startswith(LIMIT):
            self.record = stop_record(by, self._now_us())
            self._note(dict(self.record))

    def reached(self, what: str) -> None:
        """The tree is `terminated` or `killed`; the first time counts."""
        if self.record is not None and self.record[what] is None:
            self.record[what] = self._now_us()
            self._note(dict(self.record))

    def close(self, survivors: Iterable[dict[str, object]]) -> None:
        """The run is over: what is alive of it, or that nothing is."""
        if self.record is not None:
            self.record = closed(self.record, self._now_us(), survivors)


def stop_record(by: str, now_us: int) -> dict[str, Any]:
    """A stop that was asked for, and heard, now."""
    return {
        "type": "stop",
        "by": by,
        "requested": now_us,
        "delivered": now_us,
        "terminated": None,
        "killed": None,
        "verified": None,
        "survivors": [],
    }


def closed(record: dict[str, Any], now_us: int, survivors: Iterable[dict[str, object]]) -> dict[str, Any]:
    """The record at the end of its run."""
    named = list(survivors)[:SURVIVORS]
    return {**record, "verified": None if named else now_us, "survivors": named}


def named(processes: Iterable[Stat]) -> list[dict[str, object]]:
    """Processes as a receipt names them."""
    return [{"pid": one.pid, "command": command_line(one)} for one in processes]
