"""The nemesis of real processes: kills, stops, cuts and fills, in an order that comes from a seed.

When the next fault comes hangs on what the runs do, not on a clock: it waits until they have written so many
blocks more (or until they stand still, because of what it did). Most faults last for a drawn number of further
faults, so that they overlap.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from chaos import links
from chaos.history import Fault, History
from chaos.stage import Stage, database_cut

STILL_S: Final = 2.0
"""Nothing written for so long: the runs stand still, and waiting for them would wait for us."""
LOOK_S: Final = 0.02
Undo = Callable[[], None]


class Nemesis:
    """Does faults until its time is over, then undoes what lasts."""

    def __init__(self, stage: Stage, history: History, seed: int, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._history = history
        self._chance = random.Random(f"{seed} nemesis")
        self._say = say
        self._undone: list[tuple[int, str, Undo]] = []
        """(before which fault, whose, how)."""
        self._kinds: dict[str, tuple[int, Callable[[], None]]] = {
            "kill server": (3, self._kill_server),
            "kill worker": (4, self._kill_worker),
            "kill executor": (3, self._kill_executor),
            "stop": (3, self._stop),
            "restart": (1, self._restart),
            "link": (5, self._break_link),
        }
        if stage.postgres is not None:
            self._kinds["database"] = (2, self._strike_database)
        if stage.disks:
            self._kinds["disk"] = (2, self._fill_disk)

    def rage(self, seconds: float) -> None:
        """Do faults for so long."""
        end = time.monotonic() + seconds
        names = list(self._kinds)
        weights = [self._kinds[name][0] for name in names]
        while time.monotonic() < end:
            self._wait_progress(self._chance.choice((1, 5, 20, 60)))
            self._undo(len(self._history.faults))
            self._stage.supervise()
            self._kinds[self._chance.choices(names, weights)[0]][1]()
        self._undo(None)

    def _wait_progress(self, blocks: int) -> None:
        seen = self._stage.progress()
        wanted, still_since = seen + blocks, time.monotonic()
        while seen < wanted and time.monotonic() < still_since + STILL_S:
            time.sleep(min(LOOK_S, STILL_S))
            now = self._stage.progress()
            if now > seen:
                seen, still_since = now, time.monotonic()

    def _undo(self, number: int | None) -> None:
        due = [one for one in self._undone if number is None or one[0] <= number]
        self._undone = [one for one in self._undone if one not in due]
        for _, _, undo in due:
            undo()

    def _did(self, kind: str, target: str, undo: Undo | None = None) -> None:
        fault = Fault(self._stage.progress(), kind, target)
        self._history.faults.append(fault)
        self._say(str(fault))
        if undo is not None:
            self._undone.append((len(self._history.faults) + self._chance.choice((0, 0, 1, 2)), target, undo))

    def _is_suffering(self, target: str) -> bool:
        return any(one[1] == target for one in self._undone)

    # The faults

    def _kill_server(self) -> None:
        server = self._stage.one.server
        assert server is not None
        server.kill()
        self._did("kill -9 server", "server")
        self._stage.start_server()

    def _kill_worker(self) -> None:
        name = self._chance.choice(self._stage.workers)
        self._stage.one.workers[name].kill()
        self._did("kill -9 worker", name)
        self._stage.start_worker(name)

    def _kill_executor(self) -> None:
        name = self._chance.choice(self._stage.workers)
        alive = sorted(self._stage.executors(name), key=lambda one: (one.start, one.pid))
        if alive:
            victim = self._chance.choice(alive)
            with suppress(ProcessLookupError):
                os.kill(victim.pid, signal.SIGKILL)
            self._did("kill -9 executor", name)

    def _stop(self) -> None:
        """SIGSTOP, and SIGCONT some faults later."""
        target = self._chance.choice(("server", "worker", "worker", "executor"))
        name = "server" if target == "server" else self._chance.choice(self._stage.workers)
        if self._is_suffering(name):
            return
        if target == "executor":
            alive = sorted(self._stage.executors(name), key=lambda one: (one.start, one.pid))
            pid = self._chance.choice(alive).pid if alive else None
        else:
            program = self._stage.one.server if target == "server" else self._stage.one.workers[name]
            pid = program.pid if program is not None and program.is_running else None
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        self._did(f"stop {target}", name, lambda: _continue(pid))

    def _restart(self) -> None:
        """As people do: SIGTERM, and start it again."""
        name = self._chance.choice(("server", *self._stage.workers))
        if self._is_suffering(name):
            return
        if name == "server":
            if self._stage.is_ready():
                self._stage.one.stop()
                self._did("restart server", name)
                self._stage.start_server()
        else:
            self._stage.one.workers[name].stop()
            self._did("restart worker", name)
            self._stage.start_worker(name)

    def _break_link(self) -> None:
        name = self._chance.choice(self._stage.workers)
        if not self._is_suffering(f"link of {name}"):
            kind, undo = links.draw(self._chance, self._stage.links[name])
            self._did(kind, f"link of {name}", undo)

    def _strike_database(self) -> None:
        postgres = self._stage.postgres
        assert postgres is not None
        if self._chance.random() < 0.5:
            postgres.restart()
            self._did("restart PostgreSQL", "database")
        else:
            database_cut(postgres.url)()
            self._did("cut connections to PostgreSQL", "database")

    def _fill_disk(self) -> None:
        name = self._chance.choice(list(self._stage.disks))
        target = f"disk of {name}"
        if not self._is_suffering(target):
            undo = self._stage.disks[name].fill()
            self._did("disk full", target, undo)


def _continue(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
