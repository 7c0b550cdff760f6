"""Only one module writes the status of a run: everything else hands it a fact.

Found are the ways in which SQLAlchemy code writes a column: `.values(status=…)`, `.values({…: …})`, a dictionary given
to `.execute(…)`, and SQL as text. The samples below keep the search honest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tidy.source import files, name

WRITER = "src/orchestra/storage/run_status.py"
SQL = re.compile(r"\b(update\s+run\b.*\bset\b.*\bstatus\b|insert\s+into\s+run\b)", re.IGNORECASE | re.DOTALL)


def test_only_the_storage_of_runs_writes_their_status() -> None:
    found = [
        f"{name(path)}:{line}"
        for path in files("src/orchestra/**/*.py")
        if name(path) != WRITER and "/migrations/" not in name(path)
        for line in status_writes(path.read_text())
    ]
    assert not found, f"let {WRITER} record a fact instead:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "sample",
    [
        "update(run).where(run.c.id == i).values(status='running')",
        "update(run).values({'status': after.status})",
        "update(run).values({run.c.status: after.status})",
        "connection.execute(insert(run), [{'id': i, 'status': 'pending'}])",
        "connection.execute(text('UPDATE run SET cause = :c, status = :s'))",
    ],
)
def test_a_write_of_the_status_is_found(sample: str) -> None:
    assert list(status_writes(sample))


@pytest.mark.parametrize(
    "sample",
    [
        "select(run.c.status).where(run.c.status == 'pending')",
        "update(run).values(log_size=7)",
        "Problem(status=404)",
        "connection.execute(text('UPDATE worker SET note = :n'))",
    ],
)
def test_what_writes_no_status_is_left_alone(sample: str) -> None:
    assert not list(status_writes(sample))


def status_writes(source: str) -> Iterator[int]:
    """Lines of the source that write a column named status."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value):
            yield node.lineno
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in ("values", "execute"):
            continue
        named = node.func.attr == "values" and any(keyword.arg == "status" for keyword in node.keywords)
        if named or any(_is_status(key) for argument in node.args for key in _keys(argument)):
            yield node.lineno


def _keys(argument: ast.expr) -> Iterator[ast.expr]:
    for node in ast.walk(argument):
        if isinstance(node, ast.Dict):
            yield from (key for key in node.keys if key is not None)


def _is_status(key: ast.expr) -> bool:
    if isinstance(key, ast.Attribute):
        return key.attr == "status"
    return isinstance(key, ast.Constant) and key.value == "status"
