"""One folder for each run of pytest, shared by its xdist workers, and locks in it.

`support_session` gives the folder. It is gone when pytest ends, unless a PostgreSQL server lives in it: that one
removes it as it stops. The folder lies directly in the system's temporary folder and others may pass through it, for a
server that refuses to run as root must reach its data; its name is short, for a socket's path has 107 characters at
most.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportSession:
    folder: Path
    process: int  # pytest's own process, which outlives every worker

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Only one worker at a time is inside, for each name."""
        with Path(self.folder, f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


_KEY = pytest.StashKey[SupportSession]()


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", None)
    if given is not None:
        folder, process = Path(given["support_folder"]), int(given["support_process"])
    else:
        folder, process = Path(tempfile.mkdtemp(prefix="orchestra-")), os.getpid()
        folder.chmod(0o711)
    config.stash[_KEY] = SupportSession(folder=folder, process=process)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist starts a worker: it is told which run it belongs to."""
    session = node.config.stash[_KEY]
    node.workerinput["support_folder"] = str(session.folder)
    node.workerinput["support_process"] = session.process


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_KEY, None)
    if session is not None and session.process == os.getpid() and not (session.folder / "postgres").exists():
        shutil.rmtree(session.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def support_session(pytestconfig: pytest.Config) -> SupportSession:
    return pytestconfig.stash[_KEY]
