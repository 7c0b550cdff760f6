"""What must hold after a round of chaos, by a history that was read from outside. It shares nothing with the program.

Numbers are those of reliability.md 2.5; each function's first line is what it checks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.history import Asked, Ended, History
from chaos.probe import block_of, log_of

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
TERMINAL = {"succeeded", "failed", "aborted", "cancelled", "exception"}
EVIDENCE = {"executor_lost": ("kill -9 executor", ""), "disk_full": ("disk full", "disk of ")}
"""Cause of an exception → (the fault that it needs, what the fault's target begins with before the worker's name)."""


def violations(history: History) -> list[str]:
    """Everything that does not hold."""
    found = [*history.backwards, *history.leaks, *history.complaints]
    for check in (accepted, at_most_once, statuses, paths, logs):
        found += [f"{(check.__doc__ or '').partition(':')[0]}: {one}" for one in check(history)]
    return found


def accepted(history: History) -> Iterator[str]:
    """INV-01, 02: every accepted trigger has its run, one for each key, and nobody else made one."""
    named: set[str] = set()
    for key, runs in history.answers.items():
        named |= runs
        if len(runs) != 1:
            yield f"key {key} was answered with {sorted(runs)}"
        yield from (f"run {run} was accepted and does not exist" for run in runs - history.runs.keys())
    made = {run for run, ended in history.runs.items() if _asked(history, ended) is not None}
    if len(made) > len(history.asked):
        yield f"{len(made)} runs for {len(history.asked)} keys"
    yield from (f"run {run} was never asked for" for run in history.runs.keys() - made)


def at_most_once(history: History) -> Iterator[str]:
    """INV-03, 04, 05: a run starts at most once, only if it exists, and never if it was cancelled."""
    yield from (f"run {run} left marks and does not exist" for run in history.marked - history.runs.keys())
    for run, ended in history.runs.items():
        starts = ended.marks.count("start ")
        if starts > 1:
            yield f"run {run} started {starts} times"
        if starts and ended.row["status"] == "cancelled":
            yield f"run {run} is cancelled, and it started"


def statuses(history: History) -> Iterator[str]:
    """INV-08, 21: every run has ended, as its marks say, or with a cause that we gave it."""
    for run, ended in history.runs.items():
        status, cause = ended.row["status"], ended.row["cause"]["code"]
        asked = _asked(history, ended)
        if status not in TERMINAL:
            yield f"run {run} is still {status} ({ended.row['cause']['message']})"
            continue
        if asked is None:
            continue
        code = _exit_code(ended)
        told = f"run {run} is {status} ({cause}: {ended.row['cause']['message']})"
        if status in ("succeeded", "failed") and (code != asked.code or (code == 0) != (status == "succeeded")):
            yield f"{told}, its marks end with {code}"
        elif status in ("aborted", "cancelled") and run not in history.wishes:
            yield f"{told}, and nobody asked for it"
        elif status == "exception" and not _has_evidence(history, ended, cause):
            yield f"{told}, and nothing was done that explains it"


def paths(history: History) -> Iterator[str]:
    """INV-06, 07: only known transitions, one end, epoch + 1 exactly at an assignment."""
    for run, ended in history.runs.items():
        status, epoch = "", 0
        for event in ended.events:
            data = event["data"]
            if "to" not in data:
                continue
            if (data["from"] or "") != status or (status, data["to"]) not in TRANSITIONS:
                yield f"run {run}: {data['from']} → {data['to']} after {status or 'nothing'}"
            if data["epoch"] != epoch + (data["to"] == "assigned"):
                yield f"run {run}: epoch {epoch} → {data['epoch']} as it became {data['to']}"
            status, epoch = data["to"], data["epoch"]
        if status != ended.row["status"]:
            yield f"run {run} is {ended.row['status']}, its events end with {status or 'nothing'}"


def logs(history: History) -> Iterator[str]:
    """INV-11, 12: a log is a prefix of what the run wrote; complete means all of it; else the row says why."""
    for run, ended in history.runs.items():
        asked = _asked(history, ended)
        if asked is None or ended.row["status"] not in TERMINAL:
            continue
        if ended.log is None:
            yield f"run {run}: its log cannot be read: {ended.log_problem}"
            continue
        truth = log_of(asked.seed, asked.blocks)
        if not truth.startswith(ended.log):
            yield f"run {run}: byte {_first_difference(truth, ended.log)} of its log was never written"
        if ended.row["log_size"] != len(ended.log):
            yield f"run {run}: log_size {ended.row['log_size']}, but {len(ended.log)} bytes are there"
        if ended.row["log_complete"] and ended.row["log_error"] is None:
            least = _marked_bytes(asked, ended)
            if len(ended.log) < least:
                yield f"run {run}: complete with {len(ended.log)} bytes, it wrote at least {least}"
        elif ended.row["log_error"] is None:
            yield f"run {run} is {ended.row['status']} without its whole log, and no log_error"
        elif not _has_evidence(history, ended, "executor_lost") and not _has_evidence(history, ended, "disk_full"):
            yield f"run {run}: {ended.row['log_error']}, and nothing was done that explains it"


def _asked(history: History, ended: Ended) -> Asked | None:
    seed = ended.row["parameters"].get("seed", "")
    return next((one for one in history.asked.values() if one.seed == seed), None)


def _exit_code(ended: Ended) -> int | None:
    last = ended.marks.splitlines()[-1:]
    return int(last[0].removeprefix("end ")) if last and last[0].startswith("end ") else None


def _marked_bytes(asked: Asked, ended: Ended) -> int:
    blocks = ended.marks.count("block ")
    return sum(len(block_of(asked.seed, number)) for number in range(blocks))


def _has_evidence(history: History, ended: Ended, cause: str) -> bool:
    kind, before = EVIDENCE.get(cause, ("", "-"))
    places = {f"{before}{ended.row['worker']}", *([f"{before}server"] if before else [])}
    return any(one.kind == kind and one.target in places for one in history.faults)


def _first_difference(truth: bytes, log: bytes) -> int:
    return next((at for at, (one, other) in enumerate(zip(truth, log, strict=False)) if one != other), len(truth))


def summary(history: History) -> dict[str, int]:
    """How many runs ended in which way."""
    counted: dict[str, int] = defaultdict(int)
    for ended in history.runs.values():
        counted[ended.row["status"]] += 1
    return dict(sorted(counted.items()))
