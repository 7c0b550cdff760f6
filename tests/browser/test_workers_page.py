"""The workers page: who is connected, what runs there, and draining a machine."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from browser.visitor import Visitor
from support.installation import Gate, Installation


def test_a_worker_comes_works_drains_and_goes_before_ones_eyes(
    visitor: Visitor, site: Installation, tmp_path: Path
) -> None:
    visitor.link("Workers 1/1").click()
    expect(visitor.row("local")).to_contain_text("Connected")

    worker = site.start_worker("linux-07", "--property", "gpu=a100", concurrency=2)
    row = visitor.row("linux-07")
    expect(row).to_contain_text("0 of 2")
    expect(row).to_contain_text("gpu=a100")
    expect(visitor.page.get_by_role("navigation", name="Main")).to_contain_text("2/2")

    gate = Gate(tmp_path / "gate")
    site.put_job("gpu", gate.command, properties={"gpu": "a100"})
    run = site.trigger("gpu")
    expect(row).to_contain_text("1 of 2")
    visitor.button("Disable linux-07").click()
    expect(row).to_contain_text("Draining")
    gate.open()
    site.wait_end(run.identifier)
    expect(row).to_contain_text("Disabled")
    visitor.button("Enable linux-07").click()
    expect(row).to_contain_text("Connected")

    worker.stop()
    expect(row).to_contain_text("Disconnected")
    expect(visitor.page.get_by_role("navigation", name="Main")).to_contain_text("1/2")
