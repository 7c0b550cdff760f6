"""`make bench`: one table of figures beside the bare spawn rate of the same run, the budgets, and the peers.

Figures are printed and appended to build/bench.jsonl with the machine and the commit; nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import logs, placement
from bench.server import (
    Server,
    apply,
    free_port,
    machine,
    program,
    pss_mb,
    revision,
    running,
    wait_ready,
    wait_terminal,
)

RUNS = 500
TRIALS = 60
LOG_BYTES = 100_000_000


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    what: str
    measured: str
    budget: str
    peers: str = ""


def spawn_rate() -> Iterator[Figure]:
    """The floor: 8 threads that do nothing but start `true` and wait for it."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_spawn, range(50)))
        begin = time.perf_counter()
        list(pool.map(_spawn, range(1000)))
        rate = 1000 / (time.perf_counter() - begin)
    yield Figure("bare spawn rate (subprocess, 8 threads)", f"{rate:.0f}/s", "the floor", "1,365 to 2,527/s")


def _spawn(_: int) -> None:
    subprocess.run(["/bin/true"], check=True)


def help_time() -> Iterator[Figure]:
    """`orchestra --help`, whole process."""
    yield Figure("orchestra --help, median of 7", f"{_median(_help, 7) * 1000:.0f} ms", "150 ms")


