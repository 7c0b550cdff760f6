"""Which server and token a program uses without being told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestra.client.credentials import Login, authorization, login_file, login_from_environment, stored_login
from orchestra.domain.errors import NotAuthenticated

HERE, THERE = "https://here.example.org", "https://there.example.org"


def store(folder: Path, content: object = None, mode: int = 0o600) -> dict[str, str]:
    """An environment in which `content` is the stored login."""
    environment = {"XDG_CONFIG_HOME": str(folder)}
    file = login_file(environment)
    file.parent.mkdir()
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(mode)
    return environment


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, str]:
    return store(tmp_path, {"server": HERE, "token": "kept"})


def test_the_stored_login_is_used_when_nothing_else_is_said(stored: dict[str, str]) -> None:
    assert login_from_environment(stored) == Login(HERE, "kept")


def test_the_environment_comes_first(stored: dict[str, str]) -> None:
    given = stored | {"ORCHESTRA_SERVER": THERE, "ORCHESTRA_TOKEN": "given"}
    assert login_from_environment(given) == Login(THERE, "given")


def test_a_stored_token_goes_to_its_own_server_only(stored: dict[str, str]) -> None:
    assert login_from_environment(stored | {"ORCHESTRA_SERVER": HERE + "/"}) == Login(HERE, "kept")
    with pytest.raises(NotAuthenticated, match=f"no token for {THERE}"):
        login_from_environment(stored | {"ORCHESTRA_SERVER": THERE})


def test_a_token_alone_is_for_the_server_that_one_is_logged_in_to(stored: dict[str, str], tmp_path: Path) -> None:
    assert login_from_environment(stored | {"ORCHESTRA_TOKEN": "given"}) == Login(HERE, "given")
    with pytest.raises(NotAuthenticated, match="which server is it for"):
        login_from_environment({"XDG_CONFIG_HOME": str(tmp_path / "none"), "ORCHESTRA_TOKEN": "given"})


def test_without_anything_it_says_what_to_set(tmp_path: Path) -> None:
    nowhere = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert stored_login(nowhere) is None
    with pytest.raises(NotAuthenticated, match="set ORCHESTRA_SERVER and ORCHESTRA_TOKEN, or: orchestra login"):
        login_from_environment(nowhere)


def test_a_login_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticated, match="chmod 600"):
        stored_login(store(tmp_path, {"server": HERE, "token": "kept"}, mode=0o640))


@pytest.mark.parametrize("content", ["", "[]", '{"server": "x"}', {"server": HERE, "token": ""}, {"token": 1}])
def test_a_file_that_is_no_login_says_so(content: object, tmp_path: Path) -> None:
    with pytest.raises(NotAuthenticated, match="log in again: orchestra login"):
        stored_login(store(tmp_path, content))


def test_a_token_is_sent_as_bearer_and_with_its_user_as_basic() -> None:
    assert authorization("orcu_x") == "Bearer orcu_x"
    assert authorization("maya:0123") == "Basic bWF5YTowMTIz"


def test_a_login_does_not_show_its_token() -> None:
    assert "secret" not in repr(Login(HERE, "secret"))
