"""What comes from outside never becomes program text: SQL (S-26), addresses (S-25), requests of the server (S-27)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tidy.source import ROOT, files, name

# SQL ----------------------------------------------------------------------------------------------

TEXTS = {"text", "literal_column", "exec_driver_sql", "DDL", "prefix_with", "suffix_with", "with_hint"}
"""Functions of SQLAlchemy whose first argument is SQL."""
CHOSEN = {
    # The compiled text of a statement of SQLAlchemy's.
    ("src/orchestra/storage/statements.py", "text"),
    # How a transaction begins, one of two constants of this module.
    ("src/orchestra/storage/engine.py", "begin"),
    # Conditions of the schema's own indexes, each written where the index is.
    ("src/orchestra/storage/schema.py", "condition"),
    # One of two conditions of the schema.
    ("src/orchestra/storage/run_lists.py", "f'run.{which}'"),
}


def test_s26_sql_is_made_of_constants_and_bound_parameters() -> None:
    found = [
        f"{name(path)}:{call.lineno}: {ast.unparse(call)}"
        for path in files("src/orchestra/**/*.py")
        if "/migrations/" not in name(path) and re.search(r"sqlalchemy|exec_driver_sql", path.read_text())
        for call in unbound(path.read_text())
        if (name(path), ast.unparse(call.args[0])) not in CHOSEN
    ]
    assert not found, "pass values as bound parameters:\n" + "\n".join(found)


def unbound(source: str) -> Iterator[ast.Call]:
    """The calls that take SQL which is no constant."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _called(node.func) in TEXTS and not _is_constant(node.args[0]):
            yield node


def _called(function: ast.expr) -> str:
    match function:
        case ast.Name(id=called):
            return called
        # `text` is a method of others too; SQLAlchemy's is imported by name.
        case ast.Attribute(attr=called) if called != "text":
            return called
        case _:
            return ""


def _is_constant(value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=word) | ast.Attribute(attr=word):
            return word.isupper()
        case ast.JoinedStr(values=parts):
            return all(_is_constant(part) for part in parts)
        case ast.FormattedValue(value=inner):
            return _is_constant(inner)
        case _:
            return False


@pytest.mark.parametrize(
    "sample",
    [
        "text(f'a = {value}')",
        "text('a = %s' % value)",
        "text('a = ' + value)",
        "text('a = {}'.format(value))",
        "connection.exec_driver_sql(statement)",
        "literal_column(name)",
        "query.prefix_with(hint)",
    ],
)
def test_sql_that_is_put_together_is_found(sample: str) -> None:
    assert list(unbound(sample))


@pytest.mark.parametrize(
    "sample", ["text('1')", "text(f'run.{schema.LIVE}')", "text(EXPIRING)", "duration.text(value)"]
)
def test_constants_are_not_found(sample: str) -> None:
    assert not list(unbound(sample))


def test_s26_patterns_of_like_name_their_escape() -> None:
    """Without one, a % or _ that somebody searches for matches everything."""
    found = [
        f"{name(path)}:{call.lineno}: {ast.unparse(call)}"
        for path in files("src/orchestra/storage/*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("like", "ilike", "not_like", "notlike")
        and not isinstance(call.args[0], ast.Constant)
        and not any(one.arg == "escape" for one in call.keywords)
    ]
    assert not found, "\n".join(found)


# Requests of the server ---------------------------------------------------------------------------

CLIENTS = re.compile(
    r"^\s*(?:import|from)\s+(httpx|requests|urllib\.request|urllib3|http\.client|aiohttp|ftplib|smtplib|telnetlib"
    r"|websockets|xmlrpc|socketserver)\b|\b(?:open_connection|create_connection|urlopen)\(",
    re.MULTILINE,
)


def test_s27_the_server_makes_no_request_to_anywhere() -> None:
    """Nobody can make it call an address: there is nothing in it that calls one. It opens its database, no more."""
    found = [
        f"{name(path)}: {match[0].strip()}"
        for path in files(
            *(f"src/orchestra/{part}/**/*.py" for part in ("service", "master", "storage", "wire", "domain"))
        )
        for match in CLIENTS.finditer(path.read_text())
    ]
    assert not found, found
    assert "makes no request" in (ROOT / "docs/security.md").read_text()


# Addresses ----------------------------------------------------------------------------------------

ADDRESS = re.compile(r"`/[^`]*`")
PUT_INTO = re.compile(r"\$\{([^}]*)\}")
SAFE = re.compile(r"encodeURIComponent\(.*|run\.identifier")
"""What holds no character that an address reads: what is quoted, and UUIDs that the server made."""


def test_s25_the_website_quotes_what_it_puts_into_addresses() -> None:
    found = [
        f"{name(path)}: {match[0]}"
        for path in files("website/src/**/*.ts", "website/src/**/*.tsx")
        if ".test." not in path.name
        for match in ADDRESS.finditer(path.read_text())
        if not all(SAFE.fullmatch(one.strip()) for one in PUT_INTO.findall(match[0]))
    ]
    assert not found, "use encodeURIComponent, or parameters of the router:\n" + "\n".join(found)


def test_s25_the_client_makes_paths_in_one_place() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in files("src/orchestra/client/**/*.py", "src/orchestra/cli/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr) and _is_path(node)
    ]
    assert not found, "make paths with client.addresses.path:\n" + "\n".join(found)


def _is_path(text: ast.JoinedStr) -> bool:
    first = text.values[0]
    return isinstance(first, ast.Constant) and bool(
        re.match(r"/(api|projects|runs|workers|users|me|schedules)\b", str(first.value))
    )
