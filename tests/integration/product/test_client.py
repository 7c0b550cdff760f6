"""The clients with a real server and a real worker: a server that is killed, a program inside a run, the documents."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from orchestra.client import Client
from orchestra.domain.run import RunStatus
from support import stream_job
from support.both_clients import KINDS, connect
from support.installation import PROJECT, Installation, clean_environment
from support.waiting import wait_for

ROOT: Final = Path(__file__).resolve().parents[3]
WAIT_S: Final = 60.0
PYTHON: Final = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Follower:
    """A client that follows the log and the events of a run, and waits for its end, each on a thread."""

    def __init__(self, client: Client, run: str) -> None:
        self.log = bytearray()
        self.events: list[Any] = []
        self.ended: list[Any] = []
        self.errors: list[BaseException] = []
        self._client, self._run = client, run
        self._threads = [
            threading.Thread(target=self._carry, args=(work,), daemon=True)
            for work in (self._follow_log, self._follow_events, self._wait)
        ]
        for thread in self._threads:
            thread.start()

    def _carry(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:  # carried over to the test
            self.errors.append(error)

    def _follow_log(self) -> None:
        for piece in self._client.follow_log(self._run):
            self.log += piece

    def _follow_events(self) -> None:
        for event in self._client.follow_events([f"run:{self._run}"], after=0):
            self.events.append(event)
            if event.type == "run.succeeded":
                return

    def _wait(self) -> None:
        self.ended.append(self._client.wait(self._run))

    def join(self) -> None:
        for thread in self._threads:
            thread.join(WAIT_S)
        assert not self.errors, self.errors
        assert not any(thread.is_alive() for thread in self._threads), "somebody still waits"


def have_more(followers: list[Follower], sizes: list[int]) -> bool:
    """Whether each has more bytes than it had."""
    return all(len(follower.log) > size for follower, size in zip(followers, sizes, strict=True))


def test_who_follows_bears_a_server_that_is_killed_and_started_again(tmp_path: Path) -> None:
    with Installation(tmp_path, "server") as one, ExitStack() as stack:
        one.start()
        one.start_worker("left")
        gate, script = tmp_path / "gate", Path(stream_job.__file__)
        os.mkfifo(gate)
        one.put_job("stream", [sys.executable, str(script), "seed", str(tmp_path / "witness"), str(gate)])
        run = one.trigger("stream").identifier
        followers = []
        for kind in KINDS:
            for _ in range(2):
                client = stack.enter_context(connect(kind, one.address, one.token, patience_s=WAIT_S))
                followers.append(Follower(client, run))
        wait_for(lambda: all(follower.log for follower in followers), "everybody has bytes")
        for _ in range(2):
            one.kill()
            sizes = [len(follower.log) for follower in followers]
            one.start()
            one.wait_worker("left")
            wait_for(partial(have_more, followers, sizes), "everybody has more bytes")
        descriptor = os.open(gate, os.O_RDWR)
        os.write(descriptor, b"!")
        for follower in followers:
            follower.join()
        os.close(descriptor)
        lines = one.client.results(run)["lines"]
        for follower in followers:
            assert bytes(follower.log) == stream_job.log_of("seed", lines)
            assert follower.ended[0].status is RunStatus.SUCCEEDED
            numbers = [event.run_sequence for event in follower.events]
            assert numbers == list(range(1, len(numbers) + 1))


@pytest.fixture(scope="module")
def one(up: Installation) -> Iterator[Installation]:
    yield up


def test_a_program_inside_a_run_speaks_for_the_run_without_being_told_anything(one: Installation) -> None:
    one.put_job("child", "true")
    script = f"""
from orchestra.client import Client
with Client.from_environment() as client:
    run = client.trigger({PROJECT!r}, "child")
    print(client.wait(run.identifier).status, run.source["type"], run.source["reason"])
"""
    one.put_job("parent", [sys.executable, "-c", script])
    run = one.run("parent")
    assert one.client.log(run.identifier) == b"succeeded run token\n", one.client.log(run.identifier)


def blocks(document: str) -> list[str]:
    """The Python blocks of a document."""
    return PYTHON.findall((ROOT / document).read_text())


@pytest.mark.parametrize(
    ("document", "place"),
    [(name, place) for name in ("docs/client.md", "README.md") for place in range(len(blocks(name)))],
)
def test_the_examples_of_the_documents_run(document: str, place: int, one: Installation, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(blocks(document)[place])
    done = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        cwd=tmp_path,
        env=clean_environment(one.home, ORCHESTRA_SERVER=one.address, ORCHESTRA_TOKEN=one.token),
    )
    assert done.returncode == 0, f"{script.read_text()}\n{done.stdout}{done.stderr}"
    assert done.stdout, "it shows nothing"


def test_there_are_examples() -> None:
    assert len(blocks("docs/client.md")) >= 5
