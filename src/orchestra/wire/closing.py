"""How a session ends: the value that both sessions report and keep."""

from dataclasses import dataclass

from orchestra.wire.messages import CloseCode


@dataclass(frozen=True, slots=True)
class Closed:
    """The session ended. Send what `take_frames` still holds, then close the transport with `code` and `reason`."""

    code: CloseCode
    reason: str


class ViolationError(Exception):
    """The other end said what it may not say now; the session ends with `code` and the text. Never leaves a session."""

    def __init__(self, reason: str, code: CloseCode = CloseCode.VIOLATION) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
