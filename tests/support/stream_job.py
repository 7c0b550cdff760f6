"""A job for tests of crashes: it writes a log that anybody can compute, and leaves a witness of its start.

usage: stream_job.py SEED WITNESS GATE

It appends its run to the file WITNESS, then writes numbered lines until somebody opens the FIFO GATE
for writing and writes a byte into it, then 500 lines more. How many lines it wrote is its result;
`log_of(seed, lines)` is the log. So a test decides how long it runs, and still knows every byte.

It needs nothing but the standard library: it also runs as the command of a job.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import sys
import time

BLOCK = 10
AFTER = 500
PACE_MS = 10
LONGEST_S = 300
"""Nobody opened the gate: the test is dead, and so this ends as well."""


def line_of(seed: str, number: int) -> str:
    """One line of the log of `seed`."""
    return f"{number:08d} {hashlib.sha256(f'{seed} {number}'.encode()).hexdigest()}\n"


def log_of(seed: str, lines: int) -> bytes:
    """The whole log of a run that wrote so many lines."""
    return "".join(line_of(seed, number) for number in range(lines)).encode()


def main(seed: str, witness: str, gate: str) -> int:
    descriptor = os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{os.environ['ORCHESTRA_RUN']}\n".encode())
    os.close(descriptor)
    poll = select.poll()
    poll.register(os.open(gate, os.O_RDONLY | os.O_NONBLOCK), select.POLLIN)
    end = time.monotonic() + LONGEST_S
    number, last = 0, None
    while last is None or number < last:
        if last is None and (time.monotonic() > end or poll.poll(PACE_MS)):
            last = number + AFTER
        sys.stdout.write("".join(line_of(seed, one) for one in range(number, number + BLOCK)))
        sys.stdout.flush()
        number += BLOCK
    with open(os.environ["ORCHESTRA_RESULTS"], "w") as file:  # noqa: PTH123 - no import that a job does not need
        json.dump({"lines": number}, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
