"""What the roles of an organization may do where it wants something else than the default."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import (
    TENANT_ROLES,
    UNCHANGED,
    GrantChange,
    Permission,
    Role,
    granted_to,
    list_permissions,
    read_changes,
    roles_granted,
)
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.customers.permissions import CustomersMay
from insurance.identity import queries, services
from insurance.identity.models import Membership, RoleGrant
from insurance.identity.permissions import PeopleMay, TokensMay
from insurance.identity.rules import check_permissions, check_role_grants
from insurance.ledger.permissions import LedgerMay
from insurance.organizations.permissions import DashboardMay, OrganizationsMay, SettingsMay
from insurance.policies.permissions import PoliciesMay
from insurance.products.permissions import ProductsMay
from tests.factories.identity import TestClient, make_person
from tests.factories.organizations import OrganizationFacts

NOTHING = frozenset[Permission]()


def _give(role: Role, *permissions: Permission) -> None:
    services.change_role_grants(
        role, granted=frozenset(permissions), taken=NOTHING, now=clock.now()
    )


def _take(role: Role, *permissions: Permission) -> None:
    services.change_role_grants(
        role, granted=NOTHING, taken=frozenset(permissions), now=clock.now()
    )


def test_each_permission_has_a_word_of_its_own_and_a_role_that_has_it() -> None:
    words = [permission.value for permission in list_permissions()]

    assert len(words) == len(set(words)) > 40
    assert all(permission.roles for permission in list_permissions())


def test_a_change_of_one_role_changes_no_other() -> None:
    changes = frozenset(
        {
            GrantChange(Role.AGENT, LedgerMay.VIEW, is_granted=True),
            GrantChange(Role.AGENT, CustomersMay.EDIT, is_granted=False),
        }
    )

    def granted(*roles: Role) -> frozenset[Permission]:
        return granted_to(frozenset(roles), changes)

    default = granted_to(frozenset({Role.AGENT}))
    assert granted(Role.AGENT) == default - {CustomersMay.EDIT} | {LedgerMay.VIEW}
    assert granted(Role.MANAGER) == granted_to(frozenset({Role.MANAGER}))
    # Who is both still may what either may.
    assert {CustomersMay.EDIT, LedgerMay.VIEW} <= granted(Role.AGENT, Role.MANAGER)
    assert Role.AGENT in roles_granted(LedgerMay.VIEW, changes)
    assert Role.AGENT not in roles_granted(CustomersMay.EDIT, changes)


def test_a_stored_permission_that_no_area_declares_any_more_is_passed_over() -> None:
    stored = [["agent", "ledger.view", True], ["agent", "parcels.send", True]]

    assert read_changes(stored) == {GrantChange(Role.AGENT, LedgerMay.VIEW, is_granted=True)}


@pytest.mark.parametrize(
    ("role", "granted", "taken", "field", "why"),
    [
        (Role.AUDITOR, {CustomersMay.EDIT}, NOTHING, "permissions", "only looks"),
        (Role.AUDITOR, {CustomersMay.REVEAL}, NOTHING, "permissions", "only looks"),
        (Role.TENANT_ADMINISTRATOR, NOTHING, {PeopleMay.MANAGE}, "permissions", "keep"),
        (Role.TENANT_ADMINISTRATOR, NOTHING, {PeopleMay.VIEW}, "permissions", "keep"),
        (Role.TENANT_ADMINISTRATOR, NOTHING, {SettingsMay.EDIT}, "permissions", "keep"),
        (Role.AGENT, NOTHING, {DashboardMay.VIEW}, "permissions", "where they arrive"),
        (Role.PLATFORM_ADMINISTRATOR, {LedgerMay.VIEW}, NOTHING, "role", "stays as it is"),
        (Role.PLATFORM_ADMINISTRATOR, NOTHING, {PeopleMay.VIEW}, "role", "stays as it is"),
        (Role.MANAGER, {OrganizationsMay.MANAGE}, NOTHING, "permissions", "platform alone"),
        (Role.MANAGER, {LedgerMay.VIEW}, {LedgerMay.VIEW}, "permissions", "not both"),
    ],
)
def test_what_must_not_change_is_refused_at_its_field(
    role: Role,
    granted: set[Permission],
    taken: set[Permission],
    field: str,
    why: str,
    session: Session,
) -> None:
    with pytest.raises(DomainError, match=why) as refusal:
        services.change_role_grants(
            role, granted=frozenset(granted), taken=frozenset(taken), now=clock.now()
        )

    assert refusal.value.field == field
    assert queries.find_grant_changes(session) == UNCHANGED


def test_what_may_change_is_not_refused() -> None:
    check_role_grants(Role.AUDITOR, frozenset({LedgerMay.VIEW}), frozenset({PeopleMay.VIEW}))
    check_role_grants(Role.TENANT_ADMINISTRATOR, NOTHING, frozenset({TokensMay.MANAGE}))
    check_role_grants(Role.MANAGER, frozenset({PeopleMay.MANAGE}), frozenset({LedgerMay.VIEW}))


def test_a_word_that_is_no_permission_is_refused() -> None:
    assert check_permissions(["ledger.view"]) == {LedgerMay.VIEW}
    with pytest.raises(DomainError, match="no permission ledger.burn") as refusal:
        check_permissions(["ledger.view", "ledger.burn"])
    assert refusal.value.field == "permissions"


def test_a_change_is_kept_as_a_difference_and_recorded(session: Session) -> None:
    _give(Role.AGENT, LedgerMay.VIEW, CustomersMay.EDIT)
    _take(Role.AGENT, PoliciesMay.ENDORSE)

    rows = session.scalars(select(RoleGrant).order_by(RoleGrant.permission)).all()
    # An agent edits customers by default: that is no difference and no row.
    assert [(row.permission, row.granted) for row in rows] == [
        ("ledger.view", True),
        ("policies.endorse", False),
    ]
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.action == "role_grants.change")
        .order_by(AuditEvent.recorded_at, AuditEvent.id)
    ).all()
    assert [(event.resource_id, event.after) for event in events] == [
        ("agent", {"given": ["ledger.view"], "taken": []}),
        ("agent", {"given": [], "taken": ["policies.endorse"]}),
    ]


def test_going_back_to_the_default_leaves_no_difference(session: Session) -> None:
    _give(Role.AGENT, LedgerMay.VIEW)
    _take(Role.FINANCE, LedgerMay.CLOSE)
    _take(Role.AGENT, LedgerMay.VIEW)
    _give(Role.FINANCE, LedgerMay.CLOSE)

    assert session.scalars(select(RoleGrant)).all() == []


def test_what_is_so_already_is_not_recorded(session: Session) -> None:
    _give(Role.FINANCE, LedgerMay.VIEW)
    _take(Role.AGENT, LedgerMay.VIEW)

    event = select(AuditEvent).where(AuditEvent.action == "role_grants.change")
    assert session.scalars(event).all() == []


def test_a_change_counts_from_the_next_request_and_here_alone(
    api: Callable[..., TestClient],
    app: Flask,
    session: Session,
    org: OrganizationFacts,
    other_org: OrganizationFacts,
) -> None:
    finance = api(Role.FINANCE)
    _take(Role.FINANCE, LedgerMay.VIEW)
    taken = finance.get("/api/v1/ledger/accounts").status_code
    _give(Role.FINANCE, LedgerMay.VIEW)
    given = finance.get("/api/v1/ledger/accounts").status_code
    with tenant_scope(other_org.id):
        _take(Role.FINANCE, LedgerMay.VIEW)
    elsewhere = finance.get("/api/v1/ledger/accounts").status_code

    assert (taken, given, elsewhere) == (403, 200, 200)


def test_a_sign_in_of_the_api_is_held_to_what_the_role_may_today(
    client: TestClient, session: Session, org: OrganizationFacts
) -> None:
    person, now = make_person(org.id, Role.AGENT), clock.now()
    token = services.open_grant(person.id, org.id, now=now).access_token

    def ask() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/api/v1/ledger/accounts", headers=headers).status_code

    before = ask()
    _give(Role.AGENT, LedgerMay.VIEW)

    assert (before, ask()) == (403, 200)


def test_who_belongs_to_two_insurers_may_in_each_what_its_roles_may(
    client: TestClient, session: Session, org: OrganizationFacts, other_org: OrganizationFacts
) -> None:
    person = make_person(org.id, Role.AGENT)
    _join(person.id, other_org, Role.AGENT)
    token = services.open_grant(person.id, org.id, now=clock.now()).access_token
    with tenant_scope(other_org.id):
        _give(Role.AGENT, LedgerMay.VIEW)

    headers = {"Authorization": f"Bearer {token}"}
    answers = [
        client.get(f"/api/v1/ledger/accounts?org_id={one.id}", headers=headers).status_code
        for one in (org, other_org)
    ]

    assert answers == [403, 200]


def test_a_key_reaches_what_its_holder_may_here(session: Session, org: OrganizationFacts) -> None:
    person = make_person(org.id, Role.AGENT)

    def make_key(*scopes: Permission) -> None:
        services.create_api_key(
            user_id=person.id, name="x", scopes=frozenset(scopes), days=30, now=clock.now()
        )

    _give(Role.AGENT, LedgerMay.VIEW)
    _take(Role.AGENT, CustomersMay.EDIT)

    make_key(LedgerMay.VIEW)
    with pytest.raises(DomainError, match="cannot do more than its holder"):
        make_key(CustomersMay.EDIT)


def test_a_colleague_is_known_for_what_the_organization_granted(
    session: Session, org: OrganizationFacts
) -> None:
    person = make_person(org.id, Role.AGENT)
    _give(Role.AGENT, ProductsMay.LAUNCH)

    known = [
        queries.get_colleague(session, person.id),
        *queries.list_members(session, user_id=person.id),
        *queries.list_colleagues(session).items,
    ]

    assert len(known) == 3
    assert all(one.may(ProductsMay.LAUNCH) for one in known)
    assert {one.user.id for one in known} == {person.id}


def _join(user_id: UUID, org: OrganizationFacts, role: Role) -> None:
    now = clock.now() - timedelta(days=1)
    with platform_scope():
        session = db.session()
        session.add(
            Membership(user_id=user_id, org_id=org.id, role=role, created_at=now, accepted_at=now)
        )
        session.commit()


def test_every_role_of_a_tenant_is_listed_with_what_it_may(
    api: Callable[..., TestClient], session: Session
) -> None:
    administrator = api(Role.TENANT_ADMINISTRATOR)
    before = {one["role"]: one for one in administrator.get("/api/v1/role-grants").json or []}
    assert list(before) == [role.value for role in TENANT_ROLES]
    assert before["agent"]["permissions"] == sorted(granted_to(frozenset({Role.AGENT})))

    body = {"role": "agent", "permissions": ["ledger.view"], "granted": True}
    answer = administrator.put("/api/v1/role-grants", json=body)

    assert answer.status_code == 200
    assert answer.json == before["agent"] | {
        "permissions": sorted([*before["agent"]["permissions"], "ledger.view"]),
        "given": ["ledger.view"],
    }
    assert answer.json in (administrator.get("/api/v1/role-grants").json or [])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"permissions": ["ledger.burn"]}, "/permissions"),
        ({"role": "auditor", "permissions": ["ledger.close"]}, "/permissions"),
        ({"role": "platform_administrator"}, "/role"),
        ({"role": "king"}, "/role"),
    ],
)
def test_the_api_names_what_it_refuses(
    api: Callable[..., TestClient], session: Session, changes: dict[str, object], pointer: str
) -> None:
    body = {"role": "agent", "permissions": ["ledger.view"], "granted": True} | changes
    answer = api(Role.TENANT_ADMINISTRATOR).put("/api/v1/role-grants", json=body)

    assert answer.status_code == 422
    assert [one["pointer"] for one in (answer.json or {})["errors"]] == [pointer]
    assert queries.find_grant_changes(session) == UNCHANGED


def test_who_only_sees_the_people_changes_no_role(
    api: Callable[..., TestClient], session: Session
) -> None:
    body = {"role": "agent", "permissions": ["ledger.view"], "granted": True}
    manager = api(Role.MANAGER)

    assert manager.get("/api/v1/role-grants").status_code == 200
    assert manager.put("/api/v1/role-grants", json=body).status_code == 403
