"""Under a path prefix, as behind a proxy: API, worker, website and command line all live below it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from orchestra.domain.run import RunStatus
from support.installation import Installation

PREFIX = "/orchestra"


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    # As people may write it: with a slash too many.
    arguments = ("--base-path", f"{PREFIX}/")
    with Installation(tmp_path_factory.mktemp("prefix"), "up", arguments=arguments, base_path=PREFIX) as one:
        one.start()
        yield one


def _root(one: Installation) -> str:
    return one.address.removesuffix(PREFIX)


def test_ready_names_the_address_with_its_prefix(prefixed: Installation) -> None:
    assert prefixed.server is not None
    assert prefixed.server.out.text.splitlines()[-1] == f"ready {_root(prefixed)}{PREFIX}"


def test_the_worker_and_the_command_line_work_below_it(prefixed: Installation) -> None:
    done = prefixed.orchestra("trigger", "examples/hello", "-p", "name=Ada", "--follow")
    assert done.code == 0, done
    assert b"Ada" in done.out


def test_a_run_reaches_its_server_below_it(prefixed: Installation) -> None:
    prefixed.put_job("sees", 'printf %s "$ORCHESTRA_SERVER"')
    run = prefixed.run("sees")
    assert run.status is RunStatus.SUCCEEDED
    assert prefixed.client.log(run.identifier).decode() == prefixed.address


def test_the_website_names_its_files_below_it(prefixed: Installation) -> None:
    for path in ("/", "/runs", "/login"):
        page = httpx.get(prefixed.address + path)
        assert page.status_code == 200, path
        assert page.headers["Content-Type"].startswith("text/html")
        links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert links
        for link in links:
            if link.startswith("data:"):
                continue
            found = httpx.get(httpx.URL(f"{prefixed.address}{path}").join(link))
            assert found.status_code == 200, (path, link)
            assert not found.headers["Content-Type"].startswith("text/html") or link.endswith("/"), (path, link)


def test_what_is_created_is_located_below_it(prefixed: Installation) -> None:
    answer = prefixed.http.post("/projects/examples/jobs/hello/trigger", json={})
    assert answer.status_code == 201
    assert answer.headers["Location"].startswith(f"{PREFIX}/api/v1/runs/")
    prefixed.wait_end(answer.json()["identifier"])


def test_the_cookie_is_for_the_prefix_alone(prefixed: Installation) -> None:
    with prefixed.http_as(None) as browser:
        answer = browser.post("/me/login", json={"token": prefixed.token})
        assert answer.status_code == 200, answer.text
        assert f"Path={PREFIX}" in answer.headers["Set-Cookie"]


def test_health_and_openapi_live_below_it(prefixed: Installation) -> None:
    assert httpx.get(f"{prefixed.address}/health/ready").status_code == 200
    document = prefixed.http.get("/openapi.json").json()
    assert document["servers"][0]["url"].startswith(PREFIX)


def test_outside_of_it_there_is_nothing_but_the_way_in(prefixed: Installation) -> None:
    outside = httpx.get(f"{_root(prefixed)}/api/v1/runs", headers={"Authorization": f"Bearer {prefixed.token}"})
    assert outside.status_code == 404
    assert httpx.get(f"{_root(prefixed)}/orchestrax/api/v1/runs").status_code == 404
