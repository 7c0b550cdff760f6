"""Patterns agree with Python's `re` wherever both accept them, and stay quick where `re` does not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain import pattern
from orchestra.domain.pattern import Pattern, PatternError

atoms = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", r"\.", "{", "[a-c0-9]", "^", "$", "é", "-", "[]a]"]
)
quantifiers = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "{,1}", "*?", "+?", "{1,2}?"])
patterns = st.recursive(
    st.builds(lambda atom, quantifier: atom + (quantifier if atom not in "^$" else ""), atoms, quantifiers),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.builds(lambda one, other, q: f"({one}|{other}){q}", inner, inner, quantifiers),
        st.builds(lambda one, q: f"(?:{one}){q}", inner, quantifiers),
    ),
    max_leaves=6,
)
values = st.text(st.sampled_from("ab.1 é-]\n{c"), max_size=6)


@given(text=patterns, value=values)
def test_a_pattern_matches_what_python_matches(text: str, value: str) -> None:
    try:
        expected = re.compile(text).fullmatch(value) is not None
    except re.error:
        with pytest.raises(PatternError):
            Pattern(text)
        return
    assert Pattern(text).matches(value) is expected


@given(text=st.text("ab()[]{}|*+?^$\\.-,:<!=d1A", max_size=12), value=values)
def test_s28_what_is_accepted_means_the_same_to_python(text: str, value: str) -> None:
    try:
        found = Pattern(text).matches(value)
    except PatternError:
        return
    assert found is (re.compile(text).fullmatch(value) is not None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(a+)+b", "a" * 4096),
        ("(a|a)*b", "a" * 4096),
        (".*.*.*.*x", "y" * 4096),
        ("([a-z]+)*[0-9]", "z" * 4096),
        ("(a{1,20}){1,20}b", "a" * 4096),
        (r"(\w+\s?)*$x", "a " * 2048),
    ],
)
def test_s28_patterns_that_backtrack_for_ever_in_python_are_answered(text: str, value: str) -> None:
    assert Pattern(text).matches(value) is False


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(?=a)", "'(?' (only plain groups"),
        ("(?P<name>a)", "'(?' (only plain groups"),
        (r"(a)\1", r"the escape \1 (back-references"),
        (r"\bword", "the escape"),
        ("a++", "second quantifier"),
        ("(", "an opening parenthesis without its closing one at character 1"),
        ("a)", "a closing parenthesis without its opening one at character 2"),
        ("[a", "a class without its closing bracket"),
        ("[z-a]", "bad character range"),
        ("[[a]]", "in a class"),
        ("*a", "a quantifier without anything to repeat"),
        ("a{3,1}", "whose end is before its beginning"),
        ("a{9999}", "a repetition of more than"),
        ("((a{1,99}){1,99}){1,99}", "too large"),
        ("((((){999}){999}){999}){999}", "too large"),
        ("(" * 60 + ")" * 60, "nested deeper"),
        ("a" * 501, "more than 500"),
    ],
)
def test_s28_what_cannot_be_matched_in_linear_time_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(PatternError, match=re.escape(says)):
        Pattern(text)


def test_the_flag_at_the_beginning_ignores_case() -> None:
    assert Pattern("(?i)main|dev").matches("MAIN")
    assert not Pattern("main|dev").matches("MAIN")


def test_s28_a_value_longer_than_the_limit_never_matches() -> None:
    assert Pattern("a*").matches("a" * pattern.VALUE)
    assert not Pattern("a*").matches("a" * (pattern.VALUE + 1))
