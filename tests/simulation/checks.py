"""The invariants of reliability.md 2.5 as functions: history → violations. They share nothing with the program.

Each function's first line is the statement that it checks. What is not here: INV-14, 15, 16
(schedules), 26 (audit), 27 (restore), 28 (tests of the wire), 22, 23, 30 (measured, not simulated);
they come with what they speak of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulation.history import (
    Acknowledged,
    Answered,
    Beat,
    Changed,
    Cleaned,
    Ended,
    Fault,
    Forgotten,
    History,
    Invoked,
    Linked,
    Seen,
    Started,
)

LIVE = ("pending", "assigned", "running")
ACTIVE = ("assigned", "running")
TRANSITIONS = {
    ("", "pending"),
    ("pending", "assigned"),
    ("pending", "cancelled"),
    ("assigned", "pending"),
    ("assigned", "running"),
    ("assigned", "cancelled"),
    ("assigned", "aborted"),
    ("assigned", "exception"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "aborted"),
    ("running", "exception"),
}
"""Written down a second time on purpose: the program's own table must not judge itself."""
EXCUSES = {
    "worker_lost",
    "host_rebooted",
    "executor_lost",
    "timeout",
    "silence_timeout",
    "disk_full",
    "no_such_program",
    "bad_definition",
    "bad_template",
    "output_limit",
    "lease_lapsed",
}
"""Causes with which a run may end as `exception`: the closed list of INV-08."""
REBOOT, WIPE, EXECUTOR_KILL = "power loss", "data folder lost", "executor killed"
"""Kinds of faults that are evidence for causes."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and where."""

    invariant: str
    at: float
    run: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at:.4f}: run {self.run}: {self.what}"


Check = Callable[[History], Iterator[Violation]]


def inv_01(history: History) -> Iterator[Violation]:
    """Accepted is durable: a trigger that was answered ok has its run for ever after."""
    for answer, _ in _triggers(history):
        if answer.outcome == "ok" and answer.run not in history.runs:
            yield Violation("INV-01", answer.at, answer.run, "was accepted and does not exist")


def inv_02(history: History) -> Iterator[Violation]:
    """Idempotent trigger: one run for each key, and every ok answer names it."""
    asked = {(one.job, one.key) for one in history.of(Invoked) if one.action == "trigger"}
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for answer, invoked in _triggers(history):
        if answer.outcome == "ok":
            named[invoked.job, invoked.key].add(answer.run)
    for (_, key), runs in named.items():
        if len(runs) > 1:
            yield Violation("INV-02", 0, min(runs), f"key {key} was answered with {len(runs)} runs")
    created = [one for one in history.of(Changed) if not one.before]
    if len(created) > len(asked):
        extra = created[-1]
        yield Violation("INV-02", extra.at, extra.run, f"{len(created)} runs exist for {len(asked)} keys")


def inv_03(history: History) -> Iterator[Violation]:
    """At most one start: the commands of a run begin once, over all its epochs."""
    started: dict[str, Started] = {}
    for entry in history.of(Started):
        first = started.setdefault(entry.run, entry)
        if first is not entry:
            what = f"started on {first.worker} (epoch {first.epoch}) and on {entry.worker} (epoch {entry.epoch})"
            yield Violation("INV-03", entry.at, entry.run, what)


def inv_04(history: History) -> Iterator[Violation]:
    """Authorised start: an assignment of this run and epoch to this worker was committed before."""
    assigned: set[tuple[str, int, str]] = set()
    for entry in history.of(Changed, Started):
        if isinstance(entry, Started):
            if (entry.run, entry.epoch, entry.worker) not in assigned:
                yield Violation("INV-04", entry.at, entry.run, f"started on {entry.worker} without an assignment")
        elif entry.after == "assigned":
            assigned.add((entry.run, entry.epoch, entry.worker))


def inv_05(history: History) -> Iterator[Violation]:
    """Cancelled means never started."""
    started = {entry.run: entry for entry in history.of(Started)}
    for entry in history.of(Changed):
        if entry.after == "cancelled" and entry.run in started:
            yield Violation("INV-05", entry.at, entry.run, f"is cancelled, but started on {started[entry.run].worker}")


