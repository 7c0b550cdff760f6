"""The master's end of one connection, sans-IO: frames and times go in, events and frames come out.

    session = MasterSession(now)
    events = session.receive(frame, now)       # the Hello first; answer it with `welcome` or `reject`
    session.welcome(number, verdicts); session.assign(Assign(...))
    events = session.receive(frame, now)       # Started, Stepped, Wrote, Finished, Refused, Forgot, Goodbye, Closed
    session.acknowledge(run, epoch, offset); session.forget(run, epoch)
    for frame in session.take_frames(): send(frame)

Rules. The worker is not trusted. It may speak only of runs that this session assigned or confirmed
by a verdict, with that assignment's epoch (W2); of each in the order Started, then Stepped, Wrote and
Listed, then Finished, then Sent, then Forgot; `Wrote` continues the log inside the window, `Sent`
answers a question of ours. Anything else ends
the session with a close code and a reason, and never raises. Events are checked in form only:
whether a fact applies is the run's table's business, whether bytes are durable the shell's.

`acknowledge` and `forget` mean *durable*: the shell calls them after the commit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import msgspec

from orchestra.domain.recovery import Action, Verdict
from orchestra.wire import codec
from orchestra.wire import messages as m
from orchestra.wire.artifact_stream import Questions
from orchestra.wire.closing import Closed, ViolationError
from orchestra.wire.liveness import Liveness
from orchestra.wire.log_stream import GapError, LogReceiver
from orchestra.wire.outbox import Outbox
from orchestra.wire.version import negotiate

HELLO_TIMEOUT_S: Final = 10.0
"""An accepted connection that says nothing costs a slot (security.md 4.2: handshake within 10 s)."""
HEARTBEAT_S: Final = 10.0
TIMEOUT_S: Final = 20.0
"""Two heartbeats missed: a half-open connection is known within 30 s on both sides (reliability.md F9)."""
WINDOW_BYTES: Final = 1 << 22
"""Unacknowledged log bytes per run: 150 MB/s during a group commit of 20 ms takes 3 MB."""

_Told = m.Started | m.Stepped | m.Wrote | m.Listed | m.Finished | m.Sent | m.Refused
Event = m.Hello | _Told | m.Forgot | m.Heartbeat | m.Goodbye | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """What a server tells its workers; seconds and bytes."""

    hello_timeout_s: float = HELLO_TIMEOUT_S
    heartbeat_s: float = HEARTBEAT_S
    timeout_s: float = TIMEOUT_S
    window_bytes: int = WINDOW_BYTES


@dataclass(slots=True)
class _Owned:
    """A run that the session may speak of, and how far its story went."""

    log: LogReceiver
    has_started: bool = False
    has_finished: bool = False
    listed: int = 0
    is_forgetting: bool = False
    """`Forget` is on its way: what crosses it is dropped, only `Forgot` counts."""


class MasterSession:
    """One connection as the server sees it. `closed` is None while it lives; `hello` is None before it came."""

    def __init__(self, now: float, server_version: str, limits: SessionLimits = SessionLimits()) -> None:
        """Wait for a hello; `now` is monotonic seconds."""
        self.hello: m.Hello | None = None
        self.closed: Closed | None = None
        self.is_welcomed = False
        self._version = server_version
        self._limits = limits
        self._outbox = Outbox()
        self._owned: dict[tuple[str, int], _Owned] = {}
        self._questions = Questions()
        self._alive = Liveness(
            heartbeat_s=limits.hello_timeout_s, timeout_s=limits.hello_timeout_s, heard=now, spoke=now
        )
        self._now = now

    # From the network and the clock

    def receive(self, frame: bytes, now: float) -> list[Event]:
        """Take one frame. Returns what the shell must act on, in order; after `Closed` nothing more comes."""
        self._now = now
        if self.closed is not None:
            return []
        self._alive.heard = now
        events: list[Event] = []
        try:
            if self.hello is None:
                return list(self._greeted(frame))
            for message in codec.decode_worker_frame(frame):
                events.extend(self._take(message))
                if self.closed is not None:
                    break
        except (codec.BadFrame, ViolationError) as error:
            events.append(self._close(error.code, error.reason))
        return events

    def tick(self, now: float) -> list[Event]:
        """Tell that time has passed: queues a heartbeat when it is due; `Closed` when the worker is silent too long."""
        self._now = now
        if self.closed is not None:
            return []
        if self._alive.is_dead(now) and (self.hello is None or self.is_welcomed):
            what = "no hello came" if self.hello is None else f"{self.hello.worker} was silent"
            return [self._close(m.CloseCode.SILENT, f"{what} for {self._alive.timeout_s:g} s")]
        if self.is_welcomed and self._alive.owes_heartbeat(now):
            self._outbox.put(m.Heartbeat())
        return []

    def next_deadline(self) -> float | None:
        """When `tick` must be called at the latest, in monotonic seconds; None when nothing is due by itself."""
        if self.closed is not None or (self.hello is not None and not self.is_welcomed):
            return None
        return self._alive.deadline()

    def take_frames(self) -> list[bytes]:
        """Return the frames to send now, in order; they count as sent."""
        frames = self._outbox.take() if self._outbox else []
        if frames:
            self._alive.spoke = self._now
        return frames

    # From the master

    def welcome(self, number: int, verdicts: Sequence[Verdict]) -> None:
        """Answer the hello: session `number` stands. `verdicts` in the order of `hello.held`, one each."""
        if self.closed is not None:
            return
        limits = self._limits
        answer = m.Welcome(
            protocol=min(m.PROTOCOL, self.hello.protocol) if self.hello is not None else m.PROTOCOL,
            session=number,
            version=self._version,
            heartbeat_s=limits.heartbeat_s,
            timeout_s=limits.timeout_s,
            window_bytes=limits.window_bytes,
            max_frame_bytes=m.FRAME_LIMIT_BYTES,
            verdicts=tuple(_on_wire(one) for one in verdicts),
            takes_artifacts=True,
        )
        self._outbox.put(answer)
        self._alive = Liveness(
            heartbeat_s=limits.heartbeat_s, timeout_s=limits.timeout_s, heard=self._now, spoke=self._now
        )
        self.is_welcomed = True
        for verdict in verdicts:
            if verdict.action is not Action.QUARANTINE:
                self._owned[verdict.run, verdict.epoch] = _Owned(
                    log=LogReceiver.at(verdict.log_offset, limits.window_bytes),
                    has_started=verdict.action is Action.DELIVER,
                    is_forgetting=verdict.action is Action.FORGET,
                )

    def reject(self, code: str, reason: str, retry_s: float | None = None) -> None:
        """Answer the hello with a refusal that the worker shows; the session is closed with it."""
        if self.closed is None:
            self._reject(m.Reject(code=code, reason=codec.cut(reason), retry_s=retry_s))

    def assign(self, assign: m.Assign) -> bool:
        """Give the worker a run. False, and nothing sent, when it is too large for any frame or the session is over."""
        if self.closed is not None or not self.is_welcomed or not self._outbox.put(assign):
            return False
        self._owned[assign.run, assign.epoch] = _Owned(log=LogReceiver.at(0, self._limits.window_bytes))
        return True

    def cancel(self, run: str, epoch: int, by: str) -> bool:
        """Ask not to start the run; False when the session does not have it (any more)."""
        return self._is_live(run, epoch) and self._outbox.put(m.Cancel(run=run, epoch=epoch, by=by))

    def abort(self, run: str, epoch: int, by: str) -> bool:
        """Ask to stop the run; False when the session does not have it (any more)."""
        return self._is_live(run, epoch) and self._outbox.put(m.Abort(run=run, epoch=epoch, by=by))

    def acknowledge(self, run: str, epoch: int, offset: int) -> None:
        """The server holds `offset` bytes of the run's log durably."""
        owned = self._owned.get((run, epoch))
        if owned is None or self.closed is not None or owned.is_forgetting:
            return
        if owned.log.acknowledge(offset):
            self._outbox.put_acknowledge(run, epoch, owned.log.acked)

    def ask(self, run: str, epoch: int, sha256: str, offset: int, size: int) -> bool:
        """Ask for a part of a file that the ended run left; False when the session cannot (any more, or now)."""
        owned = self._owned.get((run, epoch))
        if self.closed is not None or owned is None or not owned.has_finished or owned.is_forgetting:
            return False
        question = m.Send(run=run, epoch=epoch, sha256=sha256, offset=offset, size=size)
        if not self._questions.has_room or not self._outbox.put(question):
            return False
        self._questions.ask(question)
        return True

    def forget(self, run: str, epoch: int) -> None:
        """The run's end and files are durable (or the assignment is fenced): the worker may delete its data.

        Nothing that was asked of the run may be unanswered.
        """
        owned = self._owned.get((run, epoch))
        if owned is not None and self.closed is None and not owned.is_forgetting:
            owned.is_forgetting = True
            self._outbox.put(m.Forget(run=run, epoch=epoch))

    def confirm(self, at: float) -> None:
        """Answer the question of the worker's moment `at`: this session was its present one after it was asked."""
        if self.closed is None:
            self._outbox.put(m.Heartbeat(at=at))

    def knows(self, run: str, epoch: int) -> bool:
        """Tell whether the run was assigned or confirmed in this session, and neither given back nor forgotten."""
        return (run, epoch) in self._owned

    def touch(self, now: float) -> None:
        """Silence up to `now` is ours: we did not read."""
        self._alive.heard = max(self._alive.heard, now)

    def close(self, code: m.CloseCode, reason: str) -> None:
        """End the session; what was queued is still sent, then a `Goodbye` that says why."""
        if self.closed is None:
            self._close(code, reason)

    # Inside

    def _greeted(self, frame: bytes) -> Iterable[Event]:
        protocol, version = codec.decode_opening(frame)
        refusal = negotiate(protocol, version, self._version)
        if refusal is not None:
            self._reject(refusal)
            assert self.closed is not None
            return [self.closed]
        message = codec.decode_worker_frame(frame, m.FIRST_FRAME_BYTES)[0]
        assert isinstance(message, m.Hello)
        self.hello = message
        return [message]

    def _take(self, message: m.FromWorker) -> Iterable[Event]:
        if isinstance(message, m.Heartbeat):
            return [] if message.at is None or not self.is_welcomed else [message]
        if isinstance(message, m.Goodbye):
            self.closed = Closed(m.CloseCode.NORMAL, codec.cut(message.reason))
            self._outbox.clear()
            return [message, self.closed]
        if isinstance(message, m.Hello):
            raise ViolationError("a second hello")
        if not self.is_welcomed:
            raise ViolationError("spoke before the answer to its hello")
        owned = self._owned.get((message.run, message.epoch))
        if owned is None:
            raise ViolationError("spoke of a run that is not this session's")
        if isinstance(message, m.Forgot):
            return self._forgot(message, owned)
        if owned.is_forgetting:
            return []
        if isinstance(message, m.Sent):
            if not self._questions.fits(message):
                raise ViolationError("sent a part of an artifact that was not asked for next")
            return [message]
        if owned.has_finished:
            raise ViolationError("spoke of a run after its end")
        return self._told(message, owned)

    def _told(
        self, message: m.Started | m.Stepped | m.Wrote | m.Listed | m.Finished | m.Refused, owned: _Owned
    ) -> Iterable[Event]:
        match message:
            case m.Started():
                owned.has_started = True
                return [message]
            case m.Stepped():
                self._require_started(owned)
                return [message]
            case m.Wrote():
                self._require_started(owned)
                return self._wrote(message, owned)
            case m.Listed():
                self._require_started(owned)
                owned.listed += len(message.files)
                if owned.listed > m.ARTIFACTS:
                    raise ViolationError(f"listed more than {m.ARTIFACTS} artifacts")
                return [message]
            case m.Finished():
                owned.has_finished = True
                return [message]
            case m.Refused():
                if owned.has_started:
                    raise ViolationError("gave back a run that it had started")
                del self._owned[message.run, message.epoch]
                return [message]
            case _:
                assert_never(message)

    def _wrote(self, message: m.Wrote, owned: _Owned) -> Iterable[Event]:
        try:
            repeated = owned.log.accept(message.offset, len(message.data))
        except GapError as error:
            raise ViolationError(str(error)) from error
        if repeated == 0:
            return [message]
        if repeated == len(message.data):
            return []
        return [msgspec.structs.replace(message, offset=message.offset + repeated, data=message.data[repeated:])]

    def _forgot(self, message: m.Forgot, owned: _Owned) -> Iterable[Event]:
        if not owned.is_forgetting:
            raise ViolationError("forgot a run without being told")
        del self._owned[message.run, message.epoch]
        return [message]

    def _require_started(self, owned: _Owned) -> None:
        if not owned.has_started:
            raise ViolationError("steps or log of a run that did not start")

    def _is_live(self, run: str, epoch: int) -> bool:
        owned = self._owned.get((run, epoch))
        return self.closed is None and owned is not None and not owned.is_forgetting and not owned.has_finished

    def _reject(self, refusal: m.Reject) -> None:
        self._outbox.clear()
        self._outbox.put(refusal)
        self.closed = Closed(m.CloseCode.REJECTED, refusal.reason)

    def _close(self, code: m.CloseCode, reason: str) -> Closed:
        if self.is_welcomed:
            self._outbox.put(m.Goodbye(reason=codec.cut(reason)))
        self.closed = Closed(code, codec.cut(reason))
        return self.closed


def _on_wire(verdict: Verdict) -> m.RunVerdict:
    return m.RunVerdict(
        run=verdict.run,
        epoch=verdict.epoch,
        action=verdict.action,
        log_offset=verdict.log_offset,
        should_cancel=verdict.should_cancel,
        should_abort=verdict.should_abort,
        stop_requested_by=verdict.stop_requested_by,
    )
