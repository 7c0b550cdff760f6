"""The package as users get it: built, installed into an empty environment, it runs with website and examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, support_session: SupportSession) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("wheel")
    with support_session.lock("build"):
        if not UV.exists():
            _call("sh", "scripts/bootstrap.sh")
        _call(UV, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", folder / "dist")
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    _call(UV, "pip", "install", "--quiet", "--python", environment / "bin" / "python", wheel)
    program = str(environment / "bin" / "orchestra")
    with Installation(folder / "installation", "up", program=program) as one:
        one.start()
        yield one


def test_it_contains_the_website(installed: Installation) -> None:
    page = httpx.get(installed.address)
    assert page.status_code == 200
    scripts = re.findall(r'<script[^>]+src="([^"]+)"', page.text)
    assert scripts
    for script in scripts:
        found = httpx.get(httpx.URL(installed.address).join(script))
        assert found.status_code == 200
        assert "javascript" in found.headers["Content-Type"]


def test_it_brings_the_examples_and_runs_them(installed: Installation) -> None:
    done = installed.orchestra("trigger", "examples/hello", "-p", "name=wheel", "--follow")
    assert (done.code, done.text.splitlines()[1:]) == (0, ["Hello, wheel!"]), done
    suite = installed.wait_end(installed.client.trigger("examples", "test-suite").identifier)
    assert suite.status is RunStatus.SUCCEEDED, installed.client.log(suite.identifier).decode()


def test_it_finds_itself_well(installed: Installation) -> None:
    done = installed.orchestra("doctor", "--data", str(installed.data))
    assert done.code == 0, done


def test_it_stops_cleanly(installed: Installation) -> None:
    assert installed.stop() == 0
