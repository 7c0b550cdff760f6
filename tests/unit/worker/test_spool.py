"""The worker's side of the data folder: what is accepted is whole, what is forgotten is gone, one may start."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import msgspec
import pytest

from orchestra.worker import record
from orchestra.worker.process import Identity
from orchestra.worker.record import Clock, Journal, Log, NotMine, Reserve, claim
from orchestra.worker.requests import Request, RequestedCommand, RunKey
from orchestra.worker.spool import CLOSED, FolderSpool, InUseError


def run_key(number: int = 1, epoch: int = 1) -> RunKey:
    return RunKey(f"00000000-0000-7000-8000-{number:012d}", epoch)


def request(key: RunKey, text: str = "") -> Request:
    command = RequestedCommand(
        name="one", run=["echo", text], phase="commands", argv=["echo", text], environment={}, timeout=None
    )
    return Request(
        run=key.run,
        epoch=key.epoch,
        workspace="/nowhere",
        clean=False,
        environment={},
        commands=[command],
        values=None,
        timeout=None,
        silence_timeout=None,
        grace=1.0,
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def open_spool(data: Path, boot: str = "boot") -> FolderSpool:
    return FolderSpool(data, boot, lambda: "an-id")


def execute(spool: FolderSpool, key: RunKey, output: bytes) -> None:
    """What an executor leaves: marker, journal, log."""
    identity = spool.folder(key).parent.parent / "executors" / "7.identity"
    identity.write_text("7:70:boot")
    folder = str(spool.folder(key))
    claim(folder, str(identity))
    journal = Journal(folder, str(key), Reserve(f"{identity}.reserve"), lambda _: None)
    log = Log(folder, 1 << 30, Clock())
    journal.write([{"type": "started", "date": 5}])
    if output:
        log.append(memoryview(output))
    journal.write([{"type": "finished", "date": 6}])
    log.close()
    journal.close()


def test_an_accepted_request_comes_back_as_it_was(data: Path) -> None:
    spool = open_spool(data)
    wanted = request(run_key(), "naïve \0 text")
    encoded = spool.accept(wanted)
    (found,) = spool.held()
    assert found.request == msgspec.structs.replace(wanted, boot="boot")
    assert (found.owner, found.records, found.log_size) == (None, [], 0)
    assert msgspec.json.decode(encoded, type=Request) == found.request


def test_a_folder_that_is_used_again_shows_nothing_of_the_run_before(data: Path) -> None:
    spool = open_spool(data)
    first, second = run_key(1), run_key(2)
    spool.accept(request(first, "a long text that leaves something behind" * 9))
    execute(spool, first, b"output of the first run")
    spool.forget(first, is_reusable=True)
    assert spool.held() == []
    spool.accept(request(second, "x"))
    (found,) = spool.held()
    assert found.request == msgspec.structs.replace(request(second, "x"), boot="boot")
    assert (found.owner, found.records, found.log_size) == (None, [], 0)
    execute(spool, second, b"")
    found = spool.look(second)
    assert [one["type"] for one in found.records] == ["started", "finished"]
    assert found.log_size == 0
    assert len(list((data / "runs").iterdir())) == 1, "the folder is the same one"


def test_a_folder_with_surprises_or_large_files_is_not_kept_as_it_is(data: Path) -> None:
    spool = open_spool(data)
    key = run_key()
    spool.accept(request(key))
    execute(spool, key, b"x" * 1_000_000)
    (spool.folder(key) / "results.json").write_text("{}")
    (spool.folder(key) / "left behind").write_text("")
    spool.forget(key, is_reusable=True)
    (spare,) = (data / "runs").iterdir()
    assert sorted(path.name for path in spare.iterdir()) == ["journal", "log.index", "request"]


@pytest.mark.parametrize("is_reusable", [True, False])
def test_what_is_forgotten_is_not_there_after_a_restart(data: Path, is_reusable: bool) -> None:
    spool = open_spool(data)
    key = run_key()
    spool.accept(request(key))
    execute(spool, key, b"out")
    spool.forget(key, is_reusable=is_reusable)
    spool.forget(key, is_reusable=is_reusable)
    spool.close()
    again = open_spool(data)
    assert again.held() == []
    assert list((data / "runs").iterdir()) == []


def test_a_closed_run_cannot_be_claimed_and_a_claimed_one_not_closed(data: Path) -> None:
    spool = open_spool(data)
    closed, claimed = run_key(1), run_key(2)
    for key in (closed, claimed):
        spool.accept(request(key))
    assert spool.close_unstarted(closed)
    assert spool.close_unstarted(closed), "closing again is no surprise"
    assert spool.look(closed).owner == CLOSED
    with pytest.raises(NotMine):
        execute(spool, closed, b"")
    execute(spool, claimed, b"")
    assert not spool.close_unstarted(claimed)
    assert spool.look(claimed).owner == Identity(7, 70, "boot")


def test_the_worker_adds_to_a_journal_behind_its_last_whole_line(data: Path) -> None:
    spool = open_spool(data)
    key = run_key()
    spool.accept(request(key))
    execute(spool, key, b"")
    with (spool.folder(key) / "journal").open("ab") as file:
        file.write(b'deadbeef {"type":"torn"')
    spool.append(key, {"type": "finished", "by": "worker"})
    assert [one["type"] for one in spool.look(key).records] == ["started", "finished", "finished"]
    assert spool.look(key).records[-1]["by"] == "worker"


def test_the_log_is_read_in_pieces_with_the_times_of_each(data: Path) -> None:
    class Steps(Clock):
        def __init__(self) -> None:
            self.us = 0

        def now_us(self) -> int:
            self.us += 50_000
            return self.us

    spool = open_spool(data)
    key = run_key()
    spool.accept(request(key))
    log = Log(str(spool.folder(key)), 1 << 20, Steps())
    for _ in range(100):
        log.append(memoryview(b"0123456789"))
    log.close()
    assert spool.read_log(key, 5, 10) == b"5678901234"
    assert spool.read_log(key, 995, 100) == b"56789"
    assert spool.read_times(key, 15, 41) == [(20, 150), (30, 200), (40, 250)]
    assert spool.read_times(key, 0, 10) == [(0, 50)]
    assert spool.read_times(key, 991, 1000) == []
    assert len(spool.read_times(key, 0, 1000)) == 100
    assert asyncio.run(spool.check_log(key)) == (1000, hashlib.sha256(b"0123456789" * 100).hexdigest())


def test_runs_of_two_epochs_are_two_folders(data: Path) -> None:
    spool = open_spool(data)
    spool.accept(request(run_key(1, 1)))
    spool.accept(request(run_key(1, 2)))
    assert [one.request.epoch for one in spool.held()] == [1, 2]


def test_the_installation_id_is_made_once(data: Path) -> None:
    first = FolderSpool(data, "boot", lambda: "first")
    first.close()
    second = FolderSpool(data, "boot", lambda: "second")
    assert (first.installation, second.installation) == ("first", "first")


def test_one_folder_serves_one_worker(data: Path) -> None:
    spool = open_spool(data)
    with pytest.raises(InUseError, match="belongs to a running worker"):
        open_spool(data)
    spool.close()
    open_spool(data).close()


def test_a_folder_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InUseError, match="cannot be used"):
        open_spool(tmp_path / "file" / "data")


def test_everything_it_makes_is_private(data: Path) -> None:
    spool = open_spool(data)
    spool.accept(request(run_key()))
    for path in (data, *data.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (spool.folder(run_key()) / record.REQUEST).stat().st_mode & 0o777 == 0o600
