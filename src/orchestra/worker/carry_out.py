"""Carrying out one run: its commands one after the other, its limits, its cleanup, its verdict.

    claim → workspace → commands … (first that fails ends them) → finally … → empty tree → results → finished

Straight-line code: whoever waits turns the loop until what it waits for has happened, so output is
recorded, children are collected and the wish to stop is heard everywhere. The order that matters
is the journal's: a command is spawned only after `started` stands there, `finished` is written only
once the tree is empty (or its survivors are named) and every byte is in the log.

The steps follow Oban's `queue/executor.ex`: one value that a few small functions complete.

Imported by executors.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import time

from orchestra.worker.process import CannotStart, Stat
from orchestra.worker.receipt import LIMIT, Receipt, named
from orchestra.worker.record import Clock, Journal, Log, claim, read_results, unclaim
from orchestra.worker.stage import Stage
from orchestra.worker.tree import describe, living_below, reap, signal_tree
from orchestra.worker.verdict import Verdict, exit_code, judge
from orchestra.worker.workspace import WorkspaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from orchestra.worker.executor import Post
    from orchestra.worker.lease_timer import LeaseTimer
    from orchestra.worker.terminals import Terminals

PIPE_BYTES = 1 << 20
"""Read in blocks of 256 KiB, such a pipe gives 2.5 GB/s, against 87 MB/s line by line (measured for the design)."""

GROWTH_INTERVAL_S = 0.01
"""At most so often the worker hears that the log grew: it reads what is there then, however much."""

CLEANUP_LIMIT_S = 300.0
"""What a command under `finally` gets when it names no timeout: it must not hold a stopped run for ever."""

KILL_LIMIT_S = 5.0
"""How long SIGKILL may take until those that are left are named as survivors (a process in the kernel's hands)."""

KILL_INTERVAL_S = 0.02

_SPAWNED = '{"type":"spawned"'


class Execution:
    """One run in one executor. `wish` may be called at any time while `carry_out` waits."""

    def __init__(self, folder: str, request: dict[str, Any], identity: str, post: Post, lease: LeaseTimer) -> None:
        """Claim the run. Raises `NotMine`, or OSError or KeyError when it cannot be started: nothing was then."""
        self.key = os.path.basename(folder)
        self.lease = lease
        self._folder = folder
        self._request = request
        self._loop = post.loop
        self._conversation = post.conversation
        self._clock = Clock()
        self._log = Log(folder, request["log_limit"], self._clock)
        self._buffer = post.buffer
        claim(folder, identity)
        try:
            self._journal = Journal(folder, self.key, post.reserve, self._forward)
            self._read_end, self._write_end = _open_pipe()
        except OSError:
            unclaim(folder)
            raise
        self._childless = True
        self._stage = Stage(folder, request)
        self._terminals: Terminals | None = None
        self._exits: dict[int, int] = {}
        self._wished_by = ""
        self._receipt = Receipt(self._clock.now_us, self._note)
        self._has_started = False
        self._wishes = 0
        self._heeded = 0
        self._notes: list[dict[str, object]] = []
        self._terminations = post.loop.terminations
        self._last_output = time.monotonic()
        self._told_size = 0
        self._tell_at = 0.0
        self.survivors: list[Stat] = []
        self._containers_left: list[str] = []
        self._may_have_lost_container = False

    # --- what the conversation asks ---

    def wish(self, by: str, *, only_unstarted: bool = False) -> None:
        """Somebody wants the run to end (`only_unstarted`: unless it began); a second wish also ends its cleanup."""
        if only_unstarted and self._has_started:
            return
        self._wishes += 1
        self._wished_by = self._wished_by or by
        self._receipt.ask(by)

    # --- the run ---

    def carry_out(self) -> None:
        """Do all of it. Afterwards the journal ends with `finished`, and `survivors` says who could not be killed."""
        self._loop.watch(self._read_end, self._read_output)
        try:
            verdict = self._enter_workspace() or self._run_all()
            self._finish(verdict)
        finally:
            self._loop.unwatch(self._read_end)
            os.close(self._read_end)
            os.close(self._write_end)
            self._log.close()
            self._journal.close()

    def _enter_workspace(self) -> Verdict | None:
        try:
            self._stage.enter()
        except (WorkspaceError, CannotStart) as error:
            return Verdict("exception", error.code, str(error))
        self._prepare_output()
        self._turn(0)  # cleaning may have taken its time: hear what was said meanwhile
        if self._wishes:
            return Verdict("cancelled", "cancelled_by", f"stopped by {self._wished_by} before any command started")
        if self.lease.left_s() <= 0:
            return self._lapsed("no command had started")
        self._has_started = True
        return None

    def _prepare_output(self) -> None:
        owner = self._stage.owner
        if owner is not None:
            os.fchown(self._write_end, owner["uid"], owner["gid"])  # so that /dev/stdout can be opened
        if self._stage.has_terminal:
            from orchestra.worker.terminals import Terminals  # noqa: PLC0415

            self._terminals = Terminals(self._loop, self._buffer, self._take)

    def _run_all(self) -> Verdict:
        verdict = self._run_phase("commands", self._request["timeout"])
        if self._wishes < 2 and self.lease.left_s() > 0:
            cleanup = self._run_phase("finally", None)
            # A cleanup that fails is no success; it hides no earlier verdict either.
            if verdict.status == "succeeded" and cleanup.status != "succeeded":
                verdict = cleanup
        self._empty_tree()
        return verdict

    def _run_phase(self, phase: str, timeout: float | None) -> Verdict:
        """Run the commands of a phase; those of `finally` go on after a failure. The first failure is the verdict."""
        self._heeded = self._wishes
        deadline = None if timeout is None else time.monotonic() + timeout
        verdict = Verdict("succeeded", "succeeded", "every command exited with code 0")
        for index, command in enumerate(self._request["commands"]):
            if command["phase"] != phase:
                continue
            failure = self._stopped_before(index) or self._run_command(index, command, deadline)
            if failure is not None and verdict.status == "succeeded":
                verdict = failure
            if failure is not None and (phase == "commands" or self._wishes > self._heeded or self.lease.has_lapsed):
                break
        return verdict

    def _stopped_before(self, index: int) -> Verdict | None:
        """A wish that met the end of a command: the next one does not start."""
        if index:
            self._turn(0)
        if self.lease.left_s() > 0 and self._wishes <= self._heeded:
            return None
        verdict = self._lapsed("ended between two commands") if self.lease.has_lapsed else self._aborted()
        self._stop_tree()
        return verdict

    def _lapsed(self, where: str) -> Verdict:
        """Another run of the job may start soon: nothing of this one may go on, its cleanup included."""
        self._receipt.ask(f"{LIMIT}lease")
        seconds = self.lease.length_s
        return Verdict("exception", "lease_lapsed", f"{where}: the server was not heard for {seconds:g} s (exclusive)")

    def _aborted(self) -> Verdict:
        return Verdict("aborted", "aborted_by", f"aborted by {self._wished_by}")

    def _run_command(self, index: int, command: dict[str, Any], deadline: float | None) -> Verdict | None:
        """Run one command to its end; None when it exited with code 0."""
        began = {"type": "began", "step": index, "date": self._clock.now_us(), "log_start": self._log.size}
        if index == 0:
            self._note({"type": "started", "date": began["date"]})
        self._note(began)
        self._flush()
        status: int | None = None
        failure: Verdict | None
        try:
            pid = self._spawn(index, command)
        except CannotStart as error:
            failure = Verdict("exception", error.code, f"{command['name']}: {error}")
        else:
            failure = self._wait_exit(pid, command, deadline)
            status = self._exits.pop(pid, None)
            self._drain()
            if status is not None and os.WIFSIGNALED(status) and self._stage.engine is not None:
                self._may_have_lost_container = True
            if failure is None and status is not None:
                failure = judge(command["name"], status) or self._printed_too_much(command)
            if failure is not None:
                failure.message += self._stage.remark(status)
        self._note(
            {
                "type": "ended",
                "step": index,
                "date": self._clock.now_us(),
                "log_end": self._log.size,
                "exit_code": None if status is None else exit_code(status),
            }
        )
        return failure

    def _spawn(self, index: int, command: dict[str, Any]) -> int:
        before = _ticks()
        pid = self._start(index, command)
        self._childless = False
        self._note({"type": "spawned", "step": index, "pid": pid, "ticks": [before, _ticks()]})
        return pid

    def _start(self, index: int, command: dict[str, Any]) -> int:
        if self._stage.engine is not None:
            self._note({"type": "container", "engine": self._stage.engine})
            self._flush()
        if self._terminals is None:
            return self._stage.start(index, command, self._write_end)
        inner = self._terminals.open(self._stage.owner)
        try:
            return self._stage.start(index, command, inner)
        finally:
            os.close(inner)

    def _wait_exit(self, pid: int, command: dict[str, Any], deadline: float | None) -> Verdict | None:
        """Wait until the command has exited (None), or stop the whole tree and say why."""
        self._last_output = begin = time.monotonic()
        limit, silence = command["timeout"], self._request["silence_timeout"]
        if command["phase"] == "finally":
            limit, silence = limit or CLEANUP_LIMIT_S, None
        while pid not in self._exits:
            now = time.monotonic()
            stop: Verdict | None = None
            at = now + 3600.0
            if self._wishes > self._heeded:
                stop = self._aborted()
            at = min(at, now + self.lease.left_s())
            if self.lease.has_lapsed:
                stop = self._lapsed(command["name"])
            stop = stop or self._printed_too_much(command)
            for name, due in (
                ("run", deadline),
                ("command", None if limit is None else begin + limit),
                ("silence", None if silence is None else self._last_output + silence),
            ):
                if due is not None and due <= now:
                    stop = stop or self._timed_out(name, command, limit, silence)
                elif due is not None:
                    at = min(at, due)
            if stop is not None:
                if stop.status == "exception" and not self.lease.has_lapsed:
                    self._receipt.ask(f"{LIMIT}{stop.code}")
                self._stop_tree()
                return stop
            self._turn(at - now)
        return None

    def _printed_too_much(self, command: dict[str, Any]) -> Verdict | None:
        """The log reached its limit, and the job wants to end then; its cleanup is let be."""
        if not (self._log.is_full and self._request.get("fails_at_log_limit") and command["phase"] == "commands"):
            return None
        limit = self._request["log_limit"]
        return Verdict("exception", "output_limit", f"{command['name']}: the run printed more than {limit} bytes")

    def _timed_out(self, which: str, command: dict[str, Any], limit: float | None, silence: float | None) -> Verdict:
        if which == "run":
            return Verdict("exception", "timeout", f"the run took longer than {self._request['timeout']:g} s")
        if which == "command":
            return Verdict("exception", "timeout", f"{command['name']}: took longer than {limit:g} s")
        return Verdict("exception", "silence_timeout", f"{command['name']}: wrote nothing for {silence:g} s")

    # --- the tree ---

    def _empty_tree(self) -> None:
        """After the last command: end what is left of the tree, and record what it still says."""
        self._reap()
        if not self._childless:
            self._stop_tree()
        elif self._may_have_lost_container:
            self._containers_left = self._stage.end_containers()

    def _stop_tree(self) -> None:
        """TERM to everything, grace, KILL until nothing is left; one more wish to stop ends the grace."""
        wishes, deadline = self._wishes, time.monotonic() + self._request["grace"]
        signal_tree(os.getpid(), signal.SIGTERM)
        self._receipt.reached("terminated")
        self._reap()
        while not self._childless and self._wishes == wishes and (left := deadline - time.monotonic()) > 0:
            self._turn(left)
        deadline = time.monotonic() + KILL_LIMIT_S
        while not self._childless and time.monotonic() < deadline:
            # Again and again, for a tree that forks may grow between our look and our signal.
            signal_tree(os.getpid(), signal.SIGKILL)
            self._receipt.reached("killed")
            self._turn(KILL_INTERVAL_S)
        self.survivors = [] if self._childless else living_below(os.getpid())
        # What outlives the engine's client is nobody's child here.
        self._containers_left = self._stage.end_containers()

    def _reap(self) -> None:
        self._childless, ended = reap()
        self._exits.update(ended)

    # --- output, journal, conversation ---

    def _turn(self, timeout_s: float) -> None:
        """Wait for whatever comes next: output, an exit, a word from the worker."""
        self._flush()
        if self._told_size != self._log.size:
            timeout_s = min(timeout_s, max(0.0, self._tell_at - time.monotonic()))
        self._loop.turn(timeout_s)
        if self._loop.terminations != self._terminations:
            self._terminations = self._loop.terminations
            self.wish("a termination signal to its executor")
        self._reap()
        if self._told_size != self._log.size and (now := time.monotonic()) >= self._tell_at:
            self._tell_at = now + GROWTH_INTERVAL_S
            self._told_size = self._log.size
            self._conversation.tell_growth(self.key, self._log.size)

    def _read_output(self) -> None:
        try:
            count = os.readv(self._read_end, (self._buffer,))
        except BlockingIOError:
            return
        self._take(self._buffer[:count])

    def _take(self, data: memoryview) -> None:
        self._last_output = time.monotonic()
        self._log.append(data)

    def _drain(self) -> None:
        """Record what is in the pipe now. Not until it is empty: a process left in the background may never pause."""
        left = struct.unpack("i", fcntl.ioctl(self._read_end, termios.FIONREAD, b"\0\0\0\0"))[0]
        while left > 0:
            count = os.readv(self._read_end, (self._buffer[:left],))
            self._log.append(self._buffer[:count])
            left -= count
        if self._terminals is not None:
            self._terminals.drain()

    def _forward(self, texts: Sequence[str]) -> None:
        """Tell the worker what was written, but for pids: it seldom needs them, and reads them in the journal then."""
        told = [text for text in texts if not text.startswith(_SPAWNED)]
        if told:
            self._conversation.tell_line(f'{{"type":"journal","run":"{self.key}","records":[{",".join(told)}]}}')

    def _note(self, record: dict[str, object]) -> None:
        """Put a record into the journal before anything else is waited for; several share one write."""
        self._notes.append(record)

    def _flush(self) -> None:
        if self._notes:
            notes, self._notes = self._notes, []
            self._journal.write(notes)

    def _finish(self, verdict: Verdict) -> None:
        self._drain()
        if self._terminals is not None:
            self._terminals.close()
        self._stage.close()
        owner = self._stage.owner
        results, result_error = read_results(
            self._stage.results, self._request["results_limit"], None if owner is None else owner["uid"]
        )
        artifact_count, artifact_error = self._collect(results, None if owner is None else owner["uid"])
        alive = [*named(self.survivors), *({"pid": 0, "command": one} for one in self._containers_left)]
        self._receipt.close(alive)
        if alive:
            left = [describe(self.survivors)] if self.survivors else []
            verdict.message += f"; still alive after SIGKILL: {', '.join([*left, *self._containers_left])}"
        record = {
            "type": "finished",
            "status": verdict.status,
            "code": verdict.code,
            "message": verdict.message,
            "date": self._clock.now_us(),
            "log_size": self._log.size,
            "log_sha256": self._log.digest(),
            "log_error": self._log.error,
            "results": results,
            "result_error": result_error,
            "survivors": [one.pid for one in self.survivors],
            "stop": self._receipt.record,
            "artifact_count": artifact_count,
            "artifact_error": artifact_error,
        }
        self._note(record)
        try:
            self._flush()
        except OSError:
            # Not even the reserve holds them: the verdict matters more.
            record["results"], record["result_error"] = None, "no space left for the results on the worker"
            self._journal.write([record])

    def _collect(self, results: str | None, owner: int | None) -> tuple[int, str | None]:
        """Keep the files that the run left, while nobody else may use its workspace."""
        request = self._request
        # A worker of an earlier release may have written the request, and known nothing of artifacts.
        if not self._has_started or not (request.get("artifacts") or request.get("late_artifacts")):
            return 0, None
        # Few runs leave files: the others do without what this brings along.
        from orchestra.worker.collect import collect  # noqa: PLC0415

        wishes = self._wishes

        def pause() -> bool:
            self._turn(0)
            return self._wishes > wishes

        return collect(self._folder, request, results, owner, pause)


def _open_pipe() -> tuple[int, int]:
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(read_end, False)
    try:
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except OSError:
        pass  # beyond the user's share of pipe memory (pipe(7), pipe-user-pages-soft) the usual 64 KiB must do
    return read_end, write_end


def _ticks() -> int:
    """Now, in the unit and from the origin of start times in /proc/<pid>/stat."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // (1_000_000_000 // _TICKS_PER_SECOND)


_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
