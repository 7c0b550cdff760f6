"""The website's types of the web API are those of the service's OpenAPI document."""

from __future__ import annotations

import subprocess
import sys

from tidy.source import ROOT

CHECK = [sys.executable, "scripts/website.py", "npm", "run", "--silent", "api", "--", "--check"]


def test_the_websites_types_are_generated_from_the_service_as_it_is() -> None:
    document = subprocess.run(
        [sys.executable, "-m", "orchestra.service.openapi"], check=True, cwd=ROOT, capture_output=True
    )
    done = subprocess.run(CHECK, check=False, cwd=ROOT, input=document.stdout, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_document_is_the_same_each_time() -> None:
    written = {
        subprocess.run(
            [sys.executable, "-m", "orchestra.service.openapi"],
            check=True,
            cwd=ROOT,
            capture_output=True,
            env={"PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in (1, 2)
    }
    assert len(written) == 1
