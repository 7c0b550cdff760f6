"""How the website comes to the browser: under a path prefix, within its budget, and through lost connections."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.visitor import Visitor, arrive, open_context
from support.chromium import ARGUMENTS, watch
from support.installation import PROJECT, Installation

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/tools/orchestra"
NPM = [sys.executable, "scripts/website.py", "npm", "run", "--silent"]


def test_everything_works_under_a_path_prefix(browser: Browser, tmp_path: Path) -> None:
    with Installation(tmp_path, "up", arguments=("--base-path", PREFIX), base_path=PREFIX) as site:
        site.start()
        problems: list[str] = []
        context = open_context(browser)
        visitor = arrive(context, site, problems)
        assert visitor.page.url == f"{site.address}/runs"
        expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()
        visitor.link("Jobs").click()
        visitor.page.get_by_role("link", name="Trigger hello").click()
        visitor.button("Trigger").click()
        visitor.expect_status("Succeeded")
        expect(visitor.log).to_contain_text("Hello, world!")
        assert visitor.page.url == f"{site.address}/p/examples/jobs/hello/runs/1"
        visitor.page.reload()
        expect(visitor.log).to_contain_text("Hello, world!")
        with visitor.page.expect_download() as download:
            visitor.link("Download").click()
        assert Path(download.value.path()).read_text() == "Hello, world!\n"
        visitor.button("Account of admin").click()
        visitor.page.get_by_role("menuitem", name="Sign out").click()
        expect(visitor.heading).to_have_text("Sign in to Orchestra")
        context.close()
        assert not problems, problems


def test_the_page_lives_through_a_restart_of_the_server(page: Page, page_problems: list[str], tmp_path: Path) -> None:
    with Installation(tmp_path, "up") as site:
        site.start()
        site.put_job("quick", "true")
        site.run("quick")
        visitor = Visitor(page, site, page_problems)
        visitor.sign_in()
        rows = page.locator("[data-row]")
        expect(rows).to_have_count(1)
        rows.first.focus()
        site.stop()
        expect(page.get_by_text("Offline, showing")).to_be_visible()
        expect(rows).to_have_count(1)
        site.start()
        site.run("quick")
        expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=60_000)
        page.get_by_role("button", name="↑ 1 new run").click()
        expect(rows).to_have_count(2)
        page.mouse.move(5, 5)
        site.run("quick")
        expect(rows.first).to_contain_text("#3")
        expect(rows).to_have_count(3)
        # What the browser says about a server that is away is no error of the page.
        page.close()
        page_problems[:] = [
            one for one in page_problems if "ERR_CONNECTION_REFUSED" not in one and "WebSocket" not in one
        ]


def test_without_a_live_connection_the_page_asks_and_stays_true(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    # A proxy that knows no WebSocket.
    page.add_init_script("window.WebSocket = class extends WebSocket { constructor(a) { super(a + '/not-there') } }")
    site.put_job("quick", "true")
    visitor = Visitor(page, site, page_problems)
    visitor.sign_in()
    expect(page.get_by_text("Polling", exact=True)).to_be_visible()
    run = site.run("quick")
    expect(page.locator(f"[data-row='{run.identifier}']")).to_contain_text("Succeeded")
    visitor.go_to_run(run)
    visitor.expect_status("Succeeded")
    page.close()
    page_problems[:] = [one for one in page_problems if "WebSocket" not in one]


def test_a_browser_loads_no_more_than_the_budget_allows() -> None:
    done = subprocess.run([*NPM, "size"], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_tab_has_one_live_connection_whatever_one_visits(visitor: Visitor, site: Installation) -> None:
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()
    opened: list[str] = []
    visitor.page.on("websocket", lambda socket: opened.append(socket.url))
    visitor.page.reload()
    site.put_job("quick", "true")
    run = site.run("quick")
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()
    for name in ("Jobs", "Runs", "Workers 1/1", "Runs"):
        visitor.link(name).click()
    visitor.page.locator(f"[data-row='{run.identifier}']").click()
    visitor.expect_status("Succeeded")
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()
    assert opened == [f"{site.address.replace('http', 'ws')}/api/v1/live"]


@pytest.mark.parametrize("path", ["/", f"/p/{PROJECT}", f"/p/{PROJECT}/"])
def test_short_addresses_lead_to_the_runs(path: str, visitor: Visitor) -> None:
    visitor.go(path)
    expect(visitor.heading).to_have_text("Runs")


def test_a_server_without_https_is_fully_usable(browser: Browser, chromium_path: Path, site: Installation) -> None:
    # A name that is not localhost is no secure context: no clipboard, no random UUIDs.
    intranet = [*ARGUMENTS, "--host-resolver-rules=MAP intranet.test 127.0.0.1"]
    plain = browser.browser_type.launch(executable_path=chromium_path, args=intranet)
    try:
        problems: list[str] = []
        page = open_context(plain).new_page()
        watch(page, problems)
        page.goto(f"http://intranet.test:{site.port}/p/examples/jobs/hello/trigger")
        assert page.evaluate("isSecureContext") is False
        page.get_by_label("Password", exact=True).fill(site.token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Copy the command that triggers the same").click()
        expect(page.get_by_text("Copied")).to_have_count(1)
        page.get_by_role("button", name="Trigger", exact=True).click()
        expect(page.locator("h1 + span")).to_have_text("Succeeded")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        # Chromium notes that this header needs HTTPS; it is there for those who have it.
        problems = [one for one in problems if "Cross-Origin-Opener-Policy" not in one]
        assert not problems, problems
    finally:
        plain.close()
