"""An HTTP server that answers `{}` to everything and remembers what it was asked; with TLS, if a test wants.

    with recording() as server:
        …
        assert server.requests[0].headers["User-Agent"] == …

The certificate is signed by its own key, for 127.0.0.1: nobody trusts it but who is told to.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

CERTIFICATE: Final = """\
-----BEGIN CERTIFICATE-----
MIIBWzCCAQKgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMm3WyF8l8m4r11w
WM2PQQ30Rq2uqjpPHdVRQWU1ja0+HLWkdikuRHvtCvUlz7NHqjYuFF4eIZwmnPZ+
g46eHy+jQzBBMA8GA1UdEwEB/wQFMAMBAf8wDwYDVR0RBAgwBocEfwAAATAdBgNV
HQ4EFgQUSf/Ckj4kgQsVvyPy0JJalKD3CQYwCgYIKoZIzj0EAwIDRwAwRAIgN76Z
Mz3clMkmDiymwPtvMNgIS5HxNNSpRreUlwtPQ8cCIG7GeKv4neD/sAImehvzkMwe
Rc9AsrLgETZaU+oobdld
-----END CERTIFICATE-----
"""
KEY: Final = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPB/VxSAFGpYeIPgu
xLX74UkRi10HbuBpwm9zbxGMOYShRANCAATJt1shfJfJuK9dcFjNj0EN9Eatrqo6
Tx3VUUFlNY2tPhy1pHYpLkR77Qr1Jc+zR6o2LhReHiGcJpz2foOOnh8v
-----END PRIVATE KEY-----
"""
"""Of no use to anybody but these tests: it stands here for all to read."""


@dataclass(frozen=True)
class Asked:
    """One request: its line, and its headers."""

    method: str
    target: str
    headers: Any


@dataclass
class Recorder:
    """What was asked so far, and where."""

    port: int
    requests: list[Asked] = field(default_factory=list)


@contextmanager
def recording(certificate: Path | None = None) -> Iterator[Recorder]:
    """A server on the loopback; with TLS when `certificate` is a file to which it may write certificate and key."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            made.requests.append(Asked(self.command, self.path, self.headers))
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who refuses a certificate breaks off
    if certificate is not None:
        certificate.write_text(CERTIFICATE + KEY)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Recorder(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
