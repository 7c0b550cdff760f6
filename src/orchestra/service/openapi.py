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
from litestar.params import HeaderParameter
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
from orchestra.service.overview import Overview
from orchestra.service.problems import MEDIA_TYPE, ProblemDocument
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
}

RAW: Final[Mapping[str, str]] = {
    "getLog": "text/plain",
    "getLogLine": "text/plain",
    "streamLog": "text/event-stream",
    "streamEvents": "text/event-stream",
    "getOpenapi": "application/json",
    "getDocumentation": "text/html",
}
"""Operations that answer something else than an entity: its media type."""

ALSO: Final[Mapping[str, tuple[int, ...]]] = {
    "getLog": (206,),
    "getLogLine": (206,),
    "putProject": (201,),
    "putJob": (201,),
    "putSchedule": (201,),
    "putUser": (201,),
    "triggerJob": (200,),
}
"""Operations with more than one good answer."""

_REASONS: Final[Mapping[int, str]] = {
    200: "As asked.",
    201: "Created.",
    204: "Done; nothing to say.",
    206: "The range that was asked for.",
    304: "It is as you have it.",
    400: "The request cannot be understood.",
    401: "Not authenticated.",
    403: "Authenticated, but not allowed.",
    404: "There is no such object, or you may not know that it exists.",
    409: "The object's state does not allow it.",
    412: "It was changed since it was read.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    416: "No byte of the range exists.",
    422: "What was sent does not fit; every problem is named.",
    429: "Too many; the header Retry-After says when to come back.",
    503: "The server does not take it now; nothing was changed.",
}

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
        "security": [{name: []} for name in SECURITY],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": {_name(name): components[name] for name in components}},
    }
    named: dict[str, Any] = _renamed(found)
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
    operation: dict[str, Any] = {
        "operationId": handler.operation_id,
        "tags": list(handler.tags or ()),
        "summary": summary.strip(),
        "description": f"{rest.strip()}\n\nNeeds the permission `{permission}`.".strip(),
    }
    if can_anonymous(permission):
        operation["security"] = []
    parameters = [*_path_parameters(route), *_other_parameters(route, handler)]
    if parameters:
        operation["parameters"] = parameters
    if (field := handler.parsed_data_field) is not None:
        name = INPUTS.get(str(handler.operation_id))
        schema = refs[without_none(field.annotation)] if name is None else {"$ref": _REF.format(name=name)}
        content = {"application/json": {"schema": schema}}
        operation["requestBody"] = {"required": not field.has_default, "content": content}
    operation["responses"] = _responses(route, method, handler, refs)
    return operation


def _path_parameters(route: HTTPRoute) -> Iterator[dict[str, Any]]:
    for one in route.path_parameters.values():
        yield {"name": one.name, "in": "path", "required": True, "schema": msgspec.json.schema(one.type)}


def _other_parameters(route: HTTPRoute, handler: HTTPRouteHandler) -> Iterator[dict[str, Any]]:
    taken = {one.name for one in route.path_parameters.values()} | {"request", "data"}
    for name, field in handler.parsed_fn_signature.parameters.items():
        if name in taken:
            continue
        given = field.kwarg_definition
        yield {
            "name": getattr(given, "name", None) or name,
            "in": "header" if isinstance(given, HeaderParameter) else "query",
            "required": not field.has_default,
            "description": getattr(given, "description", None) or "",
            "schema": _parameter_schema(field),
        }


def _parameter_schema(field: Any) -> dict[str, Any]:
    schema = msgspec.json.schema(without_none(field.annotation))
    definitions = schema.pop("$defs", {})
    if "$ref" in schema.get("items", {}):
        schema["items"] = next(iter(definitions.values()))
    for key, limit in (("minimum", "ge"), ("maximum", "le")):
        value = getattr(field.kwarg_definition, limit, None)
        if value is not None:
            schema[key] = int(value)
    if field.has_default and field.default is not None:
        schema["default"] = field.default
    return schema


def _responses(route: HTTPRoute, method: str, handler: HTTPRouteHandler, refs: Mapping[Any, Any]) -> dict[str, Any]:
    name = str(handler.operation_id)
    kind = _answer_kind(handler)
    content: dict[str, Any] = {}
    if name in RAW:
        content = {"content": {RAW[name]: {"schema": {} if name == "getOpenapi" else {"type": "string"}}}}
    elif kind is not None:
        content = {"content": {"application/json": {"schema": refs[kind]}}}
    found = {
        str(status): {"description": _REASONS[status], **content}
        for status in (handler.status_code, *ALSO.get(name, ()))
    }
    if "if_none_match" in handler.parsed_fn_signature.parameters:
        found["304"] = {"description": _REASONS[304]}
    problem = {MEDIA_TYPE: {"schema": refs[ProblemDocument]}}
    for status in _errors(route, method, handler):
        found[str(status)] = {"description": _REASONS[status], "content": problem}
    return dict(sorted(found.items()))


def _errors(route: HTTPRoute, method: str, handler: HTTPRouteHandler) -> set[int]:
    """The statuses of problem documents that an operation may answer."""
    path = {one.name for one in route.path_parameters.values()}
    names = set(handler.parsed_fn_signature.parameters) - path - {"request"}
    found = {422, 503}
    if not can_anonymous(handler.opt[PERMISSION]):
        found |= {401, 403, 429}
    if path:
        found.add(404)
    if method != "get":
        found |= {403, 409}
    if "data" in names:
        found |= {400, 401, 413, 415, 429}
    if "if_match" in names:
        found.add(412)
    if "range_" in names:
        found.add(416)
    return found


# Names --------------------------------------------------------------------------------------------

_NAMES: Final = {
    "RunDetail": "Run",
    "RunEntity": "RunInList",
    "ProblemDocument": "Problem",
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
