"""Properties of jobs against properties of workers, and what is said when they differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.matching import Mismatch, Reason, match, nearest, satisfies, verdict
from orchestra.domain.worker import Worker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WORKER = Worker(
    identifier="w1",
    owner="admin",
    display_name="w1",
    properties={"os": "linux", "python": "3.11.4", "cores": 8, "tags": ["gpu", "ssd"]},
    concurrency=2,
    is_active=True,
    last_seen_date=NOW,
    creation_date=NOW,
    update_date=NOW,
)


@pytest.mark.parametrize(
    ("wanted", "has"),
    [
        ("linux", "linux"),
        ("*", "anything"),
        ("*", False),
        (["debian", "fedora"], "fedora"),
        ("gpu", ["gpu", "ssd"]),
        (["gpu", "tpu"], ["ssd", "tpu"]),
        (8, "8"),
        ("8", 8),
        (True, "true"),
        (3.0, 3),
        (">=3.11", "3.11"),
        (">=3.11", "3.11.4"),
        (">= 3.9", "3.11"),
        ("<3.11", "3.9.18"),
        ("<=3.11", "3.11.0"),
        (">3.11", "3.11.1"),
        (">=16", 64),
        (">15.25", 15.6),
        ("<0", -3),
        ("<=-1.5", -2),
        ("!=3.11", "3.12"),
        ("!=windows", "linux"),
        ("<3.13", "3.13rc1"),
        (">3.13rc1", "3.13"),
        (">3.13b2", "3.13rc1"),
        (">=5.15", "5.15.0-91-generic"),
        (">=5.15.0-90", "5.15.0-91-generic"),
        (">=3", ["2.7", "3.12"]),
        ([], []),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_a_wanted_value_is_satisfied(wanted: Any, has: Any) -> None:
    assert satisfies(wanted, has)


@pytest.mark.parametrize(
    ("wanted", "has"),
    [
        ("linux", "macos"),
        ("linux", None),
        ("*", None),
        ("!=windows", None),
        (["debian", "fedora"], "arch"),
        ("gpu", ["ssd"]),
        (["gpu"], []),
        (1, True),
        (True, 1),
        ("true", 1),
        (">=3.11", "3.9"),
        (">=3.11", "linux"),
        (">=linux", "linux"),
        (">3.11", "3.11.0"),
        (">15.6", 15.25),
        ("!=3.11", "3.11.0"),
        ("!=windows", "windows"),
        (">=3.13", "3.13rc1"),
        (">=16", True),
        ("linux", "Linux"),
    ],
)
def test_a_wanted_value_is_not_satisfied(wanted: Any, has: Any) -> None:
    assert not satisfies(wanted, has)


def test_a_job_without_properties_matches_every_worker() -> None:
    assert match({}, {}) == ()


def test_every_unsatisfied_property_is_named_with_what_was_wanted_and_what_is_there() -> None:
    wanted = {"os": "linux", "python": ">=3.12", "gpu": "a100"}
    assert match(wanted, WORKER.properties) == (
        Mismatch(property="python", wanted=">=3.12", has="3.11.4"),
        Mismatch(property="gpu", wanted="a100", has=None),
    )


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_can_be_wanted_of_any_text_without_an_error(wanted: str, has: str) -> None:
    assert satisfies(wanted, has) in (True, False)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_exactly_one_of_below_above_and_equal_holds_between_two_versions(left: list[int], right: list[int]) -> None:
    bound, value = ".".join(map(str, left)), ".".join(map(str, right))
    assert [satisfies(f"<{bound}", value), satisfies(f">{bound}", value), not satisfies(f"!={bound}", value)].count(
        True
    ) == 1
    assert satisfies(f">={bound}", value) is not satisfies(f"<{bound}", value)
    assert satisfies(f"<={bound}", value) is not satisfies(f">{bound}", value)


def test_a_verdict_says_that_a_worker_matches_and_how_many_slots_are_free() -> None:
    found = verdict({"os": "linux"}, WORKER, 1)
    assert found.can_run
    assert found.reasons == (Reason.MATCHES,)
    assert found.message == "matches; 1 of 2 slots free"


def test_a_verdict_names_everything_that_stands_in_the_way() -> None:
    worker = replace(WORKER, is_enabled=False, is_active=False)
    found = verdict({"cores": ">8"}, worker, 2)
    assert not found.can_run
    assert found.reasons == (Reason.PROPERTY_DIFFERS, Reason.DISABLED, Reason.OFFLINE, Reason.SLOTS_FULL)
    assert found.message == (
        "cores is 8, wanted >8; disabled; offline since 2026-03-01 12:00:00 UTC; 2 of 2 slots taken"
    )


def test_a_worker_that_never_connected_is_not_offline_since_a_date() -> None:
    worker = replace(WORKER, is_active=False, last_seen_date=None)
    assert verdict({}, worker, 0).message == "never connected"


def test_the_nearest_miss_is_the_worker_with_the_fewest_wrong_properties() -> None:
    wanted = {"os": "linux", "arch": "arm64", "gpu": "a100"}
    far = replace(WORKER, identifier="far", properties={"os": "macos"})
    near = replace(WORKER, identifier="near", properties={"os": "linux", "arch": "arm64", "gpu": "t4"}, is_active=False)
    found = nearest([verdict(wanted, far, 0), verdict(wanted, near, 0)])
    assert found is not None
    assert found.worker == "near"
    assert str(found.mismatches[0]) == "gpu is t4, wanted a100"
    assert nearest([]) is None
