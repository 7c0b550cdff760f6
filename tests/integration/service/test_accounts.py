"""Tokens with their limits and lives, sessions, throttling, and what the audit log learns of all that."""

from __future__ import annotations

import json
import random
import string
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from integration.service.rig import Rig
from integration.service.test_passwords import LOGIN, ME, OTHER, PASSWORD, a_user, problems, set_password, sign_in
from orchestra.domain.access import TokenKind
from orchestra.service.sign_ins import BAD_SIGN_INS_A_MINUTE, FREE_FAILURES
from orchestra.storage import authentications, events, sessions, tokens

TOKENS = "/api/v1/users/ada/authentications"


def told(rig: Rig, *types: str) -> list[events.Event]:
    return [one for one in rig.read(lambda rows: events.after(rows, 0)) if one.type.value in types]


# Tokens ---------------------------------------------------------------------------------------------


def test_a_token_is_read_described_and_expired(service: Rig) -> None:
    ada = service.user("ada", "Viewer")
    made = service.api.post(TOKENS, json={"description": "laptop"}).json()
    assert made["secret"].startswith("orcu_")
    path = f"{TOKENS}/{made['identifier']}"
    first = service.api.get(path)
    assert first.json() == {name: value for name, value in made.items() if name != "secret"}
    ahead = datetime.fromisoformat(made["expiration_date"]) - service.clock.now()
    assert timedelta(days=89) < ahead <= timedelta(days=90)
    tag = {"If-Match": first.headers["etag"]}
    changed = service.api.patch(path, json={"description": "desk"}, headers=tag)
    assert (changed.status_code, changed.json()["description"]) == (200, "desk")
    assert changed.json()["update_date"] > made["update_date"]
    assert service.api.patch(path, json={"description": "x"}, headers=tag).status_code == 412
    client = service.client(made["secret"])
    assert client.get(ME).status_code == 200
    assert service.api.get(path, headers={"If-None-Match": changed.headers["etag"]}).status_code == 304, (
        "use is no edit"
    )
    expired = service.api.patch(path, json={"expiration_date": "2020-01-01T00:00:00Z"})
    assert expired.json()["expiration_date"] == "2020-01-01T00:00:00.000000Z"
    assert client.get(ME).status_code == 401
    own = ada.get(f"{ME}/authentications").json()["items"]
    assert [one["description"] for one in own] == ["", "desk"]
    mine = f"{ME}/authentications/{own[0]['identifier']}"
    assert ada.get(mine).json() == own[0] | {"last_use_date": ada.get(mine).json()["last_use_date"]}
    assert ada.patch(mine, json={"description": "mine"}).json()["description"] == "mine"
    assert ada.get(f"{ME}/authentications/{service.first.user}").status_code == 404
    assert ada.patch(mine, json={"expiration_date": "2020-01-01T00:00:00Z"}).status_code == 200
    assert ada.get(ME).status_code == 401


def test_one_users_authentication_is_nothing_below_anothers_name(service: Rig) -> None:
    service.user("ada", "Viewer")
    (admins,) = service.api.get(f"{ME}/authentications").json()["items"]
    path = f"{TOKENS}/{admins['identifier']}"
    assert service.api.get(path).status_code == 404
    assert service.api.patch(path, json={"description": "x"}).status_code == 404
    assert service.api.delete(path).status_code == 404
    assert service.api.get(ME).status_code == 200


