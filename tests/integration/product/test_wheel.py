"""The package as users get it: built, installed into an empty environment, it runs with website and examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import httpx

from orchestra.domain.run import RunStatus
from support.installation import Installation
from support.session import SupportSession

ROOT = Path(__file__).resolve().parents[3]
UV = ROOT / ".bootstrap" / "bin" / "uv"
# What the Makefile tells it: no other Python than the one that is here.
ENVIRONMENT = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}


def _call(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


def _install(folder: Path, session: SupportSession) -> str:
    """Build the wheel and install it; return the program `orchestra` of the new environment."""
    with session.lock("build"):
        if not UV.exists():
            _call("sh", "scripts/bootstrap.sh")
        _call(UV, "build", "--wheel", "--python", sys.executable, "--out-dir", folder / "dist")
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    _call(UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", wheel)
    return str(environment / "bin" / "orchestra")


def test_an_installed_wheel_runs_with_website_and_examples(tmp_path: Path, support_session: SupportSession) -> None:
    program = _install(tmp_path, support_session)
    with Installation(tmp_path / "installation", "up", program=program) as installed:
        installed.start()
        _check_website(installed)
        _check_examples(installed)
        done = installed.orchestra("doctor", "--data", str(installed.data))
        assert done.code == 0, done
        assert installed.stop() == 0


def _check_website(installed: Installation) -> None:
    page = httpx.get(installed.address)
    assert page.status_code == 200
    scripts = re.findall(r'<script[^>]+src="([^"]+)"', page.text)
    assert scripts
    for script in scripts:
        found = httpx.get(httpx.URL(installed.address).join(script))
        assert found.status_code == 200
        assert "javascript" in found.headers["Content-Type"]


def _check_examples(installed: Installation) -> None:
    done = installed.orchestra("trigger", "examples/hello", "-p", "name=wheel", "--follow")
    assert (done.code, done.text.splitlines()[1:]) == (0, ["Hello, wheel!"]), done
    suite = installed.wait_end(installed.client.trigger("examples", "test-suite").identifier)
    assert suite.status is RunStatus.SUCCEEDED, installed.client.log(suite.identifier).decode()
