"""Both clients behind a proxy that loses answers and cuts connections: nothing twice, nothing lost, doubt is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice

import pytest

from integration.service.rig import Rig
from integration.service.test_client import in_background
from orchestra.client import Client
from orchestra.domain.errors import NotFound, OutcomeUnknown, TooMany, Unavailable
from orchestra.domain.run import RunStatus
from support.both_clients import KINDS, connect
from support.flaky_proxy import Answer, Cut, FlakyProxy, LoseAnswer
from support.waiting import wait_for


@dataclass
class Weather:
    """A service, a proxy before it, and a client that knows only the proxy."""

    service: Rig
    proxy: FlakyProxy
    client: Client

    def started(self) -> str:
        """A run that runs."""
        self.service.worker()
        run = str(self.service.trigger()["identifier"])
        self.service.start(run)
        return run

    def count(self) -> int:
        """How many runs there are."""
        return len(self.service.api.get("/api/v1/runs").json()["items"])


@pytest.fixture(params=KINDS)
def bad(request: pytest.FixtureRequest, service: Rig) -> Iterator[Weather]:
    service.job()
    with FlakyProxy(service.port) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        with connect(request.param, url, service.first.token, patience_s=20.0) as client:
            yield Weather(service, proxy, client)


@pytest.mark.parametrize("fault", [LoseAnswer(), Cut(150), Answer("502 Bad Gateway"), Answer("503 Busy")])
def test_a_trigger_whose_answer_is_lost_makes_one_run(bad: Weather, fault: LoseAnswer | Cut | Answer) -> None:
    bad.proxy.next(fault, fault)
    run = bad.client.trigger("core", "build")
    assert bad.count() == 1
    assert bad.client.run(run.identifier).number == 1
    assert bad.proxy.connections == 3


def test_another_post_whose_answer_is_lost_is_not_repeated_and_says_so(bad: Weather) -> None:
    run = bad.client.trigger("core", "build").identifier
    bad.client.cancel(run)
    bad.proxy.next(LoseAnswer())
    with pytest.raises(OutcomeUnknown, match="may have been done"):
        bad.client.retry(run)
    assert bad.count() == 2


def test_wishes_may_be_repeated(bad: Weather) -> None:
    run = bad.client.trigger("core", "build").identifier
    bad.proxy.next(LoseAnswer())
    assert bad.client.cancel(run).status is RunStatus.CANCELLED


def test_reading_goes_on_after_answers_that_are_lost_or_cut(bad: Weather) -> None:
    bad.proxy.next(LoseAnswer(), Cut(100), Answer("504 Gateway Timeout"))
    assert [one.identifier for one in bad.client.jobs("core")] == ["build"]


def test_attempts_are_bounded(bad: Weather) -> None:
    bad.proxy.next(*[LoseAnswer()] * 5)
    with pytest.raises(Unavailable, match="does not answer"):
        bad.client.me()
    assert bad.proxy.connections == 5
    assert bad.client.me().user.identifier == "admin"


def test_a_server_that_is_away_is_told_as_unavailable(bad: Weather) -> None:
    bad.proxy.close()
    with pytest.raises(Unavailable, match=f"127.0.0.1:{bad.proxy.port} does not answer") as raised:
        bad.client.retry("00000000-0000-0000-0000-000000000000")
    assert not isinstance(raised.value, OutcomeUnknown)
    assert not bad.client.is_ready()


def test_a_delete_whose_answer_is_lost_is_done(bad: Weather) -> None:
    bad.client.put_project("empty")
    bad.proxy.next(LoseAnswer())
    bad.client.delete_project("empty")
    with pytest.raises(NotFound):
        bad.client.delete_project("empty")


def test_a_put_whose_answer_is_lost_is_repeated_and_a_guarded_one_says_when_it_is_in_doubt(bad: Weather) -> None:
    bad.proxy.next(LoseAnswer())
    made = bad.client.put_project("empty", description="one")
    bad.proxy.next(LoseAnswer())
    with pytest.raises(OutcomeUnknown, match="read again"):
        bad.client.put_project("empty", if_match=made, description="two")
    assert bad.client.project("empty").description == "two"


def test_a_rate_limit_is_waited_for_or_told(bad: Weather) -> None:
    bad.proxy.next(Answer("429 Too Many Requests", ("Retry-After: 0",)))
    assert bad.client.create_own_token(description="x").description == "x"
    bad.proxy.next(Answer("429 Too Many Requests", ("Retry-After: 3600",)))
    with pytest.raises(TooMany) as raised:
        bad.client.me()
    assert raised.value.retry_after_s == 3600


def test_a_large_log_is_read_on_from_the_byte_where_it_was_cut(bad: Weather) -> None:
    bad.service.worker()
    text = bytes(range(256)) * (3 << 12)
    run = bad.service.done(text)
    bad.proxy.next(Cut(1 << 20), LoseAnswer(), Cut(1 << 20))
    assert b"".join(bad.client.log_pieces(run)) == text
    assert bad.proxy.connections == 4


def test_a_log_that_is_followed_over_a_bad_line_has_every_byte_once(bad: Weather) -> None:
    run, read, lines = bad.started(), bytearray(), [f"line {number}\n".encode() * 500 for number in range(12)]

    def has(size: int) -> bool:
        return len(read) >= size

    def follow() -> bytes:
        for piece in bad.client.follow_log(run):
            read.extend(piece)
        return bytes(read)

    followed = in_background(follow)
    for number, line in enumerate(lines):
        bad.service.append(run, line)
        if number % 3 == 0:
            bad.proxy.next(Cut(900), LoseAnswer(), Cut(2000))
        else:
            wanted = sum(map(len, lines[: number + 1]))
            wait_for(partial(has, wanted), "the log arrives")
    bad.service.finish(run)
    assert followed() == b"".join(lines)


def test_waiting_bears_a_bad_line(bad: Weather) -> None:
    run = bad.started()
    waited = in_background(lambda: bad.client.wait(run))
    for _ in range(3):
        seen = bad.proxy.connections
        bad.proxy.cut()
        wait_for(partial(bad.proxy.has_more_than, seen), "it comes back")
    bad.proxy.next(LoseAnswer(), Cut(50))
    bad.service.finish(run)
    assert waited().status is RunStatus.SUCCEEDED


def test_events_are_followed_over_a_bad_line_without_a_gap_and_from_before_the_first(bad: Weather) -> None:
    stream = bad.client.follow_events(["jobs"])
    events = in_background(lambda: list(islice(stream, 6)))
    wait_for(lambda: b"\nid: " in bad.proxy.told, "it hears where it begins")
    for number in range(6):
        bad.proxy.next(LoseAnswer())
        bad.service.job(f"job-{number}")
    assert [one.job for one in events()] == [f"job-{number}" for number in range(6)]


def test_patience_with_a_server_that_stays_away_has_an_end(bad: Weather) -> None:
    run = bad.started()
    kind = "synchronous" if isinstance(bad.client, Client) else "asynchronous"
    with (
        connect(kind, f"http://127.0.0.1:{bad.proxy.port}", bad.service.first.token, patience_s=0.3) as client,
        closing(client.follow_log(run)) as pieces,
    ):
        bad.service.append(run, b"first")
        assert next(pieces) == b"first"
        bad.proxy.close()
        with pytest.raises(Unavailable):
            next(pieces)
