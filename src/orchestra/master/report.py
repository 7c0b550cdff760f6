"""What a worker reports about runs, as facts of the domain, and the transaction that stores them.

    wire                     domain                 when it does not apply
    Started                  Started                was so already: nothing
    Refused                  GivenBack              it had started: the run ends as exception
    Finished                 Finished               it had ended (lost): the rest of its log may complete it
    Finished never_started   NeverStarted           it had started: the run ends as exception

`log_complete` is said only where size and SHA-256 of what the server holds are what the worker says
(INV-12). A run whose worker contradicts itself ends as `exception`: every run ends once, also under a
worker that is broken. Where a report concerns a run that is not the worker's any more, it is
`fenced`: nothing is changed, and the session must end so that the next hello settles it.

Functions of a connection and values; they may be executed twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from orchestra.domain.artifact import ArtifactLimits
from orchestra.domain.run import (
    ACTIVE,
    TERMINAL,
    Cause,
    CauseCode,
    Fact,
    Finished,
    GivenBack,
    NeverStarted,
    Refusal,
    Run,
    RunStatus,
    Started,
    Step,
)
from orchestra.domain.stop import Stop
from orchestra.storage import artifacts, log_chunks, runs, workers
from orchestra.storage.log_lines import Times
from orchestra.wire import codec
from orchestra.wire import messages as m

Key = tuple[str, int]
"""(run, epoch)"""


@dataclass(slots=True)
class Report:
    """What came about one run since the last transaction, in the order of a run's life."""

    run: str
    epoch: int
    started: m.Started | None = None
    refused: m.Refused | None = None
    steps: tuple[Step, ...] | None = None
    stop: Stop | None = None
    """How far a stop has come; it comes with the steps."""
    results: bytes | None = None
    """What the results file held a moment ago; the end brings them again."""
    listed: list[m.Listed] = field(default_factory=list)
    writes: list[m.Wrote] = field(default_factory=list)
    finished: m.Finished | None = None
    size: int = 0
    """Bytes of memory, roughly, that wait until it is stored."""

    @property
    def has_facts(self) -> bool:
        """Something of it is a fact or steps, beside the log."""
        return self.started is not None or self.refused is not None or self.steps is not None or bool(self.listed)


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """What the server holds of a finished run's log, compared with what the worker says that it wrote."""

    size: int
    is_complete: bool
    error: str | None


