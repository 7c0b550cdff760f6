"""What `orchestra up` runs beside the server: the example project, and one worker process that is started again.

The worker is a process like any other: it connects out, and its runs outlive it. It dies with the
server (the kernel sees to that, also after `kill -9`); its executors do not.
"""

import asyncio
import os
import signal
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from orchestra import documents
from orchestra.cli.serving import Installation, stderr
from orchestra.domain.access import TokenKind
from orchestra.domain.ids import RANDOM_BITS, uuid7
from orchestra.domain.project import MANAGED_BY_API
from orchestra.domain.user import User
from orchestra.storage import authentications, configuration, users, workers
from orchestra.storage.hints import EVENT
from orchestra.storage.tokens import SECRET_BYTES

NAME: Final = "local"
USER: Final = "local-worker"
RESTART_FIRST_S: Final = 1.0
RESTART_LONGEST_S: Final = 30.0
STOP_S: Final = 20.0
"""The worker leaves within 5 s of a signal; beyond this it hangs and is killed (its runs go on)."""


class LocalWorker:
    """The local worker of `up`. `concurrency` None means the number of cores."""

    def __init__(self, concurrency: int | None, *, opens_browser: bool) -> None:
        self._concurrency = concurrency
        self._opens_browser = opens_browser
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def start(self, installation: Installation) -> None:
        """Load the examples into a new database, start the worker, return when it is connected."""
        if installation.first is not None:
            await _load_examples(installation)
        token = await _token_file(installation)
        command = self._command(installation, token)
        with installation.hints.subscribe([EVENT]) as events:
            self._keeper = asyncio.create_task(self._keep(command), name="local worker")
            while not await installation.database.read(_is_active):
                await events.wait()

    def ready(self, installation: Installation) -> None:
        """Show the website to whoever sits at this machine."""
        if not self._opens_browser or not _has_screen():
            return
        first = installation.first
        webbrowser.open(f"{installation.address}/login?code={first.code}" if first else installation.address)

    def signalled(self, number: int) -> None:
        """Hand the signal on: the first one lets runs go on, a second SIGINT aborts them."""
        self._is_stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self) -> None:
        """Return when the worker process is gone; its runs go on."""
        if not self._is_stopping:
            self.signalled(signal.SIGTERM)
        if self._keeper is None:
            return
        try:
            async with asyncio.timeout(STOP_S):
                await self._keeper
        except TimeoutError:
            stderr(f"the local worker did not leave within {STOP_S:g} s and is killed; its runs go on")
            if self._process is not None:
                self._process.kill()

    def _command(self, installation: Installation, token: Path) -> Sequence[str]:
        command = [sys.executable, "-m", "orchestra", "worker", "--server", installation.address]
        command += ["--token-file", str(token), "--name", NAME, "--data", str(installation.data / "worker")]
        command += ["--die-with-parent", "--server-data", str(installation.data)]
        if self._concurrency is not None:
            command += ["--concurrency", str(self._concurrency)]
        return command

    async def _keep(self, command: Sequence[str]) -> None:
        """Start the worker, and again when it ends by itself, ever more slowly."""
        pause_s = RESTART_FIRST_S
        while not self._is_stopping:
            # A session of its own: Ctrl-C at the terminal must reach it once, through us.
            self._process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
            code = await self._process.wait()
            if self._is_stopping:
                return
            stderr(f"the local worker ended with exit code {code}; it is started again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RESTART_LONGEST_S)


def _is_active(connection: Connection) -> bool:
    found = workers.get(connection, NAME)
    return found is not None and found.is_active


async def _load_examples(installation: Installation) -> None:
    manifest, now = documents.manifest_of(documents.examples()), installation.clock.now()
    await installation.database.write(
        # Owned by nobody's files: whoever looks around may edit the examples on the website, or by files of their own.
        lambda connection: configuration.apply(connection, manifest, MANAGED_BY_API, now, prune=False)
    )


async def _token_file(installation: Installation) -> Path:
    """The file with the local worker's token; user and token are made when the file is not there."""
    file = installation.data / "local-worker-token"
    if file.exists():
        return file
    now, chance = installation.clock.now(), installation.random
    identifier, secret = uuid7(now, chance.getrandbits(RANDOM_BITS)), chance.randbytes(SECRET_BYTES)

    def make(connection: Connection) -> str:
        if users.get(connection, USER) is None:
            user = User(
                identifier=USER,
                display_name="Local worker",
                roles=("Worker",),
                creation_date=now,
                update_date=now,
            )
            users.save(connection, user, now)
        _, text = authentications.create_token(
            connection,
            USER,
            identifier,
            secret,
            now,
            kind=TokenKind.WORKER,
            description="the worker of `orchestra up`",
        )
        return text

    text = await installation.database.write(make)
    # Written under another name first: a file that is there always holds a whole token.
    part = file.with_suffix(".part")
    part.write_text(text + "\n")
    part.chmod(0o600)
    part.replace(file)
    return file


def _has_screen() -> bool:
    """Whether a graphical browser can open: elsewhere `webbrowser` would start one in this terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
