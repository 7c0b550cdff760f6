"""`orchestra doctor`: checks this installation, part by part, and says what to do."""

import importlib.resources
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from orchestra.cli.connection import connection_options, default_data_directory, find_target
from orchestra.cli.finding import Finding
from orchestra.cli.output import print_json, size, with_output
from orchestra.client import Client
from orchestra.domain.access import Permission
from orchestra.domain.errors import NotAuthenticated, OrchestraError, Unavailable

LITTLE_SPACE_BYTES: Final = 1 << 30
_SIGNS: Final = {"good": ("✓", "green"), "attention": ("!", "yellow"), "bad": ("✗", "red")}


@click.command(epilog="Example: orchestra doctor --data ./orchestra-data")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The server's data folder.")
@click.option("--database", metavar="URL", help="The server's database, where it is not the file in the data folder.")
@click.option("--check-storage", is_flag=True, help="Read and check all that is stored; takes as long as reading it.")
@connection_options
@with_output
def doctor(
    *, data: Path | None, database: str | None, check_storage: bool, server: str | None, token: str | None, output: str
) -> int:
    """Check this installation and say what to do. Exit code 1 when something is bad.

    With --check-storage every page of the database, every reference and every log is read and compared; the server
    may go on meanwhile.
    """
    folder = data or default_data_directory()
    file = folder / "orchestra.db"
    findings = [*_program(), *_folder(folder), *_limits(), *_database(file), *_server(server, token, folder)]
    if check_storage:
        # Only now: without it, no database library is loaded.
        from orchestra.cli.storage_check import storage_findings  # noqa: PLC0415

        findings += storage_findings(database or f"sqlite:///{file.absolute()}", folder)
    if output == "json":
        print_json(findings)
    else:
        for one in findings:
            sign, colour = _SIGNS[one.state]
            click.echo(f"{click.style(sign, fg=colour, bold=True)} {one.what:<14} {one.fact}")
            if one.advice:
                click.echo(f"  {'':<14} → {one.advice}")
    return 1 if any(one.state == "bad" for one in findings) else 0


def _program() -> Iterator[Finding]:
    version = sys.version.split()[0]
    yield Finding("python", "good", f"Python {version}")
    if (importlib.resources.files("orchestra") / "website_dist" / "index.html").is_file():
        yield Finding("website", "good", "built into this installation")
    else:
        yield Finding("website", "bad", "not built into this installation", "in a checkout: make website")
    if sys.platform != "linux":
        yield Finding("platform", "attention", sys.platform, "server and worker need Linux; the client works here")


def _folder(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("data folder", "attention", f"{folder} is not there yet", "it is made at the first start")
        return
    mode = folder.stat().st_mode & 0o777
    if mode & 0o077:
        yield Finding("data folder", "bad", f"{folder} has mode {mode:o}: others can read it", f"chmod 700 {folder}")
    elif not os.access(folder, os.W_OK):
        yield Finding("data folder", "bad", f"{folder} cannot be written by this user", "run as the user who owns it")
    else:
        yield Finding("data folder", "good", f"{folder}, yours alone")
    free = shutil.disk_usage(folder).free
    state, advice = ("good", "") if free > LITTLE_SPACE_BYTES else ("attention", "make room: logs and results need it")
    yield Finding("disk", state, f"{size(free)} free", advice)


def _database(file: Path) -> Iterator[Finding]:
    if not file.exists():
        return
    try:
        with sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True) as connection:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict == "ok":
        yield Finding("database", "good", f"{file}, {size(file.stat().st_size)}, sound")
    else:
        yield Finding("database", "bad", f"{file}: {verdict}", "stop the server and restore the newest backup")


def _limits() -> Iterator[Finding]:
    """How a worker that is started like this would limit the memory of runs."""
    if sys.platform != "linux":
        return
    # Imported here: only Linux has what it looks at.
    from orchestra.worker.memory_group import find_parent  # noqa: PLC0415

    parent = find_parent()
    if parent is not None:
        yield Finding("memory limits", "good", f"of whole runs, by cgroups (version {parent.version}, {parent.path})")
    else:
        fact = "of each process alone, by its address space (RLIMIT_AS): no cgroup of memory can be made here"
        yield Finding("memory limits", "attention", fact, "for limits of whole runs see docs/workers.md, memory")


def _server(server: str | None, token: str | None, folder: Path) -> Iterator[Finding]:
    try:
        target = find_target(server, token, data=folder)
    except NotAuthenticated as error:
        yield Finding("server", "attention", f"not asked: {error.detail}", "orchestra login, or --data of the server")
        return
    try:
        with Client(target.server, target.token, timeout_s=5.0) as client:
            me = client.me()
            yield Finding("server", "good", f"{target.server} answers; you are {me.user.identifier}")
            if not client.is_ready():
                yield Finding("readiness", "bad", "the server takes no work now", "its log says why")
            if Permission.WORKER_READ in me.permissions:
                yield from _workers(client)
    except Unavailable as error:
        yield Finding("server", "bad", error.detail, "is it running? start it with: orchestra server (or orchestra up)")
    except OrchestraError as error:
        yield Finding("server", "bad", f"{target.server}: {error.detail}", f"orchestra login --server {target.server}")


def _workers(client: Client) -> Iterator[Finding]:
    found = list(client.workers())
    active = [one for one in found if one.is_active]
    takers = [one for one in active if one.is_enabled]
    fact = f"{len(active)} of {len(found)} connected, {sum(one.concurrency for one in takers)} slots"
    if takers:
        yield Finding("workers", "good", fact)
    elif active:
        yield Finding("workers", "attention", f"{fact}: all are disabled", "orchestra worker enable NAME")
    else:
        yield Finding("workers", "attention", fact, "start one: orchestra worker --server URL --token TOKEN")
