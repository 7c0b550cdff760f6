"""Tokens: their text, and what of it is stored.

    orcu_ 22 characters     _ 43 characters    6 characters          all base62 (0-9 A-Z a-z)
    kind  identifier (128 bit)  secret (256 bit) CRC-32 of all before

The checksum lets a typing error and a search tool for leaked secrets decide without a database. Of
the secret only SHA-256 is stored: 256 random bits need no slow hash. What is looked up is the
identifier; what is compared, in constant time, is the hash.
"""

import binascii
import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass, field
from typing import Final

from orchestra.domain.access import TokenKind

SECRET_BYTES: Final = 32
"""How many random bytes a token takes."""
HASH_FUNCTION: Final = "sha256"

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_IDENTIFIER_LENGTH: Final = 22
_SECRET_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6
_FORMAT: Final = re.compile(r"orc([uswer])_([0-9A-Za-z]{22})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)

_CODE: Final = re.compile(r"[0-9A-Za-z]{43}", re.ASCII)
_ANCESTOR: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A well-formed token; `identifier` (a UUID) is whose secret it claims to know."""

    kind: TokenKind
    identifier: str
    secret: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """What is stored of the secret."""
        return digest(self.secret)


def make(kind: TokenKind, identifier: str, secret: bytes) -> str:
    """Return the text of a token for `identifier` (a UUID) with `SECRET_BYTES` random bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a token takes {SECRET_BYTES} random bytes, got {len(secret)}")
    name = _encode(uuid.UUID(identifier).int, _IDENTIFIER_LENGTH)
    body = f"orc{kind}_{name}_{_encode(int.from_bytes(secret, 'big'), _SECRET_LENGTH)}"
    return body + _checksum(body)


def parse(text: str) -> Token | None:
    """Return what a token says, None for anything that is none: wrong form, wrong checksum."""
    found = _FORMAT.fullmatch(text)
    if found is None or not hmac.compare_digest(found[4].encode(), _checksum(text[:-_CHECKSUM_LENGTH]).encode()):
        return None
    identifier, secret = _decode(found[2]), _decode(found[3])
    if identifier >> 128 or secret >> 8 * SECRET_BYTES:
        return None
    return Token(
        kind=TokenKind(found[1]),
        identifier=str(uuid.UUID(int=identifier)),
        secret=secret.to_bytes(SECRET_BYTES, "big"),
    )


def digest(secret: bytes) -> str:
    """Return what is stored of a secret: SHA-256, hexadecimal."""
    return hashlib.sha256(secret).hexdigest()


def is_secret(token: Token, stored: str) -> bool:
    """Tell, in constant time, whether the token knows the secret whose digest is stored."""
    return hmac.compare_digest(token.digest.encode(), stored.encode())


def code(secret: bytes) -> str:
    """Return random bytes as text that people can carry in an address: base62."""
    return _encode(int.from_bytes(secret, "big"), _SECRET_LENGTH)


def code_secret(text: str) -> bytes | None:
    """Return the bytes that `code` made text of, None for anything else."""
    if _CODE.fullmatch(text) is None:
        return None
    secret = _decode(text)
    return None if secret >> 8 * SECRET_BYTES else secret.to_bytes(SECRET_BYTES, "big")


def ancestor_secret(text: str) -> bytes | None:
    """Return the secret of a token of Job Orchestra, 64 hexadecimal digits; None for anything else.

    It names nobody, so it is worth something only beside its user's name.
    """
    return bytes.fromhex(text) if _ANCESTOR.fullmatch(text) else None


def _checksum(body: str) -> str:
    return _encode(binascii.crc32(body.encode()), _CHECKSUM_LENGTH)


def _encode(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _decode(text: str) -> int:
    value = 0
    for digit in text:
        value = value * 62 + _VALUES[digit]
    return value
