"""The bell and its list: one's own, counted, read and gone through."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.alerts.alert_kinds import MENTIONED
from insurance.alerts.models import Alert
from insurance.alerts.services import notify
from insurance.core.db import transaction
from insurance.core.permissions import Role
from insurance.notifications.alert_kinds import FAILED
from tests.factories.identity import SignedInClient, session_for
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts
from tests.house.test_statement_counts import Statements

SignIn = Callable[..., SignedInClient]


@pytest.fixture
def client(sign_in: SignIn, session: Session) -> SignedInClient:
    """Return an agent who was named in notes on two policies."""
    client = sign_in(Role.AGENT)
    for day in (1, 2):
        mention(client, f"policy {day}")
    return client


def mention(client: SignedInClient, record: str) -> None:
    """Name somebody in a note on a policy."""
    from insurance.core import clock

    policy_id = sell(clock.today("Africa/Johannesburg"))
    with transaction() as session:
        about = ("policies", policy_id)
        notify(session, MENTIONED, [client.person.id], about, by="Sipho", record=record)


def test_the_bell_counts_what_is_new_and_says_when_nothing_changed(client: SignedInClient) -> None:
    bell = client.htmx(client.url("/alerts/bell"))
    again = client.htmx(client.url("/alerts/bell"), headers={"HX-PTag": bell.headers["HX-PTag"]})
    mention(client, "policy 3")
    later = client.htmx(client.url("/alerts/bell"), headers={"HX-PTag": bell.headers["HX-PTag"]})

    assert 'aria-label="Alerts: 2 new"' in bell.text
    assert (again.status_code, again.data) == (304, b"")
    assert 'aria-label="Alerts: 3 new"' in later.text


def test_the_bell_stands_on_every_page_and_costs_it_no_statement(
    app: Flask, client: SignedInClient
) -> None:
    page = client.get(client.url("/policies")).text
    assert f'hx-get="{client.url("/alerts/bell")}"' in page

    statements = Statements()
    with app.app_context(), statements.counted():
        client.htmx(client.url("/alerts/bell"))
    assert statements.count <= 4  # the sign-in, the tenant, the count


def test_opening_an_alert_leads_to_what_it_is_about_and_marks_it_read(
    client: SignedInClient, session: Session
) -> None:
    alert = session.scalars(select(Alert).order_by(Alert.id)).first()
    assert alert is not None

    answer = client.get(client.url(f"/alerts/{alert.id}"))

    assert answer.location == client.url(f"/policies/{alert.resource_id}")
    assert "Alerts: 1 new" in client.htmx(client.url("/alerts/bell")).text
    assert client.get(client.url("/alerts?state=NEW")).text.count("policy 1") == 0


def test_the_drawer_shows_the_latest_and_all_are_read_at_once(client: SignedInClient) -> None:
    latest = client.htmx(client.url("/alerts/latest")).text
    assert latest.index("policy 2") < latest.index("policy 1")

    client.post(client.url("/alerts/read-all"))

    assert 'aria-label="Alerts"' in client.htmx(client.url("/alerts/bell")).text


def test_those_chosen_of_the_list_are_marked_read(client: SignedInClient, session: Session) -> None:
    ids = [str(found) for found in session.scalars(select(Alert.id))]

    answer = client.post(
        client.url("/alerts"), data={"do": "act", "act": "read", "id": ids[:1], "sure": "1"}
    )

    assert answer.status_code == 200
    assert "Alerts: 1 new" in client.htmx(client.url("/alerts/bell")).text


def test_nobody_sees_or_reads_away_a_colleagues_alerts(
    client: SignedInClient, sign_in: SignIn, session: Session
) -> None:
    colleague = sign_in(Role.TENANT_ADMINISTRATOR)
    alert_id = session.scalars(select(Alert.id)).first()

    assert colleague.get(colleague.url(f"/alerts/{alert_id}")).status_code == 404
    assert "policy 1" not in colleague.get(colleague.url("/alerts")).text
    assert "policy 1" not in colleague.htmx(colleague.url("/alerts/latest")).text
    colleague.post(colleague.url("/alerts/read-all"))
    session.rollback()
    assert list(session.scalars(select(Alert.read_at))) == [None, None]


def test_a_person_of_two_organizations_hears_of_each_in_its_place(
    app: Flask, client: SignedInClient, other_org: OrganizationFacts
) -> None:
    elsewhere = session_for(app, client.person, other_org)

    assert elsewhere.get(elsewhere.url("/alerts")).status_code == 404


def test_what_is_switched_off_is_kept_from_the_bell_and_the_list(client: SignedInClient) -> None:
    shown = client.get(client.url("/alerts/choose")).text
    assert "I am named in a note" in shown

    answer = client.post(
        client.url("/alerts/choose"), data={"shown": ["mail_failed"], "wants_digest": "y"}
    )

    assert answer.status_code == 303
    assert 'aria-label="Alerts"' in client.htmx(client.url("/alerts/bell")).text
    assert "policy 1" not in client.get(client.url("/alerts")).text


def test_a_kind_that_there_is_not_is_refused_in_words(client: SignedInClient) -> None:
    answer = client.post(client.url("/alerts/choose"), data={"shown": ["gossip"]})

    assert answer.status_code == 422


def test_what_one_may_not_open_is_said_in_the_list(
    client: SignedInClient, session: Session
) -> None:
    with transaction() as writing:
        notify(
            writing, FAILED, [client.person.id], ("mails", client.org.id), to="a@b.example",
            subject="Your quote",
        )  # fmt: skip
    alert_id = session.scalars(select(Alert.id).where(Alert.kind == "mail_failed")).one()

    answer = client.get(client.url(f"/alerts/{alert_id}"), follow_redirects=True)

    assert answer.status_code == 200
    assert "This mail to a@b.example could not be sent: Your quote." in answer.text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE, Role.CLAIMS_ASSESSOR])
def test_every_role_has_a_bell(role: Role, sign_in: SignIn, session: Session) -> None:
    client = sign_in(role)

    assert client.get(client.url("/alerts")).status_code == 200
    assert "Nothing yet" in client.htmx(client.url("/alerts/latest")).text
