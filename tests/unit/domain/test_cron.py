"""Cron expressions: what is accepted, and what is said of the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain import cron


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/5 0-6,12,18-23 1,15 */2 MON-FRI",
        "0 0 1 jan,JUL sun",
        "30 2 * * 7",
        "  0\t0 * * *  ",
        "0 0 L * *",
        "0 0 L-3 * *",
        "0 0 15W * *",
        "0 0 LW * *",
        "0 0 ? * 5L",
        "0 0 * * friL",
        "0 0 * * MON#1,3#5",
        "H H * * *",
        "H/15 H(0-7) * * *",
        "H(0-29)/10 * * * *",
        "0 0 29 2 *",
        "0 0 31 4 MON",
        "0 0 31 4,5 *",
        "@hourly",
        "@Daily",
        "@annually",
    ],
)
def test_good_expressions_have_no_problems(expression: str) -> None:
    assert cron.problems(expression) == ()


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "expected five fields"),
        ("* * * *", "got 4"),
        ("0 * * * * *", "got 6"),
        ("60 * * * *", "minute: '60': expected a value from 0 to 59"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of month: '0': expected a value from 1 to 31"),
        ("* * * 13 *", "month: '13': expected a value from 1 to 12 or JAN-DEC"),
        ("* * * * 8", "day of week: '8'"),
        ("* * * * FOO", "day of week: 'FOO'"),
        ("*/0 * * * *", "a step of at least 1"),
        ("*/x * * * *", "a step of at least 1"),
        ("1,,2 * * * *", "minute: ''"),
        ("5-1 * * * *", "the range ends before it begins"),
        ("* 22-2 * * *", "write it as two"),
        ("1-2-3 * * * *", "minute"),
        ("? * * * *", "minute: '?'"),
        ("* * * ? *", "month: '?'"),
        ("* L * * *", "hour: 'L'"),
        ("* * L-31 * *", "no such day"),
        ("* * 32W * *", "no such day"),
        ("* * * * 5#6", "#1 to #5"),
        ("* * * * 5#0", "#1 to #5"),
        ("* * * * L", "day of week: 'L'"),
        ("H(30-70) * * * *", "minute"),
        ("٣ * * * *", "minute"),
        ("0 0 31 4 *", "it never fires: no month of 4 has a day 31"),
        ("0 0 30,31 FEB ?", "it never fires"),
        ("@dialy", "did you mean '@daily'?"),
        ("@reboot", "no point in time"),
    ],
)
def test_bad_expressions_say_which_field_and_what_was_expected(expression: str, says: str) -> None:
    found = cron.problems(expression)
    assert len(found) == 1
    assert says in found[0]


def test_all_fields_are_told_at_once() -> None:
    assert len(cron.problems("60 24 0 13 8")) == 5
    assert len(cron.problems("60,61 * * * *")) == 2


@given(st.text("0123456789*/-,LW#H()?@ MONdaily", max_size=20))
def test_any_text_gets_an_answer(expression: str) -> None:
    assert isinstance(cron.problems(expression), tuple)
