"""`make timing`: does the time of a refused sign-in tell whether a user exists? (S-01)

Four kinds of refused sign-in, in random order, on a real server whose throttle is off: an unknown user,
a wrong password, a disabled user, a user without a password. Each kind is compared with the unknown
user by Welch's t-test; |t| < 4.5 is what dudect takes as no sign of a difference. Prints the figures,
and exits with 1 when a difference shows. With 2,000 attempts of each kind it takes half an hour, so it
is a target of its own and no part of the suite: python -m tests.bench.sign_in_timing --attempts 200.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from integration.service.rig import Rig, running

LIMIT: Final = 4.5
UNKNOWN: Final = "unknown user"
KINDS: Final = {
    UNKNOWN: "nobody",
    "wrong password": "ada",
    "disabled user": "bob",
    "user without password": "eve",
}
CROPPED: Final = 0.9
"""The slowest tenth of each kind is left out: it measures the machine, not the server."""


class NoThrottle:
    """Lets everybody try as often as they like."""

    def wait_s(self, place: str, now: float, user: str | None = None) -> int:
        return 0

    def failed(self, place: str, now: float) -> None:
        return

    def begin(self, place: str, now: float, user: str) -> None:
        return

    def withdraw(self, place: str, user: str) -> None:
        return

    def succeeded(self, place: str, user: str) -> None:
        return

    def may_tell(self, place: str, now: float, user: str) -> bool:
        return False


def measure(rig: Rig, attempts: int) -> dict[str, list[float]]:
    """Seconds of each refused sign-in, by kind."""
    # What is measured is the server's work; how often somebody may try is tested elsewhere.
    object.__setattr__(rig.app.parts, "sign_ins", NoThrottle())
    for name in ("ada", "bob", "eve"):
        rig.api.put(f"/api/v1/users/{name}", json={}).raise_for_status()
    for name in ("ada", "bob"):
        body = {"password": "correct battery staple"}
        rig.api.put(f"/api/v1/users/{name}/password", json=body).raise_for_status()
    rig.api.patch("/api/v1/users/bob", json={"is_enabled": False}).raise_for_status()
    order = [kind for kind in KINDS for _ in range(attempts)]
    random.Random(1).shuffle(order)
    client = rig.client()
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number, kind in enumerate(order):
        begin = time.perf_counter()
        answer = client.post("/api/v1/me/login", json={"user": KINDS[kind], "password": f"wrong one {number:06}"})
        times[kind].append(time.perf_counter() - begin)
        assert answer.status_code == 401
    return times


def welch(one: list[float], other: list[float]) -> float:
    """Welch's t of two samples."""
    difference = statistics.fmean(one) - statistics.fmean(other)
    return difference / math.sqrt(statistics.variance(one) / len(one) + statistics.variance(other) / len(other))


def cropped(times: list[float]) -> list[float]:
    return sorted(times)[: max(2, int(len(times) * CROPPED))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=2000, help="of each kind")
    attempts: int = parser.parse_args().attempts
    with tempfile.TemporaryDirectory(prefix="orchestra-timing-") as folder, running(Path(folder)) as rig:
        times = {kind: cropped(found) for kind, found in measure(rig, attempts).items()}
    worst = 0.0
    for kind, found in times.items():
        t = welch(found, times[UNKNOWN]) if kind != UNKNOWN else 0.0
        worst = max(worst, abs(t))
        mean, spread = statistics.fmean(found) * 1000, statistics.stdev(found) * 1000
        print(f"{kind:22} {mean:8.2f} ms ± {spread:6.2f}   t against {UNKNOWN} {t:6.2f}")
    print(f"|t| at most {worst:.2f}, {'below' if worst < LIMIT else 'NOT below'} {LIMIT}; {attempts} attempts each")
    return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
