"""Results while a run goes on: its results file is looked at once a second, and what is JSON in it is told.

A file that is being written may hold half of what it will: that is no JSON then, and nothing is told, or
(a number, of which some digits are there) something that the next look corrects. What counts is what the
executor reads at the end (INV-13); this is for people who look on.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from orchestra.worker.held_run import HeldRun
from orchestra.worker.spool import Spool

LOOK_S: Final = 1.0
"""People do not read faster. A run that is shorter is never looked at: its results come with its end."""


class LiveResults:
    """Looks at the results of runs that have started, until they end. `changed` is called with what is to be told."""

    def __init__(self, spool: Spool, changed: Callable[[HeldRun], None]) -> None:
        self._spool = spool
        self._changed = changed
        self._timers: dict[HeldRun, asyncio.TimerHandle] = {}

    def watch(self, run: HeldRun) -> None:
        """Look at the run's results from now on, if it has started and not ended."""
        if run.start_us is not None and run.finished is None and run not in self._timers:
            self._timers[run] = asyncio.get_running_loop().call_later(LOOK_S, self._look, run)

    def close(self) -> None:
        """Look no more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _look(self, run: HeldRun) -> None:
        del self._timers[run]
        if run.finished is not None:
            return
        self.watch(run)
        request = run.request
        assert request is not None, "only a run with a request starts"
        moment = self._spool.results_moment(request)
        if moment is None or moment == run.results_moment:
            return
        run.results_moment = moment
        text, _ = self._spool.read_results(request)
        if text is not None:
            run.results = text.encode()
            self._changed(run)
            run.results = None
