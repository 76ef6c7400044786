"""A stillborn child: a fixed sum of a funeral policy, once, to the parents, without name or number."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.claims.queries import get_view
from insurance.claims.services import NewClaim, NewItem, submit_claim
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.policies.models import EndorsementType, PolicyStatus
from insurance.policies.queries import get_policy, list_benefits, list_members
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.products import services as products
from insurance.products.models import AmountType, MemberRole, TermType
from insurance.quotes.rules import Life
from tests.factories.book import NOW, TODAY
from tests.factories.claims import AGENT, acting, assess, complete, pay
from tests.factories.funeral import sell_funeral
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import at
from tests.factories.products import make_draft

D = Decimal
START, EVENT = date(2026, 6, 1), date(2026, 11, 10)
SIPHO = Life("SPOUSE", None, "MALE", date(1985, 5, 15), "Sipho", "Dlamini")


def _draft(**changes: Any) -> UUID:
    """Return a funeral product with R10 000 for a stillborn child, or as `changes` say."""
    draft = make_draft(
        "Family",
        product_type="FUNERAL",
        min_sum_assured=D(5_000),
        max_sum_assured=D(100_000),
        term_type=TermType.WHOLE_OF_LIFE,
    )
    for order, role in enumerate((MemberRole.MAIN_MEMBER, MemberRole.SPOUSE), 1):
        benefit = products.NewBenefit(
            benefit_code=role.value,
            benefit_name=role.value.capitalize(),
            benefit_type_code="FUNERAL",
            member_role=role,
            flat_premium=D(50),
            is_main=role is MemberRole.MAIN_MEMBER,
            display_order=order,
        )
        products.add_benefit(draft.id, benefit, now=NOW)
    stillborn = {
        "benefit_code": "STILLBORN",
        "benefit_name": "Stillborn child",
        "benefit_type_code": "STILLBIRTH",
        "benefit_amount_type": AmountType.FIXED,
        "default_amount": D(10_000),
        "flat_premium": D(5),
        "display_order": 3,
    }
    products.add_benefit(draft.id, products.NewBenefit(**stillborn | changes), now=NOW)
    return draft.id


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy on a woman and her husband with cover for a stillborn child."""
    product_id = products.launch_product(_draft(), now=NOW).id
    return sell_funeral(product_id, START, 100_000, SIPHO, holder=1)


def _stillborn(session: Session, policy_id: UUID) -> tuple[UUID, dict[str, UUID]]:
    views = list_benefits(session, policy_id)
    benefit = next(one.benefit.id for one in views if one.benefit.benefit_code == "STILLBORN")
    lives = {one.role: one.id for one in list_members(session, policy_id)}
    session.rollback()
    return benefit, lives


def _claim(session: Session, policy_id: UUID, weeks: int | None = 31, **more: Any) -> UUID:
    benefit_id, lives = _stillborn(session, policy_id)
    parent = lives[more.pop("parent")] if "parent" in more else None
    item = NewItem(policy_benefit_id=benefit_id, claimed_amount=D(10_000), policy_member_id=parent)
    facts = {"claim_type": "STILLBIRTH", "event_date": EVENT, "cause": "NATURAL"} | more
    with acting(AGENT) as now:
        wanted = NewClaim(items=[item], gestation_weeks=weeks, **facts)
        return submit_claim(policy_id, wanted, on=TODAY, now=now).id


def test_a_stillbirth_is_paid_once_to_the_holder_and_ends_nothing(
    session: Session, policy_id: UUID
) -> None:
    claim_id = _claim(session, policy_id)
    view = get_view(session, claim_id)
    assert view.claim.life_name.startswith("Stillborn child of Palesa Nkosi")
    assert {one.document_type for one in view.documents} == {
        "DHA_1663", "ID_OF_CLAIMANT", "BANK_LETTER",
    }  # fmt: skip
    assert [one.name for one in view.payees] == ["Palesa Nkosi 1"]
    session.rollback()
    complete(claim_id)
    assess(claim_id, "10000.00")
    pay(claim_id, "10000.00")
    session.rollback()

    assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE
    assert [one.end_date for one in list_members(session, policy_id)] == [None, None]
    session.rollback()
    again = get_view(session, _claim(session, policy_id, event_date=date(2026, 11, 15)))
    assert again.items[0].claimed_amount == D("0.00"), "the cover is used up"


def test_the_parent_may_be_the_spouse_and_must_be_a_life_of_the_policy(
    session: Session, policy_id: UUID
) -> None:
    claim = get_view(session, _claim(session, policy_id, parent="SPOUSE")).claim
    assert claim.life_name == "Stillborn child of Sipho Dlamini"
    session.rollback()
    benefit_id, _lives = _stillborn(session, policy_id)
    strange = NewItem(
        policy_benefit_id=benefit_id, claimed_amount=D(1), policy_member_id=UUID(int=5)
    )
    wanted = NewClaim(claim_type="STILLBIRTH", items=[strange], gestation_weeks=30)

    with acting(AGENT) as now, pytest.raises(DomainError, match="not a life of the policy"):
        submit_claim(policy_id, wanted, on=TODAY, now=now)


