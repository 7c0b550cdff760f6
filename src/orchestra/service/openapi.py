"""The OpenAPI 3.1 document, made of the routes: what they take, what they answer, who may use them.

    python -m orchestra.service.openapi > website/openapi.json

Everything comes from what the routes are: their signatures, their types, their docstrings (the first
line is the summary), their permissions. Schemas are msgspec's; those of bodies that the domain checks
are the domain's. Rules: every operation has an identifier, every error is a problem document, every
schema has the name that clients read (`RunDetail` here is `Run` there).
"""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, get_args, get_origin

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response, Stream
from litestar.routes import HTTPRoute

from orchestra import __version__
from orchestra.domain.access import Permission, can_anonymous
from orchestra.service.authorization import PERMISSION
from orchestra.service.bodies import INPUTS, schema_of
from orchestra.service.docs_page import METHODS
from orchestra.service.entities import RunSummary
from orchestra.service.live import messages
from orchestra.service.log_stream import LogEnd, LogPiece
from orchestra.service.openapi_examples import example
from orchestra.service.openapi_parameters import parameters
from orchestra.service.openapi_responses import RAW, problem_responses, responses
from orchestra.service.overview import Overview
from orchestra.service.problems import ProblemDocument
from orchestra.service.request import UNIONS, without_none

TITLE: Final = "Orchestra"
DESCRIPTION: Final = (
    "The web API of Orchestra. Dates are RFC 3339 in UTC with microseconds. Errors are problem documents "
    "(RFC 9457). Lists are pages: pass `next_cursor` as `cursor` to go on."
)
SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token."},
    "basic": {"type": "http", "scheme": "basic", "description": "The user's name, and a token as the password."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "orchestra",
        "description": "The website's session; changes also need the header X-CSRF-Token.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "What `GET /me` answers as `csrf_token`; each change by a session carries it.",
    },
}
READING: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"basic": []}, {"session": []}]
CHANGING: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"basic": []}, {"session": [], "csrf": []}]

_REF: Final = "#/components/schemas/{name}"
_LIVE: Final = (
    messages.Hello,
    messages.Alive,
    messages.Snapshot,
    messages.Upsert,
    messages.Remove,
    messages.Log,
    messages.Resync,
    messages.Error,
)
_CLIENT: Final = (messages.Subscribe, messages.Unsubscribe)
_CARRIED: Final = (RunSummary, Overview, LogPiece, LogEnd)
"""What streams and the live connection carry, beside what routes answer."""
_ALWAYS_COMPLETE: Final = ("Parameter",)
"""Schemas of values with defaults that answers always carry whole."""


