"""The one tree of errors that users may meet; each class has a stable `code`.

    OrchestraError
    ├── InvalidContent       what was sent is wrong: every problem at once            422
    ├── NotFound             no such object, or the caller may not know of it         404
    ├── Conflict             the object's state does not allow it                     409
    │   └── ManagedElsewhere the object belongs to configuration files                409
    ├── PreconditionFailed   If-Match names another version                           412
    ├── NotAuthenticated     who are you?                                             401
    ├── NotAllowed           the caller's roles do not give the permission            403
    │   └── ReauthenticationRequired   prove again who you are                        403
    ├── TooMany              a limit or a rate                                        429
    └── Unavailable          a part that is needed does not answer now                503
        ├── OutcomeUnknown   it failed half way: read again to learn what holds       503
        └── StorageFull      the server's disk has no room for more work              507

Expected outcomes inside the program (a lost race, a refused transition) are return values, not
errors. Messages are facts: what, where, what was expected.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `path` into what was sent (`jobs.build.parameters[0].key`), and the fact."""

    path: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class OrchestraError(Exception):
    """Anything that Orchestra tells its user; `detail` is one sentence of fact."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidContent(OrchestraError):
    """What was sent does not fit; `problems` holds all that is wrong with it."""

    code = "invalid_content"

    def __init__(self, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.problems = problems


class NotFound(OrchestraError):
    """No such object, or the caller may not know that it exists."""

    code = "not_found"


class Conflict(OrchestraError):
    """The present state does not allow what was asked; `problems` names what is in the way, where it is several."""

    code = "conflict"

    def __init__(self, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(detail)
        self.problems = problems


class ManagedElsewhere(Conflict):
    """The object belongs to configuration files; change them and apply."""

    code = "managed_elsewhere"


class PreconditionFailed(OrchestraError):
    """If-Match names a version that is no longer the current one."""

    code = "precondition_failed"


class NotAuthenticated(OrchestraError):
    """No valid authentication came with the request."""

    code = "not_authenticated"


class NotAllowed(OrchestraError):
    """The caller's roles do not give the permission that is needed."""

    code = "not_allowed"


class ReauthenticationRequired(NotAllowed):
    """The session's user has not proved for some time who they are, and this needs it."""

    code = "reauthentication_required"


class TooMany(OrchestraError):
    """A limit or a rate is reached; try again after `retry_after_s` seconds."""

    code = "too_many"

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(OrchestraError):
    """Something that is needed does not answer now; nothing was changed."""

    code = "unavailable"


class OutcomeUnknown(Unavailable):
    """What was asked may have happened or not: read again, or repeat it with the same idempotency key."""

    code = "outcome_unknown"


class StorageFull(Unavailable):
    """The server's disk has no room for more work; what it has accepted goes on."""

    code = "storage_full"
