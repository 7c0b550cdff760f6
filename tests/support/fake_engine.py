"""A container engine for tests: `run`, `ps` and `rm` as podman and docker understand them, without any container.

    engine = FakeEngine(folder)     the daemon: threads of the test's process; programs of it in `folder/bin`
    PATH=folder/bin:…               `podman` (or `docker`) there is the client: it asks the daemon, as docker's does

"Containers" are processes of the daemon, so they are outside of the run's process tree, outlive a
client that is killed, and see only the variables that were handed over. `asked` holds what `run` got.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

VALUED = ("--name", "--label", "--workdir", "--volume", "--env", "--memory")


class FakeEngine:
    """The daemon."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.asked: list[dict[str, Any]] = []
        self.containers: dict[str, tuple[dict[str, Any], subprocess.Popen[bytes]]] = {}
        self.removes = True
        """Whether `rm` works."""
        path = folder / "engine.sock"
        for name in names:
            client = self.bin / name
            client.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {path} "$@"\n')
            client.chmod(0o755)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Without the daemon no client gets an answer."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def end_all(self) -> None:
        for _, process in tuple(self.containers.values()):
            process.kill()
            process.wait()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        data, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 1)
        question = json.loads(data)
        code, text = 0, ""
        match question["verb"]:
            case "run":
                code = self._run(question, descriptors[0])
            case "ps":
                wanted = question["words"][question["words"].index("--filter") + 1].removeprefix("label=")
                text = "\n".join(key for key, (one, _) in self.containers.items() if wanted in one["given"]["--label"])
            case "kill":
                pass  # `rm` does it
            case "rm":
                for identifier in question["words"][1:] if self.removes else ():
                    found = self.containers.get(identifier)
                    if found is not None:
                        found[1].kill()
                        found[1].wait()
                        self.containers.pop(identifier, None)
            case "signal":
                for one, process in tuple(self.containers.values()):
                    if one["given"]["--name"] == question["words"]:
                        process.send_signal(question["number"])
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(OSError):  # the client may have been killed meanwhile
            connection.sendall(json.dumps({"code": code, "text": text}).encode())
        connection.close()

    def _run(self, question: dict[str, Any], output: int) -> int:
        given, words = parse(question["words"])
        environment = {"PATH": "/usr/bin:/bin"}
        for one in given.get("--env", []):
            name, equals, text = one.partition("=")
            environment[name] = text if equals else question["environment"][name]
        asked = {"image": words[0], "argv": words[1:], "given": given, "words": question["words"]}
        process = subprocess.Popen(
            words[1:],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=given["--workdir"][0],
            start_new_session=True,
        )
        identifier = uuid.uuid4().hex
        self.containers[identifier] = (asked, process)
        self.asked.append(asked)
        code = process.wait()
        self.containers.pop(identifier, None)
        return code if code >= 0 else 128 - code


def parse(words: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The options of `run`, and what follows: the image and its arguments."""
    given: dict[str, list[str]] = {}
    place = 0
    while words[place].startswith("--"):
        has_value = words[place] in VALUED
        given.setdefault(words[place], []).append(words[place + 1] if has_value else "")
        place += 2 if has_value else 1
    return given, words[place:]


def client(path: str, verb: str, *words: str) -> int:
    """What `podman` and `docker` are."""
    question = {"verb": verb, "words": words, "environment": dict(os.environ)}
    if verb == "run":
        name = parse(list(words))[0]["--name"]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: _ask(path, {"verb": "signal", "words": name, "number": number}))
    try:
        answer = _ask(path, question)
    except OSError as error:
        sys.stderr.write(f"Cannot connect to the daemon: {error.strerror}\n")
        return 125
    sys.stdout.write(answer["text"])
    return int(answer["code"])


def _ask(path: str, question: dict[str, Any]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(question).encode()], [1])
        answer: dict[str, Any] = json.loads(connection.recv(1 << 20))
    return answer


if __name__ == "__main__":
    sys.exit(client(*sys.argv[1:]))
