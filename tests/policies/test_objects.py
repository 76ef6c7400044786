"""Vehicles and buildings that policies insure, and what changes of them cost."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.core.context import acting_as
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.core.listing import Wanted
from insurance.core.tenancy import tenant_scope
from insurance.month_end.models import StepCode
from insurance.policies import queries
from insurance.policies.models import EndorsementType
from insurance.policies.replay import find_differences
from insurance.policies.services import accept_quote
from insurance.policies.services.as_at import policy_as_at
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    endorse_policy,
    preview_endorsement,
    undo_endorsement,
)
from insurance.products.models import ProjectionType
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import NOW, TODAY, make_customer
from tests.factories.lifecycle import MAKER, at
from tests.factories.month_end import EVERYTHING, escalate_by, month_end
from tests.factories.objects import (
    START,
    building,
    make_home_product,
    make_motor_product,
    sell,
    vehicle,
)
from tests.factories.organizations import OrganizationFacts

D = Decimal


@pytest.fixture
def book(app: Flask, non_life_org: OrganizationFacts) -> Iterator[Session]:
    """Act in a non-life insurer; at the end its history gives its present."""
    with app.app_context(), tenant_scope(non_life_org.id), acting_as(MAKER):
        yield db.session()
        db.session.rollback()
        assert find_differences()[1] == []


def _change(kind: EndorsementType, on: date = TODAY, **data: Any) -> EndorsementRequest:
    confirms = data.pop("confirms_duplicate", False)
    return EndorsementRequest(type=kind, data=data, effective_date=on, confirms_duplicate=confirms)


def _issue(policy_id: UUID, wanted: EndorsementRequest) -> Any:
    return endorse_policy(policy_id, wanted, on=TODAY, now=NOW)


def _new_car(**changes: Any) -> dict[str, Any]:
    return vehicle(registration="XYZ 789 GP", model="Hilux", value=D("300000.00")) | changes


def _figures(session: Session, policy_id: UUID) -> tuple[Decimal, Decimal]:
    policy = queries.get_policy(session, policy_id)
    return policy.premium, policy.coverage_amount


def test_a_vehicle_is_priced_on_what_it_is_and_insured_for_its_value(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())

    # 0.40 per cent of 180 000 is 720.00, and 65.00 for liability.
    assert _figures(book, policy_id) == (D("785.00"), D("180000.00"))
    [car] = queries.list_objects(book, policy_id)
    assert (car.name, car.registration_key, car.value) == (
        "Toyota Corolla 2021, ABC 123 GP",
        "ABC123GP",
        D("180000.00"),
    )
    assert queries.list_members(book, policy_id) == []
    benefits = queries.list_benefits(book, policy_id)
    assert {one.object_name for one in benefits} == {car.name}


def test_a_changed_vehicle_costs_its_days_as_the_preview_said(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    wanted = _change(
        EndorsementType.CHANGE_VEHICLE,
        insured_object=_new_car(rating_inputs={"vehicle_group": "B"}),
    )

    preview = preview_endorsement(policy_id, wanted, on=TODAY)
    issued = _issue(policy_id, wanted)

    # 300 000 at 0.40 per cent × 1.50 is 1 800.00, with liability 1 865.00: 1 080.00 more, for 11
    # of November's 30 days.
    assert (preview.new_premium, preview.new_cover) == (D("1865.00"), D("300000.00"))
    assert preview.adjustment == D("396.00")
    assert issued.preview == preview
    old, new = queries.list_objects(book, policy_id)
    assert (old.end_date, new.end_date, new.effective_date) == (TODAY, None, TODAY)
    covers = {
        (one.object_name, one.benefit.benefit_code): (one.benefit.status, one.benefit.sum_assured)
        for one in queries.list_benefits(book, policy_id)
    }
    assert covers[old.name, "DAMAGE"] == ("ENDED", D("180000.00"))
    assert covers[new.name, "DAMAGE"] == ("ACTIVE", D("300000.00"))
    assert covers[new.name, "LIABILITY"] == ("ACTIVE", D("2500000.00"))


def test_undoing_a_changed_vehicle_brings_the_old_one_back(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    before = _figures(book, policy_id)
    wanted = _change(EndorsementType.CHANGE_VEHICLE, insured_object=_new_car())
    issued = _issue(policy_id, wanted)

    undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)

    assert _figures(book, policy_id) == before
    [car] = queries.list_objects(book, policy_id)
    assert (car.registration_key, car.end_date) == ("ABC123GP", None)
    assert {one.benefit.status for one in queries.list_benefits(book, policy_id)} == {"ACTIVE"}


def test_the_day_before_a_change_still_insures_the_old_vehicle(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    day = date(2026, 11, 10)
    _issue(policy_id, _change(EndorsementType.CHANGE_VEHICLE, day, insured_object=_new_car()))

    def insured(on: date) -> list[str]:
        state = policy_as_at(book, policy_id, effective=on, known=NOW).policy_snapshot
        return [
            one["details"]["registration"] for one in state["objects"] if one["end_date"] is None
        ]

    assert insured(date(2026, 11, 9)) == ["ABC 123 GP"]
    assert insured(day) == ["XYZ 789 GP"]


def test_a_backdated_change_of_drivers_comes_before_a_later_change_of_the_vehicle(
    book: Session,
) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    _issue(policy_id, _change(EndorsementType.CHANGE_VEHICLE, insured_object=_new_car()))
    [old, _new] = queries.list_objects(book, policy_id)

    preview = preview_endorsement(
        policy_id,
        _change(
            EndorsementType.CHANGE_DRIVERS,
            date(2026, 11, 10),
            policy_object_id=old.id,
            drivers=[{"name": "Sipho Dlamini"}],
        ),
        on=TODAY,
    )

    # The change of the vehicle ends what the drivers belong to: somebody chooses.
    assert [one.field for one in preview.conflicts] == ["drivers"]


def test_another_use_of_the_vehicle_is_rated_from_its_day(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())

    issued = _issue(
        policy_id,
        _change(EndorsementType.CHANGE_OBJECT, insured_object={"use": "BUSINESS"}),
    )

    # 1 440.00 in the place of 720.00; 11 of 30 days of the 720.00 between them.
    assert issued.preview.new_premium == D("1505.00")
    assert issued.preview.adjustment == D("264.00")
    [car] = queries.list_objects(book, policy_id)
    assert (car.details["use"], car.details["make"]) == ("BUSINESS", "Toyota")


def test_more_cover_of_a_vehicle_is_its_value_and_the_headline(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    benefit = next(
        one.benefit
        for one in queries.list_benefits(book, policy_id)
        if one.benefit.benefit_code == "DAMAGE"
    )

    _issue(
        policy_id,
        _change(
            EndorsementType.CHANGE_COVER,
            policy_benefit_id=benefit.id,
            new_sum_assured=D("200000.00"),
        ),
    )

    assert _figures(book, policy_id) == (D("865.00"), D("200000.00"))
    assert [one.value for one in queries.list_objects(book, policy_id)] == [D("200000.00")]


def test_a_second_vehicle_joins_with_its_own_benefits_and_leaves_again(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())

    added = _issue(
        policy_id, _change(EndorsementType.ADD_OBJECT, insured_object=_new_car(year=2010))
    )

    # 300 000 × 0.40 per cent × 1.25 = 1 500.00 and 65.00 beside the first vehicle's 785.00.
    assert _figures(book, policy_id) == (D("2350.00"), D("480000.00"))
    assert added.preview.new_cover == D("480000.00")
    second = queries.list_objects(book, policy_id)[1]
    _issue(policy_id, _change(EndorsementType.REMOVE_OBJECT, policy_object_id=second.id))
    assert _figures(book, policy_id) == (D("785.00"), D("180000.00"))


def test_the_only_vehicle_is_not_taken_off(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    [car] = queries.list_objects(book, policy_id)

    with pytest.raises(DomainError, match="cancel the policy instead") as refusal:
        _issue(policy_id, _change(EndorsementType.REMOVE_OBJECT, policy_object_id=car.id))
    assert refusal.value.field == "policy_object_id"


def test_a_policy_without_a_vehicle_records_the_one_its_cover_is_on(book: Session) -> None:
    policy_id = sell(
        make_motor_product(),
        sum_assured=D(180_000),
        rating_inputs={"vehicle_group": "A", "year": "2020+", "use": "PRIVATE"},
    )
    before = _figures(book, policy_id)

    issued = _issue(
        policy_id, _change(EndorsementType.ADD_OBJECT, insured_object=vehicle(value=None))
    )

    assert _figures(book, policy_id) == before
    assert issued.preview.adjustment == D("0.00")
    [car] = queries.list_objects(book, policy_id)
    assert car.value == D("180000.00")
    assert {one.benefit.object_id for one in queries.list_benefits(book, policy_id)} == {car.id}
    undo_endorsement(issued.endorsement.id, on=TODAY, now=NOW)
    assert queries.list_objects(book, policy_id) == []
    assert len(queries.list_benefits(book, policy_id)) == 2


def test_a_move_to_a_thatched_house_costs_more_and_names_the_new_address(book: Session) -> None:
    policy_id = sell(make_home_product(), building())

    issued = _issue(
        policy_id,
        _change(
            EndorsementType.CHANGE_ADDRESS,
            insured_object={"address": "3 Reed Lane", "city": "Hermanus", "construction": "THATCH"},
        ),
    )

    assert issued.preview.current_premium == D("200.00")
    assert issued.preview.new_premium == D("600.00")
    [house] = queries.list_objects(book, policy_id)
    assert house.name == "Building, 3 Reed Lane, Hermanus"


def test_contents_join_a_house_on_their_own_benefit(book: Session) -> None:
    policy_id = sell(make_home_product(), building())

    _issue(
        policy_id,
        _change(
            EndorsementType.ADD_OBJECT,
            insured_object=building(kind="CONTENTS", value=D("500000.00")),
        ),
    )

    by_name = {
        one.benefit.benefit_code: (one.object_name, one.benefit.premium)
        for one in queries.list_benefits(book, policy_id)
    }
    place = "12 Long Street, Gardens, Cape Town"
    assert by_name == {
        "BUILDING": (f"Building, {place}", D("200.00")),
        "CONTENTS": (f"Contents, {place}", D("50.00")),
    }


def test_a_registration_of_another_policy_asks_and_believes_the_answer(book: Session) -> None:
    product_id = make_motor_product()
    first = sell(product_id, vehicle())
    quote = create_quote(
        QuoteInput(
            product_id=product_id,
            customer_id=make_customer(2),
            objects=(vehicle(registration="abc123gp"),),
        ),
        on=TODAY,
        now=NOW,
    )

    with pytest.raises(ConflictError, match="is insured on PL-") as question:
        accept_quote(quote.id, effective_date=START, on=TODAY, now=NOW)
    assert question.value.field == "insured_objects.0.registration"
    assert question.value.detail["policies"] == [queries.get_policy(book, first).policy_number]
    issued = accept_quote(
        quote.id, effective_date=START, confirms_duplicate=True, on=TODAY, now=NOW
    )
    assert issued.policy.premium == D("785.00")


def test_a_changed_vehicle_of_another_policy_asks_too(book: Session) -> None:
    product_id = make_motor_product()
    sell(product_id, vehicle())
    other = sell(product_id, _new_car(), customer=2)

    with pytest.raises(ConflictError, match="is insured on PL-"):
        _issue(other, _change(EndorsementType.CHANGE_VEHICLE, insured_object=vehicle()))
    _issue(
        other,
        _change(EndorsementType.CHANGE_VEHICLE, insured_object=vehicle(), confirms_duplicate=True),
    )
    assert _figures(book, other)[1] == D("180000.00")


def test_a_policy_is_found_by_its_registration_in_any_spelling(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())

    for typed in ("ABC 123 GP", "abc123gp", "Abc-123", "abc1"):
        assert queries.search_policy_ids(book, typed, 10) == [policy_id]
        assert [one.id for one in queries.list_policy_rows(book, Wanted({"q": typed})).items] == [
            policy_id
        ]
    assert queries.search_policy_ids(book, "abd123", 10) == []


@pytest.mark.parametrize(
    ("fact", "value", "words"),
    [
        ("registration", "???", "Enter a registration"),
        ("registration", "12345", "Enter a registration"),
        ("year", 2035, "Enter a year from"),
        ("vin", "123", "A VIN has 17"),
        ("use", "RACING", "Choose one of"),
        ("make", "", "Enter the make"),
        ("value", D("10000.00"), "The smallest cover"),
        ("value", D("4000000.00"), "The largest cover"),
        ("rating_inputs", {"vehicle_group": "Z"}, "is not known"),
    ],
)
def test_what_is_wrong_with_a_vehicle_is_said_at_its_fact(
    book: Session, fact: str, value: Any, words: str
) -> None:
    product_id = make_motor_product()
    asked = QuoteInput(
        product_id=product_id, customer_id=make_customer(), objects=(vehicle(**{fact: value}),)
    )

    with pytest.raises(DomainError, match=words) as refusal:
        create_quote(asked, on=TODAY, now=NOW)
    assert (refusal.value.errors[0].field or "").startswith(f"insured_objects.0.{fact}")

    policy_id = sell(product_id, vehicle(registration="OLD 1 GP"), customer=2)
    wanted = _change(EndorsementType.CHANGE_VEHICLE, insured_object=_new_car(**{fact: value}))
    with pytest.raises(DomainError, match=words) as refusal:
        _issue(policy_id, wanted)
    assert (refusal.value.errors[0].field or "").startswith(f"insured_object.{fact}")


def test_the_replay_names_a_vehicle_that_is_not_what_the_history_says(book: Session) -> None:
    policy_id = sell(make_motor_product(), vehicle())
    [car] = queries.list_objects(book, policy_id)
    car.details = car.details | {"make": "Nissan"}
    book.flush()

    assert ["it insures" in one for one in find_differences()[1]] == [True]


def test_an_anniversary_that_raises_the_cover_raises_the_value_of_the_vehicle(
    book: Session,
) -> None:
    start = date(2025, 11, 1)
    with at(start) as now:
        product_id = make_motor_product(
            default_term_years=5, premium_projection_type=ProjectionType.INDEXED
        )
        quote = create_quote(
            QuoteInput(product_id=product_id, customer_id=make_customer(), objects=(vehicle(),)),
            on=start,
            now=now,
        )
        policy_id = accept_quote(quote.id, on=start, now=now).policy.id
    escalate_by("6", cover_rate=D(10))

    month_end(date(2026, 11, 30), steps=EVERYTHING - {StepCode.LAPSES})
    book.rollback()
    book.expire_all()

    assert _figures(book, policy_id)[1] == D("198000.00")
    assert [one.value for one in queries.list_objects(book, policy_id)] == [D("198000.00")]
