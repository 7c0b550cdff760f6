"""One run that the worker holds: what its journal says, as values that go to the server.

A fold over records: `absorb` takes what an executor wrote (live, or read from the folder), and the
properties are what the protocol asks for. It does nothing by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from orchestra.domain.artifact import ArtifactFile
from orchestra.domain.recovery import Held, Phase
from orchestra.domain.run import Cause, CauseCode, RunStatus, Step
from orchestra.domain.stop import Stop, Survivor
from orchestra.wire import messages as m
from orchestra.worker.receipt import closed
from orchestra.worker.record import EMPTY_SHA256
from orchestra.worker.requests import Request, RequestedCommand, RunKey

Record = dict[str, Any]

TORN: Final = "the machine rebooted before all of the log was on its disk"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, eq=False)
class HeldRun:
    """A run as the worker knows it; `is_unwanted` means that the server wants its data deleted once it is dead."""

    key: RunKey
    request: Request | None
    """None for an assignment that could not become a request; such a run is finished from the start."""
    start_us: int | None = None
    steps: list[Step] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    """Where in `steps` the command with an index stands: a journal is read again whole, and must add nothing then."""
    log_size: int = 0
    stop: Record | None = None
    """How far a stop has come, by the journal (`receipt`)."""
    finished: Record | None = None
    is_handed: bool = False
    """An executor was asked to start it, or has it."""
    is_closed: bool = False
    """Its marker is ours: nothing of it can start any more."""
    is_unwanted: bool = False
    is_reusable: bool = True
    """Nothing of it is alive, so its folder may serve another run."""
    damage: str | None = None
    """Why no further byte of the log can be sent; None as long as it can be read."""
    tries: int = 0
    results: bytes | None = None
    """What the results file holds, while that is told; the journal has what it held at the end."""
    results_moment: tuple[int, int] | None = None
    """What told the results file apart when it was last looked at."""

    @property
    def phase(self) -> Phase:
        if self.finished is not None:
            return Phase.FINISHED
        return Phase.ACCEPTED if self.start_us is None else Phase.STARTED

    @property
    def may_be_handed(self) -> bool:
        """No executor was asked to start it, and nothing forbids that."""
        return self.phase is Phase.ACCEPTED and not self.is_handed and not self.is_closed

    @property
    def held(self) -> Held:
        return Held(run=self.key.run, epoch=self.key.epoch, phase=self.phase, log_size=self.log_size)

    def absorb(self, records: Sequence[Record]) -> None:
        """Take further records of the journal; one that is known already changes nothing."""
        for one in records:
            match one["type"]:
                case "started":
                    self.start_us = one["date"]
                case "began":
                    self._began(one)
                case "ended":
                    self._ended(one)
                case "stop":
                    self.stop = one
                case "finished":
                    self.finished = one
                    self.stop = one.get("stop") or self.stop
                    self.is_reusable = self.is_reusable and not one.get("survivors")
                    self.log_size = one["log_size"]

    def has_heard(self, by: str) -> bool:
        """Its executor has written down that `by` wants it stopped."""
        return self.stop is not None and self.stop["by"] == by

    def closed_stop(self, now_us: int, alive: Sequence[Record]) -> Record | None:
        """The receipt of its stop at its end; None when nobody asked for one."""
        return None if self.stop is None else closed(self.stop, now_us, alive)

    def lose_log(self) -> None:
        """Its log may be torn, and nothing tells which of the bytes are its own: a folder is used again, and the disk
        may hold what an earlier run wrote there, or zeros. So no byte more is sent; the server keeps what it has."""
        assert self.finished is not None
        error = self.finished["log_error"] or TORN
        self.finished |= {"log_size": 0, "log_sha256": EMPTY_SHA256, "log_error": error}
        self.log_size = 0

    def started_message(self) -> m.Started | None:
        if self.start_us is None:
            return None
        return m.Started(run=self.key.run, epoch=self.key.epoch, date=date_of(self.start_us))

    def stepped_message(self) -> m.Stepped:
        return m.Stepped(
            run=self.key.run,
            epoch=self.key.epoch,
            steps=tuple(self.steps),
            stop=stop_of(self.stop),
            results=self.results,
        )

    def finished_message(self) -> m.Finished | None:
        one = self.finished
        if one is None:
            return None
        if self.damage is not None:
            one = {**one, "log_size": 0, "log_sha256": EMPTY_SHA256, "log_error": self.damage}
        status = RunStatus(one["status"])
        results = one.get("results")
        return m.Finished(
            run=self.key.run,
            epoch=self.key.epoch,
            status=status,
            cause=Cause(CauseCode(one["code"]), one["message"]),
            date=date_of(one["date"]),
            log_size=one["log_size"],
            log_sha256=one["log_sha256"],
            log_error=one.get("log_error"),
            steps=tuple(self.steps),
            results=None if results is None else results.encode(),
            result_error=one.get("result_error"),
            never_started=status is RunStatus.CANCELLED,
            stop=stop_of(self.stop),
            artifact_count=one.get("artifact_count", 0),
            artifact_error=one.get("artifact_error"),
        )

    def listed_messages(self, files: Sequence[ArtifactFile]) -> Iterator[m.Listed]:
        """The files that it left, as many messages as it takes."""
        for start in range(0, len(files), m.FILES_PER_LISTED):
            some = tuple(files[start : start + m.FILES_PER_LISTED])
            yield m.Listed(run=self.key.run, epoch=self.key.epoch, files=some)

    def _began(self, one: Record) -> None:
        command = self._command(one["step"])
        step = Step(
            name=command.name,
            command=command.run if isinstance(command.run, str) else tuple(command.run),
            phase=command.phase,
            start_date=date_of(one["date"]),
            log_start=one["log_start"],
        )
        if one["step"] not in self.places:
            self.places[one["step"]] = len(self.steps)
            self.steps.append(step)

    def _ended(self, one: Record) -> None:
        place = self.places.get(one["step"])
        if place is not None:
            self.steps[place] = replace(
                self.steps[place],
                completion_date=date_of(one["date"]),
                exit_code=one["exit_code"],
                log_end=one["log_end"],
            )
        self.log_size = max(self.log_size, one["log_end"])

    def _command(self, index: int) -> RequestedCommand:
        assert self.request is not None, "only a run with a request has a journal"
        return self.request.commands[index]


def date_of(microseconds: int) -> datetime:
    """Microseconds since 1970 as an aware date in UTC, exact."""
    return _EPOCH + timedelta(microseconds=microseconds)


def stop_of(record: Record | None) -> Stop | None:
    """A receipt as the protocol has it."""
    if record is None:
        return None
    dates = {
        f"{name}_date": None if record[name] is None else date_of(record[name])
        for name in ("delivered", "terminated", "killed", "verified")
    }
    return Stop(
        requested_date=date_of(record["requested"]),
        requested_by=record["by"],
        survivors=tuple(Survivor(pid=one["pid"], command=one["command"]) for one in record["survivors"]),
        **dates,
    )


def finished_record(
    status: RunStatus,
    cause: Cause,
    date_us: int,
    log: tuple[int, str] = (0, EMPTY_SHA256),
    *,
    log_error: str | None = None,
    stop: Record | None = None,
) -> Record:
    """The end of a run that no executor could write; `log` is its size and SHA-256, `stop` its receipt."""
    return {
        "type": "finished",
        "status": status.value,
        "code": cause.code.value,
        "message": cause.message,
        "date": date_us,
        "log_size": log[0],
        "log_sha256": log[1],
        "log_error": log_error,
        "results": None,
        "result_error": None,
        "stop": stop,
    }
