"""Replays simulated worlds.

python -m tests.simulation --seed 7           one world as a transcript, then what is wrong with it
python -m tests.simulation --seed 7 --run ID  only what concerns one run (any part of its identifier)
python -m tests.simulation --many             explores seeds until stopped (Ctrl-C, SIGTERM); prints those that
                                              fail, and at the end one line of JSON with all that was counted
python -m tests.simulation --mutants          plants each fault in turn; says which seed notices it, of 1,000
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulation.checks import violations
from simulation.explore import catch, explore
from simulation.history import Beat, Entry, Note
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
    parser.add_argument(
        "--workers", type=int, metavar="N", help="with --many and --mutants: so many processes (one a core)"
    )
    arguments = parser.parse_args()
    workers = max(1, arguments.workers or os.cpu_count() or 1)
    if arguments.mutants:
        return catch(arguments.seed, arguments.count or MUTANT_SEEDS, workers)
    if arguments.many:
        return explore(arguments.seed, arguments.count, workers, arguments.mutant)
    with planted(arguments.mutant):
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
