"""The stage of the golden conversations: a script is played on a real master, and what crosses is written down.

    w1 connects: slots=2                        a line of the script: who does what
        w1 -> hello protocol 1, 2 slots         what followed: messages, in the order in which they cross,
        event worker.connected w1               and what the database recorded

The lines of the script are in `LINES`, each with the function that plays it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from orchestra.config import ServerSettings
from orchestra.domain.recovery import Held, Phase
from orchestra.domain.run import Cause, CauseCode, RunStatus
from orchestra.storage import events, hints, runs
from orchestra.storage.events import Event
from orchestra.wire import codec
from orchestra.wire import messages as m
from support.conversation import finished, run_id, started
from support.master_world import WorkerEnd, World, pass_time, settle

SETTINGS: Final = ServerSettings(window_bytes=1 << 17)
INDENT: Final = "    "

Play = Callable[["Stage", re.Match[str]], Awaitable[None]]
LINES: Final[list[tuple[re.Pattern[str], Play]]] = []


def line(pattern: str) -> Callable[[Play], Play]:
    """Register the function that plays the lines of this form."""

    def register(play: Play) -> Play:
        LINES.append((re.compile(pattern), play))
        return play

    return register


class Stage:
    """One conversation as it is played; `written` is what has happened since the last line."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cast: dict[str, WorkerEnd] = {}
        self.logs: dict[str, bytes] = {}
        self.written: list[str] = []
        self._seen = 0

    async def play(self, script: str) -> str:
        """Play the lines of `script` that are not indented; return it with what followed each."""
        text: list[str] = []
        for row in script.splitlines():
            if row.startswith(INDENT):
                continue
            text.append(row)
            if not row or row.startswith("#"):
                continue
            await self._play_line(row)
            await self._write_events()
            text.extend(INDENT + one for one in self.written)
            self.written.clear()
        return "\n".join(text).rstrip() + "\n"

    async def _play_line(self, row: str) -> None:
        for pattern, play in LINES:
            match = pattern.fullmatch(row)
            if match is not None:
                await play(self, match)
                await settle()
                return
        raise AssertionError(f"nobody knows how to play: {row}")

    async def _write_events(self) -> None:
        for event in await self.world.read(lambda connection: events.after(connection, self._seen)):
            self._seen = event.sequence
            self.written.append(show_event(event))

    def enter(self, name: str, worker: WorkerEnd) -> None:
        """A worker comes on stage: from now on what crosses its wire is written down."""
        self.cast[name] = worker
        transport = worker.transport
        put, send, close = transport.frames.put_nowait, transport.send, transport.close

        def put_frame(frame: bytes | None) -> None:
            if frame is not None:
                self.written.extend(f"{name} -> {one}" for one in show_frame(frame))
            put(frame)

        async def send_frame(frame: bytes) -> None:
            if transport.closed is None:
                lost = " (lost)" if worker.is_silent else ""
                self.written.extend(f"{name} <- {one}{lost}" for one in show_frame(frame))
            await send(frame)

        async def close_transport(code: int, reason: str) -> None:
            if transport.closed is None:
                self.written.append(f"{name} closed {m.CloseCode(code).name}: {reason}")
            await close(code, reason)

        transport.frames.put_nowait = put_frame  # type: ignore[method-assign, assignment]
        transport.send = send_frame  # type: ignore[method-assign]
        transport.close = close_transport  # type: ignore[method-assign]


@line(r"(\w+) connects(?:: (.*))?")
async def _connects(stage: Stage, match: re.Match[str]) -> None:
    name = match[1]
    fields: dict[str, Any] = {"worker": name, "installation": f"disk of {name}", "concurrency": 1}
    for part in (match[2] or "").split(", ") if match[2] else []:
        key, _, value = part.partition("=")
        fields.update(_field(stage, key, value))
    identity = fields.pop("actor", name)
    worker = stage.world.new_worker(**fields)
    stage.enter(identity, worker)
    worker.connect_now()


def _field(stage: Stage, key: str, value: str) -> dict[str, Any]:
    match key:
        case "slots":
            return {"concurrency": int(value)}
        case "protocol":
            return {"protocol": int(value)}
        case "holds":
            number, epoch, phase = re.fullmatch(r"run (\d+) epoch (\d+) (\w+)", value).groups()  # type: ignore[union-attr]
            run = run_id(int(number))
            held = Held(run=run, epoch=int(epoch), phase=Phase(phase), log_size=len(stage.logs.get(run, b"")))
            return {"held": (held,)}
        case "as":
            return {"actor": value}
        case _:
            return {key: value}


@line(r"run (\d+) is triggered")
async def _triggered(stage: Stage, match: re.Match[str]) -> None:
    await stage.world.trigger(int(match[1]))


