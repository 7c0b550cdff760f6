"""Collecting what a run left: files of the workspace that fit the job's patterns are copied into the run's folder.

    workspace ── patterns ──► regular files ── copy and hash ──► RUN/artifacts/<SHA-256>
                                                              └► RUN/artifacts/list     a line a file, JSON

The executor does it after `finally` and before the run's end is written, so the workspace still belongs to
the run alone. Copies, not links: the next run in the workspace may write into the very same file. Where
the file system can share blocks (FICLONE: btrfs, xfs) a copy takes neither time nor room.

The workspace belongs to commands that may be hostile. Every folder on the way is opened relative to the
one above without following links, files as well, and only ordinary files are read: no link leads out of
the workspace, no pipe or device is opened for reading.

What cannot be kept is told, and never fails the run. Imported by an executor at the moment when a run needs it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat

from orchestra.domain.artifact import Patterns, is_artifact_path, is_pattern, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

FOLDER, LIST = "artifacts", "list"
COPY_BYTES = 1 << 20
PAUSE_BYTES = 1 << 24
"""So much is copied between two looks at who calls: some 30 ms."""
SPARE_BYTES = 64 << 20
"""What a copy leaves free on the disk: other runs have logs to write."""
TRIES = 3
"""So often a file that changes while it is read is begun anew."""
PROBLEMS = 100
"""Problems that are remembered; further ones are counted."""
ENTRIES = 1_000_000
"""Most names that are looked at: a pattern over a whole tree of builds must end."""
DEPTH = 200
"""Folders are open all the way down: not more than the usual limit of descriptors allows."""

_FICLONE = 0x40049409
"""ioctl_ficlone(2)."""
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Stopped(Exception):
    """Somebody wants the run to end now; what was copied stays."""


class _Full(Exception):
    """No room is left for copies."""


def collect(
    folder: str, request: dict[str, Any], results: str | None, owner: int | None, pause: Callable[[], bool]
) -> tuple[int, str | None]:
    """Keep the files that the run in `folder` left; return how many, and what is missing, None when nothing is.

    `results` is what the results file holds (JSON); `owner` the user as whom the commands ran, None for the worker's
    own; `pause` returns True when the run has to end.
    """
    collection = Collection(folder, request["artifact_limits"], pause, owner)
    patterns: list[str] = request["artifacts"]
    problems: list[str] = []
    if request["late_artifacts"]:
        from orchestra.worker.late_template import late_patterns  # noqa: PLC0415 - as for commands

        late, problems = late_patterns(request["late_artifacts"], request["values"], results)
        patterns = [*patterns, *late]
    collection.collect(request["workspace"], patterns, problems)
    return collection.count, collection.error


class Collection:
    """The files that one run left. `count` of them are kept; `error` says what is not, None when nothing is missing."""

    def __init__(self, target: str, limits: Sequence[int], pause: Callable[[], bool], owner: int | None = None) -> None:
        """`target` is the run's folder; `limits` count, bytes of a file, bytes together.

        `pause` is called often; it returns True when the run has to end. With `owner`, a user's number, only their
        files are kept: a hard link to another one's would be read with the worker's rights.
        """
        self._owner = owner
        self.count = 0
        self._folder = f"{target}/{FOLDER}"
        self._most, self._file_bytes, self._total_bytes = limits
        self._pause = pause
        self._total = 0
        self._problems: list[str] = []
        self._further = 0
        self._fitted: set[int] = set()
        self._entries = 0
        self._copied = 0
        self._lines: list[str] = []

    @property
    def error(self) -> str | None:
        return told(self._problems, self._further)

    def collect(self, workspace: str, patterns: Sequence[str], problems: Sequence[str] = ()) -> None:
        """Copy what fits. Raises nothing: whatever goes wrong is a problem that is told, beside those known before."""
        for one in problems:
            self._tell(one)
        usable = [one for one in patterns if is_pattern(one)]
        for one in patterns:
            if one not in usable:
                self._tell(f"{one!r} is no pattern below the workspace")
        try:
            os.mkdir(self._folder, 0o700)
            descriptor = os.open(workspace, _OPEN_FOLDER)
            try:
                self._walk(descriptor, "", Patterns.of(usable), 0)
            finally:
                os.close(descriptor)
        except Stopped:
            self._tell("not all files were collected: the run was stopped meanwhile")
        except _Full:
            self._tell("no space left for artifacts on the worker")
        except (OSError, RecursionError) as error:
            self._tell(f"the workspace cannot be searched: {_reason(error)}")
        else:
            for number, one in enumerate(usable):
                if number not in self._fitted:
                    self._tell(f"{one!r} fits no file")
        self._write_list()

    # --- the way down ---

    def _walk(self, folder: int, above: str, patterns: Patterns, depth: int) -> None:
        for name, kind in self._entries_of(folder, above):
            path = f"{above}{name}"
            if kind == "folder":
                below = patterns.below(name)
                if below:
                    self._enter(folder, name, path, below, depth)
                continue
            fitted = patterns.of_file(name)
            if not fitted:
                continue
            self._fitted |= fitted
            if kind == "file":
                self._keep(folder, name, path)
            else:
                self._tell(f"{_shown(path)} is a {kind}, which is not followed or read")

    def _entries_of(self, folder: int, above: str) -> Iterator[tuple[str, str]]:
        """Names in their order, so that a limit always keeps the same files."""
        with os.scandir(folder) as entries:
            found = sorted((one.name, _kind(one)) for one in entries)
        for one in found:
            self._entries += 1
            if self._entries > ENTRIES:
                raise OSError(errno.E2BIG, f"more than {ENTRIES} names, the last in {_shown(above or '.')}")
            if self._entries % 1_000 == 0:
                self._heed()
            yield one

    def _enter(self, folder: int, name: str, path: str, patterns: Patterns, depth: int) -> None:
        if depth >= DEPTH:
            self._tell(f"{_shown(path)} is nested more than {DEPTH} folders deep")
            return
        try:
            inner = os.open(name, _OPEN_FOLDER, dir_fd=folder)
        except OSError as error:
            self._tell(f"{_shown(path)} cannot be opened: {_reason(error)}")
            return
        try:
            self._walk(inner, f"{path}/", patterns, depth + 1)
        finally:
            os.close(inner)

    # --- one file ---

    def _keep(self, folder: int, name: str, path: str) -> None:
        if not is_artifact_path(path):
            self._tell(f"{_shown(path)} has a name that is not UTF-8, or too long")
            return
        if self.count >= self._most:
            self._tell(f"{_shown(path)} is beyond the limit of {self._most} files")
            return
        try:
            source = os.open(name, _OPEN_FILE, dir_fd=folder)
        except OSError as error:
            self._tell(f"{_shown(path)} cannot be read: {_reason(error)}")
            return
        try:
            self._keep_open(source, path)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _Full from None
            self._tell(f"{_shown(path)} cannot be kept: {_reason(error)}")
        finally:
            os.close(source)

    def _keep_open(self, source: int, path: str) -> None:
        for _ in range(TRIES):
            before = os.fstat(source)
            if not stat.S_ISREG(before.st_mode):
                self._tell(f"{_shown(path)} is no ordinary file any more")
                return
            if self._owner not in (None, before.st_uid):
                self._tell(f"{_shown(path)} does not belong to the run's user")
                return
            if not self._fits(before.st_size, path):
                return
            size, sha256 = self._copy(source, before.st_size)
            after = os.fstat(source)
            if _moment(before) == _moment(after) and size == before.st_size:
                os.rename(f"{self._folder}/.new", f"{self._folder}/{sha256}")
                self.count += 1
                self._total += size
                self._lines.append(json.dumps([path, size, sha256], ensure_ascii=False))
                return
        self._tell(f"{_shown(path)} changes while it is read")

    def _fits(self, size: int, path: str) -> bool:
        if size > self._file_bytes:
            self._tell(f"{_shown(path)} has {size} bytes, more than the {self._file_bytes} of one artifact")
            return False
        if self._total + size > self._total_bytes:
            self._tell(f"{_shown(path)} is beyond the limit of {self._total_bytes} bytes together")
            return False
        room = os.statvfs(self._folder)
        if room.f_bavail * room.f_frsize < size + SPARE_BYTES:
            raise _Full
        return True

    def _copy(self, source: int, size: int) -> tuple[int, str]:
        """Copy at most `size` bytes; return how many there were, and their hash."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        target = os.open(f"{self._folder}/.new", flags, 0o600)
        try:
            is_cloned = _clone(source, target)
            digest, place = hashlib.sha256(), 0
            while place < size and (
                data := os.pread(target if is_cloned else source, min(COPY_BYTES, size - place), place)
            ):
                if not is_cloned:
                    _write_all(target, data)
                digest.update(data)
                place += len(data)
                self._copied += len(data)
                if self._copied >= PAUSE_BYTES:
                    self._copied = 0
                    self._heed()
            return place, digest.hexdigest()
        except BaseException:
            os.unlink(f"{self._folder}/.new")
            raise
        finally:
            os.close(target)

    # --- the list, and what is told ---

    def _write_list(self) -> None:
        """By rename: a list that is there is whole."""
        path = f"{self._folder}/{LIST}"
        try:
            descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _write_all(descriptor, "".join(f"{line}\n" for line in self._lines).encode())
            finally:
                os.close(descriptor)
            os.rename(f"{path}.new", path)
        except OSError as error:
            self.count = 0
            self._tell(f"the list of artifacts cannot be written: {_reason(error)}")

    def _heed(self) -> None:
        if self._pause():
            raise Stopped

    def _tell(self, problem: str) -> None:
        if len(self._problems) < PROBLEMS:
            self._problems.append(problem)
        else:
            self._further += 1


