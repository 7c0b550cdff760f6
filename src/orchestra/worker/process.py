"""Processes by their true identity: who is who, what lives, which program a name means, how one starts.

A pid alone names nobody, for the kernel gives it to another process later (C20; Nomad killed
strangers, nomad issue 23969). An `Identity` is pid, start time in clock ticks since boot, and the
id of that boot; a signal goes out only through a pidfd whose process still has that start time.

Imported by executors: no typing, no dataclasses, no subprocess.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal

TYPE_CHECKING = False  # a name that type checkers know; importing it from typing costs each executor a megabyte
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RESET_SIGNALS = frozenset(range(1, signal.SIGRTMIN)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}
"""Back to their default action in commands: Python ignores two of them, the executor handles others, and what
started the worker may have ignored some (a shell ignores SIGINT and SIGQUIT in what it starts in the background)."""


INHERITED = frozenset({"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"})
"""What commands see of the worker's own environment, besides `LC_*`; so never its token."""


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those variables of the worker's environment that commands see."""
    return {name: text for name, text in environment.items() if is_inherited(name)}


def is_inherited(name: str) -> bool:
    """Tell whether commands see this variable of the worker's environment."""
    return name in INHERITED or name.startswith("LC_")


class Identity:
    """Which process: equal only if pid, start time and boot are."""

    __slots__ = ("boot", "pid", "start")

    def __init__(self, pid: int, start: int, boot: str) -> None:
        self.pid = pid
        self.start = start
        self.boot = boot

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{self.pid}:{self.start}:{self.boot}"

    @classmethod
    def parse(cls, text: str) -> Identity | None:
        """Read what `str` wrote; None when it is something else."""
        pid, _, rest = text.partition(":")
        start, _, boot = rest.partition(":")
        return cls(int(pid), int(start), boot) if pid.isdigit() and start.isdigit() and boot else None


class Stat:
    """What `/proc/<pid>/stat` says: parent, session, state letter, start time in ticks since boot (proc(5))."""

    __slots__ = ("name", "parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, text: bytes) -> None:
        # The name stands in parentheses and may itself contain any byte, also ") S 1".
        head, _, tail = text.rpartition(b")")
        fields = tail.split()
        self.pid = pid
        self.name = head.partition(b"(")[2].decode("utf-8", "replace")
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.start = int(fields[19])


def boot_id() -> str:
    """The kernel's random name of this boot (random(4)); another one means that every process is gone."""
    return read_once("/proc/sys/kernel/random/boot_id").decode().strip()


def read_once(path: str, limit: int = 4096) -> bytes:
    """The first `limit` bytes of a file by one read(2): all that a file of `/proc` has to say at one instant."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def stat(pid: int) -> Stat | None:
    """The process's line of `/proc`, None when there is no such process; zombies have one."""
    try:
        return Stat(pid, read_once(f"/proc/{pid}/stat"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def identify(pid: int, boot: str) -> Identity | None:
    """Who has this pid now; None for nobody."""
    found = stat(pid)
    return None if found is None else Identity(pid, found.start, boot)


def is_alive(identity: Identity, boot: str) -> bool:
    """Tell whether exactly this process still lives. A zombie does not: it runs no instruction any more."""
    if identity.boot != boot:
        return False
    found = stat(identity.pid)
    return found is not None and found.start == identity.start and found.state not in "ZX"


def all_processes() -> Iterator[Stat]:
    """Every process that `/proc` shows us. The list is no snapshot: whoever needs certainty asks again."""
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := stat(int(name))) is not None:
            yield found


def command_line(one: Stat, longest: int = 200) -> str:
    """What the process was started as, cut; its name if it does not say (a kernel's thread, a zombie, gone)."""
    try:
        said = read_once(f"/proc/{one.pid}/cmdline").replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        said = ""
    text = said or one.name
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def send_signal(target: Stat, number: int) -> bool:
    """Signal exactly the process that `target` describes; False when it is gone or may not be signalled."""
    try:
        descriptor = os.pidfd_open(target.pid)
    except OSError:
        return False
    try:
        now = stat(target.pid)
        if now is None or now.start != target.start:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def set_process_option(option: int, value: int | bytes) -> None:
    """prctl(2) with one argument, for this process; raises OSError."""
    argument = ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_ulong(value)
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"prctl {option}")


class CannotStart(Exception):
    """No process came to be. `code` is a cause code, `str()` the fact for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def find_program(name: str, environment: Mapping[str, str]) -> str:
    """The path of the program that `name` means to a command with this environment, as execvp(3) looks.

    A name with a slash is a path, relative to the current folder. Raises `CannotStart` with
    `no_such_program`, saying where was looked, or that a file is there and may not be executed.
    """
    if not name:
        raise CannotStart("no_such_program", "the first argument, the program, is empty")
    if "/" in name:
        if os.path.isfile(name) and os.access(name, os.X_OK):
            return name
        raise CannotStart("no_such_program", _why_not(name))
    search = environment.get("PATH", os.defpath)
    paths = [f"{folder or '.'}/{name}" for folder in search.split(":")]
    for path in paths:
        # access first: it answers for the usual miss with one call.
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    for path in paths:
        if os.path.isfile(path):
            raise CannotStart("no_such_program", _why_not(path))
    raise CannotStart("no_such_program", f"no program {name!r} on PATH ({search})")


def _why_not(path: str) -> str:
    if not os.path.lexists(path):
        return f"no such program: {path}"
    if os.path.isdir(path):
        return f"{path} is a folder, not a program"
    return f"{path} is not executable (chmod +x?)"


def spawn(argv: list[str], environment: Mapping[str, str], output: int) -> int:
    """Start `argv` in the current folder as the leader of a new session; return its pid.

    Standard input is `/dev/null`, output and errors go to the descriptor `output`, every other
    descriptor is closed by its close-on-exec flag, signals have their default actions. Raises
    `CannotStart`: `no_such_program`, `bad_definition` (what the kernel refuses in arguments or
    environment) or `cannot_start` (no process or memory left).
    """
    path = find_program(argv[0], environment)
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    )
    try:
        return os.posix_spawn(
            path, argv, environment, file_actions=actions, setsid=True, setsigmask=(), setsigdef=RESET_SIGNALS
        )
    except ValueError as error:  # a NUL in an argument, an "=" in a variable's name
        raise CannotStart("bad_definition", f"{argv[0]} cannot be given these arguments: {error}") from None
    except OSError as error:
        raise CannotStart(*explain_exec(error, path)) from None


def explain_exec(error: OSError, path: str) -> tuple[str, str]:
    """The cause (code, fact) of a program that the kernel did not start."""
    if error.errno == errno.ENOENT:
        return "no_such_program", f"the interpreter that the first line of {path} names does not exist"
    if error.errno == errno.ENOEXEC:
        return "no_such_program", f"{path} is no program of this machine and has no #! line"
    if error.errno in (errno.EACCES, errno.ELOOP, errno.ENOTDIR):
        return "no_such_program", f"{path} or its interpreter may not be executed: {os.strerror(error.errno)}"
    if error.errno == errno.E2BIG:
        return "bad_definition", f"arguments and environment for {path} are longer than the system allows"
    return "cannot_start", f"{path} could not be started: {os.strerror(error.errno or 0)}"
