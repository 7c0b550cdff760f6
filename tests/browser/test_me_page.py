"""The page of the own account: who one is, the password, tokens, sessions; and the proof that is asked for."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from browser.person import PASSWORD, Arrive, Person, make_token, status_with
from browser.visitor import SETTLED
from support.installation import Installation

OTHER = "nine herons above the grey canal"


def test_the_page_says_who_one_is_and_what_each_role_gives(arrive: Arrive) -> None:
    maya = arrive("maya", "Viewer", "Operator@examples", display="Maya Lin")
    main = maya.page.get_by_role("main")
    expect(main).to_contain_text("Maya Lin")
    expect(main).to_contain_text("Viewer everywhere")
    expect(main).to_contain_text("Reads all but administration; changes nothing")
    expect(main).to_contain_text("Operator on examples")
    expect(maya.page.locator("nav [aria-current]")).to_have_count(0)


def test_the_page_is_one_key_and_one_menu_away(arrive: Arrive) -> None:
    nora = arrive("nora", "Viewer", to="/runs")
    expect(nora.heading).to_have_text("Runs")
    nora.page.keyboard.press("g")
    nora.page.keyboard.press("m")
    expect(nora.heading).to_have_text("Your account")
    expect(nora.heading).to_be_focused()
    nora.link("Runs").click()
    expect(nora.heading).to_have_text("Runs")
    nora.button("Account of nora").click()
    nora.page.get_by_role("menuitem", name="Your account").click()
    expect(nora.heading).to_have_text("Your account")


def test_changing_the_password_needs_the_current_one_and_ends_other_sessions(arrive: Arrive) -> None:
    olga = arrive("olga", "Viewer")
    elsewhere = arrive("olga")
    assert len(olga.sessions()) == 2
    token = make_token(olga.site, "olga")

    olga.button("Change password…").click()
    expect(olga.dialog.get_by_label("Current password", exact=True)).to_be_focused()
    olga.fill("New password", "short")
    olga.press("Change password")
    expect(olga.dialog.get_by_label("Current password", exact=True)).to_have_accessible_description(
        "expected the current password, for there is one"
    )
    expect(olga.dialog.get_by_text("12 characters").last).to_be_visible()
    olga.check_accessible("refused")
    olga.fill("Current password", "this is not the right one")
    olga.fill("New password", OTHER)
    olga.press("Change password")
    current = olga.dialog.get_by_label("Current password", exact=True)
    expect(current).to_have_accessible_description("the current password is not right")
    expect(current).to_be_focused()
    olga.fill("Current password", PASSWORD)
    olga.press("Change password")

    expect(olga.section("Password")).to_contain_text("Your other sessions have ended; tokens stay.")
    expect(olga.section("Sessions").get_by_role("row")).to_have_count(2)
    assert len(olga.sessions()) == 1
    assert status_with(olga.site, token) == 200
    elsewhere.page.reload()
    expect(elsewhere.heading).to_have_text("Sign in to Orchestra")
    elsewhere.secret = OTHER
    elsewhere.enter()
    olga.forgive("401", "403", "422")


def test_a_first_password_is_set_and_taken_away_again(arrive: Arrive) -> None:
    paul = arrive("paul", "Viewer", password=None)
    expect(paul.section("Password")).to_contain_text("You have no password yet")
    paul.button("Set a password…").click()
    expect(paul.dialog.get_by_label("Current password", exact=True)).to_have_count(0)
    paul.fill("New password", PASSWORD)
    paul.press("Set password")
    expect(paul.section("Password")).to_contain_text("Set just now")
    again = arrive("paul")
    expect(again.heading).to_have_text("Your account")

    paul.button("Remove…").click()
    paul.press("Remove password")
    expect(paul.section("Password")).to_contain_text("You have no password yet")
    expect(paul.button("Set a password…")).to_be_visible()
    kinds = [one["type"] for one in paul.site.http.get("/users/paul/authentications").json()["items"]]
    assert kinds == ["token"]
    expect(again.heading).to_have_text("Sign in to Orchestra")
    again.leave()
    paul.forgive("401")


def test_a_token_is_made_shown_once_and_may_what_it_is_limited_to(arrive: Arrive) -> None:
    rosa = arrive("rosa", "Viewer", "Operator@examples", permissions=["clipboard-read", "clipboard-write"])
    tokens = rosa.section("Tokens")
    expect(tokens).to_contain_text("No tokens yet")
    rosa.button("New token…").click()
    rosa.fill("Description", "nightly import")
    rosa.dialog.get_by_label("Valid for").select_option("7 days")
    rosa.dialog.get_by_label("Limit it to some roles").check()
    rosa.press("Make token")
    expect(rosa.dialog.get_by_text("Choose at least one role")).to_be_visible()
    rosa.check_accessible("a limit to nothing")
    rosa.dialog.get_by_label("Operator on examples").check()
    rosa.press("Make token")

    made = tokens.get_by_role("group", name="New token")
    expect(made).to_be_focused()
    secret = made.locator("code").inner_text()
    made.get_by_role("button", name="Copy the token").click()
    expect(made).to_contain_text("Copied")
    assert rosa.page.evaluate("() => navigator.clipboard.readText()") == secret
    rosa.check_accessible("a new token")
    row = tokens.get_by_role("row").filter(has_text="nightly import")
    expect(row).to_contain_text("Only Operator@examples")
    expect(row).to_contain_text(re.compile("in [67] d"))
    [listed] = rosa.tokens()
    assert (listed["description"], listed["roles"]) == ("nightly import", ["Operator@examples"])
    assert status_with(rosa.site, secret, "/projects/examples") == 200
    assert status_with(rosa.site, secret, "/workers") == 403
    made.get_by_role("button", name="I have it").click()
    rosa.page.reload()
    expect(row).to_be_visible()
    expect(rosa.page.get_by_text(secret)).to_have_count(0)


def test_a_token_expires_and_is_deleted_after_a_question(arrive: Arrive) -> None:
    sven = arrive("sven", "Viewer")
    elsewhere = arrive("sven")
    first, second = (make_token(sven.site, "sven", description=name) for name in ("backup", "old laptop"))
    sven.page.reload()
    row = sven.section("Tokens").get_by_role("row").filter(has_text="backup")
    sven.button("Expire backup").click()
    sven.press("Cancel")
    expect(sven.dialog).to_have_count(0)
    expect(sven.button("Expire backup")).to_be_focused()
    assert status_with(sven.site, first) == 200

    sven.button("Expire backup").click()
    sven.press("Expire token")
    expect(row).to_contain_text("Expired")
    expect(sven.button("Expire backup")).to_have_count(0)
    assert status_with(sven.site, first) == 401
    assert len(sven.sessions()) == 1, "the others have ended, as the question said"
    sven.button("Delete old laptop").click()
    sven.press("Delete token")
    expect(sven.section("Tokens").get_by_text("old laptop")).to_have_count(0)
    expect(sven.page.get_by_role("heading", name="Tokens")).to_be_focused()
    assert status_with(sven.site, second) == 401
    assert [one["description"] for one in sven.tokens()] == ["backup"]
    elsewhere.page.reload()
    expect(elsewhere.heading).to_have_text("Sign in to Orchestra")
    sven.forgive("401")


def test_what_has_gone_in_the_meantime_is_gone_as_was_wanted(arrive: Arrive) -> None:
    tara = arrive("tara", "Viewer")
    make_token(tara.site, "tara", description="phone")
    tara.page.reload()
    tara.button("Delete phone").click()
    [token] = tara.tokens()
    # In another window of the same browser, before the question is answered.
    csrf = tara.page.request.get(f"{tara.site.address}/api/v1/me").json()["csrf_token"]
    address = f"{tara.site.address}/api/v1/me/authentications/{token['identifier']}"
    assert tara.page.request.delete(address, headers={"X-CSRF-Token": csrf}).ok
    tara.press("Delete token")
    expect(tara.section("Tokens")).to_contain_text("No tokens yet")
    tara.forgive("404")


def test_an_old_session_asks_for_a_proof_and_then_does_what_was_asked(arrive: Arrive) -> None:
    uma = arrive("uma", "Viewer")
    uma.age()
    uma.button("New token…").click()
    uma.fill("Description", "laptop")
    uma.press("Make token")
    expect(uma.dialog).to_have_accessible_name("Confirm that it is you")
    expect(uma.dialog.get_by_label("Password", exact=True)).to_be_focused()
    uma.check_accessible("the question")
    uma.press("Confirm")
    expect(uma.dialog).to_contain_text("A password or a token is needed")
    uma.fill("Password", "this is not the right one")
    uma.press("Confirm")
    expect(uma.dialog).to_contain_text("the password is not right")
    uma.page.keyboard.press("Escape")
    expect(uma.dialog).to_have_accessible_name("New token")
    expect(uma.dialog.get_by_label("Description", exact=True)).to_have_value("laptop")
    assert uma.tokens() == [], "nobody proved anything"

    uma.press("Make token")
    uma.fill("Password", PASSWORD)
    uma.page.keyboard.press("Enter")
    expect(uma.section("Tokens").get_by_role("group", name="New token")).to_contain_text("laptop")
    assert [one["description"] for one in uma.tokens()] == ["laptop"]
    uma.button("New token…").click()
    uma.press("Make token")
    expect(uma.dialog).to_have_count(0)
    assert len(uma.tokens()) == 2, "the proof lasts"
    uma.forgive("403")


def test_a_token_is_a_proof_too(arrive: Arrive) -> None:
    vera = arrive("vera", "Viewer", password=None)
    vera.age()
    vera.button("Set a password…").click()
    vera.fill("New password", PASSWORD)
    vera.press("Set password")
    expect(vera.dialog).to_have_accessible_name("Confirm that it is you")
    vera.fill("Token", f" {vera.secret}\n")
    vera.press("Confirm")
    expect(vera.section("Password")).to_contain_text("The password is set.")
    assert "password" in [one["type"] for one in vera.site.http.get("/users/vera/authentications").json()["items"]]
    vera.forgive("403")


def test_a_session_ends_elsewhere_and_all_end_everywhere(arrive: Arrive) -> None:
    wim = arrive("wim", "Viewer")
    elsewhere = arrive("wim")
    third = arrive("wim")
    wim.page.reload()
    sessions = wim.section("Sessions")
    expect(sessions.get_by_role("row").filter(has_text="This one")).to_contain_text("Chrome on Linux, 127.0.0.1")
    expect(sessions.get_by_role("row")).to_have_count(4)
    sessions.get_by_role("button", name="End the session of Chrome on Linux, 127.0.0.1").first.click()
    expect(sessions.get_by_role("row")).to_have_count(3)
    assert len(wim.sessions()) == 2
    wim.button("Sign out everywhere…").click()
    expect(wim.dialog).to_contain_text("All 2 sessions end, this one included.")
    wim.press("Sign out everywhere")
    expect(wim.heading).to_have_text("Sign in to Orchestra")
    assert wim.sessions() == []
    for other in (elsewhere, third):
        other.page.reload()
        expect(other.heading).to_have_text("Sign in to Orchestra")
        other.leave()
    wim.forgive("401")


def test_a_disabled_user_keeps_the_own_account_and_sees_why_not_the_rest(arrive: Arrive) -> None:
    xenia = arrive("xenia", "Operator", to="/runs")
    make_token(xenia.site, "xenia", description="phone")
    assert xenia.site.http.patch("/users/xenia", json={"is_enabled": False}).is_success
    xenia.enter("/runs")
    expect(xenia.heading).to_have_text("Your account is disabled")
    xenia.link("Your account").click()
    expect(xenia.heading).to_have_text("Your account")
    expect(xenia.page.get_by_role("main")).to_contain_text("An administrator can enable it.")
    for name in ("New token…", "Expire phone"):
        expect(xenia.button(name)).to_have_attribute("aria-disabled", "true")
        xenia.button(name).focus()
        expect(xenia.page.get_by_role("tooltip")).to_have_text("Your account is disabled")
        xenia.page.keyboard.press("Enter")
        expect(xenia.dialog).to_have_count(0)
    xenia.check_accessible("disabled")
    xenia.button("Delete phone").click()
    xenia.press("Delete token")
    expect(xenia.section("Tokens")).to_contain_text("No tokens yet")
    xenia.button("Change password…").click()
    xenia.fill("Current password", PASSWORD)
    xenia.fill("New password", OTHER)
    xenia.press("Change password")
    expect(xenia.section("Password")).to_contain_text("The password is set.")
    xenia.forgive("401", "403")


def test_who_comes_with_a_limited_token_sees_what_it_may(
    page: Page, page_problems: list[str], site: Installation
) -> None:
    site.new_token("yann", "Operator")
    token = make_token(site, "yann", roles=["Viewer"])
    page.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    yann = Person(page, site, page_problems)
    yann.go("/me")
    expect(yann.heading).to_have_text("Your account")
    main = page.get_by_role("main")
    expect(main).to_contain_text("You are here with a token that is limited to some roles")
    expect(main.get_by_role("definition").filter(has_text="Viewer")).to_contain_text("Viewer everywhere")
    expect(main).to_contain_text("Your tokens are not shown")
    expect(main).to_contain_text("Your sessions are not shown")
    for name in ("Set a password…", "New token…", "Sign out everywhere…"):
        expect(yann.button(name)).to_have_attribute("aria-disabled", "true")
    yann.check_accessible("limited")


def test_a_user_without_roles_finds_the_account(arrive: Arrive) -> None:
    zoe = arrive("zoe", to="/runs")
    expect(zoe.heading).to_have_text("Your account has no role yet")
    zoe.check_accessible("no role")
    zoe.link("Your account").click()
    expect(zoe.heading).to_have_text("Your account")
    expect(zoe.page.get_by_role("main")).to_contain_text("None yet. An administrator can give you a role.")
    zoe.button("New token…").click()
    expect(zoe.dialog.get_by_label("Limit it to some roles")).to_have_count(0)
    zoe.forgive("403")


def test_each_part_fails_and_grows_old_by_itself(arrive: Arrive) -> None:
    adam = arrive("adam", "Viewer")
    fails = True

    def broken(route: Route) -> None:
        if fails:
            route.fulfill(status=500, json={"title": "Internal error", "status": 500, "detail": "the server failed"})
        else:
            route.continue_()

    adam.page.route("**/api/v1/me/authentications*", broken)
    adam.page.reload()
    tokens = adam.section("Tokens")
    expect(tokens.get_by_role("alert")).to_contain_text("Internal error")
    expect(adam.section("Sessions").get_by_role("row")).to_have_count(2)
    adam.check_accessible("a part failed")
    fails = False
    tokens.get_by_role("button", name="Try again").click()
    expect(tokens).to_contain_text("No tokens yet")

    make_token(adam.site, "adam", description="phone")
    adam.page.reload()
    expect(adam.button("Delete phone")).to_be_visible()
    fails = True
    adam.button("Delete phone").click()
    adam.page.route("**/api/v1/me/authentications/*", lambda route: route.fulfill(status=204))
    adam.press("Delete token")
    expect(tokens.get_by_role("status")).to_contain_text("asking again failed")
    expect(adam.button("Delete phone")).to_be_visible()
    adam.check_accessible("a part is stale")
    adam.forgive("500")


def test_it_shows_where_things_will_be_while_it_loads(arrive: Arrive) -> None:
    bela = arrive("bela", "Viewer")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    bela.page.route("**/api/v1/me/sessions*", hold)
    bela.page.reload()
    expect(bela.section("Sessions").locator("[aria-busy='true']")).to_contain_text("Loading")
    bela.check_accessible("loading")
    for route in held:
        route.continue_()
    expect(bela.section("Sessions").get_by_role("row")).to_have_count(2)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_axe_finds_nothing_and_it_fits(arrive: Arrive, theme: str, width: int) -> None:
    window = {"viewport": {"width": width, "height": 800}, "color_scheme": theme}
    cleo = arrive("cleo", "Operator", "Administrator@examples", display="Cleo Nightingale", **window)
    if not cleo.tokens():
        make_token(cleo.site, "cleo", description="nightly import", roles=["Viewer"])
        make_token(cleo.site, "cleo", description="a laptop whose name is long, for it has been given by a committee")
        address = f"/users/cleo/authentications/{cleo.tokens()[0]['identifier']}"
        assert cleo.site.http.patch(address, json={"expiration_date": "2020-01-01T00:00:00Z"}).is_success
        cleo.enter()
    cleo.page.reload()
    expect(cleo.section("Tokens").get_by_role("row")).to_have_count(3)
    expect(cleo.section("Sessions").get_by_role("row").filter(has_text="This one")).to_be_visible()
    cleo.check_accessible(f"{theme} {width}")
    assert cleo.page.locator("main").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    for name in ("Change password…", "New token…", "Delete nightly import", "Sign out everywhere…"):
        cleo.button(name).click()
        if name == "New token…":
            cleo.dialog.get_by_label("Limit it to some roles").check()
        cleo.page.evaluate(SETTLED)
        cleo.check_accessible(f"{theme} {width} {name}")
        cleo.page.keyboard.press("Escape")
        expect(cleo.button(name)).to_be_focused()
    cleo.forgive("401")