class Result(Enum):
    """What became of one run's report."""

    STORED = auto()
    ENDED = auto()
    """Its end is durable: the worker may forget it."""
    DEFERRED = auto()
    """Its log is no small one: store the bytes first, then its end."""
    FENCED = auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`run` is the row as it is now, where its status changed; `contradicts` when the worker contradicted itself."""

    report: Report
    result: Result
    run: Run | None = None
    contradicts: bool = False
    left: "Left | None" = None
    """Of a run that ended: if files of it are awaited, fetch them before the worker forgets."""


@dataclass(frozen=True, slots=True)
class Left:
    """What an ended run left: `count` files says its worker, `size` bytes are those that it listed.

    `is_complete` when the server has all of them, `is_awaited` while some can still come.
    """

    count: int = 0
    size: int = 0
    is_complete: bool = True
    is_awaited: bool = False
    error: str | None = None


NOTHING_LEFT: Final = Left()

_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()


def compare(finished: m.Finished, size: int, sha256: str) -> LogVerdict:
    """Compare what the server holds, `size` bytes with the digest `sha256`, with what the worker reports."""
    if size < finished.log_size:
        error = f"only {size} of {finished.log_size} bytes of the log came"
    elif size > finished.log_size:
        error = f"{size} bytes of the log came, but the worker has only {finished.log_size} left"
    elif sha256 != finished.log_sha256.lower():
        error = "the stored log is not what the worker wrote: its SHA-256 differs"
    else:
        return LogVerdict(size, True, finished.log_error and codec.cut(finished.log_error))
    return LogVerdict(size, False, f"{codec.cut(finished.log_error)}; {error}" if finished.log_error else error)


def read_results(finished: m.Finished) -> tuple[Any, str | None]:
    """Return (results, error): what the run left as results, or why that is no usable JSON."""
    value, error = None, None
    if finished.results is not None:
        value, error = _decoded(finished.results)
    return value, error or (finished.result_error and codec.cut(finished.result_error))


def _decoded(results: bytes) -> tuple[Any, str | None]:
    try:
        value = _DECODER.decode(results)
        _ENCODER.encode(value)
    except RecursionError:
        return None, "the results are nested too deeply"
    except (msgspec.MsgspecError, ValueError, OverflowError, TypeError) as error:
        return None, codec.cut(f"the results are no JSON: {error}")
    return value, None


def store(
    connection: Connection,
    reports: Sequence[Report],
    ends: dict[Key, LogVerdict | None],
    now: datetime,
    *,
    worker: str,
    session: int,
    limits: ArtifactLimits = ArtifactLimits(),  # noqa: B008 - a frozen value
) -> list[Outcome]:
    """Store the facts of `reports` and return what became of each, in their order.

    `ends` holds the keys of those whose `finished` is to be stored too: with the verdict about a log that
    was stored before, or with None for a small log whose last bytes (`writes`) go into this transaction.
    Log bytes of the others are not touched. `limits` are what one run may leave.
    """
    if not workers.is_current_session(connection, worker, session):
        return [Outcome(report, Result.FENCED) for report in reports]
    transaction = _Transaction(connection, worker, session, now, limits)
    transaction.list_files([one for one in reports if one.listed])
    verdicts = dict(ends)
    verdicts |= transaction.complete_small_logs([one for one in reports if ends.get((one.run, one.epoch), 0) is None])
    return transaction.record(reports, verdicts)


class _Transaction:
    """The state of one `store`."""

    def __init__(
        self, connection: Connection, worker: str, session: int, now: datetime, limits: ArtifactLimits
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._session = session
        self._now = now
        self._limits = limits

    def list_files(self, reports: Sequence[Report]) -> None:
        """Note what runs left, before their ends: of runs that are this worker's under this epoch."""
        rows = runs.get_many(self._connection, (one.run for one in reports))
        for one in reports:
            row = rows.get(one.run)
            if row is not None and (row.worker, row.epoch) == (self._worker, one.epoch) and not row.artifacts_complete:
                files = (file for listed in one.listed for file in listed.files)
                artifacts.list_files(self._connection, one.run, files)

    def _left(self, report: Report) -> Left:
        """Compare what was listed of an ended run with what its worker says that there is."""
        finished = report.finished
        if finished is None:
            return NOTHING_LEFT
        said = finished.artifact_error and codec.cut(finished.artifact_error)
        if not finished.artifact_count:
            # A worker may list files, lose power with them and its memory of the end, and come back without either.
            lost = artifacts.lose(self._connection, report.run) if finished.status is RunStatus.EXCEPTION else 0
            count, size = artifacts.summary(self._connection, report.run)[:2] if lost else (0, 0)
            return Left(count, size, is_complete=not lost, error=said)
        refused = artifacts.refuse(self._connection, report.run, self._limits)
        listed, size, _ = artifacts.summary(self._connection, report.run)
        count = finished.artifact_count
        short = f"only {listed} of {count} files were listed" if listed < count else None
        error = "; ".join(filter(None, (said, refused or short))) or None
        is_awaited = bool(artifacts.awaited(self._connection, report.run, 1))
        return Left(count, size, is_complete=not is_awaited and short is None, is_awaited=is_awaited, error=error)

    def complete_small_logs(self, reports: Sequence[Report]) -> dict[Key, LogVerdict | None]:
        """Put the last bytes of small logs into the database; None for those that are not small.

        Most runs are short: their whole log comes with their end, and many of them are one statement.
        """
        held = log_chunks.offsets(self._connection, [one.run for one in reports])
        whole: list[tuple[str, bytes, Times]] = []
        verdicts: dict[Key, LogVerdict | None] = {}
        for one in reports:
            assert one.finished is not None
            data = b"".join(wrote.data for wrote in one.writes)
            is_whole = one.run not in held and (not one.writes or one.writes[0].offset == 0)
            if is_whole and len(data) <= log_chunks.INLINE_BYTES:
                if data:
                    whole.append((one.run, data, [time for wrote in one.writes for time in wrote.times]))
                verdicts[one.run, one.epoch] = compare(one.finished, len(data), hashlib.sha256(data).hexdigest())
            else:
                verdicts[one.run, one.epoch] = self._append(one, one.finished)
        log_chunks.append_whole(self._connection, whole)
        return verdicts

    def _append(self, report: Report, finished: m.Finished) -> LogVerdict | None:
        """Append to a log that has bytes already; None when it is not small."""
        for wrote in report.writes:
            size = log_chunks.append_inline(self._connection, report.run, wrote.offset, wrote.data, wrote.times)
            if size is None:
                return None
        found = log_chunks.inline_digest(self._connection, report.run)
        return None if found is None else compare(finished, *found)

    def record(self, reports: Sequence[Report], verdicts: dict[Key, LogVerdict | None]) -> list[Outcome]:
        """Record every fact in order, then look at what did not apply."""
        facts: list[tuple[str, Fact]] = []
        owners: list[Report] = []
        left: dict[Key, Left] = {}
        for report in reports:
            key = (report.run, report.epoch)
            left[key] = NOTHING_LEFT if verdicts.get(key) is None else self._left(report)
            for fact in _facts(report, verdicts.get(key), left[key]):
                facts.append((report.run, fact))
                owners.append(report)
        answers = self._record(facts)
        by_report: dict[int, list[tuple[Fact, Run | Refusal]]] = {}
        for report, (_, fact), answer in zip(owners, facts, answers, strict=True):
            by_report.setdefault(id(report), []).append((fact, answer))
        outcomes = [self._outcome(report, by_report.get(id(report), []), verdicts, left) for report in reports]
        return [
            replace(one, left=left[one.report.run, one.report.epoch]) if one.result is Result.ENDED else one
            for one in outcomes
        ]

    def _record(self, facts: Sequence[tuple[str, Fact]]) -> list[Run | Refusal]:
        if not facts:
            return []
        return runs.record_many(self._connection, facts, self._now, worker=self._worker, session=self._session)

    def _outcome(
        self,
        report: Report,
        answers: list[tuple[Fact, Run | Refusal]],
        verdicts: dict[Key, LogVerdict | None],
        left: dict[Key, Left],
    ) -> Outcome:
        key = (report.run, report.epoch)
        after: Run | None = None
        for fact, answer in answers:
            if answer is Refusal.FENCED:
                return Outcome(report, Result.FENCED)
            if isinstance(answer, Run):
                after = answer
            else:
                outcome = self._settle(report, fact, verdicts.get(key), left[key])
                if outcome is not None:
                    return outcome
        if report.steps is not None and report.finished is None:
            runs.set_steps(self._connection, report.run, report.epoch, report.steps, self._now)
            if (stop := _credible(report.stop)) is not None:
                runs.set_stop(self._connection, report.run, report.epoch, stop, self._now)
        if report.results is not None and report.finished is None:
            value, error = _decoded(report.results)
            if error is None:
                runs.set_results(self._connection, report.run, report.epoch, value, self._now)
        if key not in verdicts:
            return Outcome(report, Result.STORED, after)
        return Outcome(report, Result.DEFERRED if verdicts[key] is None else Result.ENDED, after)

    def _settle(self, report: Report, fact: Fact, verdict: LogVerdict | None, left: Left) -> Outcome | None:
        """The table refused `fact`: it is old news (None), the end of a lost run, or a contradiction."""
        row = runs.get(self._connection, report.run)
        if row is None or row.status is RunStatus.PENDING or row.epoch != report.epoch:
            return Outcome(report, Result.FENCED)
        if isinstance(fact, Started):
            return None
        if row.status in TERMINAL:
            if verdict is not None and not row.log_complete:
                self._complete_log(report, verdict)
            if verdict is not None and not row.artifacts_complete and not left.is_awaited:
                artifacts.complete(
                    self._connection, report.run, report.epoch, self._now, count=left.count, error=left.error
                )
            return Outcome(report, Result.ENDED)
        assert row.status in ACTIVE
        ending = Finished(
            epoch=report.epoch,
            status=RunStatus.EXCEPTION,
            cause=Cause(CauseCode.EXECUTOR_LOST, f"{self._worker} contradicts itself: {_reported(fact)}"),
            date=self._now,
            steps=row.steps,
            log_size=log_chunks.offset(self._connection, report.run),
            log_complete=verdict is not None and verdict.is_complete,
            log_error=None if verdict is None else verdict.error,
        )
        (answer,) = self._record([(report.run, ending)])
        after = answer if isinstance(answer, Run) else None
        return Outcome(report, Result.ENDED if after is not None else Result.FENCED, after, contradicts=True)

    def _complete_log(self, report: Report, verdict: LogVerdict) -> None:
        """More of the log of a run that had ended (its worker was lost) has come."""
        if verdict.is_complete:
            runs.complete_log(
                self._connection, report.run, report.epoch, verdict.size, self._now, log_error=verdict.error
            )
        else:
            runs.set_log_size(self._connection, {report.run: verdict.size}, self._now)


