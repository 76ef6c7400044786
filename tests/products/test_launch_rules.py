"""What must hold before a product is sold."""

from dataclasses import replace
from decimal import Decimal

import pytest

from insurance.products.rules import (
    LaunchFacts,
    ProductTerms,
    launch_checks,
    launch_problems,
    max_waiting_days,
)
from tests.factories.terms import death, funeral_expenses, matrix, product, relativities, row

FACTS = LaunchFacts(
    licensed_classes=frozenset({"RISK", "FUNERAL", "MOTOR"}),
    allowed_benefit_types=frozenset({"DEATH", "ACCIDENTAL_DEATH", "FUNERAL", "PROPERTY_DAMAGE"}),
    funeral_cover_cap=Decimal(100_000),
)
READY = product(death(), funeral_expenses())
FUNERAL = product(
    death(benefit_type="FUNERAL"),
    class_code="FUNERAL",
    max_sum_assured=Decimal(100_000),
)


def _failed(terms: ProductTerms, facts: LaunchFacts = FACTS) -> list[tuple[str | None, str]]:
    return [(problem.field, problem.message) for problem in launch_problems(terms, facts)]


def _notes(terms: ProductTerms) -> list[str]:
    return [note for check in launch_checks(terms, FACTS) for note in check.notes]


def test_a_complete_product_may_be_sold() -> None:
    assert _failed(READY) == []
    assert _failed(FUNERAL) == []
    assert all(check.holds for check in launch_checks(READY, FACTS))


def test_a_product_needs_a_benefit() -> None:
    assert _failed(product()) == [("benefits", "Add at least one benefit.")]


def test_a_simple_product_counts_as_one_benefit() -> None:
    flat = product(pricing_method="FLAT", base_premium=Decimal(199))
    rated = product(pricing_method="RATE_TABLE", rate_table=matrix(row("0.45", (18, 65))))

    assert _failed(flat) == []
    assert _failed(rated) == []
    assert _failed(replace(flat, base_premium=None)) == [
        ("benefits", "Enter the base premium, or price a benefit that pays the sum assured.")
    ]
    assert _failed(replace(rated, rate_table=None)) == [
        ("benefits", "Enter the rate table, or price a benefit that pays the sum assured.")
    ]


def test_benefits_that_carry_the_tables_complete_a_product_of_the_simple_form() -> None:
    simple = product(death(), funeral_expenses(), pricing_method="RATE_TABLE")

    assert _failed(simple) == []
    assert _notes(simple) == []


def test_rates_of_the_product_that_nothing_uses_are_named() -> None:
    both = product(death(), pricing_method="RATE_TABLE", rate_table=matrix(row("0.45", (18, 65))))

    assert _failed(both) == []
    assert _notes(both) == [
        "The product's own rate table is not used: Main Member Death pays the sum assured at a"
        " price of its own."
    ]


def test_an_optional_benefit_does_not_take_the_place_of_the_rates_of_the_product() -> None:
    """Every policy would be insured by a benefit that it may leave out."""
    accident = death(rate_table=None, flat_premium=Decimal(59), is_mandatory=False)
    terms = product(accident, pricing_method="RATE_TABLE", rate_table=matrix(row("0.45", (18, 65))))

    assert _failed(terms) == [
        (
            "headline",
            "Main Member Death is the main benefit and may be left out: every policy needs the"
            " benefit that its cover is read from.",
        )
    ]


def test_a_main_benefit_is_no_share_of_itself() -> None:
    half = death(amount_type="PERCENTAGE", default_amount=Decimal(50))

    assert _failed(product(half)) == [
        (
            "headline",
            "Main Member Death is the main benefit and cannot be a part or a multiple of itself.",
        )
    ]
    assert _failed(product(half, death(code="DEATH"))) == []


