"""`orchestra import`: exports of other systems → server, with a report that leaves nothing out.

The files are read and checked here first, so that every problem of all of them is told before anything
is sent. A long history is sent in parts, oldest runs first.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from orchestra.cli.connection import with_client
from orchestra.cli.output import harmless, print_json, print_table, with_output
from orchestra.domain.errors import InvalidContent, Problem

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import ImportItem, ImportReport
    from orchestra.client.contents import ConfigurationFile

RUNS_AT_ONCE: Final = 2000
BYTES_AT_ONCE: Final = 16 << 20
"""A request stays below the server's 64 MiB, and its answer is there within seconds."""
SHOWN: Final = 50
"""Lines of one table that people are shown; `--output json` has all of them."""

_RUN: Final = "run.json"
_WITH_RUNS: Final = ("project.json", "job.json")
_COLOURS: Final = {"full": "green", "partial": "yellow", "not_supported": "red", "conflict": "red"}
_WORDS: Final = {"create": "created", "unchanged": "unchanged", "conflict": "conflict"}


@click.group("import", epilog="Example: orchestra import job-orchestra export/ --dry-run")
def import_() -> None:
    """Import what another system has: its users, projects, jobs and history."""


@import_.command("job-orchestra", epilog="Example: orchestra import job-orchestra export/ --dry-run")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Print the report and change nothing.")
@with_output
@with_client
def job_orchestra(client: "Client", *, directory: Path, dry_run: bool, output: str) -> None:
    """Import an export of Job Orchestra, release 3.0 or later.

    DIRECTORY holds what its export wrote, one file a table: user.json, user_authentication.json,
    project.json, job.json, schedule.json, worker.json, run.json. Users sign in with their old password.
    What is here already stays as it is, so the import can be repeated.
    """
    files = _load(directory)
    answers: list[ImportReport] = []
    items: list[ImportItem] = []
    for part in _parts(files):
        answer = client.import_job_orchestra(part, dry_run=dry_run)
        # Projects and jobs come along with each part of the history; they were told once.
        is_history = any(file["name"] == _RUN for file in part)
        items += [one for one in answer.items if not is_history or one.table == "run" or len(answers) == 0]
        answers.append(answer)
    notes = list(dict.fromkeys(note for answer in answers for note in answer.notes))
    _tell(_Report(items, _missing(files), [*notes, *_left(directory, files)], dry_run=dry_run), output)


class _Report:
    """The answers of all parts as one."""

    def __init__(self, items: "list[ImportItem]", missing: list[str], notes: list[str], *, dry_run: bool) -> None:
        self.items, self.missing, self.notes, self.dry_run = items, missing, notes, dry_run
        self.tables = list(dict.fromkeys(one.table for one in items))

    def count(self, table: str) -> dict[str, int]:
        words = Counter(word for one in self.items if one.table == table for word in (one.support, one.action))
        return {word: words[word] for word in ("full", "partial", "not_supported", *_WORDS)}


# Files --------------------------------------------------------------------------------------------


def _load(directory: Path) -> dict[str, str]:
    """Read the files of an export that are there, and check them. Raises InvalidContent with all problems."""
    # Imported here: only this command needs it.
    from orchestra.domain.job_orchestra.exported import Table  # noqa: PLC0415
    from orchestra.domain.job_orchestra.reading import read  # noqa: PLC0415

    files: dict[str, str] = {}
    problems: list[Problem] = []
    names = [table.file for table in Table]
    for name in names:
        path = directory / name
        if not path.is_file():
            continue
        try:
            files[name] = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            problems.append(Problem("", f"is not UTF-8: byte {error.start} does not fit", name))
        except OSError as error:
            problems.append(Problem("", f"cannot be read: {error.strerror}", name))
    if not files and not problems:
        raise InvalidContent(f"there is no export in {directory}: expected at least one of {', '.join(names)}")
    try:
        read(files)
    except InvalidContent as error:
        problems += error.problems
    if problems:
        count = len(problems)
        raise InvalidContent(f"{count} {'problem' if count == 1 else 'problems'} in the export", tuple(problems))
    return files


