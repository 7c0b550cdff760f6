"""The live connection: topics, what they tell, who may follow them, and what happens to the slow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from integration.service.rig import WAIT_S, Rig
from orchestra import __version__
from orchestra.domain.run import Cause, CauseCode, Step
from orchestra.storage import hints as topics
from orchestra.storage import runs, workers


class Live:
    """One connection, and what it has received."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.received: list[dict[str, Any]] = []

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def sub(self, topic: str, id_: str = "s", **more: Any) -> None:
        self.send(op="sub", id=id_, topic=topic, **more)

    def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(WAIT_S))
        self.received.append(message)
        return message

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            message = self.next()
            if wanted(message):
                return message
        raise AssertionError(f"it never came; received: {self.received}")

    def type(self, kind: str, id_: str = "s") -> dict[str, Any]:
        """The next message of this type for this subscription."""
        return self.until(lambda message: message["type"] == kind and message.get("id") == id_)

    def snapshots(self, *ids: str) -> dict[str, Any]:
        """The snapshots of these subscriptions, in whatever order they come."""
        found: dict[str, Any] = {}
        while len(found) < len(ids):
            message = self.until(lambda one: one["type"] == "snapshot")
            found[message["id"]] = message
        assert set(found) == set(ids)
        return found

    def closed(self) -> int:
        """The code with which the server closes, whatever comes before."""
        with pytest.raises(ConnectionClosed):
            while True:
                self.next()
        assert self.socket.close_code is not None
        return self.socket.close_code


@contextmanager
def live(service: Rig, token: str | None = None, **headers: str) -> Iterator[Live]:
    """A connection that has said hello; `token` None is the administrator's."""
    sent = {"Authorization": f"Bearer {token or service.first.token}", **headers}
    with open_socket(service, sent) as socket:
        connection = Live(socket)
        assert connection.next()["type"] == "hello"
        yield connection


def open_socket(service: Rig, headers: dict[str, str]) -> ClientConnection:
    url = service.url.replace("http", "ws", 1) + "/api/v1/live"
    return connect(url, additional_headers=headers, compression=None, max_size=None, close_timeout=1)


def test_the_first_message_says_hello(shared: Rig) -> None:
    with live(shared) as connection:
        hello = connection.received[0]
        assert hello == {"type": "hello", "version": __version__, "seq": hello["seq"], "user": "admin"}


def test_a_page_comes_with_its_cookie_and_its_origin(service: Rig) -> None:
    client, _ = service.sign_in()
    cookie = {"Cookie": f"orchestra={client.cookies['orchestra']}"}
    with open_socket(service, {**cookie, "Origin": f"http://127.0.0.1:{service.port}"}) as socket:
        assert json.loads(socket.recv(WAIT_S))["user"] == "admin"
    for origin in ("https://evil.example", "null"):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(service, {**cookie, "Origin": origin})
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Cookie": "orchestra=x"}, {"Authorization": "Bearer x"}])
def test_who_did_not_sign_in_is_told_by_the_code(shared: Rig, headers: dict[str, str]) -> None:
    with open_socket(shared, headers) as socket:
        assert Live(socket).closed() == 4401


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        "null",
        '{"op":"sub"}',
        '{"op":"fly","id":"a"}',
        '{"op":"sub","id":"","topic":"me"}',
        '{"op":"sub","id":"a","topic":"me","extra":1}',
        '{"op":"sub","id":1,"topic":"me"}',
        '{"op":"unsub","id":"' + "x" * 70_000 + '"}',
        b"\xff\xfe",
    ],
)
def test_a_frame_that_is_no_message_ends_the_connection(shared: Rig, frame: str | bytes) -> None:
    with live(shared) as connection:
        connection.socket.send(frame)
        assert connection.closed() == 4400
        assert connection.socket.close_reason


