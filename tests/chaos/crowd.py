"""The clients: one triggers and tries again until it knows, one reads and compares, one changes its mind.

Each is a thread with a random stream of its own, so the same seed asks for the same runs.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import httpx

from chaos.history import Asked, History
from chaos.stage import JOB, PROJECT, Stage

LIVE: Final = 12
"""So many runs are open at a time: more than there are slots, so that some wait."""
ANSWER_S: Final = 5.0
PAUSE_S: Final = 0.2
TERMINAL: Final = ("succeeded", "failed", "aborted", "cancelled", "exception")
REFUSED: Final = (404, 409)


class Crowd:
    """The clients of one round."""

    def __init__(self, stage: Stage, history: History, seed: int) -> None:
        self._stage = stage
        self._history = history
        self._seed = seed
        self._open: dict[str, tuple[str, int]] = {}
        """Run → (status, bytes of log) as last seen."""
        self._changed = threading.Condition(history.lock)
        self._stopping = threading.Event()
        works = (self._trigger, self._read, self._stop_some)
        self._threads = [threading.Thread(target=self._work, args=(one,), daemon=True) for one in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask for no more, and wait for the answers that are due."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self, work: Callable[[httpx.Client, random.Random], None]) -> None:
        chance = random.Random(f"{self._seed} {work.__name__}")
        headers = {"Authorization": f"Bearer {self._stage.token}"}
        base = f"{self._stage.one.address}/api/v1"
        with httpx.Client(base_url=base, headers=headers, timeout=ANSWER_S) as client:
            work(client, chance)

    def _trigger(self, client: httpx.Client, chance: random.Random) -> None:
        number = 0
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: len(self._open) < LIVE or self._stopping.is_set())
            number += 1
            asked = Asked(
                key=f"chaos-{self._seed}-{number}",
                seed=f"{self._seed}-{number}",
                blocks=chance.choice((0, 3, 20, 60, 150)),
                pace_ms=chance.choice((1, 20, 50)),
                code=chance.choice((0, 0, 0, 3)),
                trick=chance.choice(("plain",) * 8 + ("stubborn", "orphan")),
            )
            self._history.asked[asked.key] = asked
            self._ask(client, asked)

    def _ask(self, client: httpx.Client, asked: Asked) -> None:
        """Until an answer says which run it is; the same key makes sure that it is one."""
        while True:
            answer = _send(
                client,
                "POST",
                f"/projects/{PROJECT}/jobs/{JOB}/trigger",
                json={"parameters": asked.parameters()},
                headers={"Idempotency-Key": asked.key},
            )
            if answer is not None and answer.is_success:
                run: str = answer.json()["identifier"]
                with self._changed:
                    self._history.answers.setdefault(asked.key, set()).add(run)
                    self._open.setdefault(run, ("pending", 0))
                return
            if answer is not None and answer.status_code < 500 and answer.status_code != 429:
                self._history.complaints.append(f"trigger was refused: {answer.status_code} {answer.text}")
                return
            self._stopping.wait(PAUSE_S)

    def _read(self, client: httpx.Client, chance: random.Random) -> None:
        """INV-21s: no reader sees a run go back from its end, nor its log shrink."""
        while not self._stopping.is_set():
            with self._changed:
                runs = list(self._open)
            for run in runs:
                answer = _send(client, "GET", f"/runs/{run}")
                size = _send(client, "GET", f"/runs/{run}/log/info")
                if answer is None or size is None or not (answer.is_success and size.is_success):
                    if answer is not None and answer.status_code == 404:
                        self._history.backwards.append(f"run {run} was accepted and is not found")
                    continue
                self._saw(run, answer.json()["status"], size.json()["bytes"])
            self._stopping.wait(PAUSE_S)

    def _saw(self, run: str, status: str, size: int) -> None:
        with self._changed:
            before, bytes_before = self._open[run]
            if size < bytes_before:
                self._history.backwards.append(f"run {run}: its log had {bytes_before} bytes, then {size}")
            if before == "running" and status in ("pending", "assigned"):
                self._history.backwards.append(f"run {run} was running, then {status}")
            self._open[run] = (status, max(size, bytes_before))
            if status in TERMINAL:
                del self._open[run]
                self._changed.notify_all()

    def _stop_some(self, client: httpx.Client, chance: random.Random) -> None:
        """Now and then somebody wants a run no more."""
        seen: set[str] = set()
        while not self._stopping.is_set():
            with self._changed:
                fresh = [run for run in self._open if run not in seen]
            for run in fresh:
                seen.add(run)
                if chance.random() < 0.15:
                    self._wish(client, run, chance.choice(("cancel", "abort", "abort")))
            self._stopping.wait(chance.uniform(0.5, 3.0))

    def _wish(self, client: httpx.Client, run: str, action: str) -> None:
        with self._changed:
            self._history.wishes.add(run)
        while not self._stopping.is_set():
            answer = _send(client, "POST", f"/runs/{run}/{action}")
            if answer is not None and (answer.is_success or answer.status_code in REFUSED):
                return
            self._stopping.wait(PAUSE_S)


def _send(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response | None:
    """One request; None when nobody knows what became of it."""
    with suppress(httpx.HTTPError):
        return client.request(method, path, **more)
    return None