def inv_06(history: History) -> Iterator[Violation]:
    """One terminal status: nothing follows it, and the row says the same."""
    last: dict[str, Changed] = {}
    for entry in history.of(Changed):
        before = last.get(entry.run)
        if before is not None and before.after not in LIVE:
            yield Violation("INV-06", entry.at, entry.run, f"became {entry.after} after {before.after}")
        last[entry.run] = entry
    for run, final in history.runs.items():
        told = last[run].after if run in last else "nothing"
        if final.status != told:
            yield Violation("INV-06", 0, run, f"the row says {final.status}, the history {told}")


def inv_07(history: History) -> Iterator[Violation]:
    """Legal history: known transitions, numbered without gaps, the epoch grows by one exactly at an assignment."""
    last: dict[str, Changed] = {}
    for entry in history.of(Changed):
        before = last.get(entry.run)
        status, number, epoch = (before.after, before.number, before.epoch) if before else ("", 0, 0)
        if entry.before != status or (entry.before, entry.after) not in TRANSITIONS:
            yield Violation(
                "INV-07", entry.at, entry.run, f"{entry.before or 'nothing'} → {entry.after} after {status}"
            )
        if entry.number <= number:
            yield Violation("INV-07", entry.at, entry.run, f"event {entry.number} follows {number}")
        if entry.epoch != epoch + (entry.after == "assigned"):
            yield Violation("INV-07", entry.at, entry.run, f"epoch {epoch} → {entry.epoch} as it became {entry.after}")
        last[entry.run] = entry
    for run, numbers in history.numbers.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation("INV-07", 0, run, f"its events are numbered {numbers}")


def inv_08(history: History) -> Iterator[Violation]:
    """Truth: succeeded and failed are what the witness saw; an exception has a cause of the list, with its evidence."""
    ended = {(entry.run, entry.epoch): entry for entry in history.of(Ended)}
    faults = history.of(Fault)
    for entry in history.of(Changed):
        if entry.after in ("succeeded", "failed"):
            end = ended.get((entry.run, entry.epoch))
            if end is None or end.at > entry.at:
                yield Violation("INV-08", entry.at, entry.run, f"{entry.after}, but the witness saw no end before")
            elif end.exit_code is None or (end.exit_code == 0) != (entry.after == "succeeded"):
                what = f"{entry.after}, but the witness saw {end.how} with code {end.exit_code}"
                yield Violation("INV-08", entry.at, entry.run, what)
        elif entry.after == "exception":
            if entry.cause not in EXCUSES:
                yield Violation("INV-08", entry.at, entry.run, f"exception with the cause {entry.cause}")
            needed = {"host_rebooted": REBOOT, "executor_lost": EXECUTOR_KILL}.get(entry.cause)
            if needed and not any(
                one.kind == needed and one.target == entry.worker and one.at <= entry.at for one in faults
            ):
                yield Violation("INV-08", entry.at, entry.run, f"{entry.cause}, but {entry.worker} had no {needed}")
    yield from _impatience(history)


def _impatience(history: History) -> Iterator[Violation]:
    """A run is lost only once its worker was away for as long as its job bears."""
    away: dict[str, float] = {}
    for entry in history.of(Linked, Changed):
        if isinstance(entry, Linked):
            if entry.is_connected:
                away.pop(entry.worker, None)
            else:
                away.setdefault(entry.worker, entry.since)
        elif entry.cause == "worker_lost":
            patience = history.patience.get(entry.run)
            absence = entry.at - away[entry.worker] if entry.worker in away else 0.0
            if patience is None or absence < patience - 1:
                what = f"lost after {absence:.0f} s without {entry.worker}, its job bears {patience} s"
                yield Violation("INV-08", entry.at, entry.run, what)


def inv_09(history: History) -> Iterator[Violation]:
    """Ended means dead: after a terminal status that a worker reported no process of the run lives."""
    terminal: dict[tuple[str, int], Changed] = {}
    for entry in history.of(Changed, Beat, Started):
        if isinstance(entry, Changed):
            if entry.after not in LIVE and entry.cause not in ("worker_lost", "host_rebooted"):
                terminal[entry.run, entry.epoch] = entry
        elif (end := terminal.get((entry.run, entry.epoch))) is not None:
            yield Violation("INV-09", entry.at, entry.run, f"lives on {entry.worker} after it was {end.after}")


