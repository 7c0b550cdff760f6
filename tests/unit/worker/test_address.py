"""Which server addresses a worker takes, and what becomes of them."""

from __future__ import annotations

import pytest

from orchestra.worker.transport import AddressError, http_url, worker_url

PATH = "/api/v1/workers/connect"


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://orchestra.example.org", "wss://orchestra.example.org" + PATH),
        ("https://example.org:8443/orchestra/", "wss://example.org:8443/orchestra" + PATH),
        ("orchestra.example.org", "wss://orchestra.example.org" + PATH),
        ("wss://orchestra.example.org", "wss://orchestra.example.org" + PATH),
        ("http://127.0.0.1:8300", "ws://127.0.0.1:8300" + PATH),
        ("http://localhost:8300", "ws://localhost:8300" + PATH),
        ("http://[::1]:8300", "ws://[::1]:8300" + PATH),
    ],
)
def test_an_address_becomes_the_workers_websocket(server: str, url: str) -> None:
    assert worker_url(server) == url


@pytest.mark.parametrize("server", ["http://orchestra.example.org", "ws://10.0.0.1:8300", "http://localhost.evil.org"])
def test_an_unencrypted_address_beyond_this_machine_needs_a_word(server: str) -> None:
    with pytest.raises(AddressError, match="--insecure"):
        worker_url(server)
    assert worker_url(server, is_insecure=True).startswith("ws://")


@pytest.mark.parametrize("server", ["", "ftp://example.org", "https://", "http:///path"])
def test_what_is_no_address_is_refused(server: str) -> None:
    with pytest.raises(AddressError, match="expected one like"):
        worker_url(server)


def test_runs_see_the_address_as_programs_call_it() -> None:
    assert http_url("wss://example.org/orchestra/") == "https://example.org/orchestra"
    assert http_url("example.org") == "https://example.org"
