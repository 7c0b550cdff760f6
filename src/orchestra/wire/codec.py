"""Frames: a msgpack array of messages to bytes and back, with a limit on everything that a peer can send.

The other end may be hostile (a worker runs other people's programs), so `decode_…` either returns
messages whose every part is within its limit and is plain JSON data where it is free-form, or
raises `BadFrame` with a close code and a reason; nothing else escapes. What a session may say at
this moment is not known here: that is the sessions' business.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Final, assert_never

import msgspec

from orchestra.domain.artifact import is_artifact_path, is_sha256
from orchestra.domain.ids import is_identifier, is_uuid
from orchestra.domain.run import Step
from orchestra.domain.stop import Stop
from orchestra.wire import messages as m

INTEGER_LARGEST: Final = (1 << 53) - 1
"""Integers on the wire stay where JavaScript and every database hold them exactly (RFC 7493 section 2.2)."""
DEPTH: Final = 32
"""Nesting of free-form values (security.md 4.2)."""
NODES: Final = 10_000
"""Values inside one free-form value (security.md 4.2)."""
_NAME_CHARACTERS: Final = 1000
_COMMAND_CHARACTERS: Final = 1 << 20


class BadFrame(Exception):
    """What was received cannot be understood or is over a limit; the session ends with `code` and `reason`."""

    def __init__(self, code: m.CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Opening(msgspec.Struct):
    """What every version's `Hello` has: enough to refuse it politely when the rest has another shape."""

    type: str
    protocol: int = 0
    version: str = ""


_encoder: Final = msgspec.msgpack.Encoder()
_from_worker: Final = msgspec.msgpack.Decoder(list[m.FromWorker])
_from_master: Final = msgspec.msgpack.Decoder(list[m.FromMaster])
_opening: Final = msgspec.msgpack.Decoder(list[_Opening])


_NOT_UNDERSTOOD: Final = (msgspec.MsgspecError, RecursionError, ValueError, OverflowError, TypeError)
"""All that msgspec raises on bytes that are no messages: text that is not UTF-8 and dates beyond all years included."""


def encode(messages: Sequence[m.Message | msgspec.Raw]) -> bytes:
    """Return one frame; messages that were encoded before come as `msgspec.Raw`."""
    return _encoder.encode(messages)


def encode_message(message: m.Message) -> msgspec.Raw:
    """Return one message's bytes, to be put into a frame later."""
    return msgspec.Raw(_encoder.encode(message))


def decode_opening(frame: bytes) -> tuple[int, str]:
    """Return (protocol, version) of the `Hello` in a worker's first frame, whatever its version; raises BadFrame."""
    _check_size(frame, m.FIRST_FRAME_BYTES)
    try:
        openings = _opening.decode(frame)
    except _NOT_UNDERSTOOD as error:
        raise BadFrame(m.CloseCode.VIOLATION, f"the first frame is not one hello: {error}") from error
    if len(openings) != 1 or openings[0].type != "hello":
        raise BadFrame(m.CloseCode.VIOLATION, "the first frame must be exactly one hello")
    return openings[0].protocol, openings[0].version[:_NAME_CHARACTERS]


def decode_worker_frame(frame: bytes, limit: int = m.FRAME_LIMIT_BYTES) -> list[m.FromWorker]:
    """Return the messages of a worker's frame, in order, checked; raises BadFrame."""
    _check_size(frame, limit)
    try:
        messages = _from_worker.decode(frame)
        for message in messages:
            _check_from_worker(message)
    except _NOT_UNDERSTOOD as error:
        raise BadFrame(m.CloseCode.VIOLATION, f"not understood: {error}") from error
    return messages


def decode_master_frame(frame: bytes, limit: int = m.FRAME_LIMIT_BYTES) -> list[m.FromMaster]:
    """Return the messages of a master's frame, in order, checked; raises BadFrame."""
    _check_size(frame, limit)
    try:
        messages = _from_master.decode(frame)
        for message in messages:
            _check_from_master(message)
    except _NOT_UNDERSTOOD as error:
        raise BadFrame(m.CloseCode.VIOLATION, f"not understood: {error}") from error
    return messages


def is_sendable(message: m.FromWorker, limit: int = m.FRAME_LIMIT_BYTES) -> bool:
    """Tell whether the server would take the message: what `decode_worker_frame` refuses, a worker must not send."""
    try:
        _check_from_worker(message)
    except BadFrame:
        return False
    return len(_encoder.encode(message)) <= limit - 8


