"""A person at the website: a page of real Chromium, signed in to a real installation.

    visitor.go("/runs")
    visitor.row("hello").get_by_text("Succeeded").wait_for()
    visitor.check_accessible()

Rules: what the person waits for is an element; Playwright waits for it up to its own deadline. Errors on the console,
uncaught exceptions and violations of the content security policy (which browsers write to the console) fail the test
that had them, see support.chromium.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from orchestra.client.entities import Run
from support.chromium import watch
from support.installation import Installation

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What appears has appeared; what turns for ever (a run) may turn.
SETTLED = """() => Promise.all(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().endTime !== Infinity)
    .map(one => one.finished.catch(() => 0)))"""


@dataclass
class Visitor:
    """`problems` is what the page complained about so far."""

    page: Page
    site: Installation
    problems: list[str]

    def go(self, path: str) -> None:
        """Open an address of the website; `path` begins with a slash."""
        self.page.goto(self.site.address + path)

    def go_to_run(self, run: Run, tab: str = "") -> None:
        """Open a run's page, or one of its tabs."""
        self.go(f"/p/{run.project}/jobs/{run.job}/runs/{run.number}{tab}")
        expect(self.heading).to_have_text(f"Run #{run.number}")

    def sign_in(self, token: str | None = None) -> None:
        """Sign in as people do: with the form."""
        self.go("/login")
        self.page.get_by_label("User", exact=True).fill("admin")
        self.page.get_by_label("Password", exact=True).fill(token or self.site.token)
        self.button("Sign in").click()
        expect(self.heading).to_have_text("Runs")

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("region", name="Text of the log")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def row(self, text: str) -> Locator:
        """The first row of the page's table that says `text`."""
        return self.page.get_by_role("row").filter(has_text=text).first

    def expect_status(self, word: str) -> None:
        """Wait until the run's page says so beside its heading."""
        expect(self.page.locator("h1 + span")).to_have_text(word)

    def check_accessible(self, what: str = "") -> None:
        """Fail with every violation that axe finds on the page as it is now."""
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response["violations"]
        assert not found, f"{what} {self.page.url}\n" + "\n".join(map(_show, found))


def _show(violation: dict[str, Any]) -> str:
    nodes = "\n".join(f"    {node['html'][:200]}\n      {node['failureSummary']}" for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['impact']}): {violation['help']}\n{nodes}"


def open_context(browser: Browser, **options: Any) -> BrowserContext:
    """A fresh person's browser: English, UTC, a usual window."""
    defaults: dict[str, Any] = {
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        "timezone_id": "UTC",
    }
    return browser.new_context(**{**defaults, **options})


def arrive(context: BrowserContext, site: Installation, problems: list[str], token: str | None = None) -> Visitor:
    """A new page in `context`, signed in."""
    page = context.new_page()
    watch(page, problems)
    visitor = Visitor(page, site, problems)
    visitor.sign_in(token)
    return visitor