@line(r"(\w+) starts run (\d+)")
async def _starts(stage: Stage, match: re.Match[str]) -> None:
    await stage.cast[match[1]].say(started(run_id(int(match[2])), _epoch(stage, match[2])))


@line(r'(\w+) prints (?:"(.*)"|(\d+) bytes) in run (\d+)')
async def _prints(stage: Stage, match: re.Match[str]) -> None:
    run = run_id(int(match[4]))
    text = match[2].encode().decode("unicode_escape").encode() if match[2] is not None else b"." * int(match[3])
    stage.logs[run] = stage.logs.get(run, b"") + text
    worker = stage.cast[match[1]]
    if worker.closed is None and not worker.is_cut:
        await worker.write(stage.logs[run], run, _epoch(stage, match[4]))


@line(r"(\w+) tells (all|the log) of run (\d+) again")
async def _tells_again(stage: Stage, match: re.Match[str]) -> None:
    run, epoch = run_id(int(match[3])), _epoch(stage, match[3])
    worker = stage.cast[match[1]]
    if match[2] == "all":
        await worker.say(started(run, epoch))
    await worker.write(stage.logs.get(run, b""), run, epoch)


ENDS: Final = {
    "succeeds": (RunStatus.SUCCEEDED, Cause(CauseCode.SUCCEEDED, "every command succeeded")),
    "is aborted": (RunStatus.ABORTED, Cause(CauseCode.ABORTED_BY, "aborted by ada")),
}


@line(r"run (\d+) on (\w+) (succeeds|is aborted|never started)")
async def _ends(stage: Stage, match: re.Match[str]) -> None:
    run, epoch = run_id(int(match[1])), _epoch(stage, match[1])
    log = stage.logs.get(run, b"")
    if match[3] == "never started":
        cause = Cause(CauseCode.CANCELLED_BY, "cancelled by ada; no command had started")
        end = finished(run, epoch, log, status=RunStatus.CANCELLED, cause=cause, never_started=True)
    else:
        status, cause = ENDS[match[3]]
        end = finished(run, epoch, log, status=status, cause=cause)
    await stage.cast[match[2]].say(end)


@line(r"(\w+) refuses run (\d+): (.*)")
async def _refuses(stage: Stage, match: re.Match[str]) -> None:
    run = run_id(int(match[2]))
    await stage.cast[match[1]].say(m.Refused(run=run, epoch=_epoch(stage, match[2]), reason=match[3]))


@line(r"(\w+) forgets run (\d+)")
async def _forgets(stage: Stage, match: re.Match[str]) -> None:
    await stage.cast[match[1]].say(m.Forgot(run=run_id(int(match[2])), epoch=_epoch(stage, match[2])))


@line(r"(\w+) sends (\{.*\})")
async def _sends(stage: Stage, match: re.Match[str]) -> None:
    message = json.loads(match[2].replace("RUN", run_id(1)))
    stage.cast[match[1]].transport.frames.put_nowait(msgspec.msgpack.encode([message]))


@line(r"(\w+) says goodbye")
async def _says_goodbye(stage: Stage, match: re.Match[str]) -> None:
    worker = stage.cast[match[1]]
    worker.session.goodbye("the worker stops; runs go on")
    worker.flush()


@line(r"the connection of (\w+) is cut")
async def _cut(stage: Stage, match: re.Match[str]) -> None:
    await stage.cast[match[1]].close()


@line(r"the network swallows what (\w+) and the server say")
async def _swallows(stage: Stage, match: re.Match[str]) -> None:
    stage.cast[match[1]].is_silent = True


@line(r"(\d+) seconds pass")
async def _passes(stage: Stage, match: re.Match[str]) -> None:
    await pass_time(float(match[1]))


@line(r"ada (cancels|aborts) run (\d+)")
async def _wishes(stage: Stage, match: re.Match[str]) -> None:
    run, now = run_id(int(match[2])), stage.world.clock.now()
    request = runs.request_cancel if match[1] == "cancels" else runs.request_abort
    await stage.world.write(lambda connection: request(connection, run, "ada", now), *map(hints.wish, stage.cast))


@line(r"the server (stops|starts)")
async def _server(stage: Stage, match: re.Match[str]) -> None:
    await (stage.world.stop() if match[1] == "stops" else stage.world.start())


@line(r"the disk of the server (stalls|goes on)")
async def _disk(stage: Stage, match: re.Match[str]) -> None:
    if match[1] == "stalls":
        stage.world.disk.clear()
    else:
        stage.world.disk.set()


def _epoch(stage: Stage, number: str) -> int:
    """The epoch of the run's newest assignment."""
    assigned = [
        event.epoch
        for worker in stage.cast.values()
        for event in worker.events
        if isinstance(event, m.Assign) and event.run == run_id(int(number))
    ]
    return max(assigned, default=1)


