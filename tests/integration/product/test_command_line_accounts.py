"""Users, tokens and signing in by command line, against a real server."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from support.command import Command
from support.installation import PROJECT, Installation, free_port

PASSWORD = "correct horse battery staple"
OTHER = "another sentence that nobody knows"


@pytest.fixture(scope="module")
def admin(up: Installation, tmp_path_factory: pytest.TempPathFactory) -> Command:
    up.put_job("says", "echo Hello")
    return Command(tmp_path_factory.mktemp("admin"), up.address, up.token)


@pytest.fixture
def nobody(up: Installation, tmp_path: Path) -> Command:
    """Somebody at a machine that knows no server yet."""
    return Command(tmp_path)


def _is_valid(up: Installation, token: str) -> bool:
    with up.http_as(token) as http:
        return http.get("/me").status_code == 200


# users


def test_a_user_is_created_with_an_invitation_link_and_signs_in_by_it(
    up: Installation, admin: Command, nobody: Command
) -> None:
    done = admin("user", "create", "maya", "--display-name", "Maya Lin", "--role", f"Operator@{PROJECT}")
    assert done.code == 0, done
    link = done.text.strip()
    assert link.startswith(f"{up.address}/set-password#")
    assert "maya is created" in done.err and "works once" in done.err
    found = admin.json("user", "show", "maya")
    assert found == up.http.get("/users/maya").json()
    assert (found["display_name"], found["roles"]) == ("Maya Lin", [f"Operator@{PROJECT}"])

    signed = nobody("login", "--link", link, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert signed.code == 0, signed
    assert "as maya" in signed.text
    assert nobody.json("whoami")["user"]["identifier"] == "maya"
    again = nobody("login", "--link", link, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert again.code == 1 and "Traceback" not in again.err


def test_a_user_is_created_with_a_password_or_with_tokens_alone(
    admin: Command, nobody: Command, up: Installation
) -> None:
    assert admin.text("user", "create", "pat", "--password-stdin", stdin=f"{PASSWORD}\n") == ""
    assert nobody("login", "--server", up.address, "--user", "pat", "--password-stdin", stdin=f"{PASSWORD}\n").code == 0
    done = admin("user", "create", "machines", "--role", "Worker", "--no-link")
    assert (done.code, done.text) == (0, "")
    assert "orchestra token create --user machines" in done.err


def test_a_second_user_of_that_name_is_refused_and_the_first_stays(admin: Command, up: Installation) -> None:
    admin.text("user", "create", "once", "--role", "Viewer", "--no-link")
    refused = admin("user", "create", "once", "--role", "Administrator", "--no-link")
    assert refused.code == 1 and "orchestra user change" in refused.err
    assert up.http.get("/users/once").json()["roles"] == ["Viewer"]


def test_a_program_gets_the_user_as_json_and_the_person_the_link(admin: Command, up: Installation) -> None:
    done = admin("user", "create", "both", "--output", "json")
    assert done.code == 0 and json.loads(done.out) == up.http.get("/users/both").json()
    assert f"{up.address}/set-password#" in done.err


def test_every_role_that_does_not_fit_is_named(admin: Command, up: Installation) -> None:
    refused = admin("user", "create", "wrong", "--role", "Boss", "--role", f"Worker@{PROJECT}", "--no-link")
    assert refused.code == 1
    lines = [line for line in refused.err.splitlines() if line.startswith("  ")]
    assert len(lines) == 2 and "roles[0]" in lines[0] and "roles[1]" in lines[1]
    assert up.http.get("/users/wrong").status_code == 404


def test_roles_are_given_taken_and_set(admin: Command) -> None:
    admin.text("user", "create", "roles", "--role", "Viewer", "--no-link")
    assert "Viewer Operator@a Operator@b" in admin.text("user", "roles", "add", "roles", "Operator@a", "Operator@b")
    assert "Viewer Operator@b" in admin.text("user", "roles", "remove", "roles", "Operator@a")
    missing = admin("user", "roles", "remove", "roles", "Auditor")
    assert missing.code == 1 and "does not have Auditor" in missing.err
    assert admin.json("user", "roles", "set", "roles", "Auditor")["roles"] == ["Auditor"]
    assert "without roles" in admin.text("user", "roles", "set", "roles")
    assert "no project examlpes yet" in admin("user", "roles", "set", "roles", "Viewer@examlpes", "Viewer@examples").err


def test_users_are_listed_changed_disabled_enabled_and_deleted(admin: Command, up: Installation) -> None:
    admin.text("user", "create", "temp", "--role", "Viewer", "--no-link")
    assert admin.json("user", "list") == up.http.get("/users").json()["items"]
    assert [one["identifier"] for one in admin.json("user", "list", "--role", "Administrator")] == ["admin"]
    assert re.search(r"^temp +temp +yes +Viewer", admin.text("user", "list"), re.MULTILINE)
    assert "Temporary" in admin.text("user", "change", "temp", "--display-name", "Temporary")
    assert admin.json("user", "disable", "temp")["is_enabled"] is False
    assert "no" in admin.text("user", "show", "temp")
    assert admin.json("user", "enable", "temp")["is_enabled"] is True
    unsure = admin("user", "delete", "temp")
    assert unsure.code == 2 and "--yes" in unsure.err
    assert up.http.get("/users/temp").status_code == 200
    assert "deleted" in admin.text("user", "delete", "temp", "--yes")
    assert up.http.get("/users/temp").status_code == 404


def test_who_sees_names_alone_gets_json_as_the_api_gives_it(admin: Command, up: Installation, tmp_path: Path) -> None:
    viewer = Command(tmp_path, up.address, up.new_token("viewer", "Viewer"))
    found = viewer.json("user", "show", "admin")
    assert found == {"identifier": "admin", "display_name": found["display_name"]}
    assert "admin" in viewer.text("user", "list")


# passwords, links, sessions


def test_a_password_is_set_for_somebody_and_by_oneself(admin: Command, nobody: Command, up: Installation) -> None:
    admin.text("user", "create", "lee", "--no-link")
    assert "new password" in admin.text("user", "set-password", "lee", "--password-stdin", stdin=f"{PASSWORD}\n")
    sign_in = ("login", "--server", up.address, "--user", "lee", "--password-stdin")
    assert nobody(*sign_in, stdin=f"{PASSWORD}\n").code == 0
    wrong = nobody("user", "set-password", "--password-stdin", stdin=f"not it\n{OTHER}\n")
    assert wrong.code == 1 and "current password" in wrong.err
    assert nobody("user", "set-password", "--password-stdin", stdin=f"{PASSWORD}\n{OTHER}\n").code == 0
    assert nobody(*sign_in, stdin=f"{PASSWORD}\n").code == 1
    assert nobody(*sign_in, stdin=f"{OTHER}\n").code == 0


def test_a_password_that_is_too_weak_is_refused_with_what_is_wrong(admin: Command) -> None:
    admin.text("user", "create", "weak", "--no-link")
    refused = admin("user", "set-password", "weak", "--password-stdin", stdin="short\n")
    assert refused.code == 1 and "password" in refused.err
    empty = admin("user", "set-password", "weak", "--password-stdin", stdin="")
    assert empty.code == 2 and "standard input" in empty.err


def test_a_reset_link_works_once_and_replaces_older_ones(admin: Command, nobody: Command) -> None:
    admin.text("user", "create", "forgets", "--password-stdin", stdin=f"{PASSWORD}\n")
    first = admin.text("user", "link", "forgets").strip()
    second = admin.json("user", "link", "forgets")
    assert second["purpose"] == "reset"
    assert nobody("login", "--link", first, "--password-stdin", stdin=f"{OTHER}\n").code == 1
    link = f"{admin.server}{second['path']}"
    assert nobody("login", "--link", link, "--password-stdin", stdin=f"{OTHER}\n").code == 0


def test_sessions_are_listed_and_ended(admin: Command, up: Installation, tmp_path: Path) -> None:
    admin.text("user", "create", "sits", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "signed in nowhere" in admin("user", "sessions", "sits").err
    with up.http_as(None) as browser:
        signed = browser.post("/me/login", json={"user": "sits", "password": PASSWORD})
        assert signed.is_success, signed.text
        (found,) = admin.json("user", "sessions", "sits")
        assert found["identifier"] in admin.text("user", "sessions", "sits")
        assert browser.get("/me").status_code == 200
        assert "signed out everywhere" in admin.text("user", "end-sessions", "sits")
        assert browser.get("/me").status_code == 401
        browser.post("/me/login", json={"user": "sits", "password": PASSWORD})
        own = Command(tmp_path, up.address, up.http.post("/users/sits/authentications", json={}).json()["secret"])
        (found,) = own.json("user", "sessions")
        assert "ended" in own.text("user", "end-sessions", "--session", found["identifier"])
        assert own.json("user", "sessions") == []
        assert "everywhere" in own.text("user", "end-sessions")


# tokens


def test_a_token_is_printed_once_and_alone(admin: Command, up: Installation, tmp_path: Path) -> None:
    admin.text("user", "create", "programs", "--role", "Viewer", "--no-link")
    done = admin("token", "create", "--user", "programs", "--description", "nightly", "--expires", "30d")
    assert done.code == 0, done
    assert re.fullmatch(r"orcu_\S+\n", done.text) and "not shown again" in done.err
    assert Command(tmp_path, up.address, done.text.strip()).json("whoami")["user"]["identifier"] == "programs"
    (listed,) = admin.json("token", "list", "--user", "programs")
    assert listed == up.http.get("/users/programs/authentications").json()["items"][0]
    assert "secret" not in listed and listed["description"] == "nightly"
    assert admin.json("token", "show", listed["identifier"], "--user", "programs") == listed
    shown = admin.text("token", "list", "--user", "programs") + admin.text(
        "token", "show", listed["identifier"], "--user", "programs"
    )
    assert "nightly" in shown and done.text.strip() not in shown


def test_a_token_is_changed_expired_and_deleted(admin: Command, up: Installation, tmp_path: Path) -> None:
    made = admin.json("token", "create", "--description", "short-lived", "--role", f"Viewer@{PROJECT}")
    mine = Command(tmp_path, up.address, made["secret"])
    assert made["roles"] == [f"Viewer@{PROJECT}"]
    assert mine("worker", "list").code == 1
    assert mine("job", "show", f"{PROJECT}/says").code == 0
    changed = admin.json("token", "change", made["identifier"], "--description", "renamed", "--expires", "2d")
    assert changed["description"] == "renamed" and changed["expiration_date"] < made["expiration_date"]
    assert "expired" in admin.text("token", "expire", made["identifier"])
    refused = mine("whoami")
    assert refused.code == 1 and "orchestra login" in refused.err
    assert "expired" in admin.text("token", "list")
    assert "deleted" in admin.text("token", "delete", made["identifier"], "--yes")
    assert made["identifier"] not in admin.text("token", "list")
    gone = admin("token", "show", made["identifier"])
    assert gone.code == 1 and gone.err.startswith("error: ")


def test_a_token_that_lives_too_long_is_refused(admin: Command) -> None:
    for expires in ("2000d", "never"):
        refused = admin("token", "create", "--expires", expires)
        assert refused.code == 1 and "expiration_date" in refused.err, refused
    assert admin("token", "create", "--expires", "soon").code == 2


def test_a_token_of_a_worker_lives_for_ever_unless_said_otherwise(admin: Command) -> None:
    admin.text("user", "create", "machine", "--role", "Worker", "--no-link")
    made = admin.json("token", "create", "--user", "machine")
    assert made["expiration_date"] is None and made["secret"].startswith("orcw_")
    assert admin.json("token", "change", made["identifier"], "--user", "machine", "--expires", "30d")["expiration_date"]
    changed = admin.json("token", "change", made["identifier"], "--user", "machine", "--expires", "never")
    assert changed["expiration_date"] is None


# login, logout, whoami


def test_login_by_password_stores_a_token_of_its_own_and_logout_deletes_it(
    admin: Command, nobody: Command, up: Installation
) -> None:
    admin.text("user", "create", "kim", "--role", "Viewer", "--password-stdin", stdin=f"{PASSWORD}\n")
    done = nobody("login", "--server", f"{up.address}/", "--user", "kim", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert done.code == 0, done
    file = nobody.home / "config/orchestra/login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    stored = json.loads(file.read_text())
    assert stored["server"] == up.address and PASSWORD not in file.read_text()
    shown = nobody.text("whoami")
    assert "kim" in shown and "Viewer" in shown and up.address in shown
    assert nobody("runs").code == 0
    (token,) = [one for one in admin.json("token", "list", "--user", "kim") if one["type"] == "token"]
    assert token["description"].startswith("orchestra login on ")
    assert not admin.json("user", "sessions", "kim")
    assert "signed out" in nobody.text("logout")
    assert not file.exists()
    assert [one["type"] for one in admin.json("token", "list", "--user", "kim")] == ["password"]
    assert _is_valid(up, stored["token"]) is False
    assert "nobody was signed in" in nobody.text("logout")


def test_login_by_token_checks_it_and_logout_leaves_it(admin: Command, nobody: Command, up: Installation) -> None:
    secret = admin.text("token", "create", "--description", "mine").strip()
    refused = nobody("login", "--server", up.address, "--token", secret[:-1] + "0")
    assert refused.code == 1 and not (nobody.home / "config/orchestra/login.json").exists()
    assert nobody("login", "--server", up.address, "--token", "-", stdin=f"{secret}\n").code == 0
    assert nobody.json("whoami")["user"]["identifier"] == "admin"
    done = nobody("logout")
    assert done.code == 0 and "orchestra token delete" in done.text
    assert _is_valid(up, secret)


def test_a_stored_token_goes_to_its_own_server_alone(nobody: Command, up: Installation) -> None:
    assert nobody("login", "--server", up.address, "--token", up.token).code == 0
    other = f"http://127.0.0.1:{free_port()}"
    refused = nobody("runs", "--server", other)
    assert refused.code == 1 and "no token" in refused.err and f"orchestra login --server {other}" in refused.err


def test_a_login_that_others_can_read_is_refused(nobody: Command, up: Installation) -> None:
    assert nobody("login", "--server", up.address, "--token", up.token).code == 0
    file = nobody.home / "config/orchestra/login.json"
    file.chmod(0o644)
    refused = nobody("runs")
    assert refused.code == 1 and f"chmod 600 {file}" in refused.err
    assert nobody("logout").code == 0 and not file.exists()


def test_login_without_a_server_says_how_to_start_one(nobody: Command) -> None:
    server = f"http://127.0.0.1:{free_port()}"
    for more in (("--user", "x", "--password-stdin"), ("--token", "orcu_x")):
        refused = nobody("login", "--server", server, *more, stdin="x\n")
        assert refused.code == 1 and server in refused.err and "orchestra up" in refused.err, refused


def test_a_wrong_password_says_so_and_stores_nothing(admin: Command, nobody: Command, up: Installation) -> None:
    refused = nobody("login", "--server", up.address, "--user", "admin", "--password-stdin", stdin="wrong\n")
    assert refused.code == 1 and "orchestra user link" in refused.err
    assert not (nobody.home / "config/orchestra/login.json").exists()


# at a terminal


def test_a_password_is_asked_for_and_not_shown(admin: Command, nobody: Command, up: Installation) -> None:
    admin.text("user", "create", "types", "--no-link")
    code, shown = admin.terminal(
        "user", "set-password", "types", answers=(("New password", PASSWORD), ("Once more", PASSWORD))
    )
    assert code == 0 and "new password" in shown and PASSWORD not in shown
    code, shown = admin.terminal(
        "user", "set-password", "types", answers=(("New password", PASSWORD), ("Once more", OTHER))
    )
    assert code == 2 and "differ" in shown
    code, shown = nobody.terminal(
        "login", "--server", up.address, answers=(("User of", "types"), ("Password", PASSWORD))
    )
    assert code == 0 and "as types" in shown and PASSWORD not in shown


def test_the_browser_opens_where_people_sign_in_and_a_token_is_pasted(
    admin: Command, nobody: Command, up: Installation, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o700)
    nobody.environment["BROWSER"] = str(browser)
    secret = admin.text("token", "create", "--description", "pasted").strip()
    code, shown = nobody.terminal("login", "--server", up.address, "--browser", answers=(("Token", secret),))
    assert code == 0 and "as admin" in shown and secret not in shown
    assert f"{up.address}/login?next=/me" in shown
    assert (tmp_path / "opened").read_text() == f"{up.address}/login?next=/me\n"


def test_a_terminal_gets_colours_unless_it_does_not_want_them(admin: Command) -> None:
    code, shown = admin.terminal("worker", "list")
    assert code == 0 and "\x1b[" in shown
    admin.environment["NO_COLOR"] = "1"
    try:
        code, shown = admin.terminal("worker", "list")
        assert code == 0 and "\x1b[" not in shown and "connected" in shown
        _, shown = admin.terminal("worker", "show", "nobody")
        assert "\x1b[" not in shown and "error:" in shown
    finally:
        del admin.environment["NO_COLOR"]


def test_a_terminal_without_our_shapes_is_no_reason_to_fail(admin: Command) -> None:
    admin.environment |= {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    try:
        code, shown = admin.terminal("worker", "list")
        assert code == 0 and "? connected" in shown
    finally:
        del admin.environment["PYTHONIOENCODING"], admin.environment["PYTHONUTF8"]


def test_what_cannot_be_undone_is_asked_at_a_terminal(admin: Command, up: Installation) -> None:
    admin.text("user", "create", "stays", "--no-link")
    code, shown = admin.terminal("user", "delete", "stays", answers=(("[y/N]", "n"),))
    assert code == 1 and "nothing was changed" in shown and up.http.get("/users/stays").status_code == 200
    code, _ = admin.terminal("user", "delete", "stays", answers=(("[y/N]", "y"),))
    assert code == 0 and up.http.get("/users/stays").status_code == 404
