"""Logs over the wire: how fast they come, how soon a follower sees them, and how they are read."""

from __future__ import annotations

import hashlib
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psutil

from bench.server import Server, memory, processor_s, wait_terminal
from bench.table import Figure, percentiles
from bench.wire import Wire

BYTES = 100_000_000
LARGE = 1_000_000_000
SEEN = 60
LINE = b"%08d the quick brown fox jumps over the lazy dog and back again, for a line of a hundred bytes.\n"

_LINES = f"""
import sys
line = {LINE!r}
block = b"".join(line % number for number in range(10_000))[: 1_000_000]
for first in range(int(sys.argv[1]) // 1_000_000):
    sys.stdout.buffer.write(block)
"""
_CLOCKS = f"""
import sys, time
for _ in range({SEEN}):
    time.sleep(0.07)
    print(time.time_ns(), flush=True)
"""


def _job(*command: str) -> dict[str, Any]:
    return {"definition": {"type": "commands", "commands": [[sys.executable, "-c", *command]]}}


JOBS = {
    "lines": _job(_LINES, str(BYTES)),
    "gigabyte": _job(_LINES, str(LARGE)),
    "clocks": _job(_CLOCKS),
}


def follower(server: Server) -> Iterator[Figure]:
    """A line that a command writes → the bytes of a stream that somebody reads."""
    wire = server.wire()
    run = wire.post("/api/v1/projects/bench/jobs/clocks/trigger", {})["identifier"]
    waits = []
    with socket.create_connection(("127.0.0.1", server.port)) as stream:
        stream.sendall(
            f"GET /api/v1/runs/{run}/log/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {server.token}\r\n\r\n".encode()
        )
        left = b""
        while b"event: end" not in left:
            piece = stream.recv(1 << 16)
            if not piece:
                raise ConnectionError("the stream ended early")
            seen = time.time_ns()
            left += piece
            for stamp in re.findall(rb"(\d{19})\\n", left):
                waits.append((seen - int(stamp)) / 1e6)
            left = left[left.rfind(b"\n\n") + 1 :] if b"event: end" not in left else left
    wait_terminal(wire, run)
    wire.close()
    p50, p95 = percentiles(waits[3:])
    yield Figure(
        "log: first byte written → visible to a follower, p50 / p95",
        "50 / 150 ms",
        f"{p50:.0f} / {p95:.0f} ms",
        p50 <= 50 and p95 <= 150,
    )


def flow(server: Server) -> Iterator[Figure]:
    """100 MB of lines, from the run's start until all bytes are stored; memory of server and worker meanwhile."""
    wire = server.wire()
    block = b"".join(LINE % number for number in range(10_000))[:1_000_000]
    expected = hashlib.sha256()
    for _ in range(BYTES // len(block)):
        expected.update(block)
    before, peak = memory(server), [0.0, 0.0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            for place, found in enumerate(memory(server)):
                peak[place] = max(peak[place], found)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        rates, costs, run = [], [], ""
        me = psutil.Process(server.process.pid)
        workers = me.children(recursive=True)
        for _ in range(3):
            used = processor_s([me]), processor_s(workers)
            run, rate = _one_log(wire, "lines")
            rates.append(rate)
            costs.append((processor_s([me]) - used[0], processor_s(workers) - used[1]))
    finally:
        stop.set()
        watcher.join()
    stored = wire.send("GET", f"/api/v1/runs/{run}/log")
    exact = hashlib.sha256(stored).digest() == expected.digest()
    rate = max(rates)
    yield Figure(
        "log: 100 MB of lines, process start → stored, best of 3",
        "150 MB/s, byte-exact",
        f"{rate:.0f} MB/s, {'exact' if exact else 'NOT EXACT'}",
        rate >= 150 and exact,
        "Cronicle 16, Buildbot 2 MB/s (neither exact)",
    )
    yield Figure(
        "  processor time for it, least: server + worker with executors",
        "",
        "{:.2f} + {:.2f} s".format(*min(costs)),
    )
    grown = [peak[0] - before[0], peak[1] - before[1]]
    yield Figure(
        "  memory growth meanwhile: server + worker",
        "50 MB",
        f"{grown[0]:.0f} + {grown[1]:.0f} MB",
        sum(grown) < 50,
    )
    wire.close()


def windows(server: Server) -> Iterator[Figure]:
    """500 lines anywhere in a log of 1 GB."""
    wire = server.wire()
    run, rate = _one_log(wire, "gigabyte")
    times = []
    for number in range(100):
        start = 1 + (number * 7919 % 100) * (LARGE // 100) // 100
        begin = time.perf_counter()
        wire.send("GET", f"/api/v1/runs/{run}/log/lines?start={start}&count=500")
        times.append((time.perf_counter() - begin) * 1000)
    p50, p95 = percentiles(times)
    yield Figure("log: 500 lines anywhere in 1 GB by API, p50 / p95", "20 ms", f"{p50:.1f} / {p95:.1f} ms", p95 < 20)
    yield Figure("  that gigabyte, process start → stored", "", f"{rate:.0f} MB/s")
    wire.close()


def _one_log(wire: Wire, job: str) -> tuple[str, float]:
    """(run, MB/s)"""
    run: str = wire.post(f"/api/v1/projects/bench/jobs/{job}/trigger", {})["identifier"]
    found = wait_terminal(wire, run, pause_s=0.02)
    if found["status"] != "succeeded" or not found["log_complete"]:
        raise AssertionError(found)
    taken = _seconds(found["update_date"]) - _seconds(found["steps"][0]["start_date"])
    return run, found["log_size"] / 1e6 / taken


def _seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()
