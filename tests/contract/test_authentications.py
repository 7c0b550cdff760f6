"""Tokens, sessions and codes: only whoever knows the secret gets in, and only while it is valid."""

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from orchestra.domain.access import Permission, TokenKind
from orchestra.domain.errors import NotFound
from orchestra.domain.run import GivenBack, Run, Started
from orchestra.storage import authentications, codes, events, runs, sessions, tokens, users
from orchestra.storage.codes import Purpose
from orchestra.storage.sessions import End
from support.stored import T0, a_user, assignment, at, finished, furnish, insert

SECRET = bytes(range(32))
OTHER = bytes(32)
SIGN_IN = (Purpose.SIGN_IN,)
IDENTIFIER = "0195a1b2-0000-7000-8000-000000000001"
FORMAT = re.compile(r"\borc[uswer]_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}\b")


def a_token(connection: Connection, **values: object) -> str:
    users.save(connection, a_user(roles=("Operator", "Viewer@web")), T0)
    return authentications.create_token(connection, "ada", IDENTIFIER, SECRET, T0, **values)[1]  # type: ignore[arg-type]


def test_a_token_tells_who_its_user_is(connection: Connection) -> None:
    text = a_token(connection, expiration_date=at(60))
    principal = authentications.authenticate(connection, text, at(1))
    assert principal is not None
    assert (principal.user, principal.roles, principal.is_enabled) == ("ada", ("Operator", "Viewer@web"), True)
    assert (principal.kind, principal.authentication) == (TokenKind.USER, IDENTIFIER)
    assert principal.expiration_date == at(60)
    assert principal.can(Permission.JOB_TRIGGER, "web")


def test_a_token_is_invalid_at_the_instant_of_its_expiration(connection: Connection) -> None:
    text = a_token(connection, expiration_date=at(60))
    assert authentications.authenticate(connection, text, at(59.999999)) is not None
    assert authentications.authenticate(connection, text, at(60)) is None


def test_a_wrong_secret_is_nobody(connection: Connection) -> None:
    a_token(connection)
    forged = tokens.make(TokenKind.USER, IDENTIFIER, OTHER)
    assert authentications.authenticate(connection, forged, at(1)) is None


def test_a_token_of_one_kind_is_none_of_another(connection: Connection) -> None:
    a_token(connection)
    for kind in (TokenKind.SESSION, TokenKind.RUN, TokenKind.ENROLMENT):
        text = tokens.make(kind, IDENTIFIER, SECRET)
        assert authentications.authenticate(connection, text, at(1)) is None, kind


@pytest.mark.parametrize(
    "text",
    ["", "zz", "Bearer", "orcu_", "orcu_" + "0" * 22 + "_" + "0" * 49, "orcu_" + "z" * 22 + "_" + "z" * 49, "ä" * 77],
)
def test_what_is_no_token_is_nobody(connection: Connection, text: str) -> None:
    assert authentications.authenticate(connection, text, T0) is None


def test_a_disabled_user_is_told_as_disabled(connection: Connection) -> None:
    text = a_token(connection)
    users.save(connection, a_user(roles=("Administrator",), is_enabled=False), at(1))
    principal = authentications.authenticate(connection, text, at(2))
    assert principal is not None
    assert not principal.is_enabled
    assert not principal.can(Permission.RUN_READ, "web")


def test_a_deleted_token_is_nobody(connection: Connection) -> None:
    text = a_token(connection)
    with pytest.raises(NotFound):
        authentications.delete(connection, "bob", IDENTIFIER, at(1))
    authentications.delete(connection, "ada", IDENTIFIER, at(1), actor="root")
    assert authentications.authenticate(connection, text, at(2)) is None
    told = events.after(connection, 0)[-2:]
    assert [(one.type.value, one.user, one.actor) for one in told] == [
        ("authentication.created", "ada", None),
        ("authentication.deleted", "ada", "root"),
    ]


def test_the_tokens_of_a_deleted_user_are_gone(connection: Connection) -> None:
    text = a_token(connection)
    users.delete(connection, "ada", at(1))
    assert authentications.authenticate(connection, text, at(2)) is None
    assert authentications.get(connection, IDENTIFIER) is None


def test_a_token_for_an_unknown_user_is_refused(connection: Connection) -> None:
    with pytest.raises(NotFound):
        authentications.create_token(connection, "nobody", IDENTIFIER, SECRET, T0)


