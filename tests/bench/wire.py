"""A keep-alive HTTP client of few microseconds, so that a benchmark measures the server and not its own client."""

from __future__ import annotations

import json
import socket
from typing import Any


class Wire:
    """One connection to 127.0.0.1:`port`. Not for several threads."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        self._left = b""

    def close(self) -> None:
        self._socket.close()

    def get(self, path: str) -> Any:
        """The answer's JSON."""
        return json.loads(self.send("GET", path))

    def post(self, path: str, body: Any) -> Any:
        """The answer's JSON."""
        return json.loads(self.send("POST", path, json.dumps(body).encode()))

    def put(self, path: str, body: Any) -> Any:
        """The answer's JSON."""
        return json.loads(self.send("PUT", path, json.dumps(body).encode()))

    def send(self, method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
        """The answer's body; fails on any status of 400 and above."""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self._socket.sendall(f"{method} {path} HTTP/1.1\r\n{self._head}{headers}{length}\r\n".encode() + body)
        return self._answer()

    def _answer(self) -> bytes:
        data = self._left
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, rest = data.partition(b"\r\n\r\n")
        status = int(head[9:12])
        lines = head.lower().split(b"\r\n")
        length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), None)
        if length is None:
            raise AssertionError(f"the benchmark needs answers with a length: {head!r}")
        pieces, have = [rest], len(rest)
        while have < length:
            pieces.append(self._more())
            have += len(pieces[-1])
        whole = b"".join(pieces)
        body, self._left = whole[:length], whole[length:]
        if status >= 400:
            raise AssertionError(f"{status}: {body[:500]!r}")
        return body

    def _more(self) -> bytes:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece
