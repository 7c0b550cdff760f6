"""Authentications: by which means users prove who they are, and the check of a token.

Secrets are stored hashed, shown never: values that leave this package carry the hash only inside
`UserAuthentication.secret`, which is no part of its text form and of no answer of the API. Passwords
are rows of the same table (`password_records`).

A token is invalid from its expiration date on, and when one that expires was not used for `UNUSED`:
nobody misses it, and nobody would notice that it was stolen.
"""

import hmac
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, func, insert, select, text, update
from sqlalchemy import delete as delete_from

from orchestra.domain.access import Principal, TokenKind
from orchestra.domain.errors import NotFound
from orchestra.domain.user import AuthenticationType, UserAuthentication
from orchestra.storage import events, schema, sessions, tokens
from orchestra.storage.columns import date_text
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import LIMIT, Order, Page
from orchestra.storage.rows import Shape
from orchestra.storage.tokens import Token

USE_NOTED_EVERY: Final = timedelta(minutes=1)
"""`last_use_date` is this precise: a write for each request would cost more than the request."""
UNUSED: Final = timedelta(days=90)
"""A token with an expiration date that nobody used for so long is invalid before that date."""

_TABLE: Final = schema.user_authentication
_USER: Final = schema.user
_RUN: Final = schema.run
_SHAPE: Final = Shape(_TABLE, UserAuthentication, "identifier")
_ONE: Final = _SHAPE.all.where(_TABLE.c.identifier == bindparam("identifier"))
_ORDER: Final = Order(
    {name: _TABLE.c[name] for name in ("creation_date", "description")}, "creation_date", _TABLE.c.identifier
)
_HOLDERS: Final = (
    select(
        _TABLE.c.identifier.label("authentication"),
        _TABLE.c.secret,
        _TABLE.c.expiration_date,
        _TABLE.c.last_use_date,
        _TABLE.c.creation_date,
        _TABLE.c.roles.label("limit"),
        _USER.c.identifier,
        _USER.c.roles,
        _USER.c.is_enabled,
    )
    .join(_USER, _USER.c.identifier == _TABLE.c.user)
    .where(_TABLE.c.type == AuthenticationType.TOKEN)
)
"""Tokens with their users."""
_BY_TOKEN: Final = _HOLDERS.where(_TABLE.c.identifier == bindparam("identifier"))
_BY_TOKENS: Final = _HOLDERS.where(_TABLE.c.identifier.in_(bindparam("identifiers", expanding=True)))
_OF_NAME: Final = _HOLDERS.where(_TABLE.c.user == bindparam("user"), _TABLE.c.hash_function == tokens.HASH_FUNCTION)
_COUNT: Final = (
    select(func.count())
    .select_from(_TABLE)
    .where(_TABLE.c.user == bindparam("user"), _TABLE.c.type == AuthenticationType.TOKEN)
)
_ASKED_AT_ONCE: Final = 500
_USER_OF: Final = select(_USER.c.identifier, _USER.c.roles, _USER.c.is_enabled).where(
    _USER.c.identifier == bindparam("identifier")
)
_BY_RUN: Final = select(_RUN.c.token_hash, _RUN.c.project).where(
    _RUN.c.identifier == bindparam("identifier"), text(f"run.{schema.IS_ACTIVE}")
)
_USED: Final = (
    update(_TABLE)
    .where(
        _TABLE.c.identifier == bindparam("of"),
        (_TABLE.c.last_use_date.is_(None)) | (_TABLE.c.last_use_date < bindparam("before")),
    )
    .values(last_use_date=bindparam("now"))
)


def get(connection: Connection, identifier: str) -> UserAuthentication | None:
    """Return the authentication, None if there is none."""
    return _SHAPE.one(connection, _ONE, {"identifier": identifier})


def page(
    connection: Connection, user: str, order: str | None = None, cursor: str | None = None, limit: int = LIMIT
) -> Page[UserAuthentication]:
    """Return a part of the list of a user's authentications. Raises InvalidContent for a bad order, cursor or limit."""
    part = _ORDER.slice(order, cursor, limit)
    statement = part.of(_SHAPE.all.where(_TABLE.c.user == user))
    return part.page(_SHAPE.many(connection.execute(statement)))