def _facts(report: Report, verdict: LogVerdict | None, left: Left) -> list[Fact]:
    """The facts of a report in the order of a run's life; its end only with a verdict about its log."""
    facts: list[Fact] = []
    if report.started is not None:
        facts.append(Started(epoch=report.epoch, date=report.started.date))
    if report.refused is not None:
        facts.append(GivenBack(epoch=report.epoch, reason=codec.cut(report.refused.reason)))
    finished = report.finished
    if finished is None or verdict is None:
        return facts
    cause = Cause(finished.cause.code, codec.cut(finished.cause.message))
    if finished.never_started:
        facts.append(NeverStarted(epoch=report.epoch, cause=cause, stop=_credible(finished.stop)))
        return facts
    results, result_error = read_results(finished)
    facts.append(
        Finished(
            epoch=report.epoch,
            status=finished.status,
            cause=cause,
            date=finished.date,
            steps=finished.steps,
            results=results,
            result_error=result_error,
            log_size=verdict.size,
            log_complete=verdict.is_complete,
            log_error=verdict.error,
            stop=_credible(finished.stop),
            artifact_count=left.count,
            artifact_size=left.size,
            artifacts_complete=left.is_complete,
            artifact_error=left.error,
        )
    )
    return facts


def _credible(stop: Stop | None) -> Stop | None:
    """A worker's receipt with texts as they may be shown."""
    if stop is None:
        return None
    survivors = tuple(replace(one, command=codec.cut(one.command)) for one in stop.survivors)
    return replace(stop, requested_by=codec.cut(stop.requested_by), survivors=survivors)


def _reported(fact: Fact) -> str:
    match fact:
        case GivenBack():
            return "it gave back the run after it had reported its start"
        case NeverStarted():
            return "it reported that the run never started, after it had reported its start"
        case Finished():
            return f"it reported that the run {fact.status}, which cannot follow what it had reported"
        case _:
            return f"it reported {type(fact).__name__}"
