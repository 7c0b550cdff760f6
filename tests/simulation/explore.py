"""Many worlds on all cores: seeds in search of a violation, and mutants in search of a seed that notices them.

Each process takes its part of the seeds. SIGTERM and Ctrl-C end the search after the worlds that are
being played; what was counted is printed all the same, for people and, as the last line, as JSON.
"""

from __future__ import annotations

import itertools
import json
import logging
import multiprocessing
import os
import queue
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Final

from simulation.checks import violations
from simulation.history import Changed, Fault
from simulation.mutants import MUTANTS, planted
from simulation.sometimes import seen
from simulation.world.world import play

PATIENCE_S: Final = 1.0
"""How often it is looked whether the processes still live."""


@dataclass(slots=True)
class Totals:
    """What was played. Seconds are those of processors (`cpu_s`), of the wall, and of the worlds themselves."""

    seed: int
    workers: int
    worlds: int = 0
    last_seed: int = 0
    failed: list[int] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0
    virtual_s: float = 0.0
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """In how many worlds something happened that must happen now and then, weak points that gave way included."""

    def add(self, one: _World) -> None:
        """Count one world more."""
        self.worlds += 1
        self.last_seed = max(self.last_seed, one.seed)
        self.failed += [one.seed] if one.violations else []
        self.cpu_s += one.cpu_s
        self.virtual_s += one.virtual_s
        self.runs += one.runs
        self.faults.update(one.faults)
        self.transitions.update(one.transitions)
        self.seen.update(one.seen)

    def show(self) -> None:
        """Print it for people, then in one line for programs."""
        each_ms = 1000 * self.cpu_s / max(1, self.worlds)
        print(
            f"{self.worlds} worlds from seed {self.seed} on, {len(self.failed)} failed; {self.wall_s:.0f} s with "
            f"{self.workers} processes, {each_ms:.0f} ms of a processor each; {self.virtual_s / 3600:.1f} h of theirs"
        )
        print(f"{self.runs} runs; {self.faults.total()} faults: {_counted(self.faults)}")
        print(f"{self.transitions.total()} transitions: {_counted(self.transitions)}")
        print(json.dumps({one.name: getattr(self, one.name) for one in fields(self)}, sort_keys=True), flush=True)


@dataclass(frozen=True, slots=True)
class _World:
    seed: int
    violations: list[str]
    cpu_s: float
    virtual_s: float
    runs: int
    faults: Counter[str]
    transitions: Counter[str]
    seen: list[str]


def explore(seed: int, count: int | None, workers: int, mutant: str | None = None) -> int:
    """Play seed after seed, `count` of them or until stopped; the exit code is 1 where one fails."""
    totals = Totals(seed, workers)
    context = multiprocessing.get_context("fork")
    found: Any = context.Queue()
    stop = context.Event()
    arguments = [(seed + part, count and seed + count, workers, mutant, found, stop) for part in range(workers)]
    processes = [context.Process(target=_explore, args=one, daemon=True) for one in arguments]
    for process in processes:
        process.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    begin = time.perf_counter()
    left = workers
    while left:
        try:
            one = found.get(timeout=PATIENCE_S)
        except queue.Empty:
            if any(process.is_alive() for process in processes):
                continue
            break
        if one is None:
            left -= 1
            continue
        totals.add(one)
        if one.violations:
            print(f"seed {one.seed}: {len(one.violations)} violations, first: {one.violations[0]}", flush=True)
            print(f"  make simulate SEED={one.seed}", flush=True)
    totals.wall_s = time.perf_counter() - begin
    totals.show()
    return 1 if totals.failed or left else 0


def _explore(first: int, end: int | None, step: int, mutant: str | None, found: Any, stop: Any) -> None:
    """In a process of its own: play every `step`th seed until told to stop, or before `end`."""
    _be_quiet()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parent = os.getppid()
    seeds: Iterable[int] = itertools.count(first, step) if end is None else range(first, end, step)
    with planted(mutant):
        for seed in seeds:
            if stop.is_set() or os.getppid() != parent:
                break
            found.put(_look(seed))
    found.put(None)


def _look(seed: int) -> _World:
    begin = time.process_time()
    history = play(seed)
    wrong = [str(one) for one in violations(history)]
    return _World(
        seed=seed,
        violations=wrong,
        cpu_s=time.process_time() - begin,
        virtual_s=history.entries[-1].at,
        runs=len(history.runs),
        faults=Counter(fault.kind for fault in history.of(Fault)),
        transitions=Counter(f"{one.before or 'nothing'} → {one.after}" for one in history.of(Changed)),
        seen=list(seen(history)),
    )


def catch(seed: int, count: int, workers: int) -> int:
    """Play each mutant until a checker notices; the exit code is 1 where none does."""
    missed = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with multiprocessing.get_context("fork").Pool(workers, _be_quiet, maxtasksperchild=1) as pool:
        for name, caught, invariant, took_s in pool.imap(_catch, [(name, seed, count) for name in MUTANTS]):
            missed += caught is None
            how = f"NOT CAUGHT in {count} worlds" if caught is None else f"seed {caught:>4}"
            print(f"{name:<26} {how}, {took_s:5.1f} s: {invariant}: {MUTANTS[name].what}", flush=True)
    print(f"{len(MUTANTS)} mutants, {missed} not caught")
    return 1 if missed else 0


def _catch(task: tuple[str, int, int]) -> tuple[str, int | None, str, float]:
    """In a process of its own: the mutant, the first seed that notices it, which invariant, seconds of a processor."""
    name, seed, count = task
    begin = time.process_time()
    with planted(name):
        for one in range(seed, seed + count):
            found = violations(play(one))
            if found:
                return name, one, found[0].invariant, time.process_time() - begin
    return name, None, "none", time.process_time() - begin


def _be_quiet() -> None:
    """What the programs log nobody reads; stopping is the first process's business."""
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
