"""The connection to the server: a WebSocket that the worker opens (RFC 6455), with the token in its header.

Compression is off (logs are sent once, in large frames), the library's own pings too: the protocol
has heartbeats with deadlines, seen by both ends' sessions. An unencrypted connection is refused
beyond this machine, for the token and all logs would travel in the clear.
"""

import asyncio
import ipaddress
import json
import os
import socket
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from orchestra import __version__
from orchestra.wire.messages import FRAME_LIMIT_BYTES
from orchestra.worker.app import CannotConnectError

PATH: Final = "/api/v1/workers/connect"
OPEN_TIMEOUT_S: Final = 15.0
CLOSE_TIMEOUT_S: Final = 2.0
WRITE_BYTES: Final = 1 << 20
"""What may wait in our own buffer until a send waits: four frames, so that the network never runs dry."""
DETAIL_CHARACTERS: Final = 300
"""What is shown of a server's reason: it may be anybody's server."""
FINAL_STATUSES: Final = frozenset({401, 403})


class AddressError(ValueError):
    """The server's address cannot be used; the text says why and what would be."""


def worker_url(server: str, *, is_insecure: bool = False) -> str:
    """Return the WebSocket address below the server's `http://` or `https://` address.

    Raises `AddressError`, also for an unencrypted address beyond this machine unless `is_insecure`.
    """
    parts = urlsplit(http_url(server))
    scheme = "wss" if parts.scheme == "https" else "ws"
    if scheme == "ws" and not is_insecure and not _is_loopback(parts.hostname or ""):
        raise AddressError(
            f"{server} is not encrypted: anybody on the way could read the token and the logs. "
            "Use https://, or give --insecure if you accept that"
        )
    return urlunsplit(SplitResult(scheme, parts.netloc, parts.path.rstrip("/") + PATH, "", ""))


def http_url(server: str) -> str:
    """Return the server's address as programs call its API; without a scheme it is taken to be encrypted.

    Raises `AddressError`.
    """
    parts = urlsplit(server if "//" in server else f"//{server}")
    scheme = {"ws": "http", "wss": "https", "": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https") or not parts.hostname:
        raise AddressError(f"{server!r} is no server address; expected one like https://orchestra.example.org")
    return urlunsplit(SplitResult(scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WebSocketTransport:
    """`app.Transport` over the `websockets` library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, frame: bytes) -> None:
        try:
            await self._connection.send(frame)
        except ConnectionClosed as error:
            raise ConnectionError(_say(error)) from None

    async def receive(self) -> bytes | None:
        try:
            frame = await self._connection.recv(decode=False)
        except ConnectionClosed:
            return None
        return bytes(frame)

    async def close(self, code: int, reason: str) -> None:
        # A close frame's reason has 123 bytes at most (RFC 6455 section 5.5).
        text = reason.encode()[:120].decode(errors="ignore")
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._connection.close(code, text)
        except TimeoutError:
            self._connection.transport.abort()


async def open_transport(url: str, token: str) -> WebSocketTransport:
    """Connect; certificates are checked against the system's, or `SSL_CERT_FILE`. Raises `CannotConnectError`."""
    try:
        connection = await connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"},
            user_agent_header=f"orchestra-worker/{__version__}",
            compression=None,
            max_size=FRAME_LIMIT_BYTES,
            ping_interval=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            write_limit=WRITE_BYTES,
            ssl=True if url.startswith("wss:") else None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in FINAL_STATUSES:
            hint = "the server does not accept the token (is it one of a user with the role Worker?)"
            raise CannotConnectError(f"{hint}: {_why(error)}", is_final=True) from None
        raise CannotConnectError(f"the server answered {_why(error)}") from None
    except InvalidURI as error:
        raise CannotConnectError(str(error), is_final=True) from None
    except ssl.SSLCertVerificationError as error:
        raise CannotConnectError(f"the server's certificate is not trusted: {error.verify_message}") from None
    except TimeoutError:
        raise CannotConnectError(f"the server did not answer within {OPEN_TIMEOUT_S:g} s") from None
    except socket.gaierror as error:
        raise CannotConnectError(f"the server's name cannot be resolved: {error.strerror}") from None
    except OSError as error:  # refused, unreachable; asyncio's own text repeats the address
        text = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise CannotConnectError(f"the server does not answer: {text}") from None
    except WebSocketException as error:  # a torn handshake
        raise CannotConnectError(str(error) or type(error).__name__) from None
    return WebSocketTransport(connection)


def _why(error: InvalidStatus) -> str:
    """What the server says about its refusal, where it is a problem document (RFC 9457), and the status."""
    status = f"HTTP {error.response.status_code}"
    try:
        detail = json.loads(error.response.body or b"").get("detail")
    except (ValueError, AttributeError):
        return status
    return f"{detail[:DETAIL_CHARACTERS]} ({status})" if isinstance(detail, str) and detail.isprintable() else status


def _say(error: ConnectionClosed) -> str:
    received = error.rcvd
    if received is None:
        return "the connection broke"
    return received.reason or f"the server closed the connection ({received.code})"
