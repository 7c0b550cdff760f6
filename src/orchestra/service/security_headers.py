"""The headers that every answer carries, errors and pictures included (website.md names the policy of pages).

Answers of the API are data: no browser may run, frame, sniff or store them. Pages get their own
content security policy with a nonce for styles.
"""

from typing import Final

Pairs = list[tuple[bytes, bytes]]

_EVERYWHERE: Final[Pairs] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]

_DATA_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox")
_NO_STORE: Final = (b"cache-control", b"no-store")
_STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")


def page_policy(nonce: str) -> str:
    """The content security policy of our pages: everything from here, styles also with `nonce`."""
    return (
        "default-src 'self'; script-src 'self'; "
        f"style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


def complete(given: Pairs, *, is_secure: bool) -> Pairs:
    """Return an answer's headers with what is missing; what a route set by itself stays."""
    names = {name.lower() for name, _ in given}
    added = [pair for pair in (*_EVERYWHERE, _DATA_POLICY, _NO_STORE) if pair[0] not in names]
    if is_secure:
        added.append(_STRICT_TRANSPORT)
    return [*given, *added]
