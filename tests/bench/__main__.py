"""`make bench`: every budget of performance in one table, beside the bare spawn rate of the same run and the peers.

`python -m tests.bench [PART …]` measures some parts only. Figures are printed and appended to build/bench.jsonl
with the machine and the commit; nothing is asserted. Judge by ratios in one run: machines are shared and noisy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import fleet, footing, history, journey, placement, streams
from bench.server import Server, apply, machine, revision, running
from bench.table import HEAD, Figure

RESULTS = Path("build/bench.jsonl")

WITH_SERVER: dict[str, Callable[[Server], Iterator[Figure]]] = {
    "latency": journey.latency,
    "throughput": journey.throughput,
    "submit": journey.submit_rate,
    "log": streams.flow,
    "follow": streams.follower,
    "window": streams.windows,
}


def dispatch_pass() -> Iterator[Figure]:
    """The pure part of a dispatch, in memory."""
    for what, milliseconds in placement.rows():
        is_budget = what.startswith("no match")
        yield Figure(
            f"dispatch pass, {placement.RUNS:,} pending x {placement.WORKERS} workers: {what}",
            "20 ms" if is_budget else "",
            f"{milliseconds:.1f} ms",
            milliseconds < 20 if is_budget else None,
        )


def schedules() -> Iterator[Figure]:
    """Schedules fire in a later release."""
    yield Figure("10,000 schedules due in one minute: all runs stored", "5 s", "not there yet: nothing fires them")


def measure(names: Sequence[str], folder: Path) -> Iterator[Figure]:
    """All figures, in the table's order."""

    def wanted(name: str) -> bool:
        return not names or name in names

    # At rest first: afterwards the server has been busy.
    for parts in (("memory", "website", "start"), tuple(WITH_SERVER)):
        if any(map(wanted, parts)):
            yield from _on_a_server([name for name in parts if wanted(name)])
    if wanted("lists"):
        yield from history.lists(folder)
    if wanted("schedules"):
        yield from schedules()
    if wanted("dispatch"):
        yield from dispatch_pass()
    if wanted("fleet"):
        yield from fleet.fleet()
    if wanted("help"):
        yield from footing.help_time()


def _on_a_server(names: Sequence[str]) -> Iterator[Figure]:
    at_rest = {"memory": footing.memory_at_rest, "website": footing.website}
    with running("up", None, "--concurrency", "8") as server:
        wire = server.wire()
        apply(wire, {**journey.JOBS, **streams.JOBS})
        wire.close()
        for name, part in {**at_rest, **WITH_SERVER}.items():
            if name in names:
                yield from part(server)
        if "start" in names:
            server.process.terminate()
            server.process.wait(30)
            yield from footing.start_time(server.data)


def main() -> None:
    parts = ["memory", "website", "start", *WITH_SERVER, "lists", "schedules", "dispatch", "fleet", "help"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help=f"{' '.join(parts)}; all without")
    names = parser.parse_args().part
    begin, load = time.monotonic(), os.getloadavg()
    print(f"Orchestra {revision()} on {machine()}, load {load[0]:.1f} at the start\n\n{HEAD}")
    figures = []
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        for figure in measure(names, Path(folder)):
            print(figure.line(), flush=True)
            figures.append(asdict(figure))
    judged = [figure["is_met"] for figure in figures if figure["is_met"] is not None]
    taken_s = time.monotonic() - begin
    print(
        f"\n{sum(judged)} of {len(judged)} budgets met; "
        f"measured in {taken_s:.0f} s, load {os.getloadavg()[0]:.1f} at the end"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        record = {"revision": revision(), "machine": machine(), "time": time.time(), "load": load, "seconds": taken_s}
        file.write(json.dumps({**record, "figures": figures}) + "\n")


if __name__ == "__main__":
    main()
