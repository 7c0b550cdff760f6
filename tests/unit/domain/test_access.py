"""Access: the table of roles, walked whole."""

from __future__ import annotations

import pytest

from orchestra.domain.access import (
    ASSIGNABLE,
    DISABLED,
    GLOBAL,
    LIMITED,
    MEANINGS,
    PERMISSIONS,
    RUN_TOKEN,
    Permission,
    Principal,
    Role,
    TokenKind,
    can,
    can_anonymous,
    check_role,
)

P = Permission
READS = {P.PROJECT_READ, P.JOB_READ, P.SCHEDULE_READ, P.RUN_READ, P.EVENT_READ, P.WORKER_READ, P.USER_READ}
ADMINISTRATION = {P.USER_INSPECT, P.CONFIGURATION_READ, P.AUDIT_READ, P.METRICS_READ}
CHANGES = {
    P.PROJECT_UPDATE,
    P.JOB_UPDATE,
    P.SCHEDULE_UPDATE,
    P.RUN_DELETE,
    P.WORKER_UPDATE,
    P.USER_UPDATE,
    P.CONFIGURATION_APPLY,
}
OPERATES = {
    P.JOB_TRIGGER,
    P.JOB_ENABLE,
    P.SCHEDULE_ENABLE,
    P.RUN_CANCEL,
    P.RUN_ABORT,
    P.RUN_CLOSE,
    P.RUN_RETRY,
    P.WORKER_ENABLE,
}
OWN = {P.ACCOUNT_READ, P.ACCOUNT_UPDATE, P.OWN_TOKEN_READ, P.OWN_TOKEN_CREATE, P.OWN_TOKEN_DELETE, P.DOCUMENTATION_READ}
PUBLIC = {P.HEALTH_READ, P.WEBSITE_READ, P.SESSION_CREATE}


def test_each_role_gives_exactly_what_the_interfaces_say() -> None:
    assert {
        Role.ANONYMOUS: PUBLIC,
        Role.DEFAULT: PUBLIC | OWN,
        Role.VIEWER: PUBLIC | OWN | READS,
        Role.OPERATOR: PUBLIC | OWN | READS | OPERATES,
        Role.AUDITOR: PUBLIC | OWN | READS | ADMINISTRATION,
        Role.WORKER: PUBLIC | OWN | {P.WORKER_CONNECT},
        Role.ADMINISTRATOR: PUBLIC | OWN | READS | OPERATES | ADMINISTRATION | CHANGES,
    } == PERMISSIONS


def test_every_permission_is_somebodys() -> None:
    assert set().union(*PERMISSIONS.values()) == set(Permission)


def test_every_permission_is_explained() -> None:
    assert list(MEANINGS) == list(Permission)


@pytest.mark.parametrize("role", ASSIGNABLE)
@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_everywhere_holds_in_every_project_and_outside(role: Role, permission: Permission) -> None:
    expected = permission in PERMISSIONS[role]
    assert can([role], permission) == can([role], permission, "core") == expected


@pytest.mark.parametrize("role", [role for role in ASSIGNABLE if role is not Role.WORKER])
@pytest.mark.parametrize("permission", list(Permission))
def test_a_role_on_one_project_holds_there_and_nowhere_else(role: Role, permission: Permission) -> None:
    roles = [f"{role}@core"]
    everyone = permission in PERMISSIONS[Role.DEFAULT]
    assert can(roles, permission, "core") == (
        everyone or (permission in PERMISSIONS[role] and permission not in GLOBAL)
    )
    assert can(roles, permission, "other") == everyone
    assert can(roles, permission) == everyone


@pytest.mark.parametrize(
    "entry", ["", "administrator", "Administrator@", "Administrator@a/b", "Anonymous", "Default", "@x"]
)
def test_an_entry_that_is_not_understood_grants_nothing_and_cannot_be_given(entry: str) -> None:
    assert check_role(entry) is not None
    assert not can([entry], P.PROJECT_READ, "x")


def test_a_worker_lies_outside_projects() -> None:
    assert check_role("Worker") is None
    assert check_role("Worker@core") is not None
    assert not can(["Worker@core"], P.WORKER_CONNECT, "core")


def test_a_disabled_administrator_keeps_the_own_account_and_nothing_else() -> None:
    principal = Principal(user="ada", roles=("Administrator",), is_enabled=False)
    assert {one for one in Permission if principal.can(one)} == DISABLED
    assert {one for one in Permission if principal.can(one, "core")} == DISABLED
    assert principal.scope(P.PROJECT_READ) == frozenset()
    assert P.OWN_TOKEN_CREATE not in DISABLED
    assert P.OWN_TOKEN_DELETE in DISABLED


