"""What a worker process sees of its machine's executors: `worker.executors.Executors` without processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from orchestra.worker.executors import Adopted, Gone, Recorded, Report, Unclaimed
from orchestra.worker.process import Identity
from orchestra.worker.requests import RunKey
from simulation.world.execution import Executor
from simulation.world.loop import Node

if TYPE_CHECKING:
    from simulation.world.machine import Machine


class SimExecutors:
    """One worker process's connections to executors. They vanish with the process, the executors do not."""

    def __init__(self, machine: Machine, node: Node) -> None:
        self.on_report: Callable[[RunKey, Report], None] = lambda key, report: None
        self._machine = machine
        self._node = node
        self._idle: list[Executor] = []
        self._busy: dict[RunKey, Executor] = {}
        self._connected: dict[Executor, None] = {}
        node.on_kill.append(self._let_go)

    def start(self, key: RunKey, folder: Path, request: bytes, lease_until: float | None = None) -> None:
        """Hand a run over to an idle executor or a new one."""
        self._node.check()
        executor = self._idle.pop() if self._idle else self._machine.fork(self)
        self._connected[executor] = None
        self._busy[key] = executor
        executor.post("execute", key, (request, lease_until))

    def adopt(self, key: RunKey, owner: Identity, sessions: dict[int, tuple[int, int]]) -> None:
        """Listen to the executor that has the run, or end what a dead one left."""
        self._node.check()
        executor = self._machine.executors.get(owner.pid)
        if executor is None or executor.identity != owner or not executor.node.is_alive:
            self._begin_end(key, f"process {owner.pid}")
            return
        executor.listener = self
        self._connected[executor] = None
        self._busy[key] = executor
        self._machine.world.later(self._machine.hop(), lambda: self._heard_hello(executor, key))

    def renew(self, key: RunKey, lease_until: float) -> None:
        """Let an exclusive run live longer."""
        self._say("lease", key, lease_until)

    def cancel(self, key: RunKey, by: str) -> None:
        """Ask that the run ends unless it began."""
        self._say("cancel", key, by)

    def abort(self, key: RunKey, by: str) -> None:
        """Ask for the end of the run."""
        self._say("abort", key, by)

    async def close(self) -> None:
        """Let go of all."""
        self._let_go()

    def hear(self, executor: Executor, key: RunKey, report: Report) -> None:
        """An executor reports."""
        if not self._node.is_alive or executor not in self._connected or self._busy.get(key) is not executor:
            return
        ended = isinstance(report, Recorded) and any(one["type"] == "finished" for one in report.records)
        if ended or isinstance(report, Unclaimed):
            del self._busy[key]
            self._idle.append(executor)
        self._report(key, report)

    def died(self, executor: Executor) -> None:
        """An executor's process is dead."""
        if not self._node.is_alive or executor not in self._connected:
            return
        del self._connected[executor]
        if executor in self._idle:
            self._idle.remove(executor)
        for key, busy in tuple(self._busy.items()):
            if busy is executor:
                self._begin_end(key, f"process {executor.identity.pid}")

    def _heard_hello(self, executor: Executor, key: RunKey) -> None:
        """An adopted executor says what it carries out; when that is another run, this one is over."""
        if not self._node.is_alive or self._busy.get(key) is not executor:
            return
        if executor.key == key:
            self._report(key, Adopted())
        else:
            self._begin_end(key, f"process {executor.identity.pid}")
            self._idle.append(executor)

    def _say(self, kind: str, key: RunKey, value: object) -> None:
        self._node.check()
        executor = self._busy.get(key)
        if executor is not None:
            executor.post(kind, key, value)

    def _begin_end(self, key: RunKey, executor: str) -> None:
        """End what a dead executor left of a run, which takes its time; then say that it is gone."""
        self._busy.pop(key, None)
        self._node.spawn(self._end(key, executor), f"sweep {key}")

    async def _end(self, key: RunKey, executor: str) -> None:
        await asyncio.sleep(self._machine.sweep_time())
        tree = self._machine.trees.get(key)
        if tree is not None:
            tree.end(None, "swept")
        await asyncio.sleep(self._machine.hop())
        self._report(key, Gone(executor, ""))

    def _report(self, key: RunKey, report: Report) -> None:
        self._node.run(self.on_report, key, report)

    def _let_go(self) -> None:
        for executor in self._connected:
            if executor.listener is self:
                executor.let_go()
        self._connected.clear()
        self._idle.clear()
        self._busy.clear()
