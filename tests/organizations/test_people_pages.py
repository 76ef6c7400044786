"""Inviting people, changing what they are, removing them."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.errors import ConflictError
from insurance.core.permissions import TENANT_ROLES, Role, granted_to, list_permissions
from insurance.core.tenancy import platform_scope
from insurance.customers.permissions import CustomersMay
from insurance.identity import queries, services
from insurance.identity.models import User
from insurance.ledger.permissions import LedgerMay
from insurance.organizations.permissions import OrganizationsMay
from insurance.policies.permissions import PoliciesMay
from insurance.quotes.permissions import QuotesMay
from tests.factories.identity import SignedInClient, make_person, with_password
from tests.factories.organizations import OrganizationFacts


@pytest.fixture
def admin(sign_in: Callable[..., SignedInClient], session: Session) -> SignedInClient:
    """Return the administrator's browser."""
    return sign_in(Role.TENANT_ADMINISTRATOR)


def test_an_invited_person_stands_in_the_list_until_the_link_expires(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    answer = admin.post(
        admin.url("/people/invite"),
        data={
            "name": "Sipho  Ndlovu",
            "email": f"Sipho@{org.slug}.example",
            "roles": ["agent", "finance"],
        },
    )
    page = admin.get(admin.url("/people")).text

    assert answer.location == f"/{org.slug}/people"
    assert f"sipho@{org.slug}.example" in page
    assert "Agent, Finance" in page
    assert "Invited" in page
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "people.invite")).one()
    assert row.user_id == admin.person.id
    assert row.after and row.after["roles"] == ["agent", "finance"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": ""}, "Enter the name."),
        ({"email": "not an address"}, "Enter an e-mail address"),
        ({"email": "a@x.example\r\nBcc: b@x.example"}, "Enter an e-mail address"),
        ({"roles": []}, "Choose at least one"),
        ({"roles": ["platform_administrator"]}, "not a valid choice"),
        ({"roles": ["king"]}, "not a valid choice"),
        ({"name": "x" * 201}, "At most 200"),
    ],
)
def test_a_refused_invitation_says_why_and_keeps_what_was_typed(
    admin: SignedInClient, org: OrganizationFacts, changes: dict[str, object], why: str
) -> None:
    data = {"name": "Sipho Ndlovu", "email": f"s@{org.slug}.example", "roles": ["agent"]} | changes
    answer = admin.post(admin.url("/people/invite"), data=data)

    assert answer.status_code == 422
    assert why in answer.text
    if "name" not in changes:
        assert 'value="Sipho Ndlovu"' in answer.text


def test_everything_that_is_wrong_is_said_at_once(admin: SignedInClient) -> None:
    page = admin.post(admin.url("/people/invite"), data={"email": "nobody"}).text

    for words in ("Enter the name.", "Enter an e-mail address", "Choose at least one."):
        assert words in page


def test_htmx_gets_the_form_alone(admin: SignedInClient) -> None:
    answer = admin.htmx(admin.url("/people/invite"), "POST", data={"name": "x"})

    assert answer.status_code == 422
    assert '<section id="act"' in answer.text and "<nav" not in answer.text
    assert "HX-Request-Type" in answer.headers["Vary"]


def test_changing_roles_counts_from_the_next_click(
    admin: SignedInClient,
    app: Flask,
    org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
) -> None:
    agent = sign_in(Role.AGENT)
    before = agent.get(agent.url("/audit-logs")).status_code
    sent = {"roles": ["agent", "auditor"], "version": _version(Role.AGENT)}
    admin.post(admin.url(f"/people/{agent.person.id}"), data=sent)
    after = agent.get(agent.url("/audit-logs")).status_code

    assert (before, after) == (403, 200)


def test_a_person_keeps_at_least_one_role(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    agent = make_person(org.id, Role.AGENT)
    answer = admin.post(admin.url(f"/people/{agent.id}"), data={"_key": "k"})

    assert answer.status_code == 422
    assert "Choose at least one." in answer.text
    assert queries.list_roles(session, agent.id) == {Role.AGENT}


def test_a_removed_person_is_out_at_once_and_the_page_says_what_happens_first(
    admin: SignedInClient,
    org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    session: Session,
) -> None:
    agent = sign_in(Role.AGENT)
    address = admin.url(f"/people/{agent.person.id}/remove")
    asked = admin.get(address)
    assert "can no longer see or do anything" in asked.text
    assert agent.get(agent.url("/")).status_code == 200

    assert admin.post(address).status_code == 303
    assert agent.get(agent.url("/")).status_code == 404
    assert admin.get(address).status_code == 404
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "people.remove")).one()
    assert row.before == {"roles": ["agent"]}


