"""How often somebody may try a password: guessing is hopeless, and nobody locks others out (S-06)."""

from collections import Counter

import pytest

from orchestra.service.sign_ins import (
    BAD_SIGN_INS_A_MINUTE,
    FREE_FAILURES,
    FREE_FAILURES_EVERYWHERE,
    LONGEST_DELAY_S,
    TOLD_A_MINUTE,
    SignIns,
)
from orchestra.service.throttle import KEYS, Backoff, place

HERE, THERE = "192.0.2.1", "198.51.100.7"


def fail(sign_ins: SignIns, where: str, now: float, user: str = "ada") -> bool:
    """Try a wrong password; False when the place has to wait."""
    if sign_ins.wait_s(where, now, user):
        return False
    sign_ins.begin(where, now, user)
    sign_ins.failed(where, now)
    return True


def test_s06_five_failures_are_free_and_then_each_doubles_the_delay() -> None:
    sign_ins, now, waits = SignIns(), 0.0, []
    for _ in range(FREE_FAILURES + 14):
        wait_s = sign_ins.wait_s(HERE, now, "ada")
        waits.append(wait_s)
        now += wait_s
        assert fail(sign_ins, HERE, now)
    assert waits[:FREE_FAILURES] == [0] * FREE_FAILURES
    assert [wait_s - 1 for wait_s in waits[FREE_FAILURES:]] == [2**n for n in range(10)] + [LONGEST_DELAY_S] * 4


def test_s06_a_success_begins_anew() -> None:
    sign_ins = SignIns()
    for _ in range(FREE_FAILURES - 1):
        assert fail(sign_ins, HERE, 0.0)
    sign_ins.begin(HERE, 0.0, "ada")
    sign_ins.succeeded(HERE, "ada")
    for _ in range(FREE_FAILURES):
        assert fail(sign_ins, HERE, 0.0)
    assert not fail(sign_ins, HERE, 0.0)


def test_s06_after_a_quarter_of_an_hour_of_quiet_failures_are_forgotten() -> None:
    sign_ins = SignIns()
    for _ in range(FREE_FAILURES - 1):
        assert fail(sign_ins, HERE, 0.0)
    for _ in range(FREE_FAILURES):
        assert fail(sign_ins, HERE, LONGEST_DELAY_S)
    assert sign_ins.wait_s(HERE, LONGEST_DELAY_S, "ada")
    later = 3.0 * LONGEST_DELAY_S
    assert [fail(sign_ins, HERE, later) for _ in range(FREE_FAILURES + 1)] == [True] * FREE_FAILURES + [False]


def test_s06_who_fails_in_one_place_does_not_hold_up_the_user_in_another() -> None:
    sign_ins = SignIns()
    for second in range(3600):
        fail(sign_ins, HERE, float(second))
    assert sign_ins.wait_s(HERE, 3600.0, "ada")
    assert sign_ins.wait_s(THERE, 3600.0, "ada") == 0
    assert sign_ins.wait_s(HERE, 3600.0, "bob") == 0


def test_s06_a_guess_from_many_addresses_stays_hopeless_and_spares_known_places() -> None:
    sign_ins = SignIns()
    sign_ins.begin(THERE, 0.0, "ada")
    sign_ins.succeeded(THERE, "ada")
    tried = 0
    for second in range(0, 3600, 10):
        for number in range(100):
            tried += fail(sign_ins, f"2001:db8:{number:x}::/64", float(second))
    assert FREE_FAILURES_EVERYWHERE <= tried < 80
    assert sign_ins.wait_s("203.0.113.9", 3600.0, "ada"), "a place from which nobody ever signed in waits"
    assert sign_ins.wait_s(THERE, 3600.0, "ada") == 0, "the user's own does not"
    assert sign_ins.wait_s("203.0.113.9", 3600.0) == 0, "and a token or a link works from everywhere"


def test_s06_ten_thousand_guesses_an_hour_from_one_place_are_impossible() -> None:
    sign_ins = SignIns()
    tried = sum(fail(sign_ins, HERE, second + part / 10, f"user{part}") for second in range(3600) for part in range(10))
    assert tried <= 60 * BAD_SIGN_INS_A_MINUTE


def test_s06_attempts_at_once_all_count_before_the_first_one_fails() -> None:
    sign_ins = SignIns()
    begun = 0
    for _ in range(100):
        if not sign_ins.wait_s(HERE, 0.0, "ada"):
            sign_ins.begin(HERE, 0.0, "ada")
            begun += 1
    assert begun == FREE_FAILURES
    for _ in range(begun):
        sign_ins.withdraw(HERE, "ada")
    assert sign_ins.wait_s(HERE, 0.0, "ada") == 0, "what was not decided does not count"


def test_s07_a_refusal_is_told_once_a_minute_for_a_user_and_a_place() -> None:
    sign_ins = SignIns()
    told = Counter(sign_ins.may_tell(HERE, float(second), "ada") for second in range(120))
    assert told[True] == 2
    assert sign_ins.may_tell(THERE, 119.0, "ada")
    assert sign_ins.may_tell(HERE, 119.0, "bob")


def test_s07_whoever_has_many_addresses_does_not_fill_the_table() -> None:
    sign_ins = SignIns()
    assert sum(sign_ins.may_tell(f"10.0.{n >> 8}.{n & 255}", 0.0, "ada") for n in range(5000)) == TOLD_A_MINUTE


def test_a_million_names_take_no_more_memory_than_ten_thousand() -> None:
    backoff = Backoff(free=1, longest_s=900)
    for number in range(3 * KEYS):
        backoff.count(str(number), 0.0)
    assert len(backoff._keys) == KEYS
    assert backoff.wait_s(str(3 * KEYS - 1), 0.0)
    assert not backoff.wait_s("0", 0.0)


def test_a_hundred_thousand_failures_are_no_number_to_be_avoided() -> None:
    backoff = Backoff(free=1, longest_s=900)
    for _ in range(100_000):
        backoff.count("ada", 0.0)
    assert backoff.wait_s("ada", 0.0) == 901


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("/run/orchestra.sock", "/run/orchestra.sock"),
        ("", ""),
    ],
)
def test_a_place_is_what_tells_visitors_apart(address: str, expected: str) -> None:
    assert place(address) == expected
