"""Nothing waits for a guessed time, and no debt is left without a number."""

from __future__ import annotations

import ast
import re

from tidy.source import calls, files, name

# File (from the root) → why it may sleep for a fixed time. A loop that waits for the world outside with growing pauses
# computes its pause, and so needs no entry.
MAY_SLEEP: dict[str, str] = {
    "tests/bench/fleet.py": "an idle system is what it measures; nothing is asserted",
    "tests/bench/footing.py": "an idle system is what it measures; nothing is asserted",
    "tests/bench/journey.py": "the pace at which it measures; nothing is asserted",
    "tests/simulation/test_crash_points.py": "virtual seconds",
    "tests/simulation/world/clients.py": "virtual seconds",
    "tests/simulation/world/network.py": "virtual seconds",
    "tests/simulation/world/world.py": "virtual seconds",
}

TEXT = ("src/**/*.py", "tests/**/*.py", "scripts/*", "website/src/**/*.ts*", "Makefile", "*.md", "docs/**/*.md")
DEBT = re.compile(r"\b(" + "TO" + r"DO|FIX" + r"ME)\b(?! ?\(#\d+\))")


def test_nothing_sleeps_for_a_fixed_time() -> None:
    found = [
        f"{name(path)}:{call.lineno}: {ast.unparse(call)}"
        for path in files("src/**/*.py", "tests/**/*.py")
        if name(path) not in MAY_SLEEP
        for call in calls(path)
        if _sleeps(call)
    ]
    assert not found, "wait for an event with a deadline instead:\n" + "\n".join(found)


def test_every_permission_to_sleep_is_still_used() -> None:
    unused = [place for place in MAY_SLEEP if not any(_sleeps(call) for path in files(place) for call in calls(path))]
    assert not unused


def test_every_debt_names_its_issue() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in files(
            "src/**/*.py", "tests/**/*.py", "scripts/*", "website/src/**/*.ts*", "Makefile", "docs/**/*.md"
        )
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if DEBT.search(line)
    ]
    assert not found, "say (#number) after it, or do it:\n" + "\n".join(found)


def _sleeps(call: ast.Call) -> bool:
    target = ast.unparse(call.func)
    if target.endswith(".wait_for_timeout"):
        return True
    if target not in ("sleep", "time.sleep", "asyncio.sleep", "anyio.sleep") or not call.args:
        return False
    # asyncio.sleep(0) lets others run; it waits for nothing.
    return isinstance(call.args[0], ast.Constant) and call.args[0].value != 0
