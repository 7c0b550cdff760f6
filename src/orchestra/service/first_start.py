"""The first start: a database without users gets its administrator, so that there is never a default account.

    token made ──► DIR/admin-token (0600, durable) ──► user, token and sign-in code in one transaction

In this order a crash in between leaves a file that the next first start replaces; the other way round
it would leave an administrator whose token nobody has.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from orchestra.domain.access import Role, TokenKind
from orchestra.domain.ids import RANDOM_BITS, uuid7
from orchestra.domain.user import User
from orchestra.service.parts import Clock, Randomness
from orchestra.storage import authentications, codes, tokens, users
from orchestra.storage.database import Database
from orchestra.storage.paging import Asked

ADMINISTRATOR: Final = "admin"
TOKEN_FILE: Final = "admin-token"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """What is shown once: the administrator's token, and the code of the sign-in link `/login?code=…` (15 minutes)."""

    user: str
    token: str = field(repr=False)
    code: str = field(repr=False)


async def first_start(database: Database, data: Path, clock: Clock, random: Randomness) -> FirstStart | None:
    """Create the administrator if there is no user yet, and write the token to `data`/admin-token.

    Returns None on every later start. Raises Unavailable, OSError; then the next start tries again.
    """
    if await database.read(_has_users):
        return None
    now = clock.now()
    bits = int.from_bytes(random.randbytes(10), "big") & (1 << RANDOM_BITS) - 1
    identifier, secret, code = uuid7(now, bits), random.randbytes(tokens.SECRET_BYTES), random.randbytes(32)
    file = data / TOKEN_FILE
    _write_privately(file, tokens.make(TokenKind.USER, identifier, secret))

    def write(connection: Connection) -> FirstStart | None:
        if _has_users(connection):
            return None
        administrator = User(
            identifier=ADMINISTRATOR,
            display_name="Administrator",
            roles=(Role.ADMINISTRATOR,),
            creation_date=now,
            update_date=now,
        )
        users.save(connection, administrator, now)
        _, token = authentications.create_token(
            connection, ADMINISTRATOR, identifier, secret, now, description="Made at the first start"
        )
        _, sign_in = codes.create(connection, ADMINISTRATOR, code, now)
        return FirstStart(user=ADMINISTRATOR, token=token, code=sign_in)

    made = await database.write(write)
    if made is None:
        # Another server on the same database was first: our token is none.
        file.unlink()
    return made


def _has_users(connection: Connection) -> bool:
    return bool(users.page(connection, Asked(limit=1)).items)


def _write_privately(file: Path, text: str) -> None:
    """Write the file whole or not at all, readable by its owner alone from its first byte on, durable at return."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(descriptor)
    draft.replace(file)