@pytest.mark.parametrize(
    ("topic", "args", "status"),
    [
        ("nonsense", {}, 422),
        ("run:nonsense", {}, 404),
        ("run:01a20fb9-96d7-72e1-a932-72728c41cf1a", {}, 404),
        ("log:01a20fb9-96d7-72e1-a932-72728c41cf1a", {}, 404),
        ("worker:none", {}, 404),
        ("runs", {"stat": "failed"}, 422),
        ("runs", {"status": ["done"]}, 422),
        ("runs", {"created_after": "yesterday"}, 422),
        ("runs", {"project": "none", "limit": 0}, 422),
        ("log:01a20fb9-96d7-72e1-a932-72728c41cf1a", {"from": 0}, 422),
        ("me", {"x": 1}, 422),
    ],
)
def test_a_topic_that_cannot_be_followed_is_told_and_the_others_go_on(
    shared: Rig, topic: str, args: dict[str, Any], status: int
) -> None:
    with live(shared) as connection:
        connection.sub(topic, args=args)
        error = connection.type("error")
        assert error["problem"]["status"] == status
        assert error["problem"]["detail"]
        connection.sub("me")
        assert connection.type("snapshot")["item"]["user"]["identifier"] == "admin"


def test_a_list_of_runs_lives(service: Rig) -> None:
    service.job()
    service.worker()
    first = service.trigger()["identifier"]
    with live(service) as connection:
        connection.sub("runs")
        snapshot = connection.type("snapshot")
        assert [run["identifier"] for run in snapshot["items"]] == [first]
        assert snapshot["next_cursor"] is None
        whole = service.api.get(f"/api/v1/runs/{first}").json()
        large = ("results", "steps", "stop", "worker_properties", "definition")
        assert snapshot["items"][0] == {name: value for name, value in whole.items() if name not in large}
        second = service.trigger()["identifier"]
        assert connection.until(has(second))["type"] == "upsert"
        service.start(second)
        running = connection.until(has(second, status="running"))
        assert running["items"][0]["worker"] == "w1"
        service.finish(second)
        connection.until(has(second, status="succeeded"))
        numbers = [message["seq"] for message in connection.received if "seq" in message]
        assert numbers == sorted(numbers)


def has(run: str, **fields: Any) -> Callable[[dict[str, Any]], bool]:
    def check(message: dict[str, Any]) -> bool:
        return any(
            item["identifier"] == run and all(item[name] == value for name, value in fields.items())
            for item in message.get("items", ())
        )

    return check


def test_a_run_that_no_longer_matches_is_removed_and_shown_once_more(service: Rig) -> None:
    service.job()
    service.job("other")
    service.worker()
    run = service.trigger()["identifier"]
    with live(service) as connection:
        connection.sub("runs", args={"job": "build", "status": "pending"})
        assert len(connection.type("snapshot")["items"]) == 1
        foreign = service.trigger("other")["identifier"]
        service.start(run)
        removed = connection.until(lambda message: message["type"] == "remove")
        assert removed["identifiers"] == [run]
        assert removed["items"][0]["status"] in ("assigned", "running")
        assert not any(has(foreign)(message) for message in connection.received)


def test_a_page_of_the_live_list_goes_on_over_the_api(service: Rig) -> None:
    service.job()
    made = [service.trigger()["identifier"] for _ in range(5)]
    with live(service) as connection:
        connection.sub("runs", args={"limit": 2})
        snapshot = connection.type("snapshot")
        assert [run["identifier"] for run in snapshot["items"]] == made[:2:-1]
        rest = service.api.get("/api/v1/runs", params={"cursor": snapshot["next_cursor"]}).json()
        assert [run["identifier"] for run in rest["items"]] == made[2::-1]


def test_a_client_that_comes_back_gets_what_it_missed_instead_of_everything(service: Rig) -> None:
    service.job()
    old = service.trigger()["identifier"]
    with live(service) as connection:
        connection.sub("runs")
        seq = connection.type("snapshot")["seq"]
    missed = service.trigger()["identifier"]
    service.api.post(f"/api/v1/runs/{missed}/cancel")
    with live(service) as connection:
        connection.sub("runs", since=seq)
        first = connection.until(lambda message: message.get("id") == "s")
        assert first["type"] == "upsert"
        assert [(run["identifier"], run["status"]) for run in first["items"]] == [(missed, "cancelled")]
        connection.sub("runs", since=10**9)
        assert {run["identifier"] for run in connection.type("snapshot")["items"]} == {old, missed}


