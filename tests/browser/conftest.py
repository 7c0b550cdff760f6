"""What the tests of the website share.

site        `orchestra up` with four slots: server, one local worker, the examples; one for each module
visitor     a page of that site, signed in as the administrator
arrive      makes users of that site and lets them sign in, see browser.person
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.person import Arrivals, Arrive
from browser.visitor import Visitor
from support.installation import Installation

# A deadline, not a duration: what is waited for comes in milliseconds, and on a machine that does much else in seconds.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("site"), "up", arguments=("--concurrency", "4")) as one:
        one.start()
        yield one


@pytest.fixture
def visitor(page: Page, page_problems: list[str], site: Installation) -> Visitor:
    visitor = Visitor(page, site, page_problems)
    visitor.sign_in()
    return visitor


@pytest.fixture
def arrive(browser: Browser, site: Installation) -> Iterator[Arrive]:
    arrivals = Arrivals(browser, site)
    yield arrivals.arrive
    arrivals.leave()
    assert not arrivals.problems, arrivals.problems
