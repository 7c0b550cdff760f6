"""A trigger with a key happens once, however often it is sent and whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from orchestra.domain.run import RunStatus
from support.installation import PROJECT, Installation

TRIGGER = f"/projects/{PROJECT}/jobs/once/trigger"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("keys"), "server") as one:
        one.start()
        one.put_job("once", "echo once", parameters=[{"key": "n", "type": "integer", "default": 1}])
        yield one


def _post(one: Installation, key: str, **body: object) -> httpx.Response:
    return one.http.post(TRIGGER, json=body, headers={"Idempotency-Key": key})


def _count(one: Installation) -> int:
    return len(one.http.get(f"/projects/{PROJECT}/jobs/once/runs", params={"limit": 1000}).json()["items"])


def test_the_same_key_and_body_give_the_same_run(one: Installation) -> None:
    first = _post(one, "first", parameters={"n": 2})
    before = _count(one)
    second = _post(one, "first", parameters={"n": 2})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["identifier"] == second.json()["identifier"]
    assert _count(one) == before


def test_another_body_is_refused(one: Installation) -> None:
    assert _post(one, "second", parameters={"n": 2}).status_code == 201
    before = _count(one)
    refused = _post(one, "second", parameters={"n": 3})
    assert refused.status_code == 422
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert _count(one) == before


def test_a_refused_trigger_uses_no_key_up(one: Installation) -> None:
    assert _post(one, "third", parameters={"n": "many"}).status_code == 422
    assert _post(one, "third", parameters={"n": 4}).status_code == 201


def test_keys_sent_at_the_same_time_make_one_run(one: Installation) -> None:
    answers: list[httpx.Response] = []

    def send() -> None:
        with one.http_as(one.token) as http:
            answers.append(http.post(TRIGGER, json={}, headers={"Idempotency-Key": "at once"}))

    before = _count(one)
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["identifier"] for answer in answers}) == 1
    assert _count(one) == before + 1


def test_a_killed_server_knows_the_keys_that_it_answered(one: Installation) -> None:
    answers = [_post(one, f"killed-{number}", parameters={"n": number}).json() for number in range(20)]
    one.kill()
    one.start()
    again = [_post(one, f"killed-{number}", parameters={"n": number}) for number in range(20)]
    assert [answer.status_code for answer in again] == [200] * 20
    assert [answer.json()["identifier"] for answer in again] == [answer["identifier"] for answer in answers]


def test_a_key_whose_answer_was_lost_makes_no_second_run(one: Installation) -> None:
    """Kill the server while many triggers are under way, then send all of them again."""
    before = _count(one)
    answered = threading.Event()
    known: dict[str, str] = {}

    def send() -> None:
        with one.http_as(one.token) as http:
            for number in range(200):
                try:
                    answer = http.post(TRIGGER, json={}, headers={"Idempotency-Key": f"lost-{number}"})
                except httpx.TransportError:
                    return
                known[f"lost-{number}"] = answer.json()["identifier"]
                if number == 30:
                    answered.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert answered.wait(60)
    one.kill()
    thread.join()
    one.start()
    for number in range(200):
        answer = _post(one, f"lost-{number}")
        assert answer.status_code in (200, 201)
        assert known.get(f"lost-{number}", answer.json()["identifier"]) == answer.json()["identifier"]
    assert _count(one) == before + 200
    assert {run.status for run in one.client.runs(limit=300)} == {RunStatus.PENDING}
