"""A death is paid to those whom the policy names, each their share, and to nobody who is dead."""

import io
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.customers.queries import get_customer
from insurance.policies.queries import get_policy
from insurance.products.models import MainDeath
from tests.factories.book import TODAY, make_customer
from tests.factories.claims import HEIRS, PDF, benefit_of, insure_family, make_family, name_heirs
from tests.factories.identity import TestClient
from tests.factories.lifecycle import at, morning, sell

Api = Callable[..., TestClient]
START = date(2026, 9, 20)


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(morning(TODAY)):
        yield


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy with cover of 100 000.00 since 20 September, on which 300.00 is owed."""
    found = sell(START)
    session.rollback()
    return found


def holder_of(session: Session, policy_id: UUID) -> str:
    """Return the name of the holder, whose life is insured."""
    session.rollback()
    name = get_customer(session, get_policy(session, policy_id).customer_id).display_name
    session.rollback()
    return name


def submit(client: TestClient, policy_id: UUID, **more: Any) -> Any:
    """Register a death by accident of today over the API, and return the claim."""
    body = {
        "claim_date": "2026-11-20",
        "claim_type": "DEATH",
        "description": "Main member accidental death",
        "cause": "ACCIDENT",
        "benefit_claims": [
            {"policy_benefit_id": str(benefit_of(policy_id)), "claimed_amount": 100000}
        ],
    } | more
    made = client.post(f"/api/v1/policies/{policy_id}/claims", json=body)
    assert made.status_code == 201, made.json
    return client.get(f"/api/v1/claims/{made.json['claim_id']}").json


def approve(api: Api, claim: Any, amount: str = "100000.00") -> None:
    """Send every document and approve an amount."""
    agent, assessor = api(Role.AGENT), api(Role.CLAIMS_ASSESSOR)
    for one in claim["documents"]:
        sent = {"document_type": one["document_type"], "file": (io.BytesIO(PDF), "paper.pdf")}
        assert agent.post(f"/api/v1/claims/{claim['id']}/documents", data=sent).status_code == 201
    body = {
        "benefit_assessments": [
            {
                "claim_benefit_item_id": claim["items"][0]["id"],
                "approved_amount": amount,
                "decision_reason": "Within terms",
            }
        ]
    }
    decided = assessor.put(f"/api/v1/claims/{claim['id']}/assess", json=body)
    assert decided.status_code == 200, decided.json


def pay(client: TestClient, claim: Any, amount: str, reference: str = "EFT-1", **more: Any) -> Any:
    """Ask for a payment of an amount and return the answer."""
    body = {
        "payment_date": "2026-11-20",
        "payment_reference": reference,
        "benefit_payments": [
            {"claim_benefit_item_id": claim["items"][0]["id"], "paid_amount": amount}
        ],
    } | more
    return client.post(f"/api/v1/claims/{claim['id']}/pay", json=body)


def _shares(claim: Any) -> dict[str, float]:
    return {one["name"]: one["share"] for one in claim["payees"]}


def test_a_death_is_paid_to_the_beneficiaries_each_their_share(api: Api, policy_id: UUID) -> None:
    name_heirs(policy_id, START)
    claim = submit(api(Role.AGENT), policy_id)
    assert _shares(claim) == {
        "Sipho Dlamini": 60.0,
        "Gogo Dlamini, guardian of Zinhle Dlamini": 40.0,
    }
    assert claim["claimant_name"] == "Sipho Dlamini"
    approve(api, claim, "99999.99")
    finance = api(Role.FINANCE)

    paid = pay(finance, claim, "99999.99")

    assert paid.status_code == 200, paid.json
    assert [
        (one["payee_name"], one["gross_amount"], one["arrears_deducted"], one["reference"])
        for one in paid.json["payments"]
    ] == [
        ("Sipho Dlamini", Decimal("59999.99"), 180, "EFT-1-1"),
        ("Gogo Dlamini, guardian of Zinhle Dlamini", 40000.00, 120.00, "EFT-1-2"),
    ]
    assert paid.json["claim"]["status"] == "PAID"
    again = pay(finance, claim, "99999.99")
    assert again.json["payments"] == paid.json["payments"]
    assert pay(finance, claim, "1.00", "EFT-1-2").status_code == 409


def test_without_beneficiaries_the_estate_is_paid_and_the_flow_runs(
    api: Api, session: Session, policy_id: UUID
) -> None:
    died = holder_of(session, policy_id)
    claim = submit(api(Role.AGENT), policy_id)
    approve(api, claim)

    paid = pay(api(Role.FINANCE), claim, "100000.00")

    assert _shares(claim) == {f"Estate late {died}": 100.0}
    assert paid.json["payment"]["payee_name"] == f"Estate late {died}"
    assert paid.json["payment"]["reference"] == "EFT-1"
    assert paid.json["claim"]["status"] == "PAID"


def test_who_died_neither_claims_nor_is_paid_but_a_namesake_is(
    api: Api, session: Session, policy_id: UUID
) -> None:
    died, agent = holder_of(session, policy_id), api(Role.AGENT)
    path = f"/api/v1/policies/{policy_id}/claims"
    body = {
        "claim_type": "DEATH",
        "benefit_claims": [
            {"policy_benefit_id": str(benefit_of(policy_id)), "claimed_amount": 1000}
        ],
    }

    dead = agent.post(path, json=body | {"payee": {"name": died}})
    claimant = agent.post(path, json=body | {"claimant": {"name": died}})
    son = agent.post(path, json=body | {"payee": {"name": died, "date_of_birth": "2001-01-01"}})

    assert (dead.status_code, "has died" in str(dead.json)) == (422, True)
    assert (claimant.status_code, "has died" in str(claimant.json)) == (422, True)
    assert son.status_code == 201
    assert "PAYEE_NOT_NAMED_BY_POLICY" in {one["code"] for one in son.json["flags"]}


def test_a_payment_that_did_not_arrive_is_made_again_to_that_payee_alone(
    api: Api, policy_id: UUID
) -> None:
    name_heirs(policy_id, START)
    claim = submit(api(Role.AGENT), policy_id)
    approve(api, claim)
    finance = api(Role.FINANCE)
    first = pay(finance, claim, "100000.00").json["payments"]
    void = {"reason": "The account is closed", "death_stands": True}
    back = finance.post(f"/api/v1/claim-payments/{first[1]['id']}/void", json=void)
    assert back.status_code == 200, back.json

    again = pay(finance, claim, "40000.00", "EFT-2")

    assert [(one["payee_name"], one["gross_amount"]) for one in again.json["payments"]] == [
        ("Gogo Dlamini, guardian of Zinhle Dlamini", 40000.00)
    ]
    assert again.json["claim"]["status"] == "PAID"


def test_one_of_several_is_paid_no_more_than_their_share(api: Api, policy_id: UUID) -> None:
    name_heirs(policy_id, START)
    claim = submit(api(Role.AGENT), policy_id)
    approve(api, claim)
    finance, first = api(Role.FINANCE), claim["payees"][0]["id"]
    only = {"payees": [{"payee_id": first, "payment_reference": "SIPHO-1"}]}

    above = pay(finance, claim, "60000.01", **only)
    paid = pay(finance, claim, "60000.00", **only)
    rest = pay(finance, claim, "40000.00", "EFT-9")

    assert (above.status_code, above.json["left"]) == (409, 60000.00)
    assert [(one["reference"], one["gross_amount"]) for one in paid.json["payments"]] == [
        ("SIPHO-1", 60000.00)
    ]
    assert [one["gross_amount"] for one in rest.json["payments"]] == [40000.00]


def test_beneficiaries_who_died_are_passed_over_on_the_word_of_a_person(
    api: Api, policy_id: UUID
) -> None:
    name_heirs(policy_id, START)
    agent = api(Role.AGENT)
    claim = submit(agent, policy_id)
    path = f"/api/v1/claims/{claim['id']}/payees/by-policy"
    sipho = {"name": "Sipho Dlamini", "died_on": "2026-01-05"}
    zinhle = {"name": "Zinhle Dlamini", "died_on": "2026-11-20"}

    one = agent.post(path, json={"died": [sipho], "reason": "Certificate seen"})
    both = agent.post(path, json={"died": [sipho, zinhle], "reason": "Certificates seen"})
    nobody = agent.post(
        path, json={"died": [{"name": "X", "died_on": "2026-01-05"}], "reason": "?"}
    )

    assert _shares(one.json) == {"Gogo Dlamini, guardian of Zinhle Dlamini": 100.0}
    assert _shares(both.json) == {"Palesa Mokoena": 100.0}
    assert nobody.status_code == 422


def test_shares_that_are_not_a_hundred_are_refused_and_thirds_are_taken(
    api: Api, policy_id: UUID
) -> None:
    agent = api(Role.AGENT)
    claim = submit(agent, policy_id)
    path = f"/api/v1/claims/{claim['id']}/payees"

    def change(*shares: str) -> Any:
        payees = [{"name": f"Heir {at}", "share": share} for at, share in enumerate(shares)]
        return agent.put(path, json={"payees": payees, "reason": "The court said so"})

    assert change("50.00", "49.99").status_code == 422
    assert change("0.00", "100.00").status_code == 422
    assert list(_shares(change("33.33", "33.33", "33.33").json).values()) == [
        Decimal(one) for one in ("33.34", "33.33", "33.33")
    ]
    assert agent.put(path, json={"payees": [], "reason": "Nobody"}).status_code == 422


def test_where_the_house_wants_it_nothing_is_paid_before_the_account_is_verified(
    api: Api, policy_id: UUID
) -> None:
    settings = api(Role.TENANT_ADMINISTRATOR).get("/api/v1/claim-settings").json
    body = settings | {"verified_account_first": True, "payee_change_days": 0}
    del body["version"]
    assert (
        api(Role.TENANT_ADMINISTRATOR).put("/api/v1/claim-settings", json=body).status_code == 200
    )
    agent, assessor, finance = (
        api(role) for role in (Role.AGENT, Role.CLAIMS_ASSESSOR, Role.FINANCE)
    )
    account = {"name": "Sipho Dlamini", "account_number": "62001234567", "branch_code": "250655"}
    claim = submit(agent, policy_id, payee=account)
    approve(api, claim)
    verify = f"/api/v1/claim-payees/{claim['payees'][0]['id']}/verify"

    unverified = pay(finance, claim, "100000.00")
    own = agent.post(verify, json={"how": "Trust me"})
    done = assessor.post(verify, json={"how": "Bank letter of 18 November"})
    paid = pay(finance, claim, "100000.00")

    assert (unverified.status_code, "not verified yet" in str(unverified.json)) == (409, True)
    assert own.status_code == 403
    assert (done.status_code, done.json["verified_by"] is not None) == (200, True)
    assert paid.status_code == 200, paid.json


def test_a_payee_who_died_meanwhile_is_not_paid_until_somebody_says_who_is(
    api: Api, session: Session
) -> None:
    with at(START):
        family = insure_family(make_family(), make_customer(7700), START)
    session.rollback()
    name_heirs(family, START, [HEIRS[0] | {"share": "100.00", "date_of_birth": "1986-01-01"}])
    agent = api(Role.AGENT)
    claim = submit(agent, family)
    assert _shares(claim) == {"Sipho Dlamini": 100.0}
    approve(api, claim)
    spouse = benefit_of(family, 5)
    submit(
        agent, family, benefit_claims=[{"policy_benefit_id": str(spouse), "claimed_amount": 50000}]
    )
    finance = api(Role.FINANCE)

    refused = pay(finance, claim, "100000.00")
    agent.post(
        f"/api/v1/claims/{claim['id']}/payees/by-policy", json={"reason": "Both died that day"}
    )
    after = agent.get(f"/api/v1/claims/{claim['id']}").json

    assert (refused.status_code, "Sipho Dlamini has died" in str(refused.json)) == (409, True)
    assert [one["kind"] for one in after["payees"]] == ["ESTATE"]


def test_nothing_is_paid_above_the_reserve(api: Api, policy_id: UUID) -> None:
    claim = submit(api(Role.AGENT), policy_id)
    approve(api, claim)
    body = {
        "claim_benefit_item_id": claim["items"][0]["id"],
        "amount": "99999.99",
        "reason": "Less is expected",
    }
    lower = api(Role.CLAIMS_ASSESSOR).put(f"/api/v1/claims/{claim['id']}/reserve", json=body)
    assert lower.status_code == 200, lower.json
    finance = api(Role.FINANCE)

    above = pay(finance, claim, "100000.00")
    within = pay(finance, claim, "99999.99")

    assert (above.status_code, Decimal(str(above.json["reserve"]))) == (409, Decimal("99999.99"))
    assert within.status_code == 200


def test_three_beneficiaries_of_a_third_each_are_paid_to_the_cent(
    api: Api, policy_id: UUID
) -> None:
    thirds = [
        {"kind": "PRIMARY", "first_name": name, "last_name": "Nkosi", "relationship": "Child",
         "share": "33.33"}
        for name in ("Anna", "Ben", "Cara")
    ]  # fmt: skip
    name_heirs(policy_id, START, thirds)
    claim = submit(api(Role.AGENT), policy_id)
    approve(api, claim)

    paid = pay(api(Role.FINANCE), claim, "100000.00").json["payments"]

    assert [one["gross_amount"] for one in paid] == [
        Decimal(one) for one in ("33333.34", "33333.33", "33333.33")
    ]
    assert sum(one["net_amount"] for one in paid) == Decimal("99700.00")


def test_an_estate_is_paid_through_the_account_of_its_executor(
    api: Api, session: Session, policy_id: UUID
) -> None:
    died, agent = holder_of(session, policy_id), api(Role.AGENT)
    claim = submit(agent, policy_id)
    approve(api, claim)
    executor = {
        "payee_id": claim["payees"][0]["id"],
        "name": f"Executor of the estate late {died}",
        "account_number": "62001234567",
        "branch_code": "250655",
    }
    changed = agent.put(
        f"/api/v1/claims/{claim['id']}/payees",
        json={"payees": [executor], "reason": "Letters of executorship of 2 November"},
    )

    asked = pay(api(Role.FINANCE), claim, "100000.00")
    agreed = api(Role.MANAGER).post(
        f"/api/v1/approvals/{asked.json['approval_id']}/approve", json={}
    )

    assert changed.json["payees"][0]["kind"] == "ESTATE"
    assert (asked.status_code, agreed.status_code) == (202, 200), agreed.json
    done = agent.get(f"/api/v1/claims/{claim['id']}").json
    assert [one["payee_name"] for one in done["payments"]] == [executor["name"]]


def test_minors_whose_guardian_died_with_the_main_member_are_paid_through_the_guardians_fund(
    api: Api, session: Session, policy_id: UUID
) -> None:
    died = holder_of(session, policy_id)
    child = HEIRS[1] | {"share": "100.00", "guardian_name": died}
    name_heirs(policy_id, START, [child])

    claim = submit(api(Role.AGENT), policy_id)

    assert _shares(claim) == {"Guardian's Fund for Zinhle Dlamini": 100.0}


def test_a_change_of_payee_needs_two_people_until_its_last_day_and_not_the_day_after(
    api: Api, policy_id: UUID
) -> None:
    claim = submit(api(Role.AGENT), policy_id)
    approve(api, claim)
    body = {"payees": [{"name": "Palesa Mokoena"}], "reason": "The will"}
    changed = api(Role.AGENT).put(f"/api/v1/claims/{claim['id']}/payees", json=body)
    assert changed.status_code == 200
    last, after = date(2026, 12, 4), date(2026, 12, 5)

    with clock.frozen(morning(last)):
        asked = pay(api(Role.FINANCE), claim, "1000.00", payment_date="2026-12-04")
    with clock.frozen(morning(after)):
        paid = pay(api(Role.FINANCE), claim, "1000.00", "EFT-2", payment_date="2026-12-05")

    assert (asked.status_code, paid.status_code) == (202, 200), paid.json


def test_where_holder_and_spouse_die_on_one_day_the_child_is_left_and_nobody_dead_is_paid(
    api: Api, session: Session
) -> None:
    with at(START):
        product = make_family(main_death=MainDeath.CONTINUE)
        family = insure_family(product, make_customer(7701), START)
    session.rollback()
    name_heirs(family, START, [HEIRS[0] | {"share": "100.00", "date_of_birth": "1986-01-01"}])
    agent = api(Role.AGENT)
    spouse = benefit_of(family, 5)
    second = submit(
        agent,
        family,
        event_date="2026-11-18",
        benefit_claims=[{"policy_benefit_id": str(spouse), "claimed_amount": 50000}],
    )
    first = submit(agent, family, event_date="2026-11-18")
    died = holder_of(session, family)

    assert _shares(first) == {f"Estate late {died}": 100.0}
    again = agent.post(
        f"/api/v1/claims/{second['id']}/payees/by-policy", json={"reason": "Both died"}
    )
    assert _shares(again.json) == {"Estate late Sipho Dlamini": 100.0}
    approve(api, first)
    finance = api(Role.FINANCE)
    paid = pay(finance, first, "60000.00")
    rest = pay(finance, first, "40000.00", "EFT-2")

    assert (paid.status_code, rest.status_code) == (200, 200), rest.json
    assert len(rest.json["claim"]["notes"]) == 1
    tasks = [one["text"] for one in paid.json["claim"]["notes"]]
    assert "Zinhle Dlamini is a minor: a guardian acts for them." in tasks[0]
    detail = agent.get(f"/api/v1/policies/{family}/detail").json
    assert detail["policy"]["status"] == "active"
    assert detail["customer"]["first_name"] == "Zinhle"
