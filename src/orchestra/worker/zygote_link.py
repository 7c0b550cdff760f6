"""The worker's end of the zygote: it asks for executors, and starts another zygote where one was killed."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable


class Zygote:
    """Our end of the zygote's socket; answers come in the order of the questions."""

    def __init__(self, connection: socket.socket, restart: Callable[[], socket.socket]) -> None:
        """`restart` starts another zygote if this one was killed, and returns its socket."""
        self._connection = connection
        self._restart = restart
        self._turn = asyncio.Lock()

    async def fork(self, theirs: socket.socket) -> tuple[int, int | None]:
        """Start an executor that talks on `theirs`; return its pid and a pidfd, None if it is dead already."""
        async with self._turn:
            try:
                return await self._ask(theirs)
            except ConnectionError:
                self._connection.close()
                self._connection = self._restart()
                return await self._ask(theirs)

    async def _ask(self, theirs: socket.socket) -> tuple[int, int | None]:
        self._connection.setblocking(False)
        socket.send_fds(self._connection, [b"fork"], [theirs.fileno()])
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._connection, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._connection)
        answer, descriptors, _, _ = socket.recv_fds(self._connection, 32, 1)
        if not answer:
            raise ConnectionResetError(errno.ECONNRESET, "the zygote is gone")
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)  # recv_fds of Python 3.11 ignores MSG_CMSG_CLOEXEC
        pid = int(answer)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid, descriptors[0] if descriptors else None

    def close(self) -> None:
        """The zygote ends."""
        self._connection.close()