def inv_10(history: History) -> Iterator[Violation]:
    """Fenced: what a worker reports changes a run only while it is that worker's."""
    owner: dict[str, tuple[str, int]] = {}
    for entry in history.of(Changed):
        if entry.after == "assigned":
            owner[entry.run] = (entry.worker, entry.epoch)
        elif entry.worker and entry.run in owner and owner[entry.run] != (entry.worker, entry.epoch):
            what = f"{entry.worker} (epoch {entry.epoch}) made it {entry.after}, it belongs to {owner[entry.run]}"
            yield Violation("INV-10", entry.at, entry.run, what)


def inv_11(history: History) -> Iterator[Violation]:
    """Log prefix: at every moment the stored log is a prefix of what the commands wrote; it never shrinks."""
    for damage in history.log_damage:
        run, _, what = damage.partition(": ")
        yield Violation("INV-11", 0, run, what)
    for run, final in history.runs.items():
        truth = history.truths.get((run, final.epoch))
        if not (b"" if truth is None else truth.log).startswith(final.log):
            yield Violation("INV-11", 0, run, "its log holds bytes that no command wrote")


def inv_12(history: History) -> Iterator[Violation]:
    """Log complete: then it equals what the commands wrote; a terminal status without it says why."""
    for run, final in history.runs.items():
        truth = history.truths.get((run, final.epoch))
        written = b"" if truth is None else truth.log
        if final.log_complete and final.log != written and not final.log_error:
            yield Violation("INV-12", 0, run, f"complete with {len(final.log)} of {len(written)} bytes")
        if final.log_complete and final.log_size != len(final.log):
            yield Violation("INV-12", 0, run, f"log_size {final.log_size}, but {len(final.log)} bytes are stored")
        if final.status not in LIVE and not final.log_complete and not final.log_error:
            yield Violation("INV-12", 0, run, f"{final.status} without its whole log, and no log_error")


def inv_13(history: History) -> Iterator[Violation]:
    """Results and steps exact: those of the commands, or result_error is set.

    A loss of power may take the news of a step from the journal, and leave the run's end, which may stand in the
    reserve: then what is not known of the step is left open.
    """
    dark = {(entry.target, entry.kind) for entry in history.of(Fault)}
    for run, final in history.runs.items():
        truth = history.truths.get((run, final.epoch))
        if final.status not in ("succeeded", "failed") or truth is None:
            continue
        if final.result_error is None and final.results != truth.results:
            yield Violation("INV-13", 0, run, f"results {final.results!r}, the command left {truth.results!r}")
        # Where a full disk ended the log, commands went on writing what is not in it.
        told, seen = (
            ([one[0] for one in steps] if final.log_error else list[object](steps))
            for steps in (final.steps, truth.steps)
        )
        is_torn = (final.worker, REBOOT) in dark and len(told) <= len(seen)
        if told != seen and not (is_torn and all(map(_is_open, final.steps, truth.steps))):
            yield Violation("INV-13", 0, run, f"steps {final.steps}, the witness saw {truth.steps}")


def _is_open(told: tuple[int | None, int, int | None], seen: tuple[int | None, int, int]) -> bool:
    """What is told of a step is what was seen, or nothing but its beginning."""
    return told == seen or (told[0] is None and told[2] is None and told[1] == seen[1])


def inv_17(history: History) -> Iterator[Violation]:
    """Capacity: no more live runs on a worker than its slots, no more active runs of a group than its limit.

    A machine whose worker's name was given to another one may still carry out what is lost: they are two.
    """
    live: dict[str, set[str]] = defaultdict(set)
    on: dict[str, str] = {}
    active: set[str] = set()
    for entry in history.of(Started, Ended, Changed):
        if isinstance(entry, Started):
            machine = _machine(entry)
            on[entry.run] = machine
            live[machine].add(entry.run)
            if len(live[machine]) > history.slots[entry.worker]:
                yield Violation("INV-17", entry.at, entry.run, f"is one too many on {entry.worker}")
        elif isinstance(entry, Ended):
            live[on.get(entry.run, entry.worker)].discard(entry.run)
        elif entry.after not in ACTIVE:
            active.discard(entry.run)
        elif entry.run not in active:
            active.add(entry.run)
            group = history.groups.get(entry.run)
            if group is not None:
                members = sum(history.groups.get(run, ("", 0))[0] == group[0] for run in active)
                if members > group[1]:
                    yield Violation("INV-17", entry.at, entry.run, f"is one too many in the group {group[0]}")
    yield from _overlaps(history)


