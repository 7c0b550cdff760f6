"""How both clients reach a server: what they say of themselves, TLS, proxies, addresses that are not Orchestra's."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.service.rig import running
from orchestra import __version__
from orchestra.client.options import Verify
from orchestra.domain.errors import OrchestraError, Unavailable
from orchestra.service.parts import ServiceSettings
from support.both_clients import KINDS, connect
from support.recorder import CERTIFICATE, Recorder, recording

pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as made:
        yield made


def test_it_says_who_it_is_and_in_whose_name(kind: str, server: Recorder) -> None:
    with connect(kind, f"http://127.0.0.1:{server.port}", "orcu_x") as client:
        client.is_live()
    with connect(kind, f"http://127.0.0.1:{server.port}", "maya:0123") as client:
        client.is_live()
    first, second = server.requests
    assert first.headers["User-Agent"] == f"orchestra-client/{__version__} python/{platform.python_version()}"
    assert [one.headers["Authorization"] for one in (first, second)] == ["Bearer orcu_x", "Basic bWF5YTowMTIz"]


def test_an_address_that_is_not_orchestras_says_so(kind: str, server: Recorder) -> None:
    with (
        connect(kind, f"http://127.0.0.1:{server.port}/elsewhere/") as client,
        pytest.raises(OrchestraError, match="is the address right, with its base path"),
    ):
        client.me()
    assert server.requests[0].target == "/elsewhere/api/v1/me"


def test_a_proxy_is_used_when_it_is_named_or_in_the_environment(
    kind: str, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://127.0.0.1:{server.port}"
    with connect(kind, "http://orchestra.invalid", proxy=proxy) as client:
        assert client.is_live()
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy)
    with connect(kind, "http://other.invalid") as client:
        assert client.is_live()
    assert [one.target for one in server.requests] == [
        "http://orchestra.invalid/health/live",
        "http://other.invalid/health/live",
    ]


def test_a_certificate_is_trusted_only_when_it_is_named(kind: str, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(CERTIFICATE)
    with recording(tmp_path / "server.pem") as server:
        address = f"https://127.0.0.1:{server.port}"

        def ask(verify: Verify) -> Any:
            with connect(kind, address, "orcu_x", verify=verify) as client:
                return client.openapi()

        with pytest.raises(Unavailable, match="certificate verify failed"):
            ask(True)
        assert server.requests == []
        assert ask(trusted) == ask(str(trusted)) == ask(False) == {}


def test_everything_works_below_a_base_path(kind: str, tmp_path: Path) -> None:
    with (
        running(tmp_path, ServiceSettings(base_path="/orchestra")) as rig,
        connect(kind, f"{rig.url}/", rig.first.token) as client,
    ):
        assert client.server.endswith("/orchestra")
        assert client.is_ready()
        client.put_project("a.b", description="a name with a dot")
        assert [one.identifier for one in client.projects()] == ["a.b"]
