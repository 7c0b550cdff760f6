"""Placement: which pending runs go to which workers now, and why the others wait.

One pure function, `place(Snapshot) -> Plan`, over what the storage read a moment ago. The plan is a
proposal: each assignment is committed by compare-and-set on (run, epoch), so a snapshot that has
become stale costs a lost race, never a wrong start.

Rules: higher priority first, then older first. A run that cannot start never holds up one that can.
No worker gets more runs than it has free slots. At most `limit` runs of a concurrency group are
active; each run brings its own limit, and the group belongs to its project. Among the workers that
could take a run, the one with the most free slots gets it. Every run that stays behind gets a cause
that names what it waits for, in words that change only when that changes.

Fast by bits: workers are numbered, the workers that satisfy one wanted property are one integer,
and a run's candidates are an AND of such integers, computed once for each kind of properties
(measured figures: tests/bench). So it is fine to give it thousands of runs; for a class of runs
(same project, job, revision and group) more than the free slots of all workers never matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from orchestra.domain.matching import satisfies, show
from orchestra.domain.run import Cause, CauseCode
from orchestra.domain.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRun:
    """What placement must know of a pending run.

    `properties` are those of the run's job revision. `group` is the concurrency group with its
    substitutions made, None without one. `cause` is the stored one, so that a plan says what changed.
    """

    run: str
    epoch: int
    project: str
    job: str
    job_revision: int
    priority: int
    creation_date: datetime
    is_job_enabled: bool = True
    properties: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    group_limit: int = 1
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSlots:
    """A worker and how many of its `concurrency` slots assigned and running runs take."""

    worker: Worker
    used: int = 0

    @property
    def free(self) -> int:
        """How many runs it may get now."""
        may = self.worker.is_active and self.worker.is_enabled
        return max(0, self.worker.concurrency - self.used) if may else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The queue at one moment. `groups` counts active runs by (project, group); absent means 0."""

    pending: tuple[PendingRun, ...]
    workers: tuple[WorkerSlots, ...]
    groups: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`run`, which had `epoch` when it was pending, goes to `worker`; commit it only if that still holds."""

    run: str
    epoch: int
    worker: str
    worker_properties: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`assignments` in queue order; `causes` for every other pending run, in queue order."""

    assignments: tuple[Assignment, ...]
    causes: tuple[tuple[str, Cause], ...]
    changed: tuple[tuple[str, Cause], ...]
    """Those of `causes` that differ from what is stored."""


def in_order(pending: tuple[PendingRun, ...]) -> list[PendingRun]:
    """Return the runs in the order in which they may start: priority, then age, then identifier."""
    return sorted(pending, key=lambda one: (-one.priority, one.creation_date, one.run))


def place(snapshot: Snapshot) -> Plan:
    """Decide who starts where, and why the rest waits."""
    fleet = _Fleet(snapshot.workers)
    active = dict(snapshot.groups)
    assignments: list[Assignment] = []
    causes: list[tuple[str, Cause]] = []
    changed: list[tuple[str, Cause]] = []
    for run in in_order(snapshot.pending):
        group = None if run.group is None else (run.project, run.group)
        cause = _obstacle(run, 0 if group is None else active.get(group, 0))
        if cause is None:
            suitable = fleet.suitable(run.properties)
            worker = fleet.take(suitable)
            if worker is not None:
                if group is not None:
                    active[group] = active.get(group, 0) + 1
                assignments.append(
                    Assignment(
                        run=run.run,
                        epoch=run.epoch,
                        worker=worker.identifier,
                        worker_properties=worker.properties,
                    )
                )
                continue
            cause = fleet.cause(suitable, run.properties)
        causes.append((run.run, cause))
        if cause != run.cause:
            changed.append((run.run, cause))
    return Plan(assignments=tuple(assignments), causes=tuple(causes), changed=tuple(changed))


def _obstacle(run: PendingRun, active: int) -> Cause | None:
    """What keeps the run from starting on any worker at all."""
    if not run.is_job_enabled:
        return Cause(CauseCode.JOB_DISABLED, f"the job {run.job} is disabled")
    if run.group is not None and active >= run.group_limit:
        runs = "1 run" if run.group_limit == 1 else f"{run.group_limit} runs"
        return Cause(CauseCode.GROUP_FULL, f"the concurrency group {run.group} allows {runs} at once")
    return None


