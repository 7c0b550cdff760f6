"""Networks of the world: connections between workers and the server that are slow, break, lie, or vanish.

    worker's end  ══ pipe ══►  server's end
                  ◄══ pipe ══

A pipe delivers whole frames in order, each after a drawn latency. It can be *blocked* (a partition:
frames wait, as TCP would repeat them, and nobody is told), *cut* (what is under way is lost; each
end hears of it in its own time) or *void* (the other machine lost its power: nobody will ever tell).
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from simulation.world.loop import Node
from simulation.world.seams import stream

if TYPE_CHECKING:
    from simulation.world.machine import Machine
    from simulation.world.world import World

IN_FLIGHT: Final = 32
"""Frames that a pipe takes before its sender must wait: the sockets' buffers."""

Latency = Callable[[], float]
Tap = Callable[[bytes], None]


class Pipe:
    """One direction of a connection."""

    def __init__(self, latency: Latency) -> None:
        self._latency = latency
        self._loop = asyncio.get_running_loop()
        self._last = 0.0
        self._under_way = 0
        self._held: deque[bytes | None] = deque()
        self._arrived: deque[bytes | None] = deque()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.is_blocked = False
        self.is_void = False
        self.is_cut = False
        self._owes_reset = False

    async def send(self, frame: bytes) -> None:
        """Put a frame on its way; waits while too much is. Raises ConnectionError when the connection is known dead."""
        while self._under_way >= IN_FLIGHT and not self.is_cut:
            self._writable.clear()
            await self._writable.wait()
        if self.is_cut:
            raise ConnectionResetError("the connection is broken")
        if not self.is_void:
            self._under_way += 1
            self._post(frame)
        await asyncio.sleep(0)

    def end(self) -> None:
        """The sender closes: the receiver sees the end after what is under way."""
        if not self.is_void and not self.is_cut:
            self._post(None)

    async def receive(self) -> bytes | None:
        """The next frame; None at the end."""
        while not self._arrived:
            self._readable.clear()
            await self._readable.wait()
        if self._arrived[0] is None:
            return None
        return self._arrived.popleft()

    def break_off(self) -> None:
        """Both ends of the pipe hear that the connection is broken; what has not arrived never will."""
        self.is_cut = True
        self._writable.set()
        self.tell_receiver()

    def tell_receiver(self) -> None:
        """The receiver alone hears that the connection is broken."""
        self._held.clear()
        self._arrived.append(None)
        self._readable.set()

    def receiver_closes(self) -> None:
        """The receiver is gone; the sender learns it from the network, if that carries anything."""
        self.tell_receiver()
        self._loop.call_later(self._latency(), self._reset)

    def _reset(self) -> None:
        if self.is_blocked:
            self._owes_reset = True
        elif not self.is_void:
            self.is_cut = True
            self._writable.set()

    def unblock(self) -> None:
        """The network works again: what waited goes on."""
        self.is_blocked = False
        if self._owes_reset:
            self._reset()
        held, self._held = self._held, deque()
        for frame in held:
            self._post(frame)

    def _post(self, frame: bytes | None) -> None:
        # Strictly later: timers of one moment have no order among them.
        self._last = max(self._last + 1e-6, self._loop.time() + self._latency())
        self._loop.call_at(self._last, self._arrive, frame)

    def _arrive(self, frame: bytes | None) -> None:
        if self.is_cut or self.is_void:
            return
        if self.is_blocked:
            self._held.append(frame)
            return
        if frame is not None:
            self._under_way -= 1
            self._writable.set()
        self._arrived.append(frame)
        self._readable.set()


class SimTransport:
    """One end of a connection, owned by a process: `master.seams.Transport`, and the worker's."""

    def __init__(self, node: Node, outgoing: Pipe, incoming: Pipe, tap: Tap | None = None) -> None:
        self._node = node
        self._out = outgoing
        self._in = incoming
        self._tap = tap
        self._closed = False
        node.on_kill.append(self.process_died)

    async def send(self, frame: bytes) -> None:
        """Send one frame. Raises ConnectionError when the connection is gone."""
        self._node.check()
        if self._closed:
            raise ConnectionResetError("closed by ourselves")
        if self._tap is not None:
            self._tap(frame)
        await self._out.send(frame)
        self._node.check()

    async def receive(self) -> bytes | None:
        """The next frame, None once the connection has ended."""
        self._node.check()
        frame = await self._in.receive()
        self._node.check()
        return frame

    async def close(self, code: int, reason: str) -> None:
        """End it; the other end hears of it if the network lets it."""
        self._node.check()
        self._shut()

    def process_died(self) -> None:
        """The operating system closes what a killed process had open."""
        self._shut()

    def _shut(self) -> None:
        if not self._closed:
            self._closed = True
            self._out.end()
            self._in.receiver_closes()


