"""What the API says while and after a run happens is exactly what happened."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestra.domain.run import TERMINAL, RunStatus
from support.installation import PROJECT, Gate, Installation, read_events
from support.waiting import wait_for


def test_each_step_has_exactly_the_bytes_that_its_command_printed(up: Installation) -> None:
    printed = [b"one\n", b"", b"no newline at the end", "żółć\n".encode() * 3, b"\x00\xff\n", b"last"]
    commands = [["printf", "".join(f"\\{byte:03o}" for byte in text)] if text else ["true"] for text in printed]
    up.put_job("steps", *commands[:5], definition={"finally": [commands[5]]})
    run = up.run("steps")
    assert run.status is RunStatus.SUCCEEDED
    log = up.client.log(run.identifier)
    assert log == b"".join(printed)
    steps = up.http.get(f"/runs/{run.identifier}/steps").json()["items"]
    assert [log[step["log_start"] : step["log_end"]] for step in steps] == printed
    assert [step["phase"] for step in steps] == ["commands"] * 5 + ["finally"]
    dates = [date for step in steps for date in (step["start_date"], step["completion_date"])]
    assert dates == sorted(dates)
    assert all(datetime.fromisoformat(date).tzinfo is not None and date.endswith("Z") for date in dates)
    for step, text in zip(steps, printed, strict=True):
        if text:
            part = up.http.get(
                f"/runs/{run.identifier}/log",
                headers={"Range": f"bytes={step['log_start']}-{step['log_end'] - 1}"},
            )
            assert (part.status_code, part.content) == (206, text)


def test_ranges_are_answered_as_http_says(up: Installation) -> None:
    up.put_job("range", "printf 0123456789")
    run = up.run("range").identifier

    def get(value: str) -> tuple[int, bytes]:
        answer = up.http.get(f"/runs/{run}/log", headers={"Range": value})
        return answer.status_code, answer.content if answer.is_success else b""

    assert get("bytes=0-0") == (206, b"0")
    assert get("bytes=3-5") == (206, b"345")
    assert get("bytes=7-") == (206, b"789")
    assert get("bytes=-2") == (206, b"89")
    assert get("bytes=5-1000") == (206, b"56789")
    assert get("bytes=10-")[0] == 416
    assert get("lines=1-2") == (200, b"0123456789")


def test_the_log_of_a_pending_run_is_empty_and_of_an_unknown_one_not_there(up: Installation) -> None:
    up.put_job("never", "true", properties={"planet": "mars"})
    run = up.trigger("never").identifier
    answer = up.http.get(f"/runs/{run}/log")
    assert (answer.status_code, answer.content, answer.headers["Orchestra-Log-Size"]) == (200, b"", "0")
    assert up.http.get(f"/runs/{run}/log/lines").json()["lines"] == []
    up.client.cancel(run)
    assert up.http.get("/runs/00000000-0000-7000-8000-000000000000/log").status_code == 404


def _stream(up: Installation, path: str, **parameters: Any) -> Iterator[dict[str, str]]:
    with up.http_as(up.token) as http, http.stream("GET", path, params=parameters) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield from read_events(answer.iter_lines())


def _bytes_of(event: dict[str, str]) -> bytes:
    value = json.loads(event["data"])
    return base64.b64decode(value["base64"]) if "base64" in value else value["text"].encode()


def test_a_log_is_followed_live_until_the_end(up: Installation, tmp_path: Path) -> None:
    gates = [Gate(tmp_path / str(number)) for number in range(3)]
    commands = [f"printf 'part {number} \\377 żół'; {gate.command}" for number, gate in enumerate(gates)]
    up.put_job("followed", *commands)
    run = up.trigger("followed").identifier
    got, seen = b"", []
    for event in _stream(up, f"/runs/{run}/log/stream"):
        if event["event"] == "end":
            seen.append(json.loads(event["data"]))
            continue
        assert json.loads(event["data"])["offset"] == len(got)
        got += _bytes_of(event)
        assert event["id"] == str(len(got))
        # It came while the command still waits: that is what live means.
        if got.endswith("żół".encode()) and gates:
            gates.pop(0).open()
    whole = b"".join(f"part {number} ".encode() + b"\xff" + " żół".encode() for number in range(3))
    assert got == whole == up.client.log(run)
    assert seen == [{"bytes": len(whole), "complete": True, "status": "succeeded"}]
    rest = b"".join(_bytes_of(one) for one in _stream(up, f"/runs/{run}/log/stream", offset=7) if one["event"] == "log")
    assert rest == whole[7:]


def test_a_line_without_a_newline_is_seen_while_the_command_waits(up: Installation, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    up.put_job("prompt", f"printf 'Continue? '; {gate.command}")
    run = up.trigger("prompt").identifier
    wait_for(lambda: up.client.log(run) == b"Continue? ", "the partial line")
    assert up.http.get(f"/runs/{run}/log/lines").json()["lines"] == ["Continue? "]
    running = up.wait_running(run)
    step = up.wait_run(run, lambda one: bool(one.steps)).steps[0]
    assert (step.exit_code, step.log_end) == (None, None)
    assert running.completion_date is None
    gate.open()
    assert up.wait_end(run).status is RunStatus.SUCCEEDED


def test_lines_have_their_times_and_windows_count_from_one_or_from_the_end(up: Installation) -> None:
    up.put_job("lines", "seq 1 1000")
    run = up.run("lines").identifier

    def lines(**query: int) -> dict[str, Any]:
        value: dict[str, Any] = up.http.get(f"/runs/{run}/log/lines", params=query).json()
        return value

    assert lines(start=1, count=2)["lines"] == ["1", "2"]
    assert lines(start=999, count=10)["lines"] == ["999", "1000"]
    assert lines(start=-3, count=3)["lines"] == ["998", "999", "1000"]
    assert lines(start=1001, count=5)["lines"] == []
    whole = lines(start=1, count=500)
    assert (whole["total"], whole["complete"], whole["start"]) == (1000, True, 1)
    assert whole["times"]
    info = up.http.get(f"/runs/{run}/log/info").json()
    assert (info["lines"], info["bytes"], info["complete"], info["truncated"]) == (1000, 3893, True, None)
    assert info["first_time"] <= info["last_time"]


def test_the_history_of_a_run_is_legal_and_complete(up: Installation) -> None:
    up.put_job("history", "true")
    run = up.run("history")
    events = up.events(run.identifier)
    assert [event["type"] for event in events] == ["run.created", "run.assigned", "run.started", "run.succeeded"]
    assert [event["run_sequence"] for event in events] == list(range(1, 5)) or [
        event["run_sequence"] for event in events
    ] == list(range(4))
    moves = [(event["data"].get("from"), event["data"]["to"]) for event in events]
    assert moves == [(None, "pending"), ("pending", "assigned"), ("assigned", "running"), ("running", "succeeded")]
    assert events[0]["actor"] == "admin"
    assert events[1]["worker"] == "local"
    assert [event["date"] for event in events] == sorted(event["date"] for event in events)
    assert run.start_date is not None and run.completion_date is not None
    assert run.creation_date <= run.start_date <= run.completion_date


def test_the_source_is_the_user_and_never_what_the_body_says(up: Installation) -> None:
    up.put_job("sourced", "true")
    assert up.run("sourced").source == {"type": "user", "user": "admin"}
    answer = up.http.post(
        f"/projects/{PROJECT}/jobs/sourced/trigger", json={"source": {"type": "schedule", "schedule": "mine"}}
    )
    assert answer.status_code == 422


def test_a_retry_is_a_new_run_that_names_the_old_one(up: Installation) -> None:
    up.put_job("again", "exit {parameters.code}", parameters=[{"key": "code", "type": "integer", "default": 1}])
    first = up.run("again")
    assert first.status is RunStatus.FAILED
    second = up.wait_end(up.client.retry(first.identifier, {"code": 0}).identifier)
    assert second.status is RunStatus.SUCCEEDED
    assert second.source == {"type": "run", "run": first.identifier, "reason": "retry"}
    assert second.number == first.number + 1
    assert up.client.run(first.identifier) == first
    up.put_job("pending", "true", properties={"planet": "mars"})
    pending = up.trigger("pending").identifier
    assert up.http.post(f"/runs/{pending}/retry").status_code == 409
    up.client.cancel(pending)


def test_a_run_keeps_the_definition_it_was_made_with(up: Installation) -> None:
    up.put_job("revised", "echo first")
    first = up.run("revised")
    up.put_job("revised", "echo second")
    second = up.run("revised")
    assert (first.job_revision, second.job_revision) == (1, 2)
    assert up.http.get(f"/runs/{first.identifier}").json()["definition"]["commands"][0]["run"] == "echo first"
    assert [up.client.log(one.identifier) for one in (first, second)] == [b"first\n", b"second\n"]
    assert up.put_job("revised", "echo second")["revision"] == 2


def test_events_are_streamed_and_resumed_without_a_gap(up: Installation) -> None:
    up.put_job("streamed", "true")
    up.put_job("end-of-stream", "true")
    first = up.run("streamed").identifier
    start = up.events(first)[0]["sequence"] - 1

    seen: list[dict[str, Any]] = []
    connected = threading.Event()

    def read() -> None:
        for event in _stream(up, "/events", after=start, topic="runs"):
            seen.append({**json.loads(event["data"]), "id": event["id"], "event": event["event"]})
            connected.set()
            if seen[-1]["type"] == "run.succeeded" and seen[-1]["job"] == "end-of-stream":
                return

    reader = threading.Thread(target=read)
    reader.start()
    assert connected.wait(60)
    runs = [first, *(up.run("streamed").identifier for _ in range(3)), up.run("end-of-stream").identifier]
    reader.join(60)
    assert not reader.is_alive()
    for run in runs:
        assert [one["type"] for one in seen if one["run"] == run] == [
            "run.created",
            "run.assigned",
            "run.started",
            "run.succeeded",
        ]
    sequences = [one["sequence"] for one in seen]
    assert sequences == sorted(set(sequences))
    assert all(one["id"] == str(one["sequence"]) and one["event"] == one["type"] for one in seen)

    # From any point on, the same events come again.
    middle = seen[len(seen) // 2]
    with up.http_as(up.token) as http:
        headers = {"Last-Event-ID": middle["id"]}
        with http.stream("GET", "/events", params={"topic": "runs"}, headers=headers) as answer:
            rest = []
            for event in read_events(answer.iter_lines()):
                rest.append(json.loads(event["data"])["sequence"])
                if rest[-1] == sequences[-1]:
                    break
    assert rest == [one for one in sequences if one > middle["sequence"]]


def test_lists_are_filtered_ordered_and_paged(up: Installation) -> None:
    up.put_job("listed", "exit {parameters.code}", parameters=[{"key": "code", "type": "integer", "default": 0}])
    runs = [up.trigger("listed", {"code": number % 2}).identifier for number in range(7)]
    ended = [up.wait_end(run) for run in runs]
    assert all(run.status in TERMINAL for run in ended)
    path = f"/projects/{PROJECT}/jobs/listed/runs"
    pages: list[str] = []
    cursor = None
    while True:
        query = {"limit": 3, **({} if cursor is None else {"cursor": cursor})}
        page = up.http.get(path, params=query).json()
        pages += [item["identifier"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == runs[::-1]
    failed = up.http.get(path, params={"status": "failed"}).json()["items"]
    assert [item["identifier"] for item in failed] == [runs[number] for number in (5, 3, 1)]
    ascending = up.http.get(path, params={"order": "number", "limit": 2}).json()["items"]
    assert [item["number"] for item in ascending] == [1, 2]
    wrong = up.http.get(path, params={"limit": 0, "order": "colour", "status": "happy"})
    assert wrong.status_code == 422
    assert up.http.get("/no/such/route").status_code == 404
