"""The layers of the architecture. The contracts stand in pyproject.toml; here is proof that they bite."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tidy.source import ROOT, files, name

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def test_the_domain_imports_nothing_but_itself_and_the_standard_library() -> None:
    allowed = {*sys.stdlib_module_names, "orchestra"}
    foreign = [
        f"{name(path)}: {module}"
        for path in files("src/orchestra/domain/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for module in _imported(node)
        if module.split(".")[0] not in allowed or (module.startswith("orchestra.") and ".domain" not in module)
    ]
    assert not foreign, "the domain imports:\n" + "\n".join(foreign)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("domain/planted.py", "import time\n"),
        ("domain/planted.py", "import orchestra.wire\n"),
        ("wire/planted.py", "import asyncio\n"),
        ("wire/planted.py", "import orchestra.storage\n"),
        ("storage/planted.py", "import orchestra.wire\n"),
        ("worker/planted.py", "import orchestra.storage.planted\n"),
        ("worker/planted.py", "import sqlalchemy\n"),
        ("service/planted.py", "import orchestra.master\n"),
        ("service/planted.py", "import orchestra.wire\n"),
        ("client/planted.py", "import orchestra.service\n"),
        ("newcomer.py", ""),
    ],
)
def test_the_contracts_refuse_a_planted_violation(module: str, text: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src/orchestra", tmp_path / "orchestra", ignore=shutil.ignore_patterns("website_dist"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "orchestra/storage/planted.py").write_text("")
    (tmp_path / "orchestra" / module).write_text(text)
    done = subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "planted" in done.stdout or "newcomer" in done.stdout


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""] if node.level == 0 else []
    return []