_NAMES_SHOWN: Final = 3


class _Fleet:
    """The workers as bits of integers: who has a free slot, who satisfies a property, who is of use at all."""

    def __init__(self, workers: tuple[WorkerSlots, ...]) -> None:
        self._workers = sorted(workers, key=lambda one: one.worker.identifier)
        self._everyone = (1 << len(workers)) - 1
        self._active = self._mask(lambda one: one.worker.is_active)
        self._enabled = self._mask(lambda one: one.worker.is_enabled)
        self._free: dict[int, int] = {}
        for index, one in enumerate(self._workers):
            if one.free:
                self._free[one.free] = self._free.get(one.free, 0) | 1 << index
        self._satisfied: dict[tuple[str, str], int] = {}
        self._suitable: dict[str, int] = {}
        self._causes: dict[tuple[int, str], Cause] = {}

    def suitable(self, properties: Mapping[str, Any]) -> int:
        """The workers that satisfy all `properties`, whatever their state."""
        key = repr(properties)
        mask = self._suitable.get(key)
        if mask is None:
            mask = self._everyone
            for name, wanted in properties.items():
                mask &= self._satisfying(name, wanted)
                if not mask:
                    break
            self._suitable[key] = mask
        return mask

    def take(self, suitable: int) -> Worker | None:
        """Take a slot of the suitable worker that has most of them free; None when none has."""
        for free in sorted(self._free, reverse=True):
            candidates = self._free[free] & suitable
            if candidates:
                bit = candidates & -candidates
                self._free[free] ^= bit
                if not self._free[free]:
                    del self._free[free]
                if free > 1:
                    self._free[free - 1] = self._free.get(free - 1, 0) | bit
                return self._workers[bit.bit_length() - 1].worker
        return None

    def cause(self, suitable: int, properties: Mapping[str, Any]) -> Cause:
        """What a run waits for that may start but found no slot."""
        key = (suitable, "" if suitable else repr(properties))
        cause = self._causes.get(key)
        if cause is None:
            cause = Cause(CauseCode.WAITING_FOR_WORKER, self._shortage(suitable, properties))
            self._causes[key] = cause
        return cause

    def _shortage(self, suitable: int, properties: Mapping[str, Any]) -> str:
        if not self._workers:
            return "no worker has ever connected"
        if not suitable:
            return self._nobody_matches(properties)
        if busy := suitable & self._active & self._enabled:
            return f"every slot of {self._names(busy)} is taken"
        if disabled := suitable & self._active:
            return f"{self._names(disabled)} would match, but is disabled"
        return f"{self._names(suitable)} would match, but is offline"

    def _nobody_matches(self, properties: Mapping[str, Any]) -> str:
        """Name the first property that no worker has, else the nearest worker and the one thing that it lacks."""
        masks: dict[str, int] = {}
        for name, wanted in properties.items():
            masks[name] = self._satisfying(name, wanted)
            if not masks[name]:
                return f"no worker has {name} {show(wanted)}"
        for name in properties:
            others = self._everyone
            for other, mask in masks.items():
                others &= mask if other != name else self._everyone
            if others:
                worker = self._workers[(others & -others).bit_length() - 1].worker
                has = worker.properties.get(name)
                lacks = f"lacks {name}" if has is None else f"has {name} {show(has)}"
                return f"no worker matches; nearest is {worker.identifier}, which {lacks}, not {show(properties[name])}"
        return f"no worker has {' and '.join(f'{name} {show(value)}' for name, value in properties.items())} together"

    def _satisfying(self, name: str, wanted: Any) -> int:
        key = (name, repr(wanted))
        mask = self._satisfied.get(key)
        if mask is None:
            mask = self._mask(lambda one: satisfies(wanted, one.worker.properties.get(name)))
            self._satisfied[key] = mask
        return mask

    def _mask(self, holds: Callable[[WorkerSlots], bool]) -> int:
        return sum(1 << index for index, one in enumerate(self._workers) if holds(one))

    def _names(self, mask: int) -> str:
        """At most three names of the workers in `mask`, so that a message stays one line."""
        names = [one.worker.identifier for index, one in enumerate(self._workers) if mask >> index & 1]
        rest = len(names) - _NAMES_SHOWN
        if rest > 0:
            return f"{', '.join(names[:_NAMES_SHOWN])} and {rest} more"
        return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
