"""A user of one's own at the website, beside the administrator whom `Visitor` is by itself.

    def test_something(arrive: Arrive) -> None:
        maya = arrive("maya", "Viewer")
        maya.section("Tokens")

Rules: a name stands for one user of the site for as long as the module's site lives, so each test has names of its
own. Refusals that a test provokes are on the browser's console; it takes them out by `forgive`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, expect

from browser.visitor import Visitor, open_context
from support.chromium import watch
from support.installation import Installation
from support.waiting import wait_for

PASSWORD = "a lamp under the old pear tree"


@dataclass
class Person(Visitor):
    """A user of the site at an own browser. `name` is the user's; `secret` is what they sign in with."""

    name: str = ""
    secret: str = ""

    def enter(self, to: str = "/me") -> None:
        """Sign in with the form, on the way to `to`."""
        self.go(f"/login?next={to}")
        self.page.get_by_label("User", exact=True).fill(self.name)
        self.page.get_by_label("Password", exact=True).fill(self.secret)
        self.button("Sign in").click()
        expect(self.heading).not_to_have_text("Sign in to Orchestra")

    def leave(self) -> None:
        """Close the window: nothing of it can be refused any more."""
        self.page.context.close()

    def section(self, title: str) -> Locator:
        return self.page.get_by_role("region", name=title, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def press(self, name: str) -> None:
        """Press a button of the open dialog."""
        self.dialog.get_by_role("button", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        """Type into a field of the open dialog."""
        self.dialog.get_by_label(label, exact=True).fill(text)

    def forgive(self, *statuses: str) -> None:
        """Refusals that were provoked: the browser writes each to its console."""
        self.problems[:] = [one for one in self.problems if not any(f"status of {it}" in one for it in statuses)]

    def tokens(self) -> list[dict[str, Any]]:
        """The user's tokens, as the API lists them."""
        items = self.site.http.get(f"/users/{self.name}/authentications").json()["items"]
        return [one for one in items if one["type"] == "token"]

    def sessions(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.site.http.get(f"/users/{self.name}/sessions").json()["items"]
        return items

    def age(self) -> None:
        """Let the sessions' last proof be an hour old, and wait until the server has noticed."""
        with closing(sqlite3.connect(self.site.data / "orchestra.db", timeout=30)) as database, database:
            past = "2020-01-01T00:00:00.000000Z"
            database.execute('UPDATE session SET authentication_date = ? WHERE "user" = ?', (past, self.name))

        def is_old() -> bool:
            me = self.page.request.get(f"{self.site.address}/api/v1/me").json()
            return str(me["authentication"]["authentication_date"]).startswith("2020")

        wait_for(is_old, "the session is old")


Arrive = Callable[..., Person]
"""`arrive("maya", "Viewer")`: a user with these roles and a password, on the page; again: another window."""


class Arrivals:
    """Who came to the site, each in a browser of their own; what their pages complained about is in `problems`."""

    def __init__(self, browser: Browser, site: Installation) -> None:
        self.problems: list[str] = []
        self._browser = browser
        self._site = site
        self._contexts: list[BrowserContext] = []

    def arrive(self, name: str, *roles: str, password: str | None = PASSWORD, **more: Any) -> Person:
        """Make the user if need be (`display` is the display name), and sign in on the way to `to`.

        Without a password it has a token. The rest are options of the browser's context.
        """
        site, to, display = self._site, more.pop("to", "/me"), more.pop("display", name)
        if site.http.get(f"/users/{name}").status_code == 404:
            body = {"display_name": display, "roles": list(roles)}
            assert site.http.put(f"/users/{name}", json=body).is_success
            if password is not None:
                assert site.http.put(f"/users/{name}/password", json={"password": password}).is_success
        context = open_context(self._browser, **more)
        self._contexts.append(context)
        page = context.new_page()
        watch(page, self.problems)
        person = Person(page, site, self.problems, name, password or make_token(site, name))
        person.enter(to)
        if to == "/me":
            expect(person.heading).to_have_text("Your account")
        return person

    def leave(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()


def make_token(site: Installation, user: str, **body: Any) -> str:
    answer = site.http.post(f"/users/{user}/authentications", json={"description": "made before", **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


def status_with(site: Installation, token: str, path: str = "/me") -> int:
    with site.http_as(token) as client:
        return client.get(path).status_code
