"""What a browser calls itself, in words by which people recognise their own: `Firefox on Linux, 192.0.2.7`.

Nothing depends on it: whoever sends the header may write what they like, so it is cut and cleaned.
"""

import re
from typing import Any, Final

from orchestra.service.authentication import address_of

LENGTH: Final = 120

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""The order matters: Edge also says Chrome, and Chrome also says Safari."""
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}(?:/[0-9.]{1,20})?", re.ASCII)


def client_name(scope: Any) -> str:
    """Return the name of the client of an ASGI scope, and its address."""
    agent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")
    return f"{_browser(agent)}, {address_of(scope)}"[:LENGTH]


def _browser(agent: str) -> str:
    browser = next((name for word, name in _BROWSERS if f"{word}/" in agent), None)
    system = next((name for word, name in _SYSTEMS if word in agent), None)
    if browser is not None:
        return browser if system is None else f"{browser} on {system}"
    product = _PRODUCT.match(agent)
    return "unknown client" if product is None else product[0]
