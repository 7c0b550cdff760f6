"""Makes `orchestra.client.synchronous` of `orchestra.client.asynchronous`, which is written by hand.

    .venv/bin/python scripts/synchronous_client.py            writes
    .venv/bin/python scripts/synchronous_client.py --check    says what is out of date, exit code 1

Both say the same in the same order, one with `await` and one without (as httpcore and psycopg do it):
words are replaced, then imports sorted and lines set by ruff. Nothing here understands Python, so the
asynchronous modules use nothing that has no synchronous counterpart of the same shape.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "src/orchestra/client/asynchronous"
TARGET: Final = SOURCE.with_name("synchronous")
RUFF: Final = Path(sys.executable).with_name("ruff")

HEADER: Final = "# auto-generated from asynchronous/{name} by `make client`; change that one.\n"

REPLACEMENTS: Final = (
    (r"\b(async|await) ", ""),
    (r"\bAsyncGenerator\[(.+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsync([A-Z])", r"\1"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bfrom asyncio import\b", "from time import"),
    (r"\basynchronous\b", "synchronous"),
    (r"\baclosing\b", "closing"),
    (r"\b(aclose|aread|aiter_bytes|anext)\b", lambda match: match[0][1:]),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
)
PACKAGE: Final = '''"""`Client` by resource."""
'''


def main() -> int:
    """Write, or with `--check` compare; the exit code says whether all is as it should be."""
    wanted = {path.name: _made_of(path) for path in sorted(SOURCE.glob("*.py"))}
    present = {path.name: path.read_text() for path in sorted(TARGET.glob("*.py"))}
    differing = sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))
    if "--check" in sys.argv[1:]:
        for name in differing:
            sys.stdout.write(f"{(TARGET / name).relative_to(ROOT)} is not what asynchronous/{name} makes\n")
        return 1 if differing else 0
    TARGET.mkdir(exist_ok=True)
    for name in differing:
        if name in wanted:
            (TARGET / name).write_text(wanted[name])
        else:
            (TARGET / name).unlink()
    return 0


def _made_of(path: Path) -> str:
    text = PACKAGE if path.name == "__init__.py" else path.read_text()
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    text = HEADER.format(name=path.name) + text
    # The name tells ruff which settings hold; imports are sorted anew, for modules have other names now, and what
    # only a loop of an asynchronous generator had to do by hand becomes `yield from`.
    mend = ["check", "--select", "I,UP028", "--fix", "--unsafe-fixes", "--quiet"]
    for command in ([*mend, "--config", 'lint.isort.known-first-party = ["orchestra"]'], ["format", "--quiet"]):
        done = subprocess.run(
            [RUFF, *command, "--stdin-filename", str(TARGET / path.name), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            raise SystemExit(f"{path}: {done.stderr}")
        text = done.stdout
    return text


if __name__ == "__main__":
    sys.exit(main())