def test_the_scope_of_a_permission_names_the_projects_that_give_it() -> None:
    principal = Principal(user="ada", roles=("Viewer@a", "Operator@b", "Worker"))
    assert principal.scope(P.RUN_READ) == frozenset({"a", "b"})
    assert principal.scope(P.JOB_TRIGGER) == frozenset({"b"})
    assert principal.scope(P.JOB_UPDATE) == frozenset()
    assert principal.scope(P.WORKER_READ) == frozenset()
    assert principal.scope(P.ACCOUNT_READ) is None
    assert Principal(user="root", roles=("Administrator",)).scope(P.WORKER_READ) is None


def test_the_token_of_a_run_speaks_for_its_project_only() -> None:
    token = Principal(user="run/1", kind=TokenKind.RUN, run="1", project="core", roles=("Administrator",))
    assert {one for one in Permission if token.can(one, "core")} == RUN_TOKEN | PUBLIC | {P.ACCOUNT_READ}
    assert {one for one in Permission if token.can(one, "other")} == PUBLIC | {P.ACCOUNT_READ}
    assert {one for one in Permission if token.can(one)} == PUBLIC | {P.ACCOUNT_READ}
    assert token.scope(P.RUN_READ) == frozenset({"core"})
    assert token.scope(P.JOB_UPDATE) == frozenset()
    assert token.scope(P.WORKER_READ) == frozenset()


def test_the_token_of_a_run_reaches_itself_and_what_it_triggered() -> None:
    token = Principal(user="run/1", kind=TokenKind.RUN, run="1", project="core")
    assert token.may_touch("1", {"type": "user", "user": "ada"})
    assert token.may_touch("2", {"type": "run", "run": "1", "reason": "token"})
    assert not token.may_touch("3", {"type": "run", "run": "2", "reason": "token"})
    assert not token.may_touch("4", {"type": "user", "user": "1"})
    assert Principal(user="ada").may_touch("4", {"type": "user", "user": "bob"})


def test_nobody_reaches_health_and_the_sign_in_only() -> None:
    assert {one for one in Permission if can_anonymous(one)} == PUBLIC


ENTRIES = [*ASSIGNABLE, *(f"{role}@{where}" for role in ASSIGNABLE[:-1] for where in ("core", "other"))]
PLACES = (None, "core", "other")


@pytest.mark.parametrize("limit", ENTRIES)
@pytest.mark.parametrize("role", ENTRIES)
def test_s15_a_limited_token_may_what_both_its_owner_and_its_limit_give(role: str, limit: str) -> None:
    token = Principal(user="ada", roles=(role,), limit=(limit,))
    for permission in Permission:
        if permission in PERMISSIONS[Role.DEFAULT]:
            expected = dict.fromkeys(PLACES, permission in LIMITED)
        else:
            expected = {place: can([role], permission, place) and can([limit], permission, place) for place in PLACES}
        assert {place: token.can(permission, place) for place in PLACES} == expected, permission
        held = frozenset(place for place in ("core", "other") if expected[place])
        assert token.scope(permission) == (None if expected[None] else held), permission


def test_s15_a_limited_token_cannot_reach_for_more() -> None:
    token = Principal(user="ada", roles=("Administrator",), limit=("Administrator",))
    assert token.can(P.ACCOUNT_READ)
    for permission in (P.OWN_TOKEN_CREATE, P.OWN_TOKEN_DELETE, P.ACCOUNT_UPDATE, P.OWN_TOKEN_READ):
        assert not token.can(permission)
        assert token.scope(permission) == frozenset()


def test_s15_a_limit_is_measured_against_the_roles_of_now() -> None:
    limit = ("Operator@core", "Viewer")
    assert Principal(user="ada", roles=("Operator",), limit=limit).scope(P.JOB_TRIGGER) == frozenset({"core"})
    assert Principal(user="ada", roles=("Viewer@other",), limit=limit).scope(P.RUN_READ) == frozenset({"other"})
    assert Principal(user="ada", roles=(), limit=limit).scope(P.RUN_READ) == frozenset()


def test_an_empty_limit_leaves_the_view_of_oneself() -> None:
    token = Principal(user="ada", roles=("Administrator",), limit=())
    assert {one for one in Permission if token.can(one, "core")} == LIMITED


def test_a_limited_token_of_a_disabled_user_keeps_less_than_the_user() -> None:
    token = Principal(user="ada", roles=("Administrator",), limit=("Administrator",), is_enabled=False)
    assert {one for one in Permission if token.can(one)} == PUBLIC | {P.ACCOUNT_READ}
