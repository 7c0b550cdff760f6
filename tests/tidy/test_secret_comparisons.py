"""S-02: secrets are compared in constant time. A comparison by `==` of what is named like a secret is found here.

Comparisons of columns (`table.c.secret == …`) are the database's look-ups, by the hash of 256 random bits.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tidy.source import files, name

NAMES = {"secret", "csrf", "csrf_token", "password", "current_password", "token_hash", "signature"}
# Compares what this process wrote a moment ago with what it reads back; nobody sent either.
OWN = {"src/orchestra/storage/run_claims.py"}


def test_s02_no_secret_is_compared_by_equality() -> None:
    found = [
        f"{name(path)}:{line}"
        for path in files("src/orchestra/**/*.py")
        if name(path) not in OWN
        for line in equalities(path.read_text())
    ]
    assert not found, "compare with hmac.compare_digest instead:\n" + "\n".join(found)


@pytest.mark.parametrize("sample", ["a.secret == b", "x != token.token_hash", "password == 'x'", "csrf in (one, two)"])
def test_an_equality_of_secrets_is_found(sample: str) -> None:
    assert list(equalities(sample))


@pytest.mark.parametrize(
    "sample",
    [
        "table.c.secret == bindparam('x')",
        "table.c.secret == before.secret",
        "secret is None",
        "hmac.compare_digest(a.secret, b)",
        "kind == 'password'",
    ],
)
def test_what_is_none_is_not(sample: str) -> None:
    assert not list(equalities(sample))


def equalities(text: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and all(isinstance(one, ast.Eq | ast.NotEq | ast.In) for one in node.ops):
            sides = (node.left, *node.comparators)
            if any(map(_is_secret, sides)) and not any(map(_is_column, sides)):
                yield node.lineno


def _is_secret(node: ast.expr) -> bool:
    return (node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None) in NAMES


def _is_column(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "c"
