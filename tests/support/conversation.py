"""Both ends of one connection joined by an in-memory wire, for tests of the protocol; no clock, no loop."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestra.domain.recovery import Action, Held, Phase, Verdict
from orchestra.domain.run import Cause, CauseCode, RunStatus
from orchestra.wire import master_session, worker_session
from orchestra.wire import messages as m
from orchestra.wire.master_session import MasterSession, SessionLimits
from orchestra.wire.worker_session import WorkerSession

DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def run_id(number: int) -> str:
    """A run identifier that is readable in a failure."""
    return f"00000000-0000-7000-8000-{number:012d}"


RUN = run_id(1)


def hello(**fields: Any) -> m.Hello:
    """A hello that is in order, with `fields` changed."""
    standard = {
        "protocol": m.PROTOCOL,
        "worker": "builder",
        "version": "1.0",
        "installation": "disk-1",
        "boot": "boot-1",
        "concurrency": 4,
    }
    return m.Hello(**{**standard, **fields})


def assign(run: str = RUN, epoch: int = 1, **fields: Any) -> m.Assign:
    """An assignment of a job that prints a word."""
    standard: dict[str, Any] = {
        "number": 1,
        "project": "demo",
        "job": "hello",
        "definition": {"type": "commands", "commands": []},
        "parameters": {},
    }
    return m.Assign(run=run, epoch=epoch, **{**standard, **fields})


def started(run: str = RUN, epoch: int = 1) -> m.Started:
    """The run has started."""
    return m.Started(run=run, epoch=epoch, date=DATE)


def finished(run: str = RUN, epoch: int = 1, log: bytes = b"", **fields: Any) -> m.Finished:
    """The run succeeded with `log`, unless `fields` say otherwise."""
    standard: dict[str, Any] = {
        "status": RunStatus.SUCCEEDED,
        "cause": Cause(CauseCode.SUCCEEDED, "every command succeeded"),
        "date": DATE,
        "log_size": len(log),
        "log_sha256": hashlib.sha256(log).hexdigest(),
    }
    return m.Finished(run=run, epoch=epoch, **{**standard, **fields})


def held(run: str = RUN, epoch: int = 1, phase: str = "started", log_size: int = 0) -> Held:
    """A run in the worker's spool."""
    return Held(run=run, epoch=epoch, phase=Phase(phase), log_size=log_size)


def verdict(action: str, run: str = RUN, epoch: int = 1, **fields: Any) -> Verdict:
    """What becomes of a held run."""
    return Verdict(run=run, epoch=epoch, action=Action(action), **fields)


@dataclass
class Conversation:
    """A worker's and a master's session; `worker_events` and `master_events` collect what they reported."""

    worker: WorkerSession
    master: MasterSession
    now: float = 0.0
    worker_events: list[worker_session.Event] = field(default_factory=list)
    master_events: list[master_session.Event] = field(default_factory=list)

    @classmethod
    def begin(cls, limits: SessionLimits | None = None, **fields: Any) -> "Conversation":
        """Connect; the hello is not sent yet."""
        return cls(
            worker=WorkerSession(hello(**fields), 0.0),
            master=MasterSession(0.0, "1.0", limits or SessionLimits()),
        )

    @classmethod
    def welcomed(
        cls, verdicts: Iterable[Verdict] = (), limits: SessionLimits | None = None, **fields: Any
    ) -> "Conversation":
        """Connect and exchange hello and welcome."""
        conversation = cls.begin(limits, **fields)
        conversation.exchange()
        conversation.master.welcome(1, tuple(verdicts))
        conversation.exchange()
        conversation.master_events.clear()
        conversation.worker_events.clear()
        return conversation

    def to_master(self) -> int:
        """Deliver what the worker has to say; return how many frames that were."""
        frames = self.worker.take_frames()
        for frame in frames:
            self.master_events.extend(self.master.receive(frame, self.now))
        return len(frames)

    def to_worker(self) -> int:
        """Deliver what the master has to say; return how many frames that were."""
        frames = self.master.take_frames()
        for frame in frames:
            self.worker_events.extend(self.worker.receive(frame, self.now))
        return len(frames)

    def exchange(self) -> None:
        """Deliver both ways until nobody has anything to say."""
        while self.to_master() + self.to_worker():
            pass

    def write(self, log: bytes, run: str = RUN, epoch: int = 1) -> None:
        """The run's log in the spool is `log` now; feed what the session wants of it, once."""
        self.worker.log_ready(run, epoch, len(log))
        for want in self.worker.wants():
            data = log[want.offset : want.offset + want.max_bytes]
            self.worker.feed(want.run, want.epoch, want.offset, data)