def test_s15_a_limited_token_gives_less_and_never_more(service: Rig) -> None:
    service.job()
    service.job(project="other")
    service.user("ada", "Operator")
    wrong = service.api.post(TOKENS, json={"roles": ["Administrator", "nobody", "Viewer"]})
    assert [path for path, _ in problems(wrong)] == ["roles[0]", "roles[1]"]
    made = service.api.post(TOKENS, json={"roles": ["Operator@core"]}).json()
    assert made["roles"] == ["Operator@core"]
    client = service.client(made["secret"])
    assert client.get(ME).json()["authentication"]["roles"] == ["Operator@core"]
    assert client.post("/api/v1/projects/core/jobs/build/trigger").status_code == 201
    assert client.post("/api/v1/projects/other/jobs/build/trigger").status_code == 404
    assert client.post(f"{ME}/authentications", json={}).status_code == 403, "it makes no token"
    assert client.put(f"{ME}/password", json={"password": PASSWORD}).status_code == 403, "it sets no password"
    answer = service.client().post(LOGIN, json={"token": made["secret"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), "a session would have no limit"
    service.api.patch("/api/v1/users/ada", json={"roles": ["Viewer@other"]}).raise_for_status()
    assert client.get("/api/v1/projects/core").status_code == 404
    assert service.api.get(f"{TOKENS}/{made['identifier']}").json()["roles"] == ["Operator@core"]
    assert service.api.post(TOKENS, json={}).json()["roles"] is None


def test_only_tokens_of_workers_live_for_ever(service: Rig) -> None:
    service.user("ada", "Viewer", "Worker")
    far = (service.clock.now() + timedelta(days=367)).isoformat()
    year = (service.clock.now() + timedelta(days=365)).isoformat()
    for wrong in (None, far):
        (problem,) = problems(service.api.post(TOKENS, json={"expiration_date": wrong}))
        assert problem[0] == "expiration_date"
        assert "366 days" in problem[1]
    made = service.api.post(TOKENS, json={"expiration_date": year})
    assert made.status_code == 201
    path = f"{TOKENS}/{made.json()['identifier']}"
    for wrong in (None, far):
        assert problems(service.api.patch(path, json={"expiration_date": wrong}))
    service.user("machine", "Worker")
    workers = "/api/v1/users/machine/authentications"
    made = service.api.post(workers, json={})
    assert made.json()["expiration_date"] is None
    assert made.json()["secret"].startswith("orcw_")
    assert service.api.post(workers, json={"expiration_date": far}).status_code == 201
    path = f"{workers}/{made.json()['identifier']}"
    assert service.api.patch(path, json={"expiration_date": far}).status_code == 200
    assert service.api.patch(path, json={"expiration_date": None}).json()["expiration_date"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"expiration_date": "tomorrow"},
        {"expiration_date": "2027-01-01T00:00:00"},
        {"expiration_date": "0001-01-01T00:00:00+14:00"},
        {"expiration_date": 5},
        {"expiration_date": "2020-01-01T00:00:00Z"},
        {"roles": "Viewer"},
        {"roles": None},
        {"roles": ["Viewer@"]},
        {"user": "root"},
        {"description": "x" * 257},
    ],
)
def test_a_token_that_cannot_be_one_is_422(shared: Rig, body: dict[str, Any]) -> None:
    assert problems(shared.api.post(f"{ME}/authentications", json=body))


def test_all_problems_of_a_token_are_told_at_once(shared: Rig) -> None:
    found = problems(shared.api.post(f"{ME}/authentications", json={"roles": ["x", "y"], "expiration_date": "z"}))
    assert [path for path, _ in found] == ["expiration_date", "roles[0]", "roles[1]"]


def test_a_token_that_nobody_used_for_ninety_days_is_invalid(service: Rig) -> None:
    year = (service.clock.now() + timedelta(days=365)).isoformat()
    used, unused = (service.client(service.token("admin", expiration_date=year)) for _ in range(2))
    assert used.get(ME).status_code == 200
    service.clock.ahead = timedelta(days=80)
    assert used.get(ME).status_code == 200
    service.clock.ahead = timedelta(days=91)
    assert used.get(ME).status_code == 200
    assert unused.get(ME).status_code == 401
    assert service.api.get(ME).status_code == 200, "the first start's token has no date, and may rest"


