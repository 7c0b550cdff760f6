"""The list of runs: it lives, and nothing in it jumps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from browser.visitor import Visitor
from support.installation import PROJECT, Gate, Installation
from support.waiting import wait_for


@pytest.fixture(scope="module", autouse=True)
def _jobs(site: Installation) -> None:
    site.put_job("quick", "true")
    site.put_job("broken", "exit 3")


def top(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box is not None
    return box["y"]


def test_rows_change_in_place_and_new_runs_wait_until_they_are_asked_for(visitor: Visitor, site: Installation) -> None:
    for _ in range(3):
        site.run("quick")
    visitor.go(f"/p/{PROJECT}/runs")
    first = visitor.page.locator("[data-row]").first
    expect(first).to_contain_text("Succeeded")
    first.focus()
    before = visitor.page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)")
    y = top(first)

    new = [site.run("quick") for _ in range(2)]

    fresh = visitor.button("↑ 2 new runs")
    expect(fresh).to_be_visible()
    assert visitor.page.locator("[data-row]").evaluate_all("rows => rows.map(row => row.dataset.row)") == before
    assert top(first) == y
    expect(first).to_be_focused()
    fresh.click()
    expect(visitor.page.locator("[data-row]").first).to_contain_text(f"#{new[-1].number}")
    expect(visitor.page.locator("[data-row]")).to_have_count(len(before) + 2)


def test_a_run_shows_at_once_when_nobody_reads(visitor: Visitor, site: Installation) -> None:
    site.run("quick")
    visitor.go(f"/p/{PROJECT}/runs")
    expect(visitor.page.locator("[data-row]").first).to_be_visible()
    visitor.page.mouse.move(5, 5)
    run = site.run("quick")
    expect(visitor.page.locator("[data-row]").first).to_contain_text(f"#{run.number}")


def test_a_row_shows_each_status_as_it_comes(
    visitor: Visitor, site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gate = Gate(tmp_path_factory.mktemp("gate") / "go")
    site.put_job("gated", gate.command)
    run = site.trigger("gated")
    visitor.go(f"/p/{PROJECT}/runs")
    row = visitor.page.locator(f"[data-row='{run.identifier}']")
    expect(row).to_contain_text("Running")
    expect(visitor.page.get_by_role("navigation", name="Main")).to_contain_text("Runs1")
    gate.open()
    expect(row).to_contain_text("Succeeded")


def test_the_address_holds_the_filters_and_a_row_that_matches_no_longer_stays_dimmed(
    visitor: Visitor, site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site.run("broken")
    visitor.go(f"/p/{PROJECT}/runs")
    visitor.button("Failed").click()
    expect(visitor.page.locator("[data-row]").first).to_contain_text("Failed")
    expect(visitor.page.get_by_text("Succeeded", exact=True)).to_have_count(1)  # the filter's own button
    assert "failed" in visitor.page.url
    visitor.page.reload()
    expect(visitor.button("Failed")).to_have_attribute("aria-pressed", "true")

    gate = Gate(tmp_path_factory.mktemp("gate") / "go")
    site.put_job("gated", gate.command)
    run = site.trigger("gated")
    site.wait_running(run.identifier)
    visitor.go(f"/p/{PROJECT}/runs?status=running")
    row = visitor.page.locator(f"[data-row='{run.identifier}']")
    expect(row).to_contain_text("Running")
    row.focus()
    gate.open()
    expect(row).to_contain_text("Succeeded")
    expect(row).to_have_attribute("data-dimmed", "true")


def test_when_nothing_matches_the_page_says_so_and_clears_the_filters(visitor: Visitor, site: Installation) -> None:
    site.run("quick")
    visitor.go(f"/p/{PROJECT}/runs?status=exception")
    expect(visitor.page.get_by_role("heading", name="No run matches")).to_be_visible()
    visitor.page.get_by_role("main").get_by_role("button", name="Clear filters").last.click()
    expect(visitor.page.locator("[data-row]").first).to_be_visible()


def test_an_empty_project_shows_the_next_step(visitor: Visitor, site: Installation) -> None:
    assert site.http.put("/projects/empty", json={}).is_success
    visitor.go("/p/empty/runs")
    expect(visitor.page.get_by_role("heading", name="No runs yet")).to_be_visible()
    visitor.link("Choose a job and trigger it").click()
    expect(visitor.page.get_by_role("heading", name="No jobs yet")).to_be_visible()


def test_the_list_is_used_with_the_keyboard_alone(visitor: Visitor, site: Installation) -> None:
    for _ in range(2):
        site.run("quick")
    visitor.go(f"/p/{PROJECT}/runs")
    rows = visitor.page.locator("[data-row]")
    expect(rows.nth(1)).to_be_visible()
    rows.first.focus()
    visitor.page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    visitor.page.keyboard.press("k")
    expect(rows.first).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(visitor.heading).to_contain_text("Run #")
    expect(visitor.heading).to_be_focused()
    visitor.page.keyboard.press("g")
    visitor.page.keyboard.press("r")
    expect(visitor.heading).to_have_text("Runs")
    visitor.page.keyboard.press("?")
    expect(visitor.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


def test_a_long_list_is_loaded_as_one_scrolls(visitor: Visitor, site: Installation) -> None:
    keys = range(130)
    runs = [site.trigger("quick", idempotency_key=f"many-{key}") for key in keys]
    site.wait_end(runs[-1].identifier)
    visitor.go(f"/p/{PROJECT}/runs?job=quick")
    rows = visitor.page.locator("[data-row]")
    expect(rows.first).to_be_visible()
    assert rows.count() < 60
    oldest = visitor.page.get_by_role("link", name="#1", exact=True)
    rows.first.focus()

    def at_the_end() -> bool:
        visitor.page.keyboard.press("End")
        return oldest.is_visible()

    wait_for(at_the_end, "the oldest run is shown")
