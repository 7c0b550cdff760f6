"""Problem documents as exceptions: what an answer that is no success means (RFC 9457).

A problem's `code` chooses the class of `orchestra.domain.errors`; a code that this client does not
know, or an answer of something between here and the server, is judged by its status.
"""

from collections.abc import Iterator
from typing import Final

import httpx
import msgspec

from orchestra.domain.errors import (
    Conflict,
    InvalidContent,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OrchestraError,
    PreconditionFailed,
    Problem,
    TooMany,
    Unavailable,
)

_BY_STATUS: Final[dict[int, type[OrchestraError]]] = {
    400: InvalidContent,
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: InvalidContent,
    415: InvalidContent,
    422: InvalidContent,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def _tree(kind: type[OrchestraError]) -> Iterator[type[OrchestraError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _tree(one)


_BY_CODE: Final = {kind.code: kind for kind in _tree(OrchestraError)}


class _Document(msgspec.Struct, frozen=True):
    """The parts of a problem document that matter here."""

    title: str = ""
    detail: str = ""
    code: str = ""
    errors: list[Problem] = []


def error_of(answer: httpx.Response, server: str) -> OrchestraError | None:
    """Return the error that an answer (whose body was read) stands for; None for a success."""
    if answer.is_success:
        return None
    if answer.has_redirect_location:
        return OrchestraError(f"{server} redirects to {answer.headers['Location']}; use that address")
    try:
        document = msgspec.json.decode(answer.content, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = _Document()
    detail = document.detail or document.title or f"{server} answered {answer.status_code} {answer.reason_phrase}"
    kind = _BY_CODE.get(document.code) or _BY_STATUS.get(answer.status_code, OrchestraError)
    if issubclass(kind, InvalidContent):
        return kind(detail, tuple(document.errors))
    if issubclass(kind, TooMany):
        return kind(detail, int(retry_after_s(answer) or 1))
    if document.errors:
        detail = ": ".join([detail, "; ".join(str(one) for one in document.errors)])
    return kind(detail)


def retry_after_s(answer: httpx.Response) -> float | None:
    """How many seconds the server asks to wait (RFC 9110 section 10.2.3, as seconds); None when it does not say."""
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
