"""Which new passwords are refused, and that every reason is told at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.password import LONGEST, SHORTEST, check

COMMON = frozenset({"password", "letmein", "qwerty123456", "password1234", "dragon"})
NAMES = ("ada", "Ada Lovelace")


def refused(password: str) -> tuple[str, ...]:
    return check(password, NAMES, COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "correct battery staple",
        "            ",
        "zwölf große Äpfel",
        "🐉 fire and water",
        "abcdefghijkm",
        "x7Kq9!zPw2#v",
        "Dragon-4815-1623-4201",
        "the orchestra plays tonight",
        "adamant as ever",
        "x" + "yz" * (LONGEST // 2 - 1) + "!",
    ],
)
def test_there_are_no_rules_of_composition(password: str) -> None:
    if password.strip():
        assert refused(password) == ()
    else:
        assert "repeated" in refused(password)[0], "spaces are characters, and twelve of them one piece"


@pytest.mark.parametrize(("length", "fits"), [(0, False), (11, False), (12, True), (1024, True), (1025, False)])
def test_length_is_counted_in_characters(length: int, fits: bool) -> None:
    password = "".join(chr(0x4E00 + (index * 7919) % 5000) for index in range(length))
    assert (refused(password) == ()) is fits


@pytest.mark.parametrize(
    "password",
    ["qwerty123456", "QWERTY123456", "password1234", "Password!!2026", "1234letmein!!", "!!!!dragon!!!!"],
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    assert any("common" in one for one in refused(password))


@pytest.mark.parametrize("password", ["a" * 12, "abcabcabcabc", "abcabcabcabcab", "correctcorrect"])
def test_a_repetition_counts_once(password: str) -> None:
    assert any("repeated" in one for one in refused(password))


def test_a_long_piece_may_be_said_twice() -> None:
    assert refused("battery staple battery staple ") == ()


@pytest.mark.parametrize("password", ["abcdefghijkl", "lkjihgfedcba", "ABCDEFGHIJKLM"])
def test_a_run_is_refused(password: str) -> None:
    assert any("run of neighbouring" in one for one in refused(password))


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("orchestra2026", "orchestra"),
        ("OrchestraOrchestra1", "orchestra"),
        ("ada lovelace 1815", "ada lovelace"),
        ("Lovelace-1815", "lovelace"),
        ("ada-lovelace", "lovelace, ada"),
    ],
)
def test_the_products_and_the_users_names_do_not_count(password: str, word: str) -> None:
    assert any(f"beside {word}" in one for one in refused(password))


def test_short_names_mean_nothing() -> None:
    assert check("obelisk and trombone", ("o", "Bo Li"), COMMON) == ()
    assert check("", ("", "  ", "!!"), COMMON) != ()


def test_everything_is_told_at_once() -> None:
    found = check("password", ("password",), COMMON)
    assert len(found) == 3
    assert "at least 12" in found[0]
    assert "common" in found[1]
    assert "beside password" in found[2]


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=3))
def test_no_text_breaks_it_and_short_ones_are_always_refused(password: str, names: list[str]) -> None:
    found = check(password, names, COMMON)
    assert (len(password) < SHORTEST) <= bool(found)
    assert all(one and not one[0].isupper() for one in found)


@given(st.text(min_size=1, max_size=20), st.integers(2, 8))
def test_whatever_is_repeated_is_seen(piece: str, times: int) -> None:
    if len(piece) < SHORTEST:
        assert check(piece * times, (), frozenset()) != ()
