"""The zygote: a small process, started before anything heavy is imported, that forks the executors.

A fork shares all that its parent has loaded, so an executor costs the pages that it writes and
about a millisecond; started from the worker itself it would carry asyncio, TLS and the worker's
descriptors along. `python -I -S` leaves out site-packages and the environment, and everything here
imports only small modules of the standard library.

The worker asks by one datagram with one end of a socket pair; the answer is the executor's pid with
a pidfd, or a negative error number. The zygote ends when the worker does. Executors do not: each is
the leader of its own session and the subreaper of all that its commands start.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from orchestra.worker.executor import Executor
from orchestra.worker.process import PR_SET_CHILD_SUBREAPER, PR_SET_NAME, set_process_option
from orchestra.worker.tree import EXECUTOR_NAME, ZYGOTE_NAME


def main() -> None:
    """Serve the worker on the inherited socket until it is gone.

    Arguments: the folder that contains `orchestra`, the data folder, the socket's descriptor.
    """
    data, descriptor = sys.argv[2], int(sys.argv[3])
    set_process_option(PR_SET_NAME, ZYGOTE_NAME.encode())
    # What a killed executor leaves comes here, however it hides: see `tree.sweep_targets`.
    set_process_option(PR_SET_CHILD_SUBREAPER, 1)
    # The parent neither waits for executors nor needs their exit codes: pidfds tell of their end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    worker = socket.socket(fileno=descriptor)
    worker.set_inheritable(False)
    _leave_surroundings(descriptor)
    # Objects that exist now never die; frozen, the collector does not touch (and so copy) their pages in each child.
    gc.freeze()
    gc.disable()
    while True:
        try:
            asked, descriptors, _, _ = socket.recv_fds(worker, 16, 1)
        except ConnectionError:  # the worker died with an answer of ours unread
            return
        if not asked:
            return
        connection = descriptors[0]
        os.set_inheritable(connection, False)  # recv_fds of Python 3.11 ignores MSG_CMSG_CLOEXEC
        try:
            pid = os.fork()
        except OSError as error:  # no process or memory left: the worker decides what that means for the run
            pid = -(error.errno or 1)
        if pid == 0:
            worker.close()
            _become_executor(data, socket.socket(fileno=connection))
        os.close(connection)
        _answer(worker, pid)


def _leave_surroundings(descriptor: int) -> None:
    """Let go of what the worker was started with: an executor lives on, and would keep somebody's pipe or mount."""
    os.chdir("/")
    for name in os.listdir("/proc/self/fd"):
        if int(name) > descriptor:
            try:
                os.close(int(name))
            except OSError:
                pass  # the descriptor of this very listing


def _answer(worker: socket.socket, pid: int) -> None:
    try:
        watch = os.pidfd_open(pid)
    except OSError:  # no process, or one that is dead and collected already
        worker.send(str(pid).encode())
        return
    socket.send_fds(worker, [str(pid).encode()], [watch])
    os.close(watch)


def _become_executor(data: str, connection: socket.socket) -> None:
    code = 1
    try:
        os.setsid()
        gc.enable()
        set_process_option(PR_SET_CHILD_SUBREAPER, 1)
        set_process_option(PR_SET_NAME, EXECUTOR_NAME.encode())
        Executor(data, connection).serve()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)