def _overlaps(history: History) -> Iterator[Violation]:
    """Exclusive: while a process of such a run lives, no other run of its job starts, and it is not called lost.

    Nothing watches a lease while its executor is stopped, or is dead and the worker is, too: the documented limits.
    """
    alive: dict[str, Started] = {}
    unwatched: dict[str, float] = {}
    for entry in history.of(Started, Ended, Changed, Fault):
        if isinstance(entry, Fault):
            if entry.kind in ("executor killed", "executor paused"):
                unwatched[entry.target.partition("/")[0]] = entry.at
        elif entry.run not in history.exclusive:
            continue
        elif isinstance(entry, Ended):
            alive.pop(entry.run, None)
        elif isinstance(entry, Started):
            job = history.exclusive[entry.run]
            for other in alive.values():
                if history.exclusive[other.run] == job and unwatched.get(other.worker, -1.0) < other.at:
                    yield Violation("INV-17", entry.at, entry.run, f"starts while {other.run} lives on {other.worker}")
            alive[entry.run] = entry
        elif entry.cause == "worker_lost":
            start = alive.get(entry.run)
            if start is not None and unwatched.get(start.worker, -1.0) < start.at:
                yield Violation("INV-17", entry.at, entry.run, f"is called lost while it lives on {start.worker}")


def _machine(start: Started) -> str:
    """The name of the machine, from that of its boot; the worker's where no boot is told."""
    return start.boot.partition("-boot-")[0] or start.worker


def inv_18(history: History) -> Iterator[Violation]:
    """Placement: only on a worker that has what the job wants."""
    for entry in history.of(Changed):
        if entry.after == "assigned":
            has = history.properties.get(entry.worker, {})
            wrong = {name for name, value in history.needs.get(entry.run, {}).items() if has.get(name) != value}
            if wrong:
                yield Violation("INV-18", entry.at, entry.run, f"{entry.worker} does not match: {sorted(wrong)}")


def inv_19(history: History) -> Iterator[Violation]:
    """Disabled means no new assignment to the worker once that was answered."""
    switches = {one.operation: one for one in history.of(Invoked) if one.action in ("disable", "enable")}
    disabled: set[str] = set()
    enabled_at: dict[str, float] = {}
    enabling: dict[int, str] = {}
    for entry in history.of(Invoked, Answered, Changed):
        if isinstance(entry, Invoked):
            if entry.action == "enable":
                disabled.discard(entry.worker)
                enabled_at[entry.worker] = entry.at
                enabling[entry.operation] = entry.worker
        elif isinstance(entry, Answered):
            switch = switches.get(entry.operation)
            # An enable that was asked for meanwhile may have come after it, and one that was never answered still may.
            if (
                switch is not None
                and switch.action == "disable"
                and entry.outcome == "ok"
                and enabled_at.get(switch.worker, -1.0) < switch.at
                and switch.worker not in enabling.values()
            ):
                disabled.add(switch.worker)
            if entry.outcome != "info":
                enabling.pop(entry.operation, None)
        elif entry.after == "assigned" and entry.worker in disabled:
            yield Violation("INV-19", entry.at, entry.run, f"was assigned to {entry.worker}, which is disabled")


def inv_20(history: History) -> Iterator[Violation]:
    """Clean only what is safe: told to forget, all stored, nothing alive. Acknowledged means durable."""
    told: set[tuple[str, int, str]] = set()
    for entry in history.of(Acknowledged, Forgotten, Cleaned):
        if isinstance(entry, Acknowledged):
            if entry.offset > entry.durable:
                what = f"{entry.offset} bytes acknowledged, {entry.durable} durable"
                yield Violation("INV-20", entry.at, entry.run, what)
        elif isinstance(entry, Forgotten):
            told.add((entry.run, entry.epoch, entry.worker))
            ours = entry.row_epoch == entry.epoch and entry.row_worker == entry.worker
            if ours and (entry.status in LIVE or entry.durable < entry.on_worker):
                what = f"told to forget while {entry.status}, {entry.durable} of {entry.on_worker} bytes of log stored"
                yield Violation("INV-20", entry.at, entry.run, what)
            if ours and entry.missing_files:
                what = f"told to forget while {entry.missing_files} of its files are on the worker alone"
                yield Violation("INV-20", entry.at, entry.run, what)
        else:
            if (entry.run, entry.epoch, entry.worker) not in told:
                yield Violation("INV-20", entry.at, entry.run, f"cleaned on {entry.worker} without being told to")
            if entry.alive:
                yield Violation("INV-20", entry.at, entry.run, f"cleaned on {entry.worker} while it lived")


