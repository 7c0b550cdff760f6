"""What runs leave, from the workspace to a file on somebody's disk, through kills, cuts and full disks."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestra.client.entities import Run
from orchestra.domain.errors import NotFound
from orchestra.domain.run import RunStatus
from orchestra.worker.requests import RunKey
from support.flaky_proxy import FlakyProxy
from support.installation import Installation
from support.waiting import wait_for

MEGABYTE = 1 << 20
QUICK = {"ORCHESTRA_HEARTBEAT": "1s", "ORCHESTRA_WORKER_TIMEOUT": "2s", "ORCHESTRA_RECONNECT_LONGEST": "1s"}
MAKE = """
import hashlib, json, os, sys
digest = hashlib.sha256()
os.makedirs("dist", exist_ok=True)
with open("dist/big", "wb") as file:
    for _ in range(int(sys.argv[1])):
        data = os.urandom(1 << 20)
        digest.update(data)
        file.write(data)
print("made")
with open(os.environ["ORCHESTRA_RESULTS"], "w") as file:
    json.dump({"sha256": digest.hexdigest()}, file)
"""


class Delivery:
    """An installation whose one worker talks through a proxy that counts."""

    def __init__(self, one: Installation, proxy: FlakyProxy) -> None:
        self.one = one
        self.proxy = proxy
        self.worker_data = one.folder / "workers" / "w"
        self.start_worker()

    def start_worker(self) -> None:
        self.one.workers["w"] = self.one.launch(
            *("worker", "--server", f"http://127.0.0.1:{self.proxy.port}", "--name", "w"),
            *("--data", str(self.worker_data), "--concurrency", "2"),
            ORCHESTRA_TOKEN=self.one.worker_token,
        )
        self.one.wait_worker("w")

    def run(self, *command: str, **definition: Any) -> Run:
        """Trigger a run that leaves `dist`, and wait for its end."""
        self.one.put_job("leave", list(command), definition={"artifacts": ["dist/**"], **definition})
        return self.one.wait_end(self.one.trigger("leave").identifier)

    def wait_complete(self, run: str) -> Run:
        return self.one.wait_run(run, lambda found: found.artifacts_complete)

    def come(self) -> int:
        """How many bytes the server has of what is not whole yet."""
        partial = self.one.data / "artifacts" / "partial"
        return sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())

    def wait_come(self, size: int) -> None:
        wait_for(lambda: self.come() >= size, f"{size} bytes of the artifact")

    def digest(self, run: str, path: str) -> str:
        """The SHA-256 of what a user downloads."""
        found = hashlib.sha256()
        self.one.client.write_artifact(run, path, found.update)
        return found.hexdigest()

    def spooled(self) -> list[str]:
        """Runs that the worker still holds."""
        return [path.name for path in (self.worker_data / "runs").iterdir() if RunKey.parse(path.name) is not None]

    def wait_forgotten(self) -> None:
        wait_for(lambda: not [one for one in self.spooled() if not one.startswith(".")], "an empty spool")


@contextmanager
def delivering(folder: Path, *expected: str) -> Iterator[Delivery]:
    with Installation(folder, "server", environment=QUICK, expected_errors=expected) as one:
        one.start()
        with FlakyProxy(one.port) as proxy:
            yield Delivery(one, proxy)


@pytest.fixture
def delivery(tmp_path: Path) -> Iterator[Delivery]:
    with delivering(tmp_path) as made:
        yield made


def test_kills_of_worker_and_server_in_the_middle_cost_a_window_and_nothing_else(delivery: Delivery) -> None:
    one, size = delivery.one, 200 * MEGABYTE
    before = delivery.proxy.asked_bytes
    run = delivery.run(sys.executable, "-c", MAKE, "200")
    assert run.status is RunStatus.SUCCEEDED
    delivery.wait_come(30 * MEGABYTE)
    one.workers["w"].kill()
    delivery.start_worker()
    delivery.wait_come(80 * MEGABYTE)
    one.kill()
    assert delivery.come() < size, "the kill came in the middle"
    one.start()
    found = delivery.wait_complete(run.identifier)
    assert (found.artifact_count, found.artifact_size, found.artifact_error) == (1, size, None)
    assert delivery.digest(run.identifier, "dist/big") == found.results["sha256"]
    sent = delivery.proxy.asked_bytes - before
    # Two kills: each loses at most what was asked for and not stored, twice what one window holds.
    assert size < sent < size + 2 * 2 * 4 * MEGABYTE + 2 * MEGABYTE
    delivery.wait_forgotten()
    types = [event["type"] for event in one.events(run.identifier)]
    assert types.count("run.artifacts_stored") == 1


def test_cuts_of_the_network_send_nothing_again_that_was_there(delivery: Delivery) -> None:
    before = delivery.proxy.asked_bytes
    run = delivery.run(sys.executable, "-c", MAKE, "100")
    for part in (10, 30, 50, 70):
        delivery.wait_come(part * MEGABYTE)
        delivery.proxy.cut()
    found = delivery.wait_complete(run.identifier)
    assert delivery.digest(run.identifier, "dist/big") == found.results["sha256"]
    assert delivery.proxy.asked_bytes - before < (100 + 4 * 2 * 4 + 2) * MEGABYTE


SMALL = """
import os
for number in range(5000):
    os.makedirs(f"dist/{number % 50}", exist_ok=True)
    with open(f"dist/{number % 50}/{number}.txt", "w") as file:
        file.write(str(number))
