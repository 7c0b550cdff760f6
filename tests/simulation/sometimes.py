"""What must happen now and then: a simulation in which it never does is blind there, however many seeds pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simulation.history import Answered, Changed, Ended, Fault, History, Invoked, Note, Started

Sight = Callable[[History], bool]
LARGE = 5000
"""Bytes of a log that stands in a file for sure."""


def _changed(before: str, after: str, cause: str = "") -> Sight:
    def seen(history: History) -> bool:
        return any(
            one.before == before and one.after == after and (not cause or one.cause == cause)
            for one in history.of(Changed)
        )

    return seen


def _survived(kinds: tuple[str, ...], *, at_least: int = 0) -> Sight:
    """A fault hit the run's worker or the server while it ran, and it succeeded with its whole log."""

    def seen(history: History) -> bool:
        ends = {(one.run, one.epoch): one.at for one in history.of(Ended) if one.how == "exit"}
        for start in history.of(Started):
            final = history.runs[start.run]
            if final.status != "succeeded" or not final.log_complete or len(final.log) < at_least:
                continue
            end = ends.get((start.run, start.epoch), 0.0)
            for fault in history.of(Fault):
                ours = fault.target == start.worker or fault.target.startswith("server")
                if fault.kind in kinds and ours and start.at < fault.at < end:
                    return True
        return False

    return seen


def _unknown_then_found(history: History) -> bool:
    keys = {one.operation: one.key for one in history.of(Invoked) if one.action == "trigger"}
    unknown: set[str] = set()
    for answer in history.of(Answered):
        key = keys.get(answer.operation)
        if key is None:
            continue
        if answer.outcome == "info":
            unknown.add(key)
        elif answer.outcome == "ok" and key in unknown:
            return True
    return False


def _ended_as(cause: str, *, has_log: bool | None = None, is_complete: bool | None = None) -> Sight:
    def seen(history: History) -> bool:
        return any(
            final.cause == cause
            and (has_log is None or bool(final.log) == has_log)
            and (is_complete is None or final.log_complete == is_complete)
            for final in history.runs.values()
        )

    return seen


def _log_cut_by_full_disk(history: History) -> bool:
    return any("no space left" in (final.log_error or "") for final in history.runs.values())


def _impostor_refused(history: History) -> bool:
    return any("claims the name" in note.text for note in history.of(Note))


SOMETIMES: dict[str, Sight] = {
    "a full disk ends a log early": _log_cut_by_full_disk,
    "an impostor is refused": _impostor_refused,
    "a run goes back to the queue": _changed("assigned", "pending"),
    "a run that went back starts in the end": lambda history: any(one.epoch > 1 for one in history.of(Started)),
    "an assigned run is cancelled": _changed("assigned", "cancelled"),
    "a running run is aborted": _changed("running", "aborted"),
    "a worker is lost": _changed("running", "exception", "worker_lost"),
    "a lost run's log is completed later": _ended_as("worker_lost", has_log=True, is_complete=True),
    "an exclusive run ends with its lease": _ended_as("lease_lapsed"),
    "a machine reboots under a run": _ended_as("host_rebooted"),
    "a reboot costs the end of a log": _ended_as("host_rebooted", has_log=True, is_complete=False),
    "an executor is lost": _ended_as("executor_lost"),
    "a run survives its worker": _survived(("worker killed", "worker stopped")),
    "a run survives a cut connection": _survived(("cut", "half-open", "partition")),
    "a run survives a slow line or disk": _survived(("slow connection", "worker disk slow")),
    "a large log survives the server": _survived(("server killed", "server loses power"), at_least=LARGE),
    "a commit is unknown and found again": _unknown_then_found,
}


def seen(history: History) -> Iterator[str]:
    """The names of what happened in this world, weak points that gave way included."""
    yield from (name for name, sight in SOMETIMES.items() if sight(history))
    yield from history.fired