def files_exact(history: History) -> Iterator[Violation]:
    """Files exact: what is shown of a run's files is what its commands wrote; `complete` means all of them.

    And once the faults are over, files that have not come have a reason.
    """
    for run, final in history.runs.items():
        truth = next((one for (name, _), one in history.truths.items() if name == run), None)
        written = {} if truth is None else truth.files
        for path, data in final.files.items():
            if data is not None and data != written.get(path):
                yield Violation("files", 0, run, f"{path} is not what was written")
        if final.files_complete and final.status in ("succeeded", "failed") and final.files.keys() != written.keys():
            yield Violation("files", 0, run, f"complete with {len(final.files)} of {len(written)} files")
        if final.files_complete and None in final.files.values():
            yield Violation("files", 0, run, "complete without the bytes of a file")
        if history.is_quiescent and final.status not in LIVE and not final.files_complete and not final.file_error:
            yield Violation("files", 0, run, "not complete, and nothing says why")


def inv_21s(history: History) -> Iterator[Violation]:
    """Monotonic reads: nobody sees a run come back from its end, its epoch fall, or its log shrink."""
    last: dict[str, Seen] = {}
    for entry in history.of(Seen):
        before = last.get(entry.run)
        if before is not None:
            if before.status not in LIVE and entry.status != before.status:
                yield Violation("INV-21s", entry.at, entry.run, f"seen {entry.status} after {before.status}")
            if entry.epoch < before.epoch or entry.log_size < before.log_size:
                yield Violation("INV-21s", entry.at, entry.run, "epoch or log seen to shrink")
        last[entry.run] = entry


def inv_21(history: History) -> Iterator[Violation]:
    """Liveness: once the faults are over every run becomes terminal."""
    if history.is_quiescent:
        for run, final in history.runs.items():
            if final.status in LIVE and final.can_run:
                yield Violation("INV-21", 0, run, f"is still {final.status} ({final.cause}) long after the last fault")


def inv_24(history: History) -> Iterator[Violation]:
    """A wish that was accepted is fulfilled: cancel and abort end the run, unless it ended first."""
    if not history.is_quiescent:
        return
    asked = {one.operation: one for one in history.of(Invoked) if one.action in ("cancel", "abort")}
    for answer in history.of(Answered):
        invoked = asked.get(answer.operation)
        if invoked is None or answer.outcome != "ok":
            continue
        final = history.runs.get(invoked.run)
        if final is not None and final.status in LIVE:
            yield Violation("INV-24", answer.at, invoked.run, f"{invoked.action} accepted, still {final.status}")
        if final is not None and final.status in ("aborted", "cancelled"):
            continue
        beats = [one.at for one in history.of(Beat) if one.run == invoked.run]
        since = max([answer.at, *(one.at for one in history.of(Fault))])
        if invoked.action == "abort" and beats and beats[-1] > since + ABORT_LIMIT_S:
            yield Violation("INV-24", answer.at, invoked.run, f"lived for {beats[-1] - since:.0f} s after its abort")


ABORT_LIMIT_S = 60.0
"""Reconnection (30 s) and grace: longer nobody may ignore an abort when nothing more goes wrong."""


def inv_25(history: History) -> Iterator[Violation]:
    """No leak: nothing is left on workers or server, and no exception went unhandled."""
    for leak in history.leaks:
        yield Violation("INV-25", 0, "", leak)
    for error in history.errors:
        yield Violation("INV-25", 0, "", f"unhandled: {error}")


CHECKS: tuple[Check, ...] = (
    inv_01,
    inv_02,
    inv_03,
    inv_04,
    inv_05,
    inv_06,
    inv_07,
    inv_08,
    inv_09,
    inv_10,
    inv_11,
    inv_12,
    inv_13,
    inv_17,
    inv_18,
    inv_19,
    inv_20,
    files_exact,
    inv_21s,
    inv_21,
    inv_24,
    inv_25,
)


def violations(history: History) -> list[Violation]:
    """Everything that is wrong with a history."""
    return [violation for check in CHECKS for violation in check(history)]


def _triggers(history: History) -> Iterator[tuple[Answered, Invoked]]:
    invoked = {one.operation: one for one in history.of(Invoked) if one.action == "trigger"}
    for answer in history.of(Answered):
        if answer.operation in invoked:
            yield answer, invoked[answer.operation]
