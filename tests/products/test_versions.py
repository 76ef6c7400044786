"""Drafts, launches and what stays as it was."""

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from insurance.core.errors import ConflictError, DomainError, StaleError
from insurance.products import queries, services
from insurance.products.models import ProductStatus, VersionStatus
from tests.factories.products import (
    NOW,
    add_death_benefit,
    ask,
    draft_version,
    launched_version,
    make_draft,
    make_launched_product,
    make_rate_table,
    make_ready_draft,
)


def test_a_new_product_is_a_draft_of_the_class_of_its_type(session: Session) -> None:
    product = services.create_product(
        services.NewProduct(name="Family Funeral", product_type="FUNERAL"), now=NOW
    )

    assert (product.status, product.class_code) == (ProductStatus.DRAFT, "FUNERAL")
    assert product.slug == "family-funeral"
    assert draft_version(product).number == 1


def test_the_class_may_be_named_and_the_type_left_out(session: Session) -> None:
    product = services.create_product(
        services.NewProduct(name="Group", class_code="FUND_RISK"), now=NOW
    )

    assert (product.class_code, product.product_type) == ("FUND_RISK", "FUND_RISK")


def test_a_life_type_does_not_belong_to_a_non_life_class(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        services.create_product(
            services.NewProduct(name="Odd", product_type="TERM_LIFE", class_code="MOTOR"), now=NOW
        )

    assert refusal.value.field == "product_type"


def test_two_products_cannot_share_a_slug(session: Session) -> None:
    make_draft("Term Life")

    with pytest.raises(ConflictError) as refusal:
        make_draft("Term life")

    assert refusal.value.field == "slug"


def test_launching_a_complete_draft_sells_it(session: Session) -> None:
    product = services.launch_product(make_ready_draft().id, now=NOW)

    assert product.status is ProductStatus.LAUNCHED
    assert launched_version(product).launched_at == NOW
    assert queries.count_products(session)[ProductStatus.LAUNCHED] == 1


def test_a_product_without_benefits_is_not_launched(session: Session) -> None:
    product = make_draft()

    with pytest.raises(DomainError) as refusal:
        services.launch_product(product.id, now=NOW)

    assert [error.field for error in refusal.value.errors] == ["benefits"]
    assert queries.get_product(session, product.id).status is ProductStatus.DRAFT


def test_every_failed_check_is_named_at_once(session: Session) -> None:
    product = services.create_product(
        services.NewProduct(name="Motor", product_type="MOTOR"), now=NOW
    )

    with pytest.raises(DomainError) as refusal:
        services.launch_product(product.id, now=NOW)

    assert {error.field for error in refusal.value.errors} == {"benefits", "class"}


def test_a_gap_in_the_rates_is_named_with_its_ages(session: Session) -> None:
    product = make_draft()
    add_death_benefit(
        product,
        make_rate_table(rows=[services.NewRate(rate=Decimal("0.5"), age_from=18, age_to=40)]),
    )

    with pytest.raises(DomainError) as refusal:
        services.launch_product(product.id, now=NOW)

    assert "41–65" in refusal.value.message


def test_the_launched_version_is_superseded_by_the_next_launch(session: Session) -> None:
    product = make_launched_product()
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)

    services.launch_product(product.id, now=NOW)

    states = {one.number: one.status for one in queries.list_versions(session, product.id)}
    assert states == {1: VersionStatus.SUPERSEDED, 2: VersionStatus.LAUNCHED}


def test_editing_a_launched_product_clones_it_and_leaves_what_is_sold(session: Session) -> None:
    product = make_launched_product()
    sold = launched_version(product)

    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)

    draft = draft_version(product)
    assert (draft.number, draft.max_entry_age) == (2, 60)
    assert queries.get_version(session, sold.id).max_entry_age == 65
    assert queries.load_terms(session, sold.id).max_entry_age == 65


def test_a_clone_carries_benefits_and_questions_of_its_own(session: Session) -> None:
    product = make_ready_draft()
    ask(product)
    services.launch_product(product.id, now=NOW)
    sold = launched_version(product)

    services.edit_product(product.id, {}, mode=services.EditMode.CLONE, now=NOW)

    draft = draft_version(product)
    benefits = queries.list_benefits(session, draft.id)
    assert [one.benefit_code for one in benefits] == ["DEATH_MAIN"]
    assert {one.id for one in benefits}.isdisjoint(
        one.id for one in queries.list_benefits(session, sold.id)
    )
    assert [one.field_code for one in queries.list_inception_rules(session, draft.id)] == ["smoker"]
    assert queries.compare_versions(session, sold, draft) == []


def test_an_edit_of_a_draft_stays_in_it(session: Session) -> None:
    product = make_draft()

    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)

    assert [one.number for one in queries.list_versions(session, product.id)] == [1]
    assert draft_version(product).max_entry_age == 60


def test_a_second_draft_is_refused(session: Session) -> None:
    product = make_launched_product()
    services.edit_product(product.id, {}, mode=services.EditMode.CLONE, now=NOW)

    with pytest.raises(ConflictError) as refusal:
        services.edit_product(product.id, {}, mode=services.EditMode.CLONE, now=NOW)

    assert refusal.value.detail["draft_version"] == 2