def test_one_run_lives_with_its_steps_and_its_cause(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    with live(service) as connection:
        connection.sub(f"run:{run}")
        snapshot = connection.type("snapshot")["item"]
        assert snapshot == service.api.get(f"/api/v1/runs/{run}").json()
        cause = Cause(CauseCode.WAITING_FOR_WORKER, "every slot of w1 is taken")
        now = service.clock.now()
        service.write(lambda rows: runs.set_pending_cause(rows, [(run, cause)], now), topics.run(run))
        waits = connection.until(
            lambda message: message.get("item", {}).get("cause", {}).get("message") == cause.message
        )
        assert "definition" not in waits["item"]
        service.start(run)
        connection.until(lambda message: message.get("item", {}).get("status") == "running")
        step = Step(name="echo", command="echo", start_date=now)
        service.write(lambda rows: runs.set_steps(rows, run, 1, (step,), now), topics.run(run))
        connection.until(lambda message: [one["name"] for one in message.get("item", {}).get("steps", [])] == ["echo"])


def test_workers_live(service: Rig) -> None:
    service.job()
    service.worker("w1")
    with live(service) as connection:
        connection.sub("workers")
        connection.sub("worker:w1", "one")
        first = connection.snapshots("s", "one")
        assert [one["identifier"] for one in first["s"]["items"]] == ["w1"]
        assert first["one"]["item"]["active_runs"] == 0
        service.start(service.trigger()["identifier"])
        assert connection.until(
            lambda message: (
                message["type"] == "upsert" and message["id"] == "one" and message["item"]["active_runs"] == 1
            )
        )
        service.worker("w2")
        connection.until(
            lambda message: message.get("id") == "s" and [one["identifier"] for one in message["items"]] == ["w2"]
        )
        service.write(lambda rows: workers.disconnect(rows, "w2", 1, service.clock.now()))
        service.api.delete("/api/v1/workers/w2").raise_for_status()
        assert connection.type("remove")["identifiers"] == ["w2"]


def test_a_topic_whose_object_is_deleted_ends(service: Rig) -> None:
    service.worker()
    with live(service) as connection:
        connection.sub("worker:w1")
        connection.type("snapshot")
        service.write(lambda rows: workers.disconnect(rows, "w1", 1, service.clock.now()))
        service.api.delete("/api/v1/workers/w1").raise_for_status()
        assert connection.type("error")["problem"]["status"] == 404


def test_the_overview_counts(service: Rig) -> None:
    service.job()
    service.job(project="other")
    service.worker(concurrency=3)
    service.done()
    with live(service) as connection:
        connection.sub("overview")
        item = connection.type("snapshot")["item"]
        assert item["runs"]["pending"] == 0
        assert item["runs"]["last_24_hours"] == {
            "succeeded": 1,
            "failed": 0,
            "aborted": 0,
            "cancelled": 0,
            "exception": 0,
            "skipped": 0,
        }
        assert item["workers"] == {"total": 1, "enabled": 1, "active": 1, "slots": 3, "slots_used": 0}
        service.start(service.trigger()["identifier"])
        changed = connection.until(
            lambda message: message["type"] == "upsert" and message["item"]["runs"]["running"] == 1
        )
        assert changed["item"]["workers"]["slots_used"] == 1
        connection.sub("overview", "other", args={"project": "other"})
        assert connection.type("snapshot", "other")["item"]["runs"]["last_24_hours"]["succeeded"] == 0


def test_the_counts_of_a_role_on_one_project_have_no_workers(service: Rig) -> None:
    service.job()
    service.user("ada", "Viewer@core")
    with live(service, service.token("ada")) as connection:
        connection.sub("overview")
        assert connection.type("snapshot")["item"]["workers"] is None
        connection.sub("workers")
        assert connection.type("error")["problem"]["status"] == 403


def test_a_log_is_followed_by_lines_and_a_last_line_that_grows_is_sent_again(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    service.append(run, b"one\ntwo\nthr", ((0, 1_700_000_000_000),))
    with live(service) as connection:
        connection.sub(f"log:{run}", args={"from": 2})
        first = connection.type("log")
        assert first == {
            "type": "log",
            "id": "s",
            "seq": 11,
            "from": 2,
            "total": 3,
            "bytes": 11,
            "complete": False,
            "lines": ["two", "thr"],
            "times": [[0, 1_700_000_000_000]],
            "cut": [],
            "sgr": "",
        }
        service.append(run, b"ee\n\x1b[31mfour\n")
        second = connection.type("log")
        assert (second["from"], second["lines"], second["total"]) == (3, ["three", "\x1b[31mfour"], 4)
        service.append(run, b"\xff")
        third = connection.type("log")
        assert (third["from"], third["lines"], third["sgr"]) == (5, ["\ufffd"], "31")
        service.finish(run)
        assert connection.until(lambda message: message.get("complete") is True)["bytes"] == 25


def test_a_log_without_a_line_begins_with_what_comes_now(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    service.append(run, b"old\n" * 1000)
    with live(service) as connection:
        connection.sub(f"log:{run}")
        first = connection.type("log")
        assert (first["from"], first["total"], first["lines"]) == (1001, 1000, [])
        service.append(run, b"new\n")
        assert connection.type("log")["lines"] == ["new"]


def test_more_lines_than_a_message_holds_are_told_by_their_size(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.trigger()["identifier"]
    service.start(run)
    service.append(run, b"x\n" * 600)
    with live(service) as connection:
        connection.sub(f"log:{run}", args={"from": 1})
        first = connection.type("log")
        assert "lines" not in first
        assert (first["from"], first["total"], first["bytes"]) == (1, 600, 1200)
        service.append(run, b"after\n")
        second = connection.type("log")
        assert (second["from"], second["lines"]) == (600, ["x", "after"])
        service.append(run, (b"y" * 40_000 + b"\n") * 2)
        assert "lines" not in connection.type("log")


def test_a_log_that_is_complete_is_told_once(service: Rig) -> None:
    service.job()
    service.worker()
    run = service.done(b"all\n")
    with live(service) as connection:
        connection.sub(f"log:{run}", args={"from": 1})
        only = connection.type("log")
        assert (only["complete"], only["lines"]) == (True, ["all"])
        connection.sub("me", "m")
        connection.type("snapshot", "m")
        assert sum(message["type"] == "log" for message in connection.received) == 1


def test_what_is_unsubscribed_is_told_no_more_and_an_id_in_use_is_replaced(service: Rig) -> None:
    service.job()
    with live(service) as connection:
        connection.sub("runs")
        connection.type("snapshot")
        connection.sub("workers")
        assert connection.type("snapshot")["items"] == []
        connection.send(op="unsub", id="s")
        connection.send(op="unsub", id="never there")
        service.trigger()
        connection.sub("runs", "later")
        connection.type("snapshot", "later")
        assert not any(message["type"] == "upsert" and message["id"] == "s" for message in connection.received)


def test_a_connection_holds_a_limited_number_of_subscriptions(shared: Rig) -> None:
    with live(shared) as connection:
        for number in range(64):
            connection.sub("me", str(number))
        connection.sub("me", "one too many")
        assert connection.type("error", "one too many")["problem"]["code"] == "too_many"
        connection.send(op="unsub", id="0")
        connection.sub("me", "fits")
        connection.type("snapshot", "fits")


def test_permissions_that_change_are_felt_at_once(service: Rig) -> None:
    service.job()
    service.job(project="other")
    service.user("ada", "Viewer", "Worker")
    run = service.trigger()["identifier"]
    with live(service, service.token("ada")) as connection:
        connection.sub("me", "me")
        connection.sub("runs", "runs")
        connection.sub("workers", "workers")
        connection.sub(f"run:{run}", "run")
        connection.snapshots("me", "runs", "workers", "run")
        service.api.patch("/api/v1/users/ada", json={"roles": ["Viewer@other"]}).raise_for_status()
        seen: dict[str, dict[str, Any]] = {}
        while set(seen) < {"me", "runs", "workers", "run"}:
            message = connection.next()
            if message["type"] in ("snapshot", "error"):
                seen[message["id"]] = message
        assert seen["workers"]["problem"]["status"] == 403
        assert seen["run"]["problem"]["status"] == 404
        assert seen["me"]["item"]["projects"].keys() == {"other"}
        assert "csrf_token" not in seen["me"]["item"] or seen["me"]["item"]["csrf_token"] is None
        assert seen["runs"]["items"] == []


def test_a_connection_ends_with_the_token_that_opened_it(service: Rig) -> None:
    made = service.api.post("/api/v1/me/authentications", json={}).json()
    with live(service, made["secret"]) as connection:
        service.api.delete(f"/api/v1/me/authentications/{made['identifier']}").raise_for_status()
        assert connection.closed() == 4401


def test_a_connection_ends_when_its_token_expires(service: Rig) -> None:
    expires = (service.clock.now() + timedelta(minutes=5)).isoformat()
    with live(service, service.token("admin", expiration_date=expires)) as connection:
        service.clock.ahead = timedelta(minutes=6)
        assert connection.closed() == 4401


def test_a_connection_ends_with_the_session_that_is_signed_out(service: Rig) -> None:
    client, csrf = service.sign_in()
    cookie = {"Cookie": f"orchestra={client.cookies['orchestra']}"}
    with open_socket(service, cookie) as socket:
        connection = Live(socket)
        connection.next()
        client.post("/api/v1/me/logout", headers={"X-CSRF-Token": csrf}).raise_for_status()
        assert connection.closed() == 4401


def test_who_reads_slowly_loses_changes_is_told_and_is_brought_up_to_date(
    service: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.service.live.connection.SLOW_BYTES", -1)
    monkeypatch.setattr("orchestra.service.live.connection.ROOM_BYTES", -1)
    service.job()
    with live(service) as connection:
        connection.sub("runs")
        connection.type("snapshot")
        run = service.trigger()["identifier"]
        resync = connection.type("resync")
        assert resync["reason"] == "slow"
        monkeypatch.undo()
        service.trigger()
        connection.sub("me", "wake")
        assert has(run)(connection.type("snapshot"))
        assert not any(message["type"] == "upsert" for message in connection.received)


def test_changes_that_are_too_many_are_a_gap_and_a_snapshot(service: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.service.live.board.CHANGED", 0)
    service.job()
    with live(service) as connection:
        connection.sub("runs")
        connection.type("snapshot")
        run = service.trigger()["identifier"]
        assert connection.type("resync")["reason"] == "gap"
        assert has(run)(connection.type("snapshot"))


def test_a_user_has_a_limited_number_of_connections(service: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.service.routes.live.CONNECTIONS_PER_USER", 1)
    with live(service), open_socket(service, {"Authorization": f"Bearer {service.first.token}"}) as second:
        assert Live(second).closed() == 4429
    with live(service) as connection:
        assert connection.received


def test_silence_is_broken(service: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestra.service.live.connection.ALIVE_S", 0.01)
    with live(service) as connection:
        assert connection.until(lambda message: message["type"] == "alive") == {"type": "alive"}


def test_a_server_that_stops_says_so(service: Rig) -> None:
    with live(service) as connection:
        service.loop.call_soon_threadsafe(service.app.stop)
        assert connection.closed() == 1001


def test_many_connections_see_the_same_change(service: Rig) -> None:
    service.job()
    with ExitStack() as stack:
        opened = [stack.enter_context(live(service)) for _ in range(50)]
        for connection in opened:
            connection.sub("runs")
            connection.type("snapshot")
        run = service.trigger()["identifier"]
        for connection in opened:
            connection.until(has(run))
