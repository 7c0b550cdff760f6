"""Puts the one tool that everything else is installed with, uv, into .bootstrap/bin/uv.

Rules: the standard library only, for this runs on a machine that has nothing else; idempotent; changes nothing outside
.bootstrap/, except that a missing python3-venv is installed where the system's package manager may do it (root).

Ways, in order, for Linux distributions take Python apart differently: a virtual environment (needs `ensurepip`, which
Debian packages apart); the system's own pip with a target folder; python3-venv from the package manager, then the first
way again. When none works, the message says what to install.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

UV = "uv==0.13.9"

FOLDER = Path(__file__).resolve().parent.parent / ".bootstrap"
PROGRAM = FOLDER / "bin/uv"


def main() -> int:
    if _installed():
        return 0
    shutil.rmtree(FOLDER, ignore_errors=True)
    problems = []
    for way in (_by_environment, _by_system_pip, _by_package_manager):
        problem = way()
        if problem is None and _installed():
            return 0
        problems.append(problem or f"{PROGRAM} does not answer as {UV}")
        shutil.rmtree(FOLDER, ignore_errors=True)
    _say(f"expected to install {UV} from PyPI with {sys.executable}, but")
    for problem in problems:
        _say(f"  - {problem}")
    _say("install Python's venv module (Debian, Ubuntu: apt-get install python3-venv) and try again")
    return 1


def _installed() -> bool:
    try:
        answer = subprocess.run([PROGRAM, "--version"], check=False, capture_output=True, text=True).stdout
    except OSError:
        return False
    return answer.split()[:2] == UV.split("==")


def _by_environment() -> str | None:
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        return "this Python has no venv or no ensurepip module"
    if problem := _run([sys.executable, "-m", "venv", str(FOLDER)]):
        return problem
    return _run([str(FOLDER / "bin/python"), "-m", "pip", "install", "--quiet", UV])


def _by_system_pip() -> str | None:
    if importlib.util.find_spec("pip") is None:
        return "this Python has no pip module"
    # A target folder is outside what a distribution protects as externally managed.
    return _run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(FOLDER), UV])


def _by_package_manager() -> str | None:
    if shutil.which("apt-get") is None:
        return "there is no apt-get to install python3-venv with"
    if os.geteuid() != 0:
        return "only root may install python3-venv with apt-get"
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    _say(f"installing {package} with apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", package]):
        if problem := _run(command, environment):
            return problem
    # This process has looked for the modules already and remembers that they were missing.
    importlib.invalidate_caches()
    return _by_environment()


def _run(command: list[str], environment: dict[str, str] | None = None) -> str | None:
    """Runs a command; returns what went wrong, or None. Its output is shown only when it failed."""
    done = subprocess.run(
        command,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode == 0:
        return None
    sys.stderr.buffer.write(done.stdout)
    return f"`{' '.join(command)}` ended with exit code {done.returncode}, see above"


def _say(text: str) -> None:
    sys.stderr.write(f"bootstrap: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
