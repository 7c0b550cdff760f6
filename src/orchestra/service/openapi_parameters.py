"""The parameters of operations as the OpenAPI document describes them: what they mean, their form, an example.

Path parameters are described here by their names; one that is not named is described by its name alone.
Query and header parameters bring their descriptions with them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_origin

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter
from litestar.routes import HTTPRoute

from orchestra.domain.ids import IDENTIFIER_PATTERN
from orchestra.service.conditional import TAGS
from orchestra.service.openapi_examples import AUTHENTICATION, RUN
from orchestra.service.request import without_none

_NAME: Final = {"type": "string", "pattern": f"^{IDENTIFIER_PATTERN}$", "minLength": 1, "maxLength": 128}

IN_PATH: Final[Mapping[str, tuple[str, Any]]] = {
    "project": ("The project's identifier.", "website"),
    "job": ("The job's identifier, within its project.", "build"),
    "schedule": ("The schedule's identifier, within its project.", "nightly"),
    "worker": ("The worker's identifier: the name that it was started with.", "worker-1"),
    "user": ("The user's identifier.", "maya"),
    "run": ("The run's identifier, a UUID.", RUN),
    "number": ("The run's number within its job, from 1.", 1),
    "line": ("The line's number, from 1.", 1),
    "revision": ("The job's revision, from 1.", 1),
    "identifier": ("The identifier, a UUID.", AUTHENTICATION),
    "path": ("The file's path; each part percent-encoded, the slashes between them as they are.", "dist/report.pdf"),
}
"""Path parameter → its description and its example."""

_NAMED: Final = ("project", "job", "schedule", "worker", "user")

_FORMS: Final[Mapping[str, tuple[dict[str, Any], Any]]] = {
    "If-Match": ({"pattern": TAGS}, '"5d41402abc4b2a76b9719d911017c592"'),
    "If-None-Match": ({}, '"5d41402abc4b2a76b9719d911017c592"'),
    "Last-Event-ID": ({}, "1203"),
    "Idempotency-Key": ({"minLength": 1, "maxLength": 255}, "deploy-2026-01-31"),
    "Range": ({}, "bytes=0-1023"),
    "cursor": ({"minLength": 1}, "WyJpZGVudGlmaWVyIiwid2Vic2l0ZSJd"),
    "order": ({"pattern": "^-?[a-z][a-z_]*$"}, "-creation_date"),
    "created_after": ({"format": "date-time"}, "2026-01-31T12:00:00Z"),
    "created_before": ({"format": "date-time"}, "2026-02-01T00:00:00Z"),
    "after": ({}, 1203),
    "after of type string": ({"format": "date-time"}, "2026-01-31T12:00:00Z"),
    "topic": ({}, ["runs"]),
    "source": ({"minLength": 1}, "user:maya"),
    "q": ({}, "status:failed created:>-24h"),
    "expression": ({}, "30 2 * * *"),
    "time_zone": ({}, "Europe/Paris"),
    "status": ({}, ["failed"]),
}
"""Query or header parameter → what its schema adds to its type, and its example; of a certain type where one name
stands for two things."""


def parameters(route: HTTPRoute, handler: HTTPRouteHandler) -> Iterator[dict[str, Any]]:
    """Yield the parameters of an operation: path, then query and headers."""
    yield from _in_path(route)
    yield from _elsewhere(route, handler)


def _in_path(route: HTTPRoute) -> Iterator[dict[str, Any]]:
    for one in route.path_parameters.values():
        description, example = IN_PATH.get(one.name, (f"Which {one.name}.", None))
        schema = dict(_NAME) if one.name in _NAMED else msgspec.json.schema(str if one.type is Path else one.type)
        if schema.get("type") == "integer":
            schema |= {"minimum": 0}
        yield {
            "name": one.name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": schema,
            "example": example if example is not None else (1 if schema.get("type") == "integer" else "name"),
        }


def _elsewhere(route: HTTPRoute, handler: HTTPRouteHandler) -> Iterator[dict[str, Any]]:
    taken = {one.name for one in route.path_parameters.values()} | {"request", "data"}
    for parameter, field in handler.parsed_fn_signature.parameters.items():
        if parameter in taken:
            continue
        given = field.kwarg_definition
        name = getattr(given, "name", None) or parameter
        own = _schema(field)
        extra, example = _FORMS.get(f"{name} of type {own.get('type')}", _FORMS.get(name, ({}, None)))
        schema = own | (extra if get_origin(without_none(field.annotation)) is not list else {})
        yield {
            "name": name,
            "in": "header" if isinstance(given, HeaderParameter) else "query",
            "required": not field.has_default,
            "description": getattr(given, "description", None) or f"Only those with this {name}.",
            "schema": schema,
            "example": example if example is not None else _plain(schema, name),
        }


def _schema(field: Any) -> dict[str, Any]:
    schema = msgspec.json.schema(without_none(field.annotation))
    definitions = schema.pop("$defs", {})
    if "$ref" in schema.get("items", {}):
        schema["items"] = next(iter(definitions.values()))
    elif "$ref" in schema:
        schema = next(iter(definitions.values()))
    limits = {"minimum": "ge", "maximum": "le", "minLength": "min_length", "maxLength": "max_length"}
    for key, limit in limits.items():
        value = getattr(field.kwarg_definition, limit, None)
        if value is not None:
            schema[key] = int(value)
    if field.has_default and field.default is not None:
        schema["default"] = field.default
    return schema


def _plain(schema: Mapping[str, Any], name: str) -> Any:
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if name in IN_PATH:
        return IN_PATH[name][1]
    return {"integer": schema.get("minimum", 1), "boolean": True, "number": 1.0, "array": []}.get(
        str(schema.get("type")), "text"
    )
