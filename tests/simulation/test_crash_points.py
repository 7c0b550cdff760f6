"""Something happens at every point of a run, one after the other: a process is killed, or somebody wants it to end.

A calm world carries out one run. Its points are each use that a process makes of its database, its network, its spool
and its executors, and each record of an executor, before and after. The world is played once for each point. There
the victim is killed, and starts again soon after (C01, C02, C04), or a wish arrives, which so races every step of the
run (C25). What must hold is what must hold in every world.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestra.worker import record
from simulation.checks import violations
from simulation.history import Fault
from simulation.world import execution
from simulation.world import world as worlds
from simulation.world.clients import Client
from simulation.world.database import at_once
from simulation.world.loop import NODE, Node
from simulation.world.seams import Buggify
from simulation.world.swarm import Job, Swarm

SEED = 1
WISHES = ("cancel", "abort")
BACK_S = 1.5
"""So long after its end a killed process starts again."""
RUN = Job(identifier="run", words=("write:900", "sleep:0.3", "results:7", "then", "leave:500", "exit:0"))


class CalmSwarm(Swarm):
    """One machine, one job, and nothing that goes wrong by itself."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.machine_names = ["w1"]
        self.slots = {"w1": 1}
        self.properties = {"w1": {"os": "linux"}}
        self.network_latency_s, self.database_latency_s = 0.002, 0.0005
        self.database_failure = self.hidden_commit = 0.0
        self.faults, self.dead_for_ever, self.jobs, self._skew = [], None, [RUN], False


class AtOnce(random.Random):
    """The chance of a client that never waits."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


class NeverBuggify(Buggify):
    """No weak point gives way."""

    def __call__(self, name: str, probability: float = 0.25) -> bool:
        return False


class PointWorld(worlds.World):
    """A world in which `victim` is killed at the point numbered `at` (from 1; 0: never), or the wish `victim` comes."""

    def __init__(self, folder: Path, victim: str, at: int) -> None:
        super().__init__(SEED, folder)
        self.buggify = NeverBuggify(SEED)
        self._victim, self._at = victim, at
        self.points: list[str] = []
        self._is_watched = False

    def pass_point(self, name: str) -> None:
        """Something is about to happen, or has just happened."""
        if not self._is_watched:
            return
        self.points.append(name)
        if len(self.points) == self._at:
            if self._victim in WISHES:
                self._wish()
            else:
                self._strike()

    def _wish(self) -> None:
        client = Client(self, "somebody")
        client._chance = AtOnce()
        for (run,) in self._raw("SELECT identifier FROM run"):
            self.begin(client._wish(self._victim, run))

    def _strike(self) -> None:
        (machine,) = self.machines.values()
        executors = list(machine.executors.values())
        if self._victim == "server":
            target, node = "server", None if self.server is None else self.server.node
        else:
            target = machine.name
            node = machine.node if self._victim == "worker" else executors[0].node
        if node is None or not node.is_alive:
            return
        self.record(Fault(at=self.time(), kind=f"{self._victim} killed", target=target, detail=""))
        # From here on nothing that it does has an effect; its tasks unwind when the others go on.
        node.is_alive = False
        if self._victim == "server":
            self.begin(self.kill_server())
            self.later(BACK_S, self.start_server)
        elif self._victim == "worker":
            self.begin(machine.kill_worker())
            self.later(BACK_S, machine.start_worker)
        else:
            self.begin(machine.kill_executor(executors[0]))

    async def live(self) -> None:
        """One run, from the trigger to the deletion of its folder."""
        at_once(self.inline.write(self._furnish))
        self.committed()
        self.start_server()
        (machine,) = self.machines.values()
        machine.start_worker()
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look_at_logs())
            await asyncio.sleep(1)
            self._is_watched = True
            await Client(self, "client0")._trigger_at(0.1, "the key")
            await self._wait_quiet()
            looking.cancel()
        self._is_watched = False
        await self._conclude()


def play(victim: str, at: int) -> PointWorld:
    """Let the world live in which `victim` is killed at that point."""
    made: list[PointWorld] = []

    def make(_: int, folder: Path) -> PointWorld:
        made.append(PointWorld(folder, victim, at))
        return made[0]

    real_check = Node.check

    def check(node: Node) -> None:
        if node.is_alive:
            made[0].pass_point(node.name)
        real_check(node)

    def around(real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            made[0].pass_point(f"before {name}")
            _end_if_dead()
            result = real(*arguments)
            made[0].pass_point(f"after {name}")
            _end_if_dead()
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worlds, "Swarm", CalmSwarm)
        patch.setattr(worlds, "World", make)
        patch.setattr(Node, "check", check)
        patch.setattr(execution, "claim", around(record.claim, "the marker"))
        patch.setattr(execution._DiskJournal, "write", around(record.Journal.write, "a record"))
        worlds.play(SEED)
    return made[0]


def _end_if_dead() -> None:
    """An executor that was just killed goes no further."""
    node = NODE.get()
    if node is not None and not node.is_alive:
        raise asyncio.CancelledError


VICTIMS = {
    "server": lambda point: point.startswith("server"),
    "worker": lambda point: point == "w1",
    "executor": lambda point: point.startswith(("before", "after")),
}
"""Each is killed at its own points: what it does between two of them, nobody else sees."""


@pytest.fixture(scope="module")
def points() -> list[str]:
    """What a world passes in which nobody is killed."""
    world = play("server", 0)
    assert not violations(world.history)
    (run,) = world.history.runs.values()
    assert (run.status, run.files_complete) == ("succeeded", True)
    return world.points


@pytest.mark.parametrize("victim", VICTIMS)
def test_no_point_at_which_a_process_dies_costs_the_run_anything(victim: str, points: list[str]) -> None:
    struck = [number for number, name in enumerate(points, start=1) if VICTIMS[victim](name)]
    if victim == "server":
        # They come in pairs, before and after a wait in which it does nothing.
        struck = struck[1::2]
    assert len(struck) >= 12, points
    wrong = []
    for at in struck:
        world = play(victim, at)
        (run,) = world.history.runs.values()
        is_under_way = "after the marker" in points[:at] and at != struck[-1]
        assert world.history.of(Fault), f"nobody was killed at point {at}"
        wrong += [f"{victim} at point {at}, {points[at - 1]}: {one}" for one in violations(world.history)]
        # An executor that dies before its marker is replaced; after it, nobody starts the run again.
        expected = "exception" if victim == "executor" and is_under_way else "succeeded"
        if run.status != expected:
            wrong.append(f"{victim} at point {at}, {points[at - 1]}: {run.status} instead of {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("wish", WISHES)
def test_c25_a_wish_that_races_any_step_of_a_run_gives_one_end_that_is_true(wish: str, points: list[str]) -> None:
    last = len(points) - points[::-1].index("after the marker") if wish == "cancel" else len(points)
    wrong = []
    statuses = set()
    for at in range(1, last + 1, 2 if wish == "cancel" else 4):
        world = play(wish, at)
        (run,) = world.history.runs.values()
        statuses.add(run.status)
        wrong += [f"{wish} at point {at}, {points[at - 1]}: {one}" for one in violations(world.history)]
    assert not wrong, "\n".join(wrong)
    assert statuses == ({"cancelled", "succeeded"} if wish == "cancel" else {"aborted", "cancelled", "succeeded"})
