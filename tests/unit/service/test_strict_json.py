"""Strict JSON: what is refused, and that everything wrong is told at once."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.errors import InvalidContent
from orchestra.service.strict_json import DEPTH, VALUES, NotJson, decode, fit


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    tags: list[str] = []


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: Inner | None = None
    many: list[Inner] = []
    flag: bool | msgspec.UnsetType = msgspec.UNSET


VALUES_OF_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii", exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES_OF_JSON)
def test_s23_what_json_writes_is_read_unchanged(value: Any) -> None:
    assert decode(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"a":NaN}', b"[Infinity]", b"-Infinity", b"{'a':1}", b"\xff", b'{"a":1}x', b"[1,]"]
)
def test_what_is_no_json_is_told_as_such(raw: bytes) -> None:
    with pytest.raises(NotJson):
        decode(raw)


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        (b'{"a":1,"b":2,"a":3,"b":4}', ["a", "b"]),
        (b'{"a":{"x":1,"x":1}}', ["x"]),
        (b'{"a":["\\u0000", "\\ud800"]}', ["a[0]", "a[1]"]),
        (b'{"a\\u0000":1}', ["a\\u0000"]),
        (b'{"big":9223372036854775808,"huge":1e999}', ["big", "huge"]),
        (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), ["[0]" * DEPTH]),
        (b"[" * 100_000, [""]),
        (b"[" + b"1," * VALUES + b"1]", [""]),
    ],
)
def test_s23_json_that_readers_would_disagree_about_is_refused_with_every_place(raw: bytes, paths: list[str]) -> None:
    with pytest.raises(InvalidContent) as refused:
        decode(raw)
    assert [problem.path for problem in refused.value.problems] == paths


def test_a_number_with_more_digits_than_python_reads_is_told() -> None:
    with pytest.raises((NotJson, InvalidContent)):
        decode(b"1" * 10_000)


def test_a_value_that_fits_becomes_the_struct() -> None:
    made = fit({"name": "x", "inner": {"size": 1}, "flag": True}, Outer)
    assert (made.name, made.inner, made.flag) == ("x", Inner(1), True)


def test_every_problem_is_told_at_once_with_its_path() -> None:
    value = {
        "nam": "x",
        "inner": {"size": "1", "extra": 0},
        "many": [{"size": 1}, {"tags": [1]}, 7],
        "flag": "yes",
    }
    with pytest.raises(InvalidContent) as refused:
        fit(value, Outer)
    assert {problem.path: problem.message for problem in refused.value.problems} == {
        "nam": "unknown; expected one of name, inner, many, flag",
        "name": "is required",
        "inner.extra": "unknown; expected one of size, tags",
        "inner.size": "expected an integer, got text",
        "many[1].size": "is required",
        "many[1].tags[0]": "expected text, got an integer",
        "many[2]": "expected an object, got an integer",
        "flag": "expected a boolean, got text",
    }


@pytest.mark.parametrize("value", [{"name": 1}, {"name": True}, {"name": None}, {"name": "x", "inner": {"size": 1.5}}])
def test_s23_types_are_strict(value: Any) -> None:
    with pytest.raises(InvalidContent):
        fit(value, Outer)
