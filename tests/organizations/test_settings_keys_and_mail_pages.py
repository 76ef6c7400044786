"""An organization's settings, its API keys and its mail log."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import DomainError
from insurance.core.permissions import Role, granted_to
from insurance.core.tenancy import tenant_scope
from insurance.customers.permissions import CustomersMay
from insurance.identity import services
from insurance.identity.models import ApiKey
from insurance.ledger.permissions import LedgerMay
from insurance.notifications.models import Mail
from insurance.notifications.services import send_later
from insurance.organizations import queries
from tests.factories.identity import (
    PASSWORD,
    SignedInClient,
    TestClient,
    make_person,
    with_password,
)
from tests.factories.organizations import OrganizationFacts


@pytest.fixture
def admin(sign_in: Callable[..., SignedInClient], session: Session) -> SignedInClient:
    """Return the administrator's browser; the administrator has a password."""
    client = sign_in(Role.TENANT_ADMINISTRATOR)
    with_password(client.person)
    return client


def _settings(org: OrganizationFacts, **changes: object) -> dict[str, object]:
    return {
        "name": org.name,
        "description": "",
        "timezone": "Africa/Windhoek",
        "session_idle_minutes": "45",
        "number_searches_per_hour": "20",
        "version": "1",
    } | changes


def test_settings_are_saved_for_the_directory_too(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    answer = admin.post(admin.url("/settings"), data=_settings(org, name="Ubuntu Life"))

    assert answer.status_code == 303
    saved, entry = queries.get_organization(session), queries.get_entry(session, org.id)
    for row in (saved, entry):
        assert (row.name, row.timezone, row.session_idle_minutes, row.requires_mfa) == (
            "Ubuntu Life",
            "Africa/Windhoek",
            45,
            False,
        )
    audit = session.scalars(
        select(AuditEvent).where(AuditEvent.action == "organizations.change_settings")
    ).one()
    assert audit.before and audit.before["session_idle_minutes"] == 30


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": ""}, "Enter the name."),
        ({"session_idle_minutes": "4"}, "Between 5 and 720."),
        ({"session_idle_minutes": "721"}, "Between 5 and 720."),
        ({"session_idle_minutes": "soon"}, "Not a valid integer value."),
        ({"session_idle_minutes": "9" * 400}, "Between 5 and 720."),
        ({"timezone": "Mars/Olympus"}, "Choose one from the list."),
        ({"description": "x" * 2001}, "At most 2000"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_their_field(
    admin: SignedInClient, org: OrganizationFacts, changes: dict[str, object], why: str
) -> None:
    answer = admin.post(admin.url("/settings"), data=_settings(org, **changes))

    assert answer.status_code == 422
    assert why in answer.text


def test_what_the_platform_decides_cannot_be_smuggled_in(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    admin.post(
        admin.url("/settings"),
        data=_settings(
            org, licence_type="MICRO", currency="USD", slug="mine", kind="PLATFORM", org_id="x"
        ),
    )

    saved = queries.get_organization(session)
    assert (saved.licence_type, saved.currency, saved.slug) == ("LIFE", "ZAR", org.slug)


def test_the_second_of_two_administrators_sees_both_values(
    admin: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    admin.post(admin.url("/settings"), data=_settings(org, session_idle_minutes="20"))
    late = admin.post(admin.url("/settings"), data=_settings(org, session_idle_minutes="60"))

    assert late.status_code == 409
    assert "<del>20</del>" in late.text
    assert "<ins>60</ins>" in late.text
    assert queries.get_organization(session).session_idle_minutes == 20


def test_an_auditor_reads_the_settings_and_cannot_change_them(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    client = sign_in(Role.AUDITOR)
    page = client.get(client.url("/settings"))

    assert page.status_code == 200
    assert "Save settings" not in page.text
    assert client.post(client.url("/settings"), data=_settings(org)).status_code == 403


def _key_form(**changes: object) -> dict[str, object]:
    return {
        "name": "Broker import",
        "days": "90",
        "scopes": ["customers.view"],
        "password": PASSWORD,
    } | changes


def test_a_key_is_shown_once_and_works(
    admin: SignedInClient, client: TestClient, session: Session
) -> None:
    answer = admin.post(admin.url("/api-keys/new"), data=_key_form())
    found = re.search(r"ins_live_[\w-]{43}", answer.text)
    assert found
    headers = {"Authorization": f"Bearer {found[0]}"}
    listed = admin.get(admin.url("/api-keys")).text

    assert answer.headers["Cache-Control"] == "no-store"
    assert client.get("/api/v1/customers", headers=headers).status_code == 200
    assert client.get("/api/v1/policies", headers=headers).status_code == 403
    assert "Broker import" in listed
    assert "Customers: view" in listed
    assert found[0] not in listed
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "api_keys.create")).one()
    assert found[0] not in str(row.after)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": "a guess at it"}, "That is not your password."),
        ({"password": ""}, "Enter your password."),
        ({"scopes": []}, "Choose at least one thing"),
        ({"scopes": ["organizations.manage"]}, "not a valid choice"),
        ({"scopes": ["everything"]}, "not a valid choice"),
        ({"days": "366"}, "Choose one from the list."),
        ({"name": ""}, "Enter an answer."),
    ],
)
def test_a_refused_key_says_why_and_none_is_made(
    admin: SignedInClient, session: Session, changes: dict[str, object], why: str
) -> None:
    answer = admin.post(admin.url("/api-keys/new"), data=_key_form(**changes))

    assert answer.status_code == 422
    assert why in answer.text
    assert "ins_live_" not in answer.text
    assert (
        session.scalar(
            select(func.count()).select_from(ApiKey).where(ApiKey.org_id == admin.org.id)
        )
        == 0
    )


def test_a_key_is_revoked_after_a_question_and_stops_at_once(
    admin: SignedInClient, client: TestClient, session: Session
) -> None:
    key, secret = services.create_api_key(
        user_id=admin.person.id,
        name="Old import",
        scopes=frozenset({CustomersMay.VIEW}),
        days=30,
        now=clock.now(),
    )
    address = admin.url(f"/api-keys/{key.id}/revoke")
    headers = {"Authorization": f"Bearer {secret}"}
    assert "is refused from now on" in admin.get(address).text
    assert client.get("/api/v1/customers", headers=headers).status_code == 200

    assert admin.post(address).status_code == 303
    assert client.get("/api/v1/customers", headers=headers).status_code == 401
    assert "already been revoked" in admin.post(address).text


def test_another_insurers_key_cannot_be_seen_or_revoked(
    admin: SignedInClient, other_org: OrganizationFacts, session: Session
) -> None:
    person = make_person(other_org.id, Role.TENANT_ADMINISTRATOR)
    with tenant_scope(other_org.id):
        key, _secret = services.create_api_key(
            user_id=person.id,
            name="Theirs",
            scopes=frozenset({CustomersMay.VIEW}),
            days=30,
            now=clock.now(),
        )

    assert admin.post(admin.url(f"/api-keys/{key.id}/revoke")).status_code == 404
    assert "Theirs" not in admin.get(admin.url("/api-keys")).text


@pytest.mark.parametrize("days", [0, -1, 366])
def test_no_key_outlives_a_year(org: OrganizationFacts, session: Session, days: int) -> None:
    person = make_person(org.id, Role.AGENT)
    with pytest.raises(DomainError, match="between 1 and 365"):
        services.create_api_key(
            user_id=person.id,
            name="x",
            scopes=frozenset({CustomersMay.VIEW}),
            days=days,
            now=clock.now(),
        )


def test_a_key_never_may_more_than_its_holder(org: OrganizationFacts, session: Session) -> None:
    person = make_person(org.id, Role.FINANCE)
    beyond = frozenset({LedgerMay.VIEW, CustomersMay.EDIT})
    assert not beyond <= granted_to(frozenset({Role.FINANCE}))
    with pytest.raises(DomainError, match="cannot do more than its holder"):
        services.create_api_key(
            user_id=person.id, name="x", scopes=beyond, days=30, now=clock.now()
        )


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.FINANCE])
def test_keys_and_mail_are_not_for_everybody(
    sign_in: Callable[..., SignedInClient], role: Role
) -> None:
    client = sign_in(role)

    for path in ("/api-keys", "/api-keys/new", "/mail", "/settings"):
        assert client.get(client.url(path)).status_code == 403


