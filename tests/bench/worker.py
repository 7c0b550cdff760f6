"""What worker and executors cost by themselves: `python -m tests.bench.worker`, against a server that stores nothing.

Processor time is the kernel's own account (/proc/<pid>/schedstat), so a busy machine makes the rates
worse, but not the times. Figures are printed, nothing is asserted.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orchestra.worker.tree import living_below
from support.protocol_server import ProtocolServer, ServedRun, protocol_server
from support.worker_process import WorkerProcess, worker_process

SLOTS = 8
RUNS = 800
STARTS = 50
LINES = 2_600_000
COMMANDS: dict[str, Any] = {"vector": ["true"], "string": "true", "string with output": "echo hi"}


def processor_ms(*pids: int) -> float:
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e6


def pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) / 1024


def bare_spawns() -> None:
    begin, before = time.perf_counter(), os.times()
    for _ in range(RUNS):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
    after = os.times()
    used = (sum(after[:4]) - sum(before[:4])) / RUNS * 1e3
    rate = RUNS / (time.perf_counter() - begin)
    print(f"bare spawn, one after the other   {rate:6.0f}/s  {used:.2f} ms a run, `true` itself included")


async def trivial_runs(server: ProtocolServer, worker: int, executors: list[int], name: str) -> None:
    pending: set[asyncio.Task[None]] = set()
    begin, worker_ms, executors_ms = time.perf_counter(), processor_ms(worker), processor_ms(*executors)
    for number in range(RUNS):
        if len(pending) == SLOTS:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        run = await server.assign(COMMANDS[name], job=f"job{number % SLOTS}")
        pending.add(asyncio.create_task(over(server, run)))
    await asyncio.wait(pending)
    rate = RUNS / (time.perf_counter() - begin)
    each = [(processor_ms(*pids) - ms) / RUNS for pids, ms in (([worker], worker_ms), (executors, executors_ms))]
    print(f"trivial runs, {name:<20}{rate:6.0f}/s  {each[0]:.2f} + {each[1]:.2f} ms a run in worker and executors")


async def over(server: ProtocolServer, run: ServedRun) -> None:
    await server.until(lambda: run.is_forgotten, "the run is over")


async def starts(server: ProtocolServer) -> None:
    waits = []
    for _ in range(STARTS):
        begin = time.perf_counter()
        run = await server.assign(["true"])
        await server.until(lambda run=run: run.starts, "it started")  # type: ignore[misc]
        waits.append((time.perf_counter() - begin) * 1e3)
        await over(server, run)
    cuts = statistics.quantiles(waits, n=20)
    print(f"assigned → heard that it started  p50 {statistics.median(waits):.1f} / p95 {cuts[18]:.1f} ms")


async def log(server: ProtocolServer, worker: int, executors: list[int]) -> None:
    begin, worker_ms, executors_ms = time.perf_counter(), processor_ms(worker), processor_ms(*executors)
    run = await server.assign(["seq", "-f", "line %012.0f of a log that is long", "1", str(LINES)])
    await over(server, run)
    rate = len(run.log) / 1e6 / (time.perf_counter() - begin)
    used = f"worker {processor_ms(worker) - worker_ms:.0f} + executor {processor_ms(*executors) - executors_ms:.0f} ms"
    print(f"log of {len(run.log) / 1e6:.0f} MB                     {rate:6.0f} MB/s  {used}, exact: {run.is_exact}")


def memory(worker: int, zygote: int, executors: list[int]) -> None:
    parts = [pss_mb(worker), pss_mb(zygote), sum(pss_mb(pid) for pid in executors)]
    print(
        f"memory (PSS)                      {sum(parts):6.1f} MB  worker {parts[0]:.1f}, zygote {parts[1]:.1f}, "
        f"{len(executors)} executors {parts[2]:.1f}"
    )


async def measure(server: ProtocolServer, process: WorkerProcess) -> None:
    await server.until_connected()
    assert process.process is not None
    worker = process.process.pid
    for run in [await server.assign("true", job=f"job{number}") for number in range(SLOTS)]:
        await over(server, run)
    executors = [one.pid for one in process.executors()]
    zygote = next(one.pid for one in living_below(worker))
    for name in COMMANDS:
        await trivial_runs(server, worker, executors, name)
    await starts(server)
    memory(worker, zygote, executors)
    await log(server, worker, executors)
    memory(worker, zygote, executors)


async def main() -> None:
    async with (
        protocol_server() as server,
        worker_process(server.url, concurrency=SLOTS, log_level="error") as process,
    ):
        await measure(server, process)


if __name__ == "__main__":
    bare_spawns()
    asyncio.run(main())
