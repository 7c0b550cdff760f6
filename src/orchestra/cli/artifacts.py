"""`orchestra artifacts`: the files that a run left, as a list, one on standard output, or all into a folder."""

import os
import sys
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import click

from orchestra.cli.connection import with_client
from orchestra.cli.names import RunName, find_run
from orchestra.cli.output import harmless, print_json, print_table, size, with_output
from orchestra.domain.artifact import ArtifactState, is_artifact_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestra.client import Client
    from orchestra.client.answers import Artifact
    from orchestra.client.entities import RunDetail


@click.command(epilog="Example: orchestra artifacts website/build#3 dist/report.pdf -o report.pdf")
@click.argument("name", metavar="RUN", type=RunName())
@click.argument("path", metavar="[PATH]", required=False)
@click.option(
    "-o",
    "--out",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Where to: a file for PATH (- is standard output), a folder for all.",
)
@with_output
@with_client
def artifacts(client: "Client", *, name: str, path: str | None, out: Path | None, output: str) -> int:
    """List the files that a run left, or download them: PATH, or with -o DIR all of them.

    A file that is there already is replaced when the new one has come whole.
    """
    run = find_run(client, name)
    if path is not None:
        _download(client, run, path, out)
        return 0
    found = list(client.artifacts(run.identifier))
    if out is not None:
        return _download_all(client, run, found, out)
    if output == "json":
        print_json(found)
        return 0
    print_table(
        ("SIZE", "STATE", "PATH"),
        ((size(one.size), one.state, harmless(one.path)) for one in found),
        empty="the run left no files" if run.has_ended else "the run has not ended; what it leaves is known then",
    )
    if run.artifact_error:
        click.echo(run.artifact_error, err=True)
    return 0


def _download(client: "Client", run: "RunDetail", path: str, out: Path | None) -> None:
    def into(write: "Callable[[bytes], object]") -> None:
        client.write_artifact(run.identifier, path, write)

    if out is None or str(out) == "-":
        into(sys.stdout.buffer.write)
        sys.stdout.buffer.flush()
    else:
        target = out / PurePosixPath(path).name if out.is_dir() else out
        write_whole(target, into)


def _download_all(client: "Client", run: "RunDetail", found: "list[Artifact]", folder: Path) -> int:
    missing = 0
    for one in found:
        # The server checks names as well; what is written to this disk does not depend on that.
        if one.state != ArtifactState.STORED or not is_artifact_path(one.path):
            missing += 1
            click.echo(f"{harmless(one.path)}: {one.state}", err=True)
            continue
        target = folder.joinpath(*one.path.split("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        _download(client, run, one.path, target)
    count = len(found) - missing
    click.echo(f"{count} {'file' if count == 1 else 'files'} in {folder}", err=True)
    return 1 if missing else 0


def write_whole(target: Path, into: "Callable[[Callable[[bytes], object]], object]") -> None:
    """Let `into` write a file; it has its name only when it is whole. Raises click.ClickException."""
    partial = target.with_name(f".{target.name}.part")
    try:
        with _opened(partial) as file:
            into(file.write)
        partial.replace(target)
    except OSError as error:
        raise click.ClickException(f"cannot write {target}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _opened(path: Path) -> IO[bytes]:
    """A new file: what stands there is left over from an earlier try, or a trap."""
    with suppress(FileNotFoundError):
        path.unlink()
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
