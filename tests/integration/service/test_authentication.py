"""Who is asking: tokens, Basic, sessions with CSRF, and the instant at which each ends."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from integration.service.rig import Rig, running
from orchestra.domain.access import TokenKind
from orchestra.service.authentication import BAD_TOKENS_A_MINUTE
from orchestra.service.parts import ServiceSettings
from orchestra.service.sign_ins import BAD_SIGN_INS_A_MINUTE
from orchestra.service.upkeep import remove_what_is_over
from orchestra.storage import tokens

ME = "/api/v1/me"


def basic(user: str, token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def test_a_token_comes_as_bearer_or_as_the_password_of_its_user(shared: Rig) -> None:
    nobody = shared.client()
    assert nobody.get(ME, headers={"Authorization": f"bearer {shared.first.token}"}).status_code == 200
    assert nobody.get(ME, headers=basic("admin", shared.first.token)).json()["user"]["identifier"] == "admin"
    assert nobody.get(ME, headers=basic("ada", shared.first.token)).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer " + "é" * 20,
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic äöü",
        "Digest x",
        "Bearer orcu_" + "0" * 71,
        "Bearer " + tokens.make(TokenKind.USER, "01a20fb9-96d7-72e1-a932-72728c41cf1a", b"x" * 32),
    ],
)
def test_s02_what_is_no_valid_token_is_401_and_never_500(shared: Rig, header: str) -> None:
    answer = shared.client().get(ME, headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Orchestra"'
    assert answer.json()["code"] == "not_authenticated"


def test_a_deleted_token_is_invalid_at_once(service: Rig) -> None:
    made = service.api.post("/api/v1/me/authentications", json={"description": "laptop"}).json()
    client = service.client(made["secret"])
    assert client.get(ME).status_code == 200
    assert service.api.delete(f"/api/v1/me/authentications/{made['identifier']}").status_code == 204
    assert client.get(ME).status_code == 401
    assert service.api.delete(f"/api/v1/me/authentications/{made['identifier']}").status_code == 404


def test_an_expired_token_is_invalid_at_its_instant(service: Rig) -> None:
    expires = (service.clock.now() + timedelta(minutes=5)).isoformat()
    client = service.client(service.token("admin", expiration_date=expires))
    assert client.get(ME).status_code == 200
    service.clock.ahead = timedelta(minutes=4, seconds=50)
    assert client.get(ME).status_code == 200
    service.clock.ahead = timedelta(minutes=5, seconds=1)
    assert client.get(ME).status_code == 401


def test_use_of_a_token_is_noted_to_the_minute(service: Rig) -> None:
    def last_use() -> object:
        return service.api.get("/api/v1/me/authentications").json()["items"][0]["last_use_date"]

    first = last_use()
    assert first is not None
    assert last_use() == first
    service.clock.ahead = timedelta(minutes=2)
    service.api.get(ME)
    assert last_use() != first


def test_too_many_bad_tokens_from_one_address_are_429_and_good_ones_still_pass(service: Rig) -> None:
    bad = service.client("orcu_nonsense")
    for _ in range(BAD_TOKENS_A_MINUTE - 1):
        assert bad.get(ME).status_code == 401
    limited = bad.get(ME)
    assert limited.status_code == 429
    assert 0 < int(limited.headers["retry-after"]) <= 61
    assert service.api.get(ME).status_code == 200
    service.clock.ahead = timedelta(minutes=2)
    assert bad.get(ME).status_code == 401


def test_s03_a_disabled_user_reaches_the_own_account_only_and_at_once(service: Rig) -> None:
    service.job()
    ada = service.user("ada", "Operator")
    assert ada.get("/api/v1/projects").status_code == 200
    service.api.patch("/api/v1/users/ada", json={"is_enabled": False}).raise_for_status()
    assert ada.get("/api/v1/projects").status_code == 403
    assert ada.get("/api/v1/projects/core").status_code == 404
    assert ada.get("/api/docs").status_code == 403
    me = ada.get(ME).json()
    assert me["user"]["is_enabled"] is False
    assert set(me["permissions"]) == {
        "health.read",
        "website.read",
        "session.create",
        "account.read",
        "account.update",
        "account.token.read",
        "account.token.delete",
    }
    own = ada.get("/api/v1/me/authentications").json()["items"]
    assert ada.post("/api/v1/me/authentications", json={}).status_code == 403
    assert ada.delete(f"/api/v1/me/authentications/{own[0]['identifier']}").status_code == 204
    assert ada.get(ME).status_code == 401


def test_a_session_begins_with_a_token_and_needs_its_csrf_token_for_changes(service: Rig) -> None:
    service.job()
    client, csrf = service.sign_in()
    cookie = next(iter(client.cookies.jar))
    assert (cookie.name, cookie.path, cookie.secure) == ("orchestra", "/", False)
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    assert client.get(ME).json()["csrf_token"] == csrf
    path = "/api/v1/projects/core/jobs/build/trigger"
    for wrong in (None, "", "x", csrf + "x"):
        refused = client.post(path, headers={} if wrong is None else {"X-CSRF-Token": wrong})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert client.post(path, headers={"X-CSRF-Token": csrf}).status_code == 201
    _, other = service.sign_in()
    assert client.post(path, headers={"X-CSRF-Token": other}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://{host}"}, 201),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_a_change_with_a_cookie_from_a_foreign_page_is_refused(
    shared: Rig, headers: dict[str, str], status: int
) -> None:
    shared.job()
    client, csrf = shared.sign_in()
    sent = {name: value.replace("{host}", f"127.0.0.1:{shared.port}") for name, value in headers.items()}
    answer = client.post("/api/v1/projects/core/jobs/build/trigger", headers={"X-CSRF-Token": csrf, **sent})
    assert answer.status_code == status


def test_with_an_authorization_header_cookies_are_ignored(service: Rig) -> None:
    service.job()
    client, _ = service.sign_in()
    assert client.get(ME, headers={"Authorization": "Bearer nonsense"}).status_code == 401
    headers = {"Authorization": f"Bearer {service.first.token}", "Origin": "https://evil.example"}
    assert client.post("/api/v1/projects/core/jobs/build/trigger", headers=headers).status_code == 201


def test_a_sessions_token_is_worth_nothing_as_a_header_and_a_token_nothing_as_a_cookie(service: Rig) -> None:
    client, _ = service.sign_in()
    session = client.cookies["orchestra"]
    assert service.client(session).get(ME).status_code == 401
    assert httpx.get(f"{service.url}{ME}", cookies={"orchestra": service.first.token}).status_code == 401


def test_signing_out_ends_the_session_and_takes_the_cookie(service: Rig) -> None:
    client, csrf = service.sign_in()
    session = client.cookies["orchestra"]
    answer = client.post("/api/v1/me/logout", headers={"X-CSRF-Token": csrf})
    assert answer.status_code == 204
    assert "orchestra" not in client.cookies
    assert httpx.get(f"{service.url}{ME}", cookies={"orchestra": session}).status_code == 401


def test_the_code_of_the_first_start_signs_in_once_and_for_a_quarter_of_an_hour(service: Rig) -> None:
    first = service.client().post("/api/v1/me/login", json={"code": service.first.code})
    assert first.status_code == 200
    assert first.json()["user"]["identifier"] == "admin"
    assert service.client().post("/api/v1/me/login", json={"code": service.first.code}).status_code == 401


def test_an_old_code_is_worth_nothing(service: Rig) -> None:
    service.clock.ahead = timedelta(minutes=16)
    assert service.client().post("/api/v1/me/login", json={"code": service.first.code}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"user": "admin"}, {"code": "x", "token": "y"}, {"token": 1}, {"name": "x"}])
def test_a_sign_in_that_cannot_be_one_is_422(shared: Rig, body: dict[str, object]) -> None:
    assert shared.client().post("/api/v1/me/login", json=body).status_code == 422


def test_s01_whatever_is_wrong_with_a_sign_in_the_answer_is_the_same(shared: Rig) -> None:
    for user in ("eve", "bob", "dan"):
        shared.api.put(f"/api/v1/users/{user}", json={}).raise_for_status()
    for user in ("bob", "dan"):
        shared.api.put(f"/api/v1/users/{user}/password", json={"password": "correct battery staple"}).raise_for_status()
    shared.api.patch("/api/v1/users/dan", json={"is_enabled": False}).raise_for_status()
    attempts = [
        {"user": "nobody", "password": "x"},
        {"user": "admin", "password": "x"},
        {"user": "eve", "password": "x"},
        {"user": "bob", "password": "x"},
        {"user": "dan", "password": "x"},
        {"user": "", "password": "x"},
        {"user": "no/name", "password": "x"},
        {"password": "x"},
        {"user": "nobody", "password": shared.first.token},
        {"token": "orcu_x"},
        {"code": "x"},
    ]
    answers = [shared.client().post("/api/v1/me/login", json=body) for body in attempts]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_a_sign_in_from_a_foreign_page_is_refused(shared: Rig) -> None:
    body = {"token": shared.first.token}
    answer = shared.client().post("/api/v1/me/login", json=body, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_failed_sign_ins_are_limited(service: Rig) -> None:
    client = service.client()
    for _ in range(BAD_SIGN_INS_A_MINUTE):
        assert client.post("/api/v1/me/login", json={"token": "x"}).status_code == 401
    assert client.post("/api/v1/me/login", json={"token": "x"}).status_code == 429
    service.clock.ahead = timedelta(minutes=2)
    assert client.post("/api/v1/me/login", json={"token": service.first.token}).status_code == 200


def test_a_session_ends_when_nobody_looks_and_in_any_case_after_its_life(service: Rig) -> None:
    client, _ = service.sign_in()
    service.clock.ahead = timedelta(minutes=50)
    assert client.get(ME).status_code == 200
    service.clock.ahead = timedelta(minutes=105)
    assert client.get(ME).status_code == 200
    service.clock.ahead = timedelta(minutes=170)
    assert client.get(ME).status_code == 401


def test_a_session_ends_with_the_token_that_began_it(service: Rig) -> None:
    expires = (service.clock.now() + timedelta(minutes=5)).isoformat()
    client = service.client()
    client.post("/api/v1/me/login", json={"token": service.token("admin", expiration_date=expires)}).raise_for_status()
    assert client.get(ME).status_code == 200
    service.clock.ahead = timedelta(minutes=6)
    assert client.get(ME).status_code == 401


def test_s04_deleting_a_token_ends_the_users_other_sessions(service: Rig) -> None:
    stays, csrf = service.sign_in()
    goes, _ = service.sign_in()
    made = service.api.post("/api/v1/me/authentications", json={}).json()
    path = f"/api/v1/me/authentications/{made['identifier']}"
    assert stays.delete(path, headers={"X-CSRF-Token": csrf}).status_code == 204
    assert stays.get(ME).status_code == 200
    assert goes.get(ME).status_code == 401


def test_s04_a_change_of_roles_ends_the_users_sessions(service: Rig) -> None:
    service.user("ada", "Viewer")
    client = service.client()
    client.post("/api/v1/me/login", json={"token": service.token("ada")}).raise_for_status()
    service.api.patch("/api/v1/users/ada", json={"roles": ["Operator"]}).raise_for_status()
    assert client.get(ME).status_code == 401


def test_what_is_over_is_removed(service: Rig) -> None:
    service.sign_in()
    assert service.run(remove_what_is_over(service.app.parts)) == 0
    service.clock.ahead = timedelta(days=8)
    # The session, and the code of the first start.
    assert service.run(remove_what_is_over(service.app.parts)) == 2


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path, ServiceSettings(is_secure=True, origins=("https://orchestra.example.org",))) as rig:
        yield rig


def test_behind_tls_the_cookie_is_one_that_browsers_guard(secure: Rig) -> None:
    answer = secure.client().post("/api/v1/me/login", json={"token": secure.first.token})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-orchestra=")
    assert "Secure" in cookie
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    session = {"Cookie": cookie.split(";")[0]}
    changed = {**session, "X-CSRF-Token": answer.json()["csrf_token"], "Origin": "https://orchestra.example.org"}
    assert secure.client().post("/api/v1/me/logout", headers=changed).status_code == 204
