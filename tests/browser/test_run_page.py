"""The page of a run: triggered from a form, watched live, stopped, run again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.visitor import Visitor
from orchestra.domain.run import RunStatus
from support.installation import PROJECT, Gate, Installation
from support.waiting import wait_for


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


def test_hello_is_triggered_from_the_form_and_its_greeting_stands_in_the_log(visitor: Visitor) -> None:
    visitor.link("Jobs").click()
    visitor.page.get_by_role("link", name="Trigger hello").click()
    expect(visitor.heading).to_have_text("Trigger Hello")
    field = visitor.page.get_by_label("name", exact=True)
    expect(field).to_have_value("world")
    field.fill("Ada & $(whoami) <b>`\"'</b>")
    visitor.button("Trigger").click()
    visitor.expect_status("Succeeded")
    expect(visitor.log).to_contain_text("Hello, Ada & $(whoami) <b>`\"'</b>!")
    visitor.link("Parameters 1").click()
    expect(visitor.page.get_by_role("main")).to_contain_text("Ada & $(whoami)")


def test_lines_show_while_the_run_writes_them_and_the_result_when_it_ends(
    visitor: Visitor, site: Installation, gate: Gate
) -> None:
    site.put_job(
        "watched",
        {"name": "first", "run": f"printf '\\033[32mgreen\\033[0m\\nhalf a'; {gate.command}; echo ' line'"},
        {"name": "second", "run": """echo '{"tests": 12, "nested": {"ok": true}}' > "$ORCHESTRA_RESULTS" """},
    )
    run = site.trigger("watched")
    visitor.go_to_run(run)
    visitor.expect_status("Running")
    expect(visitor.log).to_contain_text("half a")
    color = visitor.log.get_by_text("green", exact=True).evaluate("e => getComputedStyle(e).color")
    assert color == "rgb(17, 99, 41)"
    gate.open()
    expect(visitor.log).to_contain_text("half a line")
    visitor.expect_status("Succeeded")
    visitor.link("Results 2").click()
    expect(visitor.page.get_by_role("region", name="Results")).to_contain_text("tests: 12")
    visitor.link("Timeline").click()
    expect(visitor.page.get_by_role("row", name="second")).to_contain_text("0")
    visitor.link("Events").click()
    events = visitor.page.get_by_role("main").get_by_role("listitem")
    expect(events.filter(has_text="Created")).to_contain_text("by admin")
    expect(events.filter(has_text="Succeeded")).to_have_count(1)


def test_a_failed_run_says_why_and_leads_to_the_line(visitor: Visitor, site: Installation) -> None:
    site.put_job(
        "failing",
        {"name": "fine", "run": "seq 1 300"},
        {"name": "unit tests", "run": "echo 'AssertionError: 3 != 4'; exit 7"},
        {"name": "never", "run": "true"},
    )
    run = site.run("failing")
    visitor.go_to_run(run)
    visitor.expect_status("Failed")
    why = visitor.page.get_by_role("region", name="Why")
    expect(why).to_contain_text("Step 2 “unit tests” exited 7.")
    expect(why).to_contain_text("AssertionError: 3 != 4")
    expect(visitor.log.locator("[data-line='301']")).to_be_in_viewport()
    why.get_by_role("link").click()
    assert visitor.page.url.endswith("#L301")
    line = visitor.log.locator("[data-line='301']")
    expect(line).to_be_in_viewport()
    steps = visitor.page.get_by_role("navigation", name="Steps")
    expect(steps.get_by_role("img", name="Failed")).to_have_count(1)
    expect(steps.get_by_role("button", name="never")).to_be_disabled()
    steps.get_by_role("button", name="fine").click()
    expect(visitor.log.locator("[data-line='1']")).to_be_in_viewport()


def test_a_line_has_an_address_and_so_has_a_range(visitor: Visitor, site: Installation) -> None:
    site.put_job("numbers", "seq 1 5000")
    run = site.run("numbers")
    visitor.go_to_run(run, "#L4000")
    linked = visitor.log.locator("[data-line='4000']")
    expect(linked).to_be_in_viewport()
    expect(linked).to_contain_text("4,0004000")
    expect(visitor.log.locator("[data-line='3996']")).to_be_in_viewport()
    visitor.log.get_by_role("link", name="Link to line 4,002").click()
    assert visitor.page.url.endswith("#L4002")
    visitor.log.get_by_role("link", name="Link to line 4,005").click(modifiers=["Shift"])
    assert visitor.page.url.endswith("#L4002-L4005")


def test_a_long_log_is_read_from_end_to_end(visitor: Visitor, site: Installation) -> None:
    lines = 700_000  # more than an element may be high: beyond 8,000,000 px scrolling is scaled
    site.put_job("long", f"seq 1 {lines}")
    run = site.run("long")
    visitor.go_to_run(run)
    expect(visitor.page.get_by_text(f"{lines:,} lines")).to_be_visible()
    expect(visitor.log.locator("[data-line='1']")).to_be_in_viewport()
    visitor.log.focus()
    visitor.page.keyboard.press("End")
    last = visitor.log.locator(f"[data-line='{lines}']")
    expect(last).to_contain_text(str(lines))
    box, frame = last.bounding_box(), visitor.log.bounding_box()
    assert box is not None and frame is not None
    assert abs(box["y"] + box["height"] - frame["y"] - frame["height"]) <= 1
    visitor.page.keyboard.press("PageUp")
    expect(last).not_to_be_in_viewport()
    visitor.log.hover()
    top = "() => Number(document.querySelector('[data-line]').dataset.line)"
    visitor.log.evaluate("e => { e.scrollTop = e.scrollHeight / 2 }")
    wait_for(lambda: visitor.page.evaluate(top) < 400_000, "the middle is shown")
    before = visitor.page.evaluate(top)
    for _ in range(50):
        visitor.page.mouse.wheel(0, 120)
    # 50 turns of 120 px are 300 lines of 20 px, also where the scrollbar's pixel is many lines.
    wait_for(lambda: visitor.page.evaluate(top) == before + 300, "the wheel moved 300 lines")
    drawn = visitor.log.locator("[data-line]")
    assert drawn.count() < 80
    expect(drawn.nth(20)).to_contain_text(str(before + 320))
    visitor.page.keyboard.press("Home")
    expect(visitor.log.locator("[data-line='1']")).to_be_in_viewport()


def test_following_stops_when_one_reads_and_goes_on_when_asked(
    visitor: Visitor, site: Installation, gate: Gate
) -> None:
    site.put_job("follow", f"seq 1 400; {gate.command}; seq 401 800; {gate.command}; seq 801 1200")
    run = site.trigger("follow")
    visitor.go_to_run(run)
    follow = visitor.button("Follow")
    expect(visitor.log.locator("[data-line='400']")).to_be_in_viewport()
    expect(follow).to_have_attribute("aria-pressed", "true")
    visitor.log.hover()
    visitor.page.mouse.wheel(0, -2_000)
    expect(follow).to_have_attribute("aria-pressed", "false")
    expect(visitor.log.locator("[data-line='400']")).not_to_be_in_viewport()
    gate.open()
    expect(visitor.button("↓ 400 new lines")).to_be_visible()
    expect(visitor.log.locator("[data-line='800']")).not_to_be_in_viewport()
    visitor.button("↓ 400 new lines").click()
    expect(visitor.log.locator("[data-line='800']")).to_be_in_viewport()
    gate.open()
    expect(visitor.log.locator("[data-line='1200']")).to_be_in_viewport()
    visitor.expect_status("Succeeded")


def test_times_of_lines_are_shown_as_one_likes(visitor: Visitor, site: Installation) -> None:
    site.put_job("timed", "echo one")
    run = site.run("timed")
    visitor.go_to_run(run)
    line = visitor.log.locator("[data-line='1']")
    expect(line).to_have_text("1one")
    visitor.button("Time: off").click()
    visitor.page.get_by_role("menuitemradio", name="Elapsed").click()
    expect(line).to_contain_text("+0m 00.")
    visitor.page.reload()
    expect(line).to_contain_text("+0m 00.")
    visitor.button("Time: elapsed").click()
    visitor.page.get_by_role("menuitemradio", name="Clock").click()
    assert run.start_date is not None
    expect(line).to_contain_text(f"{run.start_date:%H:%M}")


def test_a_long_run_is_aborted_after_a_question(visitor: Visitor, site: Installation, gate: Gate) -> None:
    site.put_job("endless", f"echo begun; {gate.command}")
    run = site.trigger("endless")
    visitor.go_to_run(run)
    expect(visitor.log).to_contain_text("begun")
    visitor.button("Abort…").click()
    dialog = visitor.page.get_by_role("dialog", name=f"Abort endless #{run.number}?")
    dialog.get_by_role("button", name="Let it be").click()
    expect(dialog).to_have_count(0)
    visitor.button("Abort…").click()
    dialog.get_by_role("button", name="Abort the run").click()
    visitor.expect_status("Aborted")
    expect(visitor.page.get_by_role("region", name="Why")).to_contain_text("admin")
    assert site.client.run(run.identifier).status is RunStatus.ABORTED


def test_a_pending_run_says_what_it_waits_for_and_is_cancelled(visitor: Visitor, site: Installation) -> None:
    site.put_job("nowhere", "true", properties={"os": "plan9"})
    run = site.trigger("nowhere")
    visitor.go_to_run(run)
    visitor.expect_status("Pending")
    why = visitor.page.get_by_role("region", name="Why")
    expect(why).to_contain_text("local")
    expect(why).to_contain_text("os is linux, wanted plan9")
    visitor.button("Cancel…").click()
    visitor.button("Cancel the run").click()
    visitor.expect_status("Cancelled")
    expect(visitor.page.get_by_text("The run printed nothing")).to_be_visible()
    assert site.client.run(run.identifier).status is RunStatus.CANCELLED


def test_a_run_is_made_again_as_it_was_or_with_changes(visitor: Visitor, site: Installation) -> None:
    site.put_job("echo", "echo {parameters.word}", parameters=[{"key": "word", "default": "default"}])
    run = site.run("echo", {"word": "first"})
    visitor.go_to_run(run)
    visitor.button("Run again").click()
    expect(visitor.heading).to_have_text(f"Run #{run.number + 1}")
    visitor.expect_status("Succeeded")
    expect(visitor.log).to_contain_text("first")
    visitor.button("More ways to run again").click()
    visitor.page.get_by_role("menuitem", name="Run again with changes…").click()
    field = visitor.page.get_by_label("word", exact=True)
    expect(field).to_have_value("first")
    field.fill("second")
    visitor.button("Trigger").click()
    expect(visitor.heading).to_have_text(f"Run #{run.number + 2}")
    expect(visitor.log).to_contain_text("second")
    visitor.link("Previous run of this job").click()
    expect(visitor.heading).to_have_text(f"Run #{run.number + 1}")


def test_the_form_says_what_is_wrong_beside_the_field(visitor: Visitor, site: Installation) -> None:
    parameters = [
        {"key": "count", "type": "integer", "is_required": True},
        {"key": "name", "pattern": "[a-z]+", "default": "x"},
        {"key": "deep", "type": "boolean"},
        {"key": "target", "type": "choice", "choices": ["debug", "release"], "default": "debug"},
    ]
    site.put_job("typed", "echo {parameters.count} {parameters.deep} {parameters.target}", parameters=parameters)
    visitor.go(f"/p/{PROJECT}/jobs/typed/trigger?param.name=ABC")
    visitor.button("Trigger").click()
    count = visitor.page.get_by_label("count", exact=False).and_(visitor.page.get_by_role("textbox"))
    expect(count).to_be_focused()
    expect(count).to_have_attribute("aria-invalid", "true")
    expect(visitor.page.get_by_text("Expected text of the form [a-z]+")).to_be_visible()
    count.fill("12")
    visitor.page.get_by_label("name", exact=True).fill("abc")
    visitor.page.get_by_label("deep").check()
    visitor.page.get_by_label("target").select_option("release")
    visitor.button("Trigger").click()
    visitor.expect_status("Succeeded")
    expect(visitor.log).to_contain_text("12 true release")


def test_a_run_is_reached_by_its_uuid_and_an_unknown_one_is_not_found(visitor: Visitor, site: Installation) -> None:
    site.put_job("quick", "true")
    run = site.run("quick")
    visitor.go(f"/runs/{run.identifier}")
    expect(visitor.heading).to_have_text(f"Run #{run.number}")
    expect(visitor.page).to_have_url(f"{site.address}/p/{PROJECT}/jobs/quick/runs/{run.number}")
    visitor.go(f"/p/{PROJECT}/jobs/quick/runs/999999")
    expect(visitor.page.get_by_role("heading", name="Nothing here")).to_be_visible()
    visitor.go(f"/p/{PROJECT}/jobs/quick/runs/abc")
    expect(visitor.page.get_by_role("heading", name="Nothing here").first).to_be_visible()
    visitor.go("/no/such/page")
    expect(visitor.page.get_by_role("heading", name="Nothing here").first).to_be_visible()
    visitor.problems[:] = [one for one in visitor.problems if "404" not in one]