def _parts(files: dict[str, str]) -> "Iterator[list[ConfigurationFile]]":
    """What to send: everything but runs, then runs in the order of their creation."""
    first: list[ConfigurationFile] = [{"name": name, "content": text} for name, text in files.items() if name != _RUN]
    if first:
        yield first
    if _RUN in files:
        beside = [file for file in first if file["name"] in _WITH_RUNS]
        for content in _histories(files[_RUN]):
            yield [*beside, {"name": _RUN, "content": content}]


def _histories(text: str) -> Iterator[str]:
    """Cut the records of `run.json` into texts of at most `RUNS_AT_ONCE` records and about `BYTES_AT_ONCE` bytes."""
    from orchestra.domain.job_orchestra.plan import in_order  # noqa: PLC0415
    from orchestra.domain.job_orchestra.reading import read  # noqa: PLC0415

    values: list[Any] = json.loads(text.removeprefix("\ufeff"))
    part: list[str] = []
    size = 0
    for record in in_order(read({_RUN: text}).runs):
        one = json.dumps(values[record.index])
        if part and (len(part) >= RUNS_AT_ONCE or size + len(one) > BYTES_AT_ONCE):
            yield f"[{','.join(part)}]"
            part, size = [], 0
        part.append(one)
        size += len(one)
    yield f"[{','.join(part)}]"


def _missing(files: Iterable[str]) -> list[str]:
    from orchestra.domain.job_orchestra.exported import Table  # noqa: PLC0415

    return [str(table) for table in Table if table.file not in files]


def _left(directory: Path, files: dict[str, str]) -> list[str]:
    """Say which files of the folder were not read."""
    logs = sum(1 for _ in directory.glob("**/runs/*/run.log"))
    others = sorted(one.name for one in directory.iterdir() if one.is_file() and one.name not in files)
    notes = [f"not supported: {logs} {'log of a run' if logs == 1 else 'logs of runs'} in the folder"] if logs else []
    return [*notes, *([f"not read: {', '.join(others)}"] if others else [])]


# Words --------------------------------------------------------------------------------------------


def _tell(report: _Report, output: str) -> None:
    if output == "json":
        print_json(
            {
                "dry_run": report.dry_run,
                "items": report.items,
                "counts": {table: report.count(table) for table in report.tables},
                "missing": report.missing,
                "notes": report.notes,
            }
        )
        return
    for table in report.tables:
        _print_table(table, [one for one in report.items if one.table == table and (one.reasons or not _is_good(one))])
    titles = ("TABLE", "FULL", "PARTIAL", "NOT SUPPORTED", "CREATED", "UNCHANGED", "CONFLICT")
    rows = [(table, *map(str, report.count(table).values())) for table in report.tables]
    print_table(titles, rows, empty="the files hold no records")
    for table in report.missing:
        click.echo(f"no {table}.json: nothing of that table is imported")
    for note in report.notes:
        click.echo(f"note: {harmless(note)}")
    if report.dry_run:
        click.echo("nothing was changed (dry run)")


def _is_good(item: "ImportItem") -> bool:
    return item.support == "full" and item.action != "conflict"


def _print_table(table: str, items: "Sequence[ImportItem]") -> None:
    """Say of each record what is lost, or why it is left alone."""
    for item in items[:SHOWN]:
        word = item.action if item.action == "conflict" else item.support
        said = click.style(word.replace("_", " "), fg=_COLOURS[word])
        click.echo(f"{table} {click.style(harmless(item.path), bold=True)}: {said}")
        for reason in item.reasons:
            click.echo(f"    {harmless(reason)}")
    if len(items) > SHOWN:
        click.echo(f"{table}: and {len(items) - SHOWN} more like these; --output json has all of them")