class Connection:
    """Both pipes of one connection of a worker, for the nemesis."""

    def __init__(self, worker: str, chance: random.Random, latency: Latency) -> None:
        self.worker = worker
        self.up = Pipe(latency)
        self.down = Pipe(latency)
        self._chance = chance

    def cut(self) -> None:
        """Reset by a machine between: both ends hear of it, one perhaps much later."""
        loop = asyncio.get_running_loop()
        for pipe in (self.up, self.down):
            pipe.is_void = True
            loop.call_later(self._chance.choice((0.0, 0.01, 1.0, 8.0)), pipe.break_off)

    def half_open(self) -> None:
        """One end is told, the other one is not, and nothing is carried any more."""
        told, silent = (self.up, self.down) if self._chance.random() < 0.5 else (self.down, self.up)
        told.is_void = silent.is_void = True
        told.tell_receiver()

    def delay(self) -> None:
        """The worker's end breaks; what it has sent waits somewhere, and arrives after `unblock`: late news."""
        self.up.is_blocked = True
        self.down.is_void = True
        self.down.tell_receiver()

    def block(self, *, up: bool, down: bool) -> None:
        """Nothing gets through in these directions until `unblock`."""
        self.up.is_blocked = self.up.is_blocked or up
        self.down.is_blocked = self.down.is_blocked or down

    def unblock(self) -> None:
        """Both directions work again."""
        self.up.unblock()
        self.down.unblock()

    def is_over(self) -> bool:
        """Nothing will come through it any more."""
        return (self.up.is_cut and self.down.is_cut) or (self.up.is_void and self.down.is_void)

    def vanish(self) -> None:
        """A machine at one end is gone: the other one will never hear a word."""
        self.up.is_void = self.down.is_void = True


class Network:
    """All connections of a world; machines reach the server through it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.seed, "network")
        self.connections: list[Connection] = []
        self.blocked: dict[str, tuple[bool, bool]] = {}
        """Worker → which directions are blocked now."""
        self.slow_until: dict[str, float] = {}
        """Worker → until when everything from and to it takes its time."""

    def latency(self, worker: str) -> float:
        """Seconds that a frame from or to a worker is under way; now and then much longer."""
        mean = self._world.swarm.network_latency_s
        if self._world.time() < self.slow_until.get(worker, 0.0):
            return self._chance.uniform(0.5, 12)
        if self._world.buggify("a frame is late", 0.05):
            return self._chance.uniform(0, 5)
        return self._chance.uniform(mean / 2, mean * 1.5)

    async def connect(self, machine: Machine, node: Node) -> SimTransport:
        """Connect a worker process to the server. Raises ConnectionError or TimeoutError."""
        node.check()
        await asyncio.sleep(self.latency(machine.name))
        if machine.name in self.blocked:
            await asyncio.sleep(10)
            raise TimeoutError("no answer from the server")
        await asyncio.sleep(self.latency(machine.name))
        node.check()
        server = self._world.server
        if server is None or not server.node.is_alive:
            raise ConnectionRefusedError("nobody listens")
        connection = Connection(machine.name, self._chance, partial(self.latency, machine.name))
        self.connections = [one for one in self.connections if not one.is_over()]
        self.connections.append(connection)
        theirs = SimTransport(server.node, connection.down, connection.up, tap=server.tap(machine.name))
        server.accept(theirs, machine.name)
        return SimTransport(node, connection.up, connection.down)

    def block(self, worker: str, *, up: bool, down: bool) -> None:
        """A partition begins."""
        self.blocked[worker] = (up, down)
        for connection in self.connections:
            if connection.worker == worker:
                connection.block(up=up, down=down)

    def unblock(self, worker: str) -> None:
        """It ends."""
        self.blocked.pop(worker, None)
        for connection in self.connections:
            if connection.worker == worker:
                connection.unblock()

    def vanish(self, worker: str) -> None:
        """The worker's machine is gone, with every connection."""
        for connection in self.connections:
            if connection.worker == worker:
                connection.vanish()
