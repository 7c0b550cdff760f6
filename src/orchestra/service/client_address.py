"""Whose request a proxy passes on: the address that throttles and sessions are about.

    browser ──► proxy (trusted) ──► us        X-Forwarded-For: what the browser claims, what the proxy saw
                                              └─ read from the right ─┘

A proxy appends the address that it saw, so from the right every entry is true up to the first one that
no trusted proxy wrote; that is the client. Without this all who come through one proxy would be one
place, and whoever fails there would hold up everybody else. From an address that is not trusted the
header means nothing.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HEADER: Final = b"x-forwarded-for"


def networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas. Raises ValueError."""
    return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())


def client_of(scope: Any, trusted: tuple[Network, ...]) -> tuple[str, int] | None:
    """Return what the ASGI scope's `client` is, seen through trusted proxies."""
    direct: tuple[str, int] | None = scope.get("client")
    if direct is None or not _is_among(direct[0], trusted):
        return direct
    client = direct[0]
    for hop in reversed(_hops(scope["headers"])):
        if not _is_address(hop):
            break
        client = hop
        if not _is_among(hop, trusted):
            break
    return direct if client == direct[0] else (client, 0)


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    found = [value.decode("latin-1") for name, value in headers if name == HEADER]
    return [one.strip() for one in ",".join(found).split(",")] if found else []


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_among(text: str, trusted: tuple[Network, ...]) -> bool:
    return _is_address(text) and any(ipaddress.ip_address(text) in one for one in trusted)
