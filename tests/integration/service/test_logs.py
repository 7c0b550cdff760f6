"""Logs through the API: bytes and ranges, windows of lines, and the stream that follows."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration.service.rig import WAIT_S, Rig
from orchestra.domain.run import RunStatus
from support.waiting import wait_for

LINES = b"".join(b"line %d\n" % number for number in range(1, 1001))


@pytest.fixture
def run(service: Rig) -> str:
    """A run that is running and has written nothing."""
    service.job()
    service.worker()
    identifier = str(service.trigger()["identifier"])
    service.start(identifier)
    return identifier


def log(run: str, rest: str = "") -> str:
    return f"/api/v1/runs/{run}/log{rest}"


def test_the_log_of_a_pending_run_is_there_and_empty(service: Rig) -> None:
    service.job()
    run = service.trigger()["identifier"]
    answer = service.api.get(log(run))
    assert (answer.status_code, answer.content, answer.headers["orchestra-log-size"]) == (200, b"", "0")
    assert service.api.get(log(run, "/info")).json() == {
        "lines": 0,
        "bytes": 0,
        "complete": False,
        "first_time": None,
        "last_time": None,
        "truncated": None,
    }
    assert service.api.get(log(run, "/lines")).json()["lines"] == []
    assert service.api.get(log(run), headers={"Range": "bytes=0-"}).status_code == 416


def test_the_bytes_come_back_exactly_and_no_browser_takes_them_for_a_page(service: Rig, run: str) -> None:
    written = b"<script>alert(1)</script>\r\n\xff\xfe\x00 no newline"
    service.append(run, written)
    answer = service.api.get(log(run))
    assert answer.content == written
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="core-build-1.log"'
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(written))


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=5-9", 206, 5, 10),
        ("bytes=990-", 206, 990, 1000),
        ("bytes=-10", 206, 990, 1000),
        ("bytes=0-99999", 206, 0, 1000),
        ("bytes=0-1,5-6", 200, 0, 1000),
        ("items=0-1", 200, 0, 1000),
    ],
)
def test_a_part_is_what_the_range_names(service: Rig, run: str, header: str, status: int, start: int, end: int) -> None:
    written = LINES[:1000]
    service.append(run, written)
    answer = service.api.get(log(run), headers={"Range": header})
    assert (answer.status_code, answer.content) == (status, written[start:end])
    assert answer.headers.get("content-range") == (f"bytes {start}-{end - 1}/1000" if status == 206 else None)
    head = service.api.head(log(run), headers={"Range": header})
    assert (head.status_code, head.content, head.headers["content-length"]) == (status, b"", str(end - start))


def test_a_range_behind_the_end_is_416_and_tells_the_size(service: Rig, run: str) -> None:
    service.append(run, b"12345")
    answer = service.api.get(log(run), headers={"Range": "bytes=5-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */5"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_large_log_comes_in_pieces_and_whole(service: Rig, run: str) -> None:
    written = b"".join(bytes([33 + number % 90]) * 997 + b"\n" for number in range(3000))
    for start in range(0, len(written), 1 << 16):
        service.append(run, written[start : start + (1 << 16)])
    assert service.api.get(log(run)).content == written
    middle = service.api.get(log(run), headers={"Range": f"bytes=1000000-{1000000 + 600000}"})
    assert middle.content == written[1000000 : 1000000 + 600001]
    assert service.api.get(log(run, "/lines?start=-1")).json()["start"] == 3000
    window = service.api.get(log(run, "/lines?start=1500&count=2")).json()
    assert (window["start"], len(window["lines"]), window["total"]) == (1500, 2, 3000)


def test_lines_are_windows_from_either_end(service: Rig, run: str) -> None:
    service.append(run, LINES)
    first = service.api.get(log(run, "/lines")).json()
    assert (first["start"], first["total"], len(first["lines"]), first["lines"][0]) == (1, 1000, 500, "line 1")
    last = service.api.get(log(run, "/lines?start=-3")).json()
    assert (last["start"], last["lines"]) == (998, ["line 998", "line 999", "line 1000"])
    beyond = service.api.get(log(run, "/lines?start=2000")).json()
    assert (beyond["lines"], beyond["total"]) == ([], 1000)
    for bad in ("count=0", "count=5001", "start=x", "cols=0"):
        assert service.api.get(log(run, f"/lines?{bad}")).status_code == 422


def test_a_window_that_never_changes_may_be_kept(service: Rig, run: str) -> None:
    service.append(run, LINES + b"open")
    full = service.api.get(log(run, "/lines?start=1&count=500"))
    tail = service.api.get(log(run, "/lines?start=900&count=500"))
    assert "immutable" in full.headers["cache-control"]
    assert tail.headers["cache-control"] == "no-store"
    assert service.api.get(log(run, "/lines?start=-500&count=500")).headers["cache-control"] == "no-store"
    assert tail.json()["lines"][-1] == "open"
    assert tail.json()["complete"] is False


def test_lines_show_times_colours_cuts_and_what_is_no_text(service: Rig, run: str) -> None:
    times = ((0, 1_700_000_000_000), (6, 1_700_000_001_000))
    service.append(run, b"\x1b[1;31mred\nstill\n\xff\xfe\n" + b"x" * 100, times)
    window = service.api.get(log(run, "/lines?start=2&cols=10")).json()
    assert window["sgr"] == "1;31"
    assert window["lines"] == ["still", "\ufffd\ufffd", "x" * 10]
    assert window["cut"] == [[2, 100]]
    assert window["times"][0][0] == 0
    info = service.api.get(log(run, "/info")).json()
    assert (info["lines"], info["first_time"]) == (4, "2023-11-14T22:13:20.000000Z")


def test_plain_lines_are_for_terminals(service: Rig, run: str) -> None:
    service.append(run, b"one\ntwo\n\xffthree")
    answer = service.api.get(log(run, "/lines?start=2&count=2"), headers={"Accept": "text/plain"})
    assert answer.content == b"two\n\xffthree"
    assert (answer.headers["x-log-start"], answer.headers["x-log-total"]) == ("2", "3")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_one_line_comes_whole_however_long(service: Rig, run: str) -> None:
    service.append(run, b"short\n" + b"y" * 300_000 + b"\nlast")
    assert service.api.get(log(run, "/lines/2")).content == b"y" * 300_000
    assert service.api.get(log(run, "/lines/3")).content == b"last"
    part = service.api.get(log(run, "/lines/2"), headers={"Range": "bytes=299990-"})
    assert (part.status_code, part.content) == (206, b"y" * 10)
    for missing in ("0", "4", "99999999999999999999"):
        assert service.api.get(log(run, f"/lines/{missing}")).status_code == 404


def test_complete_is_told_when_the_log_will_not_grow(service: Rig, run: str) -> None:
    service.append(run, b"x\n")
    assert service.api.get(log(run, "/info")).json()["complete"] is False
    service.finish(run, log_error="the disk was full")
    info = service.api.get(log(run, "/info")).json()
    assert (info["complete"], info["truncated"]) == (True, "the disk was full")


# The stream ---------------------------------------------------------------------------------------


class Stream:
    """Reads a stream of server-sent events on a thread of its own."""

    def __init__(self, client: httpx.Client, path: str, **headers: str) -> None:
        self._client, self._path, self._headers = client, path, headers
        self.events: list[dict[str, str]] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._opened = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        assert self._opened.wait(WAIT_S), "the stream did not open"

    def _read(self) -> None:
        with self._client.stream("GET", self._path, headers=self._headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                self._opened.set()
                if not line:
                    # Without data it is no event: it only says where the stream begins.
                    if "data" in event:
                        with self._changed:
                            self.events.append(event)
                            self._changed.notify_all()
                    event = {}
                elif not line.startswith(":") and line:
                    name, _, value = line.partition(": ")
                    event[name] = value
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait(self, count: int) -> list[dict[str, str]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events) >= count, WAIT_S), self.events
            return list(self.events)

    def over(self) -> list[dict[str, str]]:
        with self._changed:
            assert self._changed.wait_for(lambda: self._is_over, WAIT_S), self.events
            return list(self.events)


def content(events: list[dict[str, str]]) -> bytes:
    read = b""
    for event in events:
        if event["event"] == "log":
            data: dict[str, Any] = json.loads(event["data"])
            assert data["offset"] == len(read)
            read += base64.b64decode(data["base64"]) if "base64" in data else data["text"].encode()
            assert int(event["id"]) == len(read)
    return read


@pytest.fixture
def client(service: Rig) -> Iterator[httpx.Client]:
    yield service.client(service.first.token)


def test_a_stream_gives_bytes_as_they_come_and_ends_with_the_run(service: Rig, run: str, client: httpx.Client) -> None:
    stream = Stream(client, log(run, "/stream"))
    service.append(run, "häl".encode()[:2])
    stream.wait(1)
    service.append(run, "häl".encode()[2:] + b"\xff")
    stream.wait(2)
    service.append(run, b"end\n")
    service.finish(run, RunStatus.FAILED)
    events = stream.over()
    assert content(events) == "häl".encode() + b"\xffend\n"
    assert events[-1]["event"] == "end"
    assert json.loads(events[-1]["data"]) == {"bytes": 9, "complete": True, "status": "failed"}


def test_a_stream_is_resumed_from_an_offset_or_from_the_last_event(
    service: Rig, run: str, client: httpx.Client
) -> None:
    service.append(run, b"0123456789")
    service.finish(run)
    assert json.loads(Stream(client, log(run, "/stream?offset=4")).over()[0]["data"])["text"] == "456789"
    resumed = Stream(client, log(run, "/stream"), **{"Last-Event-ID": "7"}).over()
    assert json.loads(resumed[0]["data"]) == {"offset": 7, "text": "789"}
    assert [event["event"] for event in Stream(client, log(run, "/stream?offset=99")).over()] == ["end"]


def test_a_stream_that_waits_for_the_end_of_a_talkative_run_stays_alive(
    service: Rig, run: str, client: httpx.Client
) -> None:
    alive: list[str] = []

    def read() -> None:
        with client.stream("GET", log(run, "/stream?offset=1000000")) as answer:
            alive.extend(line for line in answer.iter_lines() if line == ": alive")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    service.clock.ahead += timedelta(seconds=20)

    def told() -> bool:
        service.append(run, b"word\n")
        service.clock.ahead += timedelta(seconds=20)
        return len(alive) >= 3

    wait_for(told, "it says that it lives, whatever the run writes")
    service.finish(run)
    reader.join(WAIT_S)
    assert not reader.is_alive()


def test_a_stream_of_a_run_that_is_cancelled_ends(service: Rig, client: httpx.Client) -> None:
    service.job()
    run = service.trigger()["identifier"]
    stream = Stream(client, log(run, "/stream"))
    service.api.post(f"/api/v1/runs/{run}/cancel").raise_for_status()
    assert json.loads(stream.over()[-1]["data"])["status"] == "cancelled"


def test_a_stream_ends_when_the_token_that_opened_it_is_deleted(service: Rig, run: str) -> None:
    made = service.api.post("/api/v1/me/authentications", json={}).json()
    stream = Stream(service.client(made["secret"]), log(run, "/stream"))
    service.append(run, b"seen\n")
    stream.wait(1)
    service.api.delete(f"/api/v1/me/authentications/{made['identifier']}").raise_for_status()
    assert content(stream.over()) == b"seen\n"
