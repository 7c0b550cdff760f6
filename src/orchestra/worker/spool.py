"""The spool: the worker's side of the data folder, `DATA`.

    DATA/worker.lock        flock: one worker process at a time
    DATA/installation       the id of this folder: it says that "I do not hold it" comes from the same memory
    DATA/closed             what the marker of a run is linked to that can no longer start
    DATA/runs/<run>.<epoch>/  request, marker, journal, journal.reserve, log, log.index, results.json (`record`),
                            artifacts/ (`collect`)
    DATA/runs/.spare-<n>/   folders of forgotten runs, used again
    DATA/executors/         sockets, identities and reserves of executors, and what they complained about
    DATA/workspaces/<project>/<job>/<n>/

Rules. A run's folder appears whole, by rename, with its request in it; it disappears by rename
before anything in it is touched. Everything is 0700 and 0600. Nothing is synced: after a power loss
the boot id differs, and what is there is judged by sizes and hashes (`check_log`).
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from orchestra.domain.artifact import ArtifactFile
from orchestra.worker import collect
from orchestra.worker import record as r
from orchestra.worker.process import Identity
from orchestra.worker.requests import Request, RunKey

CLOSED: Final = "closed"
SPARES: Final = 64
"""Folders kept for reuse: more runs than that seldom end in one moment."""
SPARE_LOG_BYTES: Final = 1 << 18
"""A file beyond this size is deleted instead of being kept for overwriting."""
READ_BYTES: Final = 1 << 20
CHECKED_AT_ONCE_BYTES: Final = 1 << 22

Record = dict[str, Any]


class SpooledRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder says about its run. `owner` is an executor's identity, `closed`, or None without a marker."""

    request: Request
    owner: Identity | str | None
    records: list[Record]
    log_size: int


class Spool(Protocol):
    """What the worker needs of its data folder; the simulation brings one that lives in memory."""

    installation: str
    boot: str

    def held(self) -> list[SpooledRun]:
        """Read every run that is there, when the worker starts; what cannot be read is set aside."""

    def folder(self, key: RunKey) -> Path:
        """Where the run's files are, or will be."""

    def accept(self, request: Request) -> bytes:
        """Keep the request; return its encoded form for the executor. Raises OSError; nothing is kept then."""

    def look(self, key: RunKey) -> SpooledRun:
        """Read a held run's folder again: who owns it and what its journal says."""

    def close_unstarted(self, key: RunKey) -> bool:
        """Make sure that no executor can start the run from now on; False when one already did."""

    def append(self, key: RunKey, entry: Record) -> None:
        """Add to the journal of a run that no living executor writes. A full disk loses it: it can be found again."""

    def read_log(self, key: RunKey, offset: int, size: int) -> bytes:
        """Read at most `size` bytes of the log from `offset` on."""

    def read_times(self, key: RunKey, start: int, end: int) -> list[tuple[int, int]]:
        """Return the (offset, milliseconds since 1970) whose offset is in [start, end), ascending."""

    async def check_log(self, key: RunKey) -> tuple[int, str]:
        """Return size and SHA-256 of the log as it is on disk."""

    def artifacts(self, key: RunKey) -> list[ArtifactFile]:
        """Return the files that the ended run left and that are kept here."""

    def read_artifact(self, key: RunKey, sha256: str, offset: int, size: int) -> bytes:
        """Read at most `size` bytes of a kept file from `offset` on. Raises OSError."""

    def read_results(self, request: Request) -> tuple[str | None, str | None]:
        """Return what the run's commands have left as results so far: see `record.read_results`."""

    def results_moment(self, request: Request) -> tuple[int, int] | None:
        """Return something that changes when the results file does; None without one."""

    def forget(self, key: RunKey, *, is_reusable: bool) -> None:
        """Delete the run's data; `is_reusable` promises that no process still has one of its files open."""


class InUseError(Exception):
    """Another worker process uses the data folder, or the folder cannot be used; the text is for people."""


