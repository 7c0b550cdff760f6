"""What is said beside a run that is waited for: that its worker is away, or the server, and when they are back.

    linux-07 is not connected, last heard from at 14:02:10 UTC; the run probably goes on there. Waiting …
    linux-07 is back after 5m 02s

Rules. Everything goes to standard error, each thing once, and nothing of it ends the waiting. A second
thread listens to the server's events; each one that concerns the run or its worker is a reason to look
how it is now, so lines tell the state and no history. Who may not see workers is told nothing of them.
"""

import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click
import httpx

from orchestra.cli.output import duration, harmless
from orchestra.cli.run_words import absence_text
from orchestra.domain.errors import OrchestraError, Unavailable

if TYPE_CHECKING:
    from orchestra.client import Client
    from orchestra.client.answers import Absence


class Outage:
    """Says when the server stops to answer, and when it answers again. Given to whoever follows as `tell`."""

    def __init__(self, server: str) -> None:
        self._server = server

    def __call__(self, error: Unavailable | None) -> None:
        if error is not None:
            _say(f"{error.detail.rstrip('.')}; the run goes on without it. Trying again …")
        else:
            _say(f"{self._server} answers again")


class WorkerWatch:
    """Says when the worker of `run` goes away and comes back, as long as it is entered."""

    def __init__(self, client: "Client", run: str) -> None:
        self._client = client
        self._run = run
        self._worker: str | None = None
        self._away: Absence | None = None
        self._is_over = threading.Event()
        self._looking = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None and self._away is not None:
            # The run may have ended within the moment of the worker's return.
            self._look()
        self._is_over.set()

    def _watch(self) -> None:
        try:
            self._listen()
        except (OrchestraError, httpx.HTTPError):
            # What is wrong with the server is told by the thread that waits; what this one may not see does not
            # matter to who waits.
            return
        except Exception:
            # A client that is closed under a thread that reads fails as it likes.
            if not self._is_over.is_set():
                raise

    def _listen(self) -> None:
        after = self._client.run_events(self._run)[-1].sequence
        self._worker = self._client.run(self._run).worker
        self._look()
        for event in self._client.follow_events([f"run:{self._run}", "workers"], after=after):
            if self._is_over.is_set():
                return
            if event.run == self._run:
                self._worker = event.worker or self._worker
            if event.run == self._run or event.worker == self._worker:
                self._look()

    def _look(self) -> None:
        """See how it is now, and say what differs from before."""
        with self._looking, suppress(OrchestraError, httpx.HTTPError):
            away, before = self._client.explain(self._run).away, self._away
            if self._is_over.is_set():
                return
            self._away = away
            if away is not None and (before is None or before.since != away.since):
                self._worker = away.worker
                _say(f"{absence_text(away)} Waiting …")
            elif away is None and before is not None:
                worker = self._client.worker(before.worker)
                if worker.is_active and worker.connection_date is not None:
                    gone_s = (worker.connection_date - before.since).total_seconds()
                    _say(f"{before.worker} is back after {duration(gone_s)}")


def _say(text: str) -> None:
    click.echo(harmless(text), err=True)
