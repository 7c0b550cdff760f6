"""Every route × every kind of bad request: a problem document that says what is wrong, and nothing is stored.

Made from the OpenAPI document, so a new route is asked too. S-23 (JSON stays JSON), S-24 (paths), S-44 (no insides).
"""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from sqlalchemy import Connection, select

from fuzz.world import world
from integration.service.rig import WAIT_S, Rig
from orchestra.service.app import create_litestar
from orchestra.service.openapi import document
from orchestra.service.parts import BODY_BYTES
from orchestra.storage import schema

DOCUMENT: Final = document(create_litestar())
ENDLESS: Final = {"streamEvents", "streamLog"}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: Any

    def at(self, **values: str) -> str:
        """The path with its examples, but for `values`, which stand in it as they are."""
        shown = {one["name"]: quote(str(one["example"])) for one in self.parameters if one["in"] == "path"}
        return self.path.format(**(shown | values))

    def names(self, where: str) -> list[str]:
        return [one["name"] for one in self.parameters if one["in"] == where]


OPERATIONS: Final = [
    Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        parameters=tuple(operation.get("parameters", ())),
        body=operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example"),
    )
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
WITH_BODY: Final = [one for one in OPERATIONS if one.body is not None]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(rig: Rig, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """Send a request exactly as it is given; no client mends its path."""
    connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=WAIT_S)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in {"Authorization": f"Bearer {rig.first.token}", **(headers or {})}.items():
        connection.putheader(name, value.encode("latin-1"))
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    try:
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


INSIDES: Final = re.compile(
    rb"Traceback|site-packages|sqlalchemy|sqlite3|psycopg|SELECT |INSERT |UPDATE |/src/orchestra|\.py\b"
)


def problem(answer: Answer, *statuses: int) -> dict[str, Any]:
    """The problem document of an answer, which says what is wrong and nothing of our insides (S-44)."""
    assert answer.status in statuses, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert not INSIDES.search(answer.body), answer.body
    found: dict[str, Any] = json.loads(answer.body)
    assert found["status"] == answer.status
    assert found["title"]
    assert found["detail"]
    assert found["request_id"] == answer.headers["orchestra-request-id"]
    if answer.status == 422:
        assert found["errors"], found
        assert all(one["message"] for one in found["errors"])
    return found


def stored(rig: Rig) -> dict[str, list[Any]]:
    """Everything in the database, but for when tokens were used."""

    def read(rows: Connection) -> dict[str, list[Any]]:
        return {
            table.name: sorted(
                repr([value for name, value in row._mapping.items() if name != "last_use_date"])
                for row in rows.execute(select(table))
            )
            for table in schema.metadata.sorted_tables
        }

    return rig.read(read)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with world(tmp_path_factory.mktemp("bad")) as rig:
        yield rig


# Bodies -------------------------------------------------------------------------------------------

JSON: Final = {"Content-Type": "application/json"}
BODIES: Final[dict[str, tuple[bytes, tuple[int, ...]]]] = {
    "no JSON": (b"{", (400,)),
    "two values": (b"{} {}", (400,)),
    "no UTF-8": (b'{"a": "\xff"}', (400,)),
    "NaN": (b'{"a": NaN}', (400,)),
    "Infinity": (b'{"a": -Infinity}', (400,)),
    "beyond a float": (b'{"a": 1e999}', (422,)),
    "beyond 64 bits": (b'{"a": 123456789012345678901234567890}', (422,)),
    "digits without an end": (b'{"a": ' + b"9" * 50_000 + b"}", (400, 422)),
    "twice the same key": (b'{"a": 1, "a": 2}', (422,)),
    "too deep": (b'{"a": ' * 40 + b"1" + b"}" * 40, (422,)),
    "far too deep": (b"[" * 100_000, (400, 422)),
    "too many values": (b'{"a": [' + b"0," * 10_001 + b"0]}", (422,)),
    "U+0000 in a text": (b'{"a": "x\\u0000y"}', (422,)),
    "U+0000 in a key": (b'{"x\\u0000y": 1}', (422,)),
    "half a surrogate pair": (b'{"a": "\\ud800"}', (422,)),
    "half a surrogate pair in a key": (b'{"\\udfff": 1}', (422,)),
    "an array": (b"[]", (422,)),
    "a text": (b'"text"', (422,)),
    "null": (b"null", (422,)),
    "an unknown key": (b'{"no_such_key": 1}', (422,)),
    "keys of Python": (b'{"__class__": {}, "__proto__": {}}', (422,)),
    "too large": (b" " * (BODY_BYTES + 1), (400, 413)),
}


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda one: one.name)
def test_s23_a_body_that_does_not_fit_is_refused_and_stores_nothing(filled: Rig, operation: Operation) -> None:
    before = stored(filled)
    for what, (body, statuses) in BODIES.items():
        found = problem(ask(filled, operation.method, operation.at(), body, JSON), *statuses)
        assert "Traceback" not in found["detail"], what
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"):
        problem(ask(filled, operation.method, operation.at(), b"{}", {"Content-Type": kind}), 415)
    assert stored(filled) == before


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda one: one.name)
def test_every_field_of_a_wrong_type_is_named_at_once(filled: Rig, operation: Operation) -> None:
    """Each field becomes what it can never be; the answer names every one that is there."""
    before = stored(filled)
    misfits: tuple[Any, ...] = ({"\u2603": [[]]}, [[{}]], "x" * 100_000)
    for wrong in misfits:
        # Free-form objects and arrays may hold anything, so only fields that refuse it must be named.
        fields = dict.fromkeys(operation.body, wrong)
        answer = ask(filled, operation.method, operation.at(), json.dumps(fields).encode(), JSON)
        found = problem(answer, 422, 403, 409)
        named = {one["path"].partition(".")[0].partition("[")[0] for one in found.get("errors", ())}
        assert named <= {*fields, ""}, found
    assert stored(filled) == before


