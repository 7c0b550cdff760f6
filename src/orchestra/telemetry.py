"""What the programs say about themselves: the catalogue of log events, and how an event becomes a line.

    telemetry.emit(LogEvent.WORKER_CONNECTED, worker="builder", session=7)

    2026-01-02 03:04:05 info    worker connected  worker=builder session=7          on a terminal
    {"date":"2026-01-02T03:04:05.678901Z","level":"info","event":"worker.connected",…}   elsewhere

Rules: every line is an event of the catalogue, with exactly the fields that its entry names (a test
reads the source and compares); one line per unit of work; what others wrote (reasons, names) is
escaped, so that nobody forges a line; no secrets. Standard library logging carries the lines, so a
host program can route them; the logger's name is `orchestra`.
"""

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TextIO

LOGGER: Final = logging.getLogger("orchestra")


class LogEvent(StrEnum):
    """The names of all events; their meaning and fields are in `CATALOGUE`."""

    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"
    SERVER_WAITING = "server.waiting"
    WORKER_CONNECTED = "worker.connected"
    WORKER_DISCONNECTED = "worker.disconnected"
    WORKER_REJECTED = "worker.rejected"
    WORKER_REFUSED = "worker.refused"
    WORKER_FAILED = "worker.failed"
    RUN_QUARANTINED = "run.quarantined"
    RUN_ASSIGNED = "run.assigned"
    RUN_FINISHED = "run.finished"
    RUN_GIVEN_BACK = "run.given_back"
    RUN_CONTRADICTION = "run.contradiction"
    RUN_LOST = "run.lost"
    RUN_EXPIRED = "run.expired"
    RUN_NOT_STORED = "run.not_stored"
    LOG_NOT_STORED = "log.not_stored"
    LOG_DIFFERS = "log.differs"
    ARTIFACTS_NOT_STORED = "artifacts.not_stored"
    ARTIFACT_UNREADABLE = "artifact.unreadable"
    DISPATCH_PASSED = "dispatch.passed"
    TASK_FAILED = "task.failed"
    SESSION_OPENED = "session.opened"
    SESSION_ENDED = "session.ended"
    SESSION_FAILED = "session.failed"
    RUN_REFUSED = "run.refused"
    RUN_UNKNOWN = "run.unknown"
    EXECUTOR_LOST = "executor.lost"
    EXECUTION_ENDED = "execution.ended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: its level, what it means, and its fields in the order in which they are shown."""

    level: int
    meaning: str
    fields: tuple[str, ...] = ()


_D, _I, _W, _E = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

CATALOGUE: Final[Mapping[LogEvent, Entry]] = {
    LogEvent.SERVER_STARTED: Entry(_I, "The server answers.", ("address", "data")),
    LogEvent.SERVER_STOPPED: Entry(_I, "The server has stopped; runs on workers go on."),
    LogEvent.SERVER_WAITING: Entry(
        _W, "The database does not answer yet; the server asks again for so many seconds.", ("error", "left_s")
    ),
    LogEvent.WORKER_CONNECTED: Entry(
        _I, "A worker's session stands.", ("worker", "session", "version", "held", "given_back", "lost")
    ),
    LogEvent.WORKER_DISCONNECTED: Entry(
        _I, "A worker's session ended; its runs go on.", ("worker", "session", "code", "reason")
    ),
    LogEvent.WORKER_REJECTED: Entry(
        _W, "A worker's hello was answered with a refusal that the worker shows.", ("worker", "code", "reason")
    ),
    LogEvent.WORKER_REFUSED: Entry(
        _W, "A connection to the workers' address was refused before it began.", ("client", "reason")
    ),
    LogEvent.WORKER_FAILED: Entry(
        _E, "A session ended because the server could not go on with it; the worker comes back.", ("worker", "error")
    ),
    LogEvent.RUN_QUARANTINED: Entry(
        _W, "A worker holds a run that the database does not know (restored?); it is left alone.", ("worker", "run")
    ),
    LogEvent.RUN_ASSIGNED: Entry(_D, "A worker was told to execute a run.", ("run", "worker", "epoch")),
    LogEvent.RUN_FINISHED: Entry(
        _I, "A run ended and everything of it is stored.", ("run", "worker", "status", "cause", "log_bytes")
    ),
    LogEvent.RUN_GIVEN_BACK: Entry(
        _I, "A worker never started a run; it is pending again.", ("run", "worker", "reason")
    ),
    LogEvent.RUN_CONTRADICTION: Entry(
        _E, "A worker's report about a run contradicts what it said before; the run ends as exception.",
        ("run", "worker", "reported"),
    ),
    LogEvent.RUN_LOST: Entry(
        _W, "The worker of a run stayed away longer than the job allows; the run ended as exception.", ("run", "worker")
    ),
    LogEvent.RUN_EXPIRED: Entry(_I, "A run waited longer than its job allows.", ("run",)),
    LogEvent.RUN_NOT_STORED: Entry(
        _E, "What a worker says of one run cannot be stored, by a defect of the server. The worker says it "
        "again in its next session; its other runs go on.",
        ("run", "worker", "error"),
    ),
    LogEvent.LOG_NOT_STORED: Entry(
        _E, "Log bytes could not be stored; the session ends, the worker sends them again.", ("worker", "error")
    ),
    LogEvent.LOG_DIFFERS: Entry(
        _E, "The stored log of a run is not what the worker says that it wrote.", ("run", "worker", "error")
    ),
    LogEvent.ARTIFACTS_NOT_STORED: Entry(
        _E, "Artifacts of a run could not be stored; its worker keeps them, and it is tried again.",
        ("run", "worker", "error"),
    ),
    LogEvent.ARTIFACT_UNREADABLE: Entry(
        _W, "A worker cannot read an artifact that it has listed.", ("run", "worker", "error")
    ),
    LogEvent.DISPATCH_PASSED: Entry(_D, "The dispatcher looked at the queue.", ("assigned", "waiting")),
    LogEvent.TASK_FAILED: Entry(
        _E, "A part of the program failed once; it goes on at its next deadline.", ("task", "error")
    ),
    LogEvent.SESSION_OPENED: Entry(_I, "The worker is connected.", ("server", "session")),
    LogEvent.SESSION_ENDED: Entry(
        _W, "The worker is not connected; it tries again, and its runs go on.", ("server", "reason")
    ),
    LogEvent.SESSION_FAILED: Entry(
        _E, "A connection ended because the worker could not go on with it; it tries again.", ("server", "error")
    ),
    LogEvent.RUN_REFUSED: Entry(_W, "The worker gave a run back that it never started.", ("run", "reason")),
    LogEvent.RUN_UNKNOWN: Entry(
        _W, "The server does not know a run that the worker holds (restored?); it is left alone.", ("run", "phase")
    ),
    LogEvent.EXECUTOR_LOST: Entry(
        _W, "The executor of a run died; what it had started was ended.", ("run", "executor", "survivors")
    ),
    LogEvent.EXECUTION_ENDED: Entry(_I, "A run ended on this worker.", ("run", "status", "cause")),
}  # fmt: skip


