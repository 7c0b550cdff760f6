"""Replays simulated worlds.

python -m tests.simulation --seed 7           one world as a transcript, then what is wrong with it
python -m tests.simulation --seed 7 --run ID  only what concerns one run (any part of its identifier)
python -m tests.simulation --many             explores seeds until stopped; prints those that fail
python -m tests.simulation --mutants          plants each fault in turn; says which seed notices it, of 1,000
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import os
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation.checks import violations
from simulation.history import Beat, Changed, Entry, Fault, Note
from simulation.mutants import MUTANTS, planted
from simulation.world.loop import NODE
from simulation.world.world import play

MUTANT_SEEDS = 1000


def main() -> int:
    """Do what the arguments say; the exit code is 1 where an invariant does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="which world")
    parser.add_argument("--run", default="", help="show only what concerns this run")
    parser.add_argument("--many", action="store_true", help="explore from --seed on until stopped")
    parser.add_argument("--count", type=int, help="with --many: stop after so many")
    parser.add_argument(
        "--mutant", choices=sorted(MUTANTS), metavar="NAME", help=f"plant a fault first: {', '.join(sorted(MUTANTS))}"
    )
    parser.add_argument("--mutants", action="store_true", help="plant one fault after the other until it is caught")
    arguments = parser.parse_args()
    if arguments.mutants:
        return catch(arguments.seed, arguments.count or MUTANT_SEEDS)
    with planted(arguments.mutant):
        if arguments.many:
            return explore(arguments.seed, arguments.count)
        return replay(arguments.seed, arguments.run)


def replay(seed: int, run: str) -> int:
    """Print one world as it happens."""
    handler = _Transcript(run)
    logger = logging.getLogger("orchestra")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    history = play(seed, handler.show)
    found = violations(history)
    print(f"\nseed {seed}: {len(history.runs)} runs, {len(history.entries)} entries, digest {history.digest()[:16]}")
    for identifier, final in sorted(history.runs.items()):
        print(f"  {identifier}  {final.status:<10} epoch {final.epoch}  {final.cause:<20} {final.log_size} bytes")
    for violation in found:
        print(violation)
    print("every invariant holds" if not found else f"{len(found)} violations")
    return 1 if found else 0


def explore(seed: int, count: int | None) -> int:
    """Play seed after seed."""
    logging.disable(logging.CRITICAL)
    failed = played = 0
    faults: Counter[str] = Counter()
    transitions: Counter[str] = Counter()
    begin = time.perf_counter()
    seeds = itertools.count(seed) if count is None else range(seed, seed + count)
    try:
        for one in seeds:
            history = play(one)
            found = violations(history)
            played += 1
            faults.update(fault.kind for fault in history.of(Fault))
            transitions.update(f"{change.before or 'nothing'} → {change.after}" for change in history.of(Changed))
            if found:
                failed += 1
                print(f"\rseed {one}: {len(found)} violations, first: {found[0]}", flush=True)
                print(f"  make simulate SEED={one}", flush=True)
            each = (time.perf_counter() - begin) / played
            print(
                f"\r{played} worlds, {failed} failed, {each * 1000:.0f} ms each ", end="", file=sys.stderr, flush=True
            )
    except KeyboardInterrupt:
        pass
    took_s = time.perf_counter() - begin
    print(f"\n{played} worlds from seed {seed} on, {failed} failed, {took_s:.0f} s", file=sys.stderr)
    print(f"{sum(faults.values())} faults: {_counted(faults)}")
    print(f"transitions: {_counted(transitions)}", flush=True)
    return 1 if failed else 0


def catch(seed: int, count: int) -> int:
    """Play each mutant until a checker notices; the exit code is 1 where none does."""
    logging.disable(logging.CRITICAL)
    missed = 0
    for name, mutant in MUTANTS.items():
        with planted(name):
            begin = time.process_time()
            caught = next(((one, found) for one in range(seed, seed + count) if (found := violations(play(one)))), None)
            took_s = time.process_time() - begin
        if caught is None:
            missed += 1
            print(f"{name:<26} NOT CAUGHT in {count} worlds, {took_s:.0f} s: {mutant.what}", flush=True)
        else:
            print(
                f"{name:<26} seed {caught[0]:>4}, {took_s:5.1f} s: {caught[1][0].invariant}: {mutant.what}", flush=True
            )
    print(f"{len(MUTANTS)} mutants, {missed} not caught")
    return 1 if missed else 0


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def _print(entry: Entry) -> None:
    try:
        print(entry)
    except BrokenPipeError:
        # The reader (`head`) has seen enough.
        os._exit(0)


class _Transcript(logging.Handler):
    """Prints entries and what the programs say, in the order in which they happen."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run

    def show(self, entry: Entry) -> None:
        """Print one entry; beats are too many for a reader."""
        if not isinstance(entry, Beat) and self._run in str(entry):
            _print(entry)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a log event with the process that says it."""
        node = NODE.get()
        values = getattr(record, "orchestra_values", {})
        text = "  ".join([f"[{record.msg}]", *(f"{name}={value}" for name, value in values.items())])
        if self._run in text:
            now = asyncio.get_running_loop().time()
            _print(Note(at=now, who="world" if node is None else node.name, text=text))


if __name__ == "__main__":
    sys.exit(main())
