"""Link: one connected worker, from its hello to the end of its connection.

    accepted ──hello──► greeting ──welcome──► stands ──► over
        └─ timeout        └─ reject             └─ goodbye, silence, violation, superseded, revoked, server stops

The protocol is `wire.master_session`'s; the link moves frames, rows and time. One task serves the
connection and one reads it; what sends, stores, or looks at wishes runs in bursts. The session ends
in one way only: `_over` is set, what came is stored, what is said is sent, and the worker's row is
told. Its runs go on.
"""

import asyncio
import math
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from orchestra import __version__
from orchestra.domain.access import Principal
from orchestra.domain.errors import Conflict, Unavailable
from orchestra.domain.recovery import Action, Verdict
from orchestra.master.authority import GONE, refusal
from orchestra.master.burst import Burst
from orchestra.master.fetching import Fetching
from orchestra.master.greeting import Greeting, end_unknown, greet, read_wishes
from orchestra.master.intake import Intake, Told
from orchestra.master.registry import Links
from orchestra.master.report import Left
from orchestra.master.seams import Parts, Transport
from orchestra.storage import hints, workers
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event as StoredEvent
from orchestra.storage.events import append
from orchestra.telemetry import LogEvent, emit
from orchestra.wire import messages as m
from orchestra.wire.closing import Closed
from orchestra.wire.master_session import Event, MasterSession, SessionLimits

FLUSH_S: Final = 2.0
"""How long a worker that we close may take to read our last words."""
STORE_S: Final = 30.0
"""How long what came from a closed connection may take to be stored; then the worker sends it again."""
EARLIEST_S: Final = 0.001
"""A timer may fire a clock's tick early; the next try must be a little later, or it would spin."""
RETRY_NAME_S: Final = 30.0
"""When a worker whose name is taken may ask again: the other one may have left."""
RETRY_STORAGE_S: Final = 5.0
LONGEST_TIMER_S: Final = 86_400.0
"""A loop's timers are for hours; what lies further off is looked at again each day."""
REST_LONGEST_S: Final = 60.0
"""A worker that refuses a run gets none for 1 s, then 2 s, 4 s … up to this; starting one ends it."""


