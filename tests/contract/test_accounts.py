"""Passwords, links, limits and ends of tokens, and the sessions of a user, as they are stored."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from orchestra.domain.access import Permission, TokenKind
from orchestra.domain.errors import Conflict, InvalidContent, NotFound
from orchestra.domain.user import AuthenticationType, UserAuthentication
from orchestra.storage import (
    authentications,
    codes,
    events,
    password_records,
    passwords,
    sessions,
    tokens,
    users,
    workers,
)
from orchestra.storage.codes import LINKS, Purpose
from orchestra.storage.passwords import Hashed
from orchestra.storage.sessions import End
from orchestra.storage.workers import Connecting
from support.stored import T0, a_user, at

SECRET = bytes(range(32))
FIRST = "0195a1b2-0000-7000-8000-000000000001"
SECOND = "0195a1b2-0000-7000-8000-000000000002"
THIRD = "0195a1b2-0000-7000-8000-000000000003"
DAY = 86_400.0
ANCESTORS = "0f" * 32

SOME = Hashed(
    hash_function="argon2id",
    hash_function_parameters={"time_cost": 2, "memory_cost": 65_536},
    hash_function_salt="00ff",
    secret="ab",
)
OTHER = replace(SOME, hash_function_salt="11ee", secret="cd")
OLD = Hashed(
    hash_function="pbkdf2",
    hash_function_parameters={"hash_name": "sha256", "iterations": 1_000_000},
    hash_function_salt="22dd",
    secret="ef",
)


@pytest.fixture(autouse=True)
def _ada(connection: Connection) -> None:
    users.save(connection, a_user(roles=("Operator",)), T0)


def told(connection: Connection) -> list[tuple[str, str | None, str | None]]:
    return [(one.type.value, one.user, one.actor) for one in events.after(connection, 0)]


def test_a_user_has_one_password_and_a_new_one_takes_its_place(connection: Connection) -> None:
    assert password_records.find(connection, "ada") is None
    first = password_records.save(connection, "ada", FIRST, SOME, at(1), actor="root")
    authentications.change(connection, replace(first, expiration_date=at(9)), at(2))
    second = password_records.save(connection, "ada", SECOND, OTHER, at(3), actor="ada")
    assert second.identifier == FIRST
    assert (second.creation_date, second.update_date, second.expiration_date) == (at(1), at(3), None)
    assert password_records.find(connection, "ada") == second == authentications.get(connection, FIRST)
    assert password_records.hashed(second) == OTHER
    assert password_records.hashed(None) is None
    assert authentications.page(connection, "ada").items == (second,)
    assert told(connection)[1:] == [
        ("authentication.password_set", "ada", "root"),
        ("authentication.updated", "ada", None),
        ("authentication.password_set", "ada", "ada"),
    ]


def test_a_password_is_no_token(connection: Connection) -> None:
    record = replace(SOME, hash_function="sha256", secret=tokens.digest(SECRET))
    password_records.save(connection, "ada", FIRST, record, at(1))
    assert authentications.authenticate(connection, tokens.make(TokenKind.USER, FIRST, SECRET), at(2)) is None
    assert authentications.authenticate(connection, SECRET.hex(), at(2), "ada") is None
    assert authentications.valid(connection, [FIRST], at(2)) == {}
    assert authentications.count_tokens(connection, "ada") == 0


def test_a_password_goes_with_its_user(connection: Connection) -> None:
    password_records.save(connection, "ada", FIRST, SOME, at(1))
    users.delete(connection, "ada", at(2))
    assert password_records.find(connection, "ada") is None


def test_a_rehash_loses_against_a_new_password(connection: Connection) -> None:
    before = password_records.save(connection, "ada", FIRST, OLD, at(1))
    assert password_records.has_pbkdf2(connection)
    assert password_records.rehash(connection, before, SOME, at(2))
    assert not password_records.has_pbkdf2(connection)
    stored = password_records.find(connection, "ada")
    assert stored is not None
    assert password_records.hashed(stored) == SOME
    assert (stored.creation_date, stored.update_date) == (at(1), at(2))
    password_records.save(connection, "ada", FIRST, OTHER, at(3))
    assert not password_records.rehash(connection, stored, OLD, at(4))
    assert password_records.hashed(password_records.find(connection, "ada")) == OTHER


def test_no_event_of_a_password_holds_what_is_stored_of_it(connection: Connection) -> None:
    record = replace(SOME, secret="5ec2e7" * 5, hash_function_salt="5a17" * 8)
    password_records.save(connection, "ada", FIRST, record, at(1), actor="ada")
    shown = repr(events.after(connection, 0)) + repr(password_records.find(connection, "ada")) + repr(record)
    assert record.secret not in shown
    assert "5a17" * 8 not in repr(events.after(connection, 0))


def test_a_link_buys_one_password_and_a_newer_one_voids_it(connection: Connection) -> None:
    first, text = codes.create_link(connection, "ada", SECRET, T0, purpose=Purpose.INVITATION, actor="root")
    assert (first.user, first.expiration_date) == ("ada", at(3 * DAY))
    assert codes.find(connection, text, LINKS, at(1)) == first
    assert codes.find(connection, text, (Purpose.SIGN_IN,), at(1)) is None
    second, newer = codes.create_link(connection, "ada", bytes(32), at(2), purpose=Purpose.RESET)
    assert second.expiration_date == at(2 + 3600)
    assert codes.find(connection, text, LINKS, at(3)) is None
    assert codes.redeem(connection, newer, LINKS, at(3)) == second
    assert codes.redeem(connection, newer, LINKS, at(3)) is None
    assert told(connection)[1:] == [
        ("authentication.link_created", "ada", "root"),
        ("authentication.link_created", "ada", None),
    ]
    assert text not in repr(events.after(connection, 0))


def test_a_password_voids_the_links_and_leaves_the_sign_in_code(connection: Connection) -> None:
    _, link = codes.create_link(connection, "ada", SECRET, T0, purpose=Purpose.RESET)
    _, code = codes.create(connection, "ada", bytes(32), T0)
    password_records.save(connection, "ada", FIRST, SOME, at(1))
    assert codes.find(connection, link, LINKS, at(2)) is None
    assert codes.find(connection, code, (Purpose.SIGN_IN,), at(2)) is not None


def a_token(connection: Connection, **values: object) -> str:
    return authentications.create_token(connection, "ada", FIRST, SECRET, T0, **values)[1]  # type: ignore[arg-type]


def test_s15_a_limited_token_may_what_its_owner_and_its_limit_both_give(connection: Connection) -> None:
    text = a_token(connection, roles=("Viewer@web",))
    for principal in (
        authentications.authenticate(connection, text, at(1)),
        authentications.valid(connection, [FIRST], at(1))[FIRST],
    ):
        assert principal is not None
        assert principal.limit == ("Viewer@web",)
        assert principal.can(Permission.RUN_READ, "web")
        assert not principal.can(Permission.RUN_READ, "api")
        assert not principal.can(Permission.JOB_TRIGGER, "web")
    users.save(connection, a_user(roles=("Operator@api",)), at(2))
    later = authentications.authenticate(connection, text, at(3))
    assert later is not None
    assert not later.can(Permission.RUN_READ, "web"), "what the owner lost, the token lost"


def test_an_empty_limit_is_not_the_same_as_none(connection: Connection) -> None:
    text = a_token(connection, roles=())
    principal = authentications.authenticate(connection, text, at(1))
    assert principal is not None
    assert principal.limit == ()
    stored = authentications.get(connection, FIRST)
    assert stored is not None
    assert stored.roles == ()


def test_a_token_that_expires_and_nobody_used_for_ninety_days_is_invalid(connection: Connection) -> None:
    text = a_token(connection, expiration_date=at(366 * DAY))
    assert authentications.authenticate(connection, text, at(90 * DAY - 1)) is not None
    assert authentications.authenticate(connection, text, at(90 * DAY)) is None
    assert authentications.valid(connection, [FIRST], at(90 * DAY)) == {}
    authentications.used(connection, FIRST, at(80 * DAY))
    assert authentications.authenticate(connection, text, at(170 * DAY - 1)) is not None
    assert authentications.authenticate(connection, text, at(170 * DAY)) is None


def test_a_token_without_a_date_may_rest_for_years(connection: Connection) -> None:
    text = a_token(connection)
    assert authentications.authenticate(connection, text, at(3000 * DAY)) is not None


def an_ancestors_token(connection: Connection, **values: object) -> UserAuthentication:
    made = UserAuthentication(
        identifier=FIRST,
        user="ada",
        type=AuthenticationType.TOKEN,
        hash_function="sha256",
        secret=hashlib.sha256(bytes.fromhex(ANCESTORS)).hexdigest(),
        creation_date=T0,
        update_date=T0,
    )
    made = replace(made, **values)  # type: ignore[arg-type]
    authentications.save(connection, made)
    return made


def test_an_ancestors_token_speaks_only_beside_its_users_name(connection: Connection) -> None:
    an_ancestors_token(connection, expiration_date=at(60), roles=("Viewer",))
    users.save(connection, a_user("bob"), T0)
    for user, expected in (("ada", "ada"), ("bob", None), ("nobody", None), ("", None), (None, None)):
        found = authentications.authenticate(connection, ANCESTORS, at(1), user)
        assert (None if found is None else found.user) == expected, user
    assert authentications.authenticate(connection, ANCESTORS.upper(), at(1), "ada") is not None
    for wrong in ("0e" * 32, ANCESTORS[:-2], ANCESTORS + "00", "xy" * 32, ""):
        assert authentications.authenticate(connection, wrong, at(1), "ada") is None
    assert authentications.authenticate(connection, ANCESTORS, at(60), "ada") is None


def test_an_authentication_is_changed_and_says_what_was(connection: Connection) -> None:
    a_token(connection, description="laptop")
    before = authentications.get(connection, FIRST)
    assert before is not None
    assert authentications.change(connection, before, at(5)) == before
    authentications.used(connection, FIRST, at(6))
    changed = authentications.change(connection, replace(before, description="new", expiration_date=at(9)), at(7))
    assert (changed.description, changed.expiration_date, changed.update_date) == ("new", at(9), at(7))
    assert (changed.creation_date, changed.last_use_date) == (T0, at(6))
    (one,) = (one for one in events.after(connection, 0) if one.type.value == "authentication.updated")
    assert one.data["changed"] == ["description", "expiration_date"]
    with pytest.raises(NotFound):
        authentications.change(connection, replace(before, identifier=SECOND), at(8))


def test_sessions_are_listed_while_they_last_and_their_ends_are_told(connection: Connection) -> None:
    for number, identifier in enumerate((FIRST, SECOND, THIRD)):
        made, _ = sessions.create(
            connection, "ada", identifier, SECRET, SECRET, now=at(number), client=f"browser {number}", how="password"
        )
        assert made.authentication_date == made.creation_date
    sessions.used(connection, FIRST, at(7200))

    def listed(now: float, **values: object) -> list[str]:
        return [one.identifier for one in sessions.page(connection, "ada", at(now), **values).items]  # type: ignore[arg-type]

    assert listed(7201) == [FIRST, THIRD, SECOND]
    assert listed(7201, order="creation_date", limit=2) == [FIRST, SECOND]
    assert listed(7201, idle=timedelta(hours=1)) == [FIRST]
    assert listed(8 * DAY) == []
    page = sessions.page(connection, "ada", at(7201), limit=2)
    rest = sessions.page(connection, "ada", at(7201), cursor=page.next_cursor, limit=2)
    assert [one.client for one in rest.items] == ["browser 1"]
    with pytest.raises(InvalidContent):
        sessions.page(connection, "ada", at(7201), order="secret")
    sessions.authenticated(connection, FIRST, at(7300))
    found = next(one for one in sessions.of_user(connection, "ada") if one.identifier == FIRST)
    assert found.authentication_date == at(7300)
    sessions.end_all(connection, "ada", at(7400), reason=End.USER_DISABLED, but=FIRST, actor="root")
    assert sessions.end_all(connection, "ada", at(7400), reason=End.USER_DISABLED, but=FIRST) == 0
    ended = events.after(connection, 0)[-1]
    assert (ended.type.value, ended.user, ended.actor) == ("session.ended", "ada", "root")
    assert ended.data == {"sessions": [SECOND, THIRD], "reason": "user_disabled"}
    begun = next(one for one in events.after(connection, 0) if one.type.value == "session.created")
    assert begun.data == {"session": FIRST, "how": "password", "client": "browser 0"}


def test_the_recorded_parameters_decide_how_a_password_is_verified() -> None:
    made = passwords.make("right one", bytes(16))
    assert passwords.is_usable(made)
    assert passwords.is_current(made)
    lighter = replace(made, hash_function_parameters={**passwords.DEFAULTS, "memory_cost": 19_456})
    lighter = replace(lighter, secret=passwords.compute(b"right one", lighter).hex())
    assert passwords.is_right("right one", lighter, with_pbkdf2=False)
    assert not passwords.is_right("wrong one", lighter, with_pbkdf2=False)
    assert not passwords.is_current(lighter)
    salt = b"salt of the ancestor"
    secret = hashlib.pbkdf2_hmac("sha256", b"right one", salt, 600_000).hex()
    parameters = {"hash_name": "sha256", "iterations": 600_000}
    old = replace(OLD, hash_function_parameters=parameters, hash_function_salt=salt.hex(), secret=secret)
    assert passwords.is_right("right one", old, with_pbkdf2=True)
    assert not passwords.is_right("Right one", old, with_pbkdf2=True)
    assert not passwords.is_current(old)


@pytest.mark.parametrize(
    ("function", "parameters", "salt"),
    [
        ("argon2id", {**passwords.DEFAULTS, "memory_cost": (1 << 20) + 1}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "time_cost": 11}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "time_cost": 0}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "memory_cost": 12_288, "time_cost": 2}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "parallelism": 1000}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "hash_len": 1 << 30}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "time_cost": True}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "time_cost": "2"}, "00" * 16),
        ("argon2id", {**passwords.DEFAULTS, "version": 16}, "00" * 16),
        ("argon2id", {}, "00" * 16),
        ("argon2id", passwords.DEFAULTS, "00" * 7),
        ("argon2id", passwords.DEFAULTS, "00" * 65),
        ("argon2id", passwords.DEFAULTS, "no"),
        ("argon2id", passwords.DEFAULTS, None),
        ("argon2i", passwords.DEFAULTS, "00" * 16),
        ("pbkdf2", {"hash_name": "sha256", "iterations": 1000}, "00" * 16),
        ("pbkdf2", {"hash_name": "sha256", "iterations": 10_000_001}, "00" * 16),
        ("pbkdf2", {"hash_name": "md5", "iterations": 1_000_000}, "00" * 16),
        ("pbkdf2", {"iterations": 1_000_000}, "00" * 16),
        ("pbkdf2", {"hash_name": "sha256", "iterations": 1_000_000}, ""),
        ("sha256", {}, None),
    ],
)
def test_parameters_out_of_bounds_make_a_record_unusable(
    function: str, parameters: dict[str, object], salt: str | None
) -> None:
    record = Hashed(
        hash_function=function, hash_function_parameters=parameters, hash_function_salt=salt, secret="00" * 32
    )
    assert not passwords.is_usable(record)


def test_whoever_owns_many_workers_is_told_some_of_them(connection: Connection) -> None:
    for number in range(12):
        hello = Connecting(
            worker=f"w{number:02}", version="1", protocol=1, concurrency=1, installation=str(number), boot="1"
        )
        workers.connect(connection, hello, "ada", T0)
    with pytest.raises(Conflict, match=r"workers w00, w01, .*w09 and 2 more; .*disable"):
        users.delete(connection, "ada", at(1))
