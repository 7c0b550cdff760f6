"""Lease: how long an exclusive run may live without its server, and when it is over for sure.

    worker asks ──► server answers ──► the lease reaches from the *question* on
        │                                          │ lease        │ grace     │ MARGIN_S
        └──────────────────────────────────────────┴──────────────┴───────────┴─────────► the server may replace it
                                             the executor stops it         everything of it is dead

A run of a job with `exclusive` lives only while its worker is in contact with the server. The worker
counts from the moment at which it asked, the server from the moment at which it last heard or later:
so the worker's time is over first, whatever the network did to both, and whichever of the two clocks
was set meanwhile (both count by clocks that nobody sets). The executor holds the timer, for it
outlives the worker process.

What no lease can bound: a machine that stands still (SIGSTOP, a paused virtual machine) and comes
back later, and processes that do not die of SIGKILL.
"""

from collections.abc import Mapping
from typing import Any, Final

DEFAULT_S: Final = 60.0
"""Longer than a session takes to notice a dead connection and to come back: 20 s of silence and 30 s of pause."""
SHORTEST_S: Final = 10.0
LONGEST_S: Final = 3600.0
"""Clocks of two machines may count at rates that differ by 0.05 %: 2 s in an hour, well inside the margin."""
MARGIN_S: Final = 15.0
"""From the end of the grace on: 5 s for SIGKILL, 10 s for whoever had to wait for a processor or for the disk."""
ASKS_IN_LEASE: Final = 4
"""The worker asks so often within a lease: one lost answer, or a database that restarts, ends no run."""


def lease_s(policy: Mapping[str, Any]) -> float | None:
    """Return the lease of runs of a policy (normal form) in seconds; None: they are not exclusive."""
    exclusive = policy.get("exclusive")
    if not exclusive:
        return None
    return DEFAULT_S if exclusive is True else float(exclusive["lease"])


def over_after_s(policy: Mapping[str, Any], definition: Mapping[str, Any]) -> float:
    """Return how many seconds after its worker's last word a run is dead for sure; 0 for one that is not exclusive."""
    lease = lease_s(policy)
    return 0.0 if lease is None else lease + float(definition.get("grace", 10.0)) + MARGIN_S


def own_group(job: str) -> str:
    """Return the concurrency group of an exclusive job that names none: one run at a time."""
    return f"exclusive:{job}"