def test_a_fixed_cover_agrees_with_what_the_product_states() -> None:
    fixed = funeral_expenses(is_mandatory=True)
    terms = product(fixed, coverage_amount=Decimal(500_000), min_sum_assured=Decimal(20_000))

    assert _failed(terms) == [
        (
            "headline",
            "Funeral Expenses always insures R\u00a015\u00a0000,00; the usual sum assured says"
            " R\u00a0500\u00a0000,00.",
        ),
        (
            "headline",
            "Funeral Expenses always insures R\u00a015\u00a0000,00; the smallest sum assured is"
            " R\u00a020\u00a0000,00.",
        ),
    ]


def test_a_fixed_benefit_is_not_marked_beside_the_rates_of_the_product() -> None:
    marked = funeral_expenses(is_mandatory=True, is_main=True)
    terms = product(marked, pricing_method="RATE_TABLE", rate_table=matrix(row("0.45", (18, 65))))

    assert _failed(terms) == [
        (
            "headline",
            "Funeral Expenses is marked as the main benefit, but the product's own rates price"
            " another cover: take the mark off, or give every benefit its own price.",
        )
    ]
    assert _failed(replace(terms, benefits=(replace(marked, is_main=False),))) == []


def test_an_annuity_is_not_sold_while_nothing_pays_it() -> None:
    facts = replace(
        FACTS,
        licensed_classes=frozenset({"LIFE_ANNUITIES", "RISK"}),
        allowed_benefit_types=frozenset({"ANNUITY_INCOME", "DEATH"}),
    )
    annuity = product(death(benefit_type="ANNUITY_INCOME"), class_code="LIFE_ANNUITIES")

    ((code, words),) = _failed(annuity, facts)
    assert code == "payments"
    assert words.startswith("An annuity pays its holder month by month")
    ((code, words),) = _failed(replace(annuity, class_code="RISK"), facts)
    assert words == "Main Member Death: the payments of an annuity income are not made here."


def test_a_benefit_without_a_price_stops_the_launch() -> None:
    assert _failed(product(death(rate_table=None))) == [
        ("rates", "Main Member Death: bind a rate table or enter a flat premium.")
    ]


def test_a_rate_needs_an_amount_to_work_on() -> None:
    fixed = death(amount_type="FIXED")

    assert _failed(product(death(code="DEATH"), fixed)) == [
        ("rates", "Main Member Death: enter the fixed amount that its rate works on.")
    ]
    assert _failed(product(replace(fixed, default_amount=Decimal(15_000)))) == []
    flat_rates = matrix(row("50"), basis="FLAT")
    assert _failed(product(death(code="DEATH"), replace(fixed, rate_table=flat_rates))) == []
    assert _failed(product(replace(fixed, rate_table=flat_rates))) == [
        (
            "headline",
            "Main Member Death is the main benefit: enter the fixed amount that it insures.",
        )
    ]


def test_a_gap_in_the_entry_ages_stops_the_launch() -> None:
    assert _failed(replace(READY, max_entry_age=66)) == [
        ("rates", "Main Member Death: no rate for ages 66 (MALE); ages 66 (FEMALE).")
    ]


def test_an_overlap_stops_the_launch() -> None:
    table = matrix(row("0.5", (18, 40)), row("0.6", (40, 65)))

    ((code, message),) = _failed(product(death(rate_table=table)))

    assert code == "rates"
    assert message.startswith("Main Member Death: Rows 1 and 2 match the same person")


def test_rates_by_age_need_entry_ages() -> None:
    ((code, message),) = _failed(
        product(
            death(benefit_type="PROPERTY_DAMAGE"),
            category="NON_LIFE",
            class_code="MOTOR",
            min_entry_age=None,
        )
    )

    assert code == "rates"
    assert "entry ages must be set" in message


def test_rates_without_ages_need_no_entry_ages() -> None:
    table = relativities("0.45", zone={"URBAN": "1.1"})
    motor = product(
        death(benefit_type="PROPERTY_DAMAGE", rate_table=table),
        category="NON_LIFE",
        class_code="MOTOR",
        min_entry_age=None,
        max_entry_age=None,
    )

    assert _failed(motor) == []