def read_list(folder: str) -> list[tuple[str, int, str]]:
    """What was kept of the run in `folder`: (path, bytes, SHA-256); what cannot be read is left out."""
    try:
        with open(f"{folder}/{FOLDER}/{LIST}", "rb") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    found: list[tuple[str, int, str]] = []
    for line in lines:
        try:
            path, size, sha256 = json.loads(line)
        except ValueError:
            continue  # torn by a loss of power: the server is told how many there were
        found.append((path, size, sha256))
    return found


def read_kept(folder: str, sha256: str, offset: int, size: int) -> bytes:
    """Bytes of a kept file. Raises OSError, ValueError for what is no hash."""
    if len(sha256) != 64 or not sha256.isalnum():
        raise ValueError(f"no SHA-256: {sha256!r}")
    descriptor = os.open(f"{folder}/{FOLDER}/{sha256}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    if entry.is_symlink():
        return "symbolic link"
    return "file" if entry.is_file(follow_symlinks=False) else "special file"


def _clone(source: int, target: int) -> bool:
    """Share the source's blocks; False where the file system cannot, or the two are on different ones."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _moment(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _shown(path: str) -> str:
    """A path as text that can be shown: bytes that are no UTF-8, and control characters, as escapes."""
    return path if path.isprintable() else ascii(path)[1:-1]


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
