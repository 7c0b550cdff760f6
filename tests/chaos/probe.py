"""The job of the chaos test: writes a log that anybody can compute, and leaves marks of what it did outside Orchestra.

usage: probe.py SEED MARKS BLOCKS PACE_MS CODE TRICK

    MARKS/<run>       `start PID`, then `block NUMBER` once a block is written, then `end CODE`; one line each, appended
    MARKS/progress    one byte for each block of any run: what the nemesis waits for

`block_of(seed, number)` is a block, any bytes at all: NUL, invalid UTF-8, lines without an end. TRICK is
`plain`, `stubborn` (ignores SIGTERM) or `orphan` (leaves a grandchild in a session of its own, which
ignores SIGTERM and would live for ten minutes).

It needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import os
import select
import signal
import sys

LONGEST_BLOCK = 30_000
LINGER_S = 600.0


def block_of(seed: str, number: int) -> bytes:
    """One block of the log of `seed`; most are short, some are longer than a page."""
    draw = hashlib.sha256(f"{seed} {number} size".encode()).digest()
    size = 1 + int.from_bytes(draw[:2], "big") % (LONGEST_BLOCK if draw[2] < 40 else 400)
    return hashlib.shake_256(f"{seed} {number}".encode()).digest(size)


def log_of(seed: str, blocks: int) -> bytes:
    """The first so many blocks."""
    return b"".join(block_of(seed, number) for number in range(blocks))


def _append(path: str, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(descriptor, text)
    os.close(descriptor)


def _leave_orphan() -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            select.select([], [], [], LINGER_S)
        os._exit(0)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def main(seed: str, marks: str, blocks: str, pace_ms: str, code: str, trick: str) -> int:
    mark = os.path.join(marks, os.environ["ORCHESTRA_RUN"])  # noqa: PTH118 - no import that a job does not need
    progress = os.path.join(marks, "progress")  # noqa: PTH118
    _append(mark, f"start {os.getpid()}\n".encode())
    if trick != "plain":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if trick == "orphan":
        _leave_orphan()
    for number in range(int(blocks)):
        _write(block_of(seed, number))
        _append(mark, f"block {number}\n".encode())
        _append(progress, b".")
        select.select([], [], [], int(pace_ms) / 1000)
    _append(mark, f"end {code}\n".encode())
    return int(code)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:7]))
