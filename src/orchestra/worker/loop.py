"""The executor's event loop: poll(2) over a handful of descriptors, and a wake-up when a child or a signal comes.

There are at most five descriptors (wake-up, listener, worker, output), so poll is as good as epoll
and needs no descriptor of its own. Imported by executors.
"""

from __future__ import annotations

import os
import select
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """Calls the handler of each descriptor that is ready. `terminations` counts SIGTERMs that arrived."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self.terminations = 0
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        # A Python handler must exist for the wake-up byte to be written; what to do is found out by asking waitpid.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_termination)
        self.watch(self._wake_read, self._drain_wakeups)

    def watch(self, descriptor: int, handler: Callable[[], None]) -> None:
        """Call `handler` whenever the descriptor can be read, or is at its end."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, select.POLLIN)

    def want_write(self, descriptor: int, *, wanted: bool) -> None:
        """Also call the handler when a watched descriptor can be written."""
        self._poll.modify(descriptor, select.POLLIN | select.POLLOUT if wanted else select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def turn(self, timeout_s: float | None) -> None:
        """Wait until something is ready or the time has passed, and handle what is ready."""
        # Rounded up: a deadline that is half a millisecond away must not turn into a busy loop.
        milliseconds = None if timeout_s is None else max(0, int(min(timeout_s, 3600.0) * 1000) + 1)
        for descriptor, _ in self._poll.poll(milliseconds):
            handler = self._handlers.get(descriptor)
            if handler is not None:  # an earlier handler of this turn may have closed it
                handler()

    def _drain_wakeups(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def _on_termination(self, *_: object) -> None:
        self.terminations += 1
