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


def test_every_test_that_a_document_names_exists() -> None:
    there = {found for path in files("tests/**/test_*.py") for found in re.findall(r"def (test_\w+)", path.read_text())}
    lost = []
    for path in files("ARCHITECTURE.md", "docs/**/*.md"):
        text = path.read_text()
        lost += [f"{name(path)}: {one}" for one in re.findall(r"`(test_\w+)`", text) if one not in there]
        lost += [f"{name(path)}: {one}" for one in re.findall(r"`(tests/[\w./]+)`", text) if not (ROOT / one).exists()]
    assert not lost, "no such test:\n" + "\n".join(lost)


def test_every_invariant_that_a_simulation_checks_is_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    checks = re.findall(r"def inv_([0-9]+s?)", (ROOT / "tests/simulation/checks.py").read_text())
    rows = " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| INV-"))
    missing = [one for one in checks if not re.search(rf"\b{one}\b", rows)]
    assert not missing, f"no row of ARCHITECTURE.md names {missing}"