# Paths --------------------------------------------------------------------------------------------

TRAVERSAL: Final = """
    .. . %2e%2e ..%2f..%2fetc%2fpasswd ..%5c..%5cwindows %2e%2e%2f %252e%252e%252f ....%2f%2f .%00. x%00 %ff %c0%ae%c0
    %E2%80%AEx a%0d%0aSet-Cookie:%20x=y %20 - _x file:%2f%2f%2fetc%2fpasswd x%2f..%2f..%2fx %7Bparameters.x%7D
    $%7Bjndi:ldap:x%7D ';DROP%20TABLE%20run;-- %25 % %2 %zz %F0%9F%92%A9 * website%2fjobs%2fbuild %3Fa=b %23 -1
    %D9%A3 +1
    """
"""S-24: what a segment of a path must never mean."""
NO_NUMBERS: Final = "1_0 con nul 0 1e3 99999999999999999999 0x10"
"""Names that may be given, and yet are no UUID and no number of anything."""


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.names("path")], ids=lambda one: one.name)
def test_s24_no_segment_of_a_path_means_another_place(filled: Rig, operation: Operation) -> None:
    before = stored(filled)
    body = None if operation.body is None else json.dumps(operation.body).encode()
    for name in operation.names("path"):
        more = NO_NUMBERS if name in ("run", "number", "identifier", "revision") else "a" * 200
        for segment in (*TRAVERSAL.split(), *more.split()):
            answer = ask(filled, operation.method, operation.at(**{name: segment}), body, JSON)
            problem(answer, 400, 404, 405, 409, 422)
            assert "set-cookie" not in answer.headers
            assert b"root:" not in answer.body
    assert stored(filled) == before


@pytest.mark.parametrize("path", ["/%", "/%zz", "/%ff", "/x%00y", "/api/v1/projects/%ff", "/api/v1/runs?project=%00"])
def test_an_address_that_is_no_text_is_400(filled: Rig, path: str) -> None:
    found = problem(ask(filled, "GET", path), 400)
    assert found["errors"]


# Queries and headers ------------------------------------------------------------------------------


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


HUGE: Final = 1 << 62
NO_NAMES: Final[tuple[Any, ...]] = (None, HUGE, "a\0b", {}, [], True)
CURSORS: Final = (
    *("x", "%20", "====", "%2e", "A" * 10_000, quote("{}"), _cursor(), _cursor("identifier"), _cursor("\ud800", "x")),
    *(_cursor("identifier", value) for value in NO_NAMES),
    *(_cursor("-creation_date", value, "x") for value in ("0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00", 1, None)),
    *(_cursor(order, value) for order in ("number", "-number") for value in (HUGE, -HUGE, "1", 1.5)),
    _cursor("secret", "x"),
)
LIMITS: Final = ("0", "-1", "1001", "abc", "", "1.5", "null", "99999999999999999999", "1&limit=2", "%D9%A3", "0x10")
ORDERS: Final = ("secret", "hash_function", "-", "", "identifier,secret", "identifier;drop", "1", "__class__")
DATES: Final = ("yesterday", "", "2026-13-01", "2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00%2B23:59")


