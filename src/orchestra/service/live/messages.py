"""The messages of the live connection, as types: what a client may say, and what the server says.

`docs/live.md` tells what they mean. Rules: unknown fields and types from a client end the connection
with a reason; items that many connections receive are encoded once and travel as raw JSON.
"""

from typing import Any, Final

import msgspec

from orchestra.service.problems import ProblemDocument

FRAME_BYTES: Final = 64 << 10
"""Largest frame from a client: a subscription with many filters has some hundred bytes."""
IDENTIFIER_LENGTH: Final = 64


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="sub"):
    """Begin to follow a topic."""

    id: str
    topic: str
    args: dict[str, Any] = {}
    since: int | None = None


class Unsubscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op", tag="unsub"):
    """Follow it no longer."""

    id: str


ClientMessage = Subscribe | Unsubscribe

_decoder: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)
_encoder: Final = msgspec.json.Encoder()


class ServerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=str.lower):
    """Anything from the server."""


class Hello(ServerMessage, frozen=True):
    """The first message: who the server thinks the client is."""

    version: str
    seq: int
    user: str


class Alive(ServerMessage, frozen=True):
    """Nothing happened for a while."""


class Snapshot(ServerMessage, frozen=True):
    """Everything of a subscription: `items` and `next_cursor`, or `item`."""

    id: str
    seq: int
    items: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    next_cursor: str | msgspec.UnsetType | None = msgspec.UNSET
    item: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Upsert(ServerMessage, frozen=True):
    """Items as they are now, or the item."""

    id: str
    seq: int
    items: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    item: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Remove(ServerMessage, frozen=True):
    """What no longer belongs to the list; `items` are those that still exist, as they are now."""

    id: str
    seq: int
    identifiers: list[str]
    items: list[msgspec.Raw]


class Log(ServerMessage, frozen=True):
    """Lines from `from` on replace what the client holds from there on; without `lines`, only the sizes."""

    id: str
    seq: int
    from_: int = msgspec.field(name="from")
    total: int
    bytes: int
    complete: bool
    lines: list[str] | msgspec.UnsetType = msgspec.UNSET
    times: tuple[tuple[int, int], ...] | msgspec.UnsetType = msgspec.UNSET
    cut: tuple[tuple[int, int], ...] | msgspec.UnsetType = msgspec.UNSET
    sgr: str | msgspec.UnsetType = msgspec.UNSET


class Resync(ServerMessage, frozen=True):
    """Changes were left out; a snapshot follows."""

    id: str
    seq: int
    reason: str


class Error(ServerMessage, frozen=True):
    """The subscription was refused, or has ended."""

    id: str
    problem: ProblemDocument


class BadFrame(Exception):
    """What came is none of the messages; the text says why."""


def read(frame: str | bytes) -> ClientMessage:
    """Read one frame of a client. Raises BadFrame."""
    if len(frame) > FRAME_BYTES:
        raise BadFrame(f"expected at most {FRAME_BYTES} bytes")
    try:
        message = _decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadFrame(str(error).replace("`", "")[:100]) from None
    if not 1 <= len(message.id) <= IDENTIFIER_LENGTH:
        raise BadFrame(f"expected an id of 1 to {IDENTIFIER_LENGTH} characters")
    return message


def write(message: ServerMessage) -> bytes:
    """The frame of a message, JSON in UTF-8."""
    return _encoder.encode(message)


def raw(value: Any) -> msgspec.Raw:
    """Encode an item once, for any number of messages."""
    return msgspec.Raw(_encoder.encode(value))
