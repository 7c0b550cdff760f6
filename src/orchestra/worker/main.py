"""The worker as a program: starts the zygote first, then loads everything else and serves.

The zygote is up while the rest is still being imported, and it is small because nothing of the rest
is in it. So this module imports little; `assemble` has the parts.
"""

import ctypes
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orchestra
from orchestra.worker.process import PR_SET_PDEATHSIG, inherited, set_process_option

ZYGOTE: Final = "import sys; sys.path.insert(0, sys.argv[1]); from orchestra.worker.zygote import main; main()"

ERRORS_BYTES: Final = 1 << 20
"""What executors complained about is kept up to this size, and begun anew at the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is started with; `config.WorkerSettings` says what each means and where it comes from."""

    server: str
    token: str
    data: Path
    name: str | None = None
    concurrency: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    is_insecure: bool = False
    dies_with_parent: bool = False
    """`up`: the worker ends with its server, whatever ends that. Executors do not."""
    server_data: str | None = None
    """The data folder of a server on this machine, for runs as `ORCHESTRA_DATA`."""
    run_as: tuple[str, ...] = ()
    workspace_free_bytes: int = 0
    reconnect_first_s: float = 0.5
    reconnect_longest_s: float = 30.0
    log_level: str = "info"
    log_format: str = "auto"


def run_worker(settings: WorkerSettings) -> int:
    """Be a worker until a signal says stop; return the exit code: 0, or 1 when the server or the machine refuses."""
    if settings.dies_with_parent:
        _die_with_parent()
    _keep_memory()
    # Whatever the worker starts does not see its token.
    os.environ.pop("ORCHESTRA_TOKEN", None)
    data = settings.data.expanduser().absolute()
    try:
        (data / "executors").mkdir(mode=0o700, parents=True, exist_ok=True)
        zygote = start_zygote(data)
    except OSError as error:
        sys.stderr.write(f"orchestra worker: cannot start in {data}: {error}\n")
        return 1

    from orchestra.worker.assemble import serve  # noqa: PLC0415

    return serve(settings, data, zygote)


def start_zygote(data: Path) -> socket.socket:
    """Start the process that forks executors; return our end of its socket, which is its life."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    errors = data / "executors" / "errors.log"
    if errors.exists() and errors.stat().st_size > ERRORS_BYTES:
        errors.unlink()
    root = str(Path(orchestra.__file__).parent.parent)
    with theirs:
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", ZYGOTE, root, str(data), "3"],
            inherited(os.environ),
            # Not the worker's own output: an executor that outlives it would keep a pipe to `tee` open for days.
            file_actions=(
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3),
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            ),
            setsid=True,
        )
    return ours


def _keep_memory() -> None:
    """Do not give freed memory back at once: the buffers of log frames come and go thousands of times a second.

    Measured on 104 MB of log: 21,000 page faults and 290 ms of processor time without, 1 and 205 ms with it.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:  # glibc's; mallopt(3)
        for option, size in ((_M_TRIM_THRESHOLD, 16 << 20), (_M_TOP_PAD, 1 << 20), (_M_MMAP_THRESHOLD, 8 << 20)):
            tune(option, size)


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def _die_with_parent() -> None:
    """Get a SIGTERM when the parent ends (prctl(2)); go at once if it has ended before we could ask."""
    parent = os.getppid()
    set_process_option(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)
