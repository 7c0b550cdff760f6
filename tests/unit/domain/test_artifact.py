"""Paths and patterns of artifacts: what is named, what is refused, and that no value becomes a pattern."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.artifact import ERROR_CHARACTERS, Patterns, escape, is_artifact_path, is_pattern, told


def fits(pattern: str, path: str) -> bool:
    """Walk down as a search does."""
    left = Patterns.of([pattern])
    *folders, name = path.split("/")
    for folder in folders:
        left = left.below(folder)
    return bool(left.of_file(name))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("a.txt", "a.txt"),
        ("*.txt", "a.txt"),
        ("*", ".hidden"),
        ("dist/**", "dist/a"),
        ("dist/**", "dist/a/b/c"),
        ("dist/**", "dist/.git/config"),
        ("**/*.xml", "a.xml"),
        ("**/*.xml", "a/b/c.xml"),
        ("**/build/**", "build/a"),
        ("**/build/**", "x/build/y/a"),
        ("**/**/a", "a"),
        ("a/**/b/*.o", "a/b/1.o"),
        ("a/**/b/*.o", "a/x/y/b/1.o"),
        ("./dist//a", "dist/a"),
        ("**", "any/thing"),
        ("log.[0-9]", "log.7"),
        ("?.txt", "ü.txt"),
        ("*.txt", "two\nlines.txt"),
    ],
)
def test_a_pattern_names_a_path(pattern: str, path: str) -> None:
    assert fits(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.txt", "a/b.txt"),
        ("dist", "dist/a"),
        ("dist/*", "dist/a/b"),
        ("a/**/b", "a/b/c"),
        ("log.[0-9]", "log.10"),
        ("A.txt", "a.txt"),
        ("", "a"),
        ("a.txt", "a_txt"),
    ],
)
def test_a_pattern_does_not_name_another_path(pattern: str, path: str) -> None:
    assert not fits(pattern, path)


@given(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda text: text not in (".", "..")
    )
)
def test_an_escaped_value_stands_for_itself_alone(value: str) -> None:
    assert fits(escape(value), value)
    assert not fits(escape(value), f"{value}x")


def test_a_search_ends_where_nothing_below_can_fit() -> None:
    assert not Patterns.of(["dist/*", "*.txt"]).below("source")
    assert Patterns.of(["dist/*", "*.txt"]).below("dist")


@pytest.mark.parametrize("path", ["a", "a/b", "…/ü", "two\nlines", "a" * 1024, "-rf", "a b", "..a", "C:\\x"])
def test_s24_a_path_below_the_workspace_may_be_an_artifacts(path: str) -> None:
    assert is_artifact_path(path)


@pytest.mark.parametrize(
    "path", ["", "/", "/etc/passwd", "..", "../a", "a/../b", "a/./b", "a//b", "a/", "a\0b", "\udce9", "ü" * 513]
)
def test_s24_any_other_path_is_refused(path: str) -> None:
    assert not is_artifact_path(path)


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "a/../b", "a\0"])
def test_s24_a_pattern_that_leads_out_of_the_workspace_is_none(pattern: str) -> None:
    assert not is_pattern(pattern)


def test_problems_are_told_so_that_they_fit_a_screen() -> None:
    assert told([]) is None
    assert told(["one"]) == "one"
    assert told(["one", "two"], 3) == "one; two; and 3 more"
    many = told([f"{number} {'x' * 1000}" for number in range(50)])
    assert many is not None
    assert len(many) < ERROR_CHARACTERS + 20
    assert many.endswith("and 40 more")
