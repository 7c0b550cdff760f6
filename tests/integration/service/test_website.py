"""The website's files: the page with what it must know, assets for ever, everything under a prefix."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.service.rig import Rig, running
from orchestra import __version__
from orchestra.service.parts import ServiceSettings

INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><link rel="icon" href="./icon.svg">
<script type="module" crossorigin src="./assets/index-1a2b.js"></script></head>
<body><a href="#main">skip</a><div id="root"></div></body></html>
"""
SCRIPT = b"console.log('hello');" * 50


def build(folder: Path) -> Path:
    """A built website as Vite and the compression leave it."""
    (folder / "assets").mkdir(parents=True)
    (folder / ".vite").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "icon.svg").write_text("<svg/>")
    (folder / ".vite/manifest.json").write_text("{}")
    (folder / "assets/index-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets/index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets/index-1a2b.js.br").write_bytes(b"as if brotli")
    (folder / "assets/font.woff2").write_bytes(b"font")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("site")
    settings = ServiceSettings(
        website=build(folder / "dist"), title="Builds </script> & more", announcement="Down at 5"
    )
    with running(folder, settings) as rig:
        yield rig


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("prefixed")
    settings = ServiceSettings(website=build(folder / "dist"), base_path="/orchestra")
    with running(folder, settings) as rig:
        yield rig


def boot(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', page)
    assert found is not None
    read: dict[str, object] = json.loads(found[1])
    return read


@pytest.mark.parametrize("path", ["/", "/runs", "/p/core/jobs/build/runs/7", "/login?code=x", "/apiary", "/index.html"])
def test_every_path_that_is_no_file_is_the_page(site: Rig, path: str) -> None:
    answer = site.client().get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert '<div id="root">' in answer.text


def test_the_page_knows_what_it_needs_before_its_first_request(site: Rig) -> None:
    page = site.client().get("/").text
    first = boot(page)
    assert first.pop("nonce")
    assert first == {
        "base_path": "",
        "version": __version__,
        "title": "Builds </script> & more",
        "announcement": "Down at 5",
        "is_signed_in": False,
    }
    client, _ = site.sign_in()
    assert boot(client.get("/").text)["is_signed_in"] is True
    assert 'href="#main"' in page
    assert "<base" not in page


def test_the_policy_of_the_page_has_a_fresh_nonce_and_allows_nothing_from_elsewhere(site: Rig) -> None:
    answers = [site.client().get("/") for _ in range(2)]
    nonces = {str(boot(answer.text)["nonce"]) for answer in answers}
    assert len(nonces) == 2
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert f"style-src 'self' 'nonce-{boot(answer.text)['nonce']}'" in policy
        assert {"default-src 'self'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(
            policy.split("; ")
        )
        assert "unsafe" not in policy
        assert "http" not in policy


def test_assets_are_kept_for_ever_in_the_encoding_that_the_browser_takes(site: Rig) -> None:
    path = "/assets/index-1a2b.js"
    plain = site.client().get(path, headers={"Accept-Encoding": "identity"})
    assert (plain.content, plain.headers["content-type"]) == (SCRIPT, "text/javascript; charset=utf-8")
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["vary"] == "Accept-Encoding"
    zipped = site.client().get(path, headers={"Accept-Encoding": "gzip, deflate"})
    assert (zipped.headers["content-encoding"], zipped.content) == ("gzip", SCRIPT)
    with site.client().stream("GET", path, headers={"Accept-Encoding": "gzip, br"}) as brotli:
        assert brotli.headers["content-encoding"] == "br"
        assert b"".join(brotli.iter_raw()) == b"as if brotli"
    tags = {answer.headers["etag"] for answer in (plain, zipped)}
    assert len(tags) == 2
    again = site.client().get(path, headers={"Accept-Encoding": "identity", "If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/index-1a2b.js.gz",
        "/assets/../index.html.bak",
        "/assets/%2e%2e/%2e%2e/orchestra.db",
        "/assets/..%2f..%2forchestra.db",
        "/assets/",
    ],
)
def test_what_is_no_asset_is_404(site: Rig, path: str) -> None:
    answer = site.client().get(path)
    assert answer.status_code in (200, 404)
    assert b"SQLite" not in answer.content
    if answer.status_code == 200:
        assert '<div id="root">' in answer.text


def test_the_build_keeps_its_own_notes(site: Rig) -> None:
    assert '<div id="root">' in site.client().get("/.vite/manifest.json").text


def test_files_beside_the_page_are_served_and_asked_for_again(site: Rig) -> None:
    answer = site.client().get("/icon.svg")
    assert (answer.text, answer.headers["content-type"]) == ("<svg/>", "image/svg+xml; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert site.client().get("/assets/font.woff2").headers["content-type"] == "font/woff2"


def test_the_website_takes_no_changes(site: Rig) -> None:
    answer = site.client().post("/runs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    head = site.client().head("/")
    assert (head.status_code, head.content) == (200, b"")


def test_everything_works_under_a_prefix_and_nothing_beside_it(prefixed: Rig) -> None:
    page = prefixed.client().get("/runs/7")
    assert boot(page.text)["base_path"] == "/orchestra"
    assert 'src="/orchestra/assets/index-1a2b.js"' in page.text
    assert prefixed.client().get("/assets/index-1a2b.js").status_code == 200
    prefixed.job()
    made = prefixed.api.post("/api/v1/projects/core/jobs/build/trigger")
    assert made.headers["location"].startswith("/orchestra/api/v1/runs/")
    assert prefixed.client().get("/health/live").status_code == 200
    assert prefixed.api.get("/api/v1/openapi.json").json()["servers"] == [{"url": "/orchestra/"}]
    cookie = prefixed.client().post("/api/v1/me/login", json={"token": prefixed.first.token}).headers["set-cookie"]
    assert "Path=/orchestra" in cookie
    outside = f"http://127.0.0.1:{prefixed.port}"
    for path in ("/", "/orchestrax", "/api/v1/me", "/health/live"):
        answer = prefixed.client().get(outside + path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert prefixed.client().get(f"{outside}/orchestra").status_code == 200


def test_a_server_without_a_built_website_says_how_to_build_it(tmp_path: Path) -> None:
    with running(tmp_path, ServiceSettings(website=tmp_path / "none")) as rig:
        answer = rig.client().get("/")
        assert answer.status_code == 503
        assert "make website" in answer.text
        assert rig.api.get("/api/v1/me").status_code == 200


def test_a_website_that_was_built_anew_meanwhile_answers_404_for_old_names(tmp_path: Path) -> None:
    folder = build(tmp_path / "dist")
    with running(tmp_path, ServiceSettings(website=folder)) as rig:
        for file in (folder / "assets").iterdir():
            file.unlink()
        assert rig.client().get("/assets/index-1a2b.js").status_code == 404
        assert rig.client().get("/").status_code == 200


def test_the_documentation_page_is_for_who_signed_in_and_loads_nothing_from_elsewhere(site: Rig) -> None:
    assert site.client().get("/api/docs").status_code == 401
    assert site.client().get("/api/v1/openapi.json").status_code == 401
    client, _ = site.sign_in()
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "triggerJob" in page.text
    assert not re.search(r"""(?:src|href)="(?:https?:)?//""", page.text)
    assert client.get("/api/v1/openapi.json").json()["openapi"] == "3.1.0"
