"""What a worker says about its machine: the properties that jobs may ask for without anybody having typed them."""

import os
import platform
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestra.domain.ids import is_identifier


def gather(given: Mapping[str, Any], concurrency: int, run_as: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the worker's properties: what the machine tells, replaced and completed by what the user gave."""
    system = platform.uname()
    facts: dict[str, Any] = {
        "os": system.system.lower(),
        "distribution": _distribution(),
        "arch": system.machine,
        "kernel": system.release,
        "python": platform.python_version(),
        "hostname": socket.gethostname(),
        "cores": cores(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "user": _user(),
        "run_as": list(run_as),
        "concurrency": concurrency,
        "container": _container(),
        "programs": [name for name in ("docker", "git", "node", "podman") if shutil.which(name)],
    }
    return {**{key: value for key, value in facts.items() if value not in (None, "", [])}, **given}


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def default_name() -> str | None:
    """The machine's name if it can be a worker's identifier, or what remains of it; None if nothing does."""
    name = "".join(one for one in socket.gethostname() if one.isascii() and (one.isalnum() or one in "_.-"))
    name = name.lstrip("_.-")[:128]
    return name if is_identifier(name) else None


def _distribution() -> str | None:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    return f"{release['ID']}-{release['VERSION_ID']}" if "VERSION_ID" in release else release["ID"]


def _user() -> str | None:
    import pwd  # noqa: PLC0415 - only Linux and macOS have it

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _container() -> str | None:
    if Path("/.dockerenv").exists():
        return "docker"
    if Path("/run/.containerenv").exists():
        return "podman"
    return "kubernetes" if "KUBERNETES_SERVICE_HOST" in os.environ else None
