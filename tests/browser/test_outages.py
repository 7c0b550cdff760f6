"""The run's page while something is away: its worker, or the server; receipts of stops; files that a run left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.visitor import Visitor, arrive, open_context
from support.installation import Gate, Installation
from support.waiting import wait_for


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A server, whose worker a test may take away."""
    with Installation(tmp_path_factory.mktemp("site"), "server") as one:
        one.start()
        one.start_worker("linux-07")
        yield one


def band(page: Page) -> Locator:
    return page.get_by_role("region", name="Connection of the worker")


def test_what_is_known_is_shown_while_the_worker_is_away_and_the_gap_is_filled_when_it_is_back(
    browser: Browser, site: Installation, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    results = """echo '{"done": 1}' > "$ORCHESTRA_RESULTS" """
    site.put_job(
        "long",
        {"name": "begin", "run": f"{results}; echo one; {gate.command}; echo two; {gate.command}"},
        definition={"artifacts": ["*.txt"], "grace": 1.0},
    )
    run = site.trigger("long")
    problems: list[str] = []
    contexts = [open_context(browser, color_scheme=scheme) for scheme in ("light", "dark")]
    visitors = [arrive(context, site, problems) for context in contexts]
    for visitor in visitors:
        visitor.go_to_run(run)
        expect(visitor.log).to_contain_text("one")
        visitor.expect_status("Running")
        expect(visitor.page.get_by_text("at least")).to_have_count(0)

    site.workers["linux-07"].stop()
    for visitor in visitors:
        away = band(visitor.page)
        expect(away).to_contain_text("linux-07 is not connected, last heard from at")
        expect(away).to_contain_text("The run probably goes on there.")
        expect(away).to_contain_text("The log below is complete up to")
        expect(away).to_contain_text("If it does not return, the run ends as exception on")
        visitor.expect_status("Running when last heard of")
        expect(visitor.page.get_by_text("at least").first).to_be_visible()
        # The page itself has its connection.
        expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible()
        visitor.check_accessible("away")
    gate.open()
    first, second = visitors
    second.go("/runs")
    expect(second.row("long")).to_contain_text("linux-07 (not connected)")
    expect(second.row("long")).to_contain_text("≥ ")
    second.check_accessible("a list with a run whose worker is away")
    second.go("/workers")
    expect(second.row("linux-07")).to_contain_text("Disconnected")
    second.check_accessible("a worker that is away with a run")
    second.go_to_run(run)
    first.link("Results 1").click()
    expect(first.page.get_by_text("The worker is not connected: so they were at")).to_be_visible()
    first.link("Artifacts").click()
    expect(first.page.get_by_text("The files come when the run ends")).to_be_visible()
    first.check_accessible("artifacts to come")
    first.link("Log").click()

    site.client.abort(run.identifier)
    for visitor in visitors:
        visitor.expect_status("Abort not delivered")
        expect(visitor.page.get_by_role("region", name="Stop")).to_contain_text("Not delivered yet; will be on return")
        visitor.check_accessible("an abort that is not delivered")

    site.start_worker("linux-07")
    site.wait_end(run.identifier)
    for visitor in visitors:
        visitor.expect_status("Aborted")
        expect(visitor.log).to_contain_text("two")
        back = band(visitor.page)
        expect(back).to_contain_text("linux-07 is back after")
        expect(visitor.page.get_by_text("at least")).to_have_count(0)
        stop = visitor.page.get_by_role("region", name="Stop").get_by_role("listitem")
        expect(stop.filter(has_text="Told to end")).to_have_count(1)
        expect(stop.last).to_contain_text("Nothing is alive")
        visitor.check_accessible("back")
    second.link("Events").click()
    events = second.page.get_by_role("main").get_by_role("listitem")
    expect(events.filter(has_text="Stop delivered")).to_have_count(1)
    for context in contexts:
        context.close()
    assert not problems, problems


def test_files_are_listed_and_downloaded(visitor: Visitor, site: Installation, tmp_path: Path) -> None:
    site.put_job(
        "files",
        "mkdir dist; printf 'a report' > 'dist/report ü #1.txt'; printf x > dist/b",
        definition={"artifacts": ["dist/**", "none/*"], "workspace": "clean"},
    )
    run = site.run("files")
    wait_for(lambda: site.client.run(run.identifier).artifacts_complete, "the files have come")
    visitor.go_to_run(run)
    expect(visitor.page.get_by_role("region", name="Why")).to_contain_text("Artifacts: 'none/*' fits no file.")
    visitor.link("Artifacts 2").click()
    row = visitor.row("report ü #1.txt")
    expect(row).to_contain_text("8 B")
    expect(row).to_contain_text("Stored")
    (found,) = [one for one in site.client.artifacts(run.identifier) if one.size == 8]
    expect(row).to_contain_text(found.sha256[:12])
    with visitor.page.expect_download() as download:
        row.get_by_role("link").click()
    assert download.value.path().read_text() == "a report"
    with visitor.page.expect_download() as archive:
        visitor.link("Download archive").click()
    assert archive.value.path().read_bytes().startswith(b"PK")
    visitor.check_accessible("artifacts")
    site.put_job("nothing", "true")
    visitor.go_to_run(site.run("nothing"), "/artifacts")
    expect(visitor.page.get_by_text("The job keeps no files")).to_be_visible()


def test_who_may_not_see_workers_still_learns_that_the_runs_worker_is_away(
    browser: Browser, site: Installation, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    site.put_job("closed", gate.command)
    token = site.new_token("rosa", "Viewer@tests")
    run = site.trigger("closed")
    site.wait_running(run.identifier)
    site.workers["linux-07"].stop()
    site.wait_worker("linux-07", is_active=False)
    problems: list[str] = []
    with open_context(browser) as context:
        visitor = arrive(context, site, problems, token)
        visitor.go_to_run(run)
        expect(band(visitor.page)).to_contain_text("linux-07 is not connected, last heard from at")
    site.start_worker("linux-07")
    gate.open()
    site.wait_end(run.identifier)
    assert not problems, problems


def test_a_page_that_has_lost_the_server_says_that_and_nothing_of_the_worker(
    page: Page, page_problems: list[str], site: Installation, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    site.put_job("waits", f"echo one; {gate.command}; echo two")
    run = site.trigger("waits")
    visitor = Visitor(page, site, page_problems)
    visitor.sign_in()
    visitor.go_to_run(run)
    expect(visitor.log).to_contain_text("one")
    site.stop()
    expect(page.get_by_text("Offline, showing")).to_be_visible()
    visitor.expect_status("Running when last heard of")
    expect(page.get_by_text("at least").first).to_be_visible()
    expect(band(page)).to_have_count(0)
    site.start()
    site.wait_worker("linux-07")
    gate.open()
    expect(visitor.log).to_contain_text("two", timeout=60_000)
    visitor.expect_status("Succeeded")
    # What the browser says about a server that is away is no error of the page.
    page.close()
    page_problems.clear()
