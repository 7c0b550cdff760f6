"""What `orchestra doctor` says about one part of an installation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `state` is good, attention or bad; `advice` says what to do."""

    what: str
    state: str
    fact: str
    advice: str = ""
