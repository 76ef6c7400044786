"""Entry ages of spouses, children, parents and extended family: at quote, issue and later."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.policies.models import EndorsementType
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import EndorsementRequest, preview_endorsement
from insurance.products import queries, services
from insurance.products.models import MemberRole
from insurance.quotes.rules import Life
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.identity import SignedInClient
from tests.factories.products import add_death_benefit, draft_version, make_draft, make_rate_table

AGES = {"CHILD": [0, 21], "PARENT": [40, None]}


def _product(session: Session) -> UUID:
    draft = make_draft("Family", role_ages=AGES)
    add_death_benefit(draft, make_rate_table())
    for role in (MemberRole.CHILD, MemberRole.PARENT):
        services.add_benefit(
            draft.id,
            services.NewBenefit(
                benefit_code=role.value,
                benefit_name=role.value.capitalize(),
                benefit_type_code="DEATH",
                member_role=role,
                flat_premium=Decimal(10),
                display_order=2,
            ),
            now=NOW,
        )
    services.launch_product(draft.id, now=NOW)
    return draft.id


def _quote(product_id: UUID, *lives: Life, holder: int = 1) -> UUID:
    return make_quote(product_id, make_customer(holder), sum_assured=Decimal(100_000), lives=lives)


def test_a_life_joins_within_the_entry_ages_of_its_role(session: Session) -> None:
    product_id = _product(session)
    for born, is_fine in ((date(2004, 11, 21), True), (date(2004, 11, 20), False)):
        child = Life("CHILD", None, None, born, "Neo", "Dlamini")
        if is_fine:
            assert _quote(product_id, child)
        else:
            with pytest.raises(DomainError, match="A child joins at age 0 to 21; this is 22"):
                _quote(product_id, child, holder=2)
    with pytest.raises(DomainError, match="A parent joins at age 40 to any; this is 39") as refusal:
        _quote(product_id, Life("PARENT", 39), holder=3)
    # The holder, who is put before the lives given, does not count.
    assert refusal.value.field == "insured_lives.0.age"
    with pytest.raises(DomainError, match="Enter the age or the date of birth of the child"):
        _quote(product_id, Life("CHILD"), holder=4)


def test_ages_are_held_on_the_day_cover_starts(session: Session) -> None:
    child = Life("CHILD", None, None, date(2004, 12, 1), "Neo", "Dlamini")
    quote_id = _quote(_product(session), child)

    with pytest.raises(DomainError, match="Neo Dlamini: A child joins at age 0 to 21"):
        accept_quote(quote_id, effective_date=date(2026, 12, 1), on=TODAY, now=NOW)

    assert accept_quote(quote_id, on=TODAY, now=NOW)


def test_a_member_added_later_is_held_to_the_ages_too(session: Session) -> None:
    policy_id = accept_quote(_quote(_product(session)), on=TODAY, now=NOW).policy.id
    too_old = EndorsementRequest(
        type=EndorsementType.ADD_MEMBER,
        data={
            "member_role": "CHILD",
            "first_name": "Neo",
            "last_name": "Dlamini",
            "date_of_birth": date(2004, 1, 1),
        },
        effective_date=TODAY,
    )

    with pytest.raises(DomainError) as refusal:
        preview_endorsement(policy_id, too_old, on=TODAY)

    assert refusal.value.field == "date_of_birth"


@pytest.mark.parametrize("ages", [{"CHILD": [21, 0]}, {"MAIN_MEMBER": [0, 9]}, {"CHILD": [0, 121]}])
def test_entry_ages_that_make_no_sense_are_refused(session: Session, ages: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refusal:
        make_draft(role_ages=ages)

    assert refusal.value.field == "role_ages"


def test_the_form_of_a_product_takes_and_shows_entry_ages(
    sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    product = make_draft(role_ages=AGES)
    client = sign_in()
    path = client.url(f"/products/{product.id}/edit")

    assert 'value="0–21"' in client.get(path).text
    form = {"name": product.name, "class_code": "RISK", "default_term_years": "20"}
    form |= {"quote_valid_days": "30", "child_ages": "x", "version": str(product.version)}
    assert client.post(path, data=form).status_code == 422
    assert client.post(path, data=form | {"child_ages": "0-18"}).status_code == 303
    session.expire_all()
    assert draft_version(queries.get_product(session, product.id)).role_ages == {"CHILD": [0, 18]}
