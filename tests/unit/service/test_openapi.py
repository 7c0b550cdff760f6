"""The OpenAPI document says everything of every operation; a new route is complete or fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import pytest
import schemathesis

from orchestra.domain.access import Permission, can_anonymous
from orchestra.service.app import create_litestar
from orchestra.service.openapi import document

DOCUMENT: Final = document(create_litestar())
OPERATIONS: Final = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {"allOf": [schema], "components": DOCUMENT["components"]}, validate_formats=True
    )


def misfits(schema: Any, value: Any) -> list[str]:
    return [f"{error.instance_path}: {error.message}" for error in validator(schema).iter_errors(value)]


def answers(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, response in operation["responses"].items():
        if "$ref" in response:
            yield status, DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
        else:
            yield status, response


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_what_it_does_and_who_may(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    assert operation["summary"].endswith("."), "the first line of the handler's docstring is the summary"
    assert operation["tags"]
    permission = Permission(operation["x-permission"])
    assert can_anonymous(permission) or f"`{permission}`" in operation["description"]
    assert operation["description"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_how_to_authenticate(name: str) -> None:
    method, _, operation = OPERATIONS[name]
    ways = [sorted(way) for way in operation["security"]]
    if can_anonymous(Permission(operation["x-permission"])):
        assert ways == []
    else:
        session = ["session"] if method == "get" else ["csrf", "session"]
        assert ways == [["bearer"], ["basic"], session]
        assert {"401", "403"} <= set(operation["responses"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_parameters_of_an_operation_are_described_with_examples_that_fit(name: str) -> None:
    _, path, operation = OPERATIONS[name]
    parameters = operation.get("parameters", [])
    assert {one["name"] for one in parameters if one["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path))
    for one in parameters:
        assert len(one["description"]) > 10, one["name"]
        assert not misfits(one["schema"], one["example"]), one["name"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_body_of_an_operation_has_an_example_that_fits(name: str) -> None:
    method, _, operation = OPERATIONS[name]
    assert ("requestBody" in operation) or method not in ("put", "patch")
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        assert kind == "application/json"
        assert not misfits(media["schema"], media["example"])
    if "requestBody" in operation:
        assert {"400", "413", "415", "422"} <= set(operation["responses"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_answers_of_an_operation_have_examples_that_fit(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    assert any(status < "300" for status in operation["responses"])
    for status, answer in answers(operation):
        assert answer["description"]
        assert ("content" in answer) or status in ("204", "304"), "a handler without an answer has status_code=204"
        for kind, media in answer.get("content", {}).items():
            assert (kind == "application/problem+json") == (status >= "400")
            assert not misfits(media["schema"], media["example"]), status


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_errors_that_an_operation_can_answer_are_named(name: str) -> None:
    _, path, operation = OPERATIONS[name]
    statuses = set(operation["responses"])
    headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
    assert {"400", "422", "503"} <= statuses
    assert ("{" not in path) or "404" in statuses
    assert ("If-Match" not in headers) or "412" in statuses
    assert ("Range" not in headers) or "416" in statuses
    assert (operation["security"] == []) or "429" in statuses


def test_the_document_says_where_it_holds_and_how_to_authenticate() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["servers"]
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"bearer", "basic", "session", "csrf"}


def test_the_document_is_valid_by_the_schema_of_openapi_itself() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