def _bad_queries(operation: Operation) -> Iterator[str]:
    names = operation.names("query")
    yield "no_such_parameter=1"
    if operation.names("path"):
        yield f"{operation.names('path')[0]}=x"
    for name, values in (("limit", LIMITS), ("order", ORDERS), ("cursor", CURSORS)):
        if name in names:
            yield from (f"{name}={value}" for value in values)
    for one in operation.parameters:
        if one["in"] == "query" and one["schema"].get("format") == "date-time":
            yield from (f"{one['name']}={value}" for value in DATES)
        if one["in"] == "query" and one["schema"].get("type") in ("integer", "boolean"):
            yield from (f"{one['name']}={value}" for value in ("x", "null", "", "1&" + one["name"] + "=1"))
        if one["in"] == "query" and "enum" in one["schema"].get("items", one["schema"]):
            yield from (f"{one['name']}={value}" for value in ("nonsense", "", "null"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_query_that_does_not_fit_is_refused(filled: Rig, operation: Operation) -> None:
    if operation.path.startswith("/health"):
        return
    before = stored(filled)
    body = None if operation.body is None else json.dumps(operation.body).encode()
    for query in _bad_queries(operation):
        answer = ask(filled, operation.method, f"{operation.at()}?{query}", body, JSON)
        found = problem(answer, 400, 404 if operation.names("path") else 422, 422)
        assert answer.status != 422 or found["errors"], query
    assert stored(filled) == before


WITH_TAG: Final = [one for one in OPERATIONS if "If-Match" in one.names("header")]


@pytest.mark.parametrize("operation", WITH_TAG, ids=lambda one: one.name)
@pytest.mark.parametrize("tag", ["x", "", '"', '"a" "b"', '"a",', "W/", "'a'", "*,*", '"\xff"', '"x"' * 5_000])
def test_a_tag_that_is_none_is_refused(filled: Rig, operation: Operation, tag: str) -> None:
    before = stored(filled)
    body = None if operation.body is None else json.dumps(operation.body).encode()
    answer = ask(filled, operation.method, operation.at(), body, {**JSON, "If-Match": tag})
    problem(answer, 422, 404, 412)
    assert stored(filled) == before


SCHEMES: Final = ("Bearer", "Bearer ", "Bearer x", "Basic", "Basic x", "Basic eDp5", "Basic \xff", "Digest x")


@pytest.mark.parametrize("value", ["", *SCHEMES, "Bearer " + "a" * 9_000])
def test_s02_a_malformed_authorization_is_401(filled: Rig, value: str) -> None:
    problem(ask(filled, "GET", "/api/v1/me", headers={"Authorization": value}), 401)


@pytest.mark.parametrize("path", sorted(DOCUMENT["paths"]))
def test_a_method_that_a_path_does_not_have_is_405_and_names_those_that_it_has(filled: Rig, path: str) -> None:
    operation = next(one for one in OPERATIONS if one.path == path)
    methods = {one.upper() for one in DOCUMENT["paths"][path]}
    has = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    for method in {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY"} - has:
        answer = ask(filled, method, operation.at())
        assert answer.status == 405, method
        assert set(answer.headers["allow"].split(", ")) == has, method
        if method != "HEAD":
            problem(answer, 405)
    answer = ask(filled, "OPTIONS", operation.at())
    assert set(answer.headers["allow"].split(", ")) == has


# PostgreSQL ---------------------------------------------------------------------------------------


def test_the_essential_part_holds_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """What PostgreSQL refuses and SQLite does not: U+0000, numbers beyond 32 bits, dates out of range."""
    with world(tmp_path, postgres_url) as rig:
        before = stored(rig)
        for operation in OPERATIONS:
            body = None if operation.body is None else json.dumps(operation.body).encode()
            for what in ("U+0000 in a text", "U+0000 in a key", "half a surrogate pair", "beyond 64 bits"):
                if operation.body is not None:
                    problem(ask(rig, operation.method, operation.at(), BODIES[what][0], JSON), *BODIES[what][1])
            for name in operation.names("path"):
                for segment in (".%00.", "%ff", "99999999999999999999", "-1", "';DROP%20TABLE%20run;--"):
                    if operation.name not in ENDLESS and not (operation.method == "PUT" and segment[0] in "-9"):
                        path = operation.at(**{name: segment})
                        problem(ask(rig, operation.method, path, body, JSON), 400, 404, 405, 409, 422)
            if operation.method == "GET" and "cursor" in operation.names("query"):
                for cursor in CURSORS:
                    problem(ask(rig, "GET", f"{operation.at()}?cursor={cursor}"), 422, 404)
        assert stored(rig) == before


def test_what_a_process_writes_is_kept_whatever_it_holds(tmp_path: Path, postgres_url: str) -> None:
    """Results and logs come from jobs, not from people: U+0000 in them is no reason to lose a run."""
    with world(tmp_path, postgres_url) as rig:
        run = str(rig.trigger("build", "website")["identifier"])
        rig.start(run, "worker-2")
        rig.append(run, b"\0\xff\xfe a line\n\0")
        rig.finish(run, results={"text": "a\0b", "k\0ey": ["\0"]})
        found = rig.api.get(f"/api/v1/runs/{run}")
        assert found.json()["results"] == {"text": "a\0b", "k\0ey": ["\0"]}
        assert rig.api.get(f"/api/v1/runs/{run}/log").content == b"\0\xff\xfe a line\n\0"
        assert rig.api.get(f"/api/v1/runs/{run}/log/lines").json()["total"] == 2
        assert rig.api.get("/api/v1/runs", params={"q": "parameter.branch:main"}).status_code == 200
