"""`make fuzz-api`: at least 20,000 requests over the whole API, as users of different power.

python -m tests.fuzz --seed 7               the same requests again
python -m tests.fuzz --user viewer          as one user only
python -m tests.fuzz --examples 20          fewer of each kind
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.api import Findings, fuzz
from fuzz.world import ROLES, world

ANONYMOUS = "anonymous"


def main() -> int:
    """Do what the arguments say; the exit code is 1 when something was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="which requests; printed when it is not given")
    parser.add_argument("--user", choices=[*ROLES, ANONYMOUS], action="append", help="as whom; all without it")
    parser.add_argument("--examples", type=int, default=60, help="most generated requests to an operation")
    parser.add_argument("--seconds", type=int, default=240, help="most seconds for each user")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    found: list[Findings] = []
    for user in arguments.user or [*ROLES, ANONYMOUS]:
        with tempfile.TemporaryDirectory(prefix="orchestra-fuzz-") as folder, world(Path(folder)) as rig:
            began = time.monotonic()
            who = None if user == ANONYMOUS else user
            found.append(fuzz(rig, who, seed=seed, examples=arguments.examples, seconds=arguments.seconds))
            _print(found[-1], time.monotonic() - began)
    cases, failures = sum(one.cases for one in found), sum(len(one.failures) for one in found)
    print(f"seed {seed}: {cases} cases, {failures} findings")
    return 1 if failures or any(one.errors for one in found) else 0


def _print(found: Findings, seconds: float) -> None:
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(found.answers.items()))
    print(f"\n{found.user}: {found.cases} cases in {seconds:.0f} s; {answers}")
    print(f"  checks: {', '.join(f'{name} {count}' for name, count in sorted(found.checks.items()))}")
    print(found.report())
    for error in found.errors:
        print(f"  the fuzzer failed: {error}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
