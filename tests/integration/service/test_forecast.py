"""The load that schedules will bring."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integration.service.rig import Rig
from orchestra.client import Client

FORECAST = "/api/v1/schedules/forecast"


@pytest.fixture
def busy(service: Rig) -> Rig:
    """Two projects; runs of the job `build` of `core` take half an hour."""
    for project in ("core", "other"):
        service.job("build", project=project)
        for name, expression, is_enabled in (("hourly", "@hourly", True), ("off", "* * * * *", False)):
            body = {"job": "build", "expression": expression, "is_enabled": is_enabled}
            service.api.put(f"/api/v1/projects/{project}/schedules/{name}", json=body).raise_for_status()
    service.worker("w1", concurrency=3)
    run = service.trigger()["identifier"]
    service.start(run)
    service.clock.ahead += timedelta(minutes=30)
    service.finish(run)
    return service


def test_firings_and_slots_are_told_by_the_hour(busy: Rig) -> None:
    found = busy.api.get(FORECAST, params={"days": 2}).json()
    assert (found["slots"], found["schedules"], found["without_duration"], found["is_complete"]) == (3, 2, 1, True)
    assert [one["firings"] for one in found["hours"]] == [2] * 48
    usual_s = found["hours"][0]["busy_s"]
    assert 1800 <= usual_s < 3600
    assert {one["busy_s"] for one in found["hours"]} == {usual_s}
    assert [(one["project"], one["schedule"], one["firings"]) for one in found["heaviest"]] == [("core", "hourly", 48)]


def test_a_forecast_is_of_what_the_caller_may_see(busy: Rig) -> None:
    mine = busy.user("vera", "Viewer@core")
    found = mine.get(FORECAST, params={"days": 1}).json()
    assert (found["slots"], found["schedules"]) == (None, 1)
    hidden, missing = (mine.get(FORECAST, params={"project": name}).json() for name in ("other", "nowhere"))
    assert hidden == missing
    assert hidden["schedules"] == 0


@pytest.mark.parametrize("days", ["0", "15", "x"])
def test_the_days_have_limits(service: Rig, days: str) -> None:
    assert service.api.get(FORECAST, params={"days": days}).status_code in (400, 422)


def test_the_client_has_the_forecast(busy: Rig) -> None:
    with Client(busy.url, busy.first.token) as client:
        assert len(client.forecast().hours) == 7 * 24
        assert client.forecast(days=1, project="other").heaviest == ()
