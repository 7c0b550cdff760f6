"""Differences between JSON values: their paths, and that nothing is told where nothing differs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.difference import differences, of_parameters
from orchestra.domain.job import Parameter, ParameterType


def told(before: Any, after: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    return [(one.path, one.before, one.after) for one in differences(path, before, after)]


CASES: list[tuple[Any, Any, list[tuple[str, Any, Any]]]] = [
    ({}, {}, []),
    ({"retry": {"limit": 1}}, {"retry": {"limit": 2}}, [("retry.limit", 1, 2)]),
    ({"retry": None}, {"retry": {"limit": 2}}, [("retry", None, {"limit": 2})]),
    ({"a": 1}, {"b": 1}, [("a", 1, None), ("b", None, 1)]),
    ({"c": ["x", "y"]}, {"c": ["x", "y", "z"]}, [("c[2]", None, "z")]),
    ({"c": ["x", "y", "z"]}, {"c": ["x", "z"]}, [("c[1]", "y", None)]),
    ({"c": ["a", "x", "z"]}, {"c": ["a", "y", "z"]}, [("c[1]", "x", "y")]),
    ({"c": [{"run": "a"}, {"run": "b"}]}, {"c": [{"run": "a"}, {"run": "c"}]}, [("c[1].run", "b", "c")]),
    ({"c": ["a"]}, {"c": ["new", "a"]}, [("c[0]", None, "new")]),
    ({"c": []}, {"c": "text"}, [("c", [], "text")]),
    ({"on": 1}, {"on": True}, [("on", 1, True)]),
    ({"n": 1}, {"n": 1.0}, []),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_each_value_that_differs_is_told_with_its_path(
    before: Any, after: Any, expected: list[tuple[str, Any, Any]]
) -> None:
    assert told(before, after) == expected


def test_paths_begin_where_the_values_stand() -> None:
    assert told({"a": 1}, {"a": 2}, "policy") == [("policy.a", 1, 2)]


def test_parameters_are_compared_by_their_keys() -> None:
    branch = Parameter(key="branch", default="main")
    count = Parameter(key="count", type=ParameterType.INTEGER, default=1)
    changed = Parameter(key="branch", default="dev", is_required=True)
    assert [(one.path, one.before, one.after) for one in of_parameters((branch, count), (count, changed))] == [
        ("parameters.branch.default", "main", "dev"),
        ("parameters.branch.is_required", None, True),
    ]
    assert [one.path for one in of_parameters((branch, count), (count, branch))] == ["parameters"]
    assert [one.path for one in of_parameters((branch,), ())] == ["parameters.branch"]
    assert list(of_parameters((branch, count), (branch, count))) == []


def plain(value: Any) -> Any:
    """Without what counts as not there."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if one is not None}
    return [plain(one) for one in value] if isinstance(value, list) else value


values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from(("a", "b")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)


@given(values, values)
def test_nothing_is_told_exactly_where_nothing_differs(before: Any, after: Any) -> None:
    assert (told(before, after) == []) == (plain(before) == plain(after))


@given(values)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert told(value, value) == []


@given(st.lists(st.integers(0, 2), max_size=6), st.integers(0, 6), st.integers(5, 6))
def test_an_insertion_is_one_difference(values: list[int], at: int, new: int) -> None:
    longer = [*values[:at], new, *values[at:]]
    assert told(values, longer) == [(f"[{min(at, len(values))}]", None, new)]
