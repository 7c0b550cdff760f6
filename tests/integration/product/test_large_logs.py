"""Large and strange logs are stored and handed out byte for byte."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestra.client.entities import Run
from orchestra.domain.run import RunStatus
from support.installation import PROGRAM, Installation

LINES_BYTES = 100_000_000
RANDOM_BYTES = 20_000_000

# Prints the SHA-256 of what it wrote as its result, so that the truth does not come from us.
WRITE_LINES = """
import hashlib, json, os, sys
digest, left, number = hashlib.sha256(), int(sys.argv[1]), 0
while left > 0:
    block = "".join(f"{n:010d} the quick brown fox jumps over the lazy dog\\n" for n in range(number, number + 5000))
    block = block.encode()[:left]
    digest.update(block)
    sys.stdout.buffer.write(block)
    left -= len(block)
    number += 5000
json.dump(digest.hexdigest(), open(os.environ["ORCHESTRA_RESULTS"], "w"))
"""
WRITE_RANDOM = """
import hashlib, json, os, random, sys
digest, left, chance = hashlib.sha256(), int(sys.argv[1]), random.Random(7)
while left > 0:
    block = chance.randbytes(min(left, 1_000_003))
    digest.update(block)
    sys.stdout.buffer.write(block)
    left -= len(block)
assert block[-1] != 10
json.dump(digest.hexdigest(), open(os.environ["ORCHESTRA_RESULTS"], "w"))
"""


def _digest(pieces: Iterable[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def _by_api(up: Installation, run: Run) -> tuple[int, str]:
    with up.http.stream("GET", f"/runs/{run.identifier}/log") as answer:
        assert answer.headers["Orchestra-Log-Size"] == answer.headers["Content-Length"] == str(run.log_size)
        return _digest(answer.iter_bytes(1 << 20))


def _by_command(up: Installation, run: Run, folder: Path) -> tuple[int, str]:
    file = folder / "log"
    with file.open("wb") as out:
        done = subprocess.run(
            [PROGRAM, "logs", run.identifier], stdout=out, env=up.command_environment(), check=False, timeout=120
        )
    assert done.returncode == 0
    with file.open("rb") as found:
        return _digest(iter(lambda: found.read(1 << 20), b""))


@pytest.mark.parametrize(
    ("name", "program", "size"), [("lines", WRITE_LINES, LINES_BYTES), ("random", WRITE_RANDOM, RANDOM_BYTES)]
)
def test_a_large_log_is_stored_byte_exact(up: Installation, tmp_path: Path, name: str, program: str, size: int) -> None:
    up.put_job(f"large-{name}", [sys.executable, "-c", program, str(size)])
    run = up.run(f"large-{name}")
    assert run.status is RunStatus.SUCCEEDED, run
    truth = (size, run.results)
    assert (run.log_size, run.log_complete, run.log_error) == (size, True, None)
    assert run.steps[0].log_end == size
    assert _by_api(up, run) == truth
    assert _by_command(up, run, tmp_path) == truth


def test_any_window_of_a_large_log_is_exact(up: Installation) -> None:
    up.put_job("windows", [sys.executable, "-c", WRITE_LINES, str(10_000_000)])
    run = up.run("windows")
    assert run.status is RunStatus.SUCCEEDED, run
    width = len("0000000000 the quick brown fox jumps over the lazy dog\n")
    whole = up.client.log(run.identifier)
    total = -(-10_000_000 // width)
    for start in (1, 2, 4_711, 100_000, total - 1, total):
        window = up.http.get(f"/runs/{run.identifier}/log/lines", params={"start": start, "count": 3}).json()
        expected = [line.decode() for line in whole.split(b"\n")[start - 1 : start + 2]]
        assert window["lines"] == [line for line in expected if line], start
        assert (window["start"], window["total"]) == (start, total)
    end = up.http.get(f"/runs/{run.identifier}/log/lines", params={"start": -2, "count": 5}).json()
    assert end["lines"] == [line.decode() for line in whole.split(b"\n")[-2:]]
    part = up.http.get(f"/runs/{run.identifier}/log", headers={"Range": "bytes=5000000-5000099"})
    assert (part.status_code, part.content) == (206, whole[5_000_000:5_000_100])
    assert part.headers["Content-Range"] == "bytes 5000000-5000099/10000000"


STRANGE = {
    "nothing": b"",
    "one-byte": b"x",
    "only-newlines": b"\n" * 70_000,
    "no-final-newline": b"first\nsecond",
    "nul-and-invalid-utf8": b"\x00\xff\xfe\x80 \xc3( \xed\xa0\x80\n" * 100,
    "carriage-returns": b"10%\r20%\r30%\r\ndone\r\n",
    "escapes": b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\n",
    "one-long-line": b"a" * 3_000_000,
    "just-at-the-inline-limit": b"b" * 65_536,
    "just-beyond-it": b"c" * 65_537,
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_log_is_stored_byte_exact(up: Installation, tmp_path: Path, name: str) -> None:
    source = tmp_path / "bytes"
    source.write_bytes(STRANGE[name])
    up.put_job(f"strange-{name}", ["cat", str(source)])
    run = up.run(f"strange-{name}")
    assert run.status is RunStatus.SUCCEEDED, run
    assert run.log_size == len(STRANGE[name])
    assert up.client.log(run.identifier) == STRANGE[name]
    assert up.orchestra("logs", run.identifier).out == STRANGE[name]
    assert up.orchestra("logs", run.identifier, "--follow").out == STRANGE[name]


def test_what_a_command_left_in_the_background_writes_is_recorded_until_it_is_ended(up: Installation) -> None:
    up.put_job(
        "background",
        "mkfifo set; (trap 'echo told to end; exit' TERM; echo > set; sleep 300 & wait) & cat set > /dev/null",
        definition={"workspace": "clean"},
    )
    run = up.run("background")
    assert run.status is RunStatus.SUCCEEDED, run
    assert b"told to end" in up.client.log(run.identifier)