def is_json(value: Any, depth: int = DEPTH, nodes: int = NODES) -> bool:
    """Tell whether `value` is plain JSON data (finite numbers, text keys) within `depth` and `nodes`."""
    stack: list[tuple[Any, int]] = [(value, depth)]
    while stack:
        one, depth_left = stack.pop()
        nodes -= 1
        if nodes < 0 or depth_left < 0:
            return False
        if isinstance(one, dict):
            if len(one) > nodes or not all(isinstance(key, str) for key in one):
                return False
            stack.extend((child, depth_left - 1) for child in one.values())
        elif isinstance(one, list):
            if len(one) > nodes:
                return False
            stack.extend((child, depth_left - 1) for child in one)
        elif not _is_scalar(one):
            return False
    return True


def _is_scalar(value: Any) -> bool:
    if value is None or isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        return abs(value) <= INTEGER_LARGEST
    return isinstance(value, float) and isfinite(value)


def cut(text: str, characters: int = m.TEXT_CHARACTERS) -> str:
    """Return `text` without control characters (they forge lines in logs; NUL is no text in PostgreSQL), cut to fit."""
    if len(text) > characters:
        text = text[: characters - 1] + "…"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)


def _check_size(frame: bytes, limit: int) -> None:
    if len(frame) > limit:
        raise BadFrame(m.CloseCode.TOO_BIG, f"frame of {len(frame)} bytes, at most {limit} are allowed")
    count = _array_length(frame)
    if count is None or not 0 < count <= m.MESSAGES_PER_FRAME:
        raise BadFrame(m.CloseCode.VIOLATION, f"a frame is an array of 1 to {m.MESSAGES_PER_FRAME} messages")


def _array_length(frame: bytes) -> int | None:
    """How many messages a frame announces, before any of them is built (msgpack specification, "array format")."""
    if not frame:
        return None
    first = frame[0]
    if first & 0xF0 == 0x90:
        return first & 0x0F
    if first == 0xDC:
        return int.from_bytes(frame[1:3])
    if first == 0xDD:
        return int.from_bytes(frame[1:5])
    return None


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BadFrame(m.CloseCode.VIOLATION, what)


def _is_count(*values: int) -> bool:
    return all(0 <= value <= INTEGER_LARGEST for value in values)


def _check_from_worker(message: m.FromWorker) -> None:
    match message:
        case m.Wrote():
            _require(0 < len(message.data) <= m.LOG_CHUNK_BYTES, f"wrote holds 1 to {m.LOG_CHUNK_BYTES} bytes")
            _require(_is_count(message.offset), "wrote: offset out of range")
            _check_times(message)
        case m.Started() | m.Forgot():
            pass
        case m.Stepped():
            _check_steps(message.steps)
            _check_stop(message.stop)
            _require(
                len(message.results or b"") <= m.RESULTS_BYTES, f"stepped: more than {m.RESULTS_BYTES} bytes of results"
            )
        case m.Listed():
            _check_listed(message)
        case m.Sent():
            _require(len(message.data) <= m.ARTIFACT_CHUNK_BYTES, f"sent holds at most {m.ARTIFACT_CHUNK_BYTES} bytes")
            _require(_is_count(message.offset), "sent: offset out of range")
            _require(len(message.error or "") <= m.TEXT_CHARACTERS, "sent: error is too long")
        case m.Finished():
            _check_finished(message)
        case m.Refused() | m.Goodbye():
            _require(len(message.reason) <= m.TEXT_CHARACTERS, "reason is too long")
        case m.Heartbeat():
            _require(message.at is None or isfinite(message.at), "heartbeat: at is no number")
        case m.Hello():
            _check_hello(message)
        case _:
            assert_never(message)


def _check_times(message: m.Wrote) -> None:
    times = message.times
    _require(len(times) <= m.LINE_TIMES, f"wrote: more than {m.LINE_TIMES} times")
    last = message.offset
    end = message.offset + len(message.data)
    for offset, milliseconds in times:
        _require(last <= offset < end and _is_count(milliseconds), "wrote: times must ascend inside the data")
        last = offset


def _check_finished(message: m.Finished) -> None:
    _require(_is_count(message.log_size), "finished: log_size out of range")
    _require(len(message.log_sha256) == 64, "finished: log_sha256 is not a SHA-256 in hexadecimal")
    _require(len(message.results or b"") <= m.RESULTS_BYTES, f"finished: more than {m.RESULTS_BYTES} bytes of results")
    _require(0 <= message.artifact_count <= m.ARTIFACTS, "finished: artifact_count out of range")
    texts = (
        message.cause.message,
        message.log_error or "",
        message.result_error or "",
        message.artifact_error or "",
    )
    _require(all(len(text) <= m.TEXT_CHARACTERS for text in texts), "finished: a text is too long")
    _check_steps(message.steps)
    _check_stop(message.stop)


