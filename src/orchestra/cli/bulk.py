"""What is done to many runs at once: chosen by name or by a query, shown before, told one by one.

Rules: one run by its name is done at once. More than one, or a query, is first asked of the server
(a dry run), and needs a yes: at the terminal, or as `--yes`. The server checks each run with the
caller's rights on its own project; what it refuses is told, and the exit code is then 1.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from orchestra.cli.asking import confirm
from orchestra.cli.names import RunName, find_run
from orchestra.cli.output import print_json, print_table
from orchestra.cli.run_words import run_name
from orchestra.cli.runs import QUERY_HELP

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import BulkResult
    from orchestra.client.entities import Run

AT_ONCE: Final = 1000
"""Most runs that the server takes in one request."""

OUTCOME_STYLE: Final = {"done": "green", "would": "cyan", "refused": "yellow"}


def with_choice(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `[RUN]…`, `-q QUERY` and `--dry-run` to a command; they arrive as `names`, `query` and `dry_run`."""
    argument = click.argument("names", metavar="[RUN]…", nargs=-1, type=RunName())
    query = click.option("-q", "--query", metavar="QUERY", help=f"Instead of names. {QUERY_HELP}")
    dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
    return argument(query(dry_run(command)))


@dataclass(frozen=True, slots=True)
class Choice:
    """Which runs: `single` for exactly one name, else names that were found, or a query."""

    client: "Client"
    runs: "tuple[Run, ...]"
    query: str | None

    @property
    def single(self) -> "Run | None":
        """The run, when exactly one was named."""
        return self.runs[0] if self.query is None and len(self.runs) == 1 else None

    def carry_out(self, action: str, *, dry_run: bool, yes: bool, output: str) -> int:
        """Do it to all of them, once it was said what that means; return the exit code."""
        plan = list(self._parts(action, dry_run=True))
        names = self._names() if output == "table" else {}
        willing = sum(one.outcome == "would" for part in plan for one in part.items)
        if dry_run or not willing:
            _show(plan, names, output)
            return 0 if dry_run or not plan[0].items else 1
        if not yes and output == "table":
            _show(plan, names, output, err=True)
        confirm(f"{action.capitalize()} {willing} {'run' if willing == 1 else 'runs'}?", yes=yes)
        done = list(self._parts(action, dry_run=False))
        _show(done, names, output)
        return 1 if any(one.outcome == "refused" for part in done for one in part.items) else 0

    def _parts(self, action: str, *, dry_run: bool) -> "Iterator[BulkResult]":
        """What the server answers, part after part of at most 1,000 runs."""
        if self.query is None:
            for start in range(0, len(self.runs), AT_ONCE):
                ids = [one.identifier for one in self.runs[start : start + AT_ONCE]]
                yield self.client.bulk(action, ids=ids, dry_run=dry_run)
            return
        cursor: str | None = None
        while True:
            part = self.client.bulk(action, q=self.query, dry_run=dry_run, cursor=cursor)
            yield part
            cursor = part.next_cursor
            if cursor is None:
                return

    def _names(self) -> dict[str, str]:
        """What people call the runs, by their identifiers; asked for before any of them is deleted."""
        found = self.runs if self.query is None else self.client.runs(q=self.query)
        return {one.identifier: run_name(one) for one in found}


def pick(client: "Client", names: tuple[str, ...], query: str | None) -> Choice:
    """The runs that names or a query stand for. Raises a usage error for both or neither, NotFound for a name."""
    if query is None and not names:
        raise click.UsageError("give runs (UUID or PROJECT/JOB#NUMBER), or a query with -q")
    if query is not None and names:
        raise click.UsageError("give runs or a query, not both")
    return Choice(client, tuple(find_run(client, one) for one in names), query)


def _show(parts: "Sequence[BulkResult]", names: Mapping[str, str], output: str, *, err: bool = False) -> None:
    items = [one for part in parts for one in part.items]
    first = parts[0]
    if output == "json":
        # As one answer, whatever it took to get it.
        print_json(
            {
                "action": first.action,
                "dry_run": first.dry_run,
                "matched": first.matched,
                "items": items,
                "next_cursor": None,
            }
        )
        return
    rows = [
        (
            names.get(one.run, one.run),
            click.style(one.outcome, fg=OUTCOME_STYLE.get(one.outcome)),
            one.reason or (f"new run {one.created}" if one.created else ""),
        )
        for one in items
    ]
    print_table(("RUN", "OUTCOME", "WHY"), rows, empty="no runs match", err=err)
    counts = Counter(one.outcome for one in items)
    if counts:
        said = ", ".join(f"{count} {word}" for word, count in counts.items())
        click.echo(f"{first.action}: {said}{' (dry run: nothing was changed)' if first.dry_run else ''}", err=True)
