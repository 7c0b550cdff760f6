"""The worker: connects to the server for ever, and moves facts and bytes between the protocol and the runs.

    connect ─► hello ─► welcome ─► ┌ receive: frames → events → runs     ┐ until the connection ends,
       ▲                           │ send: facts, log bytes → frames     │ then again after a pause
       └── pause (full jitter) ────┤ tick: heartbeats, silence           │
                                   │ renew: leases of exclusive runs     │
                                   └─────────────────────────────────────┘

It decides nothing: the session (`wire`) knows the protocol, `runs` knows the runs. Everything that
it needs of the world comes as an argument, so the simulation runs it as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from orchestra import __version__
from orchestra.telemetry import LogEvent, emit
from orchestra.wire import messages as m
from orchestra.wire.closing import Closed
from orchestra.wire.worker_session import Event, WorkerSession
from orchestra.worker.requests import RunKey
from orchestra.worker.runs import Runs
from orchestra.worker.spool import Spool

STEADY_S: Final = 10.0
"""A session that lived so long was a good one: the next pause is short again."""

BUSY_TICK_S: Final = 1.0
"""How often the clock is looked at while a send is stuck; it may only find that the server is silent."""


LEAVE_S: Final = 3.0
"""How long a stopped worker tries to say goodbye."""


class Transport(Protocol):
    """One open connection; frames are whole."""

    async def send(self, frame: bytes) -> None:
        """Send a frame; waits while the network is behind. Raises ConnectionError when the connection is over."""

    async def receive(self) -> bytes | None:
        """Wait for the next frame; None when the connection is over."""

    async def close(self, code: int, reason: str) -> None:
        """Close it, in bounded time."""


class CannotConnectError(Exception):
    """No connection; the text says why. `is_final`: the server answered, and another try gives the same answer."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class RejectedError(Exception):
    """The server does not want this worker as it is; the text is for its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who this worker is, as its hello says, and how it comes back."""

    name: str
    server: str
    concurrency: int
    properties: dict[str, Any] = field(default_factory=dict)
    reconnect_first_s: float = 0.5
    reconnect_longest_s: float = 30.0


