"""Memory limits by cgroups, where this process may make one: for a whole process tree, enforced by the kernel.

    version 1   /sys/fs/cgroup/memory/<ours>/orchestra-<pid>/memory.limit_in_bytes
    version 2   /sys/fs/cgroup/<ours>/orchestra-<pid>/memory.max, where memory is delegated to our children, or
                in the unit of systemd above us, if that was delegated

Elsewhere each process gets a limit of its address space instead (RLIMIT_AS, setrlimit(2)), which is
coarser: it counts what is reserved, for one process alone. `docs/workers.md` says how to get cgroups.

Imported by executors whose job has a limit.
"""

from __future__ import annotations

import os

ROOT = "/sys/fs/cgroup"


class Parent:
    """The cgroup in which ours are made; `version` is 1 or 2."""

    def __init__(self, path: str, version: int) -> None:
        self.path = path
        self.version = version


def find_parent(root: str = ROOT, own: str = "/proc/self/cgroup") -> Parent | None:
    """Return where a cgroup with a memory limit can be made; None where that cannot be."""
    try:
        lines = _read(own).splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            for candidate in (f"{root}/memory{path}", f"{root}/memory"):
                if os.path.exists(f"{candidate}/memory.limit_in_bytes") and os.access(candidate, os.W_OK):
                    return Parent(candidate.rstrip("/"), 1)
        elif not controllers:
            own_path = f"{root}{path}".rstrip("/")
            if _says(f"{own_path}/cgroup.subtree_control") and os.access(own_path, os.W_OK):
                return Parent(own_path, 2)
            # A unit of systemd with Delegate= and DelegateSubgroup=: we are below it, and it holds no process itself.
            unit = os.path.dirname(own_path)
            if unit.endswith((".service", ".scope")) and _says(f"{unit}/cgroup.controllers") and _is_ours(unit):
                return Parent(unit, 2)
    return None


def _says(path: str) -> bool:
    """Tell whether the list of controllers in a file has memory."""
    try:
        return "memory" in _read(path).split()
    except OSError:
        return False


def _is_ours(unit: str) -> bool:
    return os.access(unit, os.W_OK) and os.access(f"{unit}/cgroup.subtree_control", os.W_OK)


class MemoryGroup:
    """One cgroup with a limit."""

    def __init__(self, parent: Parent, limit: int, pid: int) -> None:
        """Make it. Raises OSError when the kernel does not let us."""
        self._version = parent.version
        self._path = f"{parent.path}/orchestra-{pid}"
        control = f"{parent.path}/cgroup.subtree_control"
        if self._version != 1 and not _says(control):
            _write(control, "+memory")
        os.makedirs(self._path, exist_ok=True)
        try:
            if self._version == 1:
                _write(f"{self._path}/memory.limit_in_bytes", str(limit))
                _write_if_there(f"{self._path}/memory.memsw.limit_in_bytes", str(limit))
            else:
                _write(f"{self._path}/memory.max", str(limit))
                _write_if_there(f"{self._path}/memory.swap.max", "0")
        except OSError:
            self.close()
            raise
        self._killed = self._kills()

    def join(self) -> None:
        """Put the calling process into it; what that starts is in it, too. Raises OSError."""
        _write(f"{self._path}/cgroup.procs", str(os.getpid()))

    def has_killed(self) -> bool:
        """Tell whether the kernel has ended something in it for want of memory since the last question."""
        before, self._killed = self._killed, self._kills()
        return self._killed > before

    def close(self) -> None:
        """Remove it; processes that cannot be killed keep it."""
        try:
            os.rmdir(self._path)
        except OSError:
            pass

    def _kills(self) -> int:
        name = "memory.oom_control" if self._version == 1 else "memory.events"
        try:
            lines = _read(f"{self._path}/{name}").splitlines()
        except OSError:
            return 0
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _write_if_there(path: str, text: str) -> None:
    """What limits swap may be switched off in the kernel; memory is limited then all the same."""
    try:
        _write(path, text)
    except OSError:
        pass
