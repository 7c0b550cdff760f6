"""Whose request a proxy passes on: what trusted proxies saw is believed, and nothing else."""

import pytest

from orchestra.service.client_address import client_of, networks

TRUSTED = networks("127.0.0.1, ::1, 10.0.0.0/8")


@pytest.mark.parametrize(
    ("direct", "forwarded", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        ("127.0.0.1", ["10.1.2.4, 10.1.2.3"], "10.1.2.4"),
        ("127.0.0.1", ["6.6.6.6, nonsense, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["203.0.113.9:4711"], "127.0.0.1"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["\xff\xfe"], "127.0.0.1"),
    ],
)
def test_s06_the_client_is_whom_the_last_trusted_proxy_saw(direct: str, forwarded: list[str], expected: str) -> None:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", one.encode("latin-1")) for one in forwarded)]
    found = client_of({"client": (direct, 1), "headers": headers}, TRUSTED)
    assert found is not None
    assert found[0] == expected


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    scope = {"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"203.0.113.9")]}
    assert client_of(scope, networks("")) == ("127.0.0.1", 1)
    assert client_of({"client": None, "headers": []}, TRUSTED) is None


@pytest.mark.parametrize("text", ["x", "10.0.0.1/8", "127.0.0.1;::1"])
def test_what_is_no_network_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        networks(text)
