"""Benefits and inception rules of a draft."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.core.errors import ConflictError, DomainError, NotFoundError, StaleError
from insurance.products import queries, services
from insurance.products.models import AmountType, BenefitRateBasis, FieldType, PricingMethod
from tests.factories.products import (
    NOW,
    add_death_benefit,
    ask,
    draft_version,
    launched_version,
    make_draft,
    make_launched_product,
    make_rate_table,
)


def test_a_benefit_takes_the_basis_of_its_rate_table(session: Session) -> None:
    benefit_id = add_death_benefit(make_draft(), make_rate_table())

    assert queries.get_benefit(session, benefit_id).rate_basis is BenefitRateBasis.PER_MILLE


def test_a_basis_that_differs_from_the_tables_is_refused(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        add_death_benefit(make_draft(), make_rate_table(), rate_basis=BenefitRateBasis.PER_CENT)

    assert refusal.value.field == "rate_basis"


def test_a_benefit_type_outside_the_class_is_refused(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        add_death_benefit(make_draft(), make_rate_table(), benefit_type_code="THEFT")

    assert refusal.value.field == "benefit_type_code"
    assert "cannot contain THEFT" in refusal.value.message


def test_a_benefit_type_may_be_named_by_its_id(session: Session) -> None:
    type_id = queries.benefit_type_ids(session)["DISABILITY"]

    benefit_id = add_death_benefit(
        make_draft(), make_rate_table(), benefit_type_code="", benefit_type_id=type_id
    )

    assert queries.get_benefit(session, benefit_id).benefit_type_code == "DISABILITY"


def test_a_benefit_has_one_price(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        add_death_benefit(make_draft(), make_rate_table(), flat_premium=Decimal(50))

    assert refusal.value.field == "flat_premium"


def test_a_flat_premium_takes_the_place_of_a_rate_table(session: Session) -> None:
    benefit_id = add_death_benefit(make_draft(), make_rate_table())

    benefit = services.edit_benefit(benefit_id, {"flat_premium": Decimal(50)})

    assert (benefit.rate_table_id, benefit.rate_basis) == (None, BenefitRateBasis.FLAT_AMOUNT)


def test_two_benefits_of_a_product_cannot_share_a_code(session: Session) -> None:
    product = make_draft()
    table = make_rate_table()
    add_death_benefit(product, table)

    with pytest.raises(ConflictError) as refusal:
        add_death_benefit(product, table)

    assert refusal.value.field == "benefit_code"


def test_adding_to_a_launched_product_starts_a_draft(session: Session) -> None:
    product = make_launched_product()

    services.add_benefit(
        product.id,
        services.NewBenefit(
            benefit_code="ACCIDENT",
            benefit_name="Accident",
            benefit_type_code="ACCIDENTAL_DEATH",
            flat_premium=Decimal(20),
        ),
        now=NOW,
    )

    draft, sold = draft_version(product), launched_version(product)
    assert len(queries.list_benefits(session, draft.id)) == 2
    assert len(queries.list_benefits(session, sold.id)) == 1


def test_a_launched_benefit_is_neither_changed_nor_deleted(session: Session) -> None:
    product = make_launched_product()
    (benefit,) = queries.list_benefits(session, launched_version(product).id)

    with pytest.raises(ConflictError):
        services.edit_benefit(benefit.id, {"benefit_name": "Other"})
    with pytest.raises(ConflictError):
        services.delete_benefit(benefit.id)


def test_a_benefit_can_be_taken_out_of_a_draft(session: Session) -> None:
    product = make_draft()
    benefit_id = add_death_benefit(product, make_rate_table())

    services.delete_benefit(benefit_id)

    with pytest.raises(NotFoundError):
        queries.get_benefit(session, benefit_id)


def test_who_edits_a_benefit_second_sees_both_values(session: Session) -> None:
    benefit_id = add_death_benefit(make_draft(), make_rate_table())
    services.edit_benefit(benefit_id, {"waiting_period_days": 90}, version=1)

    with pytest.raises(StaleError) as refusal:
        services.edit_benefit(benefit_id, {"waiting_period_days": 180}, version=1)

    assert refusal.value.theirs["waiting_period_days"] == 90
    assert refusal.value.yours == {"waiting_period_days": 180}


def test_a_benefit_of_another_insurers_table_is_not_known(session: Session) -> None:
    stranger = make_rate_table()
    stranger.id = stranger.id.__class__(int=stranger.id.int ^ 1)
    session.expunge_all()

    with pytest.raises(DomainError) as refusal:
        add_death_benefit(make_draft(), stranger)

    assert refusal.value.field == "rate_table_id"


def test_a_choice_needs_options_and_only_a_number_has_limits(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        ask(make_draft(), field_type=FieldType.CHOICE, min_value=Decimal(1))

    assert {error.field for error in refusal.value.errors} == {"options", "min_value"}


def test_a_question_is_asked_once(session: Session) -> None:
    product = make_draft()
    ask(product)

    with pytest.raises(ConflictError) as refusal:
        ask(product)

    assert refusal.value.field == "field_code"


def test_a_question_can_be_changed_and_taken_out_of_a_draft(session: Session) -> None:
    rule_id = ask(make_draft())

    services.edit_inception_rule(rule_id, {"is_required": False}, version=1)
    assert queries.get_inception_rule(session, rule_id).is_required is False

    services.delete_inception_rule(rule_id)
    with pytest.raises(NotFoundError):
        queries.get_inception_rule(session, rule_id)


def _accident(**changes: Any) -> services.NewBenefit:
    facts: dict[str, Any] = {
        "benefit_code": "ACCIDENT",
        "benefit_name": "Accident",
        "benefit_type_code": "ACCIDENTAL_DEATH",
        "flat_premium": Decimal(20),
        "default_amount": Decimal(15_000),
        "benefit_amount_type": AmountType.FIXED,
    }
    return services.NewBenefit(**facts | changes)


def test_the_mark_of_the_main_benefit_moves_to_the_one_marked_last(session: Session) -> None:
    product = make_draft()
    death = add_death_benefit(product, make_rate_table(), is_main=True)
    accident = services.add_benefit(product.id, _accident(), now=NOW)

    services.edit_benefit(accident.id, {"is_main": True})

    session.expire_all()
    marks = {
        one.id: (one.is_main, one.version)
        for one in queries.list_benefits(session, draft_version(product).id)
    }
    assert marks == {death: (False, 2), accident.id: (True, 2)}


def test_a_version_has_one_main_benefit_at_most(session: Session) -> None:
    product = make_draft()
    add_death_benefit(product, make_rate_table(), is_main=True)
    accident = services.add_benefit(product.id, _accident(), now=NOW)

    accident.is_main = True

    with pytest.raises(IntegrityError, match="product_benefits_main_key"):
        session.flush()
    session.rollback()


@pytest.mark.parametrize(
    "changes",
    [{"is_mandatory": False}, {"benefit_amount_type": AmountType.PERCENTAGE}],
)
def test_what_may_be_left_out_or_is_a_share_is_no_main_benefit(
    session: Session, changes: dict[str, Any]
) -> None:
    with pytest.raises(DomainError) as refusal:
        services.add_benefit(make_draft().id, _accident(is_main=True, **changes), now=NOW)

    assert refusal.value.field == "is_main"


def test_a_product_of_the_simple_form_keeps_its_rates_beside_a_flat_benefit(
    session: Session,
) -> None:
    """500 000 costs what the product's rates give; the accident benefit of 15 000 comes on top."""
    product = services.create_product(
        services.NewProduct(
            name="Simple",
            product_type="TERM_LIFE",
            terms=services.Terms(
                pricing_method=PricingMethod.RATE_TABLE, min_entry_age=18, max_entry_age=65
            ),
            rate_rows=[services.NewRate(rate=Decimal("0.52"), age_from=18, age_to=65)],
        ),
        now=NOW,
    )
    services.add_benefit(
        product.id,
        _accident(is_mandatory=False, flat_premium=Decimal(59)),
        now=NOW,
    )
    services.launch_product(product.id, now=NOW)

    terms = queries.load_terms(session, launched_version(product).id)

    assert [(one.code, one.pays_sum_assured) for one in terms.priced_benefits] == [
        ("MAIN", True),
        ("ACCIDENT", False),
    ]


def test_a_product_of_the_simple_form_is_complete_once_its_benefit_carries_the_table(
    session: Session,
) -> None:
    product = make_draft(pricing_method=PricingMethod.RATE_TABLE)
    with pytest.raises(DomainError, match="Enter the rate table"):
        services.launch_product(product.id, now=NOW)
    add_death_benefit(product, make_rate_table())

    assert services.launch_product(product.id, now=NOW).status == "launched"
