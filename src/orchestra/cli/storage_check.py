"""`orchestra doctor --check-storage`: what `storage.log_check` finds, as sentences with advice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from orchestra.cli.finding import Finding
from orchestra.cli.output import size
from orchestra.domain.errors import OrchestraError
from orchestra.storage.engine import parse_url, reader_engine
from orchestra.storage.log_check import Checked, Fault, check_logs, check_sqlite
from orchestra.storage.row_check import check_rows

MOST_SHOWN: Final = 20
"""Findings of one kind that are shown; the rest is counted."""
LOGS: Final = "logs"
"""The folder of log files in the data folder."""


def storage_findings(url: str, folder: Path) -> Iterator[Finding]:
    """Check the database at `url` and the logs below `folder`."""

    def look() -> tuple[list[Fault], Checked]:
        checked = Checked()
        with reader_engine(target).connect() as connection:
            found = list(check_sqlite(connection)) if is_file else []
            if not found:
                found += check_rows(connection)
                found += check_logs(connection, folder / LOGS, checked)
            return found, checked

    try:
        target = parse_url(url)
        is_file = target.get_backend_name() == "sqlite"
        if is_file and not Path(target.database or "").exists():
            yield Finding(
                "storage", "attention", f"{target.database} is not there yet", "it is made at the first start"
            )
            return
        faults, checked = look()
        if faults:
            # A run that was deleted while we looked is none: what is true is found again.
            again = set(look()[0])
            faults = [one for one in faults if one in again]
    except (OrchestraError, DBAPIError, OSError) as error:
        reason = error.detail if isinstance(error, OrchestraError) else str(error.__cause__ or error).strip()
        yield Finding("storage", "bad", f"cannot be read: {reason}", "stop the server and restore the newest backup")
        return
    lost = [one for one in faults if one.is_loss]
    untidy = [one for one in faults if not one.is_loss]
    for one in lost[:MOST_SHOWN]:
        yield Finding("storage", "bad", f"{one.where}: {one.what}", "restore it from a backup")
    for one in untidy[:MOST_SHOWN]:
        yield Finding("storage", "attention", f"{one.where}: {one.what}")
    hidden = max(len(lost) - MOST_SHOWN, 0) + max(len(untidy) - MOST_SHOWN, 0)
    if hidden:
        yield Finding("storage", "attention", f"and {hidden} more of the kind")
    if not lost:
        database = "every page and reference, " if is_file else ""
        fact = f"{database}{checked.logs} logs, {checked.files} files with {size(checked.bytes)}: sound"
        yield Finding("storage", "good", fact)
