"""`Client`: the web API as methods, problem documents as exceptions.

Triggers carry an idempotency key of their own, so that a request whose answer was lost can be
repeated without a second run. Reading is retried when the server is unreachable for a moment.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
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

    def log(self, run: str, start: int = 0) -> bytes:
        """The log's bytes from `start` on, as far as they are there."""
        answer = self._http.get(f"/runs/{_segment(run)}/log", headers={"Range": f"bytes={start}-"})
        if answer.status_code == 416:
            return b""
        _check(answer)
        # Without a body to cut (an empty log) the server answers 200 with everything: nothing.
        return answer.content if answer.status_code == 206 else answer.content[start:]

    def write_log(self, run: str, write: Any) -> None:
        """Pass the log's bytes to `write` piece by piece, so that a log of gigabytes needs no memory."""
        with self._http.stream("GET", f"/runs/{_segment(run)}/log") as answer:
            if answer.is_error:
                answer.read()
            _check(answer)
            for piece in answer.iter_bytes(1 << 18):
                write(piece)

    def follow_log(self, run: str, start: int = 0) -> Iterator[bytes]:
        """The log's bytes from `start` on, as they come, until the run is terminal and all were read.

        The stream of events only wakes; bytes come by range, so a broken stream loses nothing: it
        is opened again from the offset that was reached.
        """
        offset = start
        while True:
            try:
                for _ in self.wait_log(run, offset):
                    while piece := self.log(run, offset):
                        offset += len(piece)
                        yield piece
            except httpx.TransportError:
                pass
            while piece := self.log(run, offset):
                offset += len(piece)
                yield piece
            if self.run(run).status in TERMINAL:
                yield from filter(None, [self.log(run, offset)])
                return

    def wait_log(self, run: str, offset: int) -> Iterator[str]:
        """Yield at once, then at each event of the log's stream; end when the stream ends."""
        yield ""
        timeout = httpx.Timeout(30.0, read=60.0)
        with self._http.stream(
            "GET", f"/runs/{_segment(run)}/log/stream", params={"offset": offset}, timeout=timeout
        ) as answer:
            if answer.is_error:
                answer.read()
            _check(answer)
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    yield line[5:].strip()

    def wait(self, run: str) -> Run:
        """Block until the run is terminal and return it; waits on the run's log stream, never polls."""
        while True:
            try:
                for _ in self.wait_log(run, 0):
                    current = self.run(run)
                    if current.status in TERMINAL:
                        return current
            except httpx.TransportError:
                pass
            current = self.run(run)
            if current.status in TERMINAL:
                return current

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
        return msgspec.json.decode(self._send(method, path, **request).content, type=kind)

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        value: dict[str, Any] = msgspec.json.decode(self._send(method, path, **request).content)
        return value

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise Unavailable(f"{self.server} does not answer: {error}") from error
        _check(answer)
        return answer


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
