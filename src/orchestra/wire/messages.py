"""Every message of the protocol. Imperatives come from the master, past tenses from the worker.

A frame is one binary WebSocket message: a msgpack array of messages, at most `max_frame_bytes`
long (a worker's first frame: `FIRST_FRAME_BYTES`). The first frame of a worker is exactly one
`Hello`, the master's answer exactly one `Welcome` or one `Reject`. Unknown fields are ignored,
unknown message types end the session with a reason (INV-28).

Facts (`Started`, `Finished`, …) need no acknowledgement of their own: what the server made durable
shows in the next `Welcome`, and `Forget` closes a run. Wishes (`Cancel`, `Abort`) survive
reconnection the same way, as fields of the verdict.
"""

from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any, Final

import msgspec

from orchestra.domain.artifact import ArtifactFile, ArtifactLimits
from orchestra.domain.recovery import Action, Held
from orchestra.domain.run import Cause, RunStatus, Step
from orchestra.domain.stop import Stop

PROTOCOL: Final = 1
"""The version we speak; the master also accepts the one before it and flags such workers."""
PROTOCOL_OLDEST: Final = 1

FIRST_FRAME_BYTES: Final = 1 << 20
"""Limit of a `Hello`: `HELD_RUNS` held runs of 120 bytes and generous properties."""
FRAME_BYTES: Final = 1 << 18
"""Messages are put together into frames up to here: few system calls, and no frame that delays the next for long."""
FRAME_LIMIT_BYTES: Final = 1 << 22
"""Hard limit of every later frame, told in `Welcome`. Only one big message alone makes a frame above `FRAME_BYTES`:
a definition (bodies of the API end at 1 MiB) with its parameters, or results and steps."""
LOG_CHUNK_BYTES: Final = 1 << 16
"""Most bytes of log in one `Wrote`."""
RESULTS_BYTES: Final = 1 << 20
"""Most bytes of results in a `Finished` (security.md, S-61)."""
MESSAGES_PER_FRAME: Final = 4096
HELD_RUNS: Final = 5000
"""Most runs that one `Hello` may name."""
CONCURRENCY: Final = 1000
"""Most slots of one worker."""
TEXT_CHARACTERS: Final = 2000
"""Most characters of a reason, a cause, an error: one screen for people."""
STEPS: Final = 10_000
"""Most steps of one run."""
SURVIVORS: Final = 100
"""Most processes that a receipt of a stop names."""
SURVIVOR_CHARACTERS: Final = 200
"""Most characters of such a process's command."""
ARTIFACT_CHUNK_BYTES: Final = 1 << 17
"""Most bytes of an artifact in one `Sent`: two of them make a frame."""
ARTIFACT_ASK_BYTES: Final = 1 << 20
"""Most bytes that one `Send` asks for."""
ARTIFACTS: Final = 100_000
"""Most artifacts of one run, whatever the server's settings say."""
FILES_PER_LISTED: Final = 500
"""Most files in one `Listed`: with the longest paths it is half a megabyte, and one small transaction."""
LINE_TIMES: Final = 4096
"""Most (offset, time) pairs in one `Wrote`."""

UtcDate = Annotated[datetime, msgspec.Meta(tz=True)]


class CloseCode(IntEnum):
    """Why a connection ends, as a WebSocket close code (RFC 6455 section 7.4; 4000 and above are ours)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    """The server or the worker stops; try again soon."""
    VIOLATION = 1008
    """The other end broke the protocol; the reason says how."""
    TOO_BIG = 1009
    INTERNAL = 1011
    TRY_LATER = 1013
    """The server cannot store anything now."""
    SUPERSEDED = 4001
    """A newer connection of the same worker took over."""
    REJECTED = 4002
    """A `Reject` was sent before."""
    SILENT = 4003
    """Nothing was heard for the timeout."""
    UNAUTHORIZED = 4004
    """The token expired, was revoked, or its user was disabled."""
    DISCONNECTED = 4005
    """An operator asked for it; the worker may come back."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower, omit_defaults=True):
    """Any message; the tag is the class name in lower case."""


class Hello(Message, frozen=True):
    """Who connects and what it holds. `boot` is the machine's boot id, `installation` the data folder's id."""

    protocol: int
    worker: str
    version: str
    installation: str
    boot: str
    concurrency: int
    properties: dict[str, Any] = {}
    held: tuple[Held, ...] = ()


class Started(Message, frozen=True):
    """The first command is about to be executed; sent once a session for each run that started."""

    run: str
    epoch: int
    date: UtcDate


class Stepped(Message, frozen=True):
    """The steps as they are now, whole: sent when one begins or ends, so that people see them live.

    `stop` is how far a stop has come; None when nothing stops the run. `requested_by` in it is what `Abort` said,
    or names a limit or a signal: with a space in it, so that it is nobody's identifier.
    `results` is the JSON text that the results file holds now; None says nothing about it.
    """

    run: str
    epoch: int
    steps: tuple[Step, ...]
    stop: Stop | None = None
    results: bytes | None = None


