"""A benefit on all the lives of a role together: each has it whole, and a claim says whose it is."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.claims.queries import get_view
from insurance.claims.services import NewClaim, NewItem, submit_claim
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_benefits, list_members
from insurance.products import services as products
from insurance.products.models import AmountType, MemberRole, TermType
from insurance.quotes.rules import Life
from tests.factories.book import NOW, TODAY
from tests.factories.claims import AGENT, acting, assess, complete, pay
from tests.factories.funeral import sell_funeral
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.products import make_draft

D = Decimal
START, EVENT = date(2026, 9, 20), date(2026, 11, 18)
NEO = Life("CHILD", None, "MALE", date(2010, 3, 1), "Neo", "Nkosi")
LESEDI = Life("CHILD", None, "FEMALE", date(2012, 3, 1), "Lesedi", "Nkosi")


def _product() -> UUID:
    """Return a funeral product: R15 000 on each child for R20.00 a month for all of them."""
    draft = make_draft(
        "Family",
        product_type="FUNERAL",
        min_sum_assured=D(5_000),
        max_sum_assured=D(100_000),
        term_type=TermType.WHOLE_OF_LIFE,
    )
    for order, role in enumerate((MemberRole.MAIN_MEMBER, MemberRole.CHILD), 1):
        is_child = role is MemberRole.CHILD
        benefit = products.NewBenefit(
            benefit_code=role.value,
            benefit_name="All children" if is_child else "Main member",
            benefit_type_code="FUNERAL",
            benefit_amount_type=AmountType.FIXED if is_child else AmountType.SUM_INSURED,
            default_amount=D(15_000) if is_child else None,
            member_role=role,
            per_policy=is_child,
            flat_premium=D(20) if is_child else D(50),
            is_main=not is_child,
            display_order=order,
        )
        products.add_benefit(draft.id, benefit, now=NOW)
    return products.launch_product(draft.id, now=NOW).id


@pytest.fixture
def policy_id(session: Session) -> UUID:
    """Return a policy on a woman and her two children, together under one benefit."""
    return sell_funeral(_product(), START, 50_000, NEO, LESEDI, holder=1)


def _children(session: Session, policy_id: UUID) -> tuple[UUID, dict[str, UUID]]:
    """Return the benefit on the children, and these by their first names."""
    views = list_benefits(session, policy_id)
    benefit = next(one.benefit for one in views if one.benefit.benefit_code == "CHILD")
    lives = {one.first_name: one.id for one in list_members(session, policy_id)}
    session.rollback()
    return benefit.id, lives


def _claim(session: Session, policy_id: UUID, name: str | None, amount: str = "15000.00") -> UUID:
    benefit_id, lives = _children(session, policy_id)
    wanted = NewClaim(
        claim_type="FUNERAL",
        items=[
            NewItem(
                policy_benefit_id=benefit_id,
                claimed_amount=D(amount),
                policy_member_id=lives[name] if name else None,
            )
        ],
        event_date=EVENT,
        cause="ACCIDENT",
    )
    with acting(AGENT) as now:
        return submit_claim(policy_id, wanted, on=TODAY, now=now).id


def test_the_children_are_priced_together_and_their_benefit_is_on_no_other_life(
    session: Session, policy_id: UUID
) -> None:
    views = {one.benefit.benefit_code: one for one in list_benefits(session, policy_id)}

    assert get_policy(session, policy_id).premium == D("70.00")
    assert views["CHILD"].benefit.member_id is None
    assert views["MAIN_MEMBER"].member_name


def test_a_claim_on_it_says_which_child_has_died(session: Session, policy_id: UUID) -> None:
    with pytest.raises(DomainError, match="it covers Neo Nkosi, Lesedi Nkosi") as refused:
        _claim(session, policy_id, None)
    assert refused.value.field == "benefit_claims.0.policy_member_id"
    session.rollback()

    main = next(
        one.first_name for one in list_members(session, policy_id) if one.role == "MAIN_MEMBER"
    )
    with pytest.raises(DomainError, match="This benefit is on another life"):
        _claim(session, policy_id, main)
    session.rollback()

    claim = get_view(session, _claim(session, policy_id, "Neo")).claim
    assert claim.life_name == "Neo Nkosi"


def test_the_death_of_one_child_ends_neither_the_policy_nor_the_cover_of_the_other(
    session: Session, policy_id: UUID
) -> None:
    for place, name in enumerate(("Neo", "Lesedi"), 1):
        claim_id = _claim(session, policy_id, name)
        session.rollback()
        assert get_view(session, claim_id).items[0].claimed_amount == D("15000.00")
        session.rollback()
        complete(claim_id)
        assess(claim_id, "15000.00")
        pay(claim_id, "15000.00", reference=f"PAY-{place}")
        session.rollback()
        assert get_policy(session, policy_id).status is PolicyStatus.ACTIVE
        ended = {one.first_name: one.end_date for one in list_members(session, policy_id)}
        assert ended[name] == date(2026, 11, 19)

    # With the last child the benefit ends, and its premium.
    benefit = next(
        one.benefit
        for one in list_benefits(session, policy_id)
        if one.benefit.benefit_code == "CHILD"
    )
    assert (benefit.status, get_policy(session, policy_id).premium) == ("ENDED", D("50.00"))


def test_the_page_of_a_new_claim_asks_whose_it_is(
    session: Session, policy_id: UUID, sign_in: Callable[..., SignedInClient]
) -> None:
    benefit_id, lives = _children(session, policy_id)
    place = next(
        place
        for place, one in enumerate(list_benefits(session, policy_id))
        if one.benefit.id == benefit_id
    )
    session.rollback()
    client = sign_in(Role.AGENT)
    url = client.url(f"/claims/new/{policy_id}")
    form = {
        "claim_type": "FUNERAL",
        "event_date": "2026/11/18",
        "cause": "ACCIDENT",
        "claimant_name": "Zanele Botha",
        f"amount_{place}": "15000",
    }

    assert "Lesedi Nkosi" in client.get(url).text
    asked = client.post(url, data=form)
    assert asked.status_code == 422
    assert "Say whose: it covers Neo Nkosi, Lesedi Nkosi." in asked.text
    assert client.post(url, data=form | {"life": str(lives["Neo"])}).status_code == 303


def test_a_program_says_whose_it_is(
    session: Session, policy_id: UUID, api: Callable[..., TestClient]
) -> None:
    benefit_id, lives = _children(session, policy_id)
    client, path = api(), f"/api/v1/policies/{policy_id}/claims"
    item = {"policy_benefit_id": str(benefit_id), "claimed_amount": 15000}
    body = {"claim_type": "FUNERAL", "event_date": "2026-11-18", "cause": "ACCIDENT"}

    asked = client.post(path, json=body | {"benefit_claims": [item]})

    assert asked.status_code == 422
    assert asked.json["errors"][0]["pointer"] == "/benefit_claims/0/policy_member_id"
    said = item | {"policy_member_id": str(lives["Lesedi"])}
    assert client.post(path, json=body | {"benefit_claims": [said]}).status_code == 201
