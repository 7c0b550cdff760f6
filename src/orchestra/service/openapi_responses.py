"""The answers of operations as the OpenAPI document describes them: good ones, and every problem with an example.

Problems are described once, under `components/responses`; operations refer to those that they may answer.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from orchestra.domain.access import can_anonymous
from orchestra.domain.errors import (
    Conflict,
    InvalidContent,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
    Problem,
    TooMany,
    Unavailable,
)
from orchestra.service.authorization import PERMISSION
from orchestra.service.problems import MEDIA_TYPE, HttpProblem, document

RAW: Final[Mapping[str, tuple[str, Any]]] = {
    "getLog": ("text/plain", "cloning website\nok\n"),
    "getLogLine": ("text/plain", "ok\n"),
    "getArtifact": ("application/octet-stream", "%PDF-1.7 …"),
    "getArchive": ("application/zip", "PK…"),
    "streamLog": ("text/event-stream", 'event: log\ndata: {"offset":0,"text":"cloning website\\n"}\n\n'),
    "streamEvents": ("text/event-stream", 'id: 1203\nevent: run.started\ndata: {"sequence":1203}\n\n'),
    "getOpenapi": ("application/json", {"openapi": "3.1.0"}),
    "getDocumentation": ("text/html", "<!doctype html>"),
}
"""Operations that answer something else than an entity: its media type, and an example."""

ALSO: Final[Mapping[str, tuple[int, ...]]] = {
    "getLog": (206,),
    "getLogLine": (206,),
    "getArtifact": (206, 304),
    "putProject": (201,),
    "putJob": (201,),
    "putSchedule": (201,),
    "putUser": (201,),
    "triggerJob": (200,),
}
"""Operations with more than one good answer."""

REASONS: Final[Mapping[int, str]] = {
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

_EXAMPLES: Final[Mapping[int, tuple[str, Exception]]] = {
    400: ("BadRequest", HttpProblem(400, "the body is not JSON: Expecting value: line 1 column 1 (char 0)")),
    401: ("NotAuthenticated", NotAuthenticated("no valid authentication came with the request")),
    403: ("NotAllowed", NotAllowed("the user maya lacks the permission job.update")),
    404: ("NotFound", NotFound("there is no project website")),
    409: ("Conflict", Conflict("the run has ended already")),
    412: ("PreconditionFailed", PreconditionFailed("If-Match does not fit: it was changed since; read it again")),
    413: ("TooLarge", HttpProblem(413, "the body is larger than this resource takes")),
    415: ("UnsupportedMediaType", HttpProblem(415, "expected a body of type application/json, got text/plain")),
    416: ("RangeNotSatisfiable", HttpProblem(416, "no such range")),
    422: (
        "InvalidContent",
        InvalidContent("2 problems", (Problem("limit", "expected 1 to 1000, got 0"), Problem("lim", "unknown"))),
    ),
    429: ("TooMany", TooMany("too many failed sign-ins came from this address", 30)),
    503: ("Unavailable", Unavailable("the database is busy")),
}
"""Status → the name of its description, and an error that answers it."""

_HEADERS: Final[Mapping[int, tuple[str, str, Any]]] = {
    401: ("WWW-Authenticate", "Which scheme to use.", {"type": "string"}),
    429: ("Retry-After", "Seconds until it makes sense to try again.", {"type": "integer", "minimum": 0}),
    503: ("Retry-After", "Seconds until it makes sense to try again.", {"type": "integer", "minimum": 0}),
}
_ETAG: Final = {
    "ETag": {
        "description": "Send it as If-Match with a change, as If-None-Match to read.",
        "schema": {"type": "string"},
    }
}


def problem_responses(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `components/responses`: each problem with an example; `schema` is that of problem documents."""
    found = {}
    for status, (name, error) in _EXAMPLES.items():
        shown = msgspec.to_builtins(document(error, "4f1c2d")[0])
        found[name] = {
            "description": REASONS[status],
            "content": {MEDIA_TYPE: {"schema": dict(schema), "example": shown}},
        }
        if status in _HEADERS:
            header, description, kind = _HEADERS[status]
            found[name]["headers"] = {header: {"description": description, "schema": kind}}
    return found


def responses(route: HTTPRoute, method: str, handler: HTTPRouteHandler, kind: Any) -> dict[str, Any]:
    """Return the answers of an operation; `kind` is the schema of its JSON, None for no content."""
    name = str(handler.operation_id)
    names = handler.parsed_fn_signature.parameters
    good: dict[str, Any] = {}
    if name in RAW:
        media, shown = RAW[name]
        text = ("text/plain", "text/html", "application/octet-stream", "application/zip")
        schema = {"type": "string"} if media in text else {}
        good["content"] = {media: {"schema": schema, "example": shown}}
    elif kind is not None:
        good["content"] = {"application/json": {"schema": kind}}
    if "if_none_match" in names or ("if_match" in names and kind is not None):
        good["headers"] = _ETAG
    found: dict[str, Any] = {
        str(status): {"description": REASONS[status], **(good if status != 204 else {})}
        for status in (handler.status_code, *ALSO.get(name, ()))
    }
    if "if_none_match" in names:
        found["304"] = {"description": REASONS[304], "headers": _ETAG}
    for status in _errors(route, method, handler):
        found[str(status)] = {"$ref": f"#/components/responses/{_EXAMPLES[status][0]}"}
    return dict(sorted(found.items()))


def _errors(route: HTTPRoute, method: str, handler: HTTPRouteHandler) -> set[int]:
    """The statuses of problem documents that an operation may answer."""
    path = {one.name for one in route.path_parameters.values()}
    names = set(handler.parsed_fn_signature.parameters) - path - {"request"}
    found = {400, 422, 503}
    if not can_anonymous(handler.opt[PERMISSION]):
        found |= {401, 403, 429}
    if path:
        found.add(404)
    if method != "get":
        found |= {403, 409}
    if "data" in names:
        found |= {401, 413, 415, 429}
    if "if_match" in names:
        found.add(412)
    if "range_" in names:
        found.add(416)
    return found
