"""Who may connect under which name, and what a worker says that may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.domain.run import RunStatus
from support.installation import Gate, Installation, free_port, words_of
from support.waiting import wait_for


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server; each test brings workers with names of its own."""
    with Installation(tmp_path_factory.mktemp("names"), "server") as one:
        one.start()
        yield one


def test_a_name_that_is_connected_is_refused_to_another_data_folder(one: Installation, tmp_path: Path) -> None:
    one.start_worker("taken")
    second = one.launch_worker("taken", data=tmp_path / "another")
    said = second.wait_line("session.ended", stream="err")
    assert "a worker named taken with another data folder is connected" in said
    assert one.client.worker("taken").is_active
    with (
        one.http_as(one.token) as http,
        http.stream("GET", "/events", params={"after": 0, "topic": "workers"}) as answer,
    ):
        seen = next(line for line in answer.iter_lines() if line == "event: worker.rejected")
    assert seen


def test_a_name_that_holds_runs_is_refused_to_another_data_folder(one: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    first = one.start_worker("holds", "--property", "for=holds")
    one.put_job("held-by-holds", gate.command, properties={"for": "holds"})
    run = one.trigger("held-by-holds").identifier
    one.wait_running(run)
    first.kill()
    one.wait_worker("holds", is_active=False)
    second = one.launch_worker("holds", data=tmp_path / "another")
    assert "the worker holds has runs in another data folder" in second.wait_line("session.ended", stream="err")
    assert second.stop() == 0
    one.start_worker("holds", "--property", "for=holds")
    gate.open()
    assert one.wait_end(run).status is RunStatus.SUCCEEDED


def test_a_name_that_holds_nothing_may_move_to_another_data_folder(one: Installation, tmp_path: Path) -> None:
    first = one.start_worker("moves")
    assert first.stop() == 0
    one.wait_worker("moves", is_active=False)
    second = one.launch_worker("moves", data=tmp_path / "another")
    one.wait_worker("moves")
    assert second.stop() == 0


def test_a_name_of_another_user_is_refused(one: Installation, tmp_path: Path) -> None:
    first = one.start_worker("owned")
    assert first.stop() == 0
    one.wait_worker("owned", is_active=False)
    token = one.new_token("strangers", "Worker")
    second = one.launch_worker("owned", data=tmp_path / "another", token=token)
    assert "the worker owned belongs to another user" in second.wait_line("session.ended", stream="err")


def test_a_data_folder_in_use_is_named(one: Installation) -> None:
    one.start_worker("folder")
    data = one.folder / "workers" / "folder"
    second = one.launch_worker("other-name", data=data)
    assert second.wait() == 1
    assert str(data) in second.err.text
    assert "Traceback" not in second.err.text
    assert one.client.worker("folder").is_active


@pytest.mark.parametrize("token", ["zz", "orcw_" + "a" * 40])
def test_a_worker_with_a_bad_token_says_so(one: Installation, token: str) -> None:
    worker = one.launch_worker("stranger", token=token)
    assert worker.wait() == 1
    assert "token" in worker.err.text
    assert token not in worker.err.text
    assert "Traceback" not in worker.err.text


def test_a_token_without_the_role_worker_is_refused_with_its_reason(one: Installation) -> None:
    worker = one.launch_worker("looks-on", token=one.new_token("viewers", "Viewer"))
    assert worker.wait() == 1
    assert "the user viewers does not have the role Worker (HTTP 403)" in worker.err.text


def test_a_worker_whose_user_loses_the_role_says_so_and_comes_back_with_it(tmp_path: Path) -> None:
    with Installation(tmp_path, "server", environment={"ORCHESTRA_RECONNECT_LONGEST": "1s"}) as one:
        one.start()
        worker = one.launch_worker("demoted", token=one.new_token("movers", "Worker"))
        one.wait_worker("demoted")
        one.http.patch("/users/movers", json={"roles": ["Viewer"]}).raise_for_status()
        one.wait_worker("demoted", is_active=False)
        assert "the user movers does not have the role Worker" in worker.wait_line("session.ended", stream="err")
        worker.wait_line("HTTP 403", stream="err")
        one.http.patch("/users/movers", json={"roles": ["Worker"]}).raise_for_status()
        one.wait_worker("demoted")
        assert worker.stop() == 0


def test_a_worker_whose_token_is_revoked_is_disconnected(one: Installation) -> None:
    token = one.new_token("leavers", "Worker")
    worker = one.launch_worker("revoked", token=token)
    one.wait_worker("revoked")
    (found,) = one.http.get("/users/leavers/authentications").json()["items"]
    assert one.http.delete(f"/users/leavers/authentications/{found['identifier']}").status_code == 204
    one.wait_worker("revoked", is_active=False)
    worker.wait_line("session.ended", stream="err")


def test_a_worker_may_come_before_its_server(tmp_path: Path) -> None:
    with Installation(tmp_path, "server", environment={"ORCHESTRA_RECONNECT_LONGEST": "1s"}) as one:
        one.start()
        token = one.worker_token
        assert one.stop() == 0
        worker = one.launch_worker("early", token=token)
        worker.wait_line("session.ended", stream="err")
        one.start()
        one.wait_worker("early")
        one.put_job("hello", "echo hello")
        assert one.run("hello").status is RunStatus.SUCCEEDED


def test_a_worker_without_anything_to_do_stops_cleanly(one: Installation) -> None:
    worker = one.start_worker("idle", "--property", "for=idle")
    one.put_job("by-idle", "echo hello", properties={"for": "idle"})
    assert one.run("by-idle").status is RunStatus.SUCCEEDED
    assert worker.stop() == 0
    assert "nothing was running" in worker.err.text
    folder = str(one.folder / "workers" / "idle")
    wait_for(
        lambda: not [word for process in one.processes() for word in words_of(process) if folder in word],
        "its executors ended",
    )
    one.wait_worker("idle", is_active=False)


def test_an_unencrypted_connection_beyond_this_machine_is_refused(one: Installation) -> None:
    worker = one.launch(
        *("worker", "--server", f"http://192.0.2.1:{free_port()}", "--name", "far", "--data", str(one.folder / "far")),
        ORCHESTRA_TOKEN="orcw_" + "a" * 40,
    )
    assert worker.wait() == 1
    assert "--insecure" in worker.err.text


def test_an_operator_disconnects_a_worker_and_it_comes_back(one: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    one.start_worker("comes-back", "--property", "for=comes-back")
    one.put_job("held-by-comes-back", gate.command, properties={"for": "comes-back"})
    run = one.trigger("held-by-comes-back").identifier
    one.wait_running(run)
    before = one.client.worker("comes-back").connection_date
    one.client.disconnect_worker("comes-back")
    wait_for(
        lambda: (found := one.client.worker("comes-back")).is_active and found.connection_date != before,
        "it connected again",
    )
    assert not one.client.worker("comes-back").should_disconnect
    gate.open()
    assert one.wait_end(run).status is RunStatus.SUCCEEDED
