"""What people recognise their browsers by."""

import pytest

from orchestra.service.client_name import LENGTH, client_name

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (FIREFOX, "Firefox on Linux"),
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/140.0", "Edge on Windows"),
        (SAFARI, "Safari on iPhone"),
        ("python-httpx/0.28.1", "python-httpx/0.28.1"),
        ("curl/8.14.1", "curl/8.14.1"),
        ("", "unknown client"),
        ("<script>alert(1)</script>", "unknown client"),
        ("x\x1b[31m" * 1000, "x"),
    ],
)
def test_a_client_is_named_by_its_browser_and_its_address(agent: str, expected: str) -> None:
    scope = {"headers": [(b"user-agent", agent.encode("latin-1"))], "client": ("192.0.2.7", 1)}
    assert client_name(scope) == f"{expected}, 192.0.2.7"


def test_without_anything_it_still_has_a_name() -> None:
    assert client_name({"headers": []}) == "unknown client, unknown"
    assert len(client_name({"headers": [], "client": ("a" * 1000, 1)})) == LENGTH
