"""The project's own text files, for the tests that read the code as data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FOREIGN = {"node_modules", "website_dist", "__pycache__"}


def files(*places: str) -> Iterator[Path]:
    """Files below the given places (glob patterns from the root, such as `src/**/*.py`), none of them made by tools."""
    for place in places:
        for path in sorted(ROOT.glob(place)):
            if path.is_file() and not _FOREIGN.intersection(path.parts):
                yield path


def name(path: Path) -> str:
    """The path as messages show it: from the root."""
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Call):
            yield node