class FolderSpool:
    """The spool on a file system. Opening it makes the folders and takes the lock, for as long as the process lives."""

    def __init__(
        self, data: Path, boot: str, new_id: Callable[[], str], remove: Callable[[str], object] | None = None
    ) -> None:
        """Open `data` (absolute). `new_id` gives an id for a folder that has none. Raises `InUseError`.

        `remove` deletes a folder that nobody uses any more, now or soon: gigabytes of artifacts take their time.
        """
        self.boot = boot
        self._remove = remove_tree if remove is None else remove
        self._data = data
        self._runs = str(data / "runs")
        self._spares: list[str] = []
        self._spare_count = 0
        self._logs: dict[RunKey, tuple[int, int]] = {}
        try:
            for folder in (data, data / "runs", data / "executors", data / "workspaces"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = self._take_lock()
            self.installation = self._installation(new_id)
            self._check_links()
        except OSError as error:
            raise InUseError(f"the data folder {data} cannot be used: {error}") from error
        for path in (data / "runs").glob(".spare-*"):
            shutil.rmtree(path, ignore_errors=True)

    def held(self) -> list[SpooledRun]:
        found: list[SpooledRun] = []
        for name in sorted(os.listdir(self._runs)):
            key = RunKey.parse(name)
            if key is None or name.startswith("."):
                continue
            try:
                found.append(self.look(key))
            except (OSError, ValueError, msgspec.MsgspecError):
                # Torn by a power loss, or another version's: kept for people to see, out of the way.
                os.rename(f"{self._runs}/{name}", f"{self._runs}/.unreadable-{name}")
        return found

    def folder(self, key: RunKey) -> Path:
        return Path(self._runs, str(key))

    def accept(self, request: Request) -> bytes:
        encoded = msgspec.json.encode(msgspec.structs.replace(request, boot=self.boot))
        spare = self._spares.pop() if self._spares else self._new_spare()
        try:
            descriptor = os.open(f"{spare}/{r.REQUEST}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                _write_all(descriptor, b"%d\n%b" % (len(encoded), encoded))
            finally:
                os.close(descriptor)
            os.rename(spare, self._path(request.key))
        except OSError:
            self._spares.append(spare)
            raise
        return encoded

    def look(self, key: RunKey) -> SpooledRun:
        folder = self._path(key)
        with open(f"{folder}/{r.REQUEST}", "rb") as file:
            request = msgspec.json.decode(file.read(int(file.readline())), type=Request)
        owner = self._owner(folder)
        if owner is None:
            return SpooledRun(request=request, owner=None, records=[], log_size=0)
        records = _read_records(f"{folder}/{r.JOURNAL}", str(key)) + _read_records(f"{folder}/{r.RESERVE}", str(key))
        return SpooledRun(request=request, owner=owner, records=records, log_size=self._size(folder))

    def close_unstarted(self, key: RunKey) -> bool:
        try:
            os.link(self._data / CLOSED, f"{self._path(key)}/{r.MARKER}")
        except FileExistsError:
            return self._owner(self._path(key)) == CLOSED
        return True

    def append(self, key: RunKey, entry: Record) -> None:
        folder = self._path(key)
        line = r.journal_line(str(key), r.encode_json(entry)).encode()
        path = f"{folder}/{r.RESERVE}" if os.path.exists(f"{folder}/{r.RESERVE}") else f"{folder}/{r.JOURNAL}"
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            _, end = r.read_journal(str(key), os.read(descriptor, os.fstat(descriptor).st_size))
            os.pwrite(descriptor, line, end)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        finally:
            os.close(descriptor)

    def read_log(self, key: RunKey, offset: int, size: int) -> bytes:
        return os.pread(self._open_log(key)[0], size, offset)

    def read_times(self, key: RunKey, start: int, end: int) -> list[tuple[int, int]]:
        index = self._open_log(key)[1]
        _, count = r.INDEX_RECORD.unpack(os.pread(index, r.INDEX_RECORD.size, 0))
        first = _first_record(index, count, start)
        found: list[tuple[int, int]] = []
        for place in range(first, count):
            offset, milliseconds = _record(index, place)
            if offset >= end:
                break
            found.append((offset, milliseconds))
        return found

    async def check_log(self, key: RunKey) -> tuple[int, str]:
        folder = self._path(key)
        if self._size(folder) <= CHECKED_AT_ONCE_BYTES:
            return self._check_log(folder)
        # The only read that may take seconds, and only after something has died: not on the event loop.
        return await asyncio.to_thread(self._check_log, folder)

    def artifacts(self, key: RunKey) -> list[ArtifactFile]:
        return [ArtifactFile(*one) for one in collect.read_list(self._path(key))]

    def read_artifact(self, key: RunKey, sha256: str, offset: int, size: int) -> bytes:
        return collect.read_kept(self._path(key), sha256, offset, size)

    def read_results(self, request: Request) -> tuple[str | None, str | None]:
        user = None if request.options is None else request.options.user
        return r.read_results(self._results(request), request.results_limit, None if user is None else user.uid)

    def results_moment(self, request: Request) -> tuple[int, int] | None:
        try:
            found = os.lstat(self._results(request))
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns

    def forget(self, key: RunKey, *, is_reusable: bool) -> None:
        self._close_log(key)
        spare = self._next_spare()
        try:
            os.rename(self._path(key), spare)
        except FileNotFoundError:
            return
        if is_reusable and len(self._spares) < SPARES and self._clear(spare):
            self._spares.append(spare)
        else:
            self._remove(spare)

    def close(self) -> None:
        """Let go of the folder: another worker may use it now."""
        for key in tuple(self._logs):
            self._close_log(key)
        os.close(self._lock)

    # --- inside ---

    def _check_log(self, folder: str) -> tuple[int, str]:
        size = left = self._size(folder)
        digest = hashlib.sha256()
        try:
            with open(f"{folder}/{r.LOG}", "rb") as file:
                while left > 0 and (data := file.read(min(left, READ_BYTES))):
                    digest.update(data)
                    left -= len(data)
        except FileNotFoundError:
            pass
        return size - left, digest.hexdigest()

    def _results(self, request: Request) -> str:
        return request.results or f"{self._path(request.key)}/{r.RESULTS}"

    def _path(self, key: RunKey) -> str:
        return f"{self._runs}/{key.run}.{key.epoch}"

    def _next_spare(self) -> str:
        self._spare_count += 1
        return f"{self._runs}/.spare-{self._spare_count}"

    def _new_spare(self) -> str:
        spare = self._next_spare()
        os.mkdir(spare, 0o700)
        return spare

    def _clear(self, folder: str) -> bool:
        """Make a folder of an ended run as good as new; False when something in it is not as we know it."""
        try:
            os.unlink(f"{folder}/{r.MARKER}")
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not _may_be_kept(entry):
                        os.unlink(entry.path)
                    elif entry.name == r.INDEX:
                        _write_header(entry.path)
        except OSError:
            return False
        return True

    def _owner(self, folder: str) -> Identity | str | None:
        try:
            with open(f"{folder}/{r.MARKER}", "rb") as file:
                text = file.read(200).decode("ascii", "replace")
        except FileNotFoundError:
            return None
        return Identity.parse(text) or CLOSED

    def _size(self, folder: str) -> int:
        try:
            with open(f"{folder}/{r.INDEX}", "rb") as file:
                header = file.read(r.INDEX_RECORD.size)
        except FileNotFoundError:
            return 0
        return int(r.INDEX_RECORD.unpack(header)[0]) if len(header) == r.INDEX_RECORD.size else 0

    def _open_log(self, key: RunKey) -> tuple[int, int]:
        opened = self._logs.get(key)
        if opened is None:
            folder = self._path(key)
            log = os.open(f"{folder}/{r.LOG}", os.O_RDONLY | os.O_CLOEXEC)
            opened = self._logs[key] = log, os.open(f"{folder}/{r.INDEX}", os.O_RDONLY | os.O_CLOEXEC)
        return opened

    def _close_log(self, key: RunKey) -> None:
        for descriptor in self._logs.pop(key, ()):
            os.close(descriptor)

    def _take_lock(self) -> int:
        """Take the lock; the descriptor stays open, and executors do not inherit it."""
        descriptor = os.open(self._data / "worker.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise InUseError(
                f"the data folder {self._data} belongs to a running worker (process {pid}); "
                "stop that one, or give this one a folder of its own: --data DIR"
            ) from None
        os.pwrite(descriptor, b"%-20d" % os.getpid(), 0)
        return descriptor

    def _installation(self, new_id: Callable[[], str]) -> str:
        path = self._data / "installation"
        try:
            found = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            found = ""
        if found:
            return found
        made = new_id()
        temporary = path.with_suffix(".new")
        with open(temporary, "w", encoding="ascii", opener=_private) as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())  # an id that a power loss takes away would disown every run
        temporary.rename(path)
        return made

    def _check_links(self) -> None:
        """Markers are hard links: better to say now that the file system has none than at the first run."""
        path = self._data / CLOSED
        with open(path, "w", encoding="ascii", opener=_private) as file:
            file.write(CLOSED)
        probe = self._data / "closed.probe"
        probe.unlink(missing_ok=True)
        os.link(path, probe)
        probe.unlink()


def explain_unstored(error: OSError) -> str:
    """Why a request could not be kept, for people."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{'the disk is full' if full else 'the run cannot be stored'}: {error}"


def remove_tree(path: str) -> None:
    """Delete a folder with all that is in it, as far as that is possible."""
    shutil.rmtree(path, ignore_errors=True)


_KEPT: Final = frozenset({r.REQUEST, r.JOURNAL, r.LOG, r.INDEX})


def _may_be_kept(entry: os.DirEntry[str]) -> bool:
    if entry.name not in _KEPT or not entry.is_file(follow_symlinks=False):
        return False
    return entry.stat(follow_symlinks=False).st_size <= SPARE_LOG_BYTES


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write_header(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, r.INDEX_RECORD.pack(0, 0), 0)
    finally:
        os.close(descriptor)


def _read_records(path: str, key: str) -> list[Record]:
    try:
        with open(path, "rb") as file:
            return r.read_journal(key, file.read())[0]
    except FileNotFoundError:
        return []


def _record(index: int, place: int) -> tuple[int, int]:
    """The record number `place`, counted from 0; behind the last whole one nothing is (a torn end)."""
    data = os.pread(index, r.INDEX_RECORD.size, (place + 1) * r.INDEX_RECORD.size)
    offset, milliseconds = r.INDEX_RECORD.unpack(data) if len(data) == r.INDEX_RECORD.size else (1 << 63, 0)
    return offset, milliseconds


def _first_record(index: int, count: int, start: int) -> int:
    """The number of the first record whose offset is at least `start`, by bisection."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if _record(index, middle)[0] < start:
            low = middle + 1
        else:
            high = middle
    return low