@lru_cache(maxsize=1)
def document(app: Litestar) -> dict[str, Any]:
    """Return the document for the routes of `app`."""
    operations = list(_operations(app))
    kinds = dict.fromkeys(kind for _, _, handler in operations for kind in _kinds(handler))
    everything = (*kinds, ProblemDocument, *_CLIENT, *_LIVE, *_CARRIED)
    schemas, components = msgspec.json.schema_components(everything, ref_template=_REF)
    refs = dict(zip(everything, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route, method, handler in operations:
        paths.setdefault(route.path_format, {})[method] = _operation(route, method, handler, refs)
    for name in _ALWAYS_COMPLETE:
        components[name]["required"] = list(components[name]["properties"])
    components |= {name: schema_of(name) for name in INPUTS.values()}
    components["LiveClientMessage"] = {"oneOf": [refs[kind] for kind in _CLIENT]}
    components["LiveServerMessage"] = {"oneOf": [refs[kind] for kind in _LIVE]}
    found = {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": __version__, "description": DESCRIPTION, "license": {"name": "MIT"}},
        "servers": [{"url": "/"}],
        "security": CHANGING,
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {_name(name): _dated(components[name]) for name in components},
            "responses": problem_responses(refs[ProblemDocument]),
        },
    }
    named: dict[str, Any] = _renamed(found)
    _add_examples(named)
    named["components"]["schemas"] = dict(sorted(named["components"]["schemas"].items()))
    named["components"]["securitySchemes"] = SECURITY
    return named


def _operations(app: Litestar) -> Iterator[tuple[HTTPRoute, str, HTTPRouteHandler]]:
    """(route, method, handler) of everything that is ours, always in the same order."""
    found = [
        (route, next(iter(handler.http_methods)).lower(), handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if PERMISSION in handler.opt
    ]
    yield from sorted(found, key=lambda one: (one[0].path_format, METHODS.index(one[1])))


def _kinds(handler: HTTPRouteHandler) -> Iterator[Any]:
    """The types whose schemas an operation needs."""
    answer = _answer_kind(handler)
    if answer is not None:
        yield answer
    if handler.parsed_data_field is not None and handler.operation_id not in INPUTS:
        yield without_none(handler.parsed_data_field.annotation)


def _answer_kind(handler: HTTPRouteHandler) -> Any:
    """The type of the JSON that a handler answers; None for no content and for what is no entity."""
    if handler.operation_id in RAW:
        return None
    kind = handler.parsed_fn_signature.return_type.annotation
    for arm in get_args(kind) if get_origin(kind) in UNIONS else (kind,):
        if arm not in (None, type(None), Stream):
            inner = get_args(arm)[0] if get_origin(arm) is Response else arm
            return None if inner in (None, type(None)) else inner
    return None


def _operation(route: HTTPRoute, method: str, handler: HTTPRouteHandler, refs: Mapping[Any, Any]) -> dict[str, Any]:
    summary, _, rest = (inspect.getdoc(handler.fn) or "").partition("\n")
    permission: Permission = handler.opt[PERMISSION]
    is_public = can_anonymous(permission)
    needed = "Anybody may ask, also without authentication." if is_public else f"Needs the permission `{permission}`."
    operation: dict[str, Any] = {
        "operationId": handler.operation_id,
        "tags": list(handler.tags or ()),
        "summary": summary.strip(),
        "description": f"{rest.strip()}\n\n{needed}".strip(),
        "x-permission": str(permission),
        "security": [] if is_public else READING if method == "get" else CHANGING,
    }
    found = list(parameters(route, handler))
    if found:
        operation["parameters"] = found
    if (field := handler.parsed_data_field) is not None:
        name = INPUTS.get(str(handler.operation_id))
        schema = refs[without_none(field.annotation)] if name is None else {"$ref": _REF.format(name=name)}
        content = {"application/json": {"schema": schema}}
        operation["requestBody"] = {"required": not field.has_default, "content": content}
    kind = _answer_kind(handler)
    operation["responses"] = responses(route, method, handler, None if kind is None else refs[kind])
    return operation


def _add_examples(named: dict[str, Any]) -> None:
    """Give every body and every answer an example that fits its schema."""
    schemas = named["components"]["schemas"]
    for item in named["paths"].values():
        for operation in item.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (one for body in bodies for one in body.get("content", {}).values()):
                if "example" not in media:
                    media["example"] = example(media["schema"], schemas)


def _dated(schema: dict[str, Any]) -> dict[str, Any]:
    """Say of texts that are dates that they are; bodies carry them as text, which the routes check."""
    for name, field in schema.get("properties", {}).items():
        if name.endswith("_date"):
            for one in field.get("anyOf", [field]):
                if one.get("type") == "string":
                    one["format"] = "date-time"
    return schema


# Names --------------------------------------------------------------------------------------------

_NAMES: Final = {
    "RunDetail": "Run",
    "RunEntity": "RunInList",
    "ProblemDocument": "Problem",
    "orchestra.domain.plan.Action": "Action",
    "orchestra.domain.job_orchestra.plan.Action": "ImportAction",
    "Subscribe": "LiveSubscribe",
    "Unsubscribe": "LiveUnsubscribe",
    **{kind.__name__: f"Live{kind.__name__}" for kind in _LIVE},
}
_PAGE: Final = re.compile(r"Listing_(\w+?)_+")


def _name(internal: str) -> str:
    """The name of a schema as clients read it."""
    page = _PAGE.fullmatch(internal)
    if page is not None:
        return f"{_name(page[1]).removesuffix('InList')}Page"
    return _NAMES.get(internal, internal.removesuffix("Entity"))


def _renamed(value: Any) -> Any:
    """Give references the names that clients read, everywhere."""
    if isinstance(value, dict):
        return {key: _renamed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(one) for one in value]
    if isinstance(value, str) and value.startswith(_REF.format(name="")):
        return _REF.format(name=_name(value.rpartition("/")[2]))
    return value


def main() -> None:
    """Write the document to standard output; the same content has one form."""
    # Here, for the application's own routes show the document.
    from orchestra.service.app import create_litestar  # noqa: PLC0415

    json.dump(document(create_litestar()), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
