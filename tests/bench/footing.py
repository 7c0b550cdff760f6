"""What an installation takes by itself: to start, at rest, and to show its first page."""

from __future__ import annotations

import gzip
import json
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

import orchestra
from bench.journey import submit, wait_all
from bench.server import Server, free_port, memory, processor_s, program, wait_ready
from bench.table import Figure
from support.chromium import ARGUMENTS, find

WEBSITE = Path(orchestra.__file__).parent / "website_dist"
_LARGEST = """() => new Promise((resolve) => new PerformanceObserver((list) =>
  resolve(list.getEntries().at(-1).startTime)).observe({ type: "largest-contentful-paint", buffered: true }))"""


def help_time() -> Iterator[Figure]:
    """`orchestra --help`, whole process."""

    def once() -> float:
        begin = time.perf_counter()
        subprocess.run([program(), "--help"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin

    taken = _median(once, 9) * 1000
    yield Figure("orchestra --help, median of 9", "150 ms", f"{taken:.0f} ms", taken < 150)


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
        used.append(processor_s([psutil.Process(process.pid)]))
        process.terminate()
        process.wait(30)
        return taken

    used: list[float] = []
    taken = _median(once, 5)
    yield Figure(
        "orchestra server, start → first answer, median of 5",
        "1.5 s",
        f"{taken:.2f} s, {min(used):.2f} s of processor",
        taken < 1.5,
    )


def memory_at_rest(server: Server) -> Iterator[Figure]:
    """After 8 runs at once have warmed 8 executors."""
    wait_all(server, "true", submit(server, "true", 64))
    time.sleep(1)  # at rest
    at_server, at_worker = memory(server)
    yield Figure(
        "memory at rest (PSS): server",
        "110 MB",
        f"{at_server:.0f} MB",
        at_server < 110,
        "Cronicle 81, Buildbot 94, the ancestor 112, Prefect 236, Airflow 2,284 MB",
    )
    yield Figure(
        "memory at rest (PSS): worker, 8 warm executors",
        "60 MB",
        f"{at_worker:.0f} MB",
        at_worker < 60,
        "Buildbot 54, Prefect 97, RQ 314, Celery 390 MB",
    )


def website(server: Server) -> Iterator[Figure]:
    """What the first page loads, and when its largest part stands on loopback."""
    page = WEBSITE / "index.html"
    if not page.is_file():
        yield Figure("website: first load gzipped", "250 KB", "not built here: make website")
        return
    size = sum(len(gzip.compress((WEBSITE / name).read_bytes(), 9)) for name in _first_load(page)) / 1000
    yield Figure("website: first load, gzipped", "250 KB", f"{size:.0f} KB", size < 250)
    chromium = find()
    if chromium is None:
        yield Figure("website: largest contentful paint on loopback", "1 s", "no Chromium here")
        return
    taken = _paints(server, chromium) / 1000
    yield Figure("website: largest contentful paint on loopback, median of 5", "1 s", f"{taken:.2f} s", taken < 1)


def _first_load(page: Path) -> set[str]:
    """Files that index.html names, with all that they import: what tools/bundle-budget.ts counts."""
    manifest = json.loads((WEBSITE / ".vite" / "manifest.json").read_text())
    by_file = {chunk["file"]: key for key, chunk in manifest.items()}
    files = {found for found in re.findall(r'(assets/[^"\']+)', page.read_text()) if (WEBSITE / found).is_file()}
    waiting = [by_file[file] for file in files if file in by_file]
    while waiting:
        chunk = manifest[waiting.pop()]
        files.update(chunk.get("css", ()))
        waiting += [key for key in chunk.get("imports", ()) if manifest[key]["file"] not in files]
        files.add(chunk["file"])
        files.update(manifest[key]["file"] for key in chunk.get("imports", ()))
    return files | {"index.html"}


def _paints(server: Server, chromium: Path) -> float:
    """Milliseconds, each in a browser context that has nothing stored."""
    paints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for _ in range(5):
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{server.port}/", wait_until="networkidle")
            paints.append(float(page.evaluate(_LARGEST)))
            context.close()
        browser.close()
    return statistics.median(paints)


def _median(measure: Callable[[], float], times: int) -> float:
    return statistics.median(measure() for _ in range(times))
