"""Documents that must exist and must not fall behind."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

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


def test_generated_parts_of_documents_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `make docs`:\n{done.stdout}{done.stderr}"


def test_every_setting_is_explained_to_users() -> None:
    documents = "\n".join(path.read_text() for path in files("README.md", "docs/**/*.md"))
    settings = [
        re.sub(r"_(s|bytes)$", "", field.target.id)  # users write the key, without the unit at its end
        for path in files("src/orchestra/config.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]
    missing = [setting for setting in settings if not setting.startswith("_") and f"`{setting}`" not in documents]
    assert not missing, "settings that no document names (in backticks):\n" + "\n".join(missing)
