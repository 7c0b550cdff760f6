"""For every eye and every window: both themes, narrow pages, and what axe finds on each page in each state."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from browser.visitor import SETTLED, Visitor, arrive, open_context
from support.installation import PROJECT, Gate, Installation
from support.waiting import wait_for


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, site: Installation) -> Iterator[Gate]:
    """A run waits here while all tests of the module look at it: its number is 1."""
    gate = Gate(tmp_path_factory.mktemp("gate") / "go")
    colours = "for n in $(seq 0 255); do printf '\\033[38;5;%smcolour %s\\033[0m \\033[2mdim\\033[0m\\n' $n $n; done"
    site.put_job(
        "build",
        {"name": "colours", "run": colours},
        {"name": "wait", "run": gate.command},
        {"name": "later", "run": "true"},
        parameters=[
            {"key": "branch", "description": "Branch to build", "default": "main"},
            {"key": "target", "type": "choice", "choices": ["debug", "release"], "default": "debug"},
            {"key": "clean", "type": "boolean", "description": "Begin with an empty folder"},
            {"key": "notes", "type": "text"},
            {"key": "secret", "type": "secret"},
        ],
    )
    results = 'echo \'{"tests": 3, "list": [1, "two", null]}\' > "$ORCHESTRA_RESULTS"'
    site.put_job("failing", {"name": "tests", "run": f"{results}; echo bad; exit 3"}, {"name": "never", "run": "true"})
    site.put_job("nowhere", "true", properties={"os": "plan9"})
    site.run("failing")
    site.trigger("nowhere")
    site.wait_running(site.trigger("build").identifier)
    yield gate
    gate.open()


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, browser: Browser, site: Installation, gate: Gate) -> Iterator[Visitor]:
    """Signed in, in each theme."""
    problems: list[str] = []
    context = open_context(browser, color_scheme=request.param)
    yield arrive(context, site, problems)
    context.close()
    assert not problems, problems


RUN = f"/p/{PROJECT}/jobs/failing/runs/1"
PAGES = {
    "runs": "/runs",
    "runs of a project": f"/p/{PROJECT}/runs",
    "no run matches": "/runs?status=exception",
    "jobs": "/jobs",
    "job": f"/p/{PROJECT}/jobs/build",
    "definition of a job": f"/p/{PROJECT}/jobs/build?tab=definition",
    "trigger": f"/p/{PROJECT}/jobs/build/trigger",
    "running": f"/p/{PROJECT}/jobs/build/runs/1",
    "pending": f"/p/{PROJECT}/jobs/nowhere/runs/1",
    "failed": RUN,
    "timeline": f"{RUN}/timeline",
    "results": f"{RUN}/results",
    "artifacts": f"{RUN}/artifacts",
    "no results": f"/p/{PROJECT}/jobs/nowhere/runs/1/results",
    "parameters": f"/p/{PROJECT}/jobs/build/runs/1/parameters",
    "events": f"{RUN}/events",
    "definition": f"{RUN}/definition",
    "workers": "/workers",
    "account": "/me",
}
# What shows that the page has arrived, where the heading stands before its content.
CONTENT = {
    "running": "[data-line='256']",
    "failed": "[data-line='1']",
    "pending": "section[aria-label='Why'] li",
    "timeline": "table",
    "events": "main ol li time",
    "trigger": "form",
    "workers": "[data-row]",
    "account": "table",
    "runs": "[data-row]",
    "jobs": "[data-row]",
}


def arrived(visitor: Visitor, name: str) -> None:
    expect(visitor.heading).not_to_be_empty()
    if name in CONTENT:
        expect(visitor.page.locator(CONTENT[name]).first).to_be_visible()
    expect(visitor.page.locator("[aria-busy='true']")).to_have_count(0)


def test_axe_finds_nothing_on_any_page(themed: Visitor) -> None:
    for name, path in PAGES.items():
        themed.go(path)
        arrived(themed, name)
        themed.check_accessible(name)


def test_axe_finds_nothing_while_something_is_open(themed: Visitor) -> None:
    page = themed.page

    def menu(button: str) -> None:
        themed.button(button).click()
        expect(page.get_by_role("menu")).to_be_visible()

    def dialog(open_it: Callable[[], None]) -> None:
        open_it()
        expect(page.get_by_role("dialog")).to_be_visible()

    opened: dict[str, tuple[str, Callable[[], None]]] = {
        "account": ("/runs", lambda: menu("Account of admin")),
        "projects": ("/runs", lambda: menu("Project: All projects")),
        "times": (PAGES["running"], lambda: menu("Time: off")),
        "more ways": (RUN, lambda: menu("More ways to run again")),
        "abort": (PAGES["running"], lambda: dialog(lambda: themed.button("Abort…").click())),
        "keys": ("/runs", lambda: dialog(lambda: page.keyboard.press("?"))),
        "tooltip": ("/workers", lambda: themed.button("Disable local").focus()),
    }
    for name, (path, act) in opened.items():
        themed.go(path)
        expect(themed.heading).not_to_be_empty()
        expect(page.locator("[data-row], [data-line]").first).to_be_visible()
        act()
        page.evaluate(SETTLED)
        themed.check_accessible(name)


def test_axe_finds_nothing_on_the_sign_in_page_nor_where_nothing_is(themed: Visitor) -> None:
    themed.go("/no/such/page")
    expect(themed.page.get_by_text("Nothing here").first).to_be_visible()
    themed.check_accessible("not found")
    themed.page.context.clear_cookies()
    themed.go("/login")
    expect(themed.heading).to_have_text("Sign in to Orchestra")
    themed.check_accessible("sign in")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_every_page_fits_a_narrow_window(width: int, browser: Browser, site: Installation, gate: Gate) -> None:
    problems: list[str] = []
    context = open_context(browser, viewport={"width": width, "height": 720})
    visitor = arrive(context, site, problems)
    for name, path in PAGES.items():
        visitor.go(path)
        arrived(visitor, name)
        wide = visitor.page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} px wide"
        main = visitor.page.locator("main").evaluate("e => e.scrollWidth - e.clientWidth")
        assert main <= 0, f"{name} scrolls sideways by {main} px"
        if width == 390:
            visitor.check_accessible(name)
    context.close()
    assert not problems, problems


def test_pointers_find_every_control(visitor: Visitor, gate: Gate) -> None:
    small = """() => [...document.querySelectorAll('a, button, input, select, textarea, summary')].filter(e => {
        const box = e.getBoundingClientRect()
        const isMeant = e.tabIndex >= 0 && e.type !== 'checkbox' && getComputedStyle(e).display !== 'inline'
        return isMeant && box.width > 0 && (box.width < 24 || box.height < 24)
    }).map(e => e.outerHTML.slice(0, 120))"""
    for name, path in PAGES.items():
        visitor.go(path)
        arrived(visitor, name)
        assert visitor.page.evaluate(small) == [], name


def test_nothing_moves_for_who_wants_that(browser: Browser, site: Installation, gate: Gate) -> None:
    problems: list[str] = []
    context = open_context(browser, reduced_motion="reduce")
    visitor = arrive(context, site, problems)
    visitor.go("/runs")
    expect(visitor.row("Running")).to_be_visible()
    # What would turn for ever would never let this come true.
    still = "() => document.getAnimations().every(one => one.playState !== 'running')"
    wait_for(lambda: visitor.page.evaluate(still), "nothing moves")
    context.close()
    assert not problems, problems


def test_statuses_stay_visible_when_the_system_chooses_the_colours(
    browser: Browser, site: Installation, gate: Gate
) -> None:
    problems: list[str] = []
    context = open_context(browser, forced_colors="active")
    visitor = arrive(context, site, problems)
    visitor.go("/runs")
    icon = visitor.row("Failed").locator("svg").first
    colors = icon.evaluate("e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]")
    assert colors[0] != colors[1]
    context.close()
    assert not problems, problems


def test_the_theme_is_chosen_and_kept(visitor: Visitor, gate: Gate) -> None:
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert visitor.page.evaluate(background) == "rgb(255, 255, 255)"
    visitor.button("Account of admin").click()
    visitor.page.get_by_role("menuitemradio", name="Dark").click()
    expect(visitor.page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    visitor.page.reload()
    expect(visitor.row("Failed")).to_be_visible()
    assert visitor.page.evaluate(background) == "rgb(16, 20, 24)"
    visitor.go(f"/p/{PROJECT}/jobs/build/runs/1")
    expect(visitor.log).to_contain_text("colour 255")


def test_the_keyboard_reaches_the_content_first(visitor: Visitor) -> None:
    visitor.go("/workers")
    expect(visitor.page.locator("[data-row]").first).to_be_visible()
    visitor.page.keyboard.press("Tab")
    skip = visitor.link("Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.get_by_role("main")).to_be_focused()
