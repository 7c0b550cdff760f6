"""Intake: what one worker reports is stored in batches, and acknowledged once it is durable.

    frames ──► reports ──► facts: one transaction ──────────────► Forget, hints
                   │         (with the last bytes of small logs)
                   └──────► log: LogStore.append_many ──► ends ──► Acknowledge, Forget, hints

Two lanes, so that a large log on its way to the disk does not hold up the start of another run. Both
run while there is something to do and take everything that waits; what arrives meanwhile is the next
batch. Of one run, all goes through the facts' lane first, and its end never overtakes its log.

A failure to store ends the session: the worker keeps everything and sends it again to the next one,
from where the server's durable bytes end. Nothing here is retried in place. Only where storing fails by
a defect of ours, each run of the batch is stored apart, and the one that it is about is left alone until
the next session: the worker keeps it, and the others go on (INV-22, F18).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from orchestra.domain.errors import OrchestraError, Unavailable
from orchestra.domain.run import RunStatus
from orchestra.master import report
from orchestra.master.burst import Burst
from orchestra.master.report import Key, Left, LogVerdict, Outcome, Report, Result
from orchestra.master.seams import Parts
from orchestra.storage import hints, runs, workers
from orchestra.storage.log_chunks import INLINE_BYTES
from orchestra.storage.logs import LogAppend
from orchestra.telemetry import LogEvent, emit
from orchestra.wire import messages as m
from orchestra.wire.master_session import MasterSession

SIZES_S: Final = 1.0
"""How often the size of a growing log is written to its run: people see it; the log store knows better."""
_MESSAGE_BYTES: Final = 500
"""What a message weighs in memory beside its log bytes, roughly."""

Told = m.Started | m.Stepped | m.Wrote | m.Listed | m.Finished | m.Refused


class Connected(Protocol):
    """What the intake needs of its link."""

    def wake(self) -> None:
        """There is something to send."""

    def fail(self, code: m.CloseCode, reason: str) -> None:
        """The session cannot go on."""

    def fetch(self, run: str, epoch: int, left: Left) -> None:
        """The run's end is durable, and files that it left are still on the worker, until it is told to forget."""


