"""Cron expressions in words."""

import random

import pytest

from fuzz.cron import expression
from orchestra.domain.cron_text import text


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("30 2 * * 5L", "At 02:30 on the last Friday of each month"),
        ("0 0 * * FRI#2", "At 00:00 on the second Friday of each month"),
        ("0 0 * * MON#1,3#5", "At 00:00 on the first Monday and the fifth Wednesday of each month"),
        ("0 0 * 2 MON#5", "At 00:00 on the fifth Monday of February"),
        ("0 0 L * *", "At 00:00 on the last day of each month"),
        ("0 0 L-3 * *", "At 00:00 on the day 3 before the last of each month"),
        ("0 0 15W * *", "At 00:00 on the day from Monday to Friday nearest to day 15 of each month"),
        ("0 0 LW * *", "At 00:00 on the last day from Monday to Friday of each month"),
        ("0 0 1 * MON", "At 00:00 on day 1 of each month, and also on Mondays"),
        ("0 0 */2 * MON", "At 00:00 on days 1, 3, … 31 (every 2) of each month, but only on Mondays"),
        ("0 0 1-31 * MON", "At 00:00 every day"),
        (
            "0 0 1 * MON,FRI#2",
            "At 00:00 on day 1 of each month, and also on Mondays and on the second Friday of each month",
        ),
        ("H H * * *", "At 11:15 every day (H is drawn from the schedule's name)"),
        ("@daily", "At 00:00 every day"),
        ("@yearly", "At 00:00 on day 1 of January"),
        ("@hourly", "At minute 0 of every hour"),
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("0,30 * * * *", "Every 30 minutes"),
        ("*/7 * * * *", "Every 7 minutes from minute 0 to 56 of every hour"),
        ("*/7 2 * * *", "Every 7 minutes from 02:00 to 02:56, every day"),
        ("* 2 * * *", "Every minute from 02:00 to 02:59, every day"),
        ("10-20 * * * *", "Every minute from minute 10 to 20 of every hour"),
        ("5/20 * * * *", "At minutes 5, 25 and 45 of every hour"),
        ("*/15 9-17 * * MON-FRI", "Every 15 minutes from 09:00 to 17:59, from Monday to Friday"),
        ("0 */2 * * *", "At minute 0 of the hours 00, 02, … 22 (every 2), every day"),
        ("0 22-23 * * 7", "At 22:00 and 23:00 on Sundays"),
        ("0 6 * * FRI-SUN", "At 06:00 from Friday to Sunday"),
        ("0 6 * * 6,0", "At 06:00 on Saturdays and Sundays"),
        ("0 3 * JAN,JUL *", "At 03:00 every day in January and July"),
        ("0 3 * JAN-MAR SUN", "At 03:00 on Sundays in January to March"),
        ("0 3 1,15-20 * ?", "At 03:00 on days 1 and 15 to 20 of each month"),
    ],
)
def test_an_expression_is_said_in_words(expression: str, says: str) -> None:
    assert text(expression, identity="p/s") == says


def test_any_good_expression_has_words() -> None:
    chance = random.Random(4)
    for _ in range(2000):
        one = expression(chance, chance.randrange(24))
        assert text(one, identity="p/s").startswith(("At ", "Every ")), one


def test_what_is_no_expression_has_no_words() -> None:
    with pytest.raises(ValueError, match="minute: '61'"):
        text("61 * * * *", identity="p/s")
