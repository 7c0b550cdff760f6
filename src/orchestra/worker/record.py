"""What an executor writes into the folder of its run, and the order in which it does.

    marker      symbolic link to the executor's identity: made once, by whoever may start the run (INV-03)
    journal     one JSON object a line: what happened, in order
    log         exactly what the commands wrote
    log.times   16 bytes each: offset into the log, milliseconds since 1970, both little-endian
    journal.reserve   the journal goes on here when the disk is full

symlink(2) is exclusive and carries its content, so a marker never exists without its owner's name:
with a file made by `O_EXCL` and then written there would be an instant in which nobody can tell
whether its maker lives. The worker makes one too (`-> closed`) to prove that a run can no longer
start. The folder's name carries the epoch, so nothing that wakes up late can mark a later
assignment of the same run (E5).

Nothing here is synced: what survives a power loss is judged by the boot id (`docs/decisions`).

Imported by executors.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import struct
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARKER, JOURNAL, RESERVE, LOG, TIMES, REQUEST, RESULTS = (
    "marker",
    "journal",
    "journal.reserve",
    "log",
    "log.times",
    "request.json",
    "results.json",
)
RESERVE_BYTES = 1 << 16
"""Room for the end of a run on a full disk: some hundred journal lines without results."""

TIME_RECORD = struct.Struct("<QQ")
TIME_GRAIN_MS = 20
"""Output that arrives within this time shares one record: nobody reads finer, and a flood writes 50 a second."""

encode_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Clock:
    """Wall time that never runs backwards: that of the start, plus what has passed since then by CLOCK_BOOTTIME.

    So the dates within one run are in order whatever becomes of the wall clock (F15), and count
    the time that the machine was suspended.
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def now_us(self) -> int:
        """Microseconds since 1970, UTC: how the journal writes dates."""
        return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self._offset) // 1000


class NotMine(Exception):
    """The run is not this executor's to start: it has an owner, was closed, or its folder is gone."""


def claim(folder: str, owner: str) -> None:
    """Make the marker. Raises `NotMine`, or OSError when the folder cannot take it (nothing was started then)."""
    try:
        os.symlink(owner, f"{folder}/{MARKER}")
    except FileExistsError:
        raise NotMine("the run already has its marker") from None
    except FileNotFoundError:
        raise NotMine("the run's folder is gone") from None


def unclaim(folder: str) -> None:
    """Take the own marker back: its maker found that it cannot start the run."""
    os.unlink(f"{folder}/{MARKER}")


class Reserve:
    """A file with blocks of its own, moved into a run's folder when the disk has no others left."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.refill()

    def refill(self) -> None:
        """Allocate the file if it is not there; a disk that is full now may have room at the next run."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except OSError:
            return
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError:
            os.unlink(self._path)
        finally:
            os.close(descriptor)

    def move_to(self, path: str) -> int:
        """Give the file another name and return a descriptor that writes from its start."""
        os.rename(self._path, path)
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def drop(self) -> None:
        """The executor ends: nobody needs the file any more."""
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass


class Journal:
    """The list of what happened. Each record also goes to `listener`, after it was written."""

    def __init__(self, folder: str, reserve: Reserve, listener: Callable[[str], None]) -> None:
        self._folder = folder
        self._reserve = reserve
        self._listener = listener
        self._used_reserve = False
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(f"{folder}/{JOURNAL}", flags, 0o600)

    def write(self, *records: Mapping[str, object]) -> None:
        """Write records together, on the reserve if the disk is full. Raises OSError when that is full as well."""
        lines = [encode_json(record) for record in records]
        self._write(("\n".join(lines) + "\n").encode())
        for line in lines:
            self._listener(line)

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._descriptor, memoryview(data))
        except OSError:
            if self._used_reserve:
                raise
            # A torn last line stays behind; readers know that a line without its end was never written.
            descriptor = self._reserve.move_to(f"{self._folder}/{RESERVE}")
            os.close(self._descriptor)
            self._descriptor, self._used_reserve = descriptor, True
            _write_all(self._descriptor, memoryview(data))

    def close(self) -> None:
        os.close(self._descriptor)
        if self._used_reserve:
            self._reserve.refill()


class Log:
    """The run's log: bytes in, one running hash, times beside. A failed write ends the log, not the run."""

    def __init__(self, folder: str, limit: int, clock: Clock) -> None:
        self._folder = folder
        self._limit = limit
        self._clock = clock
        self._descriptor = -1
        self._times = -1
        self._last_time = -TIME_GRAIN_MS
        self._hash = hashlib.sha256()
        self.size = 0
        self.error: str | None = None
        """Why the log is shorter than what the commands wrote; None when it is not."""

    def append(self, data: memoryview) -> None:
        """Write what a command has written. Once the log is cut everything is dropped: it must stay a prefix."""
        if self.error is not None:
            return
        room = self._limit - self.size
        try:
            if self._descriptor < 0:
                self._open()
            self._stamp()
            self._write(data[:room])
        except OSError as error:
            self.error = f"{_explain(error)}: the log ends after {self.size} bytes"
        else:
            if len(data) > room:
                self.error = f"the log reached its limit and ends after {self.size} bytes"

    def digest(self) -> str:
        """SHA-256 of all that was written, hexadecimal."""
        return self._hash.hexdigest()

    def close(self) -> None:
        for descriptor in (self._descriptor, self._times):
            if descriptor >= 0:
                os.close(descriptor)

    def _open(self) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(f"{self._folder}/{LOG}", flags, 0o600)
        self._times = os.open(f"{self._folder}/{TIMES}", flags, 0o600)

    def _stamp(self) -> None:
        now = self._clock.now_us() // 1000
        if now - self._last_time >= TIME_GRAIN_MS:
            self._last_time = now
            os.write(self._times, TIME_RECORD.pack(self.size, now))

    def _write(self, data: memoryview) -> None:
        while data:
            written = os.write(self._descriptor, data)
            self._hash.update(data[:written])
            self.size += written
            data = data[written:]


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _explain(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left for logs on the worker"
    return f"the worker cannot write the log ({os.strerror(error.errno or 0)})"


def read_results(path: str, limit: int) -> tuple[str | None, str | None]:
    """What the commands left at `ORCHESTRA_RESULTS`: (JSON text, None), (None, why not), or (None, None) for nothing.

    The path belongs to the commands: it may be a pipe without a writer or a link to anywhere, so
    only an ordinary file is opened. JSON as in RFC 8259: NaN, Infinity and lone surrogates are refused.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, f"the results cannot be read: {os.strerror(error.errno or 0)}"
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, "ORCHESTRA_RESULTS is not an ordinary file"
        data = file.read(limit + 1)
    if not data:
        return None, None
    if len(data) > limit:
        return None, f"the results are longer than {limit} bytes"
    try:
        text = data.decode()
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:  # an escape may stand for half a character, which nobody could store
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return None, f"the results are not JSON: {error}"
    return text, None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
