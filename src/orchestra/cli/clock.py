"""The real clock and the real chance, as the parts of a process take them."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Wall time in UTC, and monotonic seconds."""

    def now(self) -> datetime:
        """The aware UTC date, to the microsecond."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