# How things are written down


def show_frame(frame: bytes) -> list[str]:
    """One line for each message; what is not understood is shown as what it says of itself."""
    raw: list[dict[str, Any]] = msgspec.msgpack.decode(frame)
    return [_show_message(frame, index, one) for index, one in enumerate(raw)]


def _show_message(frame: bytes, index: int, raw: dict[str, Any]) -> str:
    for decode in (codec.decode_worker_frame, codec.decode_master_frame):
        try:
            return show_message(decode(frame)[index])
        except codec.BadFrame:
            continue
    return f"{raw.get('type')} (unknown)"


def show_message(message: m.FromWorker | m.FromMaster) -> str:
    """One message, for people: its name and what matters of it."""
    match message:
        case m.Hello():
            held = [
                f"run {_number(one.run)} epoch {one.epoch} {one.phase} {one.log_size} bytes" for one in message.held
            ]
            slots = f"{message.concurrency} slot{'s' if message.concurrency > 1 else ''}"
            what = [f"protocol {message.protocol}", slots, f"installation {message.installation!r}"]
            return f"hello {message.worker}: {', '.join(what)}, holds {', '.join(held) or 'nothing'}"
        case m.Welcome():
            verdicts = "".join(
                f"; {one.action} run {_number(one.run)} epoch {one.epoch} from byte {one.log_offset}{_wishes_of(one)}"
                for one in message.verdicts
            )
            return f"welcome: session {message.session}, window {message.window_bytes} bytes{verdicts}"
        case m.Reject():
            retry = "never" if message.retry_s is None else f"in {message.retry_s:g} s"
            return f"reject {message.code}, try again {retry}: {message.reason}"
        case m.Assign():
            return f"assign {_key(message)} {message.project}/{message.job} #{message.number}"
        case m.Wrote():
            data = message.data if len(message.data) <= 40 else message.data[:4] + b"..."
            return f"wrote {_key(message)} bytes {message.offset} to {message.offset + len(message.data)} {data!r}"
        case m.Finished():
            never = ", never started" if message.never_started else ""
            return f"finished {_key(message)} {message.status}, log of {message.log_size} bytes{never}"
        case m.Stepped():
            return f"stepped {_key(message)}"
        case m.Acknowledge():
            return f"acknowledge {_key(message)} {message.offset} bytes"
        case m.Cancel() | m.Abort():
            return f"{type(message).__name__.lower()} {_key(message)}, asked by {message.by}"
        case m.Refused():
            return f"refused {_key(message)}: {message.reason}"
        case m.Goodbye():
            return f"goodbye: {message.reason}"
        case m.Heartbeat():
            return "heartbeat" if message.at is None else f"heartbeat, asked at {message.at:g}"
        case m.Listed():
            return f"listed {_key(message)}: {', '.join(file.path for file in message.files)}"
        case m.Send():
            return (
                f"send {_key(message)} {message.sha256[:8]} bytes {message.offset} to {message.offset + message.size}"
            )
        case m.Sent():
            piece = message.error or f"bytes {message.offset} to {message.offset + len(message.data)}"
            return f"sent {_key(message)} {message.sha256[:8]} {piece}"
        case m.Started() | m.Forgot() | m.Forget():
            return f"{type(message).__name__.lower()} {_key(message)}"


def show_event(event: Event) -> str:
    """One recorded event."""
    if event.run is not None:
        change = (
            f": {event.data['from']} -> {event.data['to']} ({event.data['cause']['message']})"
            if "to" in event.data
            else ""
        )
        return f"event {event.type} run {_number(event.run)}{change}"
    if event.worker is not None:
        reason = event.data.get("reason")
        return f"event {event.type} {event.worker}" + (f": {reason}" if reason else "")
    return f"event {event.type}"


def _key(message: Any) -> str:
    return f"run {_number(message.run)} epoch {message.epoch}"


def _wishes_of(verdict: m.RunVerdict) -> str:
    wishes = [
        name for name, is_wished in (("cancel", verdict.should_cancel), ("abort", verdict.should_abort)) if is_wished
    ]
    return f", {' and '.join(wishes)} asked by {verdict.stop_requested_by}" if wishes else ""


def _number(run: str) -> int:
    return int(run.rpartition("-")[2])


async def perform(folder: Path, script: str) -> str:
    """Play a script on a new stage; return it as it was played."""
    world = World(folder, SETTINGS)
    await world.start()
    await world.furnish()
    stage = Stage(world)
    try:
        await stage._write_events()
        stage.written.clear()
        return await stage.play(script)
    finally:
        world.disk.set()
        await world.close()
        await asyncio.sleep(0)
