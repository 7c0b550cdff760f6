"""The history of one simulated world: what happened, as seen from outside the program, in true order.

    H1 clients    Invoked, Answered, Seen          what was asked for and answered; a timeout is `info`, never `fail`
    H2 database   Changed, Linked                  each row of `event` that changes a status, at its commit
    H3 workers    Cleaned                          data of a run was deleted on a worker
    H4 witness    Started, Beat, Ended             what really ran, written where no fault reaches
    H5 nemesis    Fault                            what we did to them
    the wire      Acknowledged, Forgotten          what the server said, beside what was durable at that moment

`at` is the world's true time in seconds; no node's clock decides anything here. Checkers
(`checks`) read nothing but a `History`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened."""

    at: float

    def __str__(self) -> str:
        """One line of a transcript; what is empty is left out."""
        told = [(one.name, getattr(self, one.name)) for one in fields(self) if one.name != "at"]
        parts = [f"{name}={_show(value)}" for name, value in told if value != ""]
        return f"{self.at:10.4f}  {type(self).__name__.lower():<12} {'  '.join(parts)}"


def _show(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked(Entry):
    """A client asks: `trigger` (with `key`, `job`), `cancel`, `abort` (of `run`), `disable`, `enable` (of `worker`)."""

    operation: int
    client: str
    action: str
    key: str = ""
    job: str = ""
    run: str = ""
    worker: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Entry):
    """`ok`: it was done; `fail`: it was refused for sure; `info`: nobody knows. `run` as the answer named it."""

    operation: int
    outcome: str
    run: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Entry):
    """A client read a run: INV-21s compares what one after the other saw."""

    client: str
    run: str
    status: str
    epoch: int
    log_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Entry):
    """A committed change of a run's status. `before` is empty for a new run; `number` counts the run's events."""

    run: str
    number: int
    before: str
    after: str
    epoch: int
    worker: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(Entry):
    """The server's rows say that a worker is connected, or that it no longer is, `since` then."""

    worker: str
    is_connected: bool
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Entry):
    """A command of the run really began, on `worker`, whose machine had this `boot`."""

    run: str
    epoch: int
    worker: str
    boot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Entry):
    """Some process of the run lives."""

    run: str
    epoch: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Entry):
    """The run's process tree is gone. `exit_code` is None when it did not end by itself; `how` says how."""

    run: str
    epoch: int
    worker: str
    exit_code: int | None
    how: str = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned(Entry):
    """The worker deleted the run's data; `alive` tells whether processes of it still lived."""

    run: str
    epoch: int
    worker: str
    alive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(Entry):
    """The server told a worker that it holds `offset` bytes; `durable` it really held."""

    run: str
    epoch: int
    offset: int
    durable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten(Entry):
    """The server told a worker to delete a run; the row at that moment, and the log's bytes here and there."""

    run: str
    epoch: int
    worker: str
    status: str
    row_epoch: int
    row_worker: str
    durable: int
    on_worker: int
    missing_files: int = 0
    """How many of the files that the worker keeps of it the server neither has for sure nor calls lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Entry):
    """The nemesis acts on `target`."""

    kind: str
    target: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Entry):
    """Anything else that a reader of a transcript wants to see; checkers ignore it."""

    who: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:10.4f}  {self.who:<12} {self.text}"


@dataclass(slots=True, kw_only=True)
class FinalRun:
    """A run as its row and its log tell in the end."""

    status: str
    epoch: int
    worker: str
    cause: str
    log: bytes = b""
    log_size: int = 0
    log_complete: bool = False
    log_error: str | None = None
    results: Any = None
    result_error: str | None = None
    steps: list[tuple[int | None, int, int | None]] = field(default_factory=list)
    """(exit code, log_start, log_end)."""
    can_run: bool = True
    """Some machine that is left has what the job wants: else it may wait for ever."""
    files: dict[str, bytes | None] = field(default_factory=dict)
    """What it left, by path; None where the server does not say that it has the bytes."""
    files_complete: bool = True
    file_error: str | None = None


@dataclass(slots=True, kw_only=True)
class Truth:
    """What the commands of a run really wrote, the results that they left, and how each of them went."""

    log: bytes = b""
    results: Any = None
    steps: list[tuple[int | None, int, int]] = field(default_factory=list)
    """(exit code, where its bytes begin, where they end) for each command that ended."""
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class History:
    """Entries in true order, and what was found at the end."""

    entries: list[Entry] = field(default_factory=list)
    runs: dict[str, FinalRun] = field(default_factory=dict)
    truths: dict[tuple[str, int], Truth] = field(default_factory=dict)
    """By (run, epoch)."""
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of all events of a run, wishes included, in the order of their commits."""
    needs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Properties that a run's job wants."""
    patience: dict[str, float | None] = field(default_factory=dict)
    exclusive: dict[str, str] = field(default_factory=dict)
    """The job of each run that may live only while none other of that job does."""
    """For how many seconds a run's job bears the absence of its worker; None: for ever."""
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Properties of each worker, and how many runs it may have at once (`slots`)."""
    slots: dict[str, int] = field(default_factory=dict)
    groups: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Concurrency group of a run and its limit."""
    leaks: list[str] = field(default_factory=list)
    """What was left behind at the end and should not have been."""
    errors: list[str] = field(default_factory=list)
    """Exceptions that nobody handled."""
    log_damage: list[str] = field(default_factory=list)
    """Moments at which the stored log was no prefix of what the commands wrote."""
    fired: dict[str, int] = field(default_factory=dict)
    """Weak points that gave way, and how often."""
    is_quiescent: bool = False
    """The faults were healed and the world was given the time that everything needs to end."""

    def of(self, *kinds: type[Entry]) -> list[Any]:
        """The entries of some kinds, in order."""
        return [entry for entry in self.entries if isinstance(entry, kinds)]

    def digest(self) -> str:
        """One number for all of it: equal for two executions of one seed, or the world is not deterministic."""
        digest = hashlib.sha256()
        for entry in self.entries:
            digest.update(f"{entry}\n".encode())
        for run, final in sorted(self.runs.items()):
            digest.update(f"{run} {final}\n".encode())
        return digest.hexdigest()