"""


def test_five_thousand_small_files_come_and_go(delivery: Delivery) -> None:
    run = delivery.run(sys.executable, "-c", SMALL)
    found = delivery.wait_complete(run.identifier)
    assert (found.artifact_count, found.artifact_error) == (5000, None)
    listed = list(delivery.one.client.artifacts(run.identifier))
    assert {one.state for one in listed} == {"stored"}
    assert delivery.one.client.artifact(run.identifier, "dist/17/4017.txt") == b"4017"
    archive = io.BytesIO()
    delivery.one.client.write_archive(run.identifier, archive.write)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert sum("/artifacts/dist/" in name for name in opened.namelist()) == 5000
    delivery.wait_forgotten()
    contents = delivery.one.data / "artifacts"
    assert sum(path.is_file() for path in contents.rglob("*")) == 5000
    delivery.one.client.delete_run(run.identifier)
    wait_for(lambda: not any(path.is_file() for path in contents.rglob("*")), "no content that nobody needs")


NAMES = """
import os
os.makedirs(b"dist")
for name in (b"two\\nlines", "\\u65e5\\u672c".encode(), b"caf\\xe9", b"a b", b"-rf", b"100%", b"q?x#y"):
    with open(b"dist/" + name, "wb") as file:
        file.write(name)
