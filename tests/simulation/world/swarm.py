"""What is drawn for one seed: how many machines, which jobs, which faults and how often. Things are absent at times."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from orchestra.domain.job import Job as StoredJob
from simulation.world.seams import BEGINNING, stream

FAULTS = (
    "cut",
    "half-open",
    "partition",
    "server killed",
    "server loses power",
    "server paused",
    "worker killed",
    "worker paused",
    "worker stopped",
    "executor killed",
    "power loss",
    "database down",
    "disk full",
    "disk slow",
    "late frames",
    "executor paused",
    "worker disk full",
    "clock jump",
    "impostor",
    "worker disk slow",
    "slow connection",
)
OS = ("linux", "plan9")
ALONE = 0.3
"""In how many worlds there is an exclusive job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of the world; `words` is its command's script, see `execution`."""

    identifier: str
    words: tuple[str, ...]
    properties: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    limit: int = 1
    fail_after_s: float | None = 120.0
    grace_s: float = 5.0
    lease_s: float | None = None

    def commands(self) -> list[list[str]]:
        """The script, cut where it says `then`."""
        commands: list[list[str]] = [[]]
        for word in self.words:
            if word == "then":
                commands.append([])
            else:
                commands[-1].append(word)
        return commands

    def stored(self) -> StoredJob:
        """The job as the storage keeps it, in normal form."""
        rule: Any = "wait" if self.fail_after_s is None else {"fail_after": self.fail_after_s}
        concurrency = None
        if self.group is not None:
            concurrency = {"group": self.group, "limit": self.limit, "overflow": "queue"}
        return StoredJob(
            project="world",
            identifier=self.identifier,
            display_name=self.identifier,
            definition={
                "type": "commands",
                "commands": [
                    {"name": f"command {number}", "run": ["simulated", *words], "timeout": None}
                    for number, words in enumerate(self.commands())
                ],
                "finally": [],
                "environment": {},
                "workspace": "reuse",
                "timeout": None,
                "silence_timeout": None,
                "grace": self.grace_s,
                "artifacts": ["{run.identifier}/**"] if any("leave:" in word for word in self.words) else [],
            },
            properties=dict(self.properties),
            policy={
                "priority": 0,
                "concurrency": concurrency,
                "expiration": None,
                "retry": None,
                "on_worker_lost": rule,
                "retention": {},
                "exclusive": False if self.lease_s is None else {"lease": self.lease_s},
            },
            creation_date=BEGINNING,
            update_date=BEGINNING,
        )


class Swarm:
    """The parameters of one world, all from its seed."""

    def __init__(self, seed: int) -> None:
        chance = stream(seed, "swarm")
        self._seed = seed
        self.machine_names = [f"w{number + 1}" for number in range(chance.randint(1, 4))]
        self.slots = {name: chance.randint(1, 4) for name in self.machine_names}
        self.properties = {name: {"os": chance.choice(OS)} for name in self.machine_names}
        self.clients = chance.randint(1, 2)
        self.triggers = chance.randint(8, 20)
        """For each client."""
        self.trouble_s = chance.choice((60.0, 120.0, 200.0))
        self.network_latency_s = chance.choice((0.002, 0.02, 0.2))
        self.database_latency_s = chance.choice((0.0005, 0.005, 0.1))
        self.database_failure = chance.choice((0.0, 0.0, 0.01, 0.05))
        self.hidden_commit = chance.choice((0.0, 0.0, 0.01, 0.05))
        self.fault_interval_s = chance.choice((4.0, 8.0, 16.0))
        self.faults = [kind for kind in FAULTS if chance.random() < 0.6] or ["cut"]
        self.dead_for_ever = chance.choice(self.machine_names) if chance.random() < 0.1 else None
        """A machine that never comes back after the trouble; then no job waits for ever."""
        self.jobs = _jobs(chance, waits=self.dead_for_ever is None)
        if (alone := stream(seed, "alone")).random() < ALONE:
            # Wished for more often than others: one at a time they would else meet no trouble.
            self.jobs += [_alone(alone)] * 3
        self.has_lease = any(job.lease_s is not None for job in self.jobs)
        self._skew = chance.random() < 0.5

    def skew(self, node: str) -> float:
        """Seconds by which a node's wall clock is off."""
        return stream(self._seed, "skew", node).choice((0.0, 3.0, -3600.0, 86_400.0)) if self._skew else 0.0

    def job(self, identifier: str) -> Job:
        """The job with this name."""
        return next(job for job in self.jobs if job.identifier == identifier)


def _alone(chance: random.Random) -> Job:
    """A job whose runs must never overlap, drawn by itself so that other worlds stay what they were."""
    return Job(
        identifier="alone",
        words=("write:30", "sleep:50", "then", "sleep:30", "exit:0"),
        fail_after_s=chance.choice((10.0, 30.0)),
        lease_s=chance.choice((10.0, 20.0)),
    )


def _jobs(chance: random.Random, *, waits: bool) -> list[Job]:
    def lost() -> float | None:
        return None if waits and chance.random() < 0.3 else chance.choice((10.0, 30.0, 120.0))

    jobs = [
        Job(identifier="instant", words=("write:20", "exit:0"), fail_after_s=lost()),
        Job(identifier="short", words=("write:50", "sleep:0.5", "write:60", "exit:0"), fail_after_s=lost()),
        Job(identifier="long", words=("write:80", "sleep:15", "write:300", "sleep:20", "exit:0"), fail_after_s=lost()),
        Job(identifier="fail", words=("write:10", "sleep:2", "exit:3"), fail_after_s=lost()),
        Job(
            identifier="steps",
            words=(
                "write:15",
                "sleep:2",
                "then",
                "sleep:1",
                "then",
                "write:400",
                "sleep:3",
                "exit:4",
                "then",
                "exit:0",
            ),
            fail_after_s=lost(),
        ),
        Job(identifier="silent", words=("sleep:8", "exit:0"), fail_after_s=lost()),
        Job(
            identifier="flood",
            words=("write:900", "sleep:1", "write:5000", "sleep:1", "write:70000", "sleep:0.2", "write:1", "exit:0"),
            fail_after_s=lost(),
        ),
        Job(identifier="drip", words=(*("write:40", "sleep:1.5") * 10, "exit:0"), fail_after_s=lost()),
        Job(identifier="results", words=("write:5", "sleep:3", "results:42", "exit:0"), fail_after_s=lost()),
        Job(
            identifier="files",
            words=("leave:0", "leave:300", "sleep:2", "leave:200000", "leave:300", "leave:3000000", "exit:0"),
            fail_after_s=lost(),
        ),
        Job(identifier="late-files", words=("leave:5000", "sleep:4", "leave:1", "exit:3"), fail_after_s=lost()),
        Job(identifier="stubborn", words=("stubborn", "write:30", "sleep:25", "exit:0"), fail_after_s=lost()),
        Job(identifier="endless", words=("write:20", "sleep:250", "exit:0"), fail_after_s=lost()),
        Job(
            identifier="picky",
            words=("write:30", "sleep:4", "exit:0"),
            properties={"os": chance.choice(OS)},
            fail_after_s=lost(),
        ),
        Job(
            identifier="exclusive",
            words=("write:30", "sleep:6", "exit:0"),
            group="one",
            limit=chance.randint(1, 2),
            fail_after_s=lost(),
        ),
    ]
    return [job for job in jobs if chance.random() < (0.3 if job.identifier == "endless" else 0.7)] or jobs[:1]