@pytest.mark.parametrize(("weeks", "payable"), [(25, "0.00"), (26, "10000.00")])
def test_a_child_is_stillborn_from_26_weeks_on(
    session: Session, policy_id: UUID, weeks: int, payable: str
) -> None:
    view = get_view(session, _claim(session, policy_id, weeks))

    assert view.items[0].payable_amount == D(payable)
    (check,) = [one for one in view.checks if one.code == "STILLBORN"]
    assert check.passed is (weeks >= 26)


@pytest.mark.parametrize(
    ("weeks", "claim_type", "words"),
    [
        (None, "STILLBIRTH", "Say after how many weeks"),
        (0, "STILLBIRTH", "Enter 1 to 45 weeks"),
        (46, "STILLBIRTH", "Enter 1 to 45 weeks"),
        (30, "FUNERAL", "Weeks belong to a stillbirth"),
    ],
)
def test_weeks_are_said_of_a_stillbirth_and_of_nothing_else(
    session: Session, policy_id: UUID, weeks: int | None, claim_type: str, words: str
) -> None:
    with pytest.raises(DomainError, match=words) as refused:
        _claim(session, policy_id, weeks, claim_type=claim_type)

    assert refused.value.field == "gestation_weeks"


def test_a_death_is_no_claim_on_the_benefit_of_a_stillborn_child(
    session: Session, policy_id: UUID
) -> None:
    view = get_view(session, _claim(session, policy_id, None, claim_type="FUNERAL"))

    assert view.items[0].payable_amount == D("0.00")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"default_amount": D(20_001)}, "at most R\u00a020\u00a0000,00 is paid for a stillborn"),
        ({"member_role": MemberRole.SPOUSE}, "a fixed amount, once for the policy"),
        (
            {"benefit_amount_type": AmountType.SUM_INSURED, "default_amount": None},
            "a fixed amount, once for the policy",
        ),
    ],
)
def test_a_product_says_a_fixed_sum_within_the_cap(
    session: Session, changes: dict[str, Any], words: str
) -> None:
    draft_id = _draft(**changes)

    with pytest.raises(DomainError, match=words):
        products.launch_product(draft_id, now=NOW)


def test_the_sum_of_a_stillborn_child_is_on_nobodys_life_and_does_not_rise_above_its_cap(
    session: Session, policy_id: UUID
) -> None:
    """The woman has her R100 000 whole; R20 000 is the most for the child."""
    benefit_id, _lives = _stillborn(session, policy_id)

    def covered(amount: int) -> None:
        wanted = EndorsementRequest(
            type=EndorsementType.CHANGE_COVER,
            data={"policy_benefit_id": benefit_id, "new_sum_assured": D(amount)},
            effective_date=TODAY,
        )
        with at(TODAY) as now:
            endorse_policy(policy_id, wanted, on=TODAY, now=now)

    with pytest.raises(DomainError, match="At most R\u00a020\u00a0000,00 is paid for a stillborn"):
        covered(20_001)
    session.rollback()
    covered(20_000)


def test_a_stillbirth_is_claimed_on_the_page(
    session: Session, policy_id: UUID, sign_in: Callable[..., SignedInClient]
) -> None:
    benefit_id, lives = _stillborn(session, policy_id)
    place = [one.benefit.id for one in list_benefits(session, policy_id)].index(benefit_id)
    session.rollback()
    client = sign_in(Role.AGENT)
    url = client.url(f"/claims/new/{policy_id}")
    form = {
        "claim_type": "STILLBIRTH",
        "event_date": "2026/11/10",
        "cause": "NATURAL",
        "claimant_name": "Palesa Nkosi",
        "life": str(lives["SPOUSE"]),
        f"amount_{place}": "10000",
    }

    assert "Weeks of pregnancy" in client.get(url).text
    refused = client.post(url, data=form)
    assert refused.status_code == 422
    assert "Say after how many weeks the child was born." in refused.text
    death = form | {"claim_type": "FUNERAL", "gestation_weeks": "31", "life": ""}
    assert client.post(url, data=death).status_code == 303
    saved = client.post(url, data=form | {"gestation_weeks": "31"})
    assert saved.status_code == 303
    shown = client.get(saved.location).text
    assert "Stillborn child of Sipho Dlamini" in shown
    assert "31 weeks" in shown


def test_a_stillbirth_is_claimed_by_a_program(
    session: Session, policy_id: UUID, api: Callable[..., TestClient]
) -> None:
    benefit_id, lives = _stillborn(session, policy_id)
    client, path = api(), f"/api/v1/policies/{policy_id}/claims"
    item = {
        "policy_benefit_id": str(benefit_id),
        "claimed_amount": 10000,
        "policy_member_id": str(lives["SPOUSE"]),
    }
    body = {
        "claim_type": "STILLBIRTH",
        "event_date": "2026-11-10",
        "cause": "NATURAL",
        "benefit_claims": [item],
    }

    refused = client.post(path, json=body)
    made = client.post(path, json=body | {"gestation_weeks": 31})

    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/gestation_weeks")
    assert made.status_code == 201
