"""What is decided about requests without a connection: addresses, versions, problems, repetition, patience."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from orchestra.client import addresses
from orchestra.client.asynchronous.connection import version_header
from orchestra.client.entities import Project, with_etag
from orchestra.client.problems import error_of
from orchestra.client.retrying import LONGEST_PAUSE_S, Attempts, Deadline, Patience
from orchestra.domain import errors

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SERVER = "https://orchestra.example.org"


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


# Addresses


@given(some.text(min_size=1))
def test_a_name_never_leaves_its_segment(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    url = httpx.URL("https://x/api/v1" + addresses.path("projects", name, "jobs"))
    assert len(url.raw_path.split(b"/")) == 6
    assert url.query == b"" and url.fragment == ""


def test_filters_that_are_not_given_are_not_sent() -> None:
    zone = timezone(timedelta(hours=1))
    filters: dict[str, addresses.QueryValue] = {
        "job": None,
        "status": ["failed", "aborted"],
        "is_enabled": False,
        "after": 0,
        "created_after": NOW.astimezone(zone),
    }
    assert addresses.query(filters) == {
        "status": ["failed", "aborted"],
        "is_enabled": "false",
        "after": "0",
        "created_after": "2026-11-24T09:00:00+01:00",
    }


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        addresses.query({"created_after": datetime(2026, 11, 24)})


# Versions


PROJECT = {"identifier": "a", "display_name": "a", "description": "", "services": {}, "managed_by": "api"}


def project() -> Project:
    return Project(**PROJECT, creation_date=NOW, update_date=NOW)  # type: ignore[arg-type]


def test_a_change_is_guarded_by_what_was_read_or_by_a_tag() -> None:
    read = with_etag(project(), '"1"')
    assert version_header(read) == {"If-Match": '"1"'}
    assert version_header('"2"') == {"If-Match": '"2"'}
    assert version_header(None) == {}


def test_a_change_that_was_meant_to_be_guarded_never_goes_unguarded() -> None:
    with pytest.raises(ValueError, match="Project comes without a version"):
        version_header(project())


def test_a_version_is_no_part_of_the_value() -> None:
    assert with_etag(project(), '"1"') == project()


# Problems


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (409, "managed_elsewhere", errors.ManagedElsewhere),
        (503, "outcome_unknown", errors.OutcomeUnknown),
        (403, "reauthentication_required", errors.ReauthenticationRequired),
        (404, "a code of a later server", errors.NotFound),
        (413, "too_large", errors.InvalidContent),
        (500, "internal", errors.OrchestraError),
    ],
)
def test_a_problem_becomes_the_error_of_its_code_or_status(status: int, code: str, kind: type[Exception]) -> None:
    found = error_of(answer(status, {"code": code, "detail": "because"}), SERVER)
    assert type(found) is kind
    assert str(found) == "because"


def test_every_problem_is_there_with_its_place() -> None:
    problems = [{"path": "a", "message": "x"}, {"path": "b", "message": "y", "file": "f.yaml", "line": 3, "column": 2}]
    found = error_of(answer(422, {"code": "invalid_content", "detail": "two", "errors": problems}), SERVER)
    assert isinstance(found, errors.InvalidContent)
    assert found.problems == (errors.Problem("a", "x"), errors.Problem("b", "y", "f.yaml", 3, 2))


def test_an_answer_of_something_else_is_judged_by_its_status() -> None:
    found = error_of(httpx.Response(502, html="<h1>Bad gateway</h1>"), SERVER)
    assert type(found) is errors.Unavailable
    assert str(found) == f"{SERVER} answered 502 Bad Gateway"
    moved = error_of(httpx.Response(301, headers={"Location": "https://elsewhere"}), SERVER)
    assert str(moved) == f"{SERVER} redirects to https://elsewhere; use that address"


def test_too_many_says_when_to_come_back() -> None:
    found = error_of(answer(429, {"code": "too_many", "detail": "wait"}, **{"Retry-After": "17"}), SERVER)
    assert isinstance(found, errors.TooMany)
    assert found.retry_after_s == 17


# Repetition


def attempts(method: str = "GET", *, retries: int = 2, is_repeatable: bool | None = None) -> Attempts:
    return Attempts(SERVER, method, retries, is_repeatable=is_repeatable)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_what_was_never_sent_may_be_sent_again(method: str) -> None:
    one = attempts(method)
    assert one.pause_after_error(httpx.ConnectError("refused")) > 0
    assert one.pause_after_error(httpx.ConnectError("refused")) > 0
    with pytest.raises(errors.Unavailable, match="does not answer: refused") as raised:
        one.pause_after_error(httpx.ConnectError("refused"))
    assert not isinstance(raised.value, errors.OutcomeUnknown)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_been_done_is_not_done_blindly_again(method: str) -> None:
    with pytest.raises(errors.OutcomeUnknown, match="may have been done"):
        attempts(method).pause_after_error(httpx.RemoteProtocolError("broken off"))
    assert attempts(method).pause_after_answer(answer(502)) is None
    assert attempts(method, is_repeatable=True).pause_after_error(httpx.ReadError("broken off")) > 0
    assert attempts(method, is_repeatable=True).pause_after_answer(answer(502)) is not None


def test_a_read_that_broke_off_leaves_nothing_in_doubt() -> None:
    with pytest.raises(errors.Unavailable) as raised:
        attempts(retries=0).pause_after_error(httpx.ReadError("broken off"))
    assert not isinstance(raised.value, errors.OutcomeUnknown)


def test_a_timeout_is_the_callers_own_limit_and_is_not_multiplied() -> None:
    with pytest.raises(errors.Unavailable, match="no answer in time"):
        attempts().pause_after_error(httpx.ReadTimeout(""))


def test_a_certificate_that_does_not_fit_does_so_each_time() -> None:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError()
    with pytest.raises(errors.Unavailable, match="certificate verify failed"):
        attempts().pause_after_error(error)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_rate_limit_is_waited_for_when_it_is_short(method: str) -> None:
    pause_s = attempts(method).pause_after_answer(answer(429, **{"Retry-After": "3"}))
    assert pause_s is not None and pause_s >= 3
    assert attempts(method).pause_after_answer(answer(429, **{"Retry-After": "3600"})) is None


def test_retries_are_bounded_and_pauses_grow_between_half_and_whole() -> None:
    one = attempts(retries=10)
    pauses = [one.pause_after_answer(answer(503)) for _ in range(11)]
    assert pauses.pop() is None
    for place, pause_s in enumerate(pauses):
        whole = min(0.1 * 2**place, LONGEST_PAUSE_S)
        assert pause_s is not None and whole / 2 <= pause_s <= whole


def test_a_repeated_delete_that_finds_nothing_is_done() -> None:
    one = attempts("DELETE")
    assert not one.was_done_before(answer(404))
    one.pause_after_error(httpx.ReadError("broken off"))
    assert one.was_done_before(answer(404))


def test_a_repeated_put_that_no_longer_fits_may_have_been_done_by_itself() -> None:
    one = attempts("PUT")
    assert one.doubt(answer(412)) is None
    one.pause_after_error(httpx.ReadError("broken off"))
    assert isinstance(one.doubt(answer(412)), errors.OutcomeUnknown)


# Patience


def test_patience_ends_with_the_error_and_is_renewed_by_an_answer() -> None:
    error = errors.Unavailable("away")
    patience = Patience(0.0)
    with pytest.raises(errors.Unavailable):
        patience.pause_s(error)
    patience = Patience(60.0)
    first = [patience.pause_s(error) for _ in range(4)]
    assert max(first[2:]) > 0.1
    patience.renew()
    assert patience.pause_s(error) <= 0.1


def test_an_outage_is_told_once_and_so_is_its_end_and_a_stream_that_breaks_is_none() -> None:
    error = errors.Unavailable("away")
    told: list[errors.Unavailable | None] = []
    patience = Patience(60.0, told.append)
    patience.pause_s(error)
    patience.renew()
    assert told == []
    for _ in range(4):
        patience.pause_s(error)
    assert told == [error]
    patience.renew()
    patience.renew()
    assert told == [error, None]
    silent = errors.Unavailable("silent")
    silent.__cause__ = httpx.ReadTimeout("")
    patience.pause_s(silent)
    assert told == [error, None, silent], "who says nothing for so long is away at once"


def test_a_deadline_that_has_passed_is_a_timeout() -> None:
    with pytest.raises(TimeoutError, match="no end after 0 s"):
        Deadline(0.0).quiet_s()
    assert Deadline(None).shortened(7.0) == 7.0
    assert not Deadline(None).needs_shorter(45.0)
    assert Deadline(10.0).needs_shorter(45.0)
    assert not Deadline(10.0).needs_shorter(10.0)
