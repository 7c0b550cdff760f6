"""What an executor writes into the folder of its run, and the order in which it does.

    marker      hard link to the executor's identity file: made once, by whoever may start the run (INV-03)
    journal     what happened, in order; each line `crc32 of key and JSON` + ` ` + JSON
    log         exactly what the commands wrote
    log.index   u64 size of the log, u64 number of records; then records: u64 offset, u64 milliseconds since 1970
    journal.reserve   the journal goes on here when the disk is full

link(2) is exclusive and brings its content along, so a marker never exists without its owner's name:
with a file made by `O_EXCL` and then written there would be an instant in which nobody can tell
whether its maker lives. The worker makes one too (a link to `closed`) to prove that a run can no
longer start. The folder's name carries the epoch, so nothing that wakes up late can mark a later
assignment of the same run (E5).

Folders are used again by later runs, and files in them are overwritten, never truncated: making and
deleting four inodes a run costs more than a trivial run's spawn (ext4 without journal searches past
all inodes deleted in the last minute; with `O_TRUNC` it flushes). So the end of what counts is
written down: the log's in the index, after the bytes; the journal's by the first line whose
checksum does not fit this run.

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
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

MARKER, JOURNAL, RESERVE, LOG, INDEX, REQUEST, RESULTS = (
    "marker",
    "journal",
    "journal.reserve",
    "log",
    "log.index",
    "request",
    "results.json",
)
RESERVE_BYTES = 1 << 16
"""Room for the end of a run on a full disk: some hundred journal lines without results."""

INDEX_RECORD = struct.Struct("<QQ")
TIME_GRAIN_MS = 20
"""Output that arrives within this time shares one record: nobody reads finer, and a flood writes 50 a second."""

EMPTY_SHA256 = hashlib.sha256().hexdigest()

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


def claim(folder: str, identity: str) -> None:
    """Make the marker from the file `identity`. Raises `NotMine`, or OSError when the folder cannot take it."""
    try:
        os.link(identity, f"{folder}/{MARKER}")
    except FileExistsError:
        raise NotMine("the run already has its marker") from None
    except FileNotFoundError:
        raise NotMine("the run's folder is gone") from None


def unclaim(folder: str) -> None:
    """Take the own marker back: its maker found that it cannot start the run."""
    os.unlink(f"{folder}/{MARKER}")


def journal_line(key: str, text: str) -> str:
    """One line of the journal of the run `key`, for a record in JSON."""
    return f"{zlib.crc32(f'{key} {text}'.encode()):08x} {text}\n"


def read_journal(key: str, data: bytes) -> tuple[list[dict[str, Any]], int]:
    """The records at the front of `data` that belong to the run `key` and are whole, and where they end."""
    records: list[dict[str, Any]] = []
    end = 0
    while (newline := data.find(b"\n", end)) >= 0:
        text = data[end + 9 : newline]
        if data[end : end + 9] != b"%08x " % zlib.crc32(key.encode() + b" " + text):
            break
        records.append(json.loads(text))
        end = newline + 1
    return records, end


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
    """The list of what happened. Records go to `listener` (as JSON texts) after they were written."""

    def __init__(self, folder: str, key: str, reserve: Reserve, listener: Callable[[Sequence[str]], None]) -> None:
        self._folder = folder
        self._key = key
        self._reserve = reserve
        self._listener = listener
        self._used_reserve = False
        self._descriptor = os.open(f"{folder}/{JOURNAL}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def write(self, records: Sequence[Mapping[str, object]]) -> None:
        """Write records together, on the reserve if the disk is full. Raises OSError when that is full as well."""
        texts = [encode_json(record) for record in records]
        self._write("".join(journal_line(self._key, text) for text in texts).encode())
        self._listener(texts)

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._descriptor, memoryview(data))
        except OSError:
            if self._used_reserve:
                raise
            # A torn line stays behind; readers go on in the reserve.
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
        self._index = -1
        self._records = 0
        self._last_time = -TIME_GRAIN_MS
        self._hash: hashlib._Hash | None = None
        self.size = 0
        self.is_full = False
        """More was written than the limit allows."""
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
            try:
                self._write(data[:room])
            finally:
                os.pwrite(self._index, INDEX_RECORD.pack(self.size, self._records), 0)
        except OSError as error:
            self.error = f"{_explain(error)}: the log ends after {self.size} bytes"
        else:
            if len(data) > room:
                self.is_full = True
                self.error = f"the log reached its limit and ends after {self.size} bytes"

    def digest(self) -> str:
        """SHA-256 of all that was written, hexadecimal."""
        return EMPTY_SHA256 if self._hash is None else self._hash.hexdigest()

    def close(self) -> None:
        for descriptor in (self._descriptor, self._index):
            if descriptor >= 0:
                os.close(descriptor)

    def _open(self) -> None:
        flags = os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC
        # The index first: a log without it is empty, whatever an earlier run left there.
        self._index = os.open(f"{self._folder}/{INDEX}", flags, 0o600)
        os.pwrite(self._index, INDEX_RECORD.pack(0, 0), 0)
        self._descriptor = os.open(f"{self._folder}/{LOG}", flags, 0o600)
        self._hash = hashlib.sha256()

    def _stamp(self) -> None:
        now = self._clock.now_us() // 1000
        if now - self._last_time >= TIME_GRAIN_MS:
            self._last_time = now
            self._records += 1
            os.pwrite(self._index, INDEX_RECORD.pack(self.size, now), self._records * INDEX_RECORD.size)

    def _write(self, data: memoryview) -> None:
        assert self._hash is not None
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


def read_results(path: str, limit: int, owner: int | None = None) -> tuple[str | None, str | None]:
    """What the commands left at `ORCHESTRA_RESULTS`: (JSON text, None), (None, why not), or (None, None) for nothing.

    The path belongs to the commands: it may be a pipe without a writer or a link to anywhere, so
    only an ordinary file is opened; with `owner`, a user's number, only one of theirs (a hard link to another
    one's file would be read with the worker's rights). JSON as in RFC 8259: NaN, Infinity and lone
    surrogates are refused.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None, "ORCHESTRA_RESULTS is a symbolic link, expected an ordinary file"
        return None, f"the results cannot be read: {os.strerror(error.errno or 0)}"
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or owner not in (None, found.st_uid):
        os.close(descriptor)
        whose = "" if owner in (None, found.st_uid) else " of the run's user"
        return None, f"ORCHESTRA_RESULTS is not an ordinary file{whose}"
    with open(descriptor, "rb") as file:
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
    except RecursionError:
        return None, "the results are nested too deeply"
    except ValueError as error:
        return None, f"the results are not JSON: {error}"
    return text, None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
