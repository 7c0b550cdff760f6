"""Documents that must exist and must not fall behind."""

from __future__ import annotations

import re

from tidy.source import ROOT, files, name

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)")


def test_the_changelog_has_a_place_for_the_next_release() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{name(path)}: {target}"
        for path in files("*.md", "docs/**/*.md")
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert not broken, "no such file:\n" + "\n".join(broken)


def test_a_decision_says_context_choice_rejected_options_and_consequences() -> None:
    parts = ("## Context", "## Choice", "## Rejected", "## Consequences")
    incomplete = [
        f"{name(path)}: {part}"
        for path in files("docs/decisions/[0-9]*.md")
        for part in parts
        if part not in path.read_text()
    ]
    assert not incomplete, "missing sections:\n" + "\n".join(incomplete)
