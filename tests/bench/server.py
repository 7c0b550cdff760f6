"""A real `orchestra up` for benchmarks: its own data folder, a free port on loopback, ended at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.wire import Wire


@dataclass(frozen=True)
class Server:
    """A running installation."""

    process: subprocess.Popen[str]
    data: Path
    port: int
    token: str

    def wire(self) -> Wire:
        return Wire(self.port, self.token)


def program() -> str:
    """The installed `orchestra` of this environment."""
    return str(Path(sys.executable).with_name("orchestra"))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(command: str = "up", data: Path | None = None, *more: str) -> Iterator[Server]:
    """`orchestra up` (or `server`) until it is ready; ended and waited for afterwards."""
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as folder:
        where = data or Path(folder, "data")
        port = free_port()
        browser = ["--no-browser"] if command == "up" else []
        process = subprocess.Popen(
            [program(), command, "--data", str(where), "--port", str(port), *browser, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            wait_ready(process)
            yield Server(process, where, port, Path(where, "admin-token").read_text().strip())
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_ready(process: subprocess.Popen[str]) -> None:
    """Read the output up to the `ready` line."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            return
    raise AssertionError("the server ended before it was ready")


def apply(wire: Wire, jobs: dict[str, Any], project: str = "bench") -> None:
    """Make `jobs` those of a project."""
    content = json.dumps({"projects": {project: {"jobs": jobs}}})
    wire.post("/api/v1/configuration/apply", {"files": [{"name": "bench.json", "content": content}], "prune": False})


def pss_mb(process: psutil.Process) -> float:
    """Proportional memory of one process, MB."""
    return float(process.memory_full_info().pss) / 1e6


def memory(server: Server) -> tuple[float, float]:
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


def processor_s(processes: Iterable[psutil.Process]) -> float:
    """Seconds that the processes themselves took, not the commands that they started."""
    return float(sum(times.user + times.system for times in (one.cpu_times() for one in processes)))


def wait_terminal(wire: Wire, run: str, *, pause_s: float = 0.002) -> dict[str, Any]:
    """Ask until the run is terminal: the benchmark's own clock, not the product's."""
    while True:
        found: dict[str, Any] = wire.get(f"/api/v1/runs/{run}")
        if found["status"] not in ("pending", "assigned", "running"):
            return found
        time.sleep(pause_s)


def revision() -> str:
    """The commit that is measured, with a mark when the tree differs from it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def machine() -> str:
    """What the figures were measured on."""
    return f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, Linux {os.uname().release}"
