"""What `orchestra login` stores, and `orchestra logout` forgets; the client's `credentials` say where, and read it."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from orchestra.client.credentials import Login, login_file


def write_login(login: Login) -> Path:
    """Store the sign-in and return its path; the file is whole or not there, and never readable by others."""
    file = login_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as out:
            json.dump(asdict(login), out)
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return file


def forget_login() -> bool:
    """Delete the stored sign-in; False when there was none."""
    try:
        login_file().unlink()
    except FileNotFoundError:
        return False
    return True
