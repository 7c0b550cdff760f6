"""Starting a command as another user, on a terminal, with less priority or memory: what `posix_spawn` cannot do.

    fork ──► new session, terminal, cgroup, limits, nice ──► groups, group, user ──► execve
      └──────── a pipe that closes by execve, or brings the number of the error and what failed ──────┘

The child does nothing but system calls between fork and execve. The executor is one thread, so the
fork is safe. Imported by executors whose job asks for any of this.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import struct
import termios

from orchestra.worker.memory_group import MemoryGroup, find_parent
from orchestra.worker.process import RESET_SIGNALS, CannotStart, explain_exec, find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_ROWS, _COLUMNS = 40, 120


class Launcher:
    """Starts the commands of one run with the options of its job. `options` is `requests.Options` as JSON."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Prepare what the commands share. Raises `CannotStart`."""
        self._options = options
        self._group: MemoryGroup | None = None
        # Containers have their own limit, by the engine.
        limit = options["memory_limit"] if options["container"] is None else None
        self._memory_limit = limit
        parent = find_parent() if limit is not None else None
        if limit is not None and parent is not None:
            try:
                self._group = MemoryGroup(parent, limit, os.getpid())
            except OSError as error:
                raise CannotStart("cannot_start", f"the memory cannot be limited: {error}") from None

    def start(self, argv: list[str], environment: Mapping[str, str], output: int, *, is_terminal: bool) -> int:
        """Start `argv` in the current folder as the leader of a new session, with `output`; return its pid.

        `is_terminal`: `output` is the inner end of a pseudo-terminal, which becomes the session's. Raises
        `CannotStart`, as `process.spawn` does, and for what the options ask and cannot be had.
        """
        path = find_program(argv[0], environment)
        failed_read, failed_write = os.pipe2(os.O_CLOEXEC)
        try:
            pid = os.fork()
        except OSError as error:
            os.close(failed_read)
            os.close(failed_write)
            raise CannotStart("cannot_start", f"{path} could not be started: {os.strerror(error.errno or 0)}") from None
        if pid == 0:
            self._become(path, argv, environment, output, failed=failed_write, is_terminal=is_terminal)
        os.close(failed_write)
        with open(failed_read, "rb") as file:
            failure = file.read()
        if failure:
            os.waitpid(pid, 0)
            raise CannotStart(*self._explain(failure.decode(), path))
        return pid

    def has_run_out_of_memory(self) -> bool:
        """Tell whether the kernel has ended a process of the run for want of memory since the last question."""
        return self._group is not None and self._group.has_killed()

    def close(self) -> None:
        """The run is over, and nothing of it lives."""
        if self._group is not None:
            self._group.close()

    def _become(
        self,
        path: str,
        argv: list[str],
        environment: Mapping[str, str],
        output: int,
        *,
        failed: int,
        is_terminal: bool,
    ) -> None:
        """In the child: never returns."""
        step = "start"
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in RESET_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            if is_terminal:
                step = "terminal"
                fcntl.ioctl(output, termios.TIOCSCTTY, 0)
            nothing = os.open("/dev/null", os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            if nothing > 2:
                os.close(nothing)
            step = "memory"
            self._limit_memory()
            step = "nice"
            os.nice(self._options["nice"])
            user = self._options["user"]
            if user is not None:
                step, folder = "user", os.getcwd()
                os.initgroups(user["name"], user["gid"])
                os.setgid(user["gid"])
                os.setuid(user["uid"])
                step = "folder"
                os.chdir(folder)
            step = "exec"
            os.execve(path, argv, environment)
        except OSError as error:
            os.write(failed, f"{error.errno or 0} {step}".encode())
        except ValueError as error:  # a NUL in an argument, an "=" in a variable's name
            os.write(failed, f"0 value {error}".encode())
        finally:
            os._exit(127)

    def _limit_memory(self) -> None:
        limit = self._memory_limit
        if self._group is not None:
            self._group.join()
        elif limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def _explain(self, failure: str, path: str) -> tuple[str, str]:
        number, step, *rest = failure.split(" ", 2)
        error = OSError(int(number), os.strerror(int(number)))
        what = {
            "terminal": "the terminal cannot be had",
            "memory": "the memory cannot be limited",
            "nice": "the priority cannot be lowered",
            "user": f"the user {(self._options['user'] or {}).get('name')} cannot be taken on",
            "folder": f"the user {(self._options['user'] or {}).get('name')} may not enter the workspace (does the "
            "worker's data folder lie below a folder that is closed to others?)",
        }.get(step)
        if step == "value":
            return "bad_definition", f"{path} cannot be given these arguments: {rest[0]}"
        return explain_exec(error, path) if what is None else ("cannot_start", f"{what}: {error.strerror}")


def open_terminal(owner: Mapping[str, Any] | None) -> tuple[int, int]:
    """Open a pseudo-terminal of 120 columns and 40 rows; return our end, which never blocks, and the commands' end.

    Bytes pass as they are written: no `\\r` before a newline, no echo. Raises `CannotStart`.
    """
    try:
        ours, theirs = os.openpty()
    except OSError as error:
        raise CannotStart("cannot_start", f"the terminal cannot be had: {os.strerror(error.errno or 0)}") from None
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    if owner is not None:
        os.fchown(theirs, owner["uid"], owner["gid"])
    os.set_blocking(ours, False)
    return ours, theirs
