"""Server and workers are killed or stopped while ten runs write: every run ends well, once, with every byte.

Ten runs, five on each of two workers, write a log that can be computed until the test opens a gate.
The fault comes when the server has bytes of each of them, so it hits all of them in the middle.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from orchestra.domain.run import RunStatus
from support import stream_job
from support.installation import Installation
from support.waiting import text_of, wait_for

RUNS = 10
WORKERS = ("left", "right")
# So short that a stopped process is noticed within the patience of a test.
QUICK = {
    "ORCHESTRA_HEARTBEAT": "1s",
    "ORCHESTRA_WORKER_TIMEOUT": "2s",
    "ORCHESTRA_RECONNECT_LONGEST": "1s",
}
SCRIPT = Path(stream_job.__file__)


@dataclass
class Writers:
    """Ten runs that write until `release`."""

    one: Installation
    gate: Path
    witness: Path
    runs: list[str]

    @classmethod
    def begin(cls, one: Installation, name: str) -> Writers:
        """Start them, and wait until the server has bytes of each."""
        gate, witness = one.folder / f"{name}.gate", one.folder / f"{name}.witness"
        os.mkfifo(gate)
        one.put_job(
            name,
            [sys.executable, str(SCRIPT), "{parameters.seed}", str(witness), str(gate)],
            parameters=[{"key": "seed", "is_required": True}],
        )
        runs = [one.trigger(name, {"seed": f"{name}-{number}"}).identifier for number in range(RUNS)]
        writers = cls(one, gate, witness, runs)
        writers.wait_growth()
        return writers

    def wait_growth(self) -> None:
        """Wait until the server has more bytes of each run than now."""
        sizes = {run: self.size(run) for run in self.runs}
        wait_for(lambda: all(self.size(run) > sizes[run] for run in self.runs), f"logs grow\n{self.one.story()}")

    def size(self, run: str) -> int:
        """How many bytes the server has; 0 while it cannot say."""
        answer = self.one.http.get(f"/runs/{run}/log/info")
        return int(answer.json()["bytes"]) if answer.is_success else 0

    def workers(self) -> set[str | None]:
        return {self.one.client.run(run).worker for run in self.runs}

    def release(self) -> None:
        """Let them end."""
        descriptor = os.open(self.gate, os.O_RDWR)
        os.write(descriptor, b"!")
        self._gate = descriptor

    def check(self) -> None:
        """All succeeded, started exactly once, and every byte is there."""
        for number, run in enumerate(self.runs):
            ended = self.one.wait_end(run)
            assert ended.status is RunStatus.SUCCEEDED, ended
            expected = stream_job.log_of(f"{self._name}-{number}", ended.results["lines"])
            got = self.one.http.get(f"/runs/{run}/log").content
            assert (len(got), hashlib.sha256(got).hexdigest()) == (
                len(expected),
                hashlib.sha256(expected).hexdigest(),
            )
            assert ended.log_complete and ended.log_error is None
            assert ended.log_size == len(expected)
            assert ended.steps[0].log_end == len(expected)
        assert sorted(text_of(self.witness).split()) == sorted(self.runs), "each started exactly once"
        os.close(self._gate)

    @property
    def _name(self) -> str:
        return self.gate.stem


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("pair"), "server", environment=QUICK) as one:
        one.start()
        for name in WORKERS:
            one.start_worker(name)
        yield one


def _restart_workers(one: Installation) -> None:
    for name in WORKERS:
        one.start_worker(name)


def test_the_server_is_killed_and_started_again(pair: Installation) -> None:
    writers = Writers.begin(pair, "server-killed")
    assert writers.workers() == set(WORKERS)
    pair.kill()
    pair.start()
    for name in WORKERS:
        pair.wait_worker(name)
    writers.wait_growth()
    writers.release()
    writers.check()


def test_the_server_is_away_while_all_runs_end(pair: Installation) -> None:
    writers = Writers.begin(pair, "server-away")
    pair.kill()
    writers.release()
    wait_for(
        lambda: (
            all("execution.ended" in pair.workers[name].err.text for name in WORKERS)
            and sum(pair.workers[name].err.text.count("execution.ended") for name in WORKERS) >= RUNS
        ),
        "the runs ended on their workers",
    )
    pair.start()
    writers.check()


def test_the_server_is_stopped_as_people_do(pair: Installation) -> None:
    writers = Writers.begin(pair, "server-restarted")
    assert pair.stop() == 0
    for name in WORKERS:
        pair.workers[name].wait_line("the server stops; runs go on", stream="err")
    pair.start()
    writers.wait_growth()
    writers.release()
    writers.check()


def test_a_connection_without_anything_to_say_is_kept(pair: Installation) -> None:
    before = [pair.client.worker(name).connection_date for name in WORKERS]
    pair.put_job("quiet", "sleep 3")
    assert pair.run("quiet").status is RunStatus.SUCCEEDED
    assert [pair.client.worker(name).connection_date for name in WORKERS] == before


def test_one_worker_is_killed_and_started_again(pair: Installation) -> None:
    writers = Writers.begin(pair, "worker-killed")
    pair.workers["left"].kill()
    pair.wait_worker("left", is_active=False)
    # What it runs goes on, and nobody concludes anything from its silence.
    assert all(pair.client.run(run).status is RunStatus.RUNNING for run in writers.runs)
    pair.start_worker("left")
    writers.wait_growth()
    writers.release()
    writers.check()


def test_one_worker_is_killed_again_and_again(pair: Installation) -> None:
    writers = Writers.begin(pair, "worker-killed-often")
    for _ in range(4):
        pair.workers["right"].kill()
        pair.start_worker("right")
    writers.wait_growth()
    writers.release()
    writers.check()


def test_server_and_workers_are_killed_together(pair: Installation) -> None:
    writers = Writers.begin(pair, "all-killed")
    for name in WORKERS:
        pair.workers[name].kill()
    pair.kill()
    pair.start()
    _restart_workers(pair)
    writers.wait_growth()
    writers.release()
    writers.check()


def test_a_stopped_worker_counts_as_away_and_goes_on_when_it_wakes(pair: Installation) -> None:
    writers = Writers.begin(pair, "worker-stopped")
    pair.workers["left"].send_signal(signal.SIGSTOP)
    pair.wait_worker("left", is_active=False)
    pair.workers["left"].send_signal(signal.SIGCONT)
    pair.wait_worker("left")
    writers.wait_growth()
    writers.release()
    writers.check()


def test_a_stopped_server_is_noticed_and_goes_on_when_it_wakes(pair: Installation) -> None:
    writers = Writers.begin(pair, "server-stopped")
    assert pair.server is not None
    before = {name: pair.workers[name].err.text.count("session.ended") for name in WORKERS}
    pair.server.send_signal(signal.SIGSTOP)
    wait_for(
        lambda: all(pair.workers[name].err.text.count("session.ended") > before[name] for name in WORKERS),
        "the workers notice the silence",
    )
    pair.server.send_signal(signal.SIGCONT)
    for name in WORKERS:
        pair.wait_worker(name)
    writers.wait_growth()
    writers.release()
    writers.check()


def test_postgresql_a_killed_server_and_a_killed_worker(postgres_url: str, tmp_path: Path) -> None:
    with Installation(tmp_path, "server", arguments=("--database", postgres_url), environment=QUICK) as one:
        one.start()
        _restart_workers(one)
        writers = Writers.begin(one, "on-postgresql")
        one.workers["left"].kill()
        one.kill()
        one.start()
        one.start_worker("left")
        one.wait_worker("right")
        writers.wait_growth()
        writers.release()
        writers.check()
        assert one.stop() == 0


def test_postgresql_closes_every_connection_again_and_again(postgres_url: str, tmp_path: Path) -> None:
    database = urlsplit(postgres_url).path.removeprefix("/")
    arguments = ("--database", postgres_url)
    with Installation(tmp_path, "server", arguments, QUICK, expected_errors=("log.not_stored", "task.failed")) as one:
        one.start()
        _restart_workers(one)
        writers = Writers.begin(one, "database-cut")
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for _ in range(3):
                cut = connection.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE datname = %s AND pid <> pg_backend_pid()",
                    (database,),
                ).fetchone()
                assert cut is not None and cut[0] > 0
                writers.wait_growth()
        writers.release()
        writers.check()
