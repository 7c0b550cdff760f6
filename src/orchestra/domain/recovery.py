"""Recovery: what the server expects of a worker × what the worker holds → one verdict per run.

One pure function, `reconcile`, serves the first connection, a restart of the server, a restart of
the worker, a cut network and the periodic audit. It never guesses: a run that the worker lacks goes
back to the queue only where the worker's data folder is the same and its machine has not rebooted,
for only then does "I do not hold it" prove that it never started.

    the server's row ↓      worker holds:  accepted      started       finished      nothing
    assigned, same epoch                   RESUME        RESUME        RESUME        give back | lost
    running, same epoch                    RESUME        RESUME        RESUME        lost
    terminal, bytes may still come         DELIVER       DELIVER       DELIVER       –
    terminal, all bytes are here           FORGET        FORGET        FORGET        –
    pending, or another worker's or epoch  FORGET        FORGET        FORGET        –
    no such run                            QUARANTINE    QUARANTINE    QUARANTINE    –

FORGET on a run that is alive means: kill the tree, wait until it is empty, then delete (E2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestra.domain.run import ACTIVE, TERMINAL, Cause, CauseCode, GivenBack, Lost, Run


class Phase(StrEnum):
    """How far a held run came on the worker, by its journal."""

    ACCEPTED = "accepted"
    """The request is in the spool; no command has started."""
    STARTED = "started"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run that the worker holds; `log_size` is bytes in its spool."""

    run: str
    epoch: int
    phase: Phase
    log_size: int = 0


class Action(StrEnum):
    """What the worker does with a run that it holds."""

    RESUME = "resume"
    """Go on (start it if accepted only), send facts and the log from `log_offset`."""
    DELIVER = "deliver"
    """The run already ended here: stop it if alive, send the rest of its log from `log_offset`, and its artifacts."""
    FORGET = "forget"
    """Stop it if alive, then delete its data."""
    QUARANTINE = "quarantine"
    """The server does not know the run: stop nothing, start nothing, delete nothing, and say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of one held run. Wishes that wait for it come along."""

    run: str
    epoch: int
    action: Action
    log_offset: int = 0
    should_cancel: bool = False
    should_abort: bool = False
    stop_requested_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """`verdicts` go to the worker; `facts` (run identifier, fact) are applied before they are sent."""

    verdicts: tuple[Verdict, ...]
    facts: tuple[tuple[str, GivenBack | Lost], ...]


def reconcile(
    worker: str,
    rows: Mapping[str, Run],
    log_offsets: Mapping[str, int],
    held: Iterable[Held],
    *,
    same_boot: bool,
    same_installation: bool,
) -> Reconciliation:
    """Compare and decide.

    `rows` holds, by identifier, every run that is assigned to or running on `worker`, and every run
    named in `held` that exists. `log_offsets` gives the bytes of log that the server holds durably
    (absent means 0). `same_boot` and `same_installation` compare the hello with the row of the
    worker as the last session left it.
    """
    held_by_run = {one.run: one for one in held}
    verdicts = tuple(
        _verdict(worker, rows.get(one.run), one, log_offsets.get(one.run, 0)) for one in held_by_run.values()
    )
    facts = tuple(
        (run.identifier, _missing(run, worker, same_boot, same_installation))
        for run in rows.values()
        if run.status in ACTIVE and run.worker == worker and not _holds(held_by_run.get(run.identifier), run)
    )
    return Reconciliation(verdicts=verdicts, facts=facts)


def _holds(held: Held | None, run: Run) -> bool:
    return held is not None and held.epoch == run.epoch


def _verdict(worker: str, run: Run | None, held: Held, log_offset: int) -> Verdict:
    if run is None:
        return Verdict(run=held.run, epoch=held.epoch, action=Action.QUARANTINE)
    ours = run.worker == worker and run.epoch == held.epoch
    if ours and run.status in ACTIVE:
        return Verdict(
            run=held.run,
            epoch=held.epoch,
            action=Action.RESUME,
            log_offset=log_offset,
            should_cancel=run.should_cancel,
            should_abort=run.should_abort,
            stop_requested_by=run.stop_requested_by,
        )
    if ours and run.status in TERMINAL and not (run.log_complete and run.artifacts_complete):
        return Verdict(run=held.run, epoch=held.epoch, action=Action.DELIVER, log_offset=log_offset)
    return Verdict(run=held.run, epoch=held.epoch, action=Action.FORGET)


def _missing(run: Run, worker: str, same_boot: bool, same_installation: bool) -> GivenBack | Lost:
    """What it means that `worker` does not hold an active run of its own."""
    if not same_installation:
        cause = Cause(CauseCode.WORKER_LOST, f"{worker} came back with another data folder; its runs are gone")
    elif not same_boot:
        cause = Cause(CauseCode.HOST_REBOOTED, f"the machine of {worker} rebooted while it had the run")
    elif run.status not in ACTIVE or run.start_date is not None:
        cause = Cause(CauseCode.WORKER_LOST, f"{worker} no longer holds the run that it had started")
    else:
        return GivenBack(epoch=run.epoch, reason=f"{worker} never received it; waits for a worker again")
    return Lost(epoch=run.epoch, cause=cause, log_error="the rest of the log is lost with the worker's data")
