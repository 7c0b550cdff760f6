"""Authentications: by which means users prove who they are, and the check of a token.

Secrets are stored hashed, shown never: values that leave this package carry the hash only inside
`UserAuthentication.secret`, which is no part of its text form and of no answer of the API. Passwords
come later; their columns exist.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, text, update
from sqlalchemy import delete as delete_from

from orchestra.domain.access import Principal, TokenKind
from orchestra.domain.errors import NotFound
from orchestra.domain.user import AuthenticationType, UserAuthentication
from orchestra.storage import events, schema, sessions, tokens
from orchestra.storage.event_type import EventType
from orchestra.storage.events import Event
from orchestra.storage.paging import LIMIT, Order, Page
from orchestra.storage.rows import Shape
from orchestra.storage.tokens import Token

USE_NOTED_EVERY: Final = timedelta(minutes=1)
"""`last_use_date` is this precise: a write for each request would cost more than the request."""

_TABLE: Final = schema.user_authentication
_USER: Final = schema.user
_RUN: Final = schema.run
_SHAPE: Final = Shape(_TABLE, UserAuthentication, "identifier")
_ONE: Final = _SHAPE.all.where(_TABLE.c.identifier == bindparam("identifier"))
_ORDER: Final = Order(
    {name: _TABLE.c[name] for name in ("creation_date", "description")}, "creation_date", _TABLE.c.identifier
)
_BY_TOKEN: Final = (
    select(_TABLE.c.secret, _TABLE.c.expiration_date, _USER.c.identifier, _USER.c.roles, _USER.c.is_enabled)
    .join(_USER, _USER.c.identifier == _TABLE.c.user)
    .where(_TABLE.c.identifier == bindparam("identifier"), _TABLE.c.type == AuthenticationType.TOKEN)
)
_STILL_VALID: Final = (
    select(
        _TABLE.c.identifier.label("authentication"),
        _TABLE.c.expiration_date,
        _USER.c.identifier,
        _USER.c.roles,
        _USER.c.is_enabled,
    )
    .join(_USER, _USER.c.identifier == _TABLE.c.user)
    .where(
        _TABLE.c.identifier.in_(bindparam("identifiers", expanding=True)),
        _TABLE.c.type == AuthenticationType.TOKEN,
        (_TABLE.c.expiration_date.is_(None)) | (_TABLE.c.expiration_date > bindparam("now")),
    )
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
    actor: str | None = None,
) -> tuple[UserAuthentication, str]:
    """Create a token for `user`; return its authentication and its text, which can never be read again.

    `identifier` is a new UUID, `secret` is `tokens.SECRET_BYTES` random bytes. Raises NotFound for an unknown user.
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
        creation_date=now,
        update_date=now,
    )
    connection.execute(insert(_TABLE), _SHAPE.values(authentication))
    _happened(connection, EventType.AUTHENTICATION_CREATED, authentication, now, actor)
    return authentication, tokens.make(kind, identifier, secret)


def delete(connection: Connection, user: str, identifier: str, now: datetime, *, actor: str | None = None) -> None:
    """Delete an authentication of `user`: it is invalid from the commit on. Raises NotFound."""
    before = get(connection, identifier)
    if before is None or before.user != user:
        raise NotFound(f"the user {user} has no authentication {identifier}")
    connection.execute(delete_from(_TABLE).where(_TABLE.c.identifier == identifier))
    _happened(connection, EventType.AUTHENTICATION_DELETED, before, now, actor)


def authenticate(connection: Connection, text_: str, now: datetime) -> Principal | None:
    """Return who shows this token, None when it is no token, unknown, wrong or expired.

    Tokens of users and workers (the letters only say for whom one was made: rights come from roles), of
    the website's sessions, and of runs, which speak while their run is assigned or running. A disabled
    user is returned as such: `Principal.can` knows what is left.
    """
    token = tokens.parse(text_)
    if token is None:
        return None
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
        rows = connection.execute(_STILL_VALID, {"identifiers": asked[start : start + _ASKED_AT_ONCE], "now": now})
        for row in rows:
            found[row.authentication] = Principal(
                user=row.identifier,
                roles=row.roles,
                is_enabled=row.is_enabled,
                authentication=row.authentication,
                expiration_date=row.expiration_date,
            )
    return found


def used(connection: Connection, identifier: str, now: datetime) -> bool:
    """Note that an authentication was used; True if that was written (at most once in `USE_NOTED_EVERY`)."""
    values = {"of": identifier, "before": now - USE_NOTED_EVERY, "now": now}
    return connection.execute(_USED, values).rowcount == 1


def _user(connection: Connection, token: Token, now: datetime) -> Principal | None:
    row = connection.execute(_BY_TOKEN, {"identifier": token.identifier}).first()
    if row is None or not tokens.is_secret(token, row.secret):
        return None
    if row.expiration_date is not None and row.expiration_date <= now:
        return None
    return Principal(
        user=row.identifier,
        roles=row.roles,
        is_enabled=row.is_enabled,
        kind=token.kind,
        authentication=token.identifier,
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
    connection: Connection, type_: EventType, authentication: UserAuthentication, now: datetime, actor: str | None
) -> None:
    data = {"authentication": authentication.identifier, "description": authentication.description}
    events.append(connection, Event(date=now, type=type_, user=authentication.user, actor=actor, data=data))
