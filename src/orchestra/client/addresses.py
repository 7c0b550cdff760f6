"""How names and filters are written into addresses, so that no name can reach another route."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

QueryValue = str | int | bool | datetime | Sequence[str] | None


def path(*segments: str | int) -> str:
    """The path of these segments, each escaped whatever it holds; `runs`, `a/b` is `/runs/a%2Fb`."""
    return "".join(f"/{_segment(str(one))}" for one in segments)


def _segment(text: str) -> str:
    # Dots alone would be taken for steps in the tree (RFC 3986 section 5.2.4).
    return quote(text, safe="").replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


def query(filters: Mapping[str, QueryValue]) -> dict[str, str | list[str]]:
    """The filters that are given, as the API reads them; a sequence is repeated."""
    return {name: _text(value) for name, value in filters.items() if value is not None}


def _text(value: str | int | bool | datetime | Sequence[str]) -> str | list[str]:
    match value:
        case str():
            return str(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case datetime():
            return date(value)
        case _:
            return [str(one) for one in value]


def date(value: datetime) -> str:
    """A date as the API reads it. Raises ValueError without a time zone: nobody could tell which hour is meant."""
    if value.tzinfo is None:
        raise ValueError(f"expected a date with its time zone, got {value.isoformat()}")
    return value.isoformat()