def test_administrators_cannot_take_their_own_administration(
    admin: SignedInClient, org: OrganizationFacts
) -> None:
    make_person(org.id, Role.TENANT_ADMINISTRATOR)
    answers = [
        admin.post(
            admin.url(f"/people/{admin.person.id}"),
            data={"roles": ["agent"], "version": _version(Role.TENANT_ADMINISTRATOR)},
        ),
        admin.post(admin.url(f"/people/{admin.person.id}/remove")),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert all("Ask another administrator" in answer.text for answer in answers)


def test_the_last_administrator_stays(org: OrganizationFacts, session: Session) -> None:
    first = make_person(org.id, Role.TENANT_ADMINISTRATOR)
    second = make_person(org.id, Role.TENANT_ADMINISTRATOR)
    services.change_roles(first.id, frozenset({Role.AGENT}), now=clock.now())

    with pytest.raises(ConflictError, match="last administrator"):
        services.change_roles(second.id, frozenset(), now=clock.now())
    assert queries.list_roles(session, second.id) == {Role.TENANT_ADMINISTRATOR}


def test_an_expired_invitation_is_sent_again_from_the_persons_page(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    invited, settled = (
        make_person(org.id, Role.AGENT),
        with_password(make_person(org.id, Role.AGENT)),
    )
    with platform_scope():
        session.execute(
            text("UPDATE cp.memberships SET accepted_at = NULL WHERE user_id = :id"),
            {"id": invited.id},
        )
        session.commit()
    page = admin.get(admin.url(f"/people/{invited.id}")).text
    again = admin.post(admin.url(f"/people/{invited.id}/invite-again"))
    refused = admin.post(admin.url(f"/people/{settled.id}/invite-again"))

    assert "Has expired" in page
    assert (again.status_code, refused.status_code) == (303, 409)
    assert invited.id in queries.list_open_invitations(session, clock.now())


def test_the_search_finds_by_name_and_address_and_takes_signs_as_signs(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    person = make_person(org.id, Role.AGENT, email=f"zodwa_x@{org.slug}.example")
    with platform_scope():
        found = session.get(User, person.id)
        assert found
        found.name = "Zodwa <b>Nkosi</b>"
        session.commit()

    assert "Zodwa &lt;b&gt;Nkosi" in admin.get(admin.url("/people?q=nkosi")).text
    assert "zodwa_x@" in admin.get(admin.url("/people?q=zodwa_")).text
    for odd in ("%25", "_____________________________________", "zzzz", "'--"):
        assert "Nobody matches" in admin.get(admin.url(f"/people?q={odd}")).text


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0", "WyJhIiwiYiJd", "%F0%9F%98%80", "W10"])
def test_a_page_link_that_nobody_made_is_refused(admin: SignedInClient, cursor: str) -> None:
    for page in ("people", "api-keys", "mail"):
        assert admin.get(admin.url(f"/{page}?cursor={cursor}")).status_code == 422


def test_the_list_of_people_goes_on_from_page_to_page(
    org: OrganizationFacts, session: Session
) -> None:
    made = {make_person(org.id, Role.AGENT).id for _ in range(7)}
    seen, cursor = [], None
    while True:
        found = queries.list_colleagues(session, cursor=cursor, limit=3)
        seen += [row.user.id for row in found.items]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == made


@pytest.mark.parametrize(
    "role", [one for one in TENANT_ROLES if one is not Role.TENANT_ADMINISTRATOR]
)
def test_only_administrators_change_who_belongs(
    sign_in: Callable[..., SignedInClient], role: Role, org: OrganizationFacts, session: Session
) -> None:
    client, target = sign_in(role), make_person(org.id, Role.AGENT)
    answers = [
        client.post(client.url(path), data={"roles": ["tenant_administrator"]}).status_code
        for path in (
            "/people/invite",
            f"/people/{target.id}",
            f"/people/{target.id}/remove",
            f"/people/{client.person.id}",
            f"/people/{target.id}/invite-again",
        )
    ]

    assert answers == [403] * 5
    assert queries.list_roles(session, target.id) == {Role.AGENT}


def test_people_of_another_insurer_look_like_people_who_never_were(
    admin: SignedInClient, other_org: OrganizationFacts
) -> None:
    foreign = make_person(other_org.id, Role.AGENT)
    unknown = "01a1fc6f-a13d-7397-bc31-8a73d07a0000"
    for path in ("", "/remove"):
        pages = [admin.get(admin.url(f"/people/{one}{path}")) for one in (foreign.id, unknown)]
        assert [page.status_code for page in pages] == [404, 404]
    assert (
        admin.post(admin.url(f"/people/{foreign.id}"), data={"roles": ["agent"]}).status_code == 404
    )


def test_the_page_of_permissions_is_the_table_that_counts(admin: SignedInClient) -> None:
    page = admin.get(admin.url("/people/permissions")).text

    assert page.count('<span class="hidden-text">Yes</span>') == sum(
        len(granted_to(frozenset({role}))) for role in TENANT_ROLES
    )
    assert all(role.label in page for role in TENANT_ROLES)
    assert "Platform administrator" not in page


def test_an_auditor_reads_everything_and_writes_nothing() -> None:
    granted = granted_to(frozenset({Role.AUDITOR}))
    assert {one.value.split(".")[1] for one in granted} <= {"view", "export"}
    viewing = {one for one in list_permissions() if one.value.endswith(".view")} - {
        OrganizationsMay.VIEW
    }
    assert viewing <= granted


def test_only_the_platform_hands_out_the_platforms_role() -> None:
    assert Role.PLATFORM_ADMINISTRATOR not in TENANT_ROLES
    business = {CustomersMay.VIEW, PoliciesMay.VIEW, QuotesMay.VIEW, LedgerMay.VIEW}
    assert not business & granted_to(frozenset({Role.PLATFORM_ADMINISTRATOR}))


def test_who_saves_roles_second_sees_what_the_first_gave(
    admin: SignedInClient, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    agent = sign_in(Role.AGENT)
    page = admin.url(f"/people/{agent.person.id}")
    seen = _version(Role.AGENT)
    first = admin.post(page, data={"roles": ["agent", "finance"], "version": seen})
    second = admin.post(page, data={"roles": ["agent", "auditor"], "version": seen})

    assert first.status_code == 303
    assert second.status_code == 409
    assert "Agent, Finance" in second.text
    assert "Agent, Auditor" in second.text
    roles = queries.get_colleague(session, agent.person.id).roles
    assert set(roles) == {Role.AGENT, Role.FINANCE}


def _version(*roles: Role) -> str:
    return str(services.roles_version(roles))
