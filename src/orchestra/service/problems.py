"""Problems: every error of the web API as a problem document (RFC 9457).

    {"type": "urn:orchestra:problem:invalid_content", "title": "Invalid content", "status": 422,
     "detail": "…", "code": "invalid_content", "request_id": "…",
     "errors": [{"path": "parameters.branch", "message": "…"}]}

`code` is the error's stable name, the last part of `type`. `errors` is there for bad input and holds
all that is wrong. Rules: no stack trace, no SQL, no path of the server leaves the process; an error
that nobody expected is logged with the request's id, and the client gets the id alone.
"""

import logging
from collections.abc import MutableMapping
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException, InternalServerException, ValidationException
from litestar.response import Response

from orchestra.domain.errors import (
    Conflict,
    InvalidContent,
    ManagedElsewhere,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OrchestraError,
    OutcomeUnknown,
    PreconditionFailed,
    Problem,
    ReauthenticationRequired,
    StorageFull,
    TooMany,
    Unavailable,
)

REQUEST_ID: Final = "orchestra.request_id"
"""Key of the ASGI scope: the request's identifier, which the answer and the server's log carry."""

MEDIA_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)


class ProblemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with what was sent; `file`, `line` and `column` where files were sent."""

    path: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every error answers."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str = ""
    errors: list[ProblemError] = []


_STATUS: Final[dict[type[OrchestraError], tuple[int, str]]] = {
    InvalidContent: (422, "Invalid content"),
    NotFound: (404, "Not found"),
    Conflict: (409, "Conflict"),
    ManagedElsewhere: (409, "Managed by configuration files"),
    PreconditionFailed: (412, "Changed meanwhile"),
    NotAuthenticated: (401, "Not authenticated"),
    ReauthenticationRequired: (403, "Authenticate again"),
    NotAllowed: (403, "Not allowed"),
    TooMany: (429, "Too many"),
    Unavailable: (503, "Unavailable"),
    StorageFull: (507, "Insufficient storage"),
}

_TITLES: Final[dict[int, tuple[str, str]]] = {
    400: ("bad_request", "Bad request"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "Method not allowed"),
    413: ("too_large", "Too large"),
    415: ("unsupported_media_type", "Unsupported media type"),
    416: ("range_not_satisfiable", "Range not satisfiable"),
    431: ("head_too_large", "Request head too large"),
    500: ("internal", "Internal error"),
}
"""Problems of HTTP itself: status → (code, title)."""

PROBLEM_CODES: Final = tuple(
    dict.fromkeys([*(kind.code for kind in _STATUS), OutcomeUnknown.code, *(code for code, _ in _TITLES.values())])
)
"""Every `code` that a problem document may carry."""


class HttpProblem(Exception):
    """A problem of HTTP itself: `status` is a key of the table above."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: tuple[Problem, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def document(error: Exception, identifier: str = "") -> tuple[ProblemDocument, dict[str, str]]:
    """Describe `error`: the document, and the headers that go with it."""
    match error:
        case OrchestraError():
            status, title = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), (500, "Error"))
            problems = error.problems if isinstance(error, InvalidContent | Conflict) else ()
            found = _document(status, title, error.code, error.detail, problems=problems, identifier=identifier)
            return found, _headers(error)
        case HttpProblem():
            code, title = _TITLES[error.status]
            found = _document(error.status, title, code, error.detail, problems=error.errors, identifier=identifier)
            return found, error.headers
        case ValidationException():
            return document(_bad_parameters(error), identifier)
        case HTTPException() if error.status_code in _TITLES and error.status_code < 500:
            headers = {name: str(value) for name, value in (error.headers or {}).items()}
            return document(HttpProblem(error.status_code, _DETAILS[error.status_code], headers=headers), identifier)
        case HTTPException() if error.status_code < 500:
            return document(HttpProblem(400, error.detail), identifier)
        case _:
            detail = f"the server failed; its log has more under {identifier}" if identifier else "the server failed"
            return document(HttpProblem(500, detail), identifier)


_DETAILS: Final = {
    400: "the request cannot be understood",
    404: "no such resource",
    405: "this resource does not have that method",
    413: "the body is larger than this resource takes",
    415: "expected a body of type application/json",
    416: "no such range",
}


def _headers(error: OrchestraError) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        # Basic is understood too, but naming it here would make browsers ask for a password by themselves.
        return {"WWW-Authenticate": 'Bearer realm="Orchestra"'}
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, StorageFull):
        # Somebody must make room first.
        return {"Retry-After": "30"}
    if isinstance(error, Unavailable):
        return {"Retry-After": "1"}
    return {}


def _document(
    status: int, title: str, code: str, detail: str, *, problems: tuple[Problem, ...], identifier: str
) -> ProblemDocument:
    return ProblemDocument(
        type=f"urn:orchestra:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=identifier,
        errors=[
            ProblemError(path=one.path, message=one.message, file=one.file, line=one.line, column=one.column)
            for one in problems
        ],
    )


def _bad_parameters(error: ValidationException) -> InvalidContent:
    """What Litestar found wrong with path, query and header parameters."""
    found = error.extra if isinstance(error.extra, list) else []
    problems = tuple(
        Problem(str(one.get("key", "")), _plain(str(one.get("message", ""))))
        if one.get("key") != "data"
        else Problem("", "expected a body, a JSON object")
        for one in found
        if isinstance(one, dict)
    )
    return InvalidContent("the request does not fit", problems or (Problem("", _plain(error.detail)),))


def _plain(message: str) -> str:
    return (
        message.replace("`", "")
        .replace("Expected", "expected", 1)
        .replace("Invalid enum value", "expected one of the values that the documentation names, got", 1)
    )


def request_id(scope: Any) -> str:
    """The identifier of the request of an ASGI scope; empty before the edge gave it one."""
    return str(scope.get(REQUEST_ID, ""))


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    identifier = request_id(request.scope)
    found, headers = document(error, identifier)
    if found.status >= 500 and not isinstance(error, OrchestraError) and not _hung_up(error):
        _log.error("request %s failed", identifier, exc_info=error)
    return Response(msgspec.json.encode(found), status_code=found.status, media_type=MEDIA_TYPE, headers=headers)


def _hung_up(error: Exception) -> bool:
    """Whoever asked went away before the body had come: no failure of ours, and nobody hears the answer."""
    return isinstance(error, InternalServerException) and error.detail == _HUNG_UP


_HUNG_UP: Final = "client disconnected prematurely"
"""What `litestar.Request.stream` says then; it has no exception of its own for that."""


async def send_problem(scope: MutableMapping[str, Any], send: Any, error: Exception) -> None:
    """Answer outside Litestar, straight to ASGI."""
    found, headers = document(error, request_id(scope))
    body = msgspec.json.encode(found)
    pairs = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    pairs += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": found.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
