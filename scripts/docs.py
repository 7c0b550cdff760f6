"""Writes the parts of the documentation that come from code, between marks in the documents themselves.

    .venv/bin/python scripts/docs.py            writes
    .venv/bin/python scripts/docs.py --check    says what is out of date, exit code 1

A document asks for a part with a pair of lines; what stands between them is replaced:

    <!-- generated: run-states -->
    <!-- end -->

A new part is a function that returns Markdown, and its name in PARTS.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from configuration_fields import fields

from orchestra import config, telemetry
from orchestra.cli.app import cli
from orchestra.domain.access import (
    DISABLED,
    GLOBAL,
    LIMITED,
    MEANINGS,
    PERMISSIONS,
    RUN_ACCOUNT,
    RUN_TOKEN,
    Permission,
    Role,
)
from orchestra.domain.run import TERMINAL, TRANSITIONS, RunStatus

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(r"(<!-- generated: (?P<part>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def run_states() -> str:
    """The state machine of a run as a Mermaid diagram: each way from one status to another, and the fact behind it."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {RunStatus.PENDING}"]
    for (before, fact), after in TRANSITIONS.items():
        lines += [f"    {before} --> {status}: {fact.__name__}" for status in sorted(after)]
    reached = {status for after in TRANSITIONS.values() for status in after}
    lines += [f"    {status} --> [*]" for status in sorted(TERMINAL & reached)]
    return "\n".join([*lines, "```"])


def commands() -> str:
    """Every command as its own `--help` shows it."""
    return "\n\n".join(
        _command_help(context, depth) for context, depth in _commands(click.Context(cli, None, "orchestra"))
    )


def _commands(parent: click.Context, depth: int = 3) -> Iterator[tuple[click.Context, int]]:
    """(context, level of its heading) of each command below `parent`, groups before what is in them."""
    assert isinstance(parent.command, click.Group)
    for name in parent.command.list_commands(parent):
        command = parent.command.get_command(parent, name)
        assert command is not None
        context = click.Context(command, parent, name, terminal_width=110, max_content_width=110)
        yield context, depth
        if isinstance(command, click.Group):
            yield from _commands(context, min(depth + 1, 5))


def _command_help(context: click.Context, depth: int) -> str:
    return f"{'#' * depth} `{context.command_path}`\n\n```text\n{context.get_help().rstrip()}\n```"


COLUMNS: Mapping[str, frozenset[Permission]] = {
    **{str(role): PERMISSIONS[role] for role in Role},
    "*disabled user*": DISABLED,
    "*limited token*": LIMITED,
    "*run's token*": RUN_TOKEN | RUN_ACCOUNT,
}
"""The roles, and what others have in their place."""


def permissions() -> str:
    """The table of access: a row for each permission, a column for each role."""
    names = ["Anonymous", "Default", "Viewer", "Operator", "Auditor", "Administrator", "Worker"]
    names += [name for name in COLUMNS if name not in names]
    lines = [f"| permission | lets | where | {' | '.join(names)} |", f"|---|---|---|{':-:|' * len(names)}"]
    for one in Permission:
        marks = " | ".join("✓" if one in COLUMNS[name] else "" for name in names)
        where = "server" if one in GLOBAL else "account" if one in PERMISSIONS[Role.DEFAULT] else "project"
        lines.append(f"| `{one}` | {MEANINGS[one]} | {where} | {marks} |")
    return "\n".join(lines)


PARTS: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "configuration-fields": fields,
    "permissions": permissions,
    "log-events": telemetry.document,
    "run-states": run_states,
    "settings": config.document,
}


def current(text: str) -> str:
    """The document with each marked part as the code says it now. Raises KeyError for a part that nobody writes."""
    return MARK.sub(lambda found: f"{found[1]}{PARTS[found['part']]()}\n{found[3]}", text)


def main(arguments: list[str]) -> int:
    stale = []
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        text = path.read_text()
        wanted = current(text)
        if wanted != text:
            stale.append(path.relative_to(ROOT))
            if "--check" not in arguments:
                path.write_text(wanted)
    verb = "out of date" if "--check" in arguments else "written"
    sys.stdout.writelines(f"docs: {verb}: {path}\n" for path in stale)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
