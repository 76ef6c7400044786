"""A child that is born to the family is covered from birth, where the product version says so."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.claims.queries import get_view
from insurance.claims.services import NewClaim, NewItem, submit_claim
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.policies.models import EndorsementType
from insurance.policies.queries import list_benefits, list_members
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    draft_endorsement,
    endorse_policy,
    issue_endorsement,
    undo_endorsement,
)
from insurance.products import services as products
from insurance.products.models import AmountType, MemberRole, TermType
from tests.factories.book import NOW, TODAY
from tests.factories.claims import AGENT, acting
from tests.factories.funeral import sell_funeral
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import at
from tests.factories.products import make_draft

D = Decimal
START, BORN = date(2026, 6, 1), date(2026, 9, 1)


def _product(days: int = 90, youngest: int = 1) -> UUID:
    """Return a funeral product; children wait 90 days, join at an age and are named in `days`."""
    draft = make_draft(
        "Family",
        product_type="FUNERAL",
        min_sum_assured=D(5_000),
        max_sum_assured=D(100_000),
        term_type=TermType.WHOLE_OF_LIFE,
        role_ages={"CHILD": (youngest, 21)},
        newborn_cover_days=days,
    )
    for order, role in enumerate((MemberRole.MAIN_MEMBER, MemberRole.CHILD), 1):
        is_child = role is MemberRole.CHILD
        benefit = products.NewBenefit(
            benefit_code=role.value,
            benefit_name=role.value.capitalize(),
            benefit_type_code="FUNERAL",
            benefit_amount_type=AmountType.FIXED if is_child else AmountType.SUM_INSURED,
            default_amount=D(15_000) if is_child else None,
            member_role=role,
            flat_premium=D(10) if is_child else D(50),
            waiting_period_days=90,
            is_main=not is_child,
            display_order=order,
        )
        products.add_benefit(draft.id, benefit, now=NOW)
    return products.launch_product(draft.id, now=NOW).id


def _child(starts: date = BORN, **changes: object) -> EndorsementRequest:
    data = {
        "member_role": "CHILD",
        "first_name": "Neo",
        "last_name": "Nkosi",
        "date_of_birth": BORN,
        "gender": "FEMALE",
    }
    return EndorsementRequest(
        type=EndorsementType.ADD_MEMBER, data=data | changes, effective_date=starts
    )


def _policy(days: int = 90, youngest: int = 1) -> UUID:
    return sell_funeral(_product(days, youngest), START, 50_000, holder=1)


def _name(policy_id: UUID, wanted: EndorsementRequest, day: date = TODAY) -> UUID:
    with at(day) as now:
        issued = endorse_policy(policy_id, wanted, on=day, now=now)
    assert issued.approval_id is None
    return issued.endorsement.id


def _claimed(session: Session, policy_id: UUID, event: date) -> Decimal:
    """Return what a claim of the child's natural death on a day would pay."""
    view = next(
        one
        for one in list_benefits(session, policy_id)
        if one.benefit.benefit_code == "CHILD" and one.benefit.status == "ACTIVE"
    )
    wanted = NewClaim(
        claim_type="FUNERAL",
        items=[NewItem(policy_benefit_id=view.benefit.id, claimed_amount=D(15_000))],
        event_date=event,
        cause="NATURAL",
    )
    session.rollback()
    with acting(AGENT) as now:
        claim_id = submit_claim(policy_id, wanted, on=TODAY, now=now).id
    return get_view(session, claim_id).items[0].payable_amount


def test_a_child_named_in_time_is_covered_from_birth_without_waiting(session: Session) -> None:
    """Eighty days after its birth, though the entry age is one year and other lives wait."""
    policy_id = _policy()

    _name(policy_id, _child())

    child = next(one for one in list_members(session, policy_id) if one.role == "CHILD")
    assert child.effective_date == BORN
    assert _claimed(session, policy_id, BORN + timedelta(days=2)) == D("15000.00")


