"""Fetching: the files that ended runs left, asked for piece by piece, stored, and only then forgotten.

    end of the run durable ──► begin ──► awaited contents ──► look: here already? how far?
                                             ▲                     │
                                             │        Send … Send ─┴─► Sent … Sent ──► receive (verify, sync, rename)
                                             └──── mark stored or lost ◄─────────────────────┘
    nothing awaited any more ──► the run says so ──► Forget

One task a session, while there is something to fetch; one run after the other. We ask for no more than
`WINDOW_BYTES` at once, so a worker cannot fill our memory, and a disk that is slow slows only this. What
is stored is not asked for again: not after a reconnection, nor a restart of either side; a file that
came in part goes on where it ended.

A disk that is full is said on the run and tried again later; the worker keeps everything meanwhile. A
content that hashes to something else is asked for once more, then it is lost.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from orchestra.domain.artifact import ArtifactState
from orchestra.domain.errors import Unavailable
from orchestra.master.report import Key, Left
from orchestra.master.seams import Parts
from orchestra.storage import artifacts, hints
from orchestra.storage.artifact_store import Piece
from orchestra.telemetry import LogEvent, emit
from orchestra.wire import messages as m
from orchestra.wire.master_session import MasterSession

WINDOW_BYTES: Final = 1 << 22
"""Bytes that are asked for and not stored yet."""
WINDOW_QUESTIONS: Final = 1024
"""Questions on their way: small files come in groups, whose names and rows are made durable together."""
CONTENTS: Final = 1_000
"""Contents of a run that are looked at together."""
TRIES: Final = 2
RETRY_S: Final = 30.0
"""When a disk that could not store is tried again."""


class Connected(Protocol):
    """What fetching needs of its link."""

    def wake(self) -> None:
        """There is something to send."""

    def fail(self, code: m.CloseCode, reason: str) -> None:
        """The session cannot go on."""


@dataclass(slots=True)
class _Content:
    """One content on its way. `asked` bytes were asked for, from the front on."""

    sha256: str
    size: int
    asked: int


class Fetching:
    """The files that come over one session."""

    def __init__(
        self, parts: Parts, group: asyncio.TaskGroup, session: MasterSession, link: Connected, worker: str
    ) -> None:
        self._parts = parts
        self._group = group
        self._session = session
        self._link = link
        self._worker = worker
        self._waiting: dict[Key, Left] = {}
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._arrived: deque[m.Sent] = deque()
        self._news = asyncio.Event()
        self._unanswered: deque[int] = deque()
        """Bytes of each question that waits for (the rest of) its answer, in order."""
        self._is_over = False

    def begin(self, run: str, epoch: int, left: Left) -> None:
        """The run's end is durable, and files of it are awaited."""
        self._waiting[run, epoch] = left
        if self._timer is None:
            self._start()

    def add(self, sent: m.Sent) -> None:
        """Take an answer. The session has checked that it answers the first question."""
        self._arrived.append(sent)
        left = self._unanswered[0] - len(sent.data)
        if sent.error is not None or left == 0:
            self._unanswered.popleft()
        else:
            self._unanswered[0] = left
        self._news.set()

    def stop(self) -> None:
        """The session ends. What is being stored is stored; nothing more is asked for."""
        self._is_over = True
        self._news.set()
        if self._timer is not None:
            self._timer.cancel()

    def _start(self) -> None:
        self._timer = None
        if self._task is None and not self._is_over:
            self._task = self._group.create_task(self._guarded())

    async def _guarded(self) -> None:
        """The top of the task: whatever goes wrong ends this session and nothing else."""
        try:
            while self._waiting and not self._is_over and self._timer is None:
                await self._fetch(*next(iter(self._waiting)))
        except Unavailable as error:
            self._link.fail(m.CloseCode.TRY_LATER, f"the server cannot store it now: {error.detail}")
        except Exception as error:
            emit(LogEvent.WORKER_FAILED, worker=self._worker, error=error)
            self._link.fail(m.CloseCode.INTERNAL, "the server failed to store what came; its log says more")
        finally:
            self._task = None

    async def _fetch(self, run: str, epoch: int) -> None:
        """Fetch what the run left, or put it off."""
        try:
            while not self._is_over:
                awaited = await self._parts.database.read(lambda rows: artifacts.awaited(rows, run, CONTENTS))
                if not awaited:
                    await self._complete(run, epoch)
                    return
                await self._fetch_some(run, epoch, awaited)
        except OSError as error:
            emit(LogEvent.ARTIFACTS_NOT_STORED, run=run, worker=self._worker, error=str(error))
            await self._drain()
            await self._put_off(run, f"the server cannot store artifacts now: {error.strerror or error}")

    async def _fetch_some(self, run: str, epoch: int, awaited: list[tuple[str, int]]) -> None:
        """Fetch these contents; those that fail are tried again, then said to be lost."""
        sizes = dict(awaited)
        for left in reversed(range(TRIES)):
            if not sizes or self._is_over:
                return
            came = await self._parts.artifacts.look(run, list(sizes.items()))
            here = {sha256: ArtifactState.STORED for sha256, size in came.items() if size is None}
            await self._mark(run, here)
            wanted = deque(_Content(sha256, sizes[sha256], size) for sha256, size in came.items() if size is not None)
            failed = await self._fetch_contents(run, epoch, wanted, sizes)
            if not left:
                await self._mark(run, dict.fromkeys(failed, ArtifactState.LOST))
            sizes = {sha256: sizes[sha256] for sha256 in failed}

    async def _fetch_contents(self, run: str, epoch: int, wanted: deque[_Content], sizes: dict[str, int]) -> list[str]:
        """Ask, store, and ask for more, until everything has come; return what did not come as it should."""
        failed: list[str] = []
        empty = [Piece(one.sha256, 0, b"", 0) for one in wanted if one.size == 0]
        wanted = deque(one for one in wanted if one.size > 0)
        pieces = empty
        while not self._is_over:
            self._ask(run, epoch, wanted)
            if pieces:
                states = await self._parts.artifacts.receive(run, pieces)
                failed += [one for one, state in states.items() if state is ArtifactState.LOST]
                await self._mark(run, {one: state for one, state in states.items() if state is ArtifactState.STORED})
            elif not self._unanswered:
                break
            else:
                self._news.clear()
                await self._news.wait()
            pieces = []
            while self._arrived:
                sent = self._arrived.popleft()
                if sent.error is None:
                    pieces.append(Piece(sent.sha256, sent.offset, sent.data, sizes[sent.sha256]))
                elif sent.sha256 not in failed:
                    emit(LogEvent.ARTIFACT_UNREADABLE, run=run, worker=self._worker, error=sent.error)
                    failed.append(sent.sha256)
            if wanted and wanted[0].sha256 in failed:
                wanted.popleft()  # only the first one is asked for in part
        return list(dict.fromkeys(failed))

    def _ask(self, run: str, epoch: int, wanted: deque[_Content]) -> None:
        """Ask for as much as the window has room for."""
        room = WINDOW_BYTES - sum(self._unanswered) - sum(len(sent.data) for sent in self._arrived)
        while wanted and room > 0 and len(self._unanswered) < WINDOW_QUESTIONS:
            one = wanted[0]
            size = min(one.size - one.asked, m.ARTIFACT_ASK_BYTES)
            if not self._session.ask(run, epoch, one.sha256, one.asked, size):
                break
            self._unanswered.append(size)
            one.asked += size
            room -= size
            if one.asked == one.size:
                wanted.popleft()
        self._link.wake()

    async def _mark(self, run: str, states: dict[str, ArtifactState]) -> None:
        if states:
            await self._parts.database.write(lambda rows: artifacts.mark(rows, run, states))

    async def _complete(self, run: str, epoch: int) -> None:
        """Everything that will come has come: say so, then the worker may forget it."""
        left, now = self._waiting.pop((run, epoch)), self._parts.clock.now()
        await self._parts.database.write(
            lambda rows: artifacts.complete(rows, run, epoch, now, count=left.count, error=left.error)
        )
        with suppress(OSError):
            await self._parts.artifacts.discard(run)  # what is left behind is swept later
        self._session.forget(run, epoch)
        self._link.wake()
        self._parts.hints.publish(hints.EVENT)

    async def _drain(self) -> None:
        """Wait for the answers to what was asked, and drop them: the next question must not meet them."""
        while self._unanswered and not self._is_over:
            self._news.clear()
            await self._news.wait()
        self._arrived.clear()

    async def _put_off(self, run: str, why: str) -> None:
        """Nothing is lost: the worker keeps it. Say on the run why it is not here, and try again later."""
        now = self._parts.clock.now()
        await self._parts.database.write(lambda rows: artifacts.say(rows, run, why, now))
        self._parts.hints.publish(hints.run(run))
        if not self._is_over:
            self._timer = asyncio.get_running_loop().call_later(RETRY_S, self._start)
