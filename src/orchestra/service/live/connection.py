"""Connection: one browser tab. Reads what the client asks for, keeps its subscriptions, sends what they say.

    receive ──► subscriptions ◄── changed (the board, for everyone)
                     │
                     ▼
                 outgoing (bounded) ──► send

Rules: nothing is sent while the handshake's authentication does not hold any more; whoever reads slowly
loses changes, never memory of ours, and is told (`resync`) and brought up to date when there is room
again. Every task of a connection lives in one TaskGroup and ends with it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from orchestra import __version__
from orchestra.domain.errors import NotAuthenticated, OrchestraError, TooMany
from orchestra.service.access_watch import AccessWatch
from orchestra.service.authentication import Caller
from orchestra.service.live.board import Board, Changes
from orchestra.service.live.log_topic import LogTopic
from orchestra.service.live.messages import (
    Alive,
    BadFrame,
    Error,
    Hello,
    Resync,
    ServerMessage,
    Subscribe,
    Unsubscribe,
    read,
    write,
)
from orchestra.service.live.topics import MeTopic, OverviewTopic, RunsTopic, RunTopic, Topic, make
from orchestra.service.parts import Parts
from orchestra.service.problems import document

SUBSCRIPTIONS: Final = 64
"""Most subscriptions of one tab; the website's busiest page has 6."""
SLOW_BYTES: Final = 1 << 20
"""website.md 2.0: beyond this, changes are left out until there is room again."""
ROOM_BYTES: Final = 1 << 18
ALIVE_S: Final = 15.0
SEND_S: Final = 60.0
"""A client that takes no byte for so long is gone."""
OVERVIEW_S: Final = 1.0

GOING_AWAY, BAD_FRAME, NOT_SIGNED_IN, TOO_MANY = 1001, 4400, 4401, 4429

_ALIVE: Final = write(Alive())


