"""Reaper: what must happen because time has passed. It sleeps until the earliest deadline.

    worker away longer than the job tolerates   its runs end as exception, worker_lost
    run pending longer than the job allows      it ends as cancelled, expired
    files of an ended run on a worker that left the run says that they are not here, until they come
    idempotency keys older than their time      forgotten, once an hour

Rules. A worker counts as away since the later of what its row says and what this process saw: a
server that did not run, or whose wall clock jumped, has not seen anybody stay away. A row that was
seen in the future tells that the wall clock was set back: then what this process saw decides. The decision is
taken again inside the transaction that writes it; a run whose worker came back meanwhile is not
touched, for its epoch or its worker's state then differs.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from orchestra.domain.errors import Unavailable
from orchestra.domain.run import Cause, CauseCode, Expired, Fact, Lost, Run
from orchestra.master.registry import Links
from orchestra.master.seams import Parts
from orchestra.storage import artifacts, hints, log_chunks, runs, workers
from orchestra.storage.workers import Absence
from orchestra.telemetry import LogEvent, emit

SPACING_S: Final = 1.0
"""Hints come with each run; looking for a nearer deadline once a second is soon enough and costs nothing."""
RETRY_S: Final = 1.0
PURGE_S: Final = 3600.0
SET_BACK_S: Final = 300.0
"""Clocks of several servers differ by less than that; what is further in the future was written before a jump."""
_AT_ONCE: Final = 1000


class Reaper:
    """One for each server; several do no harm, for every write is guarded."""

    def __init__(self, parts: Parts, links: Links) -> None:
        self._parts = parts
        self._links = links
        self._purged = parts.clock.monotonic()

    async def run(self) -> None:
        """Work until cancelled."""
        with self._parts.hints.subscribe([hints.PENDING]) as subscription:
            while True:
                wait_s = await self._safe_pass()
                try:
                    async with asyncio.timeout(wait_s):
                        await subscription.wait()
                    await asyncio.sleep(SPACING_S)
                except TimeoutError:
                    continue

    async def _safe_pass(self) -> float:
        """One pass; return how many seconds later the next one is due. A failure is said and survived."""
        try:
            return await self.reap()
        except Unavailable as error:
            emit(LogEvent.TASK_FAILED, task="reaper", error=error.detail)
        except Exception as error:
            emit(LogEvent.TASK_FAILED, task="reaper", error=error)
        return RETRY_S

    async def reap(self) -> float:
        """Do what is due; return how many seconds later the next deadline is. Raises Unavailable."""
        now = self._parts.clock.now()
        absences, expired, expiration, away = await self._parts.database.read(
            lambda connection: (
                workers.inactive_with_runs(connection),
                runs.due_to_expire(connection, now, _AT_ONCE),
                runs.next_expiration(connection),
                artifacts.out_of_reach(connection, _AT_ONCE),
            )
        )
        waits = [self._remaining(one, now) for one in absences]
        if any(wait is not None and wait <= 0 for wait in waits):
            await self._lose(now)
        if expired:
            await self._expire(expired, now)
        if away:
            await self._explain_files(now)
        await self._purge(now)
        return self._next([wait for wait in waits if wait is not None and wait > 0], expired, expiration, now)

    def _remaining(self, absence: Absence, now: datetime) -> float | None:
        """How many seconds the worker may still stay away; None: for ever."""
        if absence.fail_after_s is None:
            return None
        away_s = (now - absence.last_seen_date).total_seconds()
        known_s = self._parts.clock.monotonic() - self._links.away_since(absence.worker)
        return absence.fail_after_s - (known_s if away_s < -SET_BACK_S else min(away_s, known_s))

    def _next(self, waits: list[float], expired: list[str], expiration: datetime | None, now: datetime) -> float:
        deadlines = [*waits, self._parts.settings.audit_s]
        if len(expired) == _AT_ONCE:
            return 0.0
        if expiration is not None and expiration > now:
            deadlines.append((expiration - now).total_seconds())
        return min(deadlines)

    async def _lose(self, now: datetime) -> None:
        """End the runs of workers that stayed away too long."""

        def lose(connection: Connection) -> list[Run]:
            # Read again: a worker may have come back since.
            due = [one for one in workers.inactive_with_runs(connection) if _is_due(self._remaining(one, now))]
            runs.set_log_size(connection, log_chunks.offsets(connection, [one.run for one in due]), now)
            answers = runs.record_many(connection, [(one.run, _lost(one)) for one in due], now)
            return _changed(answers)

        lost = await self._parts.database.write(lose)
        for run in lost:
            emit(LogEvent.RUN_LOST, run=run.identifier, worker=run.worker)
        self._publish(lost)

    async def _explain_files(self, now: datetime) -> None:
        """Say on ended runs that files of theirs are on a worker that is away."""

        def explain(connection: Connection) -> list[str]:
            found = artifacts.out_of_reach(connection, _AT_ONCE)
            for run in found:
                artifacts.explain(connection, run, now)
            return found

        for run in await self._parts.database.write(explain):
            self._parts.hints.publish(hints.run(run))
        self._parts.hints.publish(hints.EVENT)

    async def _expire(self, expired: list[str], now: datetime) -> None:
        facts: list[tuple[str, Fact]] = [
            (run, Expired(cause=Cause(CauseCode.EXPIRED, "it waited longer than its job allows"))) for run in expired
        ]
        answers = await self._parts.database.write(lambda connection: runs.record_many(connection, facts, now))
        ended = _changed(answers)
        for run in ended:
            emit(LogEvent.RUN_EXPIRED, run=run.identifier)
        self._publish(ended)

    async def _purge(self, now: datetime) -> None:
        if self._parts.clock.monotonic() < self._purged + PURGE_S:
            return
        self._purged = self._parts.clock.monotonic()
        await self._parts.database.write(lambda connection: runs.purge_idempotent(connection, now))

    def _publish(self, ended: list[Run]) -> None:
        if not ended:
            return
        self._parts.hints.publish(hints.EVENT)
        self._parts.hints.publish(hints.PENDING)
        for run in ended:
            self._parts.hints.publish(hints.log(run.identifier))


def _is_due(remaining_s: float | None) -> bool:
    return remaining_s is not None and remaining_s <= 0


def _lost(absence: Absence) -> Lost:
    since = f"{absence.last_seen_date:%Y-%m-%d %H:%M:%S} UTC"
    message = f"{absence.worker} has not been seen since {since}, for over {_show_s(absence.fail_after_s or 0)}"
    return Lost(
        epoch=absence.epoch,
        cause=Cause(CauseCode.WORKER_LOST, message),
        log_error="the worker was lost; the rest of the log may still come if it returns",
    )


def _show_s(seconds: float) -> str:
    """A duration as people write it in files: 2h, 90s."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _changed(answers: Iterable[object]) -> list[Run]:
    return [one for one in answers if isinstance(one, Run)]
