"""Real processes under real faults, for as long as asked.

python -m tests.chaos --seconds 600 --seed 7                  rounds, SQLite and PostgreSQL in turn
python -m tests.chaos --seconds 60 --database sqlite          one kind of database only

Each round is a fresh installation: a server, three workers, clients, a nemesis; then everything is healed, every
run must end, and what can be seen from outside is checked. Every fault is printed with how many blocks the runs
had written by then. Exit code 1 when something does not hold; the folder of that round is then kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos.checker import summary, violations
from chaos.links import ISOLATED, can_isolate
from chaos.round import play

ROUND_S: Final = 90.0
"""Trouble in one round; then it is healed and checked."""
MARK: Final = "ORCHESTRA_CHAOS_IS_ISOLATED"
DATABASES: Final = {"both": (False, True), "sqlite": (False,), "postgresql": (True,)}


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of trouble in all; healing comes on top")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each further one has the next")
    parser.add_argument("--database", choices=sorted(DATABASES), default="both")
    parser.add_argument("--round", type=float, default=ROUND_S, metavar="SECONDS", help="of trouble in one round")
    arguments = parser.parse_args()
    # A shell that starts us in the background ignores these, and what we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if MARK not in os.environ and can_isolate():
        program = (*ISOLATED, sys.executable, "-m", "tests.chaos", *sys.argv[1:])
        os.execvpe(program[0], program, {**os.environ, MARK: "1"})
    kinds = DATABASES[arguments.database]
    return rage(arguments.seconds, arguments.seed, arguments.round, kinds, is_isolated=MARK in os.environ)


def rage(seconds: float, seed: int, round_s: float, kinds: tuple[bool, ...], *, is_isolated: bool) -> int:
    """Round after round; return the exit code."""
    where = "network namespaces, cables, and a relay; small disks" if is_isolated else "a relay on the loopback"
    print(f"seed {seed}, {seconds:g} s; networks: {where}", flush=True)
    faults: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    wrong = rounds = 0
    begin = time.monotonic()
    while seconds > 0:
        on_postgres = kinds[rounds % len(kinds)]
        length = min(round_s, seconds)
        print(f"round {rounds + 1}: seed {seed}, {'PostgreSQL' if on_postgres else 'SQLite'}", flush=True)
        folder = Path(tempfile.mkdtemp(prefix="orchestra-chaos-"))
        folder.chmod(0o711)
        history = play(folder, seed, length, on_postgres=on_postgres, is_isolated=is_isolated, say=_say)
        found = violations(history)
        for one in found:
            print(f"VIOLATION seed {seed}: {one}", flush=True)
        if found:
            print(f"kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        faults.update(one.kind for one in history.faults)
        runs.update(summary(history))
        wrong += len(found)
        print(
            f"round {rounds + 1}: {len(history.runs)} runs {summary(history)}, {len(history.faults)} faults", flush=True
        )
        rounds, seed, seconds = rounds + 1, seed + 1, seconds - length
    _report(faults, runs, rounds, wrong, time.monotonic() - begin)
    return 1 if wrong else 0


def _report(faults: Counter[str], runs: Counter[str], rounds: int, wrong: int, took_s: float) -> None:
    print(f"\n{rounds} rounds in {took_s / 60:.1f} minutes")
    for kind, count in sorted(faults.items()):
        print(f"  {count:6d}  {kind}")
    kills = sum(count for kind, count in faults.items() if kind.startswith("kill"))
    cuts = sum(count for kind, count in faults.items() if kind.startswith("network") and not kind.endswith("late"))
    print(
        f"{kills} kills, {cuts} network cuts, {faults.total()} faults; {runs.total()} runs {dict(sorted(runs.items()))}"
    )
    print("every invariant holds" if not wrong else f"{wrong} violations", flush=True)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
