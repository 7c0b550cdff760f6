"""Signing in: by token, by the one-time link, and what happens without either."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from browser.visitor import Visitor
from support.installation import Installation


def test_who_is_not_signed_in_sees_the_form_and_then_the_page_that_was_asked_for(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    visitor = Visitor(page, site, page_problems)
    visitor.go("/workers")
    expect(visitor.heading).to_have_text("Sign in to Orchestra")
    page.get_by_label("Password", exact=True).fill(site.token)
    page.get_by_label("Password", exact=True).press("Enter")
    expect(visitor.heading).to_have_text("Workers")
    expect(page).to_have_url(f"{site.address}/workers")


def test_the_one_time_link_of_the_first_start_signs_in_once(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    assert site.server is not None
    line = site.server.wait_line("/login?code=")
    address = line[line.index("http") :]
    page.goto(address)
    visitor = Visitor(page, site, page_problems)
    expect(visitor.heading).to_have_text("Runs")
    assert "code=" not in page.url
    page.context.clear_cookies()
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("used already")
    page_problems[:] = [one for one in page_problems if "401" not in one]


def test_a_wrong_token_is_refused_with_a_sentence_and_what_was_typed_stays(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    visitor = Visitor(page, site, page_problems)
    visitor.go("/login")
    page.get_by_label("User", exact=True).fill("admin")
    page.get_by_label("Password", exact=True).fill("nonsense")
    visitor.button("Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("User and password do not fit, or the token is not valid.")
    expect(page.get_by_label("User", exact=True)).to_have_value("admin")
    page_problems[:] = [one for one in page_problems if "401" not in one]


def test_the_address_to_go_to_afterwards_never_leads_elsewhere(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    visitor = Visitor(page, site, page_problems)
    visitor.go("/login?next=//example.org/")
    page.get_by_label("Password", exact=True).fill(site.token)
    visitor.button("Sign in").click()
    expect(visitor.heading).to_have_text("Runs")
    assert page.url.startswith(site.address)


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    visitor.button("Account of admin").click()
    visitor.page.get_by_role("menuitem", name="Sign out").click()
    expect(visitor.heading).to_have_text("Sign in to Orchestra")
    visitor.go("/runs")
    expect(visitor.heading).to_have_text("Sign in to Orchestra")


def test_a_session_that_ends_while_one_looks_leads_to_the_form_and_back(visitor: Visitor) -> None:
    visitor.page.context.clear_cookies()
    visitor.link("Jobs").click()
    expect(visitor.heading).to_have_text("Sign in to Orchestra")
    visitor.page.get_by_label("Password", exact=True).fill(visitor.site.token)
    visitor.button("Sign in").click()
    expect(visitor.heading).to_have_text("Jobs")
    visitor.problems[:] = [one for one in visitor.problems if "401" not in one]


def test_who_has_no_role_is_told_so_and_nothing_is_asked_for_in_vain(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    token = site.new_token("newcomer")
    visitor = Visitor(page, site, page_problems)
    visitor.go("/login")
    page.get_by_label("Password", exact=True).fill(token)
    visitor.button("Sign in").click()
    expect(visitor.heading).to_have_text("Your account has no role yet")
    expect(page.get_by_text("You are signed in as newcomer")).to_be_visible()
    visitor.check_accessible()


def test_who_may_only_look_sees_what_others_may_do_and_why_not(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    run = site.client.trigger("examples", "hello")
    site.wait_end(run.identifier)
    visitor = Visitor(page, site, page_problems)
    visitor.sign_in(site.new_token("looker", "Viewer"))
    visitor.go_to_run(run)
    again = visitor.button("Run again")
    expect(again).to_have_attribute("aria-disabled", "true")
    again.focus()
    expect(page.get_by_role("tooltip")).to_have_text("Needs the role Operator")
    again.click(force=True)
    expect(visitor.heading).to_have_text(f"Run #{run.number}")
    visitor.go("/p/examples/jobs/hello")
    expect(visitor.button("Trigger…")).to_have_attribute("aria-disabled", "true")
    visitor.go("/workers")
    expect(visitor.button("Disable local")).to_have_attribute("aria-disabled", "true")
