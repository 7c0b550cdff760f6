"""The service that is fuzzed: real, on a loopback port, with everything in it that requests may name.

The names are those of the OpenAPI document's examples, so that examples reach what exists.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Table, delete, update

from integration.service.rig import Rig, running
from orchestra.domain.access import TokenKind
from orchestra.domain.run import RunStatus
from orchestra.domain.user import User
from orchestra.service.openapi_examples import AUTHENTICATION, RUN
from orchestra.service.throttle import Throttle
from orchestra.storage import authentications, schema, tokens, users

PROJECT: Final = "website"
JOB: Final = "build"
BUILD: Final = {
    "parameters": [{"key": "branch", "default": "main"}, {"key": "count", "type": "integer", "default": 1}],
    "definition": {"type": "commands", "commands": ["make build BRANCH={parameters.branch}"]},
}
FUZZING: Final = "fuzzing"
"""Describes the tokens that ask."""
LOG: Final = b"cloning\n\x1b[32mok\x1b[0m\n" + b"a line of the log\n" * 200 + b"\xff\xfe and no end of line"

ROLES: Final = {
    "administrator": ("Administrator",),
    "auditor": ("Auditor",),
    "operator": (f"Operator@{PROJECT}", "Viewer"),
    "viewer": (f"Viewer@{PROJECT}",),
    "worker": ("Worker",),
    "nobody": (),
}
"""Users that ask, and their roles; there is one more that does not say who it is."""


@contextmanager
def world(folder: Path, database: str | None = None) -> Iterator[Rig]:
    """Start the service and fill it."""
    with running(folder, database=database) as rig:
        # Thousands of wrong tokens come from one address here, on purpose.
        rig.app.parts.authenticator._bad_tokens = Throttle(limit=1 << 40, period_s=1.0)
        _objects(rig)
        _runs(rig)
        yield rig


def _objects(rig: Rig) -> None:
    for user, roles in ROLES.items():
        rig.api.put(f"/api/v1/users/{user}", json={"roles": list(roles)}).raise_for_status()
        rig.token(user, description="a second token")
    rig.api.put("/api/v1/users/maya", json={"roles": [f"Operator@{PROJECT}"]}).raise_for_status()
    rig.token("maya")
    for project in (PROJECT, "other"):
        rig.job(JOB, project, **BUILD)
        rig.job("deploy", project)
        schedule = {"job": JOB, "expression": "30 2 * * *", "time_zone": "Europe/Paris"}
        rig.api.put(f"/api/v1/projects/{project}/schedules/nightly", json=schedule).raise_for_status()
    for worker in ("worker-1", "worker-2"):
        rig.worker(worker)


def _runs(rig: Rig) -> None:
    """One run in each status, with what belongs to it; the first has the identifier of the examples."""
    _rename(rig, schema.run, str(rig.trigger(JOB, PROJECT)["identifier"]), RUN)
    tokens_of_maya = rig.api.get("/api/v1/users/maya/authentications").json()["items"]
    _rename(rig, schema.user_authentication, tokens_of_maya[0]["identifier"], AUTHENTICATION)
    rig.trigger(JOB, "other")
    assigned, running_ = (str(rig.trigger(JOB, PROJECT)["identifier"]) for _ in range(2))
    rig.assign(assigned, "worker-1")
    rig.start(running_, "worker-1")
    rig.append(running_, LOG)
    for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.EXCEPTION):
        run = str(rig.trigger(JOB, PROJECT, parameters={"branch": "main"})["identifier"])
        rig.start(run, "worker-2")
        rig.append(run, LOG)
        rig.finish(run, status, results={"artifact": "dist.tar", "sizes": [1, 2.5, None]})


def _rename(rig: Rig, table: Table, before: str, after: str) -> None:
    rig.write(lambda rows: rows.execute(update(table).where(table.c.identifier == before).values(identifier=after)))


def admit(rig: Rig, user: str) -> str:
    """Give `user` its roles and its token, again if need be: requests that were allowed may have taken them away.

    Straight in the storage: the API would ask for an administrator, who may be gone just so.
    """
    identifier, now = str(uuid.uuid5(uuid.NAMESPACE_OID, user)), rig.clock.now()
    secret = hashlib.sha256(rig.first.token.encode() + user.encode()).digest()
    wanted = User(identifier=user, display_name=user, roles=ROLES[user], creation_date=now, update_date=now)

    def restore(rows: Connection) -> str:
        users.save(rows, wanted, now)
        # It may be gone, and it may be there and have expired.
        rows.execute(delete(schema.user_authentication).where(schema.user_authentication.c.identifier == identifier))
        authentications.create_token(rows, user, identifier, secret, now, description=FUZZING)
        return tokens.make(TokenKind.USER, identifier, secret)

    return rig.write(restore)