def save(connection: Connection, authentication: UserAuthentication) -> None:
    """Store an authentication as it is, new or changed; makes no event."""
    if get(connection, authentication.identifier) is None:
        connection.execute(insert(_TABLE), _SHAPE.values(authentication))
    else:
        statement = update(_TABLE).where(_TABLE.c.identifier == authentication.identifier)
        connection.execute(statement, _SHAPE.values(authentication))


def create_token(
    connection: Connection,
    user: str,
    identifier: str,
    secret: bytes,
    now: datetime,
    *,
    kind: TokenKind = TokenKind.USER,
    description: str = "",
    expiration_date: datetime | None = None,
    roles: tuple[str, ...] | None = None,
    actor: str | None = None,
) -> tuple[UserAuthentication, str]:
    """Create a token for `user`; return its authentication and its text, which can never be read again.

    `roles` are what it is limited to, None: nothing. `identifier` is a new UUID, `secret` is
    `tokens.SECRET_BYTES` random bytes. Raises NotFound for an unknown user.
    """
    if connection.execute(select(_USER.c.identifier).where(_USER.c.identifier == user)).first() is None:
        raise NotFound(f"there is no user {user}")
    authentication = UserAuthentication(
        identifier=identifier,
        user=user,
        type=AuthenticationType.TOKEN,
        description=description,
        hash_function=tokens.HASH_FUNCTION,
        secret=tokens.digest(secret),
        expiration_date=expiration_date,
        roles=roles,
        creation_date=now,
        update_date=now,
    )
    connection.execute(insert(_TABLE), _SHAPE.values(authentication))
    _happened(connection, EventType.AUTHENTICATION_CREATED, authentication, now, actor=actor)
    return authentication, tokens.make(kind, identifier, secret)


def count_tokens(connection: Connection, user: str) -> int:
    """Return how many tokens `user` has, expired ones included."""
    return int(connection.execute(_COUNT, {"user": user}).scalar_one())


def change(
    connection: Connection, wanted: UserAuthentication, now: datetime, *, actor: str | None = None
) -> UserAuthentication:
    """Store what was changed of an authentication that exists; writes nothing when nothing differs.

    Dates are not taken from `wanted`, but for `expiration_date`. Raises NotFound.
    """
    before = get(connection, wanted.identifier)
    if before is None:
        raise NotFound(f"there is no authentication {wanted.identifier}")
    after = replace(wanted, last_use_date=before.last_use_date, creation_date=before.creation_date, update_date=now)
    names = [one.name for one in fields(after) if one.name != "update_date"]
    changed = sorted(name for name in names if getattr(before, name) != getattr(after, name))
    if not changed:
        return before
    connection.execute(update(_TABLE).where(_TABLE.c.identifier == after.identifier), _SHAPE.values(after))
    expires = None if after.expiration_date is None else date_text(after.expiration_date)
    facts = {"changed": changed, "expiration_date": expires}
    _happened(connection, EventType.AUTHENTICATION_UPDATED, after, now, actor=actor, facts=facts)
    return after


