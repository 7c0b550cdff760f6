"""`Client`: the web API as methods, problem documents as exceptions.

Triggers carry an idempotency key of their own, so that a request whose answer was lost can be
repeated without a second run. Reading is retried when the server is unreachable for a moment.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from orchestra.domain.errors import (
    Conflict,
    InvalidContent,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OrchestraError,
    PreconditionFailed,
    Problem,
    TooMany,
    Unavailable,
)
from orchestra.domain.job import Job
from orchestra.domain.project import Project
from orchestra.domain.run import TERMINAL, Run
from orchestra.domain.worker import Worker

_ERRORS: Final[dict[int, type[OrchestraError]]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    503: Unavailable,
}

PIECE_BYTES: Final = 1 << 20
PATIENCE_S: Final = 300.0
"""How long who follows a run bears a server that does not answer: an upgrade of it takes less."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_QUIET: Final = httpx.Timeout(30.0, read=60.0)
"""A stream says at least every 15 s that it lives."""

T = TypeVar("T")


class Client:
    """A connection to one server. Not for several threads at once.

    `server` is the base address (`https://orchestra.example.org`, with the base path if there is
    one), `token` a user's or run's token. `timeout_s` bounds each request but the following ones.
    """

    def __init__(self, server: str, token: str, *, timeout_s: float = 30.0) -> None:
        self.server = server.rstrip("/")
        self._http = httpx.Client(
            base_url=self.server + "/api/v1",
            headers={"Authorization": f"Bearer {token}", "User-Agent": "orchestra-client"},
            timeout=timeout_s,
            transport=httpx.HTTPTransport(retries=2),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the client cannot be used after that."""
        self._http.close()

    def me(self) -> dict[str, Any]:
        """Who the token belongs to, with roles and permissions."""
        return self._json("GET", "/me")

    def trigger(
        self,
        project: str,
        job: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        priority: int | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Trigger a job and return the new run; with a key that was used before, the same run.

        Raises InvalidContent (parameters, all problems), NotFound, NotAllowed.
        """
        body: dict[str, Any] = {"parameters": dict(parameters or {})}
        if priority is not None:
            body["priority"] = priority
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._value(
            Run, "POST", f"/projects/{_segment(project)}/jobs/{_segment(job)}/trigger", json=body, headers=headers
        )

    def run(self, run: str) -> Run:
        """One run by its UUID."""
        return self._value(Run, "GET", f"/runs/{_segment(run)}")

    def run_by_number(self, project: str, job: str, number: int) -> Run:
        """One run by its number within its job."""
        return self._value(Run, "GET", f"/projects/{_segment(project)}/jobs/{_segment(job)}/runs/{number}")

    def runs(self, *, limit: int | None = None, **filters: str | Sequence[str] | None) -> Iterator[Run]:
        """Runs, newest first, page after page, at most `limit` (None: all that match).

        Filters are the API's: `project`, `job`, `status` (one or several), `worker`, `source`,
        `created_after`, `created_before`, `order`.
        """
        return self._items(Run, "/runs", limit, filters)

    def projects(self) -> Iterator[Project]:
        """Every project that the caller may see."""
        return self._items(Project, "/projects", None, {})

    def jobs(self, project: str) -> Iterator[Job]:
        """Every job of a project."""
        return self._items(Job, f"/projects/{_segment(project)}/jobs", None, {})

    def job(self, project: str, job: str) -> Job:
        """One job."""
        return self._value(Job, "GET", f"/projects/{_segment(project)}/jobs/{_segment(job)}")

    def set_job_enabled(self, project: str, job: str, is_enabled: bool) -> Job:
        """Enable or disable a job; runs of a disabled job stay pending."""
        path = f"/projects/{_segment(project)}/jobs/{_segment(job)}"
        return self._value(Job, "PATCH", path, json={"is_enabled": is_enabled})

    def workers(self) -> Iterator[Worker]:
        """Every worker that the server knows."""
        return self._items(Worker, "/workers", None, {})

    def worker(self, worker: str) -> Worker:
        """One worker."""
        return self._value(Worker, "GET", f"/workers/{_segment(worker)}")

    def change_worker(self, worker: str, **changes: Any) -> Worker:
        """Change `is_enabled`, `note` or `display_name` of a worker."""
        return self._value(Worker, "PATCH", f"/workers/{_segment(worker)}", json=changes)

    def disconnect_worker(self, worker: str) -> Worker:
        """Ask the server to close the worker's connection once; its runs go on."""
        return self._value(Worker, "POST", f"/workers/{_segment(worker)}/disconnect")

    def delete_worker(self, worker: str) -> None:
        """Delete a worker that holds no runs. Raises Conflict where it does."""
        self._send("DELETE", f"/workers/{_segment(worker)}")

    def cancel(self, run: str) -> Run:
        """Cancel a run that has not started. Raises Conflict once it runs."""
        return self._value(Run, "POST", f"/runs/{_segment(run)}/cancel")

    def abort(self, run: str) -> Run:
        """Abort a run that is assigned or running. Raises Conflict otherwise."""
        return self._value(Run, "POST", f"/runs/{_segment(run)}/abort")

    def retry(self, run: str, parameters: Mapping[str, Any] | None = None) -> Run:
        """Start a new run of the same job; `parameters` replace those that are named."""
        body = {} if parameters is None else {"parameters": dict(parameters)}
        return self._value(Run, "POST", f"/runs/{_segment(run)}/retry", json=body)

    def explain(self, run: str) -> dict[str, Any]:
        """Why the run is pending, with a verdict per worker."""
        return self._json("GET", f"/runs/{_segment(run)}/explain")

    def log(self, run: str, start: int = 0, size: int | None = None) -> bytes:
        """The log's bytes from `start` on, as far as they are there, at most `size`."""
        last = "" if size is None else str(start + size - 1)
        answer = self._request("GET", f"/runs/{_segment(run)}/log", headers={"Range": f"bytes={start}-{last}"})
        if answer.status_code == 416:
            return b""
        _check(answer)
        # Without a body to cut (an empty log) the server answers 200 with everything: nothing.
        return answer.content if answer.status_code == 206 else answer.content[start:]

    def write_log(self, run: str, write: Callable[[bytes], object]) -> None:
        """Pass the log's bytes to `write` piece by piece, so that a log of gigabytes needs no memory."""
        with self._stream(f"/runs/{_segment(run)}/log") as answer:
            for piece in answer.iter_bytes(PIECE_BYTES):
                write(piece)

    def follow_log(self, run: str, start: int = 0) -> Iterator[bytes]:
        """The log's bytes from `start` on, as they come, until the run is terminal and all were read.

        A broken stream loses nothing: it is opened again at the offset that was reached. Raises
        Unavailable when the server stays away for `PATIENCE_S`.
        """
        offset, patience = start, _Patience(PATIENCE_S)
        while True:
            try:
                # What is there already comes as raw bytes: they are cheaper than events.
                while piece := self.log(run, offset, PIECE_BYTES):
                    offset += len(piece)
                    yield piece
                for piece in self._log_events(run, offset):
                    offset += len(piece)
                    yield piece
                    patience.renew()
                if self.run(run).status in TERMINAL:
                    yield from filter(None, [self.log(run, offset)])
                    return
            except Unavailable as error:
                patience.wait(error)

    def wait(self, run: str) -> Run:
        """Block until the run is terminal and return it; waits on the run's log stream, never polls.

        Raises Unavailable when the server stays away for `PATIENCE_S`.
        """
        patience = _Patience(PATIENCE_S)
        while True:
            try:
                # Beyond the end of any log: of the stream, only its end comes.
                for _ in self._log_events(run, 1 << 62):
                    pass
                found = self.run(run)
                if found.status in TERMINAL:
                    return found
                patience.renew()
            except Unavailable as error:
                patience.wait(error)

    def _log_events(self, run: str, offset: int) -> Iterator[bytes]:
        """What the log's stream brings from `offset` on, until it ends."""
        with self._stream(f"/runs/{_segment(run)}/log/stream", params={"offset": offset}, timeout=_QUIET) as answer:
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind == "log":
                    event = msgspec.json.decode(value, type=_LogEvent)
                    yield event.base64 if event.text is None else event.text.encode()

    def plan(self, files: Sequence[Mapping[str, str]], *, prune: bool, source: str = "files") -> dict[str, Any]:
        """What applying `files` ({name, content} each) would change; changes nothing."""
        return self._json("POST", "/configuration/plan", json=_configuration(files, prune, source))

    def apply(self, files: Sequence[Mapping[str, str]], *, prune: bool, source: str = "files") -> dict[str, Any]:
        """Apply `files` and return the plan that was carried out; nothing is written where nothing differs.

        `source` owns what they create; with `prune`, what it owns and the files no longer name is deleted.
        """
        return self._json("POST", "/configuration/apply", json=_configuration(files, prune, source))

    def _items(
        self, kind: type[T], path: str, limit: int | None, filters: Mapping[str, str | Sequence[str] | None]
    ) -> Iterator[T]:
        left = limit
        query: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
        while left is None or left > 0:
            query["limit"] = 1000 if left is None else min(left, 1000)
            page = self._json("GET", path, params=query)
            for item in page["items"]:
                yield msgspec.convert(item, kind)
            left = None if left is None else left - len(page["items"])
            query["cursor"] = page["next_cursor"]
            if query["cursor"] is None:
                return

    def _value(self, kind: type[T], method: str, path: str, **request: Any) -> T:
        return self._decode(self._send(method, path, **request), kind)

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return self._decode(self._send(method, path, **request), dict[str, Any])

    def _decode(self, answer: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise OrchestraError(
                f"{self.server} answered something that is not Orchestra's API ({error}); is the address right, "
                "with its base path?"
            ) from error

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        answer = self._request(method, path, **request)
        _check(answer)
        return answer

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unavailable(error) from error

    @contextmanager
    def _stream(self, path: str, **request: Any) -> Iterator[httpx.Response]:
        try:
            with self._http.stream("GET", path, **request) as answer:
                if answer.is_error:
                    answer.read()
                _check(answer)
                yield answer
        except httpx.TransportError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: httpx.TransportError) -> Unavailable:
        return Unavailable(f"{self.server} does not answer: {error}")


class _LogEvent(msgspec.Struct):
    """The event `log` of the stream: text, or bytes that are no UTF-8."""

    text: str | None = None
    base64: bytes = b""


class _Patience:
    """How long to go on trying while the server does not answer: pauses that grow, up to a limit of seconds."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self.renew()

    def renew(self) -> None:
        """The server answered."""
        self._end: float | None = None
        self._pause_s = _FIRST_PAUSE_S

    def wait(self, error: Unavailable) -> None:
        """Pause; raises `error` once the limit is reached."""
        now = time.monotonic()
        self._end = self._end or now + self._limit_s
        if now >= self._end:
            raise error
        time.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)


def _configuration(files: Sequence[Mapping[str, str]], prune: bool, source: str) -> dict[str, Any]:
    return {"files": list(files), "prune": prune, "source": source}


def _segment(text: str) -> str:
    """One path segment: whatever `text` holds, it cannot reach another route."""
    return quote(text, safe="") if text not in {".", ".."} else quote(text, safe="").replace(".", "%2E")


def _check(answer: httpx.Response) -> None:
    """Raise the error that a problem document describes."""
    if not answer.is_error:
        return
    try:
        document = msgspec.json.decode(answer.content)
        detail = str(document.get("detail") or document.get("title"))
        problems = tuple(Problem(**_fields(one)) for one in document.get("errors") or ())
    except (msgspec.DecodeError, AttributeError, TypeError):
        detail, problems = f"the server answered {answer.status_code} {answer.reason_phrase}", ()
    if answer.status_code == 429:
        raise TooMany(detail, int(answer.headers.get("Retry-After", "1")))
    if answer.status_code in _ERRORS:
        raise _ERRORS[answer.status_code](detail)
    if answer.status_code in (400, 413, 415, 422):
        raise InvalidContent(detail, problems)
    raise OrchestraError(detail)


def _fields(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("path", "message", "file", "line", "column") if name in one}
