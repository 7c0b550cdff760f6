"""Stop: the receipt of a wish, or of a limit, that a run end: how far it came, and when.

    requested → delivered → terminated → killed → verified
                                              └──► survivors

`requested` is when and by whom: a user's identifier, or a limit (`the limit timeout`). `delivered` is
when the process that carries out the run heard it, `terminated` when the termination signal went to
its tree, `killed` when the kill signal did (None: nobody had to be killed), `verified` when the tree
was found empty. Whoever then still lived is a survivor; such a tree is never `verified`.

`requested` of a user is the server's clock; the rest is the worker's.
"""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A process that could not be killed: its pid on the worker, 0 for a container, and its command line."""

    pid: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One receipt; dates are aware UTC."""

    requested_date: datetime
    requested_by: str
    delivered_date: datetime | None = None
    terminated_date: datetime | None = None
    killed_date: datetime | None = None
    verified_date: datetime | None = None
    survivors: tuple[Survivor, ...] = ()


def merged(known: Stop | None, told: Stop | None, *, is_end: bool) -> Stop | None:
    """Return the receipt after a worker told its own; what was requested is the server's word.

    A receipt of something else than the known request (a limit was quicker than the user's wish) counts only
    at the end of the run, and then for what holds for either: that the tree is empty, or who survived.
    """
    if told is None:
        return known
    if known is None:
        # Nobody asked here. A worker may name a limit or a signal, but not say that somebody asked who did not.
        return told if " " in told.requested_by else replace(told, requested_by="the worker itself")
    if told.requested_by == known.requested_by:
        return replace(told, requested_date=known.requested_date)
    if not is_end:
        return known
    return replace(known, verified_date=told.verified_date, survivors=told.survivors)


def describe(stop: Stop, *, worker: str | None, is_connected: bool, has_ended: bool) -> str:
    """Say in one sentence how far the stop has come."""
    if stop.survivors:
        alive = ", ".join(f"{one.pid} ({one.command})" if one.pid else one.command for one in stop.survivors)
        return f"still alive after the kill signal: {alive}"
    if stop.verified_date is not None:
        return "nothing of the run is alive"
    if has_ended:
        return "the run ended before its processes were told" if stop.delivered_date is None else "the run ended"
    if stop.killed_date is not None:
        return "killed; waits for the last processes to end"
    if stop.terminated_date is not None:
        return "told to end; its processes have their grace period, then its cleanup runs"
    if stop.delivered_date is not None:
        return f"delivered to {worker}; nothing was signalled yet"
    if not is_connected:
        return f"not delivered yet: worker {worker} is offline; it is told when it comes back"
    return f"not delivered yet: {worker} is being told"
