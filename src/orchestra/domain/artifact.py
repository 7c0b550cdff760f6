"""Artifacts: files that a run leaves. Which paths they may have, which patterns name them, and how many there may be.

A pattern is a path below the workspace, cut at `/`. `*`, `?` and `[…]` stand for characters of one name
(also of a name that begins with a dot), `**` for any number of folders, as the last part for
everything below. A folder that a pattern names brings nothing: write `folder/**`.

It does not know file systems: `worker.collect` looks for files, `storage` keeps them.
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

PATH_BYTES: Final = 1024
"""Longest path of an artifact, in UTF-8: what a URL, an archive and an index of every database can hold."""
ERROR_PROBLEMS: Final = 10
"""So many problems are told one by one, the rest as a number: people read them on one screen."""
ERROR_CHARACTERS: Final = 1900
"""Longest `artifact_error`: fits the limit of texts on the wire."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAGIC: Final = re.compile(r"([*?[])")
_EVERYWHERE: Final = "**"
_Left = tuple[int, tuple[str, ...]]


class ArtifactState(StrEnum):
    """Where an artifact's bytes are."""

    AWAITED = "awaited"
    """On the worker; the server does not have them yet."""
    STORED = "stored"
    LOST = "lost"
    """They will never come: the worker no longer has them, or has others than it listed."""


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file that a run left: its path below the workspace, its size in bytes, and what its bytes hash to."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An artifact as stored."""

    run: str
    path: str
    size: int
    sha256: str
    state: ArtifactState


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactLimits:
    """What one run may leave: so many files, bytes of one, and bytes of all."""

    count: int = 10_000
    file_bytes: int = 2 << 30
    total_bytes: int = 10 << 30


def is_artifact_path(path: str) -> bool:
    """Tell whether `path` may name an artifact: relative, without empty, `.` and `..` parts, NUL, lone surrogates."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= PATH_BYTES and "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


def is_sha256(text: str) -> bool:
    """Tell whether `text` is a SHA-256 as we write it: 64 hexadecimal digits in lower case."""
    return _SHA256.fullmatch(text) is not None


def escape(value: str) -> str:
    """Return a pattern that stands for exactly `value`."""
    return _MAGIC.sub(r"[\1]", value)


def is_pattern(pattern: str) -> bool:
    """Tell whether a pattern stays below the workspace."""
    return not pattern.startswith("/") and ".." not in pattern.split("/") and "\0" not in pattern


@dataclass(frozen=True, slots=True)
class Patterns:
    """Several patterns, asked about names on the way down: what is left of each is a tuple of its parts.

    `left` holds pairs (number of the pattern, parts that are still to be matched).
    """

    left: frozenset[_Left]

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "Patterns":
        """Read patterns; parts that are empty or `.` mean nothing."""
        return cls(_widened((number, _parts(text)) for number, text in enumerate(patterns)))

    def of_file(self, name: str) -> frozenset[int]:
        """Return the numbers of the patterns that a file `name` in this folder fits."""
        return frozenset(
            number
            for number, parts in self.left
            if parts == (_EVERYWHERE,) or (len(parts) == 1 and _matches(parts[0], name))
        )

    def below(self, name: str) -> "Patterns":
        """Return what is left of the patterns inside the folder `name`; empty when nothing below can fit."""
        left: list[_Left] = []
        for number, parts in self.left:
            if parts[:1] == (_EVERYWHERE,):
                left.append((number, parts))
            elif len(parts) > 1 and _matches(parts[0], name):
                left.append((number, parts[1:]))
        return Patterns(_widened(left))

    def __bool__(self) -> bool:
        return bool(self.left)


def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(part for part in pattern.split("/") if part not in ("", "."))


def _widened(left: Iterable[_Left]) -> frozenset[_Left]:
    """`**` also stands for no folder at all: what follows it may match here already."""
    found: set[_Left] = set()
    for number, parts in left:
        if not parts:
            continue
        found.add((number, parts))
        place = 0
        while parts[place] == _EVERYWHERE and place + 1 < len(parts):
            place += 1
            found.add((number, parts[place:]))
    return frozenset(found)


@lru_cache(maxsize=1024)
def _compiled(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part))


def _matches(part: str, name: str) -> bool:
    return part == name or _compiled(part).match(name) is not None


def told(problems: Sequence[str], further: int = 0) -> str | None:
    """Return problems as one text for people, None without any; `further` ones are only counted."""
    if not problems and not further:
        return None
    shown, hidden = problems[:ERROR_PROBLEMS], len(problems[ERROR_PROBLEMS:]) + further
    text = "; ".join(shown)
    if len(text) > ERROR_CHARACTERS:
        text = text[: ERROR_CHARACTERS - 1] + "…"
    return f"{text}; and {hidden} more" if hidden else text