@pytest.mark.parametrize(
    ("days", "day", "starts"),
    [
        (0, TODAY, BORN),
        (79, TODAY, BORN),
        (90, TODAY, BORN + timedelta(days=1)),
        (90, date(2026, 12, 1), BORN),
    ],
)
def test_any_other_child_joins_as_the_product_says(
    session: Session, days: int, day: date, starts: date
) -> None:
    """Without the setting, too late, or for another day than its birth."""
    policy_id = _policy(days)

    with (
        pytest.raises(DomainError, match="A child joins at age 1 to 21; this is 0"),
        at(day) as now,
    ):
        endorse_policy(policy_id, _child(starts), on=day, now=now)


def test_only_a_child_is_covered_from_birth(session: Session) -> None:
    policy_id = _policy()

    with pytest.raises(DomainError), at(TODAY) as now:
        endorse_policy(policy_id, _child(member_role="SPOUSE"), on=TODAY, now=now)


def test_nobody_marks_a_life_as_newborn_by_hand(session: Session) -> None:
    policy_id = _policy(0)

    with pytest.raises(DomainError, match="does not belong"), at(TODAY) as now:
        endorse_policy(policy_id, _child(from_birth=True), on=TODAY, now=now)


def test_a_draft_made_in_time_holds_and_undoing_it_takes_the_cover_back(session: Session) -> None:
    policy_id = _policy()
    with at(TODAY) as now:
        draft = draft_endorsement(policy_id, _child(), on=TODAY, now=now)
    later = TODAY + timedelta(days=30)
    with at(later) as now:
        issued = issue_endorsement(draft.id, on=later, now=now)
    assert issued.approval_id is None
    session.rollback()
    assert [one.role for one in list_members(session, policy_id)].count("CHILD") == 1
    session.rollback()

    with at(later) as now:
        undo_endorsement(issued.endorsement.id, on=later, now=now)

    assert [one.role for one in list_members(session, policy_id)].count("CHILD") == 0


def test_the_page_says_until_when_and_takes_the_child(
    session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    policy_id = _policy()
    client = sign_in(Role.AGENT)
    url = client.url(f"/policies/{policy_id}/endorse/add-member")
    form = {
        "member_role": "CHILD",
        "first_name": "Neo",
        "last_name": "Nkosi",
        "date_of_birth": "2026/09/01",
        "gender": "FEMALE",
        "effective_date": "2026/09/01",
        "act": "issue",
    }

    late = form | {"effective_date": f"{TODAY:%Y/%m/%d}", "act": "look"}

    with at(TODAY):
        assert "within 90 days of its birth" in client.get(url).text
        seen = client.post(url, data=form | {"act": "look"}).text
        assert "Neo Nkosi is covered from birth, 2026/09/01, without waiting." in seen
        refused = client.post(url, data=late)
        assert (refused.status_code, "A child joins at age 1" in refused.text) == (422, True)
        assert client.post(url, data=form).status_code == 303


def test_the_page_says_which_day_covers_a_newborn_without_waiting(
    session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    """The entry age allows it from any day, so nothing is refused."""
    policy_id = _policy(youngest=0)
    client = sign_in(Role.AGENT)
    url = client.url(f"/policies/{policy_id}/endorse/add-member")
    form = {
        "member_role": "CHILD",
        "first_name": "Neo",
        "last_name": "Nkosi",
        "date_of_birth": "2026/09/01",
        "gender": "FEMALE",
        "effective_date": f"{TODAY:%Y/%m/%d}",
        "act": "look",
    }

    with at(TODAY):
        seen = client.post(url, data=form).text
        older = client.post(url, data=form | {"date_of_birth": "2020/09/01"}).text

    assert "Neo Nkosi can be covered from birth" in seen
    assert "let the change take effect on 2026/09/01" in seen
    assert "covered from birth" not in older.split("What this does")[1]


def test_the_setting_is_read_and_held_to_a_year_over_the_api(
    session: Session, api: Callable[..., TestClient]
) -> None:
    product_id = _product()
    client = api()

    shown = client.get(f"/api/v1/products/{product_id}").json
    wrong = client.put(f"/api/v1/products/{product_id}", json={"newborn_cover_days": 400})

    assert "newborn_cover_days" in str(shown)
    assert wrong.status_code == 422
    assert wrong.json["errors"][0]["pointer"] == "/newborn_cover_days"
