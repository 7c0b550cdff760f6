"""Rooms with a name that says something, and small enough to know what belongs into them."""

from __future__ import annotations

from pathlib import Path

from tidy.source import files, name

CODE = ("src/**/*.py", "website/src/**/*.ts", "website/src/**/*.tsx")
# Names that attract whatever has no place.
EMPTY_NAMES = {"util", "helper", "common", "manager", "provider", "base", "misc", "shared"}
LINES = 450


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = [
        name(path)
        for path in files(*CODE, "tests/**/*.py", "scripts/*.py")
        for part in (path.stem, *path.relative_to(path.anchor).parent.parts[-2:])
        if part.lower().rstrip("s") in EMPTY_NAMES
    ]
    assert not found, "rename after what they do:\n" + "\n".join(found)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    found = [f"{name(path)}: {lines} lines" for path in files(*CODE) if (lines := _lines(path)) > LINES]
    assert not found, f"over {LINES} lines:\n" + "\n".join(found)


def _lines(path: Path) -> int:
    lines = path.read_text().splitlines()
    # What a generator writes (the API's types) is no room that somebody lives in; it says so at its top.
    return 0 if any("auto-generated" in line for line in lines[:5]) else len(lines)