class Worker:
    """One worker process. `run` returns after `stop`, or raises `RejectedError`."""

    def __init__(
        self,
        profile: Profile,
        *,
        connect: Callable[[], Awaitable[Transport]],
        spool: Spool,
        make_runs: Callable[[Callable[[], None]], Runs],
        uniform: Callable[[float, float], float],
    ) -> None:
        """`connect` raises CannotConnectError; `make_runs(changed)` builds the runs; `uniform` is chance for jitter."""
        self._profile = profile
        self._connect = connect
        self._spool = spool
        self._uniform = uniform
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stop_reason = ""
        self._failures = 0
        self._was_welcome = False
        self.runs = make_runs(self._changed.set)

    async def run(self) -> None:
        """Take over what is there, then stay connected until `stop`. Runs that go on are `runs.active()`."""
        await self.runs.load()
        while not self._stopping.is_set():
            least = await self._connect_once()
            if not self._stopping.is_set():
                await self._pause(least)

    def stop(self, reason: str) -> None:
        """Say goodbye and let `run` return; the executors are not touched."""
        self._stop_reason = reason
        self._stopping.set()
        self._changed.set()

    async def _connect_once(self) -> float:
        """Have one session, or fail to; return how long to wait at least until the next."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            transport = await self._connect_unless_stopped()
        except CannotConnectError as error:
            if error.is_final and not self._was_welcome:
                raise RejectedError(str(error)) from None
            self._ended(str(error))
            return self._profile.reconnect_longest_s / 2 if error.is_final else 0.0
        if transport is None:
            return 0.0
        asked_at = self.runs.leases.now()
        link = _Link(self._begin_session(loop.time()), transport, asked_at)
        try:
            await self._converse(link)
        finally:
            self.runs.detach()
        if loop.time() - begin >= STEADY_S:
            self._failures = 0
        if link.reject is not None:
            if link.reject.retry_s is None and not self._was_welcome:
                raise RejectedError(link.reject.reason)
            self._ended(link.reject.reason)
            return link.reject.retry_s or self._profile.reconnect_longest_s / 2
        if not self._stopping.is_set():
            self._ended(link.reason or "the connection was lost")
        return 0.0

    async def _connect_unless_stopped(self) -> Transport | None:
        """Connect; None when the worker is stopped before the server answers."""
        connecting = asyncio.ensure_future(self._connect())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
            return await connecting if connecting.done() else None
        finally:
            connecting.cancel()
            stopping.cancel()

    def _begin_session(self, now: float) -> WorkerSession:
        try:
            return WorkerSession(self._hello(), now)
        except ValueError as error:  # properties that cannot be sent: no server will ever take them
            raise RejectedError(str(error)) from None

    def _ended(self, reason: str) -> None:
        emit(LogEvent.SESSION_ENDED, server=self._profile.server, reason=reason)

    async def _pause(self, least: float) -> None:
        """Full jitter (reliability.md F22): a thousand workers that lost one server come back spread out."""
        longest = min(self._profile.reconnect_longest_s, self._profile.reconnect_first_s * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        try:
            async with asyncio.timeout(max(least, self._uniform(0.0, longest))):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _hello(self) -> m.Hello:
        return m.Hello(
            protocol=m.PROTOCOL,
            worker=self._profile.name,
            version=__version__,
            installation=self._spool.installation,
            boot=self._spool.boot,
            concurrency=self._profile.concurrency,
            properties=self._profile.properties,
            held=self.runs.held()[: m.HELD_RUNS],
        )

    # --- one session ---

    async def _converse(self, link: "_Link") -> None:
        self.runs.attach(link.session)
        async with asyncio.TaskGroup() as group:
            work = (self._receive, self._send, self._tick, self._renew, self._leave)
            tasks = [group.create_task(self._guard(one, link)) for one in work]
            await link.over.wait()
            for task in tasks:
                task.cancel()
        closed = link.session.closed
        code, reason = (m.CloseCode.GOING_AWAY, "") if closed is None else (closed.code, closed.reason)
        await link.transport.close(code, reason)

    async def _guard(self, work: Callable[["_Link"], Awaitable[None]], link: "_Link") -> None:
        """The top of a connection: what went wrong in it ends it, and nothing else; the runs go on."""
        try:
            await work(link)
        except Exception as error:
            emit(LogEvent.SESSION_FAILED, server=self._profile.server, error=f"{type(error).__name__}: {error}")
            link.reason = link.reason or "the worker could not go on with it"
            link.over.set()

    async def _leave(self, link: "_Link") -> None:
        """A stop has its limit, also when the goodbye cannot be sent because nobody reads it."""
        await self._stopping.wait()
        try:
            async with asyncio.timeout(LEAVE_S):
                await link.over.wait()
        except TimeoutError:
            link.over.set()

    async def _receive(self, link: "_Link") -> None:
        while (frame := await link.transport.receive()) is not None:
            for event in link.session.receive(frame, link.now()):
                self._handle(link, event)
            self._changed.set()
        link.over.set()

    async def _send(self, link: "_Link") -> None:
        while True:
            self._changed.clear()
            if self._stopping.is_set():
                link.session.goodbye(self._stop_reason)
            self._feed(link.session)
            self._feed_artifacts(link.session)
            frames = link.session.take_frames()
            try:
                for frame in frames:
                    link.is_sending = True
                    await link.transport.send(frame)
            except ConnectionError as error:
                link.reason = link.reason or str(error) or "the connection broke"
                break
            link.is_sending = False
            if link.session.closed is not None:
                link.reason = link.reason or link.session.closed.reason
                break
            if not frames:
                await self._changed.wait()
        link.over.set()

    async def _tick(self, link: "_Link") -> None:
        while (deadline := link.session.next_deadline()) is not None:
            try:
                async with asyncio.timeout(max(deadline - link.now(), BUSY_TICK_S if link.is_sending else 0.0)):
                    await link.sooner.wait()
                    link.sooner.clear()
            except TimeoutError:
                pass
            for event in link.session.tick(link.now()):
                self._handle(link, event)
            self._changed.set()
        if link.is_sending:
            link.over.set()  # a send that is stuck would never find out

    async def _renew(self, link: "_Link") -> None:
        """While exclusive runs are here: ask whether this session still counts (`domain.lease`)."""
        leases = self.runs.leases
        while True:
            await leases.needed.wait()
            leases.urgent.clear()
            if link.session.ask(leases.now()):
                self._changed.set()
            try:
                async with asyncio.timeout(leases.ask_every_s):
                    await leases.urgent.wait()
            except TimeoutError:
                continue

    def _feed(self, session: WorkerSession) -> None:
        """Read what the session wants of the logs. Plain reads of at most a frame, from the page cache."""
        for want in session.wants():
            key = RunKey(want.run, want.epoch)
            try:
                data = self._spool.read_log(key, want.offset, want.max_bytes)
                times = self._spool.read_times(key, want.offset, want.offset + len(data))
            except OSError as error:
                data, times = b"", []
                self.runs.log_damaged(key, f"the worker cannot read the log: {error.strerror}")
            if not data:
                # The session would wait for these bytes for ever; the next one is told that they do not exist.
                self.runs.log_damaged(key, f"the worker lost the log from byte {want.offset} on")
                session.goodbye(f"the log of run {want.run} is damaged")
                return
            session.feed(want.run, want.epoch, want.offset, data, times)

    def _feed_artifacts(self, session: WorkerSession) -> None:
        """Read what the session wants of artifacts, from the page cache or not: they may be older than it."""
        while (want := session.artifact_want()) is not None:
            data, error = b"", None
            try:
                data = self._spool.read_artifact(RunKey(want.run, want.epoch), want.sha256, want.offset, want.max_bytes)
            except OSError as failed:
                error = f"the worker cannot read it: {failed.strerror}"
            if not data and error is None:
                error = f"the worker's file ends at byte {want.offset}"
            session.feed_artifact(want, data, error)

    def _handle(self, link: "_Link", event: Event) -> None:
        match event:
            case m.Welcome():
                self._was_welcome = True
                link.sooner.set()
                emit(LogEvent.SESSION_OPENED, server=self._profile.server, session=event.session)
                self.runs.welcomed(event.verdicts, link.asked_at)
            case m.Reject():
                link.reject = event
            case m.Assign():
                self.runs.assign(event)
            case m.Cancel():
                self.runs.cancel(RunKey(event.run, event.epoch), event.by)
            case m.Abort():
                self.runs.abort(RunKey(event.run, event.epoch), event.by)
            case m.Forget():
                self.runs.forget(RunKey(event.run, event.epoch))
            case m.Heartbeat():
                assert event.at is not None
                self.runs.confirmed(event.at)
            case m.Goodbye() | Closed():
                link.reason = link.reason or event.reason


class _Link:
    """One connection with its session."""

    def __init__(self, session: WorkerSession, transport: Transport, asked_at: float) -> None:
        self.transport = transport
        self.asked_at = asked_at
        """When the hello was made, by the clock of leases: a welcome answers that."""
        self.session = session
        self.over = asyncio.Event()
        self.sooner = asyncio.Event()
        """The session's next deadline came nearer: the welcome brings heartbeats, shorter than the wait for itself."""
        self.is_sending = False
        self.reject: m.Reject | None = None
        self.reason = ""
        self.now = asyncio.get_running_loop().time