def test_s61_a_user_has_fifty_tokens_at_most_and_a_password_is_none(service: Rig) -> None:
    a_user(service)
    for _ in range(50):
        assert service.api.post(TOKENS, json={}).status_code == 201
    answer = service.api.post(TOKENS, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "50 tokens" in answer.json()["detail"]


def test_s04_a_token_is_prolonged_only_by_who_proved_it_lately(service: Rig) -> None:
    client, csrf = service.sign_in()
    client.headers["X-CSRF-Token"] = csrf
    made = service.api.post(f"{ME}/authentications", json={}).json()
    path = f"{ME}/authentications/{made['identifier']}"
    later = (service.clock.now() + timedelta(days=100)).isoformat()
    service.clock.ahead = timedelta(minutes=20)
    assert client.patch(path, json={"expiration_date": later}).json()["code"] == "reauthentication_required"
    assert client.patch(path, json={"description": "x"}).status_code == 200
    assert client.patch(path, json={"expiration_date": "2020-01-01T00:00:00Z"}).status_code == 200
    client.post(f"{ME}/reauthenticate", json={"token": service.first.token}).raise_for_status()
    assert client.patch(path, json={"expiration_date": later}).status_code == 200


# Sessions -------------------------------------------------------------------------------------------


def test_a_user_sees_and_ends_the_own_sessions(service: Rig) -> None:
    a_user(service)
    here, there, third = sign_in(service), sign_in(service), sign_in(service)
    listed = here.get(f"{ME}/sessions").json()
    assert listed["next_cursor"] is None
    assert sum(one["is_current"] for one in listed["items"]) == 1
    assert {*listed["items"][0]} == {
        "identifier",
        "creation_date",
        "last_use_date",
        "expiration_date",
        "client",
        "is_current",
    }
    assert all(one["client"].startswith("python-httpx/") for one in listed["items"])
    assert all(one["client"].endswith(", 127.0.0.1") for one in listed["items"])
    other = there.get(f"{ME}/sessions").json()["items"]
    gone = next(one["identifier"] for one in other if one["is_current"])
    assert here.delete(f"{ME}/sessions/{gone}").status_code == 204
    assert there.get(ME).status_code == 401
    assert here.delete(f"{ME}/sessions/{gone}").status_code == 404
    page = here.get(f"{ME}/sessions?limit=1&order=creation_date").json()
    assert len(page["items"]) == 1
    assert page["next_cursor"]
    assert service.api.get(TOKENS).json()["items"][0]["last_use_date"], "the password was used"
    everywhere = here.delete(f"{ME}/sessions")
    assert everywhere.status_code == 204
    assert "orchestra" not in here.cookies
    assert third.get(ME).status_code == 401
    assert service.read(lambda rows: sessions.of_user(rows, "ada")) == []


def test_ending_the_session_that_asks_takes_its_cookie(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    (own,) = client.get(f"{ME}/sessions").json()["items"]
    assert client.delete(f"{ME}/sessions/{own['identifier']}").status_code == 204
    assert "orchestra" not in client.cookies


def test_an_administrator_sees_and_ends_the_sessions_of_a_user(service: Rig) -> None:
    a_user(service)
    client = sign_in(service)
    (one,) = service.api.get("/api/v1/users/ada/sessions").json()["items"]
    assert one["is_current"] is False
    assert service.api.delete(f"{ME}/sessions/{one['identifier']}").status_code == 404, "it is not the administrator's"
    assert service.api.delete("/api/v1/users/ada/sessions").status_code == 204
    assert client.get(ME).status_code == 401
    assert service.api.get("/api/v1/users/ada/sessions").json()["items"] == []
    assert service.api.get("/api/v1/users/nobody/sessions").status_code == 404
    assert service.api.delete("/api/v1/users/nobody/sessions").status_code == 404


def test_a_session_that_is_over_is_not_listed(service: Rig) -> None:
    a_user(service)
    sign_in(service)
    service.clock.ahead = timedelta(hours=25)
    assert service.api.get("/api/v1/users/ada/sessions").json()["items"] == []


def test_s05_a_sign_in_always_makes_a_new_session_and_ends_the_one_before(service: Rig) -> None:
    a_user(service)
    client = service.client()
    planted = tokens.make(TokenKind.SESSION, "0195a1b2-0000-7000-8000-000000000001", bytes(32))
    client.cookies.set("orchestra", planted)
    client.post(LOGIN, json={"user": "ada", "password": PASSWORD}).raise_for_status()
    issued = {cookie.value for cookie in client.cookies.jar} - {planted}
    assert len(issued) == 1
    assert httpx.get(f"{service.url}{ME}", cookies={"orchestra": planted}).status_code == 401
    (before,) = issued
    again = httpx.post(
        f"{service.url}{LOGIN}", json={"user": "ada", "password": PASSWORD}, cookies={"orchestra": str(before)}
    )
    after = again.cookies["orchestra"]
    assert after != before
    assert tokens.parse(after).identifier != tokens.parse(str(before)).identifier  # type: ignore[union-attr]
    assert httpx.get(f"{service.url}{ME}", cookies={"orchestra": str(before)}).status_code == 401
    assert httpx.get(f"{service.url}{ME}", cookies={"orchestra": after}).status_code == 200


def test_s03_what_a_disabled_user_holds_reaches_the_own_account_only_and_at_once(service: Rig) -> None:
    service.job()
    a_user(service, "ada", "Administrator")
    token, session = service.client(service.token("ada")), sign_in(service)
    limited = service.client(service.token("ada", roles=["Viewer"]))
    for client in (token, session, limited):
        assert client.get("/api/v1/projects/core").status_code == 200
    service.api.patch("/api/v1/users/ada", json={"is_enabled": False}).raise_for_status()
    assert session.get(ME).status_code == 401
    for client in (token, limited):
        assert client.get("/api/v1/projects/core").status_code == 404
        assert client.get("/api/v1/users").status_code == 403
        assert client.get(ME).status_code == 200
    assert token.post(f"{ME}/authentications", json={}).status_code == 403
    assert token.put(f"{ME}/password", json={"password": OTHER, "current_password": PASSWORD}).status_code == 204


# Throttling -----------------------------------------------------------------------------------------


def attempt(rig: Rig, address: str, password: str, user: str = "ada") -> httpx.Response:
    """Sign in as somebody at `address`: the server trusts a proxy on its own machine."""
    body = {"user": user, "password": password}
    return rig.client().post(LOGIN, json=body, headers={"X-Forwarded-For": address})


def test_s06_after_five_failures_the_next_has_to_wait_even_with_the_right_password(service: Rig) -> None:
    service.clock.stop()
    a_user(service)
    for _ in range(FREE_FAILURES):
        assert attempt(service, "192.0.2.1", OTHER).status_code == 401
    refused = attempt(service, "192.0.2.1", PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert refused.headers["retry-after"] in ("1", "2")
    assert attempt(service, "192.0.2.9", PASSWORD).status_code == 200, "from elsewhere the user signs in"
    service.clock.ahead = timedelta(seconds=3)
    assert attempt(service, "192.0.2.1", PASSWORD).status_code == 200
    assert attempt(service, "192.0.2.1", OTHER).status_code == 401, "a success begins anew"


def test_s06_names_that_do_not_exist_wait_like_those_that_do(service: Rig) -> None:
    service.clock.stop()
    for _ in range(FREE_FAILURES):
        assert attempt(service, "192.0.2.1", OTHER, "nobody").status_code == 401
    assert attempt(service, "192.0.2.1", OTHER, "nobody").status_code == 429


def test_s06_one_address_fails_twenty_times_a_minute_whatever_it_tries(service: Rig) -> None:
    service.clock.stop()
    client = service.client()
    for number in range(BAD_SIGN_INS_A_MINUTE):
        body = [{"token": "x"}, {"code": "x"}, {"user": f"user{number}", "token": "orcu_x"}][number % 3]
        assert client.post(LOGIN, json=body).status_code == 401
    for path, body in ((LOGIN, {"token": service.first.token}), (f"{ME}/password", {"code": "x", "password": OTHER})):
        assert client.post(path, json=body).status_code == 429
    assert service.api.get(ME).status_code == 200, "who is signed in goes on"


def test_s06_a_stolen_session_cannot_guess_the_password(service: Rig) -> None:
    service.clock.stop()
    a_user(service)
    client = sign_in(service)
    for _ in range(FREE_FAILURES - 1):
        body = {"password": OTHER, "current_password": "guess"}
        assert client.put(f"{ME}/password", json=body).status_code == 403
    assert client.post(f"{ME}/reauthenticate", json={"password": "guess"}).status_code == 403
    assert client.post(f"{ME}/reauthenticate", json={"password": PASSWORD}).status_code == 429


# What is told ---------------------------------------------------------------------------------------


def test_s07_what_happens_to_accounts_is_told_and_never_a_secret(service: Rig) -> None:
    secrets = [PASSWORD, OTHER]
    a_user(service)
    client = sign_in(service)
    made = client.post(f"{ME}/authentications", json={"description": "laptop"}).json()
    link = service.api.post("/api/v1/users/ada/link").json()
    path = f"{ME}/authentications/{made['identifier']}"
    client.patch(path, json={"expiration_date": "2020-01-01T00:00:00Z"}).raise_for_status()
    client.delete(path).raise_for_status()
    service.client().post(f"{ME}/password", json={"code": link["code"], "password": OTHER}).raise_for_status()
    service.client().post(LOGIN, json={"user": "ada", "password": "Tr0ub4dor in the wrong place"})
    service.client().post(LOGIN, json={"user": "Tr0ub4dor in the wrong field", "password": "x"})
    secrets += [made["secret"], link["code"], service.first.token, service.first.code, client.cookies["orchestra"]]
    secrets += [client.headers["X-CSRF-Token"], "Tr0ub4dor"]
    every = service.read(lambda rows: events.after(rows, 0, 1000))
    stored = [
        value
        for one in service.read(lambda rows: authentications.page(rows, "ada")).items
        for value in (one.secret, one.hash_function_salt)
        if value
    ]
    told_all = repr(every) + service.api.get("/api/v1/users/ada/authentications").text
    assert not [one for one in (*secrets, *stored) if one in told_all]
    kinds = {one.type.value for one in every}
    assert kinds >= {
        "authentication.password_set",
        "authentication.created",
        "authentication.updated",
        "authentication.deleted",
        "authentication.link_created",
        "authentication.refused",
        "session.created",
        "session.ended",
    }
    hows = [one.data["how"] for one in every if one.type.value == "session.created"]
    assert hows == ["password", "reset"]
    refused = [(one.user, one.data["reason"]) for one in every if one.type.value == "authentication.refused"]
    assert refused == [("ada", "password"), (None, "password")]


def test_s07_failures_are_told_once_a_minute(service: Rig) -> None:
    a_user(service)
    for _ in range(FREE_FAILURES + 3):
        attempt(service, "192.0.2.1", OTHER)
    (one,) = told(service, "authentication.refused")
    assert one.data == {"reason": "password", "client": one.data["client"]}
    assert one.data["client"].endswith(", 192.0.2.1")
    service.clock.ahead = timedelta(seconds=61)
    for _ in range(6):
        attempt(service, "192.0.2.1", OTHER)
    assert len(told(service, "authentication.refused")) == 2


def test_who_is_no_administrator_sees_nothing_of_it(service: Rig) -> None:
    viewer = service.user("viewer", "Viewer")
    a_user(service)
    sign_in(service)
    with viewer.stream("GET", "/api/v1/events?after=0") as stream:
        text = next(stream.iter_text())
    assert "session." not in text
    assert "authentication." not in text


# What is sent ---------------------------------------------------------------------------------------


def test_s02_no_malformed_token_is_more_than_a_401(shared: Rig) -> None:
    """S-02: never a 500, whatever stands in the header; the parser itself meets far more (test_authentications)."""
    chance = random.Random(2)
    right = shared.first.token
    client = shared.client()
    alphabet = string.digits + string.ascii_letters + string.punctuation + "äöü€"
    asked = set()
    for number in range(300):
        place = chance.randrange(len(right))
        bad = right[:place] + chance.choice(alphabet.replace(right[place], "")) + right[place + 1 :]
        if number % 3 == 0:
            bad = "".join(chance.choice(alphabet) for _ in range(chance.randrange(1, 200)))
        scheme = chance.choice(["Bearer", "Basic", "bearer ", "Token"])
        header = f"{scheme} {bad}".encode("utf-8", "replace")
        asked.add(client.get(ME, headers={b"Authorization": header}).status_code)
    assert asked <= {400, 401, 429}


def test_s08_nobody_has_a_password_or_a_token_that_was_not_made_for_this_installation(service: Rig) -> None:
    """S-08: the first start makes one account, with a random token; no password works until somebody sets one."""
    (only,) = service.api.get("/api/v1/users").json()["items"]
    assert only["identifier"] == "admin"
    (one,) = service.api.get(f"{ME}/authentications").json()["items"]
    assert one["type"] == "token"
    assert tokens.parse(service.first.token) is not None
    for password in ("admin", "password", "orchestra", "", "temporary_key"):
        answer = service.client().post(LOGIN, json={"user": "admin", "password": password})
        assert answer.status_code in (401, 422)
    assert (service.data / "admin-token").stat().st_mode & 0o777 == 0o600


def test_the_first_administrator_signs_in_with_the_token_and_then_sets_a_password(service: Rig) -> None:
    client, csrf = service.sign_in()
    me = client.get(ME).json()
    assert me["user"]["has_password"] is False
    answer = client.put(f"{ME}/password", json={"password": PASSWORD}, headers={"X-CSRF-Token": csrf})
    assert answer.status_code == 204
    assert client.get(ME).json()["user"]["has_password"] is True
    sign_in(service, "admin")
    set_password(service, "admin", OTHER)
    assert json.loads(service.client().post(LOGIN, json={"user": "admin", "password": PASSWORD}).text)["status"] == 401