def test_a_child_is_rated_on_ages_of_its_own_without_holes() -> None:
    whole = matrix(row("0.1", (0, 5)), row("0.2", (6, 21)))
    holed = matrix(row("0.1", (0, 5)), row("0.2", (7, 21)))

    assert _failed(product(death(member_role="CHILD", rate_table=whole))) == []
    assert _failed(product(death(member_role="CHILD", rate_table=holed))) == [
        ("rates", "Main Member Death: no rate for ages 6 (UNISEX).")
    ]


def test_an_unlicensed_class_stops_the_launch() -> None:
    assert _failed(replace(READY, class_code="CREDIT_LIFE")) == [
        ("class", "The organization is not licensed for CREDIT_LIFE.")
    ]


def test_a_benefit_type_of_another_class_stops_the_launch() -> None:
    assert _failed(product(death(benefit_type="THEFT"))) == [
        ("benefit_types", "Main Member Death: THEFT is not allowed in RISK.")
    ]


@pytest.mark.parametrize(
    ("term_type", "years", "days"),
    [
        ("FIXED_TERM", 1, 91),
        ("FIXED_TERM", 2, 181),
        ("FIXED_TERM", 20, 181),
        ("WHOLE_OF_LIFE", 1, 181),
    ],
)
def test_a_funeral_waits_at_most_a_quarter_of_the_term_or_six_months(
    term_type: str, years: int, days: int
) -> None:
    assert max_waiting_days("FUNERAL", term_type, years) == days
    assert max_waiting_days("RISK", term_type, years, is_micro=True) == days
    assert max_waiting_days("RISK", term_type, years) is None


def test_a_funeral_product_that_waits_too_long_is_not_launched() -> None:
    yearly = replace(FUNERAL, default_term_years=1)

    assert _failed(yearly) == [("waiting", "Main Member Death: waits 180 days; the law allows 91.")]
    assert _failed(replace(READY, default_term_years=1)) == []
    assert _failed(replace(READY, default_term_years=1), replace(FACTS, is_micro=True)) == [
        ("waiting", "Main Member Death: waits 180 days; the law allows 91.")
    ]


def test_limits_must_run_forwards() -> None:
    assert ("limits", "The oldest entry age is below the youngest.") in _failed(
        replace(READY, min_entry_age=30, max_entry_age=20)
    )
    assert ("limits", "The largest sum assured is below the smallest.") in _failed(
        replace(READY, min_sum_assured=Decimal(2), max_sum_assured=Decimal(1))
    )


def test_life_cover_needs_entry_ages() -> None:
    flat = product(death(rate_table=None, flat_premium=Decimal(9)), max_entry_age=None)

    assert _failed(flat) == [("limits", "Set the youngest and the oldest entry age.")]


def test_funeral_cover_stays_within_the_statutory_cap() -> None:
    assert _failed(replace(FUNERAL, max_sum_assured=Decimal("100000.01"))) == [
        ("limits", "R\u00a0100\u00a0000,01 is more than the R\u00a0100\u00a0000,00 allowed a life.")
    ]
    unlimited = _failed(replace(FUNERAL, max_sum_assured=None))
    assert [code for code, _message in unlimited] == ["limits"]
    rider = funeral_expenses(default_amount=Decimal(150_000))
    with_rider = replace(FUNERAL, benefits=(*FUNERAL.benefits, rider))
    assert [code for code, _message in _failed(with_rider)] == ["limits"]


@pytest.mark.parametrize(
    ("class_code", "role", "is_refused"),
    [("RISK", "ALL", True), ("FUNERAL", "ALL", False), ("RISK", "CHILD", False)],
)
def test_one_cover_on_several_lives_together_is_refused_for_what_is_missing(
    class_code: str, role: str, is_refused: bool
) -> None:
    joint = death(code="JOINT", name="Joint life", member_role=role, per_policy=True)
    terms = product(death(is_main=True), joint, class_code=class_code)

    problems = [one.message for one in launch_problems(terms, FACTS) if one.field == "payments"]

    assert any("Joint lives are not sold here" in one for one in problems) is is_refused
