"""Each checker finds the one wrong thing in a history that is otherwise good."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from simulation.checks import CHECKS, REBOOT, Violation, violations
from simulation.history import (
    Acknowledged,
    Answered,
    Beat,
    Changed,
    Cleaned,
    Ended,
    Entry,
    Fault,
    FinalRun,
    Forgotten,
    History,
    Invoked,
    Linked,
    Seen,
    Started,
    Truth,
)


def good() -> History:
    """One run: triggered, executed on w1, read, cleaned; and a second one, cancelled while it waited."""
    entries: list[Entry] = [
        Invoked(at=1, operation=1, client="c", action="trigger", key="k1", job="j"),
        Changed(at=1.1, run="r1", number=1, before="", after="pending", epoch=0, cause="waiting_for_worker"),
        Answered(at=1.2, operation=1, outcome="ok", run="r1"),
        Invoked(at=1.3, operation=2, client="c", action="trigger", key="k2", job="j"),
        Changed(at=1.4, run="r2", number=1, before="", after="pending", epoch=0, cause="waiting_for_worker"),
        Answered(at=1.5, operation=2, outcome="info"),
        Changed(at=2, run="r1", number=2, before="pending", after="assigned", epoch=1, worker="w1", cause="assigned"),
        Started(at=3, run="r1", epoch=1, worker="w1"),
        Changed(at=3.1, run="r1", number=3, before="assigned", after="running", epoch=1, worker="w1", cause="running"),
        Seen(at=3.2, client="c", run="r1", status="running", epoch=1, log_size=0),
        Beat(at=3.5, run="r1", epoch=1, worker="w1"),
        Acknowledged(at=3.6, run="r1", epoch=1, offset=4, durable=4),
        Ended(at=4, run="r1", epoch=1, worker="w1", exit_code=0),
        Changed(at=5, run="r1", number=4, before="running", after="succeeded", epoch=1, worker="w1", cause="succeeded"),
        Forgotten(
            at=5.1,
            run="r1",
            epoch=1,
            worker="w1",
            status="succeeded",
            row_epoch=1,
            row_worker="w1",
            durable=4,
            on_worker=4,
        ),
        Seen(at=5.2, client="c", run="r1", status="succeeded", epoch=1, log_size=4),
        Cleaned(at=5.3, run="r1", epoch=1, worker="w1"),
        Invoked(at=6, operation=3, client="c", action="cancel", run="r2"),
        Changed(at=6.1, run="r2", number=2, before="pending", after="cancelled", epoch=0, cause="cancelled_by"),
        Answered(at=6.2, operation=3, outcome="ok", run="r2"),
        Invoked(at=7, operation=4, client="c", action="disable", worker="w1"),
        Answered(at=7.1, operation=4, outcome="ok"),
        Invoked(at=8, operation=5, client="c", action="enable", worker="w1"),
        Answered(at=8.1, operation=5, outcome="ok"),
    ]
    final = FinalRun(
        status="succeeded",
        epoch=1,
        worker="w1",
        cause="succeeded",
        log=b"log\n",
        log_size=4,
        log_complete=True,
        results={"a": 1},
        steps=[(0, 0, 4)],
    )
    cancelled = FinalRun(status="cancelled", epoch=0, worker="", cause="cancelled_by", log_complete=True)
    return History(
        entries=entries,
        runs={"r1": final, "r2": cancelled},
        truths={("r1", 1): Truth(log=b"log\n", results={"a": 1}, steps=[(0, 0, 4)])},
        needs={"r1": {"os": "linux"}},
        properties={"w1": {"os": "linux"}, "w2": {"os": "plan9"}},
        slots={"w1": 1, "w2": 1},
        groups={"r1": ("g", 1), "r3": ("g", 1)},
        patience={"r3": 30.0},
        is_quiescent=True,
    )


def found(history: History) -> list[Violation]:
    return violations(history)


def test_a_good_history_has_no_violations() -> None:
    assert found(good()) == []


def test_every_checker_has_a_statement_and_a_bad_history() -> None:
    for check in CHECKS:
        assert check.__doc__, check
    named = {check.__name__ for check in CHECKS}
    covered = {CHECKER.get(name.split()[0], f"inv_{name.split()[0].removeprefix('INV-')}") for name in BAD}
    assert named == covered


def insert(at: float, *entries: Entry) -> Callable[[History], None]:
    def damage(history: History) -> None:
        place = next((n for n, entry in enumerate(history.entries) if entry.at > at), len(history.entries))
        history.entries[place:place] = entries

    return damage


def drop(kind: type[Entry]) -> Callable[[History], None]:
    def damage(history: History) -> None:
        history.entries[:] = [entry for entry in history.entries if not isinstance(entry, kind)]

    return damage


def change(run: str, **fields: object) -> Callable[[History], None]:
    def damage(history: History) -> None:
        for name, value in fields.items():
            setattr(history.runs[run], name, value)

    return damage


def lose_run(history: History) -> None:
    del history.runs["r1"]
    history.entries[:] = [entry for entry in history.entries if getattr(entry, "run", "") != "r1"]
    insert(1.2, Answered(at=1.2, operation=1, outcome="ok", run="r1"))(history)


def run_without_key(history: History) -> None:
    insert(8.2, Changed(at=8.2, run="r3", number=1, before="", after="pending", epoch=0))(history)
    insert(8.2, Changed(at=8.2, run="r3", number=2, before="pending", after="cancelled", epoch=0))(history)
    history.runs["r3"] = FinalRun(status="cancelled", epoch=0, worker="", cause="cancelled_by", log_complete=True)


def second_answer(history: History) -> None:
    history.entries += [
        Invoked(at=9, operation=9, client="c", action="trigger", key="k1", job="j"),
        Answered(at=9.1, operation=9, outcome="ok", run="r2"),
    ]


def third_run(history: History, *entries: Entry, status: str = "cancelled") -> None:
    history.entries[:0] = [Invoked(at=0, operation=8, client="c", action="trigger", key="k3", job="j")]
    insert(2.5, Changed(at=2.5, run="r3", number=1, before="", after="pending", epoch=0))(history)
    for entry in entries:
        insert(entry.at, entry)(history)
    history.runs["r3"] = FinalRun(status=status, epoch=1, worker="w1", cause="x", log_complete=True, log_error="lost")


def too_many_in_group(history: History) -> None:
    third_run(
        history,
        Changed(at=3.3, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Changed(at=8.5, run="r3", number=3, before="assigned", after="cancelled", epoch=1, worker="w1"),
    )


def too_many_on_worker(history: History) -> None:
    history.groups.clear()
    third_run(
        history,
        Changed(at=3.3, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Started(at=3.4, run="r3", epoch=1, worker="w1"),
        Changed(
            at=8.5, run="r3", number=3, before="assigned", after="exception", epoch=1, worker="w1", cause="timeout"
        ),
        status="exception",
    )


def test_a_lost_run_on_a_machine_whose_name_another_one_took_takes_no_slot_there() -> None:
    history = good()
    too_many_on_worker(history)
    assert [one.invariant for one in violations(history)] == ["INV-17"]
    third = next(one for one in history.of(Started) if one.run == "r3")
    history.entries[history.entries.index(third)] = replace(third, boot="w1-impostor-boot-1")
    assert violations(history) == []


@pytest.mark.parametrize(
    ("step", "has_lost_power", "is_right"),
    [((None, 0, None), True, True), ((None, 0, None), False, False), ((1, 0, 4), True, False)],
)
def test_what_a_loss_of_power_took_of_a_step_may_be_open(
    step: tuple[int | None, int, int | None], has_lost_power: bool, is_right: bool
) -> None:
    history = good()
    history.runs["r1"].steps = [step]
    if has_lost_power:
        insert(4.5, Fault(at=4.5, kind=REBOOT, target="w1"))(history)
    assert [one.invariant for one in violations(history)] == ([] if is_right else ["INV-13"])


def assigned_while_disabled(history: History) -> None:
    third_run(
        history,
        Changed(at=7.5, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Changed(at=7.6, run="r3", number=3, before="assigned", after="cancelled", epoch=1, worker="w1"),
    )


def reported_by_another(history: History) -> None:
    third_run(
        history,
        Changed(at=5.5, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Changed(at=5.6, run="r3", number=3, before="assigned", after="cancelled", epoch=1, worker="w2"),
    )


def still_live(history: History) -> None:
    third_run(history, status="pending")


def abort_ignored(history: History) -> None:
    third_run(
        history,
        Changed(at=5.5, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Started(at=5.6, run="r3", epoch=1, worker="w1"),
        Changed(at=5.7, run="r3", number=3, before="assigned", after="running", epoch=1, worker="w1"),
        Invoked(at=6.5, operation=7, client="c", action="abort", run="r3"),
        Answered(at=6.6, operation=7, outcome="ok", run="r3"),
        Beat(at=200, run="r3", epoch=1, worker="w1"),
        Ended(at=300, run="r3", epoch=1, worker="w1", exit_code=0),
        Changed(at=301, run="r3", number=4, before="running", after="succeeded", epoch=1, worker="w1"),
        status="succeeded",
    )
    history.runs["r3"].log_error = None


BAD: dict[str, Callable[[History], None]] = {
    "INV-01 an accepted run is gone": lose_run,
    "INV-02 a run that nobody asked for": run_without_key,
    "INV-02 a key that names two runs": second_answer,
    "INV-03 a second start": insert(3.05, Started(at=3.05, run="r1", epoch=1, worker="w1")),
    "INV-04 a start without an assignment": lambda history: third_run(
        history,
        Started(at=5.6, run="r3", epoch=1, worker="w2"),
        Changed(at=5.7, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w2"),
        Changed(
            at=5.8, run="r3", number=3, before="assigned", after="exception", epoch=1, worker="w2", cause="timeout"
        ),
        status="exception",
    ),
    "INV-05 a cancelled run that had started": lambda history: third_run(
        history,
        Changed(at=5.5, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w2"),
        Started(at=5.6, run="r3", epoch=1, worker="w2"),
        Changed(at=5.7, run="r3", number=3, before="assigned", after="cancelled", epoch=1, worker="w2"),
    ),
    "INV-06 a second terminal status": insert(
        6, Changed(at=6, run="r1", number=5, before="succeeded", after="aborted", epoch=1, worker="w1")
    ),
    "INV-06 a row that differs": change("r1", status="failed"),
    "INV-07 a transition that does not exist": insert(
        6.05, Changed(at=6.05, run="r2", number=2, before="pending", after="running", epoch=0)
    ),
    "INV-07 an epoch that grows by itself": lambda history: third_run(
        history, Changed(at=5.5, run="r3", number=2, before="pending", after="cancelled", epoch=1)
    ),
    "INV-07 a number that is missing": lambda history: history.numbers.update(r1=[1, 2, 4]),
    "INV-08 succeeded without an end": drop(Ended),
    "INV-08 an exception without a reason": lambda history: third_run(
        history,
        Changed(at=5.5, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Changed(at=5.6, run="r3", number=3, before="assigned", after="exception", epoch=1, worker="w1", cause="bored"),
        status="exception",
    ),
    "INV-08 a reboot that never was": lambda history: third_run(
        history,
        Fault(at=5.4, kind=REBOOT, target="w2"),
        Changed(at=5.5, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w1"),
        Changed(
            at=5.6,
            run="r3",
            number=3,
            before="assigned",
            after="exception",
            epoch=1,
            worker="w1",
            cause="host_rebooted",
        ),
        status="exception",
    ),
    "INV-08 a worker given up too early": lambda history: third_run(
        history,
        Changed(at=5.7, run="r3", number=2, before="pending", after="assigned", epoch=1, worker="w2"),
        Linked(at=5.9, worker="w2", is_connected=False, since=5.8),
        Changed(
            at=9, run="r3", number=3, before="assigned", after="exception", epoch=1, worker="w2", cause="worker_lost"
        ),
        status="exception",
    ),
    "INV-09 a process after the end": insert(5.5, Beat(at=5.5, run="r1", epoch=1, worker="w1")),
    "INV-10 a report by another worker": reported_by_another,
    "INV-11 bytes that nobody wrote": change("r1", log=b"lag\n", log_error="known"),
    "INV-11 damage seen meanwhile": lambda history: history.log_damage.append("r1: shrank"),
    "INV-12 complete without all bytes": change("r1", log=b"lo", log_size=2),
    "INV-12 a size that is not the log's": change("r1", log_size=3),
    "INV-12 incomplete without a word": change("r1", log_complete=False),
    "INV-13 other results": change("r1", results={"a": 2}),
    "INV-13 a step too many": lambda history: history.runs["r1"].steps.append((0, 4, 4)),
    "INV-17 a worker with too many runs": too_many_on_worker,
    "INV-17 a group with too many runs": too_many_in_group,
    "INV-18 a worker that does not match": lambda history: history.properties["w1"].update(os="plan9"),
    "INV-19 an assignment to a disabled worker": assigned_while_disabled,
    "INV-20 acknowledged before it was durable": insert(
        3.7, Acknowledged(at=3.7, run="r1", epoch=1, offset=9, durable=4)
    ),
    "INV-20 cleaned without being told": drop(Forgotten),
    "INV-20 told to forget while it runs": insert(
        3.7,
        Forgotten(
            at=3.7,
            run="r1",
            epoch=1,
            worker="w1",
            status="running",
            row_epoch=1,
            row_worker="w1",
            durable=4,
            on_worker=4,
        ),
    ),
    "INV-20 told to forget what is not stored": insert(
        5.05,
        Forgotten(
            at=5.05,
            run="r1",
            epoch=1,
            worker="w1",
            status="failed",
            row_epoch=1,
            row_worker="w1",
            durable=3,
            on_worker=4,
        ),
    ),
    "INV-20 cleaned while alive": insert(5.3, Cleaned(at=5.3, run="r1", epoch=1, worker="w1", alive=True)),
    "INV-21s seen to come back": insert(6, Seen(at=6, client="c", run="r1", status="running", epoch=1, log_size=4)),
    "INV-21s seen to shrink": insert(6, Seen(at=6, client="c", run="r1", status="succeeded", epoch=1, log_size=3)),
    "INV-21 a run that never ends": still_live,
    "files that are not what was written": change("r1", files={"a": b"x"}),
    "files that are missing, and nothing says why": change("r1", files_complete=False),
    "INV-24 an abort that nobody heeds": abort_ignored,
    "INV-25 something left behind": lambda history: history.leaks.append("w1: folder of r1"),
    "INV-25 an exception that nobody handled": lambda history: history.errors.append("KeyError"),
}


CHECKER = {"files": "files_exact"}

ALSO = {"INV-06 a second terminal status": {"INV-07"}}
"""What cannot be wrong alone."""


@pytest.mark.parametrize("name", BAD)
def test_a_bad_history_is_found_and_nothing_else_is(name: str) -> None:
    history = copy.deepcopy(good())
    BAD[name](history)
    invariants = {violation.invariant for violation in found(history)}
    assert invariants - ALSO.get(name, set()) == {name.split(maxsplit=1)[0]}


def test_the_digest_tells_two_histories_apart() -> None:
    history = good()
    assert history.digest() == good().digest()
    history.entries.reverse()
    assert history.digest() != good().digest()