def test_an_auditor_sees_keys_but_makes_none(sign_in: Callable[..., SignedInClient]) -> None:
    client = sign_in(Role.AUDITOR)

    assert client.get(client.url("/api-keys")).status_code == 200
    assert client.post(client.url("/api-keys/new"), data=_key_form()).status_code == 403


def test_the_mail_log_shows_what_was_said_but_no_link_that_signs_somebody_in(
    admin: SignedInClient, session: Session
) -> None:
    with transaction() as running:
        send_later(running, "password_changed", to="a@x.example", name="<b>Thandi</b>")
        send_later(
            running, "password_reset", to="b@x.example", name="Sipho", link="http://host/secret"
        )
    plain, personal = session.scalars(select(Mail).order_by(Mail.id)).all()
    listed = admin.get(admin.url("/mail")).text

    assert "Your password was changed" in listed
    assert "Waiting" in listed
    assert "&lt;b&gt;Thandi" in admin.get(admin.url(f"/mail/{plain.id}")).text
    shown = admin.get(admin.url(f"/mail/{personal.id}")).text
    assert "Not shown" in shown
    assert "http://host/secret" not in shown
    assert personal.body not in shown


def test_mail_of_another_insurer_is_not_there(
    admin: SignedInClient, other_org: OrganizationFacts, session: Session
) -> None:
    with tenant_scope(other_org.id), transaction() as running:
        send_later(running, "password_changed", to="canary@x.example", name="Canary")
    with tenant_scope(other_org.id):
        foreign = session.scalars(select(Mail.id)).one()

    assert admin.get(admin.url(f"/mail/{foreign}")).status_code == 404
    assert "canary" not in admin.get(admin.url("/mail")).text


def test_empty_lists_say_what_comes_next(admin: SignedInClient) -> None:
    assert "Make the first one" in admin.get(admin.url("/api-keys")).text
    assert "No mail yet" in admin.get(admin.url("/mail")).text
    assert "No mail is in this state" in admin.get(admin.url("/mail?state=failed")).text
