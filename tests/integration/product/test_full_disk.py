"""The server's disk fills up while runs write (F13, C16): no new run, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.domain.run import RunStatus
from support.installation import Gate, Installation
from support.waiting import wait_for

QUICK = {"ORCHESTRA_HEARTBEAT": "1s", "ORCHESTRA_WORKER_TIMEOUT": "2s", "ORCHESTRA_RECONNECT_LONGEST": "1s"}
QUICK |= {"ORCHESTRA_RECONNECT_FIRST": "0.1s"}
DISK_BYTES = 128 << 20
LINES = 20_000
PIECE_BYTES = 1 << 20


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Installation]:
    """A server whose data folder is a disk of its own, and a worker elsewhere."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    data = tmp_path / "data"
    data.mkdir()
    options = f"size={DISK_BYTES},mode=0700"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", data], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount")
    try:
        errors = ("log.not_stored", "task.failed", "worker.failed")
        with Installation(tmp_path, "server", environment=QUICK, expected_errors=errors) as one:
            one.start()
            one.start_worker("elsewhere")
            yield one
    finally:
        subprocess.run(["umount", "-l", data], check=False)


def fill(data: Path, leave_bytes: int) -> Path:
    """Fill the disk but for so many bytes; the file that does is returned."""
    filler = data / "filler"
    found = os.statvfs(data)
    with filler.open("wb", buffering=0) as file:
        left = found.f_bavail * found.f_frsize - leave_bytes
        while left > 0:
            try:
                left -= file.write(bytes(min(left, PIECE_BYTES)))
            except OSError:
                left = 0
    return filler


def expected_log() -> bytes:
    return b"begun\n" + b"".join(b"%d\n" % number for number in range(1, LINES + 1))


def test_c16_a_nearly_full_disk_takes_no_new_run_and_lets_the_running_ones_end(
    one: Installation, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    one.put_job("writes", f"echo begun; {gate.command}; seq {LINES}")
    run = one.trigger("writes").identifier
    one.wait_running(run)
    filler = fill(one.data, 3 << 20)
    refused = one.http.post("/projects/tests/jobs/writes/trigger", json={})
    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full"), refused.text
    said = one.orchestra("trigger", "tests/writes")
    assert said.code != 0
    assert "disk of the server is nearly full" in said.err
    gate.open()
    ended = one.wait_end(run)
    assert (ended.status, ended.log_complete) == (RunStatus.SUCCEEDED, True)
    assert one.client.log(run) == expected_log()
    filler.unlink()
    assert one.http.post("/projects/tests/jobs/writes/trigger", json={}).status_code == 201
    gate.open()


def test_c16_a_disk_without_a_byte_left_costs_no_run_and_no_log(one: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    one.put_job("writes", f"echo begun; {gate.command}; seq {LINES}")
    run = one.trigger("writes").identifier
    one.wait_running(run)
    filler = fill(one.data, 0)
    gate.open()
    spool = one.folder / "workers" / "elsewhere" / "runs"
    wait_for(lambda: any(b"finished" in path.read_bytes() for path in spool.glob("*/journal")), "it ends on its worker")
    assert one.http.post("/projects/tests/jobs/writes/trigger", json={}).status_code == 507
    filler.unlink()
    ended = one.wait_end(run)
    assert (ended.status, ended.log_complete, ended.log_error) == (RunStatus.SUCCEEDED, True, None)
    assert one.client.log(run) == expected_log()
    # Nobody started anything again for this.
    assert one.server is not None and one.server.is_running
    assert one.workers["elsewhere"].is_running