def delete(connection: Connection, user: str, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Delete an authentication of `user`: it is invalid from the commit on. Raises NotFound."""
    before = get(connection, identifier)
    if before is None or before.user != user:
        raise NotFound(f"the user {user} has no authentication {identifier}")
    connection.execute(delete_from(_TABLE).where(_TABLE.c.identifier == identifier))
    _happened(connection, EventType.AUTHENTICATION_DELETED, before, now, actor=actor)


def authenticate(connection: Connection, text_: str, now: datetime, user: str | None = None) -> Principal | None:
    """Return who shows this token, None when it is no token, unknown, wrong, expired or long unused.

    Tokens of users and workers (the letters only say for whom one was made: rights come from roles), of
    the website's sessions, and of runs, which speak while their run is assigned or running. Beside the
    name of its `user` also a token of Job Orchestra. A disabled user is returned as such:
    `Principal.can` knows what is left.
    """
    token = tokens.parse(text_)
    if token is None:
        return None if user is None else _ancestors(connection, text_, user, now)
    match token.kind:
        case TokenKind.USER | TokenKind.WORKER:
            return _user(connection, token, now)
        case TokenKind.SESSION:
            return _session(connection, text_, now)
        case TokenKind.RUN:
            return _run(connection, token)
        case TokenKind.ENROLMENT:
            return None


def valid(connection: Connection, identifiers: Iterable[str], now: datetime) -> dict[str, Principal]:
    """Return who those of `identifiers` speak for that are still valid tokens, in few queries; for open sessions."""
    found: dict[str, Principal] = {}
    asked = list(identifiers)
    for start in range(0, len(asked), _ASKED_AT_ONCE):
        rows = connection.execute(_BY_TOKENS, {"identifiers": asked[start : start + _ASKED_AT_ONCE]})
        found |= {row.authentication: _speaks(row, TokenKind.USER) for row in rows if not _is_over(row, now)}
    return found


def used(connection: Connection, identifier: str, now: datetime) -> bool:
    """Note that an authentication was used; True if that was written (at most once in `USE_NOTED_EVERY`)."""
    values = {"of": identifier, "before": now - USE_NOTED_EVERY, "now": now}
    return connection.execute(_USED, values).rowcount == 1


def _user(connection: Connection, token: Token, now: datetime) -> Principal | None:
    row = connection.execute(_BY_TOKEN, {"identifier": token.identifier}).first()
    if row is None or not tokens.is_secret(token, row.secret) or _is_over(row, now):
        return None
    return _speaks(row, token.kind)


def _ancestors(connection: Connection, text_: str, user: str, now: datetime) -> Principal | None:
    """Who shows a token of Job Orchestra: all tokens of the user are compared, so time does not tell which fits.

    It is valid until it expires, as it was promised there: how long nobody used it does not count.
    """
    secret = tokens.ancestor_secret(text_)
    if secret is None:
        return None
    digest = tokens.digest(secret).encode()
    rows = connection.execute(_OF_NAME, {"user": user}).all()
    fitting = [row for row in rows if hmac.compare_digest(digest, row.secret.lower().encode())]
    valid_ = (row for row in fitting if row.expiration_date is None or row.expiration_date > now)
    return next((_speaks(row, TokenKind.USER) for row in valid_), None)


def _is_over(row: Row[*tuple[Any, ...]], now: datetime) -> bool:
    if row.expiration_date is None:
        return False
    return bool(row.expiration_date <= now or (row.last_use_date or row.creation_date) + UNUSED <= now)


def _speaks(row: Row[*tuple[Any, ...]], kind: TokenKind) -> Principal:
    return Principal(
        user=row.identifier,
        roles=row.roles,
        limit=row.limit,
        is_enabled=row.is_enabled,
        kind=kind,
        authentication=row.authentication,
        expiration_date=row.expiration_date,
    )


def _session(connection: Connection, text_: str, now: datetime) -> Principal | None:
    session = sessions.find(connection, text_, now)
    if session is None:
        return None
    row = connection.execute(_USER_OF, {"identifier": session.user}).one()
    return Principal(
        user=row.identifier,
        roles=row.roles,
        is_enabled=row.is_enabled,
        kind=TokenKind.SESSION,
        authentication=session.identifier,
        expiration_date=session.expiration_date,
    )


def _run(connection: Connection, token: Token) -> Principal | None:
    row = connection.execute(_BY_RUN, {"identifier": token.identifier}).first()
    if row is None or row.token_hash is None or not tokens.is_secret(token, row.token_hash):
        return None
    # No user has a name with a slash: what a run does is never taken for what a person did.
    return Principal(user=f"run/{token.identifier}", kind=TokenKind.RUN, run=token.identifier, project=row.project)


def _happened(
    connection: Connection,
    type_: EventType,
    authentication: UserAuthentication,
    now: datetime,
    *,
    actor: str | None,
    facts: dict[str, Any] | None = None,
) -> None:
    data = {
        "authentication": authentication.identifier,
        "type": authentication.type,
        "description": authentication.description,
        **(facts or {}),
    }
    events.append(connection, Event(date=now, type=type_, user=authentication.user, actor=actor, data=data))
