"""The website's built files, and the page that starts it.

    /assets/NAME    immutable for a year (the name holds a digest), .br or .gz where the browser takes it
    /NAME           other files of the build's top folder, checked anew each time
    anything else   index.html: the website has its own routes

index.html is rendered for each answer: addresses that begin with `./` get the path prefix (not by
`<base>`: it would turn every `#anchor` into another page), `__NONCE__` a fresh nonce for styles, and
`<script type="application/json" id="boot">` says what the page must know before its first request.

Rules: only files that were there at the start are served, by their exact names, so no path can climb
out of the folder. Everything here is public.
"""

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orchestra import __version__
from orchestra.service.parts import ServiceSettings
from orchestra.service.security_headers import page_policy

NONCE_PLACEHOLDER: Final = "__NONCE__"
ASSETS: Final = "/assets/"
"""Files whose names hold a digest of their content."""
_FOREVER: Final = "public, max-age=31536000, immutable"
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
_TYPES: Final = {".js": "text/javascript", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json"}
_TEXT: Final = ("text/", "application/json", "application/manifest+json", "image/svg+xml")

NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Orchestra</title></head>
<body><main><h1>The website is not built</h1>
<p>This server runs from a checkout whose website was never built. Build it with <code>make website</code>
and start the server again.</p>
<p>The API works: see <a href="__BASE__/api/docs">its documentation</a>.</p></main></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send for one path."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    type: str
    encodings: tuple[tuple[str, Path], ...]
    digest: str


class Website:
    """The files as they were when the server started."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._files = _inventory(settings.website)
        index = settings.website / "index.html"
        self._index = index.read_text("utf-8") if index.is_file() else None

    def file(self, path: str, headers: Mapping[bytes, bytes]) -> Answer | None:
        """Return what to send for a GET of `path` (begins with a slash, prefix removed); None: no such file."""
        file = self._files.get(path)
        return None if file is None else _file_answer(file, path, headers)

    def page(self, nonce: str, *, is_signed_in: bool) -> Answer:
        """Return the page that starts the website, whatever its address."""
        base = self._settings.base_path
        if self._index is None:
            page = NOT_BUILT.replace("__BASE__", base)
        else:
            page = self._render(self._index, nonce, is_signed_in)
        return Answer(
            status=200 if self._index is not None else 503,
            headers={
                "content-type": "text/html; charset=utf-8",
                "cache-control": "no-cache",
                "content-security-policy": page_policy(nonce),
            },
            body=page.encode(),
        )

    def _render(self, index: str, nonce: str, is_signed_in: bool) -> str:
        boot = {
            "base_path": self._settings.base_path,
            "version": __version__,
            "title": self._settings.title,
            "announcement": self._settings.announcement or None,
            "nonce": nonce,
            "is_signed_in": is_signed_in,
        }
        # In a script element, only this sequence could end it early.
        text = json.dumps(boot, ensure_ascii=False).replace("<", "\\u003c")
        head = f'<script type="application/json" id="boot">{text}</script>'
        page = index.replace(NONCE_PLACEHOLDER, nonce).replace('="./', f'="{self._settings.base_path}/')
        opening = page.lower().find("<head>")
        at = opening + len("<head>") if opening >= 0 else 0
        return page[:at] + head + page[at:]


def _inventory(folder: Path) -> dict[str, _File]:
    if not folder.is_dir():
        return {}
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    served: dict[str, _File] = {}
    for name, path in found.items():
        if name == "index.html" or name.startswith(".") or path.suffix in (".br", ".gz"):
            continue
        encodings = tuple((label, found[name + suffix]) for label, suffix in _ENCODINGS if name + suffix in found)
        status = path.stat()
        served["/" + name] = _File(path, _type(path), encodings, f'"{status.st_size:x}-{status.st_mtime_ns:x}"')
    return served


def _type(path: Path) -> str:
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith(_TEXT) else kind


def _file_answer(file: _File, path: str, headers: Mapping[bytes, bytes]) -> Answer | None:
    accepted = accepted_encodings(headers.get(b"accept-encoding", b"").decode("latin-1"))
    chosen = next(((label, other) for label, other in file.encodings if label in accepted), None)
    digest = file.digest if chosen is None else f'{file.digest[:-1]}-{chosen[0]}"'
    answer: dict[str, Any] = {
        "content-type": file.type,
        "cache-control": _FOREVER if path.startswith(ASSETS) else "no-cache",
        "etag": digest,
        "vary": "Accept-Encoding",
    }
    if headers.get(b"if-none-match", b"").decode("latin-1") == digest:
        return Answer(status=304, headers=answer, body=b"")
    if chosen is not None:
        answer["content-encoding"] = chosen[0]
    try:
        body = (file.path if chosen is None else chosen[1]).read_bytes()
    except OSError:
        # The website was built anew under a running server: this name is history.
        return None
    return Answer(status=200, headers=answer, body=body)


def accepted_encodings(header: str) -> frozenset[str]:
    """Return the encodings that `Accept-Encoding` allows (RFC 9110 section 12.5.3), `*` not expanded."""
    found = set()
    for part in header.split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            found.add(name.strip().lower())
    return frozenset(found)
