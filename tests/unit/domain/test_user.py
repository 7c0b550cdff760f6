"""To what a token may be limited: entries that give nothing that its owner does not have."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestra.domain.access import ASSIGNABLE, PERMISSIONS, Permission, Principal, Role, can
from orchestra.domain.user import AuthenticationType, UserAuthentication, check_limit

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "owner"),
    [
        ("Viewer", ("Viewer",)),
        ("Viewer", ("Operator",)),
        ("Viewer@web", ("Operator",)),
        ("Viewer@web", ("Operator@web",)),
        ("Operator@web", ("Administrator@web",)),
        ("Operator", ("Administrator",)),
        ("Auditor", ("Administrator",)),
        ("Worker", ("Worker",)),
        ("Worker", ("Viewer", "Worker")),
        ("Operator@web", ("Viewer", "Operator@web")),
    ],
)
def test_a_limit_within_the_owners_rights_is_one(entry: str, owner: tuple[str, ...]) -> None:
    assert check_limit(entry, owner) is None


@pytest.mark.parametrize(
    ("entry", "owner", "what"),
    [
        ("Operator", ("Viewer",), "job.trigger"),
        ("Viewer", ("Viewer@web",), "run.read"),
        ("Operator@api", ("Operator@web",), "job.trigger"),
        ("Administrator", ("Administrator@web",), "user.update"),
        ("Worker", ("Administrator",), "worker.connect"),
        ("Viewer", (), "run.read"),
        ("Default", ("Administrator",), "expected one of"),
        ("Viewer@", ("Administrator",), "identifier"),
        ("nonsense", ("Administrator",), "expected one of"),
    ],
)
def test_s15_a_limit_beyond_the_owners_rights_is_refused(entry: str, owner: tuple[str, ...], what: str) -> None:
    assert what in str(check_limit(entry, owner))


def test_s15_whatever_is_accepted_gives_nothing_new() -> None:
    owners = [(), *((role,) for role in ASSIGNABLE), *((f"{role}@web",) for role in ASSIGNABLE if role != Role.WORKER)]
    entries = [one for role in ASSIGNABLE for one in (role.value, f"{role}@web", f"{role}@api")]
    accepted = [(entry, owner) for entry in entries for owner in owners if check_limit(entry, owner) is None]
    assert len(accepted) > 20
    for entry, owner in accepted:
        for permission in PERMISSIONS[Role.ADMINISTRATOR] | {Permission.WORKER_CONNECT}:
            for project in (None, "web", "api"):
                assert can((entry,), permission, project) <= can(owner, permission, project), (entry, owner, permission)
        assert Principal(user="ada", roles=owner, limit=(entry,)).can(Permission.ACCOUNT_READ)


def test_an_authentication_has_expired_from_its_date_on() -> None:
    one = UserAuthentication(
        identifier="i",
        user="ada",
        type=AuthenticationType.PASSWORD,
        hash_function="argon2id",
        secret="00",
        expiration_date=NOW,
        creation_date=NOW,
        update_date=NOW,
    )
    assert one.is_expired(NOW)
    assert not one.is_expired(NOW - timedelta(microseconds=1))
