"""A server for worker processes: the real protocol over real sockets, everything else in memory and in the open.

It assigns what a test asks for, keeps the bytes that come, acknowledges and forgets like a server
that stores everything at once, and can cut connections, hold back answers, or be gone for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from orchestra.domain.recovery import Action, Verdict
from orchestra.wire import messages as m
from orchestra.wire.closing import Closed
from orchestra.wire.master_session import MasterSession, SessionLimits

T = TypeVar("T")
TOKEN = "token-of-the-tests"


@dataclass
class ServedRun:
    """A run as the server sees it; facts are counted, so that a second start would show."""

    assign: m.Assign
    log: bytearray = field(default_factory=bytearray)
    times: list[tuple[int, int]] = field(default_factory=list)
    starts: list[m.Started] = field(default_factory=list)
    steps: tuple[Any, ...] = ()
    ends: list[m.Finished] = field(default_factory=list)
    refused: m.Refused | None = None
    is_given_back: bool = False
    is_forgotten: bool = False
    should_abort: bool = False
    should_cancel: bool = False

    @property
    def finished(self) -> m.Finished:
        assert self.ends, "it has not finished"
        return self.ends[-1]

    @property
    def is_exact(self) -> bool:
        """The log is, byte for byte, what the worker says that the run wrote."""
        return (
            len(self.log) == self.finished.log_size and hashlib.sha256(self.log).hexdigest() == self.finished.log_sha256
        )


class ProtocolServer:
    """One server, any number of workers. `changed` tells tests that something has come."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, int], ServedRun] = {}
        self.hellos: list[m.Hello] = []
        self.goodbyes: list[str] = []
        self.reject: m.Reject | None = None
        """Answer every hello with this."""
        self.may_forget = True
        self.limits = SessionLimits()
        self._sessions: dict[ServerConnection, MasterSession] = {}
        self._changed = asyncio.Condition()
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Listen; again at the same port after `close`."""
        self._server = await serve(
            self._serve, "127.0.0.1", self._port, compression=None, max_size=m.FRAME_LIMIT_BYTES, ping_interval=None
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and break every connection."""
        if self._server is not None:
            self._server.close(close_connections=False)
        await self.cut()

    async def cut(self) -> None:
        """Break every connection without a word."""
        for connection in tuple(self._sessions):
            connection.transport.abort()

    async def assign(self, *commands: Any, parameters: dict[str, Any] | None = None, **definition: Any) -> ServedRun:
        """Give a run to the connected worker."""
        whole = {"type": "commands", "grace": 5.0, **definition}
        whole["commands"] = [{"name": str(one), "run": one, "timeout": None} for one in commands]
        assign = m.Assign(
            run=str(uuid.uuid4()),
            epoch=1,
            number=len(self.runs) + 1,
            project="tests",
            job=whole.pop("job", "job"),
            definition=whole,
            parameters=parameters or {},
        )
        return await self.give(assign)

    async def give(self, assign: m.Assign) -> ServedRun:
        run = self.runs[assign.run, assign.epoch] = ServedRun(assign)
        for connection, session in tuple(self._sessions.items()):
            if session.assign(assign):
                await self._flush(connection, session)
        return run

    async def abort(self, run: ServedRun, by: str = "ada") -> None:
        run.should_abort = True
        for connection, session in tuple(self._sessions.items()):
            session.abort(run.assign.run, run.assign.epoch, by)
            await self._flush(connection, session)

    async def cancel(self, run: ServedRun, by: str = "ada") -> None:
        run.should_cancel = True
        for connection, session in tuple(self._sessions.items()):
            session.cancel(run.assign.run, run.assign.epoch, by)
            await self._flush(connection, session)

    async def until(self, look: Callable[[], T], what: str) -> T:
        """Wait until something that came makes `look` true."""
        async with asyncio.timeout(60):
            async with self._changed:
                while not (found := look()):
                    await self._changed.wait()
        assert found, what
        return found

    async def until_connected(self) -> None:
        await self.until(lambda: any(one.is_welcomed for one in self._sessions.values()), "a worker is connected")

    # --- inside ---

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            await connection.close(4004, "unknown token")
            return
        loop = asyncio.get_running_loop()
        session = self._sessions[connection] = MasterSession(loop.time(), "test", self.limits)
        beat = asyncio.create_task(self._beat(connection, session))
        try:
            async for frame in connection:
                assert isinstance(frame, bytes)
                for event in session.receive(frame, loop.time()):
                    self._take(session, event)
                await self._flush(connection, session)
                async with self._changed:
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            beat.cancel()
            del self._sessions[connection]

    async def _beat(self, connection: ServerConnection, session: MasterSession) -> None:
        loop = asyncio.get_running_loop()
        while session.closed is None:
            deadline = session.next_deadline()
            await asyncio.sleep(max(0.05, (deadline or loop.time() + 1) - loop.time()))
            session.tick(loop.time())
            await self._flush(connection, session)

    async def _flush(self, connection: ServerConnection, session: MasterSession) -> None:
        try:
            for frame in session.take_frames():
                await connection.send(frame)
            if session.closed is not None:
                await connection.close(int(session.closed.code), session.closed.reason[:100])
        except ConnectionClosed:
            pass

    def _take(self, session: MasterSession, event: Any) -> None:
        if isinstance(event, m.Hello):
            self.hellos.append(event)
            self._answer(session, event)
            return
        if isinstance(event, m.Goodbye | Closed):
            self.goodbyes.append(event.reason)
            return
        run = self.runs[event.run, event.epoch]
        match event:
            case m.Started():
                run.starts.append(event)
            case m.Stepped():
                run.steps = event.steps
            case m.Wrote():
                assert event.offset == len(run.log), "a gap or a repetition"
                run.log += event.data
                run.times.extend(event.times)
                session.acknowledge(event.run, event.epoch, len(run.log))
            case m.Finished():
                run.ends.append(event)
                if self.may_forget:
                    session.forget(event.run, event.epoch)
            case m.Refused():
                run.refused = event
            case m.Forgot():
                run.is_forgotten = True

    def _answer(self, session: MasterSession, hello: m.Hello) -> None:
        if self.reject is not None:
            session.reject(self.reject.code, self.reject.reason, self.reject.retry_s)
            return
        held = [(one.run, one.epoch) for one in hello.held]
        session.welcome(len(self.hellos), [self._verdict(run, epoch) for run, epoch in held])
        for key, run in self.runs.items():
            if key not in held and not run.ends and run.refused is None:
                run.is_given_back = True

    def _verdict(self, run: str, epoch: int) -> Verdict:
        known = self.runs.get((run, epoch))
        if known is None:
            return Verdict(run=run, epoch=epoch, action=Action.QUARANTINE)
        if known.ends and self.may_forget:
            return Verdict(run=run, epoch=epoch, action=Action.FORGET)
        return Verdict(
            run=run,
            epoch=epoch,
            action=Action.RESUME,
            log_offset=len(known.log),
            should_abort=known.should_abort,
            should_cancel=known.should_cancel,
            stop_requested_by="ada",
        )


@asynccontextmanager
async def protocol_server() -> AsyncIterator[ProtocolServer]:
    server = ProtocolServer()
    await server.open()
    try:
        yield server
    finally:
        await server.close()
