"""One round: build a stage, let clients and nemesis loose, heal, wait until everything has ended, read it all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from chaos.crowd import TERMINAL, Crowd
from chaos.history import Ended, History
from chaos.nemesis import Nemesis
from chaos.stage import PROJECT, Stage
from support.installation import DEADLINE_S
from support.waiting import text_of

END_S: Final = 240.0
"""How long nothing may happen to any run of a healed installation: the longest run takes a tenth of that."""
LOOK_S: Final = 0.2


def play(
    folder: Path, seed: int, seconds: float, *, on_postgres: bool, is_isolated: bool, say: Callable[[str], None]
) -> History:
    """Play one round, and return what is known of it."""
    history = History()
    stage = Stage(folder, is_isolated, on_postgres)
    with stage:
        crowd = Crowd(stage, history, seed)
        try:
            Nemesis(stage, history, seed, say).rage(seconds)
            stage.wait_healthy()
        finally:
            crowd.stop()
        _wait_ends(stage, history)
        _read(stage, history)
        history.leaks += [f"worker {name} still holds {run}" for name in stage.workers for run in stage.held(name)]
    history.leaks += [f"outlived its end: {one}" for one in stage.left]
    history.complaints += [f"complained: {one}" for one in stage.complaints]
    for one in stage.ended:
        say(f"ended by itself: {one}")
    return history


def _wait_ends(stage: Stage, history: History) -> None:
    """Until every run has ended and no worker holds any, or nothing has changed for too long."""
    last: Any = None
    changed = time.monotonic()
    with _client(stage) as client:
        while time.monotonic() < changed + END_S:
            stage.supervise()
            open_runs = {run["identifier"]: run["status"] for run in _runs(client) if run["status"] not in TERMINAL}
            held = {name: stage.held(name) for name in stage.workers}
            if not open_runs and not any(held.values()):
                return
            now = (open_runs, held, stage.progress())
            if now != last:
                last, changed = now, time.monotonic()
            time.sleep(min(LOOK_S, END_S))


def _read(stage: Stage, history: History) -> None:
    history.marked = {path.name for path in stage.marks.iterdir()} - {"progress"}
    with _client(stage) as client:
        for summary in _runs(client):
            run = summary["identifier"]
            log = client.get(f"/runs/{run}/log")
            history.runs[run] = Ended(
                row=client.get(f"/runs/{run}").json(),
                log=log.content if log.is_success else None,
                log_problem="" if log.is_success else log.text,
                events=client.get(f"/runs/{run}/events").json()["items"],
                marks=text_of(stage.marks / run),
            )


def _client(stage: Stage) -> httpx.Client:
    headers = {"Authorization": f"Bearer {stage.token}"}
    return httpx.Client(base_url=f"{stage.one.address}/api/v1", headers=headers, timeout=DEADLINE_S)


def _runs(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = client.get(
            f"/projects/{PROJECT}/runs", params={"limit": 200, **({"cursor": cursor} if cursor else {})}
        )
        page = answer.json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
