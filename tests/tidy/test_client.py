"""The client in two forms, and every operation of the API in both."""

from __future__ import annotations

import subprocess
import sys

from tidy.source import ROOT


def test_the_synchronous_client_is_what_the_asynchronous_one_makes() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/synchronous_client.py", "--check"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"run `make client`:\n{done.stdout}{done.stderr}"
