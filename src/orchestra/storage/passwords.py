"""Passwords as they are stored: hashed with a salt of their own, the parameters beside them.

    hash_function  hash_function_parameters                                    made by
    argon2id       time_cost, memory_cost (KiB), parallelism, hash_len,        Orchestra (RFC 9106)
                   version (19)
    pbkdf2         hash_name, iterations                                       Job Orchestra (RFC 8018); verified only

`hash_function_salt` and `secret` are hexadecimal. A record says by itself how it is verified, so the
defaults may rise: `is_current` tells which records are to be made anew while the password is known.
Parameters come from the database, which somebody else may have filled: outside the bounds a record
is not usable, as if it did not exist.

Rules: hashing takes a tenth of a second and 64 MiB, so it belongs on threads of its own, never on the
event loop and never inside a write. Argon2 and OpenSSL release the interpreter's lock meanwhile.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw

ARGON2: Final = "argon2id"
PBKDF2: Final = "pbkdf2"
SALT_BYTES: Final = 16
TAG_BYTES: Final = 32

DEFAULTS: Final[dict[str, Any]] = {
    "time_cost": 2,
    "memory_cost": 65_536,
    "parallelism": 1,
    "hash_len": TAG_BYTES,
    "version": 19,
}
"""140 ms and 64 MiB for each guess, above OWASP's floor of 19 MiB with 2 passes (measured 2026-11)."""

_COST_LOWEST: Final = 36_864
"""Passes × KiB: each of OWASP's equivalent settings (12 MiB × 3, 19 MiB × 2, 46 MiB × 1) reaches it."""
_RANGES: Final = {"time_cost": (1, 10), "memory_cost": (12_288, 1 << 20), "parallelism": (1, 16), "hash_len": (16, 64)}
_ITERATIONS: Final = {"sha256": (600_000, 10_000_000), "sha512": (210_000, 10_000_000)}
"""OWASP's floors; the top is ten times what Job Orchestra uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """A password as stored: the four fields of its record."""

    hash_function: str
    hash_function_parameters: dict[str, Any] = field(default_factory=dict)
    hash_function_salt: str | None
    secret: str = field(repr=False)


Compute = Callable[[bytes, Hashed], bytes]
"""The hash of a password by the function, the parameters and the salt of a usable record: one computation."""


def compute(password: bytes, record: Hashed) -> bytes:
    """Return the hash of `password` as `record`, which must be usable, says it is made. Blocks for long."""
    salt, given = bytes.fromhex(record.hash_function_salt or ""), record.hash_function_parameters
    if record.hash_function == PBKDF2:
        return hashlib.pbkdf2_hmac(given["hash_name"], password, salt, given["iterations"])
    return hash_secret_raw(
        password,
        salt,
        time_cost=given["time_cost"],
        memory_cost=given["memory_cost"],
        parallelism=given["parallelism"],
        hash_len=given["hash_len"],
        type=Type.ID,
    )


def make(password: str, salt: bytes, by: Compute = compute) -> Hashed:
    """Hash a new password with the defaults; `salt` is `SALT_BYTES` random bytes. Blocks for long."""
    blank = Hashed(hash_function=ARGON2, hash_function_parameters=DEFAULTS, hash_function_salt=salt.hex(), secret="")
    return Hashed(
        hash_function=ARGON2,
        hash_function_parameters=DEFAULTS,
        hash_function_salt=salt.hex(),
        secret=by(password.encode(), blank).hex(),
    )


def is_right(password: str, record: Hashed | None, *, with_pbkdf2: bool, by: Compute = compute) -> bool:
    """Tell whether `password` is the one of `record`; None stands for a user or a password that there is not.

    A refusal always costs the same work, whatever was wrong: Argon2 once, and PBKDF2 once where
    `with_pbkdf2` tells that some user's record needs it. So time does not tell who exists (S-01).
    Blocks for long.
    """
    stored = record if record is not None and is_usable(record) else None
    compared = _NOBODY if stored is None else stored
    found = hmac.compare_digest(by(password.encode(), compared).hex().encode(), compared.secret.lower().encode())
    if found and stored is not None:
        return True
    if compared.hash_function == PBKDF2:
        by(password.encode(), _NOBODY)
    elif with_pbkdf2:
        by(password.encode(), _NOBODY_PBKDF2)
    return False


def is_usable(record: Hashed) -> bool:
    """Tell whether a record's parameters are within bounds: strong enough, and not so costly that they do harm."""
    try:
        salt = bytes.fromhex(record.hash_function_salt or "")
        bytes.fromhex(record.secret)
    except ValueError:
        return False
    given = record.hash_function_parameters
    if record.hash_function == PBKDF2:
        lowest, highest = _ITERATIONS.get(str(given.get("hash_name")), (1, 0))
        return bool(salt) and _is_between(given.get("iterations"), lowest, highest)
    if record.hash_function != ARGON2 or given.get("version", 19) != 19:
        return False
    return (
        8 <= len(salt) <= 64
        and all(_is_between(given.get(name), *bounds) for name, bounds in _RANGES.items())
        and given["time_cost"] * given["memory_cost"] >= _COST_LOWEST
    )


def is_current(record: Hashed) -> bool:
    """Tell whether a record is as strong as a new one would be."""
    given = record.hash_function_parameters
    names = ("time_cost", "memory_cost", "hash_len")
    return record.hash_function == ARGON2 and all(given.get(name, 0) >= DEFAULTS[name] for name in names)


def _is_between(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


_NOBODY: Final = Hashed(
    hash_function=ARGON2,
    hash_function_parameters=DEFAULTS,
    hash_function_salt=bytes(SALT_BYTES).hex(),
    secret=bytes(TAG_BYTES).hex(),
)
"""What is computed for users that do not exist; no password is known to give this hash, and it would not help."""
_NOBODY_PBKDF2: Final = Hashed(
    hash_function=PBKDF2,
    hash_function_parameters={"hash_name": "sha256", "iterations": 1_000_000},
    hash_function_salt=bytes(SALT_BYTES).hex(),
    secret=bytes(TAG_BYTES).hex(),
)
