"""The documentation page of the API: complete without a network, searchable, for every eye and every window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Request, expect

from browser.visitor import Visitor, arrive, open_context
from support.installation import Installation


@pytest.fixture(params=["light", "dark"])
def reader(request: pytest.FixtureRequest, browser: Browser, site: Installation) -> Iterator[Visitor]:
    problems: list[str] = []
    context = open_context(browser, color_scheme=request.param)
    yield arrive(context, site, problems)
    context.close()
    assert not problems, problems


def test_it_is_one_document_that_loads_nothing_else(visitor: Visitor) -> None:
    visitor.page.goto("about:blank")
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    visitor.page.on("request", note)
    visitor.go("/api/docs")
    expect(visitor.page.get_by_role("searchbox")).to_be_visible()
    assert [one for one in asked if "/favicon." not in one] == [f"{visitor.site.address}/api/docs"]
    assert all(one.startswith(visitor.site.address) for one in asked)


def test_a_search_leaves_what_has_every_word_and_an_address_opens_its_operation(visitor: Visitor) -> None:
    visitor.go("/api/docs")
    page = visitor.page
    trigger = page.locator("#triggerJob")
    page.keyboard.press("/")
    page.keyboard.type("idempotency job.trigger")
    expect(trigger).to_be_visible()
    expect(page.locator("main details:visible")).to_have_count(1)
    page.keyboard.type(" nonsense")
    expect(page.get_by_text("Nothing has all of these words.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#getMe")).to_be_visible()
    visitor.go("/api/docs#triggerJob")
    expect(trigger.get_by_text("Needs the permission job.trigger.")).to_be_visible()
    trigger.get_by_role("link", name="TriggerInput").click()
    expect(page.locator("#schema-TriggerInput table")).to_be_visible()


def test_axe_finds_nothing_on_it(reader: Visitor) -> None:
    reader.go("/api/docs#triggerJob")
    expect(reader.page.locator("#triggerJob[open]")).to_be_visible()
    reader.check_accessible()


@pytest.mark.parametrize("width", [320, 390])
def test_it_fits_a_narrow_window(width: int, visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": width, "height": 800})
    visitor.go("/api/docs#putJob")
    expect(visitor.page.locator("#putJob[open]")).to_be_visible()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