def test_a_launched_version_is_not_edited_in_place(session: Session) -> None:
    product = make_launched_product()

    with pytest.raises(ConflictError) as refusal:
        services.edit_product(
            product.id, {"max_entry_age": 60}, mode=services.EditMode.IN_PLACE, now=NOW
        )

    assert refusal.value.detail["allowed_modes"] == ["AUTO", "CLONE"]
    assert len(queries.list_versions(session, product.id)) == 1


def test_a_new_name_needs_no_new_version(session: Session) -> None:
    product = make_launched_product()
    assert queries.load_terms(session, launched_version(product).id).product_name == "Term Life"

    services.edit_product(product.id, {"name": "Term Life Plus"}, now=NOW)

    assert len(queries.list_versions(session, product.id)) == 1
    terms = queries.load_terms(session, launched_version(product).id)
    assert terms.product_name == "Term Life Plus"


def test_the_class_stays_after_the_first_launch(session: Session) -> None:
    product = make_launched_product()

    with pytest.raises(ConflictError) as refusal:
        services.edit_product(product.id, {"class_code": "FUNERAL"}, now=NOW)

    assert refusal.value.field == "class_code"


def test_who_saves_second_sees_both_values_and_changes_nothing(session: Session) -> None:
    product = make_draft()
    seen = product.version
    services.edit_product(product.id, {"max_entry_age": 60}, version=seen, now=NOW)

    with pytest.raises(StaleError) as refusal:
        services.edit_product(product.id, {"max_entry_age": 55}, version=seen, now=NOW)

    assert refusal.value.theirs["max_entry_age"] == 60
    assert refusal.value.yours == {"max_entry_age": 55}
    assert draft_version(product).max_entry_age == 60


def test_terms_that_contradict_themselves_are_refused_at_their_fields(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        make_draft(
            min_entry_age=70, max_entry_age=18, waiting_period_days=4000, default_term_years=0
        )

    fields = {error.field for error in refusal.value.errors}
    assert fields == {"max_entry_age", "waiting_period_days", "default_term_years"}


def test_a_withdrawn_product_is_not_sold_and_can_be_drafted_again(session: Session) -> None:
    product = make_launched_product()

    services.withdraw_product(product.id, reason="replaced", now=NOW)
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)
    services.launch_product(product.id, now=NOW)

    states = [one.status for one in queries.list_versions(session, product.id)]
    assert states == [VersionStatus.LAUNCHED, VersionStatus.WITHDRAWN]


def test_withdrawing_a_draft_is_refused(session: Session) -> None:
    with pytest.raises(ConflictError):
        services.withdraw_product(make_draft().id, now=NOW)


def test_a_product_never_launched_can_be_deleted_with_its_benefits(session: Session) -> None:
    product = make_ready_draft()

    services.delete_product(product.id)

    assert queries.list_products(session).items == []
    assert session.scalar(text("SELECT count(*) FROM ins.product_benefits")) == 0


def test_a_product_that_was_launched_is_never_deleted(session: Session) -> None:
    product = make_launched_product()

    with pytest.raises(ConflictError):
        services.delete_product(product.id)

    services.withdraw_product(product.id, now=NOW)
    with pytest.raises(ConflictError):
        services.delete_product(product.id)


def test_discarding_a_draft_leaves_what_is_sold(session: Session) -> None:
    product = make_launched_product()
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)

    services.discard_draft(product.id, now=NOW)

    assert [one.number for one in queries.list_versions(session, product.id)] == [1]


def test_the_only_draft_of_a_product_is_not_discarded(session: Session) -> None:
    with pytest.raises(ConflictError):
        services.discard_draft(make_draft().id, now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ins.product_versions SET max_entry_age = 99",
        "UPDATE ins.product_versions SET status = 'draft'",
        "DELETE FROM ins.product_versions",
        "UPDATE ins.product_benefits SET waiting_period_days = 0",
        "DELETE FROM ins.product_benefits",
        "DELETE FROM ins.inception_rules",
        "INSERT INTO ins.inception_rules SELECT org_id, gen_random_uuid(), product_version_id,"
        " 'more', label, field_type, is_required, options, min_value, max_value, display_order,"
        " version FROM ins.inception_rules",
        "UPDATE ins.rate_table_entries SET rate = 0",
        "DELETE FROM ins.rate_tables",
        "INSERT INTO ins.rate_table_entries SELECT org_id, gen_random_uuid(), rate_table_id,"
        " 66, 70, gender, factors, rate FROM ins.rate_table_entries",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_launched(
    session: Session, statement: str
) -> None:
    product = make_ready_draft()
    ask(product)
    services.launch_product(product.id, now=NOW)

    with pytest.raises(DBAPIError) as refusal:
        session.execute(text(statement))
    session.rollback()

    assert refusal.value.orig.sqlstate == "42501"  # type: ignore[union-attr]
