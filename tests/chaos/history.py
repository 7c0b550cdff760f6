"""What a round of chaos leaves for its checker: requests and answers, faults, and how everything stood at the end."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A run that somebody wants: its key, and how it is to behave (`probe`)."""

    key: str
    seed: str
    blocks: int
    pace_ms: int
    code: int
    trick: str

    def parameters(self) -> dict[str, str]:
        """As the job takes them."""
        return {
            "seed": self.seed,
            "blocks": str(self.blocks),
            "pace": str(self.pace_ms),
            "code": str(self.code),
            "trick": self.trick,
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done to `target`, at `at` blocks of progress."""

    at: int
    kind: str
    target: str

    def __str__(self) -> str:
        return f"{self.at:8d}  {self.target:<8} {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run as the API shows it in the end."""

    row: dict[str, Any]
    log: bytes | None
    """None: the server did not give it (`log_problem`)."""
    log_problem: str
    events: list[dict[str, Any]]
    marks: str


@dataclass(slots=True)
class History:
    """One round. Threads write into it: `lock` guards what they share."""

    asked: dict[str, Asked] = field(default_factory=dict)
    """By key."""
    answers: dict[str, set[str]] = field(default_factory=dict)
    """Key → the runs that answers named."""
    wishes: set[str] = field(default_factory=set)
    """Runs that somebody asked to cancel or abort, answered or not."""
    backwards: list[str] = field(default_factory=list)
    """What a reader saw that went back in time."""
    faults: list[Fault] = field(default_factory=list)
    runs: dict[str, Ended] = field(default_factory=dict)
    marked: set[str] = field(default_factory=set)
    """Runs that left marks."""
    leaks: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *kinds: str) -> int:
        """How many faults there were whose kind begins like one of these."""
        return sum(one.kind.startswith(kinds) for one in self.faults)
