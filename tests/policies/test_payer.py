"""A payer other than the holder: chosen at acceptance, changed later; debits and refunds follow."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.claims.services import close_claim
from insurance.core.errors import DomainError
from insurance.core.tenancy import current_org, tenant_scope
from insurance.debit_orders.models import DebitOrderItem
from insurance.debit_orders.rules import MandateStatus
from insurance.policies import queries
from insurance.policies.models import EndorsementType
from insurance.policies.replay import find_differences
from insurance.policies.services import accept_quote, pay_refund
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    endorse_policy,
    undo_endorsement,
)
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.claims import MANAGER, acting, assess, claim, complete
from tests.factories.claims import pay as pay_claim
from tests.factories.debit_orders import due_on, make_mandate, make_run, release
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import at, pay, sell
from tests.factories.organizations import OrganizationFacts


@pytest.fixture
def parties(session: Session) -> tuple:
    """Return an open quote of one customer, and another customer."""
    holder = make_customer(1)
    other = make_customer(2, first_name="Thabo", last_name="Nkosi")
    return make_quote(make_product(), holder), holder, other


def _change(policy_id, payer_id, on: date = TODAY):
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_PAYER, data={"payer_id": payer_id}, effective_date=on
    )
    return endorse_policy(policy_id, wanted, on=TODAY, now=NOW)


def test_the_payers_account_is_debited_and_the_holders_is_refused(session, parties) -> None:
    quote, holder, payer = parties
    policy = accept_quote(quote, payer_id=payer, on=TODAY, now=NOW).policy

    with pytest.raises(DomainError, match="account of who pays"):
        make_mandate(policy.id, holder)
    mandate = make_mandate(policy.id, payer)

    assert (policy.payer_id, mandate.customer_id) == (payer, payer)
    assert find_differences()[1] == []


def test_who_pays_must_be_a_customer_here_and_the_holder_needs_no_naming(session, parties) -> None:
    quote, holder, _payer = parties

    with pytest.raises(DomainError) as refused:
        accept_quote(quote, payer_id=quote, on=TODAY, now=NOW)
    assert refused.value.field == "payer_id"
    assert accept_quote(quote, payer_id=holder, on=TODAY, now=NOW).policy.payer_id is None


def test_after_a_change_of_payer_the_former_mandate_is_not_debited(session, parties) -> None:
    quote, holder, payer = parties
    policy_id = accept_quote(quote, on=TODAY, now=NOW).policy.id
    former = make_mandate(policy_id, holder)
    due_on(TODAY, [policy_id])

    issued = _change(policy_id, payer)
    with pytest.raises(DomainError, match="1 would be left out"):
        make_run(TODAY)
    mandate = make_mandate(policy_id, payer)
    run = make_run(TODAY)

    assert issued.policy.payer_id == payer
    session.refresh(former)
    assert former.status is MandateStatus.CANCELLED
    items = session.scalars(
        select(DebitOrderItem).where(
            DebitOrderItem.org_id == current_org(), DebitOrderItem.run_id == run.id
        )
    ).all()
    assert [(one.mandate_id, one.exclusion) for one in items] == [(mandate.id, None)]
    event = queries.list_events(session, policy_id, limit=1)[0]
    assert (event.event_type, event.description) == ("CHANGE_PAYER", "Change payer")
    assert find_differences()[1] == []


def test_a_draft_run_leaves_out_a_mandate_of_somebody_who_no_longer_pays(session, parties) -> None:
    quote, holder, payer = parties
    policy_id = accept_quote(quote, on=TODAY, now=NOW).policy.id
    make_mandate(policy_id, holder)
    due_on(TODAY, [policy_id])
    run = make_run(TODAY)
    _change(policy_id, payer)

    with pytest.raises(DomainError, match="Nothing in this run"):
        release(run)


def test_a_change_of_payer_is_undone_and_the_same_payer_is_refused(session, parties) -> None:
    quote, holder, payer = parties
    policy_id = accept_quote(quote, on=TODAY, now=NOW).policy.id
    issued = _change(policy_id, payer)

    with pytest.raises(DomainError, match="already"):
        _change(policy_id, payer)
    undone = undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)

    assert undone.payer_id is None
    _change(policy_id, payer)
    assert _change(policy_id, holder).policy.payer_id is None
    assert find_differences()[1] == []


def test_a_payer_chosen_at_acceptance_stays_through_other_changes(session, parties) -> None:
    quote, _holder, payer = parties
    policy_id = accept_quote(quote, payer_id=payer, on=TODAY, now=NOW).policy.id
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_PREMIUM_DUE_DAY, data={"due_day": 25}, effective_date=TODAY
    )

    assert endorse_policy(policy_id, wanted, on=TODAY, now=NOW).policy.payer_id == payer


def test_a_refund_is_paid_to_who_pays(session: Session) -> None:
    may = date(2026, 5, 1)
    policy_id = sell(may)
    pay(policy_id, "500.00", may)
    payer = make_customer(2, first_name="Thabo", last_name="Nkosi")
    with at(may) as now:
        wanted = EndorsementRequest(
            type=EndorsementType.CHANGE_PAYER, data={"payer_id": payer}, effective_date=may
        )
        endorse_policy(policy_id, wanted, on=may, now=now)
        pay_refund(
            policy_id, amount=Decimal(10), reference="EFT 9", reason="Twice", on=may, now=now
        )

    event = queries.list_events(session, policy_id, limit=1)[0]
    assert "paid back to Thabo Nkosi" in event.description
    assert event.payload["payee_id"] == str(payer)


def test_a_refund_after_the_death_of_who_pays_goes_to_the_estate(
    session: Session, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    policy_id = sell(TODAY)
    pay(policy_id, "250.00", TODAY)
    death = claim(policy_id, event=TODAY)
    complete(death.id)
    assess(death.id, "100000.00")
    pay_claim(death.id, "100000.00")

    screen = sign_in().get(f"/{org.slug}/policies/{policy_id}/refund")
    with at(date(2026, 11, 21)) as now:
        pay_refund(
            policy_id,
            amount=Decimal("150.00"),
            reference="RF-9",
            reason="Paid ahead",
            on=date(2026, 11, 21),
            now=now,
        )

    assert "Estate late Palesa Dlamini" in screen.text
    session.rollback()
    paid = queries.list_events(session, policy_id, limit=1)[0]
    assert paid.payload["payee"] == "Estate late Palesa Dlamini"
    assert "paid back to Estate late Palesa Dlamini" in paid.description


@pytest.mark.parametrize(("is_approved", "payee"), [(True, "Estate late "), (False, "")])
def test_a_death_that_was_approved_is_known_also_once_its_claim_is_closed(
    is_approved: bool, payee: str, session: Session
) -> None:
    policy_id = sell(TODAY)
    pay(policy_id, "250.00", TODAY)
    death = claim(policy_id, event=TODAY)
    complete(death.id)
    if is_approved:
        assess(death.id, "100000.00")
    with acting(MANAGER) as now:
        close_claim(death.id, reason="Not pursued", on=TODAY, now=now)

    with at(TODAY) as now:
        pay_refund(
            policy_id, amount=Decimal(10), reference="RF-1", reason="Ahead", on=TODAY, now=now
        )

    session.rollback()
    paid = queries.list_events(session, policy_id, limit=1)[0]
    assert paid.payload["payee"] == f"{payee}Palesa Dlamini"


def test_the_payer_is_chosen_on_screen_and_over_the_api(
    app: Flask,
    org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    api: Callable[..., TestClient],
) -> None:
    with app.app_context(), tenant_scope(org.id):
        product = make_product()
        holder, payer = make_customer(1), make_customer(2, first_name="Thabo", last_name="Nkosi")
        quotes = [make_quote(product, holder), make_quote(product, holder)]
    browser, client = sign_in(), api()

    accept = browser.url(f"/quotes/{quotes[0]}/accept")
    looked = browser.post(accept, data={"act": "find", "payer_q": "thabo nkosi"})
    assert str(payer) in looked.text
    issued = browser.post(accept, data={"payer_q": "thabo nkosi", "payer_id": str(payer)})
    page = browser.get(issued.location).text
    assert "Paid by" in page
    assert "Thabo Nkosi" in page
    policy_number = re.search(r"PL-[\w-]+", page)[0]
    assert "Pays for others" in (paying := browser.get(browser.url(f"/customers/{payer}")).text)
    assert policy_number in paying
    assert "Pays for others" not in browser.get(browser.url(f"/customers/{holder}")).text

    answer = client.put(f"/api/v1/quotes/{quotes[1]}/accept", json={"payer_id": str(payer)})
    policy_id = answer.json["policy"]["id"]
    assert client.get(f"/api/v1/policies/{policy_id}/detail").json["policy"]["payer_id"] == str(
        payer
    )
    back = {"endorsement_type": "CHANGE_PAYER", "payer_id": str(holder)}
    changed = client.post(f"/api/v1/policies/{policy_id}/endorse", json=back)
    assert changed.status_code in (200, 201), changed.text
    assert client.get(f"/api/v1/policies/{policy_id}/detail").json["policy"]["payer_id"] is None
    nobody = client.post(
        f"/api/v1/policies/{policy_id}/endorse", json=back | {"payer_id": str(product)}
    )
    assert (nobody.status_code, nobody.json["errors"][0]["pointer"]) == (422, "/payer_id")

    form = browser.url(f"/policies/{policy_id}/endorse/payer")
    looked = browser.post(form, data={"act": "find", "payer_q": "nkosi"})
    assert looked.status_code == 200
    assert str(payer) in looked.text
    fields = {"act": "issue", "payer_q": "nkosi", "payer_id": str(payer)}
    fields["effective_date"] = answer.json["policy"]["effective_date"]
    assert browser.post(form, data=fields).status_code == 303
    assert client.get(f"/api/v1/policies/{policy_id}/detail").json["policy"]["payer_id"] == str(
        payer
    )