class Intake:
    """The reports of one session."""

    def __init__(
        self,
        parts: Parts,
        group: asyncio.TaskGroup,
        session: MasterSession,
        link: Connected,
        *,
        worker: str,
        number: int,
    ) -> None:
        self._parts = parts
        self._group = group
        self._session = session
        self._link = link
        self._worker = worker
        self._number = number
        self._facts: dict[Key, Report] = {}
        self._logs: dict[Key, Report] = {}
        self._logging: set[Key] = set()
        self._facts_lane = Burst(group, self._guarded(self._store_facts))
        self._logs_lane = Burst(group, self._guarded(self._store_logs))
        self._digests: set[asyncio.Task[None]] = set()
        self._sizes: dict[str, int] = {}
        self._sizes_written = parts.clock.monotonic()
        self._is_broken = False
        self._poisonous: set[Key] = set()
        """Runs of which something cannot be stored; nothing of them is taken any more in this session."""
        self.waiting_bytes = 0
        """Bytes of memory, roughly, that came and are not durable yet."""
        self.shrunk = asyncio.Event()
        """Set whenever `waiting_bytes` becomes less."""

    def add(self, told: Told) -> None:
        """Take one message; it is stored soon."""
        key = (told.run, told.epoch)
        if key in self._poisonous:
            return
        one = self._facts.get(key)
        if one is None:
            one = self._facts[key] = Report(run=told.run, epoch=told.epoch)
        size = _MESSAGE_BYTES
        match told:
            case m.Started():
                one.started = told
            case m.Stepped():
                one.steps, one.stop = told.steps, told.stop
                one.results = told.results if told.results is not None else one.results
                size += _MESSAGE_BYTES * len(told.steps) + len(told.results or b"")
            case m.Listed():
                one.listed.append(told)
                size += _MESSAGE_BYTES * len(told.files)
            case m.Wrote():
                one.writes.append(told)
                size += len(told.data)
            case m.Finished():
                one.finished = told
                size += len(told.results or b"")
            case m.Refused():
                one.refused = told
        one.size += size
        self.waiting_bytes += size
        self._facts_lane.wake()

    async def join(self) -> None:
        """Wait until everything that came is stored, or storing it has failed."""
        await self._facts_lane.idle()
        await self._logs_lane.idle()
        while self._digests:
            await asyncio.wait(self._digests)
        if self._sizes and not self._is_broken:
            await self._guarded(self._write_sizes)()

    # The facts' lane

    async def _store_facts(self) -> None:
        reports, self._facts = list(self._facts.values()), {}
        ends: dict[Key, LogVerdict | None] = {
            (one.run, one.epoch): None for one in reports if one.finished is not None and self._is_small(one)
        }
        stored = [one for one in reports if one.has_facts or (one.run, one.epoch) in ends]
        outcomes = await self._write(stored, ends) if stored else []
        ended = {(one.report.run, one.report.epoch) for one in outcomes if one.result is not Result.DEFERRED}
        self._speak(outcomes)
        for one in reports:
            key = (one.run, one.epoch)
            is_over = key in self._poisonous or (key in ends and key in ended)
            if (one.writes or one.finished is not None) and not is_over:
                self._hand_over(one)
            else:
                self._release(one.size)

    def _is_small(self, one: Report) -> bool:
        """Its log fits the transaction of its end, and no byte of it is still on another way."""
        key = (one.run, one.epoch)
        assert one.finished is not None
        return one.finished.log_size <= INLINE_BYTES and key not in self._logs and key not in self._logging

    def _hand_over(self, one: Report) -> None:
        """Give a report's bytes and end to the logs' lane."""
        waiting = self._logs.get((one.run, one.epoch))
        if waiting is None:
            waiting = self._logs[one.run, one.epoch] = Report(run=one.run, epoch=one.epoch)
        waiting.writes.extend(one.writes)
        waiting.finished = one.finished or waiting.finished
        waiting.size += one.size
        self._logs_lane.wake()

    # The logs' lane

    async def _store_logs(self) -> None:
        reports, self._logs = self._logs, {}
        self._logging = set(reports)
        try:
            await self._append(reports.values())
            ended = [one for one in reports.values() if one.finished is not None]
            small = [one for one in ended if one.finished is not None and one.finished.log_size <= INLINE_BYTES]
            await self._end(small, dict.fromkeys((one.run, one.epoch) for one in small))
            for one in ended:
                if one not in small:
                    task = self._group.create_task(self._guarded(partial(self._end_large, one))())
                    self._digests.add(task)
                    task.add_done_callback(self._digests.discard)
        finally:
            self._logging = set()
            for one in reports.values():
                self._release(one.size)
        await self._write_sizes_now_and_then()

    async def _append(self, reports: Iterable[Report]) -> None:
        """Store log bytes; raises _BrokenError when the store does not continue where the session does."""
        appends = [
            LogAppend(run=one.run, offset=wrote.offset, data=wrote.data, times=wrote.times)
            for one in reports
            for wrote in one.writes
        ]
        if not appends:
            return
        try:
            durable = await self._parts.logs.append_many(appends, is_allowed=self._may_grow)
        except Unavailable as error:
            emit(LogEvent.LOG_NOT_STORED, worker=self._worker, error=error.detail)
            raise
        for one in reports:
            if not one.writes:
                continue
            last, size = one.writes[-1], durable[one.run]
            if size < last.offset + len(last.data):
                raise _BrokenError(f"the log of {one.run} does not continue at byte {size}")
            one.writes = []
            self._sizes[one.run] = size
            self._session.acknowledge(one.run, one.epoch, size)
            self._parts.hints.publish(hints.log(one.run))
        self._link.wake()

    async def _end_large(self, one: Report) -> None:
        """Compare the digest of a log in a file, which may have to be read again after a restart, then end the run."""
        assert one.finished is not None
        size, sha256 = await self._parts.logs.digest(one.run)
        await self._end([one], {(one.run, one.epoch): report.compare(one.finished, size, sha256)})

    async def _end(self, ended: list[Report], ends: dict[Key, LogVerdict | None]) -> None:
        if not ended:
            return
        outcomes = await self._write(ended, ends)
        grown = [one.report for one in outcomes if one.result is Result.DEFERRED]
        self._speak(outcomes)
        for one in grown:
            # It is short by what the worker says, yet the store holds it as a large one.
            await self._end_large(one)

    def _may_grow(self, connection: Connection, run: str) -> bool:
        """The fence of log bytes: this session is the newest one of its worker (INV-10)."""
        return workers.is_current_session(connection, self._worker, self._number)

    # Both lanes

    async def _write(self, reports: list[Report], ends: dict[Key, LogVerdict | None]) -> list[Outcome]:
        """Store reports together; if a defect of ours is in the way, all but the one that it is about."""
        try:
            return await self._write_together(reports, ends)
        except OrchestraError:
            raise
        except Exception:
            outcomes: list[Outcome] = []
            for one in reports:
                outcomes += await self._write_apart(one, ends)
            return outcomes

    async def _write_apart(self, one: Report, ends: dict[Key, LogVerdict | None]) -> list[Outcome]:
        try:
            return await self._write_together([one], ends)
        except OrchestraError:
            raise
        except Exception as error:
            self._poisonous.add((one.run, one.epoch))
            emit(LogEvent.RUN_NOT_STORED, run=one.run, worker=self._worker, error=error)
            return []

    async def _write_together(self, reports: list[Report], ends: dict[Key, LogVerdict | None]) -> list[Outcome]:
        now = self._parts.clock.now()
        worker, number, limits = self._worker, self._number, self._parts.settings.artifact_limits
        return await self._parts.database.write(
            lambda connection: report.store(
                connection, reports, ends, now, worker=worker, session=number, limits=limits
            )
        )

    def _speak(self, outcomes: list[Outcome]) -> None:
        """It is durable: tell the worker, and whoever waits for a change."""
        has_changed = has_freed = False
        publish = self._parts.hints.publish
        for one in outcomes:
            told = one.report
            if one.result is Result.FENCED:
                raise _BrokenError(f"what {self._worker} said of {told.run} is fenced")
            if one.result is Result.ENDED:
                if one.left is not None and one.left.is_awaited:
                    self._link.fetch(told.run, told.epoch, one.left)
                else:
                    self._session.forget(told.run, told.epoch)
                self._sizes.pop(told.run, None)
                publish(hints.log(told.run))
                self._say_how_it_ended(one)
            if one.result is not Result.DEFERRED and told.refused is not None:
                emit(LogEvent.RUN_GIVEN_BACK, run=told.run, worker=self._worker, reason=told.refused.reason)
            if told.steps is not None:
                publish(hints.run(told.run))
            if one.run is not None:
                has_changed = True
                has_freed = has_freed or one.run.status is not RunStatus.RUNNING
        if has_changed:
            publish(hints.EVENT)
        if has_freed:
            publish(hints.PENDING)
        self._link.wake()

    def _say_how_it_ended(self, one: Outcome) -> None:
        run, finished = one.run, one.report.finished
        if one.contradicts and run is not None:
            emit(LogEvent.RUN_CONTRADICTION, run=run.identifier, worker=self._worker, reported=run.cause.message)
        if run is None:
            return
        if finished is not None and not run.log_complete:
            emit(LogEvent.LOG_DIFFERS, run=run.identifier, worker=self._worker, error=run.log_error)
        emit(
            LogEvent.RUN_FINISHED,
            run=run.identifier,
            worker=self._worker,
            status=run.status,
            cause=run.cause.code,
            log_bytes=run.log_size,
        )

    async def _write_sizes_now_and_then(self) -> None:
        now = self._parts.clock.monotonic()
        if self._sizes and now >= self._sizes_written + SIZES_S:
            self._sizes_written = now
            await self._write_sizes()

    async def _write_sizes(self) -> None:
        sizes, self._sizes = self._sizes, {}
        now = self._parts.clock.now()
        await self._parts.database.write(lambda connection: runs.set_log_size(connection, sizes, now))

    def _release(self, size: int) -> None:
        self.waiting_bytes -= size
        self.shrunk.set()

    def _guarded(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Coroutine[Any, Any, None]]:
        """The top of everything that stores: whatever goes wrong ends this session and nothing else."""

        async def guarded() -> None:
            if self._is_broken:
                return
            try:
                await work()
            except Unavailable as error:
                self._break(m.CloseCode.TRY_LATER, f"the server cannot store it now: {error.detail}")
            except _BrokenError as error:
                self._break(m.CloseCode.INTERNAL, str(error))
            except Exception as error:
                emit(LogEvent.WORKER_FAILED, worker=self._worker, error=error)
                self._break(m.CloseCode.INTERNAL, "the server failed to store what came; its log says more")

        return guarded

    def _break(self, code: m.CloseCode, reason: str) -> None:
        self._is_broken = True
        self.shrunk.set()
        self._link.fail(code, reason)


class _BrokenError(Exception):
    """What came does not continue what is stored: a newer session took over, or a row was changed by someone else."""
