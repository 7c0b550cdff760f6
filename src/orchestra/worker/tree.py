"""The process tree below an executor: is it empty, who is in it, and how it is ended.

The executor is the subreaper of its descendants (PR_SET_CHILD_SUBREAPER, prctl(2)): whoever loses
its parent becomes the executor's child, whatever session it moved to and however often it forked.
A dying process hands over its children before it can be waited for, so once `waitpid` says ECHILD
nothing that a command started is alive. That, and nothing else, is what "empty" means here.

`sweep_targets` serves the other case, an executor that was killed: its descendants now belong to
the zygote, or, if that is another one by now, to whoever takes orphans, and are found by their parent,
their environment and their session.

Imported by executors.
"""

from __future__ import annotations

import os

from orchestra.worker.process import Stat, all_processes, command_line, read_once, send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RUN_MARK = "ORCHESTRA_RUN"
"""The variable in every command's environment that names its run."""


ZYGOTE_NAME = "orchestra-zygo"
EXECUTOR_NAME = "orchestra-exec"
"""What these processes call themselves; an executor has its parent's name for a moment."""

_ENVIRONMENT_BYTES = 1 << 20


def reap() -> tuple[bool, list[tuple[int, int]]]:
    """Collect every child that has ended: (whether no child is left, [(pid, wait status), …])."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True, ended
        if pid == 0:
            return False, ended
        ended.append((pid, status))


def descendants(root: int, processes: Iterable[Stat]) -> list[Stat]:
    """Everything below `root` that runs, parents first. Zombies are left out: no signal reaches them."""
    children: dict[int, list[Stat]] = {}
    for one in processes:
        children.setdefault(one.parent, []).append(one)
    found: list[Stat] = []
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            waiting.append(child.pid)
            if child.state not in "ZX":
                found.append(child)
    return found


def living_below(root: int) -> list[Stat]:
    """Everything below `root` that runs now."""
    return descendants(root, all_processes())


def signal_tree(root: int, number: int) -> None:
    """Send a signal to everything that is below `root` now. What forks meanwhile needs another call."""
    for target in living_below(root):
        send_signal(target, number)


def sweep_targets(run: str, sessions: Mapping[int, tuple[int, int]]) -> list[Stat]:
    """What is left of a run whose executor is dead, and everything below it.

    Ours is a process whose environment names the run, or that is in a session which a command of
    the run leads (`sessions`: the leader's pid → it started between these ticks), or that became a
    child of this worker's zygote without being an executor: only a killed executor leaves such ones.
    A session whose leader is gone is not trusted: its number may be another's by now. So a process
    escapes only if it cleared its environment, outlived its session's leader, and the zygote of its
    executor is gone, too; `docs/decisions` says so.
    """
    processes = list(all_processes())
    zygotes = {one.pid for one in processes if one.parent == os.getpid() and one.name == ZYGOTE_NAME}
    leaders = {one.pid for one in processes if one.pid in sessions and _is_within(one.start, sessions[one.pid])}
    mark = f"{RUN_MARK}={run}".encode()
    ours = {
        one.pid: one
        for one in processes
        if one.state not in "ZX"
        and one.pid != os.getpid()
        and (one.session in leaders or _is_orphan(one, zygotes) or _has_mark(one.pid, mark))
    }
    for root in tuple(ours):
        ours.update((one.pid, one) for one in descendants(root, processes))
    return list(ours.values())


def _is_orphan(one: Stat, zygotes: set[int]) -> bool:
    return one.parent in zygotes and one.name not in (ZYGOTE_NAME, EXECUTOR_NAME)


def _is_within(start: int, ticks: tuple[int, int]) -> bool:
    return ticks[0] - 1 <= start <= ticks[1] + 1  # the kernel's clock and ours may round differently


def _has_mark(pid: int, mark: bytes) -> bool:
    try:
        return mark in read_once(f"/proc/{pid}/environ", _ENVIRONMENT_BYTES).split(b"\0")
    except OSError:
        return False  # gone, a kernel thread, or another user's: not ours


def describe(processes: Iterable[Stat]) -> str:
    """`1234 (python3 serve.py), 1240 (sleep 60)`: how people are told who survived."""
    return ", ".join(f"{one.pid} ({command_line(one)})" for one in processes)
