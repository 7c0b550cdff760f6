"""The executor: a process that carries out one run at a time, hears the worker, and outlives it.

    worker ──► {"type": "execute", "folder": …, "request": {…} | null}     null: read it from the folder
                                        "lease_until": seconds             of an exclusive run (`lease_timer`)
    worker ──► {"type": "lease", "run": key, "until": seconds}             it may live longer
    worker ──► {"type": "cancel", "run": key, "by": …}                     if no command has started
    worker ──► {"type": "abort", "run": key, "by": …}
    worker ◄── {"type": "hello", "pid", "start", "run": key | null}        first on each connection
    worker ◄── {"type": "journal", "run": key, "records": [{…}, …]}        written to the journal just now
    worker ◄── {"type": "log", "run": key, "size": bytes}                  the log grew
    worker ◄── {"type": "unclaimed", "run": key, "code", "message"}        not started, by this executor

One JSON object a line. Everything that is told also stands in the run's folder, so a connection
may end at any time: the executor goes on, and listens at `DATA/executors/<pid>.sock` for the next
worker. Without a worker and without a run it ends. It never blocks on the worker.

Imported by executors.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback

from orchestra.worker.carry_out import Execution
from orchestra.worker.lease_timer import LeaseTimer
from orchestra.worker.loop import Loop
from orchestra.worker.process import Identity, boot_id, stat
from orchestra.worker.record import REQUEST, NotMine, Reserve, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

RECEIVE_BYTES = 1 << 16
READ_BYTES = 1 << 18
"""How much of the commands' output is read at once."""


