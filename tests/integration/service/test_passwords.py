"""Passwords: setting them, signing in with them, links, and what makes a session prove again who it belongs to."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from integration.service.rig import Rig
from orchestra.domain.password import LONGEST
from orchestra.domain.user import AuthenticationType, UserAuthentication
from orchestra.storage import authentications, password_records, tokens

ME = "/api/v1/me"
LOGIN = "/api/v1/me/login"
PASSWORD = "correct battery staple"
OTHER = "an altogether other one"


def set_password(rig: Rig, user: str, password: str = PASSWORD) -> None:
    answer = rig.api.put(f"/api/v1/users/{user}/password", json={"password": password})
    assert answer.status_code == 204, answer.text


def a_user(rig: Rig, name: str = "ada", *roles: str) -> None:
    rig.api.put(f"/api/v1/users/{name}", json={"roles": list(roles or ("Viewer",))}).raise_for_status()
    set_password(rig, name)


def sign_in(rig: Rig, user: str = "ada", password: str = PASSWORD) -> httpx.Client:
    """A client with a session, which sends its CSRF token with everything."""
    client = rig.client()
    answer = client.post(LOGIN, json={"user": user, "password": password})
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


def problems(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(one["path"], one["message"]) for one in answer.json()["errors"]]


def test_a_user_signs_in_with_a_password(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    me = client.get(ME).json()
    assert (me["user"]["identifier"], me["user"]["has_password"]) == ("ada", True)
    assert me["authentication"]["kind"] == "session"
    stored = service.read(lambda rows: password_records.find(rows, "ada"))
    assert stored is not None
    assert stored.hash_function == "argon2id"
    assert stored.hash_function_parameters == {
        "time_cost": 2,
        "memory_cost": 65_536,
        "parallelism": 1,
        "hash_len": 32,
        "version": 19,
    }
    assert len(bytes.fromhex(stored.hash_function_salt or "")) == 16
    assert len(bytes.fromhex(stored.secret)) == 32
    assert service.client().post(LOGIN, json={"user": "ada", "password": OTHER}).status_code == 401


def test_a_disabled_user_may_sign_in_and_see_the_own_account(service: Rig) -> None:
    a_user(service)
    before = sign_in(service)
    service.api.patch("/api/v1/users/ada", json={"is_enabled": False}).raise_for_status()
    assert before.get(ME).status_code == 401, "sessions end"
    client = sign_in(service)
    assert client.get(ME).json()["user"]["is_enabled"] is False
    assert client.get("/api/v1/projects").status_code == 403


def test_an_expired_password_is_no_password(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    (one,) = service.api.get("/api/v1/users/ada/authentications").json()["items"]
    assert one["type"] == "password"
    soon = (service.clock.now() + timedelta(minutes=5)).isoformat()
    path = f"/api/v1/users/ada/authentications/{one['identifier']}"
    assert service.api.patch(path, json={"expiration_date": soon}).status_code == 200
    until = datetime.fromisoformat(sign_in(service).get(ME).json()["authentication"]["expiration_date"])
    assert until <= datetime.fromisoformat(soon), "the session ends with the password that began it"
    service.clock.ahead = timedelta(minutes=6)
    assert service.client().post(LOGIN, json={"user": "ada", "password": PASSWORD}).status_code == 401
    assert client.get(ME).status_code == 200, "begun before anybody said when the password ends"
    set_password(service, "ada")
    assert sign_in(service).get(ME).status_code == 200


def test_a_password_expired_by_an_administrator_ends_the_sessions(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    (one,) = service.api.get("/api/v1/users/ada/authentications").json()["items"]
    path = f"/api/v1/users/ada/authentications/{one['identifier']}"
    service.api.patch(path, json={"expiration_date": "2020-01-01T00:00:00Z"}).raise_for_status()
    assert client.get(ME).status_code == 401


def test_a_deleted_password_is_gone(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    (one,) = service.api.get("/api/v1/users/ada/authentications").json()["items"]
    assert service.api.delete(f"/api/v1/users/ada/authentications/{one['identifier']}").status_code == 204
    assert client.get(ME).status_code == 401
    assert service.client().post(LOGIN, json={"user": "ada", "password": PASSWORD}).status_code == 401


def test_everything_that_is_wrong_with_a_password_is_told_at_once(shared: Rig) -> None:
    a_user(shared, "bob")
    client = sign_in(shared, "bob")
    found = problems(client.put(f"{ME}/password", json={"password": "password"}))
    assert [path for path, _ in found] == ["password", "password", "current_password"]
    assert "at least 12" in found[0][1]
    assert "most common" in found[1][1]
    answer = shared.api.put("/api/v1/users/bob/password", json={"password": "x" * (LONGEST + 1)})
    assert "at most 1024" in problems(answer)[0][1]
    answer = shared.api.put("/api/v1/users/bob/password", json={"password": "Orchestra-bob-1"})
    assert "beside" in problems(answer)[0][1]
    assert shared.api.put("/api/v1/users/bob/password", json={"password": "ü" * 3 + "e" * 1021}).status_code == 204
    assert shared.api.put("/api/v1/users/nobody/password", json={"password": PASSWORD}).status_code == 404


def test_nothing_of_a_password_is_cut_off(service: Rig) -> None:
    long = "".join(chr(0x3B1 + index % 24) for index in range(LONGEST - 1)) + "!"
    service.api.put("/api/v1/users/ada", json={}).raise_for_status()
    set_password(service, "ada", long)
    assert service.client().post(LOGIN, json={"user": "ada", "password": long[:-1] + "?"}).status_code == 401
    assert service.client().post(LOGIN, json={"user": "ada", "password": long}).status_code == 200


def test_s04_an_own_password_needs_the_current_one_and_ends_the_other_sessions(service: Rig) -> None:
    a_user(service)
    token = service.token("ada")
    stays, goes = sign_in(service), sign_in(service)
    path = f"{ME}/password"
    assert problems(stays.put(path, json={"password": OTHER}))[0][0] == "current_password"
    wrong = stays.put(path, json={"password": OTHER, "current_password": "not this one at all"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "not_allowed")
    assert stays.put(path, json={"password": OTHER, "current_password": PASSWORD}).status_code == 204
    assert stays.get(ME).status_code == 200
    assert goes.get(ME).status_code == 401
    assert service.client(token).get(ME).status_code == 200, "tokens stay"
    assert service.client().post(LOGIN, json={"user": "ada", "password": PASSWORD}).status_code == 401
    sign_in(service, password=OTHER)


def test_s04_a_password_set_by_an_administrator_ends_all_sessions_of_the_user(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    set_password(service, "ada", OTHER)
    assert client.get(ME).status_code == 401


def test_s04_an_old_session_must_prove_again_before_it_hands_out_rights(service: Rig) -> None:
    a_user(service, "root", "Administrator")
    client = sign_in(service, "root")
    asked: list[tuple[str, str, Any]] = [
        ("POST", f"{ME}/authentications", {}),
        ("POST", "/api/v1/users/admin/authentications", {}),
        ("PUT", "/api/v1/users/ada", {"roles": ["Operator"]}),
        ("PATCH", "/api/v1/users/admin", {"roles": ["Administrator", "Auditor"]}),
        ("PUT", "/api/v1/users/admin/password", {"password": OTHER}),
        ("POST", "/api/v1/users/admin/link", None),
    ]
    service.clock.ahead = timedelta(minutes=14)
    assert client.post(f"{ME}/authentications", json={}).status_code == 201
    service.clock.ahead = timedelta(minutes=16)
    for method, path, body in asked:
        refused = client.request(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required"), path
        assert refused.json()["type"] == "urn:orchestra:problem:reauthentication_required"
    assert client.put("/api/v1/users/eve", json={}).status_code == 201, "without roles it hands out nothing"
    wrong = client.post(f"{ME}/reauthenticate", json={"password": "not this one at all"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "not_allowed")
    assert client.get(ME).status_code == 200
    assert client.post(f"{ME}/reauthenticate", json={"password": PASSWORD}).status_code == 204
    for method, path, body in asked:
        assert client.request(method, path, json=body).status_code in (200, 201, 204), path


def test_s04_a_token_proves_too_and_a_bearer_token_needs_no_proof(service: Rig) -> None:
    client, csrf = service.sign_in()
    client.headers["X-CSRF-Token"] = csrf
    service.clock.ahead = timedelta(minutes=30)
    path = f"{ME}/reauthenticate"
    assert client.put(f"{ME}/password", json={"password": PASSWORD}).status_code == 403
    service.api.put("/api/v1/users/ada", json={"roles": ["Viewer"]}).raise_for_status()
    for wrong in ({"token": service.token("ada")}, {"token": "orcu_x"}, {"token": service.token("admin", roles=[])}):
        assert client.post(path, json=wrong).status_code == 403
    assert client.post(path, json={}).status_code == 422
    assert client.post(path, json={"token": service.first.token}).status_code == 204
    assert client.put(f"{ME}/password", json={"password": PASSWORD}).status_code == 204
    assert service.api.post(path, json={"token": service.first.token}).status_code == 409
    assert service.api.post(f"{ME}/authentications", json={}).status_code == 201


def test_a_link_invites_whoever_has_no_password_yet(service: Rig) -> None:
    service.api.put("/api/v1/users/ada", json={"roles": ["Viewer"]}).raise_for_status()
    first = service.api.post("/api/v1/users/ada/link")
    assert first.status_code == 201
    link = first.json()
    assert link["purpose"] == "invitation"
    assert link["path"] == f"/set-password#{link['code']}"
    ahead = datetime.fromisoformat(link["expiration_date"]) - service.clock.now()
    assert timedelta(hours=71) < ahead <= timedelta(hours=72)
    newer = service.api.post("/api/v1/users/ada/link").json()
    client = service.client()
    body = {"code": link["code"], "password": PASSWORD}
    assert client.post(f"{ME}/password", json=body).status_code == 401, "a newer link replaces it"
    body["code"] = newer["code"]
    assert problems(client.post(f"{ME}/password", json={**body, "password": "short"}))
    answer = client.post(f"{ME}/password", json=body)
    assert answer.status_code == 200
    assert answer.json()["user"]["identifier"] == "ada"
    assert client.get(ME).status_code == 200, "it signs in"
    assert service.client().post(f"{ME}/password", json=body).status_code == 401, "it is used up"
    sign_in(service)


def test_a_link_resets_a_password_and_ends_the_sessions(service: Rig) -> None:
    a_user(service)
    old = sign_in(service)
    link = service.api.post("/api/v1/users/ada/link").json()
    assert link["purpose"] == "reset"
    assert old.get(ME).status_code == 200
    assert service.client().post(LOGIN, json={"code": link["code"]}).status_code == 401, "it sets a password"
    body = {"code": link["code"], "password": OTHER}
    assert service.client().post(f"{ME}/password", json=body).status_code == 200
    assert old.get(ME).status_code == 401
    sign_in(service, password=OTHER)


def test_a_link_is_worth_nothing_after_its_time_or_after_another_password(service: Rig) -> None:
    a_user(service)
    path, client = f"{ME}/password", service.client()
    link = service.api.post("/api/v1/users/ada/link").json()
    set_password(service, "ada", OTHER)
    assert client.post(path, json={"code": link["code"], "password": PASSWORD}).status_code == 401
    link = service.api.post("/api/v1/users/ada/link").json()
    service.clock.ahead = timedelta(minutes=61)
    assert client.post(path, json={"code": link["code"], "password": PASSWORD}).status_code == 401
    assert client.post(path, json={"code": service.first.code, "password": PASSWORD}).status_code == 401
    foreign = {"Origin": "https://evil.example"}
    assert client.post(path, json={"code": "x", "password": PASSWORD}, headers=foreign).status_code == 403
    assert service.api.post("/api/v1/users/nobody/link").status_code == 404


def test_a_password_of_job_orchestra_signs_in_and_is_hashed_anew(service: Rig) -> None:
    service.api.put("/api/v1/users/ada", json={}).raise_for_status()
    salt, now = b"0123456789abcdef", service.clock.now()
    secret = hashlib.pbkdf2_hmac("sha256", b"old one", salt, 1_000_000).hex()
    record = UserAuthentication(
        identifier="0195a1b2-0000-4000-8000-000000000001",
        user="ada",
        type=AuthenticationType.PASSWORD,
        hash_function="pbkdf2",
        hash_function_parameters={"hash_name": "sha256", "iterations": 1_000_000},
        hash_function_salt=salt.hex(),
        secret=secret,
        creation_date=now,
        update_date=now,
    )
    service.write(lambda rows: authentications.save(rows, record))
    assert service.client().post(LOGIN, json={"user": "ada", "password": "old two"}).status_code == 401
    sign_in(service, password="old one")
    stored = service.read(lambda rows: password_records.find(rows, "ada"))
    assert stored is not None
    assert (stored.identifier, stored.hash_function) == (record.identifier, "argon2id")
    assert stored.update_date > record.update_date
    sign_in(service, password="old one")
    weak = replace(record, hash_function_parameters={"hash_name": "sha256", "iterations": 1000})
    weak = replace(weak, secret=hashlib.pbkdf2_hmac("sha256", b"old one", salt, 1000).hex())
    service.write(lambda rows: authentications.save(rows, weak))
    answer = service.client().post(LOGIN, json={"user": "ada", "password": "old one"})
    assert answer.status_code == 401, "parameters out of bounds are not followed"


def test_a_token_of_job_orchestra_speaks_beside_its_users_name(service: Rig) -> None:
    service.api.put("/api/v1/users/ada", json={"roles": ["Viewer"]}).raise_for_status()
    token, now = "ab" * 32, service.clock.now()
    record = UserAuthentication(
        identifier="0195a1b2-0000-4000-8000-000000000002",
        user="ada",
        type=AuthenticationType.TOKEN,
        hash_function="sha256",
        secret=tokens.digest(bytes.fromhex(token)),
        expiration_date=now + timedelta(days=1),
        creation_date=now,
        update_date=now,
    )
    service.write(lambda rows: authentications.save(rows, record))
    assert httpx.get(f"{service.url}{ME}", auth=("ada", token)).json()["user"]["identifier"] == "ada"
    assert httpx.get(f"{service.url}{ME}", auth=("admin", token)).status_code == 401
    assert httpx.get(f"{service.url}{ME}", auth=("ada", "cd" * 32)).status_code == 401
    assert service.client(token).get(ME).status_code == 401, "alone it names nobody"
    assert service.client().post(LOGIN, json={"user": "ada", "password": token}).status_code == 401
    service.clock.ahead = timedelta(days=1)
    assert httpx.get(f"{service.url}{ME}", auth=("ada", token)).status_code == 401


@pytest.mark.parametrize("body", [{}, {"password": 1}, {"password": PASSWORD, "x": 1}, {"password": None}])
def test_what_is_no_password_is_422(shared: Rig, body: dict[str, object]) -> None:
    assert shared.api.put("/api/v1/users/admin/password", json=body).status_code == 422
    assert shared.api.put(f"{ME}/password", json=body).status_code == 422
