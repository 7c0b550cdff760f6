"""Faults at moments that nobody chose: short runs under repeated kills, races of wishes, floods, lost executors."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from orchestra.domain.run import ACTIVE, TERMINAL, CauseCode, RunStatus
from support.installation import Gate, Installation
from support.waiting import is_gone, text_of, wait_for

QUICK = {
    "ORCHESTRA_HEARTBEAT": "1s",
    "ORCHESTRA_WORKER_TIMEOUT": "2s",
    "ORCHESTRA_RECONNECT_FIRST": "0.1s",
    "ORCHESTRA_RECONNECT_LONGEST": "1s",
}
WITNESS = 'echo "$ORCHESTRA_RUN" >> {}'

FLOOD_BYTES = 60_000_000
FLOOD = """
import hashlib, json, os, sys
digest, number, left = hashlib.sha256(), 0, int(sys.argv[1])
while left > 0:
    block = "".join(f"{n:012d} {n * n:020d}\\n" for n in range(number, number + 4000)).encode()[:left]
    digest.update(block)
    sys.stdout.buffer.write(block)
    number, left = number + 4000, left - len(block)
json.dump(digest.hexdigest(), open(os.environ["ORCHESTRA_RESULTS"], "w"))
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("faults"), "server", environment=QUICK) as one:
        one.start()
        one.start_worker("solo")
        yield one


