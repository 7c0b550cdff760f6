"""One row of the table, and how it is printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WIDTHS = (66, 30, 34, 5)


@dataclass(frozen=True, slots=True)
class Figure:
    """`is_met` None: there is no budget, or nothing was measured. `peers`: what other systems reach."""

    what: str
    budget: str
    measured: str
    is_met: bool | None = None
    peers: str = ""

    def line(self) -> str:
        met = {True: "yes", False: "NO", None: ""}[self.is_met]
        cells = (self.what, self.budget, self.measured, met)
        padded = "".join(f"{cell:<{width - 1}} " for cell, width in zip(cells, WIDTHS, strict=True))
        return (padded + self.peers).rstrip()


HEAD = (
    Figure("what", "budget", "measured", None, "peers (other systems, the same kind of machine)")
    .line()
    .replace(" " * (WIDTHS[3] + 1) + "peers", " met" + " " * (WIDTHS[3] - 3) + "peers")
)


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """(p50, p95)"""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