def _check_stop(stop: Stop | None) -> None:
    if stop is None:
        return
    dates = (stop.requested_date, stop.delivered_date, stop.terminated_date, stop.killed_date, stop.verified_date)
    _require(all(_is_aware(date) for date in dates), "stop: a date has no time zone")
    _require(len(stop.requested_by) <= _NAME_CHARACTERS, "stop: requested_by is too long")
    _require(len(stop.survivors) <= m.SURVIVORS, f"stop: more than {m.SURVIVORS} survivors")
    for one in stop.survivors:
        _require(_is_count(one.pid), "stop: a pid is out of range")
        _require(len(one.command) <= m.SURVIVOR_CHARACTERS, "stop: a command is too long")


def _check_listed(message: m.Listed) -> None:
    _require(0 < len(message.files) <= m.FILES_PER_LISTED, f"listed holds 1 to {m.FILES_PER_LISTED} files")
    for file in message.files:
        _require(is_artifact_path(file.path), "listed: a path is no path of an artifact")
        _require(is_sha256(file.sha256), "listed: a hash is not a SHA-256 in hexadecimal")
        _require(_is_count(file.size), "listed: a size is out of range")


def _check_steps(steps: Iterable[Step]) -> None:
    count = 0
    for step in steps:
        count += 1
        command = step.command if isinstance(step.command, str) else "".join(step.command)
        _require(len(step.name) <= _NAME_CHARACTERS, "step: name is too long")
        _require(len(step.phase) <= _NAME_CHARACTERS, "step: phase is too long")
        _require(len(command) <= _COMMAND_CHARACTERS, "step: command is too long")
        _require(_is_count(step.log_start, step.log_end or 0), "step: log offset out of range")
        _require(abs(step.exit_code or 0) <= INTEGER_LARGEST, "step: exit code out of range")
        _require(_is_aware(step.start_date) and _is_aware(step.completion_date), "step: a date has no time zone")
    _require(count <= m.STEPS, f"more than {m.STEPS} steps")


def _is_aware(date: datetime | None) -> bool:
    return date is None or date.tzinfo is not None


def _check_hello(message: m.Hello) -> None:
    _require(is_identifier(message.worker), "hello: worker must match [A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
    for text, what in ((message.version, "version"), (message.installation, "installation"), (message.boot, "boot")):
        _require(len(text) <= _NAME_CHARACTERS and text.isprintable(), f"hello: {what} is too long or not printable")
    _require(1 <= message.concurrency <= m.CONCURRENCY, f"hello: concurrency must be 1 to {m.CONCURRENCY}")
    _require(is_json(message.properties), "hello: properties must be JSON data of moderate size")
    _require(len(message.held) <= m.HELD_RUNS, f"hello: more than {m.HELD_RUNS} held runs")
    for held in message.held:
        _require(is_uuid(held.run), "hello: a held run has no UUID")
        _require(_is_count(held.epoch, held.log_size), "hello: a held run's number is out of range")
    _require(len({held.run for held in message.held}) == len(message.held), "hello: a run is held twice")


def _check_from_master(message: m.FromMaster) -> None:
    match message:
        case m.Assign():
            _require(is_uuid(message.run), "assign: run is not a UUID")
        case m.Acknowledge():
            _require(_is_count(message.offset), "acknowledge: offset out of range")
        case m.Send():
            _require(is_sha256(message.sha256) and _is_count(message.offset), "send: hash or offset out of range")
            _require(0 < message.size <= m.ARTIFACT_ASK_BYTES, f"send asks for 1 to {m.ARTIFACT_ASK_BYTES} bytes")
        case m.Welcome():
            sensible = 0 < message.heartbeat_s < message.timeout_s < 3600 and message.window_bytes >= m.LOG_CHUNK_BYTES
            _require(sensible and message.max_frame_bytes >= m.FRAME_BYTES, "welcome: limits make no sense")
            _require(all(_is_count(one.log_offset) for one in message.verdicts), "welcome: log_offset out of range")
        case m.Cancel() | m.Abort() | m.Forget() | m.Heartbeat() | m.Goodbye() | m.Reject():
            pass
        case _:
            assert_never(message)