os.symlink("/etc/passwd", "dist/link")
"""


def test_strange_names_come_as_they_are_or_are_told(delivery: Delivery, tmp_path: Path) -> None:
    run = delivery.run(sys.executable, "-c", NAMES, workspace="clean")
    found = delivery.wait_complete(run.identifier)
    expected = {"two\nlines", "日本", "a b", "-rf", "100%", "q?x#y"}
    assert {one.path for one in delivery.one.client.artifacts(run.identifier)} == {f"dist/{name}" for name in expected}
    for name in expected:
        assert delivery.one.client.artifact(run.identifier, f"dist/{name}") == name.encode()
    assert "caf\\udce9 has a name that is not UTF-8" in (found.artifact_error or "")
    assert "dist/link is a symbolic link" in (found.artifact_error or "")
    done = delivery.one.orchestra("artifacts", run.identifier, "-o", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out" / "dist").iterdir()} == expected


def test_files_are_kept_also_when_a_run_fails_and_before_the_next_one_changes_them(delivery: Delivery) -> None:
    one = delivery.one
    one.put_job(
        "report",
        "mkdir -p dist; cat dist/report; echo {run.number} > dist/report; exit 3",
        definition={"artifacts": ["dist/report", "missing/*"], "workspace": "reuse"},
    )
    runs = [one.wait_end(one.trigger("report").identifier) for _ in range(3)]
    assert {run.status for run in runs} == {RunStatus.FAILED}
    for number, run in enumerate(runs, 1):
        found = delivery.wait_complete(run.identifier)
        assert one.client.artifact(run.identifier, "dist/report") == b"%d\n" % number
        assert found.artifact_error == "'missing/*' fits no file"


def test_values_in_patterns_stand_for_themselves(delivery: Delivery) -> None:
    one = delivery.one
    one.put_job(
        "named",
        "mkdir -p out; touch 'out/*' out/other; echo '{\"file\": \"late\"}' > $ORCHESTRA_RESULTS; touch out/late",
        parameters=[{"key": "name"}],
        definition={"artifacts": ["out/{parameters.name}", "out/{results.file}"]},
    )
    run = one.run("named", {"name": "*"})
    delivery.wait_complete(run.identifier)
    assert [each.path for each in one.client.artifacts(run.identifier)] == ["out/*", "out/late"]


def test_a_full_disk_of_the_server_is_told_and_what_waits_comes_when_there_is_room(tmp_path: Path) -> None:
    artifacts = tmp_path / "data" / "artifacts"
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    artifacts.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", artifacts], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let us mount")
    try:
        with delivering(tmp_path, "artifacts.not_stored") as delivery:
            assert delivery.one.data == tmp_path / "data"
            run = delivery.run(sys.executable, "-c", MAKE, "30")
            assert run.status is RunStatus.SUCCEEDED
            found = delivery.one.wait_run(run.identifier, lambda one: one.artifact_error is not None)
            assert found.artifact_error == "the server cannot store artifacts now: No space left on device"
            assert not found.artifacts_complete
            assert delivery.spooled(), "the worker keeps it"
            assert delivery.one.wait_end(delivery.one.trigger("leave").identifier).status is RunStatus.SUCCEEDED
            subprocess.run(["mount", "-o", "remount,size=200m", artifacts], check=True)
            delivery.proxy.cut()
            found = delivery.wait_complete(run.identifier)
            assert found.artifact_error is None
            assert delivery.digest(run.identifier, "dist/big") == found.results["sha256"]
            delivery.wait_forgotten()
    finally:
        subprocess.run(["umount", "-l", artifacts], check=False)


def test_results_are_seen_while_a_run_goes_on_and_are_exact_at_its_end(delivery: Delivery) -> None:
    one = delivery.one
    gate = one.folder / "gate"
    os.mkfifo(gate)
    one.put_job(
        "slow",
        f"echo '{{\"done\": 1}}' > $ORCHESTRA_RESULTS; cat {gate}; printf '{{\"done\": 1' > $ORCHESTRA_RESULTS; "
        f"cat {gate}; echo '{{\"done\": 3}}' > $ORCHESTRA_RESULTS",
    )
    run = one.trigger("slow").identifier
    found = one.wait_run(run, lambda one: one.results is not None)
    assert (found.status, found.results) == (RunStatus.RUNNING, {"done": 1})
    gate.write_text("")
    one.workers["w"].kill()
    delivery.start_worker()
    assert one.client.run(run).results == {"done": 1}, "half of a file is no JSON, and a restart forgets nothing"
    gate.write_text("")
    assert one.wait_end(run).results == {"done": 3}


def test_commands_list_download_and_archive(delivery: Delivery, tmp_path: Path) -> None:
    one = delivery.one
    run = delivery.run("sh", "-c", "mkdir -p dist/sub; echo one > dist/a; echo two > dist/sub/b; echo printed")
    delivery.wait_complete(run.identifier)
    listed = one.orchestra("artifacts", "tests/leave#1")
    assert listed.code == 0
    assert [line.split()[-1] for line in listed.text.splitlines()[1:]] == ["dist/a", "dist/sub/b"]
    assert one.orchestra("artifacts", "tests/leave#1", "dist/a").text == "one\n"
    assert one.orchestra("artifacts", "tests/leave#1", "dist/sub/b", "-o", str(tmp_path / "b")).code == 0
    assert (tmp_path / "b").read_text() == "two\n"
    missing = one.orchestra("artifacts", "tests/leave#1", "dist/c", "-o", str(tmp_path / "c"))
    assert (missing.code, "left no file 'dist/c'" in missing.err) == (1, True)
    assert not list(tmp_path.glob("*c*.part")), "nothing is left of what did not come"
    with pytest.raises(NotFound):
        one.client.artifact(run.identifier, "dist/c")
    archive = tmp_path / "all.zip"
    assert one.orchestra("run", "archive", "tests/leave#1", "-o", str(archive)).code == 0
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert opened.read("tests-leave-1/log.txt") == b"printed\n"
        assert opened.read("tests-leave-1/artifacts/dist/sub/b") == b"two\n"
    shown = one.orchestra("run", "show", "tests/leave#1").text
    assert "2 files, 8 B" in shown