class Closed(Exception):
    """The connection ends, because of us: WebSocket close code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Left(Exception):
    """The client is gone."""


@dataclass(slots=True, eq=False)
class _Subscription:
    topic: Topic | LogTopic
    is_ready: bool = False
    is_stale: bool = False
    missed_runs: set[str] = field(default_factory=set)
    missed_workers: set[str] = field(default_factory=set)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Connection:
    """Use `serve`, once."""

    def __init__(self, parts: Parts, board: Board, caller: Caller, scope: Any) -> None:
        self._parts = parts
        self._board = board
        self._watch = AccessWatch(parts, scope, caller)
        self._subscriptions: dict[str, _Subscription] = {}
        self._outgoing: deque[bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._access = asyncio.Event()
        self._is_stopping = False
        self._group = asyncio.TaskGroup()

    async def serve(self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        """Serve an accepted WebSocket until the client leaves. Raises Closed when we end it."""
        self._board.listen(self)
        hello = Hello(version=__version__, seq=self._board.seq, user=self._watch.caller.principal.user)
        self._enqueue(write(hello))
        try:
            async with self._group:
                self._group.create_task(self._send_all(send))
                self._group.create_task(self._watch_access())
                self._group.create_task(self._receive_all(receive))
        except BaseExceptionGroup as group:
            if group.subgroup(_Left) is not None:
                return
            reasons = group.subgroup(Closed)
            if reasons is None:
                raise
            raise _first(reasons) from None
        finally:
            self._board.leave(self)
            for subscription in self._subscriptions.values():
                self._release(subscription)

    # What the client says --------------------------------------------------------------------------

    async def _receive_all(self, receive: Callable[[], Awaitable[Any]]) -> None:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                raise _Left
            text = event.get("text")
            try:
                message = read(text if text is not None else event.get("bytes") or b"")
            except BadFrame as error:
                raise Closed(BAD_FRAME, str(error)) from None
            if isinstance(message, Unsubscribe):
                self._end(message.id)
            else:
                self._begin(message)

    def _begin(self, wanted: Subscribe) -> None:
        self._end(wanted.id)
        try:
            if len(self._subscriptions) >= SUBSCRIPTIONS:
                raise TooMany(f"expected at most {SUBSCRIPTIONS} subscriptions on one connection")
            topic = make(self._parts, wanted, self._watch.caller)
        except OrchestraError as error:
            self._enqueue(write(Error(id=wanted.id, problem=document(error)[0])))
            return
        subscription = self._subscriptions[wanted.id] = _Subscription(topic)
        if isinstance(topic, RunTopic):
            self._board.watch(topic.run)
        self._start(subscription, self._follow(subscription, wanted.since))

    def _end(self, id_: str) -> None:
        subscription = self._subscriptions.pop(id_, None)
        if subscription is not None:
            self._release(subscription)

    def _release(self, subscription: _Subscription) -> None:
        if isinstance(subscription.topic, RunTopic):
            self._board.unwatch(subscription.topic.run)
        for task in subscription.tasks:
            task.cancel()

    def _start(self, subscription: _Subscription, work: Any) -> None:
        task: asyncio.Task[None] = self._group.create_task(work)
        subscription.tasks.append(task)
        task.add_done_callback(subscription.tasks.remove)

    # What subscriptions say ------------------------------------------------------------------------

    async def _follow(self, subscription: _Subscription, since: int | None) -> None:
        topic = subscription.topic
        try:
            await topic.check(self._watch.caller.principal)
            if isinstance(topic, LogTopic):
                subscription.is_ready = True
                await topic.follow(lambda message: self._push(subscription, message), self._is_slow)
                return
            await self._bring_up_to_date(subscription, topic, since)
            if isinstance(topic, OverviewTopic):
                await self._follow_overview(subscription, topic)
        except OrchestraError as error:
            self._fail(subscription, error)

    async def _bring_up_to_date(self, subscription: _Subscription, topic: Topic, since: int | None) -> None:
        subscription.is_ready = False
        for message in await topic.snapshot(since):
            self._enqueue(write(message))
        subscription.is_ready = True
        subscription.is_stale = False
        # What changed while we read may be older or newer than what we read: it is read again, and then newer.
        self._board.touch(subscription.missed_runs, subscription.missed_workers)
        subscription.missed_runs, subscription.missed_workers = set(), set()

    async def _follow_overview(self, subscription: _Subscription, topic: OverviewTopic) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await topic.again.wait()
            topic.again.clear()
            begin = loop.time()
            for message in await topic.refresh():
                self._push(subscription, message)
            # Counting a million runs takes a while; then it is done less often.
            await asyncio.sleep(max(OVERVIEW_S, 20 * (loop.time() - begin)))

    def stop(self) -> None:
        """The service stops: say so and leave."""
        self._is_stopping = True
        self._access.set()

    def changed(self, changes: Changes) -> None:
        """Take what the board found."""
        if changes.may_concern_access:
            self._access.set()
        for subscription in tuple(self._subscriptions.values()):
            topic = subscription.topic
            if isinstance(topic, LogTopic):
                continue
            if not subscription.is_ready:
                subscription.missed_runs.update(changes.runs)
                subscription.missed_workers.update(changes.workers)
            elif changes.has_gap:
                self._mark_stale(subscription, "gap")
            elif not subscription.is_stale:
                self._tell(subscription, topic.changed(changes))

    def _tell(self, subscription: _Subscription, messages: Sequence[ServerMessage]) -> None:
        for message in messages:
            self._push(subscription, message)
            if isinstance(message, Error):
                self._end(subscription.topic.id)

    def _push(self, subscription: _Subscription, message: ServerMessage) -> None:
        if self._is_slow() and not isinstance(subscription.topic, LogTopic):
            self._mark_stale(subscription, "slow")
        else:
            self._enqueue(write(message))

    def _mark_stale(self, subscription: _Subscription, reason: str) -> None:
        if not subscription.is_stale:
            subscription.is_stale = True
            self._enqueue(write(Resync(id=subscription.topic.id, seq=self._board.seq, reason=reason)))

    def _fail(self, subscription: _Subscription, error: OrchestraError) -> None:
        id_ = subscription.topic.id
        if self._subscriptions.get(id_) is subscription:
            self._enqueue(write(Error(id=id_, problem=document(error)[0])))
            self._end(id_)

    # What goes out ---------------------------------------------------------------------------------

    def _is_slow(self) -> bool:
        return self._size > SLOW_BYTES

    def _enqueue(self, frame: bytes) -> None:
        self._outgoing.append(frame)
        self._size += len(frame)
        self._wake.set()

    async def _send_all(self, send: Callable[[Any], Awaitable[None]]) -> None:
        while True:
            while self._outgoing:
                frame = self._outgoing.popleft()
                try:
                    async with asyncio.timeout(SEND_S):
                        await send({"type": "websocket.send", "text": frame.decode()})
                except (TimeoutError, OSError):
                    raise _Left from None
                self._size -= len(frame)
            self._refresh_stale()
            self._wake.clear()
            try:
                async with asyncio.timeout(ALIVE_S):
                    await self._wake.wait()
            except TimeoutError:
                self._enqueue(_ALIVE)

    def _refresh_stale(self) -> None:
        if self._size > ROOM_BYTES:
            return
        for subscription in self._subscriptions.values():
            topic = subscription.topic
            if subscription.is_stale and subscription.is_ready and not isinstance(topic, LogTopic):
                subscription.is_ready = False
                self._start(subscription, self._refresh(subscription, topic))

    async def _refresh(self, subscription: _Subscription, topic: Topic) -> None:
        try:
            await self._bring_up_to_date(subscription, topic, None)
        except OrchestraError as error:
            self._fail(subscription, error)

    # Whether the client still may ------------------------------------------------------------------

    async def _watch_access(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._watch.wait_s()):
                    await self._access.wait()
            self._access.clear()
            if self._is_stopping:
                raise Closed(GOING_AWAY, "the server stops")
            before = self._watch.caller
            try:
                await self._watch.check()
            except NotAuthenticated as error:
                raise Closed(NOT_SIGNED_IN, error.detail) from None
            now = self._watch.caller.principal
            if before.principal.is_enabled and not now.is_enabled:
                # What is left of a disabled user is little; whoever wants to see it connects again.
                raise Closed(NOT_SIGNED_IN, f"the user {now.user} was disabled")
            if self._watch.caller != before:
                await self._apply_access()

    async def _apply_access(self) -> None:
        """End what the caller may not follow any more; read anew what may have become more or less."""
        for subscription in tuple(self._subscriptions.values()):
            try:
                await subscription.topic.check(self._watch.caller.principal)
            except OrchestraError as error:
                self._fail(subscription, error)
                continue
            if isinstance(subscription.topic, MeTopic | RunsTopic | OverviewTopic):
                subscription.is_stale = True
        self._wake.set()


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