class Wrote(Message, frozen=True):
    """`data` is the run's log from byte `offset` on. `times`: (byte offset, milliseconds since 1970), ascending."""

    run: str
    epoch: int
    offset: int
    data: bytes
    times: tuple[tuple[int, int], ...] = ()


class Listed(Message, frozen=True):
    """Files that the run left and the worker keeps; together all of them, sent before `Finished`."""

    run: str
    epoch: int
    files: tuple[ArtifactFile, ...]


class Finished(Message, frozen=True):
    """The run ended and its process tree is gone; sent after all its bytes. `results` is JSON text, unparsed.

    `log_sha256` is the hexadecimal digest of all `log_size` bytes. `never_started` proves that no
    command began (cancel or abort before the start). `artifact_count` files were told by `Listed`;
    `artifact_error` says what was not kept.
    """

    run: str
    epoch: int
    status: RunStatus
    cause: Cause
    date: UtcDate
    log_size: int
    log_sha256: str
    log_error: str | None = None
    steps: tuple[Step, ...] = ()
    results: bytes | None = None
    result_error: str | None = None
    never_started: bool = False
    stop: Stop | None = None
    artifact_count: int = 0
    artifact_error: str | None = None


class Sent(Message, frozen=True):
    """An answer to `Send`: `data` is the file from `offset` on; `error` says why there will be no more of it."""

    run: str
    epoch: int
    sha256: str
    offset: int
    data: bytes = b""
    error: str | None = None


class Refused(Message, frozen=True):
    """The worker never started the run and gives it back (draining, no slot, disk full)."""

    run: str
    epoch: int
    reason: str


class Forgot(Message, frozen=True):
    """The run's data is deleted and its process tree is gone."""

    run: str
    epoch: int


class Heartbeat(Message, frozen=True):
    """Both ways: I live. Sent when nothing else was sent for the interval.

    With `at`, a question about leases (`domain.lease`): the worker says its own clock, in seconds, and the server
    says the same number back once it has seen that this session is the worker's present one.
    """

    at: float | None = None


class Goodbye(Message, frozen=True):
    """Both ways: this connection ends on purpose; runs go on."""

    reason: str


class Welcome(Message, frozen=True):
    """The session stands. Verdicts come for exactly the runs that `Hello` named, in its order."""

    protocol: int
    session: int
    version: str
    heartbeat_s: float
    timeout_s: float
    window_bytes: int
    max_frame_bytes: int
    verdicts: tuple["RunVerdict", ...] = ()
    takes_artifacts: bool = False
    """`Listed` and `Sent` are understood; a server of an earlier release does not say so."""


class RunVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of one held run: `domain.recovery.Verdict` on the wire."""

    run: str
    epoch: int
    action: Action
    log_offset: int = 0
    should_cancel: bool = False
    should_abort: bool = False
    stop_requested_by: str | None = None


class Reject(Message, frozen=True):
    """No session. `retry_s` is None when trying again cannot help; `code` is stable, `reason` for people."""

    code: str
    reason: str
    retry_s: float | None = None


class Assign(Message, frozen=True):
    """Execute this. `definition` is a job definition in normal form, JSON values; `context` feeds the templates.

    `context` holds `project`, `job`, `run`, `services` (the roots of substitutions that the worker
    does not know by itself), `environment` the variables that the server adds (`ORCHESTRA_…`).
    """

    run: str
    epoch: int
    number: int
    project: str
    job: str
    definition: dict[str, Any]
    parameters: dict[str, Any]
    context: dict[str, Any] = {}
    environment: dict[str, str] = {}
    artifact_limits: ArtifactLimits | None = None
    lease_s: float | None = None
    """The run is exclusive: it ends when no `Heartbeat` of the worker was answered for so long. None: it is not."""


class Cancel(Message, frozen=True):
    """Do not start it, if it has not started; answer with `Finished(never_started)` then. Else ignore."""

    run: str
    epoch: int
    by: str


class Abort(Message, frozen=True):
    """Stop it: TERM to the whole tree, grace, KILL; then `Finished`."""

    run: str
    epoch: int
    by: str


class Acknowledge(Message, frozen=True):
    """The server holds the log's first `offset` bytes durably."""

    run: str
    epoch: int
    offset: int


class Send(Message, frozen=True):
    """Send the bytes `offset` to `offset + size` of the file with this hash, which the ended run left.

    Answered with `Sent`, in the order of the questions; the bytes go when no log bytes wait.
    """

    run: str
    epoch: int
    sha256: str
    offset: int
    size: int


class Forget(Message, frozen=True):
    """Status, log, results and artifacts are durable at the server (or fenced): delete the data; answer `Forgot`."""

    run: str
    epoch: int


FromWorker = Hello | Started | Stepped | Wrote | Listed | Finished | Sent | Refused | Forgot | Heartbeat | Goodbye
FromMaster = Welcome | Reject | Assign | Cancel | Abort | Acknowledge | Send | Forget | Heartbeat | Goodbye
