"""The folder in which a run's commands start: kept between runs of a job (`reuse`), or emptied first (`clean`).

`DATA/workspaces/<project>/<job>/<n>`: two runs of one job at once get different numbers, so a
workspace belongs to one run at a time. The worker chooses the number and keeps it taken until the
run's process tree is gone; the executor makes, empties and enters the folder.

Imported by executors.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container


class WorkspaceError(Exception):
    """The workspace cannot be used; `code` is a cause code."""

    def __init__(self, error: OSError, path: str) -> None:
        place = error.filename or path
        super().__init__(f"the workspace cannot be prepared: {os.strerror(error.errno or 0)}: {place}")
        self.code = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "cannot_start"


def choose(root: str, project: str, job: str, taken: Container[str], user: str | None = None) -> str:
    """The first path `root/project/job/n` that is not taken, n counting from 1; `n.user` for another user's."""
    number, suffix = 1, "" if user is None else f".{user}"
    while (path := f"{root}/{project}/{job}/{number}{suffix}") in taken:
        number += 1
    return path


def enter(path: str, *, clean: bool, owner: tuple[int, int] | None = None) -> None:
    """Make `path` the current folder: private (0700), made if missing, empty if `clean`. Raises `WorkspaceError`.

    `owner` is the (user, group) that it belongs to, if not the worker's own: the folders above let them pass then.
    """
    try:
        try:
            os.chdir(path)
        except FileNotFoundError:
            _make(path)
            os.chdir(path)
        else:
            if clean:
                empty(path)
        if owner is not None:
            os.chown(path, *owner)
            for above in (os.path.dirname(path), os.path.dirname(os.path.dirname(path))):
                os.chmod(above, 0o711)
    except OSError as error:
        raise WorkspaceError(error, path) from None


def _make(path: str) -> None:
    """Make the folder and those above it, each private."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass  # another run's executor made one of those above at this moment
    except FileNotFoundError:
        _make(os.path.dirname(path))
        _make(path)


def too_little_space(root: str, least: int) -> str | None:
    """Say that fewer than `least` bytes are free for this user where workspaces are; None when there is enough."""
    if not least:
        return None
    try:
        found = os.statvfs(root)
    except OSError as error:
        return f"the space for workspaces cannot be told: {error}"
    free = found.f_bavail * found.f_frsize
    return None if free >= least else f"{free >> 20} MiB are free for workspaces, {least >> 20} MiB are wanted"


def empty(path: str) -> None:
    """Delete all that is in the folder, without following a link out of it. Raises OSError."""
    descriptor = os.open(path, _FOLDER)
    try:
        _empty(descriptor)
    except RecursionError:
        raise OSError(errno.ENAMETOOLONG, "folders are nested too deep", path) from None
    finally:
        os.close(descriptor)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _empty(descriptor: int) -> None:
    with os.scandir(descriptor) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    if found:
        _allow(descriptor)
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=descriptor)
            continue
        inner = _open(name, descriptor)
        try:
            _empty(inner)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=descriptor)


def _open(name: str, descriptor: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=descriptor)
    except PermissionError:  # not even readable by its owner
        os.chmod(name, 0o700, dir_fd=descriptor)
        return os.open(name, _FOLDER, dir_fd=descriptor)


def _allow(descriptor: int) -> None:
    """Some tools make folders that forbid their owner to delete (a module cache of Go)."""
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & 0o700 != 0o700:
        os.fchmod(descriptor, mode | 0o700)
