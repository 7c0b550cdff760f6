"""Parameters: what is given becomes typed values, all problems at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.errors import InvalidContent
from orchestra.domain.job import Parameter, ParameterType
from orchestra.domain.parameters import check_parameters

T = ParameterType


def one(given: Any, **fields: Any) -> Any:
    return check_parameters([Parameter(key="x", **fields)], given)["x"]


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (T.STRING, "a b", "a b"),
        (T.STRING, "", ""),
        (T.TEXT, "a\nb", "a\nb"),
        (T.INTEGER, "42", 42),
        (T.INTEGER, " -7 ", -7),
        (T.INTEGER, 3, 3),
        (T.INTEGER, 3.0, 3),
        (T.NUMBER, "1.50", 1.5),
        (T.NUMBER, "1e3", 1000.0),
        (T.NUMBER, 2, 2),
        (T.BOOLEAN, "true", True),
        (T.BOOLEAN, "No", False),
        (T.BOOLEAN, "1", True),
        (T.BOOLEAN, False, False),
        (T.SECRET, "s3cret", "s3cret"),
    ],
)
def test_values_are_converted_by_type(kind: ParameterType, value: Any, stored: Any) -> None:
    found = one({"x": value}, type=kind)
    assert found == stored and type(found) is type(stored)


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        (T.STRING, 5, "expected a text, got a number"),
        (T.STRING, True, "expected a text, got a boolean"),
        (T.STRING, ["x"], "expected a text, got a list"),
        (T.STRING, {"a": 1}, "expected a text, got a mapping"),
        (T.STRING, "a\0", "NUL"),
        (T.STRING, "\ud800", "surrogate"),
        (T.STRING, "é" * 2049, "at most 4096 bytes, got 4098 (a parameter of type text may have more)"),
        (T.TEXT, "x" * 65_537, "at most 65536 bytes"),
        (T.INTEGER, "4.5", "expected a whole number, got '4.5'"),
        (T.INTEGER, 4.5, "expected a whole number, got a number"),
        (T.INTEGER, True, "expected a whole number, got a boolean"),
        (T.INTEGER, 2**53, "at most 9007199254740991"),
        (T.INTEGER, "٣", "expected a whole number"),
        (T.NUMBER, "nan", "expected a number"),
        (T.NUMBER, "1e9999", "expected a number"),
        (T.NUMBER, float("inf"), "expected a number"),
        (T.BOOLEAN, "maybe", "expected true or false, got 'maybe'"),
        (T.BOOLEAN, 1, "expected true or false, got a number"),
    ],
)
def test_s22_values_of_another_type_are_refused(kind: ParameterType, value: Any, says: str) -> None:
    with pytest.raises(InvalidContent) as caught:
        one({"x": value}, type=kind)
    assert [problem.path for problem in caught.value.problems] == ["parameters.x"]
    assert says in caught.value.problems[0].message


def test_a_missing_value_is_the_default_and_else_the_empty_string() -> None:
    parameters = [
        Parameter(key="a", default="main"),
        Parameter(key="b"),
        Parameter(key="c", type=T.INTEGER, default=3),
        Parameter(key="d", type=T.INTEGER),
        Parameter(key="e", type=T.CHOICE, choices=("x", "y")),
    ]
    expected = {"a": "main", "b": "", "c": 3, "d": "", "e": ""}
    assert check_parameters(parameters, {}) == expected
    assert check_parameters(parameters, None) == expected
    assert check_parameters(parameters, dict.fromkeys("abcde")) == expected
    assert check_parameters(parameters, {"c": "", "d": "", "e": "", "b": ""}) == expected
    assert check_parameters(parameters, {"a": ""})["a"] == ""
    assert list(check_parameters(parameters, {"e": "x", "a": "1"})) == ["a", "b", "c", "d", "e"]


def test_a_required_value_must_be_given_and_not_empty() -> None:
    for given_value in ({}, {"x": ""}, {"x": None}):
        with pytest.raises(InvalidContent, match="1 problem"):
            one(given_value, is_required=True)
    assert one({}, is_required=True, default="d") == "d"


def test_s22_choices_and_patterns_limit_values() -> None:
    assert one({"x": "b"}, type=T.CHOICE, choices=("a", "b")) == "b"
    assert one({"x": "2"}, type=T.INTEGER, choices=(1, 2)) == 2
    assert one({"x": "v1.2"}, pattern=r"v\d+\.\d+") == "v1.2"
    assert one({"x": ""}, pattern="a+") == ""
    for value, fields in (
        ("c", {"type": T.CHOICE, "choices": ("a", "b")}),
        (3, {"type": T.INTEGER, "choices": (1, 2)}),
        ("v1.2\n", {"pattern": r"v\d+\.\d+"}),
        ("", {"pattern": "a+", "default": "a"}),
        ("a" * 5000, {"type": T.TEXT, "pattern": "a*"}),
    ):
        with pytest.raises(InvalidContent):
            one({"x": value}, **fields)


def test_a_secret_never_stands_in_a_message() -> None:
    with pytest.raises(InvalidContent) as caught:
        one({"x": "hunter2"}, type=T.SECRET, pattern="[0-9]+")
    assert "hunter2" not in str(caught.value.problems)


def test_s22_unknown_keys_and_all_other_problems_come_together() -> None:
    parameters = [Parameter(key="branch"), Parameter(key="count", type=T.INTEGER), Parameter(key="r", is_required=True)]
    with pytest.raises(InvalidContent) as caught:
        check_parameters(parameters, {"branhc": "x", "count": "y"})
    assert [str(problem) for problem in caught.value.problems] == [
        "parameters.branhc: unknown parameter 'branhc'; did you mean 'branch'?",
        "parameters.count: expected a whole number, got 'y'",
        "parameters.r: a value is required",
    ]
    with pytest.raises(InvalidContent):
        check_parameters(parameters, [1])


def test_s61_all_values_together_are_limited() -> None:
    parameters = [Parameter(key="a", type=T.TEXT), Parameter(key="b", type=T.TEXT)]
    with pytest.raises(InvalidContent) as caught:
        check_parameters(parameters, {"a": "x" * 40_000, "b": "y" * 40_000})
    assert "80000 bytes together, more than 65536" in caught.value.problems[0].message


@given(
    st.dictionaries(
        st.sampled_from(["s", "i", "n", "b", "c", "zz"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.lists(st.integers(), max_size=1),
    )
)
def test_whatever_is_given_is_accepted_typed_or_refused_and_stored_values_are_accepted_again(value: Any) -> None:
    parameters = [
        Parameter(key="s", pattern="[a-z]*"),
        Parameter(key="i", type=T.INTEGER, default=1),
        Parameter(key="n", type=T.NUMBER),
        Parameter(key="b", type=T.BOOLEAN),
        Parameter(key="c", type=T.CHOICE, choices=("x", "y"), default="x"),
    ]
    try:
        stored = check_parameters(parameters, value)
    except InvalidContent as error:
        assert error.problems
        return
    assert check_parameters(parameters, stored) == stored