def test_the_secret_is_stored_hashed_and_shown_nowhere(connection: Connection) -> None:
    text = a_token(connection, description="laptop")
    stored = authentications.get(connection, IDENTIFIER)
    assert stored is not None
    assert stored.secret == hashlib.sha256(SECRET).hexdigest()
    assert (stored.hash_function, stored.description) == ("sha256", "laptop")
    assert authentications.page(connection, "ada").items == (stored,)
    parsed = tokens.parse(text)
    for shown in (repr(stored), repr(parsed), repr(events.after(connection, 0))):
        assert stored.secret not in shown
        assert SECRET.hex() not in shown
        assert repr(SECRET) not in shown
        assert text not in shown


def test_the_last_use_is_noted_to_the_minute(connection: Connection) -> None:
    a_token(connection)
    assert authentications.used(connection, IDENTIFIER, at(1))
    assert not authentications.used(connection, IDENTIFIER, at(60))
    assert authentications.used(connection, IDENTIFIER, at(62))
    stored = authentications.get(connection, IDENTIFIER)
    assert stored is not None
    assert stored.last_use_date == at(62)


def test_an_authentication_may_be_stored_whole(connection: Connection) -> None:
    a_token(connection)
    stored = authentications.get(connection, IDENTIFIER)
    assert stored is not None
    for changed in (
        replace(stored, description="new", hash_function_parameters={"t": 2}, hash_function_salt="00ff"),
        replace(stored, identifier="0195a1b2-0000-7000-8000-000000000002", last_use_date=at(9)),
    ):
        authentications.save(connection, changed)
        assert authentications.get(connection, changed.identifier) == changed


def test_a_runs_token_speaks_while_the_run_is_alive(connection: Connection) -> None:
    furnish(connection)
    run = insert(connection)
    text = tokens.make(TokenKind.RUN, run.identifier, SECRET)
    hashes = {run.identifier: tokens.digest(SECRET)}

    def speaks() -> bool:
        return authentications.authenticate(connection, text, at(9)) is not None

    assert not speaks()
    (won,) = runs.claim(connection, [assignment(run)], at(1), hashes)
    principal = authentications.authenticate(connection, text, at(2))
    assert principal is not None
    assert (principal.run, principal.project, principal.kind) == (run.identifier, "web", TokenKind.RUN)
    assert principal.can(Permission.JOB_TRIGGER, "web")
    assert not principal.can(Permission.JOB_TRIGGER, "api")
    forged = tokens.make(TokenKind.RUN, run.identifier, OTHER)
    assert authentications.authenticate(connection, forged, at(2)) is None
    runs.record(connection, run.identifier, GivenBack(epoch=1, reason="full"), at(3))
    assert not speaks()
    again = runs.claim(connection, [assignment(_now(connection, run))], at(4), hashes)[0]
    runs.record(connection, run.identifier, Started(epoch=2, date=at(5)), at(5))
    assert speaks()
    runs.record(connection, run.identifier, finished(again), at(6))
    assert not speaks()
    assert won.epoch == 1


def _now(connection: Connection, run: Run) -> Run:
    found = runs.get(connection, run.identifier)
    assert found is not None
    return found


def a_session(connection: Connection) -> tuple[sessions.Session, str]:
    users.save(connection, a_user(roles=("Viewer",)), T0)
    return sessions.create(connection, "ada", IDENTIFIER, SECRET, OTHER, now=T0, life=timedelta(days=7))


def test_a_session_signs_its_user_in(connection: Connection) -> None:
    session, text = a_session(connection)
    assert text.startswith("orcs_")
    assert sessions.find(connection, text, at(1)) == session
    principal = authentications.authenticate(connection, text, at(1))
    assert principal is not None
    assert (principal.user, principal.kind, principal.authentication) == ("ada", TokenKind.SESSION, IDENTIFIER)
    assert principal.expiration_date == session.expiration_date
    assert session.csrf not in repr(session)
    assert session.secret not in repr(session)


def test_a_session_ends_when_it_was_idle_or_old(connection: Connection) -> None:
    _, text = a_session(connection)
    day = 86_400.0
    assert sessions.find(connection, text, at(day)) is None, "idle for a day"
    for used in range(1, 14):
        assert sessions.used(connection, IDENTIFIER, at(used * day / 2))
    assert sessions.find(connection, text, at(6.9 * day)) is not None
    assert sessions.find(connection, text, at(7 * day)) is None, "seven days, whatever happens"
    assert authentications.authenticate(connection, text, at(7 * day)) is None


