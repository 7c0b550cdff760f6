"""Golden conversations between workers and the master: what is written is what is said.

Each `.txt` file is a story: lines that somebody plays, and, indented, everything that follows. To write the indented
lines anew after a change that is meant, run the tests with `WRITE_TRANSCRIPTS=1` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulation.transcripts.stage import LINES, perform
from support.virtual_time import run_virtually

STORIES = sorted(Path(__file__).parent.glob("*.txt"))
EXPECTED = {
    "abort",
    "cancel_before_start",
    "connect",
    "disconnect_while_running",
    "duplicate_name",
    "lost_and_delivered",
    "never_arrived",
    "refused",
    "run",
    "server_restart",
    "silence",
    "superseded",
    "too_old_version",
    "unknown_message",
    "window_full",
}


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_conversation_is_as_written(path: Path, tmp_path: Path) -> None:
    script = path.read_text()
    played = run_virtually(perform(tmp_path, script))
    if os.environ.get("WRITE_TRANSCRIPTS"):
        path.write_text(played)
    assert played == script


def test_every_story_is_told() -> None:
    assert {path.stem for path in STORIES} == EXPECTED


def test_every_kind_of_line_is_played_somewhere() -> None:
    rows = [row for path in STORIES for row in path.read_text().splitlines()]
    unused = [pattern.pattern for pattern, _ in LINES if not any(pattern.fullmatch(row) for row in rows)]
    assert not unused
