"""The excess of a claim on a vehicle: borne by the policyholder, said by the checks."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import Claim
from insurance.claims.services import Assessment, NewClaim, NewItem, assess_claim, submit_claim
from insurance.core.context import Actor, acting_as
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.policies.models import EndorsementType
from insurance.policies.queries import list_benefits, list_objects
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from tests.factories.book import NOW, TODAY
from tests.factories.identity import make_person
from tests.factories.lifecycle import pay
from tests.factories.objects import START, make_motor_product, sell, vehicle
from tests.factories.organizations import OrganizationFacts

D = Decimal


@dataclass(frozen=True)
class Motor:
    """A motor policy on a Corolla of R180 000, and a session."""

    session: Session
    policy_id: UUID

    def claim(self, loss: str, *, on: str = "Corolla") -> Claim:
        """Return a claim for damage to a vehicle."""
        item = NewItem(policy_benefit_id=self.damage(on), claimed_amount=D(loss))
        new = NewClaim(claim_type="PROPERTY_DAMAGE", cause="COLLISION", items=[item])
        return submit_claim(self.policy_id, new, on=TODAY, now=NOW)

    def damage(self, model: str = "Corolla") -> UUID:
        """Return the id of the damage benefit of a vehicle."""
        return next(
            one.benefit.id
            for one in list_benefits(self.session, self.policy_id)
            if one.benefit.benefit_code == "DAMAGE" and model in one.object_name
        )


@pytest.fixture
def motor(app: Flask, non_life_org: OrganizationFacts) -> Iterator[Motor]:
    """Act as an administrator of a non-life insurer."""
    with app.app_context():
        person = make_person(non_life_org.id, Role.TENANT_ADMINISTRATOR)
        actor = Actor(
            user_id=person.id,
            email=person.email,
            name="Assessor",
            roles=frozenset({Role.TENANT_ADMINISTRATOR}),
        )
        with tenant_scope(non_life_org.id), acting_as(actor):
            policy_id = sell(make_motor_product(), vehicle())
            pay(policy_id, "785.00", START)
            yield Motor(db.session(), policy_id)


def _checks(session: Session, claim: Claim) -> dict[str, str]:
    return {one.code: one.detail for one in queries.list_checks(session, claim.id)}


@pytest.mark.parametrize(
    ("loss", "excess", "payable"),
    [
        ("40000.00", "5000.00", "35000.00"),
        ("80000.00", "8000.00", "72000.00"),
        ("3000.00", "3000.00", "0.00"),
        # The loss less the excess, and then no more than the cover.
        ("190000.00", "19000.00", "171000.00"),
        ("300000.00", "30000.00", "180000.00"),
    ],
)
def test_payable_is_the_loss_less_the_excess_within_the_cover(
    motor: Motor, loss: str, excess: str, payable: str
) -> None:
    claim = motor.claim(loss)

    [item] = queries.list_items(motor.session, claim.id)
    assert (item.excess, item.payable_amount) == (D(excess), D(payable))


def test_the_checks_say_the_excess_and_the_vehicle_and_nothing_of_lives(motor: Motor) -> None:
    claim = motor.claim("40000.00")

    checks = _checks(motor.session, claim)
    assert claim.life_name == "Toyota Corolla 2021, ABC 123 GP"
    assert checks["EXCESS"] == (
        "The policyholder bears R\u00a05\u00a0000,00 of the loss of R\u00a040\u00a0000,00;"
        " R\u00a035\u00a0000,00 is left of it."
    )
    assert checks["OBJECT_INSURED"].startswith("Toyota Corolla 2021, ABC 123 GP was insured from")
    assert "LIFE_INSURED" not in checks


def _approve(claim: Claim, amount: str, reason: str = "WITHIN_TERMS") -> Claim:
    [item] = queries.list_items(db.session(), claim.id)
    return assess_claim(
        claim.id,
        [Assessment(item_id=item.id, approved_amount=D(amount), reason=reason)],
        documents_waived=True,
        waiver_reason="Seen by the assessor",
        on=TODAY,
        now=NOW,
    )


def test_the_loss_less_the_excess_is_a_claim_approved_in_full(motor: Motor) -> None:
    assert _approve(motor.claim("40000.00"), "35000.00").status == "APPROVED"


def test_less_than_that_is_approved_in_part(motor: Motor) -> None:
    decided = _approve(motor.claim("40000.00"), "30000.00", "PART_OF_LOSS")
    assert decided.status == "PARTIALLY_APPROVED"


def test_the_excess_is_only_given_ex_gratia(motor: Motor) -> None:
    claim = motor.claim("40000.00")
    with pytest.raises(ConflictError, match="35\u00a0000,00 is payable"):
        _approve(claim, "40000.00")
    assert _approve(claim, "40000.00", "EX_GRATIA").status == "APPROVED"


def test_a_loss_under_the_excess_is_refused_for_that_reason(motor: Motor) -> None:
    claim = _approve(motor.claim("3000.00"), "0.00", "UNDER_EXCESS")
    assert claim.status == "REJECTED"


def test_a_new_vehicle_has_its_own_cover_and_the_old_one_answers_for_its_days(
    motor: Motor,
) -> None:
    other = vehicle(registration="XYZ 789 GP", model="Hilux", value=D("300000.00"))
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_VEHICLE,
        data={"insured_object": other},
        effective_date=TODAY,
    )
    endorse_policy(motor.policy_id, wanted, on=TODAY, now=NOW)

    gone = motor.claim("40000.00")
    new = motor.claim("40000.00", on="Hilux")

    [old_item] = queries.list_items(motor.session, gone.id)
    [new_item] = queries.list_items(motor.session, new.id)
    assert (old_item.payable_amount, new_item.payable_amount) == (D("0.00"), D("35000.00"))
    assert "was not part of the policy" in _checks(motor.session, gone)["BENEFIT_HELD"]


def test_a_claim_that_names_another_object_is_refused(motor: Motor) -> None:
    [car] = list_objects(motor.session, motor.policy_id)
    right = NewItem(
        policy_benefit_id=motor.damage(), claimed_amount=D(1000), policy_object_id=car.id
    )
    wrong = NewItem(
        policy_benefit_id=motor.damage(), claimed_amount=D(1000), policy_object_id=new_id()
    )

    with pytest.raises(DomainError, match="on another object") as refusal:
        submit_claim(
            motor.policy_id,
            NewClaim(claim_type="PROPERTY_DAMAGE", items=[wrong]),
            on=TODAY,
            now=NOW,
        )
    assert refusal.value.field == "benefit_claims.0.policy_object_id"
    claim = submit_claim(
        motor.policy_id, NewClaim(claim_type="PROPERTY_DAMAGE", items=[right]), on=TODAY, now=NOW
    )
    assert claim.life_name == car.name