def test_sessions_end_one_by_one_and_all_together(connection: Connection) -> None:
    _, text = a_session(connection)
    other = "0195a1b2-0000-7000-8000-000000000002"
    third = "0195a1b2-0000-7000-8000-000000000003"
    for identifier in (other, third):
        sessions.create(connection, "ada", identifier, OTHER, SECRET, now=at(1))
    assert [one.identifier for one in sessions.of_user(connection, "ada")] == [IDENTIFIER, other, third]
    assert not sessions.end(connection, "bob", third, at(2), reason=End.REVOKED)
    assert sessions.end(connection, "ada", third, at(2), reason=End.REVOKED)
    assert not sessions.end(connection, "ada", third, at(2), reason=End.REVOKED)
    assert sessions.end_all(connection, "ada", at(2), reason=End.PASSWORD_SET, but=IDENTIFIER) == 1
    assert sessions.find(connection, text, at(2)) is not None
    assert sessions.end_all(connection, "ada", at(3), reason=End.SIGNED_OUT) == 1
    assert sessions.find(connection, text, at(2)) is None


def test_a_session_needs_its_own_secret(connection: Connection) -> None:
    a_session(connection)
    assert sessions.find(connection, tokens.make(TokenKind.SESSION, IDENTIFIER, OTHER), at(1)) is None
    assert sessions.find(connection, tokens.make(TokenKind.USER, IDENTIFIER, SECRET), at(1)) is None
    assert sessions.find(connection, "nonsense", at(1)) is None


def test_a_sign_in_code_works_once(connection: Connection) -> None:
    users.save(connection, a_user(), T0)
    code = codes.create(connection, "ada", SECRET, T0)[1]
    assert codes.redeem(connection, tokens.code(OTHER), SIGN_IN, at(1)) is None
    assert codes.redeem(connection, code, codes.LINKS, at(1)) is None, "it buys a session, not a password"
    redeemed = codes.redeem(connection, code, SIGN_IN, at(1))
    assert redeemed is not None
    assert redeemed.user == "ada"
    assert codes.redeem(connection, code, SIGN_IN, at(2)) is None


@pytest.mark.parametrize("text", ["", "x", "z" * 43, "ä" * 43, "0" * 44])
def test_what_is_no_code_is_nobody(connection: Connection, text: str) -> None:
    assert codes.redeem(connection, text, SIGN_IN, T0) is None


def test_a_sign_in_code_expires_after_fifteen_minutes(connection: Connection) -> None:
    users.save(connection, a_user(), T0)
    code = codes.create(connection, "ada", SECRET, T0)[1]
    assert codes.redeem(connection, code, SIGN_IN, at(15 * 60)) is None


def test_what_has_expired_is_purged(connection: Connection) -> None:
    a_session(connection)
    codes.create(connection, "ada", SECRET, T0)[1]
    assert sessions.purge(connection, at(60)) + codes.purge(connection, at(60)) == 0
    assert codes.purge(connection, at(15 * 60)) == 1
    assert sessions.purge(connection, at(86_400)) == 1
    assert sessions.of_user(connection, "ada") == []


@given(st.sampled_from(sorted(TokenKind)), st.uuids(), st.binary(min_size=32, max_size=32))
def test_every_token_has_the_published_form_and_is_read_back(kind: TokenKind, identifier: UUID, secret: bytes) -> None:
    text = tokens.make(kind, str(identifier), secret)
    assert FORMAT.fullmatch(text)
    token = tokens.parse(text)
    assert token is not None
    assert (token.kind, token.identifier, token.secret) == (kind, str(identifier), secret)
    assert tokens.code_secret(tokens.code(secret)) == secret


@given(st.data())
def test_one_wrong_character_is_noticed(data: st.DataObject) -> None:
    text = tokens.make(TokenKind.USER, IDENTIFIER, SECRET)
    place = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from("0Aaz_ ").filter(lambda one: one != text[place]))
    assert tokens.parse(text[:place] + wrong + text[place + 1 :]) is None


@given(st.text() | st.from_regex(r"orc[a-z]_[0-9A-Za-z_]{60,80}", fullmatch=True))
def test_nothing_else_is_a_token_and_nothing_raises(text: str) -> None:
    assert tokens.parse(text) is None
    tokens.code_secret(text)


def test_a_token_takes_exactly_its_random_bytes() -> None:
    with pytest.raises(ValueError, match="32 random bytes, got 31"):
        tokens.make(TokenKind.USER, IDENTIFIER, bytes(31))