class Conversation:
    """The connection to the worker, and the socket at which the next worker will knock."""

    def __init__(self, loop: Loop, listener: socket.socket, hello: Callable[[], dict[str, object]]) -> None:
        self._loop = loop
        self._listener = listener
        self._hello = hello
        self._connection: socket.socket | None = None
        self._received = b""
        self._unsent = b""
        self.messages: list[dict[str, Any]] = []
        """What the worker said and nobody has handled yet."""
        self.on_message: Callable[[], None] | None = None
        loop.watch(listener.fileno(), self._accept)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def use(self, connection: socket.socket) -> None:
        """Talk over this connection from now on; an earlier one is closed, the newest worker counts."""
        self._drop()
        connection.setblocking(False)
        self._connection = connection
        self._loop.watch(connection.fileno(), self._ready)
        self.tell(self._hello())

    def tell(self, message: dict[str, object]) -> None:
        self.tell_line(encode_json(message))

    def tell_line(self, line: str) -> None:
        """Send one line now, or as soon as the worker takes it."""
        if self._connection is not None:
            self._send(self._unsent + line.encode() + b"\n")

    def tell_growth(self, key: str, size: int) -> None:
        """Say how long the log is; skipped while the worker is behind, for it reads to the end anyway."""
        if not self._unsent:
            self.tell_line(f'{{"type":"log","run":"{key}","size":{size}}}')

    def close(self) -> None:
        self._drop()
        self._listener.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        self.use(connection)

    def _ready(self) -> None:
        if self._unsent:
            self._send(self._unsent)
        if self._connection is None:
            return
        try:
            data = self._connection.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop()
            return
        *lines, self._received = (self._received + data).split(b"\n")
        self.messages.extend(json.loads(line) for line in lines)
        if self.on_message is not None:
            self.on_message()

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        try:
            sent = self._connection.send(data, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop()
            return
        before, self._unsent = self._unsent, data[sent:]
        if bool(before) != bool(self._unsent):
            self._loop.want_write(self._connection.fileno(), wanted=bool(self._unsent))

    def _drop(self) -> None:
        if self._connection is not None:
            self._loop.unwatch(self._connection.fileno())
            self._connection.close()
            self._connection = None
        self._received = self._unsent = b""


class Post:
    """What an executor lends to the run that it carries out."""

    __slots__ = ("buffer", "conversation", "loop", "reserve")

    def __init__(self, loop: Loop, conversation: Conversation, reserve: Reserve) -> None:
        self.loop = loop
        self.conversation = conversation
        self.reserve = reserve
        # Allocated once: 64 fresh pages for each run would cost more than the rest of a trivial one.
        self.buffer = memoryview(bytearray(READ_BYTES))


class Executor:
    """One executor process. `data` is the worker's data folder, absolute."""

    def __init__(self, data: str, connection: socket.socket) -> None:
        pid = os.getpid()
        found = stat(pid)
        assert found is not None
        self._identity = Identity(pid, found.start, boot_id())
        self._files = f"{data}/executors/{pid}"
        _write_anew(f"{self._files}.identity", str(self._identity))
        self._loop = Loop()
        self._reserve = Reserve(f"{self._files}.reserve")
        self._execution: Execution | None = None
        self._conversation = Conversation(self._loop, _listen(f"{self._files}.sock"), self._hello)
        self._conversation.use(connection)
        self._post = Post(self._loop, self._conversation, self._reserve)

    def serve(self) -> None:
        """Execute what the worker hands over, until the worker is gone or a run leaves what cannot be killed."""
        may_go_on = True
        while may_go_on and (self._conversation.messages or self._conversation.is_connected):
            if self._conversation.messages:
                may_go_on = self._handle(self._conversation.messages.pop(0))
            elif self._loop.terminations:
                break
            else:
                self._loop.turn(None)
        os.unlink(f"{self._files}.sock")
        os.unlink(f"{self._files}.identity")
        self._reserve.drop()
        self._conversation.close()

    def _handle(self, message: dict[str, Any]) -> bool:
        """Do what was asked; False when this process must not take another run."""
        if message["type"] != "execute":
            return True  # a wish that crossed the end of its run
        folder: str = message["folder"]
        key = os.path.basename(folder)
        try:
            request = message["request"] or _read_request(folder)
            lease = LeaseTimer(request.get("lease"), message.get("lease_until"))
            execution = Execution(folder, request, f"{self._files}.identity", self._post, lease)
        except NotMine as error:
            self._conversation.tell({"type": "unclaimed", "run": key, "code": "not_mine", "message": str(error)})
            return True
        except (OSError, ValueError, KeyError) as error:
            self._conversation.tell({"type": "unclaimed", "run": key, "code": "unusable", "message": str(error)})
            return True
        return self._carry_out(execution)

    def _carry_out(self, execution: Execution) -> bool:
        self._execution = execution
        self._conversation.on_message = self._hear
        self._hear()  # a wish may have come together with the request
        try:
            execution.carry_out()
            os.chdir("/")  # workspaces can be deleted and file systems unmounted
        except Exception:
            # The worker sees this process end, ends what is left of the tree, and reports executor_lost.
            sys.stderr.write(f"executor {os.getpid()}, run {execution.key}:\n{traceback.format_exc()}")
            return False
        finally:
            self._execution = None
            self._conversation.on_message = None
        # Processes that cannot be killed stay this executor's children: a next run could not tell them from its own.
        return not execution.survivors

    def _hear(self) -> None:
        """While a run is carried out: a wish about it is heeded at once, everything else can wait."""
        later = []
        for message in self._conversation.messages:
            execution = self._execution
            if message["type"] == "execute":
                later.append(message)
            elif execution is None or message["run"] != execution.key:
                continue
            elif message["type"] == "lease":
                execution.lease.renew(message["until"])
            else:
                execution.wish(message["by"], only_unstarted=message["type"] == "cancel")
        self._conversation.messages[:] = later

    def _hello(self) -> dict[str, object]:
        run = None if self._execution is None else self._execution.key
        return {"type": "hello", "pid": self._identity.pid, "start": self._identity.start, "run": run}


def _listen(path: str) -> socket.socket:
    """Listen at a path of any length: sun_path holds 107 bytes (unix(7)), and a descriptor's alias is short."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            os.unlink(path)  # left by a killed executor whose pid is ours now
        except FileNotFoundError:
            pass
        listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)
    listener.setblocking(False)
    listener.listen(4)
    return listener


def _write_anew(path: str, text: str) -> None:
    """Write a file that is nobody else's: one that a killed executor left may be the marker of a run."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def _read_request(folder: str) -> dict[str, Any]:
    """The request of a folder: its length in bytes on the first line, then JSON; what follows is of earlier runs."""
    with open(f"{folder}/{REQUEST}", "rb") as file:
        request: dict[str, Any] = json.loads(file.read(int(file.readline())))
    return request
