"""The worker's composition root: builds the parts by plain arguments, handles signals, and takes leave.

SIGTERM or SIGINT: the session says goodbye, idle executors end, runs go on in theirs and are adopted
at the next start; one line says how many. A second SIGINT within five seconds aborts them.
"""

import asyncio
import os
import pwd
import random
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orchestra import telemetry
from orchestra.domain.ids import is_identifier
from orchestra.worker.app import Profile, RejectedError, Transport, Worker
from orchestra.worker.executors import ProcessExecutors
from orchestra.worker.facts import cores, default_name, gather
from orchestra.worker.main import WorkerSettings, start_zygote
from orchestra.worker.process import boot_id, inherited
from orchestra.worker.requests import Surroundings
from orchestra.worker.runs import Runs
from orchestra.worker.spool import FolderSpool, InUseError, remove_tree
from orchestra.worker.transport import AddressError, http_url, open_transport, worker_url
from orchestra.worker.zygote_link import Zygote

SECOND_INTERRUPT_S: Final = 5.0
"""A second Ctrl-C within this time aborts the runs that would go on."""

ABORT_LIMIT_S: Final = 30.0
"""How long a worker that aborts its runs waits for their end; executors go on with it in any case."""


class NameUnusableError(ValueError):
    """The worker has no name that the server would take."""


class UsersUnusableError(ValueError):
    """Jobs cannot run as the users that the worker was given."""


def serve(settings: WorkerSettings, data: Path, zygote: socket.socket) -> int:
    """Be a worker with its data in `data` (absolute); return the exit code."""
    telemetry.configure(settings.log_level, settings.log_format)
    return asyncio.run(_serve(settings, data, zygote))


async def _serve(settings: WorkerSettings, data: Path, zygote: socket.socket) -> int:
    try:
        worker, executors = _build(settings, data, zygote)
    except (InUseError, AddressError, NameUnusableError, UsersUnusableError) as error:
        zygote.close()
        _say(str(error))
        return 1
    signals = _Signals(worker)
    try:
        await worker.run()
    except RejectedError as error:
        _say(str(error))
        _say_what_goes_on(worker.runs.active())
        return 1
    else:
        await _take_leave(worker, signals)
        return 0
    finally:
        worker.runs.close()
        await executors.close()


def _build(settings: WorkerSettings, data: Path, zygote: socket.socket) -> tuple[Worker, ProcessExecutors]:
    """Put the parts together. Raises an error for the user when settings or folder do not fit."""
    name = settings.name or default_name()
    if name is None or not is_identifier(name):
        raise NameUnusableError(
            f"{name!r} cannot be a worker's name (letters, digits, '_', '.', '-'); give --name NAME"
        )
    url = worker_url(settings.server, is_insecure=settings.is_insecure)
    boot = boot_id()
    loop = asyncio.get_running_loop()
    spool = FolderSpool(
        data, boot, lambda: str(uuid.uuid4()), remove=lambda path: loop.run_in_executor(None, remove_tree, path)
    )
    concurrency = settings.concurrency or cores()
    _let_users_pass(settings.run_as, data)
    properties = gather(settings.properties, concurrency, settings.run_as)
    executors = ProcessExecutors(
        data,
        boot,
        Zygote(zygote, lambda: start_zygote(data)),
        spare=concurrency,
        records=lambda key: spool.look(key).records,
    )
    surroundings = Surroundings(
        inherited=inherited(os.environ),
        worker=name,
        properties=properties,
        server=http_url(settings.server),
        python=sys.executable,
        server_data=settings.server_data,
        run_as=settings.run_as,
    )

    def make_runs(changed: Callable[[], None]) -> Runs:
        return Runs(
            spool,
            executors,
            surroundings,
            concurrency=concurrency,
            workspaces=data / "workspaces",
            now_us=lambda: time.time_ns() // 1000,
            changed=changed,
            workspace_free=settings.workspace_free_bytes,
        )

    async def connect() -> Transport:
        return await open_transport(url, settings.token)

    profile = Profile(
        name=name,
        server=settings.server,
        concurrency=concurrency,
        properties=properties,
        reconnect_first_s=settings.reconnect_first_s,
        reconnect_longest_s=settings.reconnect_longest_s,
    )
    worker = Worker(profile, connect=connect, spool=spool, make_runs=make_runs, uniform=random.SystemRandom().uniform)
    return worker, executors


def _let_users_pass(users: tuple[str, ...], data: Path) -> None:
    """Let other users pass through the data folder to their workspaces, without seeing what is in it."""
    if not users:
        return
    if os.geteuid() != 0:
        raise UsersUnusableError(f"--run-as {','.join(users)}: only a worker that runs as root can run jobs as others")
    unknown = [name for name in users if not _is_user(name)]
    if unknown:
        raise UsersUnusableError(f"--run-as: this machine has no user {', '.join(unknown)}")
    for folder in (data, data / "workspaces"):
        folder.chmod(0o711)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class _Signals:
    """The first signal stops the worker; interrupts are counted, for the second one means more."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self.first_interrupt: float | None = None
        self.second_interrupt = asyncio.Event()
        self._loop.add_signal_handler(signal.SIGTERM, worker.stop, "the worker is stopped")
        self._loop.add_signal_handler(signal.SIGINT, self._interrupted)

    def _interrupted(self) -> None:
        if self.first_interrupt is None:
            self.first_interrupt = self._loop.time()
            self._worker.stop("the worker is stopped")
        else:
            self.second_interrupt.set()


async def _take_leave(worker: Worker, signals: _Signals) -> None:
    """Say what goes on; after Ctrl-C, wait a moment for another one, which aborts it."""
    active = worker.runs.active()
    _say_what_goes_on(active)
    if not active or signals.first_interrupt is None:
        return
    _say(f"press Ctrl-C again within {SECOND_INTERRUPT_S:g} s to abort {'it' if active == 1 else 'them'}")
    try:
        async with asyncio.timeout_at(signals.first_interrupt + SECOND_INTERRUPT_S):
            await signals.second_interrupt.wait()
    except TimeoutError:
        return
    worker.runs.abort_all("Ctrl-C on the worker")
    try:
        async with asyncio.timeout(ABORT_LIMIT_S):
            await worker.runs.wait_idle()
    except TimeoutError:
        _say("their executors go on ending them")
    else:
        _say("aborted; the server hears of it at the next start")


def _say_what_goes_on(active: int) -> None:
    if active == 0:
        _say("stopped; nothing was running")
    elif active == 1:
        _say("stopped; 1 run goes on and is adopted at the next start")
    else:
        _say(f"stopped; {active} runs go on and are adopted at the next start")


def _say(text: str) -> None:
    sys.stderr.write(f"orchestra worker: {text}\n")
    sys.stderr.flush()
