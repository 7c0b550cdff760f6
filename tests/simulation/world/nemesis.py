"""The nemesis: draws a fault now and then, does it, and undoes it. Afterwards it heals everything."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, Final

from simulation.history import Fault
from simulation.world.machine import Machine
from simulation.world.seams import stream

if TYPE_CHECKING:
    from simulation.world.world import World


UNMASK_S: Final = 45.0
ABANDONED_S: Final = 90.0
"""Longer than the server waits for the longest lease with its grace and margin, after it has noticed."""


class Nemesis:
    """What goes wrong in one world, and for how long."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance: random.Random = stream(world.seed, "nemesis")

    async def rage(self, until: float) -> None:
        """Do faults until then."""
        world, swarm = self._world, self._world.swarm
        if swarm.has_lease:
            world.begin(self._abandon())
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / swarm.fault_interval_s))
            if world.time() >= until:
                return
            await self._strike(self._chance.choice(swarm.faults))

    async def _abandon(self) -> None:
        """Leave the worker with an exclusive run alone for longer than the server waits, at times without a worker."""
        world, chance = self._world, stream(self._world.seed, "abandon")
        await asyncio.sleep(chance.uniform(10, 30))
        on = [machine for machine in world.machines.values() if machine.has_lease]
        if not on:
            return
        machine = chance.choice(on)
        self._say("partition", machine.name, f"{ABANDONED_S:g} s up down")
        world.network.block(machine.name, up=True, down=True)
        world.later(ABANDONED_S, lambda: world.network.unblock(machine.name))
        if chance.random() < 0.5:
            self._say("worker killed", machine.name)
            await machine.kill_worker()
            world.later(ABANDONED_S, machine.start_worker)

    async def heal(self) -> None:
        """Undo everything; a machine that is to stay dead loses its power for ever."""
        world = self._world
        world.weather.calm()
        world.loop.thaw_all()
        world.disk.failing = 0
        world.artifact_disk.failing = 0
        for connection in world.network.connections:
            connection.unblock()
        world.network.blocked.clear()
        world.network.slow_until.clear()
        dead = world.swarm.dead_for_ever
        for machine in world.machines.values():
            machine.is_full = False
            machine.slow_until = 0.0
            if machine.name == dead:
                self._say("gone for ever", machine.name)
                if machine.is_on:
                    self._say("power loss", machine.name)
                    await machine.lose_power()
            elif not machine.is_on:
                machine.switch_on()
            else:
                machine.start_worker()
        if world.server is None:
            world.start_server()
        self._say("healed", "everything")
        await self._unmask()

    async def _unmask(self) -> None:
        """Of two workers with one name the one that the server knows stays, once it has heard all that was said.

        Were an impostor switched off before, its last hello could still take the name, and runs that wait for ever.
        """
        world = self._world
        if not world.impostors:
            return
        await asyncio.sleep(UNMASK_S)
        for impostor in world.impostors:
            rightful = world.machines[impostor.name]
            wrong = impostor
            if impostor.installation() == world.installation(impostor.name):
                world.machines[impostor.name], wrong = impostor, rightful
            if wrong.is_on:
                await wrong.lose_power()

    async def _strike(self, kind: str) -> None:
        match kind:
            case "cut" | "half-open" | "late frames":
                self._break_connection(kind)
            case "partition":
                self._partition()
            case "server killed" | "server loses power":
                await self._kill_server(kind)
            case "worker killed" | "worker stopped" | "power loss":
                await self._strike_machine(kind)
            case "executor killed":
                await self._kill_executor()
            case "server paused" | "worker paused" | "executor paused":
                self._pause(kind)
            case "database down":
                duration = self._chance.uniform(1, 15)
                self._say(kind, "server", f"{duration:.1f} s")
                self._world.weather.down_until = self._world.time() + duration
            case "slow connection":
                self._slow_down()
            case "disk full" | "disk slow" | "worker disk full" | "worker disk slow":
                self._spoil_disk(kind)
            case "clock jump":
                self._jump()
            case "impostor":
                self._claim_name()

    def _break_connection(self, kind: str) -> None:
        connections = self._world.network.connections
        if not connections:
            return
        connection = self._chance.choice(connections)
        self._say(kind, connection.worker)
        match kind:
            case "cut":
                connection.cut()
            case "half-open":
                connection.half_open()
            case _:
                connection.delay()
                self._world.later(self._chance.choice((0.5, 3.0, 12.0, 25.0)), connection.unblock)

    def _spoil_disk(self, kind: str) -> None:
        world = self._world
        duration = self._chance.uniform(1, 30)
        if kind == "worker disk full":
            machine = self._chance.choice(list(world.machines.values()))
            self._say(kind, machine.name, f"{duration:.1f} s")
            machine.is_full = True
            world.later(duration, partial(setattr, machine, "is_full", False))
        elif kind == "worker disk slow":
            machine = self._chance.choice(list(world.machines.values()))
            self._say(kind, machine.name, f"{duration:.1f} s")
            machine.slow_until = world.time() + duration
        elif kind == "disk slow":
            self._say(kind, "server", f"{duration:.1f} s")
            world.weather.slow_until = world.time() + duration
        else:
            self._say(kind, "server")
            world.disk.failing = self._chance.randint(1, 5)
            world.artifact_disk.failing = self._chance.randint(1, 5)

    def _jump(self) -> None:
        """Somebody sets a clock, and nobody sets it back."""
        world = self._world
        by = self._chance.choice((-86_400.0, -3600.0, -10.0, 10.0, 3600.0, 86_400.0))
        target = self._chance.choice(("server", *world.machines))
        self._say("clock jump", target, f"{by:+.0f} s")
        if target != "server":
            world.machines[target].clock.skew_s += by
            return
        world.skew_server(by)

    def _claim_name(self) -> None:
        """A copy of a worker starts on another machine, with a data folder of its own."""
        world = self._world
        name = self._chance.choice(world.swarm.machine_names)
        if not world.is_known(name) or any(one.name == name for one in world.impostors):
            return
        self._say("impostor", name)
        folder = world.machines[name].folder
        host = f"{name}-impostor"
        swarm = world.swarm
        impostor = Machine(world, name, folder.with_name(host), swarm.slots[name], swarm.properties[name], host)
        world.impostors.append(impostor)
        impostor.start_worker()

    def _slow_down(self) -> None:
        """A line that is overloaded: everything arrives, late, and silence is no proof of anything."""
        world = self._world
        worker = self._chance.choice(world.swarm.machine_names)
        duration = self._chance.choice((5.0, 20.0, 60.0))
        self._say("slow connection", worker, f"{duration} s")
        world.network.slow_until[worker] = world.time() + duration

    def _partition(self) -> None:
        world = self._world
        worker = self._chance.choice(world.swarm.machine_names)
        duration = self._chance.choice((0.5, 5.0, 15.0, 30.0, 60.0))
        up, down = self._chance.choice(((True, True), (True, False), (False, True)))
        self._say("partition", worker, f"{duration} s{' up' if up else ''}{' down' if down else ''}")
        world.network.block(worker, up=up, down=down)
        world.later(duration, lambda: world.network.unblock(worker))

    async def _kill_server(self, kind: str) -> None:
        world = self._world
        if world.server is None:
            return
        self._say(kind, world.server.node.name)
        await world.kill_server()
        if kind == "server loses power":
            world.disk.lose_power()
            world.artifact_disk.lose_power()
        world.later(self._chance.choice((0.1, 2.0, 10.0, 25.0)), world.start_server)

    async def _strike_machine(self, kind: str) -> None:
        world = self._world
        machine = self._chance.choice(list(world.machines.values()))
        if kind == "power loss":
            if machine.is_on:
                self._say(kind, machine.name)
                await machine.lose_power()
                world.later(self._chance.choice((2.0, 15.0, 40.0)), lambda: self._boot(machine))
        elif machine.node is not None:
            self._say(kind, machine.name)
            if kind == "worker killed":
                await machine.kill_worker()
                world.later(self._chance.choice((0.1, 2.0, 20.0)), machine.start_worker)
            else:
                await machine.stop_worker()

    def _boot(self, machine: Machine) -> None:
        if not machine.is_on:
            machine.switch_on()

    async def _kill_executor(self) -> None:
        machines = [machine for machine in self._world.machines.values() if machine.executors]
        if machines:
            machine = self._chance.choice(machines)
            executor = self._chance.choice(list(machine.executors.values()))
            self._say("executor killed", machine.name, f"{executor.identity.pid} {executor.key or 'idle'}")
            await machine.kill_executor(executor)

    def _pause(self, kind: str) -> None:
        """SIGSTOP for a while: to everybody else it looks dead, and it wakes up with old news."""
        world = self._world
        if kind == "server paused":
            node = None if world.server is None else world.server.node
        elif kind == "executor paused":
            busy = [one for machine in world.machines.values() for one in machine.executors.values() if one.key]
            node = self._chance.choice(busy).node if busy else None
        else:
            node = self._chance.choice(list(world.machines.values())).node
        if node is None:
            return
        duration = self._chance.choice((0.5, 5.0, 30.0, 60.0))
        self._say(kind, node.name, f"{duration} s")
        world.loop.freeze(node)
        world.later(duration, lambda: world.loop.thaw(node))

    def _say(self, kind: str, target: str, detail: str = "") -> None:
        self._world.record(Fault(at=self._world.time(), kind=kind, target=target, detail=detail))