def _help() -> float:
    begin = time.perf_counter()
    subprocess.run([program(), "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def start_time(data: Path) -> Iterator[Figure]:
    """`orchestra server` on an existing database, until its `ready` line."""

    def once() -> float:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [program(), "server", "--data", str(data), "--port", str(free_port())],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        wait_ready(process)
        taken = time.perf_counter() - begin
        process.terminate()
        process.wait(30)
        return taken

    yield Figure("orchestra server, start to ready, median of 5", f"{_median(once, 5):.2f} s", "1.5 s")


def latency(server: Server) -> Iterator[Figure]:
    """Trigger by HTTP → the process runs (it prints its clock), idle system."""
    wire = server.wire()
    waits = []
    for _ in range(TRIALS):
        time.sleep(0.02)  # idle between trials: this measures latency, not throughput
        begin = time.time_ns()
        run = wire.post("/api/v1/projects/bench/jobs/clock/trigger", {})["identifier"]
        wait_terminal(wire, run, pause_s=0.005)
        started = int(wire.send("GET", f"/api/v1/runs/{run}/log"))
        waits.append((started - begin) / 1e6)
    wire.close()
    p50, p95 = _percentiles(waits[5:])
    yield Figure(
        "trigger by HTTP → process started, p50 / p95",
        f"{p50:.1f} / {p95:.1f} ms",
        "10 / 25 ms",
        "Cronicle 88/115, Celery 5/7, Procrastinate 7/12 ms",
    )


def throughput(server: Server) -> Iterator[Figure]:
    """RUNS trivial runs, from the first trigger until the last is terminal with its log stored."""
    best, submit = 0.0, 0.0
    for _ in range(3):
        begin = time.perf_counter()
        runs = _submit(server, "true", RUNS)
        submitted = time.perf_counter() - begin
        _wait_all(server, "true", runs)
        best = max(best, RUNS / (time.perf_counter() - begin))
        submit = max(submit, RUNS / submitted)
    yield Figure(
        f"{RUNS} trivial runs, one worker with 8 slots (best of 3)",
        f"{best:.0f}/s",
        "400/s (200/s now)",
        "Celery 578, Procrastinate 159, Cronicle 15, Airflow 4.3/s",
    )
    yield Figure("the same runs submitted meanwhile (8 connections)", f"{submit:.0f}/s", "")


def submit_rate(server: Server) -> Iterator[Figure]:
    """Triggers of a job that no worker matches: the API and the database alone."""
    begin = time.perf_counter()
    _submit(server, "nowhere", 2000)
    rate = 2000 / (time.perf_counter() - begin)
    yield Figure("submit rate through the API alone (8 connections)", f"{rate:.0f}/s", "1,000/s")


def _submit(server: Server, job: str, count: int) -> list[str]:
    found: list[str] = []
    lock = threading.Lock()

    def one(share: int) -> None:
        wire = server.wire()
        mine = [wire.post(f"/api/v1/projects/bench/jobs/{job}/trigger", {})["identifier"] for _ in range(share)]
        wire.close()
        with lock:
            found.extend(mine)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, [count // 8 + (index < count % 8) for index in range(8)]))
    return found


def _wait_all(server: Server, job: str, runs: Sequence[str]) -> None:
    """Until all have ended: first the last one, which is a cheap question, asked so rarely that it costs little."""
    wire = server.wire()
    wait_terminal(wire, runs[-1], pause_s=0.02)
    while True:
        page = wire.get(f"/api/v1/projects/bench/jobs/{job}/runs?status=pending&status=assigned&status=running&limit=1")
        if not page["items"]:
            break
        time.sleep(0.01)
    for run in (runs[0], runs[len(runs) // 2], runs[-1]):
        found = wire.get(f"/api/v1/runs/{run}")
        if found["status"] != "succeeded" or not found["log_complete"]:
            raise AssertionError(found)
    wire.close()


def log_throughput(server: Server) -> Iterator[Figure]:
    """100 MB of lines, from the run's start until all bytes are stored; memory of server and worker meanwhile."""
    wire = server.wire()
    expected = hashlib.sha256()
    line = b"%08d the quick brown fox jumps over the lazy dog and back again, for a line of a hundred bytes.\n"
    for first in range(0, LOG_BYTES // 100, 10_000):
        expected.update(b"".join(line % number for number in range(first, first + 10_000))[: 10_000 * 100])
    before = _memory(server)
    peak = [0.0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            peak[0] = max(peak[0], sum(_memory(server)))

    watcher = threading.Thread(target=watch)
    rates = []
    watcher.start()
    for _ in range(3):
        run = wire.post("/api/v1/projects/bench/jobs/lines/trigger", {})["identifier"]
        found = wait_terminal(wire, run)
        if found["status"] != "succeeded" or not found["log_complete"]:
            raise AssertionError(found)
        steps = found["steps"][0]
        taken = _seconds(found["update_date"]) - _seconds(steps["start_date"])
        rates.append(found["log_size"] / 1e6 / taken)
    stop.set()
    watcher.join()
    begin = time.perf_counter()
    stored = wire.send("GET", f"/api/v1/runs/{run}/log")
    read_s = time.perf_counter() - begin
    exact = "byte-exact" if hashlib.sha256(stored).digest() == expected.digest() else "NOT EXACT"
    yield Figure(
        "100 MB of lines, process start → stored, best of 3",
        f"{max(rates):.0f} MB/s, {exact}",
        "150 MB/s",
        "Cronicle 16, Buildbot 2 MB/s (neither exact)",
    )
    yield Figure("memory growth of server + worker during it", f"{peak[0] - sum(before):.0f} MB", "50 MB")
    yield Figure("the same log read back by API", f"{len(stored) / 1e6 / read_s:.0f} MB/s", "")
    windows = []
    for number in range(100):
        start = 1 + number * (LOG_BYTES // 100) // 100
        begin = time.perf_counter()
        wire.get(f"/api/v1/runs/{run}/log/lines?start={start}&count=500")
        windows.append((time.perf_counter() - begin) * 1000)
    p50, p95 = _percentiles(windows)
    yield Figure("500 lines anywhere in it by API, p50 / p95", f"{p50:.1f} / {p95:.1f} ms", "20 ms (1 GB)")
    wire.close()


def dispatch_pass() -> Iterator[Figure]:
    """The pure part of a dispatch, in memory."""
    for what, milliseconds in placement.rows():
        size = f"{placement.RUNS:,} pending x {placement.WORKERS} workers"
        yield Figure(f"dispatch {size}: {what}"[:57], f"{milliseconds:.1f} ms", "20 ms (no match)")


def log_store() -> Iterator[Figure]:
    """The log store alone, without a protocol before it."""
    with tempfile.TemporaryDirectory() as folder:
        for what, figure in asyncio.run(logs.measure(Path(folder), LOG_BYTES)):
            yield Figure(f"log store: {what}", figure, "")


def _seconds(date: str) -> float:
    return datetime.fromisoformat(date).timestamp()


def _memory(server: Server) -> tuple[float, float]:
    """PSS of the server, and of the worker with its executors, in MB; the jobs' own processes left out."""
    root = psutil.Process(server.process.pid)
    worker = 0.0
    for one in root.children(recursive=True):
        try:
            if "orchestra" in " ".join(one.cmdline()):
                worker += pss_mb(one)
        except psutil.NoSuchProcess:
            continue
    for one in psutil.process_iter():
        try:
            if one.ppid() == 1 and str(server.data) in " ".join(one.cmdline()):
                worker += pss_mb(one)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return pss_mb(root), worker


def memory_at_rest(server: Server) -> Iterator[Figure]:
    """After 8 runs at once have warmed 8 executors."""
    _wait_all(server, "true", _submit(server, "true", 64))
    time.sleep(1)  # at rest
    at_server, at_worker = _memory(server)
    yield Figure(
        "memory at rest (PSS): server", f"{at_server:.0f} MB", "110 MB", "Buildbot 94, Prefect 236, Airflow 2,284 MB"
    )
    yield Figure(
        "memory at rest (PSS): worker, 8 warm executors", f"{at_worker:.0f} MB", "60 MB", "RQ 314, Buildbot 54 MB"
    )


def _median(measure: Callable[[], float], times: int) -> float:
    return statistics.median(measure() for _ in range(times))


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


JOBS = {
    "true": {"definition": {"type": "commands", "commands": [["/bin/true"]]}},
    "clock": {"definition": {"type": "commands", "commands": [["/bin/date", "+%s%N"]]}},
    "nowhere": {
        "properties": {"nowhere": "*"},
        "definition": {"type": "commands", "commands": [["/bin/true"]]},
    },
    "lines": {
        "definition": {
            "type": "commands",
            "commands": [
                [
                    sys.executable,
                    "-c",
                    "import sys\n"
                    "line = b'%08d the quick brown fox jumps over the lazy dog and back again, "
                    "for a line of a hundred bytes.\\n'\n"
                    f"for first in range(0, {LOG_BYTES // 100}, 10_000):\n"
                    "    text = b''.join(line % number for number in range(first, first + 10_000))\n"
                    "    sys.stdout.buffer.write(text[: 10_000 * 100])\n",
                ]
            ],
        }
    },
}


def measure(names: Sequence[str]) -> Iterator[Figure]:
    """All figures, in the table's order."""
    chosen = set(names)

    def wanted(name: str) -> bool:
        return not chosen or name in chosen

    yield from spawn_rate()
    if wanted("help"):
        yield from help_time()
    if wanted("dispatch"):
        yield from dispatch_pass()
    if wanted("store"):
        yield from log_store()
    with running("up", None, "--concurrency", "8") as server:
        wire = server.wire()
        apply(wire, JOBS)
        wire.close()
        for name, part in {
            "latency": latency,
            "throughput": throughput,
            "memory": memory_at_rest,
            "log": log_throughput,
            "submit": submit_rate,
        }.items():
            if wanted(name):
                yield from part(server)
        if wanted("start"):
            server.process.terminate()
            server.process.wait(30)
            yield from start_time(server.data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "part", nargs="*", help="help dispatch store latency throughput memory log submit start; all without"
    )
    print(f"Orchestra {revision()} on {machine()}\n")
    print(f"{'what':<58}{'measured':<26}{'budget':<20}peers (performance of other systems, same kind of machine)")
    figures = []
    for figure in measure(parser.parse_args().part):
        print(f"{figure.what:<58}{figure.measured:<26}{figure.budget:<20}{figure.peers}", flush=True)
        figures.append(asdict(figure))
    results = Path("build/bench.jsonl")
    results.parent.mkdir(exist_ok=True)
    with results.open("a") as file:
        record = {"revision": revision(), "machine": machine(), "time": time.time(), "load": os.getloadavg()}
        file.write(json.dumps({**record, "figures": figures}) + "\n")


if __name__ == "__main__":
    main()
