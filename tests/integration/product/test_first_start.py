"""`orchestra up`: the first start, the second one, what is in the way, and how it ends."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orchestra.domain.run import RunStatus
from support.installation import Installation
from support.waiting import wait_for


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, "up", arguments=("--concurrency", "2")) as one:
        yield one


def test_the_first_start_prints_administrator_link_and_ready_once_all_of_it_stands(fresh: Installation) -> None:
    server = fresh.launch(*fresh.server_arguments())
    fresh.server = server
    wait_for(lambda: _is_ready(fresh), "the server answers that it is ready")
    server.wait_line("ready ")

    lines = server.out.text.splitlines()
    assert lines[-1] == f"ready {fresh.address}"
    assert any("admin" in one and str(fresh.data / "admin-token") in one for one in lines)
    assert any(re.search(rf"{re.escape(fresh.address)}/login\?code=\S+", one) for one in lines)
    assert "hello" in {job.identifier for job in fresh.client.jobs("examples")}


def _is_ready(fresh: Installation) -> bool:
    try:
        status = httpx.get(f"{fresh.address}/health/ready").status_code
    except httpx.TransportError:
        return False
    if status == 200:
        # Not a moment before what `ready` promises.
        assert (fresh.data / "admin-token").exists()
        assert fresh.client.worker("local").is_active
    else:
        assert status == 503
    return status == 200


def test_what_is_kept_is_for_its_owner_alone(fresh: Installation) -> None:
    fresh.start()
    assert stat.S_IMODE(fresh.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((fresh.data / "admin-token").stat().st_mode) == 0o600
    readable = [
        str(path.relative_to(fresh.data))
        for path in fresh.data.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert readable == []


def test_the_sign_in_link_opens_a_session_once(fresh: Installation) -> None:
    server = fresh.start()
    found = re.search(r"/login\?code=(\S+)", server.out.text)
    assert found is not None
    with fresh.http_as(None) as browser:
        first = browser.post("/me/login", json={"code": found[1]})
        assert first.status_code == 200, first.text
        assert browser.get("/me").json()["user"]["identifier"] == "admin"
    with fresh.http_as(None) as other:
        assert other.post("/me/login", json={"code": found[1]}).status_code == 401


def test_a_second_start_keeps_everything_and_loads_no_examples_again(fresh: Installation) -> None:
    fresh.start()
    token = fresh.token
    run = fresh.client.trigger("examples", "hello", {"name": "Ada"})
    ended = fresh.wait_end(run.identifier)
    log = fresh.client.log(run.identifier)
    assert ended.status is RunStatus.SUCCEEDED
    assert fresh.http.delete("/projects/examples/jobs/long").status_code == 204
    fresh.client.set_job_enabled("examples", "failure", False)
    assert fresh.stop() == 0

    server = fresh.start()
    assert fresh.token == token
    assert "login?code=" not in server.out.text
    assert fresh.client.run(run.identifier) == ended
    assert fresh.client.log(run.identifier) == log
    jobs = {job.identifier: job for job in fresh.client.jobs("examples")}
    assert "long" not in jobs
    assert [name for name, job in jobs.items() if not job.is_enabled] == ["failure"]
    assert {job.revision for job in jobs.values()} == {1}
    # The next run of the job goes on counting.
    assert fresh.client.trigger("examples", "hello", {"name": "Grace"}).number == run.number + 1


def test_a_folder_with_other_files_is_accepted(fresh: Installation) -> None:
    fresh.data.mkdir()
    (fresh.data / "notes.txt").write_text("mine")
    fresh.start()
    assert (fresh.data / "notes.txt").read_text() == "mine"


def test_a_data_folder_may_have_any_name_and_be_relative(fresh: Installation) -> None:
    folder = fresh.folder / "da ta, \u00fc%20?x#y"
    fresh.data = Path(os.path.relpath(folder))
    fresh.start()
    assert (folder / "orchestra.db").is_file()
    run = fresh.wait_end(fresh.client.trigger("examples", "backup").identifier)
    assert run.status is RunStatus.SUCCEEDED, fresh.client.log(run.identifier).decode()
    assert fresh.orchestra("doctor", "--data", str(fresh.data)).code == 0
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith("da ta")] == [folder.name]


def test_a_server_alone_starts_the_same_way(tmp_path: Path) -> None:
    with Installation(tmp_path, "server") as one:
        server = one.start()
        assert "/login?code=" in server.out.text
        assert stat.S_IMODE((one.data / "admin-token").stat().st_mode) == 0o600
        assert one.client.me().user.identifier == "admin"
        assert list(one.client.projects()) == []


@pytest.mark.parametrize("prefix", ["/a b", "/a/../b", "?x"])
def test_a_base_path_that_cannot_be_is_named(fresh: Installation, prefix: str) -> None:
    server = fresh.launch(*fresh.server_arguments(), "--base-path", prefix)
    assert server.wait() == 1
    assert "--base-path" in server.err.text


def test_a_port_in_use_is_named(fresh: Installation, tmp_path: Path) -> None:
    fresh.start()
    with Installation(tmp_path / "other", "up") as other:
        other.port = fresh.port
        second = other.launch(*other.server_arguments())
        assert second.wait() == 1
        assert f"port {fresh.port}" in second.err.text
        assert "--port" in second.err.text
        assert "Traceback" not in second.err.text


def test_a_data_folder_in_use_is_named(fresh: Installation) -> None:
    fresh.start()
    second = fresh.launch("up", "--no-browser", "--data", str(fresh.data), "--port", "0")
    assert second.wait() == 1
    assert str(fresh.data) in second.err.text
    assert "Traceback" not in second.err.text
    assert fresh.client.worker("local").is_active


def test_a_database_that_is_none_is_named(fresh: Installation) -> None:
    fresh.data.mkdir()
    (fresh.data / "orchestra.db").write_bytes(b"this is no database " * 100)
    server = fresh.launch(*fresh.server_arguments())
    assert server.wait() == 1
    assert "orchestra.db" in server.err.text
    assert "Traceback" not in server.err.text