def test_short_runs_start_once_each_while_server_and_worker_are_killed_again_and_again(
    one: Installation, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    one.put_job("short", WITNESS.format(witness) + "; echo done")
    runs = [one.trigger("short").identifier for _ in range(60)]
    for target in ("server", "worker", "both", "server", "worker"):
        started = len(text_of(witness).split())
        wait_for(lambda: len(text_of(witness).split()) >= min(started + 5, 60), "some more start")  # noqa: B023
        if target in ("worker", "both"):
            one.workers["solo"].kill()
        if target in ("server", "both"):
            one.kill()
            one.start()
        if target in ("worker", "both"):
            one.start_worker("solo")
    for run in runs:
        ended = one.wait_end(run)
        assert ended.status is RunStatus.SUCCEEDED, ended
        assert one.client.log(run) == b"done\n"
        types = [event["type"] for event in one.events(run)]
        assert types.count("run.started") == types.count("run.succeeded") == 1
    assert sorted(text_of(witness).split()) == sorted(runs)


def test_a_flood_is_byte_exact_although_the_server_is_killed_in_the_middle(one: Installation) -> None:
    one.put_job("flood", [sys.executable, "-c", FLOOD, str(FLOOD_BYTES)])
    run = one.trigger("flood").identifier

    def size() -> int:
        return int(one.http.get(f"/runs/{run}/log/info").json()["bytes"])

    for least in (1_000_000, 20_000_000):
        wait_for(lambda: size() > least, "bytes arrive")  # noqa: B023
        one.kill()
        one.start()
    ended = one.wait_end(run)
    assert ended.status is RunStatus.SUCCEEDED, ended
    digest = hashlib.sha256()
    one.client.write_log(run, digest.update)
    assert (ended.log_size, digest.hexdigest()) == (FLOOD_BYTES, ended.results)


def test_a_cancelled_run_never_started_whatever_the_race(one: Installation, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    one.put_job("raced", WITNESS.format(witness))
    answers: dict[str, httpx.Response] = {}
    for _ in range(40):
        run = one.trigger("raced").identifier
        answers[run] = one.http.post(f"/runs/{run}/cancel")
    for run, answer in answers.items():
        ended = one.wait_end(run)
        started = run in text_of(witness).split()
        assert answer.status_code in (200, 409), answer.text
        assert ended.status in (RunStatus.CANCELLED, RunStatus.SUCCEEDED)
        assert started is (ended.status is RunStatus.SUCCEEDED), ended
        if answer.status_code == 409:
            assert started


def test_an_abort_races_the_natural_end_and_one_of_them_wins(one: Installation, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    one.put_job("ends", WITNESS.format(witness), definition={"grace": 1})
    runs = []
    for _ in range(40):
        run = one.trigger("ends").identifier
        one.wait_run(run, lambda found: found.status in ACTIVE | TERMINAL)
        answer = one.http.post(f"/runs/{run}/abort")
        assert answer.status_code in (200, 409), answer.text
        runs.append((run, answer.status_code))
    for run, code in runs:
        ended = one.wait_end(run)
        assert ended.status in (RunStatus.SUCCEEDED, RunStatus.ABORTED, RunStatus.CANCELLED), ended
        if code == 409:
            assert ended.status is RunStatus.SUCCEEDED
        if ended.status is RunStatus.CANCELLED:
            assert run not in text_of(witness).split()
        terminal = [event for event in one.events(run) if event["data"].get("to") in {str(one) for one in TERMINAL}]
        assert len(terminal) == 1


def test_an_abort_asked_while_the_worker_is_away_reaches_it_after_a_restart_of_both(
    one: Installation, tmp_path: Path
) -> None:
    gate, pid_file = Gate(tmp_path / "gate"), tmp_path / "pid"
    one.put_job("wanted-dead", f"echo $$ > {pid_file}; {gate.command}", definition={"grace": 1})
    run = one.trigger("wanted-dead").identifier
    one.wait_running(run)
    one.workers["solo"].kill()
    one.wait_worker("solo", is_active=False)
    assert one.client.abort(run).should_abort
    one.kill()
    one.start()
    assert one.client.run(run).status is RunStatus.RUNNING
    one.start_worker("solo")
    ended = one.wait_end(run)
    assert (ended.status, ended.cause.code) == (RunStatus.ABORTED, CauseCode.ABORTED_BY)
    assert "admin" in ended.cause.message
    assert is_gone(int(text_of(pid_file)))


def test_an_executor_that_dies_while_its_worker_is_away_is_found_out_at_the_next_start(
    one: Installation, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    one.put_job("orphaned", f"echo said; echo $$ > {pid_file}; sleep 300")
    run = one.trigger("orphaned").identifier
    pid = int(wait_for(lambda: text_of(pid_file), "the command started"))
    one.wait_running(run)
    executor = psutil.Process(pid).parent()
    assert executor is not None and executor.pid != os.getpid()
    one.workers["solo"].kill()
    executor.kill()
    one.start_worker("solo")
    ended = one.wait_end(run)
    assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, CauseCode.EXECUTOR_LOST), ended
    assert is_gone(pid)
    assert one.client.log(run) == b"said\n"


def test_a_run_whose_worker_stays_away_longer_than_the_job_allows_ends_and_is_fenced_off(tmp_path: Path) -> None:
    with Installation(tmp_path / "own", "server", environment=QUICK) as own:
        own.start()
        own.start_worker("absent")
        pid_file = tmp_path / "pid"
        policy = {"on_worker_lost": {"fail_after": 1}}
        own.put_job("forgotten", f"echo $$ > {pid_file}; sleep 300", policy=policy)
        run = own.trigger("forgotten").identifier
        pid = int(wait_for(lambda: text_of(pid_file), "the command started"))
        own.wait_running(run)
        own.workers["absent"].kill()
        ended = own.wait_end(run)
        assert (ended.status, ended.cause.code) == (RunStatus.EXCEPTION, CauseCode.WORKER_LOST), ended
        # The same folder comes back: what it still holds is fenced off and ended, and the verdict stands.
        own.start_worker("absent")
        wait_for(lambda: is_gone(pid), "the run that nobody waits for is ended")
        assert own.client.run(run).status is RunStatus.EXCEPTION
        own.put_job("next", "echo next")
        assert own.run("next").status is RunStatus.SUCCEEDED


def test_nothing_of_a_run_stays_on_the_worker_once_the_server_has_it(one: Installation) -> None:
    one.put_job("tidy", "seq 1 50000")
    runs = {one.run("tidy").identifier for _ in range(5)}
    folder = one.folder / "workers" / "solo" / "runs"
    wait_for(
        lambda: not [path for path in folder.iterdir() if path.name.partition(".")[0] in runs],
        f"the spool forgets: {list(folder.iterdir())}",
    )
