"""Networks between a server and its workers that a test can break: a relay for each worker, and namespaces.

    worker ──(veth, its own network namespace)──► relay ──► server on the loopback

The relay is a TCP proxy in this process: it holds bytes back in one direction or both (nobody is told, as
when a cable is pulled), slows them down, resets connections, or closes one end only. Where this process is
root in a network namespace of its own (`isolate`), each worker also gets a namespace and a cable (veth), and
the kernel drops what is sent: `pull` takes the cable's end down, `blackhole` one direction. Everything that was
made vanishes with its processes.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

PIECE_BYTES: Final = 1 << 16
Direction = Literal["up", "down"]
BOTH: Final[tuple[Direction, ...]] = ("up", "down")


def can_isolate() -> bool:
    """Whether network namespaces and cables can be made here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    probe = "ip link set lo up && ip link add v0 type veth peer name v1 && mount -t tmpfs -o size=1m tmpfs /tmp"
    return subprocess.run([*ISOLATED, "sh", "-c", probe], check=False, capture_output=True).returncode == 0


ISOLATED: Final = ("unshare", "--net", "--mount", "--")
"""What runs behind this sees no network but its own, and its mounts vanish with it."""


class _Connection:
    """One connection of a worker through the relay: two threads carry bytes."""

    def __init__(self, link: Link, worker: socket.socket, server: socket.socket) -> None:
        self._link = link
        self.ends: dict[str, socket.socket] = {"worker": worker, "server": server}
        self._is_void = False
        self._threads = [
            threading.Thread(target=self._carry, args=("up", worker, server), daemon=True),
            threading.Thread(target=self._carry, args=("down", server, worker), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def reset(self) -> None:
        """Both ends are told."""
        for one in self.ends.values():
            _reset(one)

    def half_open(self, told: str) -> None:
        """One end is told, the other one keeps a connection that leads nowhere."""
        self._is_void = True
        _reset(self.ends[told])

    def _carry(self, direction: Direction, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                self._link.wait_passable(direction)
                if not self._is_void:
                    target.sendall(piece)
        if not self._is_void:
            self.reset()
        self._link.ended(self)


class Link:
    """The way of one worker to the server. `address` is what the worker connects to."""

    def __init__(self, number: int, server: int, *, isolated: bool) -> None:
        self._server = server
        self._changed = threading.Condition()
        self._stopped: set[Direction] = set()
        self._delay_s = 0.0
        self._is_closed = False
        self._connections: set[_Connection] = set()
        self._holder: subprocess.Popen[bytes] | None = None
        self._subnet = f"10.91.{number}"
        self._cable = f"chaos{number}"
        if isolated:
            self._lay_cable()
        host = f"{self._subnet}.1" if isolated else "127.0.0.1"
        self._listening = socket.create_server((host, 0))
        self.address = f"http://{host}:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def is_isolated(self) -> bool:
        return self._holder is not None

    def prefix(self) -> list[str]:
        """What a program's command line begins with, to run at the worker's end."""
        if self._holder is None:
            return []
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]

    # Faults: each returns what undoes it

    def stop(self, directions: tuple[Direction, ...]) -> Callable[[], None]:
        """Carry nothing until it is undone."""
        with self._changed:
            self._stopped.update(directions)
        return self._pass_again

    def slow_down(self, delay_s: float) -> Callable[[], None]:
        """Each piece waits."""
        with self._changed:
            self._delay_s = delay_s
        return self._pass_again

    def reset(self) -> None:
        """Every connection breaks, and both ends are told."""
        for one in tuple(self._connections):
            one.reset()

    def half_open(self, told: str) -> None:
        """Every connection breaks, and only `worker` or `server` is told."""
        for one in tuple(self._connections):
            one.half_open(told)

    def pull(self) -> Callable[[], None]:
        """Take the cable's end down."""
        _run("ip", "link", "set", self._cable, "down")
        return lambda: _run("ip", "link", "set", self._cable, "up")

    def blackhole(self, direction: Direction) -> Callable[[], None]:
        """The kernel drops what is sent in one direction."""
        where = self.prefix() if direction == "up" else []
        target = f"{self._subnet}.{1 if direction == 'up' else 2}/32"
        _run(*where, "ip", "route", "add", "blackhole", target)
        return lambda: _run(*where, "ip", "route", "del", "blackhole", target)

    def close(self) -> None:
        """Listen no longer; break everything."""
        self._is_closed = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._pass_again()
        self.reset()
        if self._holder is not None:
            # A namespace is taken down some time after its last process; the next cable may want the name before.
            _run("ip", "link", "delete", self._cable)
            self._holder.kill()
            self._holder.communicate()

    # For connections

    def wait_passable(self, direction: Direction) -> None:
        """Wait for as long as bytes in this direction must."""
        with self._changed:
            if self._delay_s:
                self._changed.wait(self._delay_s)
            self._changed.wait_for(lambda: direction not in self._stopped)

    def ended(self, connection: _Connection) -> None:
        """The connection carries nothing any more."""
        self._connections.discard(connection)

    def _pass_again(self) -> None:
        with self._changed:
            self._stopped.clear()
            self._delay_s = 0.0
            self._changed.notify_all()

    def _accept(self) -> None:
        while True:
            try:
                worker, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server), 5)
            except OSError:
                _reset(worker)
                continue
            server.settimeout(None)
            self._connections.add(_Connection(self, worker, server))

    def _lay_cable(self) -> None:
        # It holds the namespace, and ends with us: its input is a pipe of ours.
        self._holder = subprocess.Popen(["unshare", "--net", "--", "sh", "-c", "echo; cat"], stdin=-1, stdout=-1)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        inside = self.prefix()
        there = f"{self._cable}w"
        _run("ip", "link", "add", self._cable, "type", "veth", "peer", "name", there, "netns", str(self._holder.pid))
        _run("ip", "address", "add", f"{self._subnet}.1/24", "dev", self._cable)
        _run("ip", "link", "set", self._cable, "up")
        _run(*inside, "ip", "address", "add", f"{self._subnet}.2/24", "dev", there)
        _run(*inside, "ip", "link", "set", there, "up")
        _run(*inside, "ip", "link", "set", "lo", "up")


@contextmanager
def links(names: tuple[str, ...], server: int, *, isolated: bool) -> Iterator[dict[str, Link]]:
    """A link for each worker."""
    if isolated:
        _run("ip", "link", "set", "lo", "up")
    made = {name: Link(number, server, isolated=isolated) for number, name in enumerate(names)}
    try:
        yield made
    finally:
        for one in made.values():
            one.close()


def draw(chance: random.Random, link: Link) -> tuple[str, Callable[[], None] | None]:
    """Break the link in a drawn way; return what was done, and what undoes it if it lasts."""
    kinds = ["reset", "half-open", "stop", "slow"] + ["pull", "blackhole"] * 2 * link.is_isolated
    match chance.choice(kinds):
        case "reset":
            link.reset()
            return "network: reset", None
        case "half-open":
            told = chance.choice(("worker", "server"))
            link.half_open(told)
            return f"network: half-open, {told} told", None
        case "stop":
            directions = chance.choice((BOTH, BOTH[:1], BOTH[1:]))
            return f"network: nothing passes {' and '.join(directions)}", link.stop(directions)
        case "slow":
            delay_s = chance.choice((0.05, 0.2, 0.4))
            return f"network: {delay_s:g} s late", link.slow_down(delay_s)
        case "pull":
            return "network: cable pulled", link.pull()
        case _:
            direction = chance.choice(BOTH)
            return f"network: blackhole {direction}", link.blackhole(direction)


def _reset(one: socket.socket) -> None:
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