def emit(event: LogEvent, **values: object) -> None:
    """Say that `event` happened. `values` are exactly the fields of its entry.

    An exception as a value is shown as its `repr`, with its traceback below: something that nobody expected.
    """
    entry = CATALOGUE[event]
    if LOGGER.isEnabledFor(entry.level):
        cause = next((value for value in values.values() if isinstance(value, BaseException)), None)
        shown = {name: repr(value) if value is cause else value for name, value in values.items()} if cause else values
        error = None if cause is None else (type(cause), cause, cause.__traceback__)
        # Not by `LOGGER.log`, which looks through the stack for its caller: a run is worth two lines.
        record = logging.LogRecord(LOGGER.name, entry.level, "", 0, event.value, None, error)
        record.orchestra_values = shown
        LOGGER.handle(record)


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send lines to `stream` (default: standard error). `style`: text, json, or auto for text on a terminal only."""
    stream = sys.stderr if stream is None else stream
    is_text = style == "text" or (style == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if is_text else JsonFormatter())
    LOGGER.handlers[:] = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(level.upper())


_LINE_ENDS: Final = {ord(one): f"\\u{ord(one):04x}" for one in "\x7f\x85\u2028\u2029"}
"""What JSON may hold as it is, yet readers of lines take for an end or a command."""


_JSON: Final = json.JSONEncoder(ensure_ascii=False, default=str)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; lines of other loggers have `message`, tracebacks `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"date": _date(record).isoformat(timespec="microseconds")[:-6] + "Z"}
        line["level"] = record.levelname.lower()
        values = _values(record)
        if values is None:
            line |= {"logger": record.name, "message": record.getMessage()}
        else:
            line |= {"event": record.msg, **values}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _JSON.encode(line).translate(_LINE_ENDS)


class TextFormatter(logging.Formatter):
    """A line for people: date, level, what happened, fields; whatever is not printable is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        values = _values(record)
        if values is None:
            what = _escaped(record.getMessage())
        else:
            shown = " ".join(f"{key}={_quoted(value)}" for key, value in values.items())
            what = f"{str(record.msg).replace('.', ' ').replace('_', ' '):<20} {shown}".rstrip()
        line = f"{_date(record):%Y-%m-%d %H:%M:%S} {record.levelname.lower():<7} {what}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"


def document() -> str:
    """Return the table of all log events, in Markdown."""
    parts = ["| event | level | meaning | fields |", "|---|---|---|---|"]
    for event, entry in CATALOGUE.items():
        names = ", ".join(f"`{name}`" for name in entry.fields)
        parts.append(f"| `{event}` | {logging.getLevelName(entry.level).lower()} | {entry.meaning} | {names} |")
    return "\n".join(parts)


def _values(record: logging.LogRecord) -> Mapping[str, object] | None:
    values: Mapping[str, object] | None = getattr(record, "orchestra_values", None)
    return values


def _date(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _quoted(value: object) -> str:
    text = _escaped(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or " " in text or '"' in text or "=" in text else text


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
