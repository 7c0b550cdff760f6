"""The worker's end of one connection, sans-IO: frames and times go in, events and frames come out.

    session = WorkerSession(hello, now)
    for frame in session.take_frames(): send(frame)        # the hello
    events = session.receive(frame, now)                   # Welcome, Assign, Cancel, Abort, Forget, …, Closed
    session.tell(Started(...)); session.log_ready(run, epoch, size)
    for want in session.wants(): session.feed(want.run, want.epoch, want.offset, data, times)
    for frame in session.take_frames(): send(frame)

Rules. The session remembers nothing that the spool does not know: after each `Welcome` the shell
tells again, for each run whose verdict is RESUME or DELIVER, that it started, its steps, how long
its log is, and its end if it ended. What is told while the session cannot say it (before the
welcome, after the end, of a run that is not the session's) is dropped and answered with False.
`Finished` waits here until all bytes of the log are on their way. Control goes before log bytes,
log bytes in turns over the runs, inside each run's window; artifacts take what is left of a frame
(`artifact_want`, `feed_artifact`), so that nothing else waits for more than one chunk of them.

It does not know the spool, the executors or the network.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import msgspec

from orchestra.domain.recovery import Action
from orchestra.wire import codec
from orchestra.wire import messages as m
from orchestra.wire.artifact_stream import Answers, ArtifactWant
from orchestra.wire.closing import Closed, ViolationError
from orchestra.wire.liveness import Liveness
from orchestra.wire.log_stream import GapError, LogSender, chunks
from orchestra.wire.outbox import LOG_BACKLOG_BYTES, Outbox

WELCOME_TIMEOUT_S: Final = 30.0
"""How long the worker waits for the answer to its hello: a server that starts has 1,000 others to welcome (F22)."""

ARTIFACT_LEAST_BYTES: Final = 1 << 15
"""What artifacts get of a frame that log bytes fill."""

Fact = m.Started | m.Stepped | m.Listed | m.Finished | m.Refused | m.Forgot
Event = m.Welcome | m.Reject | m.Assign | m.Cancel | m.Abort | m.Forget | m.Heartbeat | m.Goodbye | Closed
Times = Sequence[tuple[int, int]]
"""(byte offset in the run's log, milliseconds since 1970), ascending."""


@dataclass(frozen=True, slots=True)
class Want:
    """The session would send up to `max_bytes` of the run's log from `offset` on; answer with `feed`."""

    run: str
    epoch: int
    offset: int
    max_bytes: int


@dataclass(slots=True)
class _Owned:
    """A run that this session may speak of."""

    log: LogSender
    finished: m.Finished | None = None
    is_ended: bool = False
    """Its `Finished` is queued, or it is to be forgotten: only `Sent` and `Forgot` may follow."""


class WorkerSession:
    """One connection as the worker sees it. `closed` is None while it lives; `welcome` is None before it stands."""

    def __init__(self, hello: m.Hello, now: float, welcome_timeout_s: float = WELCOME_TIMEOUT_S) -> None:
        """Begin with `hello`; `now` is monotonic seconds. Raises ValueError when the hello itself is over a limit."""
        frame = codec.encode([hello])
        try:
            codec.decode_worker_frame(frame, m.FIRST_FRAME_BYTES)
        except codec.BadFrame as error:
            raise ValueError(f"cannot say hello: {error.reason}") from error
        self.hello = hello
        self.welcome: m.Welcome | None = None
        self.closed: Closed | None = None
        self._first: list[bytes] = [frame]
        self._outbox = Outbox()
        self._owned: dict[tuple[str, int], _Owned] = {}
        self._turns: deque[tuple[str, int]] = deque()
        self._answers = Answers()
        self._alive = Liveness(heartbeat_s=welcome_timeout_s, timeout_s=welcome_timeout_s, heard=now, spoke=now)
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
            for message in codec.decode_master_frame(frame):
                events.extend(self._take(message))
                if self.closed is not None:
                    break
        except (codec.BadFrame, ViolationError) as error:
            events.append(self._close(error.code, error.reason))
        return events

    def tick(self, now: float) -> list[Event]:
        """Tell that time has passed: queues a heartbeat when it is due; `Closed` when the server is silent too long."""
        self._now = now
        if self.closed is not None:
            return []
        if self._alive.is_dead(now):
            what = "the server" if self.welcome is not None else "the server did not answer the hello and"
            return [self._close(m.CloseCode.SILENT, f"{what} was silent for {self._alive.timeout_s:g} s")]
        if self.welcome is not None and self._alive.owes_heartbeat(now):
            self._outbox.put(m.Heartbeat())
        return []

    def next_deadline(self) -> float | None:
        """When `tick` must be called at the latest, in monotonic seconds; None once closed."""
        return None if self.closed is not None else self._alive.deadline()

    def take_frames(self) -> list[bytes]:
        """Return the frames to send now, in order; they count as sent."""
        frames = self._first
        self._first = []
        if self._outbox:
            frames = frames + self._outbox.take()
        if frames:
            self._alive.spoke = self._now
        return frames

    # From the runs

    def tell(self, fact: Fact) -> bool:
        """Say a fact of a run; False when this session may not say it (the next welcome is the time to tell again).

        `Finished` is sent once all `log_size` bytes are; texts and results that are too long are cut or
        replaced by an error that says so, never the reason for a broken session.
        """
        owned = self._owned.get((fact.run, fact.epoch))
        if self.welcome is None or self.closed is not None or owned is None:
            return False
        if isinstance(fact, m.Forgot):
            self._disown(fact.run, fact.epoch)
            return self._outbox.put(fact)
        if owned.is_ended or owned.finished is not None:
            return False
        match fact:
            case m.Finished():
                owned.finished = _fitting(fact, self._outbox.limit)
                owned.log.grow(fact.log_size)
                self._finish(owned)
            case m.Refused():
                self._disown(fact.run, fact.epoch)
                self._outbox.put(msgspec.structs.replace(fact, reason=codec.cut(fact.reason)))
            case m.Started() | m.Stepped():
                return codec.is_sendable(fact, self._outbox.limit) and self._outbox.put(fact)
            case m.Listed():
                return not self.welcome.takes_artifacts or self._outbox.put(fact)
            case _:
                assert_never(fact)
        return True

    def ask(self, at: float) -> bool:
        """Ask whether this session still counts; the answer is a `Heartbeat` with the same `at`. False: not now."""
        return self.welcome is not None and self.closed is None and self._outbox.put(m.Heartbeat(at=at))

    def log_ready(self, run: str, epoch: int, size: int) -> bool:
        """The run's log in the spool is `size` bytes long now; False when the run is not this session's."""
        owned = self._owned.get((run, epoch))
        if owned is None or self.closed is not None:
            return False
        owned.log.grow(size)
        return True

    def wants(self) -> list[Want]:
        """Return what to read from the spool now, runs in turns; empty while a frame's worth waits to be taken.

        A range that was asked for is not asked again until `feed` answered it.
        """
        budget = LOG_BACKLOG_BYTES - self._outbox.log_bytes
        wants: list[Want] = []
        if self.closed is not None:
            return wants
        share = max(m.LOG_CHUNK_BYTES, budget // max(1, sum(1 for key in self._turns if self._sendable(key))))
        for _ in range(len(self._turns)):
            if budget <= 0:
                break
            key = self._turns[0]
            self._turns.rotate(-1)
            size = min(self._sendable(key), share, budget)
            if size > 0:
                log = self._owned[key].log
                log.is_asked = True
                wants.append(Want(*key, offset=log.sent, max_bytes=size))
                budget -= size
        return wants

    def feed(self, run: str, epoch: int, offset: int, data: bytes | memoryview, times: Times = ()) -> bool:
        """Hand over the bytes that a `Want` asked for; fewer is allowed, even none. False when they are not needed.

        `times` belong to `data`. Raises ValueError for bytes that were not asked for: the shell is wrong then.
        """
        owned = self._owned.get((run, epoch))
        if owned is None or self.closed is not None:
            return False
        log = owned.log
        log.is_asked = False
        if offset != log.sent or len(data) > log.sendable():
            raise ValueError(f"run {run}: fed {len(data)} bytes at {offset}, wanted {log.sendable()} at {log.sent}")
        view = memoryview(data)
        for start, end in chunks(len(view)):
            self._outbox.put_log(
                m.Wrote(
                    run=run,
                    epoch=epoch,
                    offset=offset + start,
                    data=view[start:end],  # type: ignore[arg-type]  # encoded at once, without a copy
                    times=_times_within(times, offset + start, offset + end),
                )
            )
        log.advance(len(data))
        self._finish(owned)
        return True

    def artifact_want(self) -> ArtifactWant | None:
        """Return what to read of an artifact now; None while nothing is asked for or other bytes fill the frame.

        What was asked for is not asked again until `feed_artifact` answered it.
        """
        if self.closed is not None:
            return None
        # Logs go first, but never alone: a flood of them must not stop what they compete with for ever.
        room = max(LOG_BACKLOG_BYTES - self._outbox.log_bytes, ARTIFACT_LEAST_BYTES) - self._outbox.artifact_bytes
        return self._answers.want(room)

    def feed_artifact(self, want: ArtifactWant, data: bytes, error: str | None = None) -> bool:
        """Hand over what an `ArtifactWant` asked for, at least one byte, or `error`: why there will be none."""
        answer = self._answers.feed(want, data, None if error is None else codec.cut(error))
        if answer is None or self.closed is not None:
            return False
        self._outbox.put_artifact(answer)
        return True

    def goodbye(self, reason: str) -> None:
        """End the session on purpose; send what `take_frames` gives, then close the transport."""
        if self.closed is None:
            self._close(m.CloseCode.GOING_AWAY, reason)

    # Inside

    def _take(self, message: m.FromMaster) -> Iterable[Event]:
        if self.welcome is None:
            return self._take_answer(message)
        match message:
            case m.Assign():
                return self._assigned(message)
            case m.Cancel() | m.Abort():
                owned = self._owned.get((message.run, message.epoch))
                return [] if owned is None or owned.is_ended else [message]
            case m.Forget():
                owned = self._owned.get((message.run, message.epoch))
                if owned is None:
                    return []
                owned.is_ended = True
                return [message]
            case m.Acknowledge():
                self._acknowledged(message)
                return []
            case m.Send():
                owned = self._owned.get((message.run, message.epoch))
                if owned is None or not owned.is_ended or not self._answers.add(message):
                    raise ViolationError("asked for artifacts that nobody offered, or for too many at once")
                return []
            case m.Heartbeat():
                return [] if message.at is None else [message]
            case m.Goodbye():
                self.closed = Closed(m.CloseCode.NORMAL, codec.cut(message.reason))
                self._outbox.clear()
                return [message, self.closed]
            case m.Welcome() | m.Reject():
                raise ViolationError("a second answer to one hello")
            case _:
                assert_never(message)

    def _take_answer(self, message: m.FromMaster) -> Iterable[Event]:
        match message:
            case m.Welcome():
                self._welcomed(message)
                return [message]
            case m.Reject():
                self.closed = Closed(m.CloseCode.REJECTED, codec.cut(message.reason))
                return [message, self.closed]
            case m.Goodbye():
                self.closed = Closed(m.CloseCode.NORMAL, codec.cut(message.reason))
                return [message, self.closed]
            case _:
                raise ViolationError("the answer to a hello is welcome or reject")

    def _welcomed(self, welcome: m.Welcome) -> None:
        if not m.PROTOCOL_OLDEST <= welcome.protocol <= self.hello.protocol:
            raise ViolationError(f"welcomed with protocol {welcome.protocol}, offered {self.hello.protocol}")
        held = [(one.run, one.epoch) for one in self.hello.held]
        if [(one.run, one.epoch) for one in welcome.verdicts] != held:
            raise ViolationError("welcome must bring one verdict for each held run, in order")
        self.welcome = welcome
        self._outbox.limit = min(welcome.max_frame_bytes, m.FRAME_LIMIT_BYTES)
        self._alive.heartbeat_s = welcome.heartbeat_s
        self._alive.timeout_s = welcome.timeout_s
        self._alive.spoke = self._now
        for verdict in welcome.verdicts:
            if verdict.action is not Action.QUARANTINE:
                self._own(verdict.run, verdict.epoch, verdict.log_offset)
                self._owned[verdict.run, verdict.epoch].is_ended = verdict.action is Action.FORGET

    def _assigned(self, assign: m.Assign) -> Iterable[Event]:
        if (assign.run, assign.epoch) in self._owned:
            return []
        self._own(assign.run, assign.epoch, 0)
        return [assign]

    def _own(self, run: str, epoch: int, log_offset: int) -> None:
        assert self.welcome is not None
        self._owned[run, epoch] = _Owned(log=LogSender.at(log_offset, self.welcome.window_bytes))
        self._turns.append((run, epoch))

    def _disown(self, run: str, epoch: int) -> None:
        del self._owned[run, epoch]
        self._turns.remove((run, epoch))

    def _acknowledged(self, message: m.Acknowledge) -> None:
        owned = self._owned.get((message.run, message.epoch))
        if owned is None:
            return
        try:
            owned.log.acknowledge(message.offset)
        except GapError as error:
            raise ViolationError(str(error)) from error

    def _sendable(self, key: tuple[str, int]) -> int:
        owned = self._owned[key]
        return 0 if owned.is_ended or owned.log.is_asked else owned.log.sendable()

    def _finish(self, owned: _Owned) -> None:
        """Queue `Finished` behind the last byte, once that byte is queued."""
        if owned.finished is not None and not owned.is_ended and owned.log.sent >= owned.finished.log_size:
            owned.is_ended = True
            self._outbox.put_after_log(owned.finished)

    def _close(self, code: m.CloseCode, reason: str) -> Closed:
        self._outbox.clear()
        if self.welcome is not None:
            self._outbox.put(m.Goodbye(reason=codec.cut(reason)))
        self.closed = Closed(code, codec.cut(reason))
        return self.closed


def _times_within(times: Times, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the times of [start, end); where there are too many, the first ones: they are hints for readers."""
    return tuple(one for one in times if start <= one[0] < end)[: m.LINE_TIMES]


def _fitting(finished: m.Finished, limit: int) -> m.Finished:
    """Return `finished` so that it fits a frame: what is too large becomes an error that names the limit."""
    results, result_error = finished.results, finished.result_error
    if results is not None and len(results) > m.RESULTS_BYTES:
        result_error = f"the results are {len(results)} bytes long, at most {m.RESULTS_BYTES} are kept"
        results = None
    cause = finished.cause
    fitting = msgspec.structs.replace(
        finished,
        cause=type(cause)(cause.code, codec.cut(cause.message)),
        log_error=None if finished.log_error is None else codec.cut(finished.log_error),
        results=results,
        result_error=None if result_error is None else codec.cut(result_error),
        artifact_error=None if finished.artifact_error is None else codec.cut(finished.artifact_error),
    )
    return fitting if codec.is_sendable(fitting, limit) else msgspec.structs.replace(fitting, steps=())
