"""Heartbeats and silence: when this end must say something, and when the other end counts as gone."""

from dataclasses import dataclass


@dataclass(slots=True)
class Liveness:
    """Monotonic seconds of the last word heard and spoken. Both ends use it the same way (reliability.md F9)."""

    heartbeat_s: float
    timeout_s: float
    heard: float
    spoke: float

    def is_dead(self, now: float) -> bool:
        """Nothing was heard for the timeout."""
        return now >= self.heard + self.timeout_s

    def owes_heartbeat(self, now: float) -> bool:
        """Nothing was said for the interval."""
        return now >= self.spoke + self.heartbeat_s

    def deadline(self) -> float:
        """When the first of both is true, if nothing happens until then."""
        return min(self.heard + self.timeout_s, self.spoke + self.heartbeat_s)