class Link:
    """One connection. `serve` is its life; the other methods may be called while it lasts and do not wait."""

    def __init__(self, transport: Transport, principal: Principal, parts: Parts, links: Links) -> None:
        settings = parts.settings
        limits = SessionLimits(
            hello_timeout_s=settings.hello_timeout_s,
            heartbeat_s=settings.heartbeat_s,
            timeout_s=settings.worker_timeout_s,
            window_bytes=settings.window_bytes,
        )
        self.principal = principal
        self.worker = ""
        self.number = 0
        self.slots = 0
        self.gone = asyncio.Event()
        """Set when everything of it has ended."""
        self._transport = transport
        self._parts = parts
        self._links = links
        self._session = MasterSession(parts.clock.monotonic(), __version__, limits)
        self._over = asyncio.Event()
        self._reason = "the connection was lost"
        self._intake: Intake | None = None
        self._fetching: Fetching | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._wished: set[tuple[str, int, type[m.Cancel | m.Abort]]] = set()
        self._early: dict[tuple[str, int], list[m.Cancel | m.Abort]] = {}
        self._refusals = 0
        self._rests_until = -math.inf
        self._is_rejected = False
        self._group: asyncio.TaskGroup
        self._sending: Burst
        self._looking: Burst
        self._confirming: Burst
        self._asked_at = 0.0

    async def serve(self) -> None:
        """Serve the connection until it ends."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._sending = Burst(self._group, self._send)
                self._looking = Burst(self._group, self._look)
                self._confirming = Burst(self._group, self._confirm)
                self._arm()
                self._arm_expiry()
                reading = self._group.create_task(self._read())
                await self._over.wait()
                reading.cancel()
                await self._settle()
        finally:
            for timer in (self._timer, self._expiry):
                if timer is not None:
                    timer.cancel()
            self._end("the server stopped serving it")
            self.gone.set()

    # From the master

    def assign(self, order: m.Assign) -> bool:
        """Give the worker a run; False when the session is over or the order fits no frame: it was not sent."""
        if self._over.is_set() or not self._session.assign(order):
            return False
        emit(LogEvent.RUN_ASSIGNED, run=order.run, worker=self.worker, epoch=order.epoch)
        for wish in self._early.pop((order.run, order.epoch), ()):
            self._wish(wish)
        self.wake()
        return True

    def rests_s(self) -> float:
        """Return for how many seconds nothing should be assigned: the worker has just refused a run."""
        return max(0.0, self._rests_until - self._parts.clock.monotonic())

    def look_at_wishes(self) -> None:
        """Somebody may wish something of the worker."""
        if not self._over.is_set():
            self._looking.wake()

    def renew(self, principal: Principal) -> None:
        """The same authentication, as it is now: its date may be another."""
        self.principal = principal
        self._arm_expiry()

    def close(self, code: m.CloseCode, reason: str) -> None:
        """End the session with a reason that the worker shows; what came is still stored."""
        self._session.close(code, reason)
        self._end(reason)

    def wake(self) -> None:
        """There is something to send."""
        if not self._over.is_set():
            self._sending.wake()

    def fail(self, code: m.CloseCode, reason: str) -> None:
        """The session cannot go on: see `close`."""
        self.close(code, reason)

    def fetch(self, run: str, epoch: int, left: Left) -> None:
        """Files of an ended run are still on the worker: see `Fetching.begin`."""
        assert self._fetching is not None
        self._fetching.begin(run, epoch, left)

    # Reading

    async def _read(self) -> None:
        while (frame := await self._transport.receive()) is not None:
            for event in self._session.receive(frame, self._parts.clock.monotonic()):
                self._take(event)
            if self._over.is_set():
                return
            if self._intake is not None and self._intake.waiting_bytes > self._parts.settings.inbox_bytes:
                await self._wait_for_room(self._intake)
        self._end("the connection was lost")

    async def _wait_for_room(self, intake: Intake) -> None:
        """Do not read until half of what waits is stored: the worker then waits by itself."""
        while intake.waiting_bytes > self._parts.settings.inbox_bytes // 2 and not self._over.is_set():
            intake.shrunk.clear()
            await intake.shrunk.wait()
        self._session.touch(self._parts.clock.monotonic())

    def _take(self, event: Event) -> None:
        match event:
            case m.Hello():
                self._group.create_task(self._greet(event))
            case Closed():
                self._end(event.reason)
            case m.Forgot() | m.Goodbye():
                return
            case m.Heartbeat():
                assert event.at is not None
                self._asked_at = event.at
                self._confirming.wake()
            case m.Sent():
                assert self._fetching is not None
                self._fetching.add(event)
            case _:
                self._note_refusal(event)
                assert self._intake is not None
                self._intake.add(event)

    def _note_refusal(self, told: Told) -> None:
        """A worker that gives runs back would get them again at once, and for ever."""
        if isinstance(told, m.Started):
            self._refusals = 0
        elif isinstance(told, m.Refused):
            self._rests_until = self._parts.clock.monotonic() + min(2.0**self._refusals, REST_LONGEST_S)
            self._refusals += 1

    # Hello and welcome

    async def _greet(self, hello: m.Hello) -> None:
        self.worker = hello.worker
        refused = refusal(self.principal)
        if refused is not None:
            self._reject("not_allowed", refused, None)
            return
        self._links.listen(hello.worker)
        now, owner = self._parts.clock.now(), self.principal.user
        try:
            greeting = await self._parts.database.write(lambda connection: greet(connection, hello, owner, now))
        except Conflict as error:
            self._reject("name_taken", error.detail, RETRY_NAME_S)
            await self._note_rejection(hello, error.detail)
        except Unavailable as error:
            self._reject("unavailable", f"the server cannot answer now: {error.detail}", RETRY_STORAGE_S)
            # It may have been committed all the same: then nobody would end this session.
            self._links.owed.append(lambda connection: end_unknown(connection, hello.worker, now))
        else:
            self.number = greeting.worker.session
            self.slots = hello.concurrency
            self._parts.hints.publish(hints.EVENT)
            if self._over.is_set():
                await self._disconnect(m.CloseCode.NORMAL)
            else:
                self._welcome(hello, greeting)

    def _welcome(self, hello: m.Hello, greeting: Greeting) -> None:
        self._intake = Intake(self._parts, self._group, self._session, self, worker=self.worker, number=self.number)
        self._fetching = Fetching(self._parts, self._group, self._session, self, self.worker)
        older = self._links.add(self)
        if older is not None:
            older.close(m.CloseCode.SUPERSEDED, "a newer connection of the same worker took over")
        self._session.welcome(self.number, greeting.verdicts)
        self._wished.update(_wishes_in(greeting.verdicts))
        self._arm()
        self.wake()
        self._parts.hints.publish(hints.PENDING)
        for run in greeting.quarantined:
            emit(LogEvent.RUN_QUARANTINED, worker=self.worker, run=run)
        emit(
            LogEvent.WORKER_CONNECTED,
            worker=self.worker,
            session=self.number,
            version=hello.version,
            held=len(hello.held),
            given_back=len(greeting.given_back),
            lost=len(greeting.lost),
        )

    def _reject(self, code: str, reason: str, retry_s: float | None) -> None:
        self._say_rejected(code, reason)
        self._session.reject(code, reason, retry_s)
        self._end(reason)

    def _say_rejected(self, code: str, reason: str) -> None:
        if not self._is_rejected:
            self._is_rejected = True
            emit(LogEvent.WORKER_REJECTED, worker=self.worker or "unknown", code=code, reason=reason)

    async def _note_rejection(self, hello: m.Hello, reason: str) -> None:
        """Somebody wants another one's name: people should see it. Failing to say so is no failure."""
        if not self._links.is_news((hello.worker, hello.installation, reason), self._parts.clock.monotonic()):
            return
        happened = StoredEvent(
            date=self._parts.clock.now(),
            type=EventType.WORKER_REJECTED,
            worker=self.worker,
            actor=self.principal.user,
            data={"reason": reason},
        )
        try:
            await self._parts.database.write(lambda connection: append(connection, happened))
        except Unavailable:
            return
        self._parts.hints.publish(hints.EVENT)

    # Wishes

    async def _look(self) -> None:
        """Read what is wished, and say it once a session."""
        try:
            found = await self._parts.database.read(lambda connection: read_wishes(connection, self.worker))
        except Unavailable:
            # The next look is at the next hint or audit.
            return
        if self._over.is_set():
            return
        if found.worker is None:
            self.close(m.CloseCode.DISCONNECTED, f"the worker {self.worker} was deleted")
        elif found.worker.session != self.number:
            self.close(m.CloseCode.SUPERSEDED, "a newer connection of the same worker took over")
        elif not found.worker.is_active:
            # Nobody would assign to it any more. Another server that started, or the end of a session whose begin was
            # in doubt, took it for gone; a new session makes it right.
            self.close(m.CloseCode.TRY_LATER, "the server no longer counts this session as connected")
        elif found.worker.should_disconnect:
            self.close(m.CloseCode.DISCONNECTED, "an operator asked to disconnect")
        for run in found.runs:
            by = run.stop_requested_by or "someone"
            if run.should_cancel:
                self._wish(m.Cancel(run=run.identifier, epoch=run.epoch, by=by))
            if run.should_abort:
                self._wish(m.Abort(run=run.identifier, epoch=run.epoch, by=by))
        self.wake()

    async def _confirm(self) -> None:
        """Answer a question about leases, from the rows: no server that starts beside us may be of another opinion."""
        at = self._asked_at
        try:
            worker = await self._parts.database.read(lambda connection: workers.get(connection, self.worker))
        except Unavailable:
            return  # Not answered is the safe answer; the worker asks again.
        if worker is not None and worker.is_active and worker.session == self.number and not self._over.is_set():
            self._session.confirm(at)
            self.wake()

    def _wish(self, wish: m.Cancel | m.Abort) -> None:
        """Say it unless it was said; before the run was assigned, keep it for then."""
        key = (wish.run, wish.epoch, type(wish))
        if key in self._wished:
            return
        say = self._session.cancel if isinstance(wish, m.Cancel) else self._session.abort
        if say(wish.run, wish.epoch, wish.by):
            self._wished.add(key)
        elif not self._session.knows(wish.run, wish.epoch):
            waiting = self._early.setdefault((wish.run, wish.epoch), [])
            if wish not in waiting:
                waiting.append(wish)

    # Sending and time

    async def _send(self) -> None:
        try:
            for frame in self._session.take_frames():
                async with asyncio.timeout(self._parts.settings.worker_timeout_s):
                    await self._transport.send(frame)
        except (ConnectionError, TimeoutError):
            self._end("the connection was lost")

    def _arm(self) -> None:
        """Call `_tick` at the session's next deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._session.next_deadline()
        if deadline is not None and not self._over.is_set():
            delay = max(EARLIEST_S, deadline - self._parts.clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        if self._intake is not None and self._intake.waiting_bytes > self._parts.settings.inbox_bytes:
            self._session.touch(self._parts.clock.monotonic())
        for event in self._session.tick(self._parts.clock.monotonic()):
            self._take(event)
        self._arm()
        self.wake()

    def _arm_expiry(self) -> None:
        """End the session at the instant at which its token expires."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        expires = self.principal.expiration_date
        if expires is None or self._over.is_set():
            return
        left_s = (expires - self._parts.clock.now()).total_seconds()
        if left_s <= 0:
            self.close(m.CloseCode.UNAUTHORIZED, GONE)
        else:
            self._expiry = asyncio.get_running_loop().call_later(
                max(EARLIEST_S, min(left_s, LONGEST_TIMER_S)), self._arm_expiry
            )

    # The end

    def _end(self, reason: str) -> None:
        if not self._over.is_set():
            self._reason = reason
            self._over.set()
            # At once, so that nothing is assigned to a session that will not send it.
            self._links.remove(self, self._parts.clock.monotonic())
            if self._fetching is not None:
                self._fetching.stop()

    async def _settle(self) -> None:
        """Store what came, say the last words, and let the rows know."""
        closed = self._session.closed
        code = m.CloseCode.NORMAL if closed is None else closed.code
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._sending.idle()
                for frame in self._session.take_frames():
                    await self._transport.send(frame)
        except (ConnectionError, TimeoutError):
            pass  # Nobody listens any more; the reason stands in our log.
        await self._transport.close(code, self._reason)
        if self._intake is None:
            self._say_rejected(code.name.lower(), self._reason)
            return
        if code is not m.CloseCode.SUPERSEDED:
            try:
                async with asyncio.timeout(STORE_S):
                    await self._intake.join()
            except TimeoutError:
                emit(LogEvent.WORKER_FAILED, worker=self.worker, error=f"storing took longer than {STORE_S:g} s")
        await self._disconnect(code)

    async def _disconnect(self, code: m.CloseCode) -> None:
        emit(LogEvent.WORKER_DISCONNECTED, worker=self.worker, session=self.number, code=int(code), reason=self._reason)
        worker, number, now = self.worker, self.number, self._parts.clock.now()
        # Of a worker that was silent nothing is known since its last word.
        silence_s = self._parts.settings.worker_timeout_s if code is m.CloseCode.SILENT else 0.0
        heard = now - timedelta(seconds=silence_s)

        def end(connection: Connection) -> bool:
            return workers.disconnect(connection, worker, number, now, heard)

        try:
            await self._parts.database.write(end)
        except Unavailable:
            self._links.owed.append(end)
        self._parts.hints.publish(hints.EVENT)
        self._parts.hints.publish(hints.PENDING)


def _wishes_in(verdicts: tuple[Verdict, ...]) -> set[tuple[str, int, type[m.Cancel | m.Abort]]]:
    """The wishes that travelled with the welcome."""
    resumed = [one for one in verdicts if one.action is Action.RESUME]
    cancels: set[tuple[str, int, type[m.Cancel | m.Abort]]] = {
        (one.run, one.epoch, m.Cancel) for one in resumed if one.should_cancel
    }
    return cancels | {(one.run, one.epoch, m.Abort) for one in resumed if one.should_abort}
