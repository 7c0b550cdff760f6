"""Previews of schedules and of expressions that no schedule has yet."""

from __future__ import annotations

import pytest

from integration.service.rig import Rig
from orchestra.client import Client
from orchestra.domain.errors import InvalidContent, NotFound

SCHEDULE = "/api/v1/projects/core/schedules/nightly"
PREVIEW = "/api/v1/schedules/preview"


@pytest.fixture(scope="module")
def previews(shared: Rig) -> Rig:
    shared.job("build")
    body = {"job": "build", "expression": "30 2 * * *", "time_zone": "Europe/Paris", "is_enabled": False}
    shared.api.put(SCHEDULE, json=body).raise_for_status()
    return shared


def test_a_schedule_is_previewed_with_its_days_of_change(previews: Rig) -> None:
    answer = previews.api.get(f"{SCHEDULE}/preview", params={"count": 2, "after": "2026-03-28T00:00:00+01:00"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "expression": "30 2 * * *",
        "time_zone": "Europe/Paris",
        "text": "At 02:30 every day",
        "items": [
            {
                "fire_date": "2026-03-28T01:30:00.000000Z",
                "local_date": "2026-03-28T02:30:00+01:00",
                "local_times": ["2026-03-28 02:30"],
                "note": None,
            },
            SPRING,
        ],
        "changes": [
            {
                "date": "2026-03-29T01:00:00.000000Z",
                "text": "2026-03-29: clocks in Europe/Paris go from 02:00 forward to 03:00",
                "count": 1,
                "items": [SPRING],
            },
            {
                "date": "2026-10-25T01:00:00.000000Z",
                "text": "2026-10-25: clocks in Europe/Paris go from 03:00 back to 02:00",
                "count": 1,
                "items": [AUTUMN],
            },
            {
                "date": "2027-03-28T01:00:00.000000Z",
                "text": "2027-03-28: clocks in Europe/Paris go from 02:00 forward to 03:00",
                "count": 1,
                "items": [answer.json()["changes"][2]["items"][0]],
            },
        ],
        "warnings": [
            {"code": "skipped_time", "message": SPRING["note"]},
            {"code": "repeated_time", "message": AUTUMN["note"]},
            {"code": "skipped_time", "message": str(SPRING["note"]).replace("2026-03-29", "2027-03-28")},
        ],
    }


SPRING = {
    "fire_date": "2026-03-29T01:00:00.000000Z",
    "local_date": "2026-03-29T03:00:00+02:00",
    "local_times": ["2026-03-29 02:30"],
    "note": "02:30 does not exist on 2026-03-29 in Europe/Paris: fires at the change, 03:00",
}
AUTUMN = {
    "fire_date": "2026-10-25T00:30:00.000000Z",
    "local_date": "2026-10-25T02:30:00+02:00",
    "local_times": ["2026-10-25 02:30"],
    "note": "02:30 comes twice on 2026-10-25 in Europe/Paris: fires the first time only",
}


def test_an_expression_is_previewed_before_a_schedule_has_it(previews: Rig) -> None:
    params = {
        "expression": "H H(0-5) * * MON-FRI",
        "time_zone": "Asia/Kolkata",
        "count": "3",
        "schedule": "core/nightly",
    }
    found = previews.api.get(PREVIEW, params=params).json()
    assert found["text"].endswith("from Monday to Friday (H is drawn from the schedule's name)")
    assert len(found["items"]) == 3
    assert found["items"][0]["local_date"].endswith("+05:30")
    assert found["changes"] == found["warnings"] == []
    unnamed = previews.api.get(PREVIEW, params={**params, "schedule": None}).json()
    assert [one["code"] for one in unnamed["warnings"]] == ["unnamed"]


def test_everything_that_is_wrong_is_told_at_once(previews: Rig) -> None:
    params = {"expression": "61 24 * * *", "time_zone": "Europe/Pari", "after": "tomorrow"}
    answer = previews.api.get(PREVIEW, params=params)
    assert answer.status_code == 422
    told = {(one["path"], one["message"][:40]) for one in answer.json()["errors"]}
    assert {path for path, _ in told} == {"expression", "time_zone", "after"}
    assert len(told) == 4


@pytest.mark.parametrize("count", ["0", "1001", "-1", "x"])
def test_the_number_of_firings_has_limits(previews: Rig, count: str) -> None:
    assert previews.api.get(PREVIEW, params={"expression": "@daily", "count": count}).status_code in (400, 422)


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/localtime", "localtime", "", "Europe"])
def test_what_is_no_zone_is_refused(previews: Rig, zone: str) -> None:
    assert previews.api.get(PREVIEW, params={"expression": "@daily", "time_zone": zone}).status_code == 422


@pytest.mark.parametrize(
    ("after", "status"),
    [
        ("0001-01-01T00:00:00Z", 422),
        ("1969-12-31T23:59:59Z", 422),
        ("1970-01-01T00:00:00Z", 200),
        ("2199-12-31T23:59:59Z", 200),
        ("2200-01-01T00:00:00Z", 422),
        ("9999-12-31T23:59:59Z", 422),
    ],
)
def test_previews_are_for_the_time_that_clocks_know(previews: Rig, after: str, status: int) -> None:
    for zone in ("UTC", "Pacific/Kiritimati", "America/New_York"):
        for expression in ("30 2 * * *", "*/5 * * * *", "0 0 29 2 *"):
            params = {"expression": expression, "time_zone": zone, "after": after}
            assert previews.api.get(PREVIEW, params=params).status_code == status, (zone, expression)


def test_the_client_has_both_previews(previews: Rig) -> None:
    with Client(previews.url, previews.first.token) as client:
        found = client.preview_schedule("core", "nightly", count=1)
        assert found.items == client.preview_expression("30 2 * * *", time_zone="Europe/Paris", count=1).items
        with pytest.raises(InvalidContent):
            client.preview_expression("never")
        with pytest.raises(NotFound):
            client.preview_schedule("core", "other")
