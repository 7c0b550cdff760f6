"""Runs over HTTP: how soon they start, how many get through, how many are taken."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psutil

from bench.server import Server, processor_s, wait_terminal
from bench.table import Figure, percentiles

RUNS = 500
ROUNDS = 5
TRIALS = 100
SPAWNS = 400
JOBS = {
    "true": {"definition": {"type": "commands", "commands": [["/bin/true"]]}},
    "clock": {"definition": {"type": "commands", "commands": [["/bin/date", "+%s%N"]]}},
    "nowhere": {"properties": {"nowhere": "*"}, "definition": {"type": "commands", "commands": [["/bin/true"]]}},
}


def spawn_rate(count: int = SPAWNS) -> float:
    """The floor: 8 threads that do nothing but start `true` and wait for it; processes a second."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_spawn, range(50)))
        begin = time.perf_counter()
        list(pool.map(_spawn, range(count)))
        return count / (time.perf_counter() - begin)


def _spawn(_: int) -> None:
    subprocess.run(["/bin/true"], check=True)


def latency(server: Server) -> Iterator[Figure]:
    """Trigger by HTTP → the process runs (it prints its clock), idle system."""
    wire = server.wire()
    waits = []
    for _ in range(TRIALS):
        time.sleep(0.02)  # idle between trials: this measures latency, not throughput
        begin = time.time_ns()
        run = wire.post("/api/v1/projects/bench/jobs/clock/trigger", {})["identifier"]
        time.sleep(0.05)  # whoever asks meanwhile slows what is measured
        wait_terminal(wire, run, pause_s=0.02)
        started = int(wire.send("GET", f"/api/v1/runs/{run}/log"))
        waits.append((started - begin) / 1e6)
    wire.close()
    p50, p95 = percentiles(waits[5:])
    yield Figure(
        "trigger by HTTP → process started, p50 / p95",
        "10 / 25 ms",
        f"{p50:.1f} / {p95:.1f} ms",
        p50 <= 10 and p95 <= 25,
        "Celery 5/7, Procrastinate 7/12, RQ 16/23, Cronicle 88/115, Buildbot 262/467 ms",
    )


def throughput(server: Server) -> Iterator[Figure]:
    """RUNS trivial runs, from the first trigger until the last is terminal with its log stored."""
    wait_all(server, "true", submit(server, "true", 200))
    me = psutil.Process(server.process.pid)
    workers = me.children(recursive=True)
    rates, ratios, floors, costs = [], [], [], []
    for _ in range(ROUNDS):
        floors.append(spawn_rate())
        before = processor_s([me]), processor_s(workers)
        begin = time.perf_counter()
        wait_all(server, "true", submit(server, "true", RUNS))
        rates.append(RUNS / (time.perf_counter() - begin))
        ratios.append(rates[-1] / floors[-1])
        costs.append(((processor_s([me]) - before[0]) / RUNS * 1e3, (processor_s(workers) - before[1]) / RUNS * 1e3))
    best, ratio, cost = max(rates), max(ratios), min(costs)
    yield Figure(
        f"bare spawn rate meanwhile (subprocess, 8 threads), best of {ROUNDS}",
        "the floor",
        f"{max(floors):.0f}/s",
        None,
        "1,365 to 2,527/s",
    )
    yield Figure(
        f"{RUNS} trivial runs end to end, 8 slots, best of {ROUNDS}",
        "400/s (the aim: 578)",
        f"{best:.0f}/s",
        best >= 400,
        "Huey 777, Celery 578, Procrastinate 159, Cronicle 15, Airflow 4.3, Buildbot 3.7/s",
    )
    yield Figure("  against the bare spawn rate just before", "a third", f"{ratio:.2f}", ratio >= 1 / 3)
    yield Figure(
        "  processor time of a run, least: server + worker with executors",
        "",
        f"{cost[0]:.2f} + {cost[1]:.2f} ms",
        None,
        "Airflow and Prefect seconds, Buildbot 225 ms, Cronicle 120 ms",
    )


def submit_rate(server: Server) -> Iterator[Figure]:
    """Triggers of a job that no worker matches: the API and the database alone."""
    rates = []
    for _ in range(3):
        begin = time.perf_counter()
        submit(server, "nowhere", 1000)
        rates.append(1000 / (time.perf_counter() - begin))
    rate = max(rates)
    yield Figure("submit rate, API alone, 8 connections, best of 3", "1,000/s", f"{rate:.0f}/s", rate >= 1000)


def submit(server: Server, job: str, count: int) -> list[str]:
    """Trigger `count` runs over 8 connections; return their identifiers."""
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


def wait_all(server: Server, job: str, runs: Sequence[str]) -> None:
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
