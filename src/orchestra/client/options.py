"""How a client reaches its server: certificates, proxies, limits of time, and what it says of itself."""

import os
import platform
import ssl
from pathlib import Path
from typing import Any, Final, TypedDict
from urllib.request import getproxies

import certifi
import httpx

from orchestra import __version__
from orchestra.client.credentials import authorization

TIMEOUT_S: Final = 30.0
RETRIES: Final = 4
"""About 1.5 seconds of attempts: longer than a hiccup, shorter than the patience of who mistyped the address."""
PATIENCE_S: Final = 300.0
"""How long who follows bears a server that does not answer: an upgrade of it takes less."""

CONNECT_TIMEOUT_S: Final = 10.0
QUIET_S: Final = 45.0
"""A stream says at least every 15 s that it lives; three times nothing means that nobody is there."""
ALIVE_S: Final = 15.0

KEEPALIVE_S: Final = 3.0
"""Shorter than the 5 s after which the server closes an idle connection, so that no request meets its closing."""

Verify = bool | str | Path | ssl.SSLContext


class ConnectionOptions(TypedDict, total=False):
    """What `Client` takes beside server and token."""

    timeout_s: float
    retries: int
    patience_s: float
    verify: Verify
    proxy: str | None


def http_options(
    server: str, token: str | None, *, timeout_s: float, verify: Verify, proxy: str | None
) -> dict[str, Any]:
    """The arguments of `httpx.Client` and `httpx.AsyncClient`."""
    headers = {"User-Agent": f"orchestra-client/{__version__} python/{platform.python_version()}"}
    if token is not None:
        headers["Authorization"] = authorization(token)
    return {
        "base_url": server + "/api/v1",
        "headers": headers,
        "timeout": httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        "verify": _context(verify) if _needs_tls(server, proxy) else False,
        "proxy": proxy,
        "limits": httpx.Limits(keepalive_expiry=KEEPALIVE_S),
    }


def _needs_tls(server: str, proxy: str | None) -> bool:
    """Loading the authorities' certificates takes longer than most requests: only where one is checked."""
    return any(one.startswith("https:") for one in (server, proxy or "", *getproxies().values()))


def _context(verify: Verify) -> ssl.SSLContext | bool:
    match verify:
        case True:
            # The machine's authorities, where an organisation puts its own, and those that httpx brings along, for
            # small containers have none.
            context = ssl.create_default_context()
            context.load_verify_locations(certifi.where())
            return context
        case False | ssl.SSLContext():
            return verify
        case _:
            place = Path(verify)
            # Instead of the usual authorities, not beside them: who names one means that one.
            if place.is_dir():
                return ssl.create_default_context(capath=os.fspath(place))
            return ssl.create_default_context(cafile=os.fspath(place))


def stream_timeout(quiet_s: float = QUIET_S) -> httpx.Timeout:
    """Limits of a stream that speaks at least every `ALIVE_S` seconds."""
    return httpx.Timeout(CONNECT_TIMEOUT_S, read=quiet_s)
