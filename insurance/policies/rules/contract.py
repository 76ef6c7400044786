"""What a policy promises at one moment, as plain values: lives or objects, benefits in layers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.core.money import ZERO, to_cents, total
from insurance.products.rules import MAIN_MEMBER
from insurance.quotes.rules import object_name, rating_facts

ACTIVE = "ACTIVE"
ENDED = "ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractMember:
    """A life insured, with what it refers to its ID and passport number by."""

    id: UUID
    role: str
    first_name: str
    last_name: str
    date_of_birth: date | None
    gender: str | None
    effective_date: date
    end_date: date | None = None
    id_number_ref: UUID | None = None
    passport_ref: UUID | None = None

    @property
    def name(self) -> str:
        """Return the full name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractObject:
    """An object insured. `value` is its sum insured in rand, `details` what it is, plain JSON."""

    id: UUID
    kind: str
    value: Decimal
    details: Mapping[str, Any]
    effective_date: date
    end_date: date | None = None

    @property
    def name(self) -> str:
        """Return how people call it."""
        return object_name(self.kind, self.details)

    def facts(self, on: date) -> dict[str, str]:
        """Return what it is rated on, on a day."""
        return rating_facts(self.kind, self.value, self.details, on)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLayer:
    """Cover added on one day. `price` is its exact monthly premium in rand, not rounded."""

    number: int
    amount: Decimal
    starts_on: date
    waiting_days: int
    waiting_until: date
    reason: str
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBenefit:
    """A benefit on a life or object: its cover the sum of its layers, its premium their price.

    The cover of the main benefit is the headline cover of the policy.
    """

    id: UUID
    member_id: UUID | None
    benefit_code: str
    benefit_name: str
    benefit_type_code: str
    status: str
    layers: tuple[ContractLayer, ...]
    is_main: bool = False
    object_id: UUID | None = None

    @property
    def sum_assured(self) -> Decimal:
        """Return the cover in rand."""
        return total(layer.amount for layer in self.layers)

    @property
    def premium(self) -> Decimal:
        """Return the monthly premium: one rounding for the benefit."""
        return to_cents(sum((layer.price for layer in self.layers), Decimal(0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractBeneficiary:
    """Who is paid, and what share in per cent."""

    kind: str
    first_name: str
    last_name: str
    date_of_birth: date | None
    relationship: str
    share: Decimal
    guardian_name: str | None = None

    @property
    def name(self) -> str:
        """Return the full name; somebody with one name has it as the last."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A policy's contents at one moment.

    `customer_id` is who holds it, None where that never changed; no premium is charged before
    `premium_free_until`.
    """

    members: tuple[ContractMember, ...]
    benefits: tuple[ContractBenefit, ...]
    due_day: int
    frequency: str
    beneficiaries: tuple[ContractBeneficiary, ...] = ()
    objects: tuple[ContractObject, ...] = ()
    bank_account_id: UUID | None = None
    customer_id: UUID | None = None
    premium_free_until: date | None = None
    payer_id: UUID | None = None

    @property
    def active_benefits(self) -> tuple[ContractBenefit, ...]:
        """Return the benefits that give cover."""
        return tuple(one for one in self.benefits if one.status == ACTIVE)

    @property
    def main_benefit(self) -> ContractBenefit | None:
        """Return the main benefit; once it has ended, the same on another object.

        Where there is none either, the first of those that give cover.
        """
        codes = {one.benefit_code for one in self.benefits if one.is_main}
        ranked = sorted(
            self.benefits,
            key=lambda one: (
                one.status != ACTIVE,
                not one.is_main,
                one.object_id is None or one.benefit_code not in codes,
            ),
        )
        return next(iter(ranked), None)

    def leads(self, benefit: ContractBenefit) -> bool:
        """Tell whether a benefit is the main one, or the same on another object."""
        main = self.main_benefit
        if main is None or benefit.object_id is None:
            return benefit == main
        return main.object_id is not None and benefit.benefit_code == main.benefit_code

    @property
    def coverage_amount(self) -> Decimal:
        """Return the headline cover in rand: what the main benefit insures, of objects all of it."""
        main = self.main_benefit
        if main is None:
            return ZERO
        alike = [
            one.sum_assured
            for one in self.active_benefits
            if one.object_id is not None and one.benefit_code == main.benefit_code
        ]
        return total(alike) if main.object_id is not None and alike else main.sum_assured

    @property
    def main_member(self) -> ContractMember | None:
        """Return the main member, None on a policy that names none."""
        return next((one for one in self.members if one.role == MAIN_MEMBER), None)

    @property
    def premium(self) -> Decimal:
        """Return the monthly premium: the sum of the rounded benefits."""
        return total(one.premium for one in self.active_benefits)

    def instalment(self, factor: Decimal) -> Decimal:
        """Return what falls due each time: months with loading × premium, rounded per benefit."""
        return total(to_cents(one.premium * factor) for one in self.active_benefits)

    def member(self, member_id: UUID | None) -> ContractMember | None:
        """Return a life by its id."""
        return next((one for one in self.members if one.id == member_id), None)

    def benefit(self, benefit_id: UUID) -> ContractBenefit | None:
        """Return a benefit by its id."""
        return next((one for one in self.benefits if one.id == benefit_id), None)

    def object(self, object_id: UUID | None) -> ContractObject | None:
        """Return an object by its id."""
        return next((one for one in self.objects if one.id == object_id), None)

    @property
    def live_objects(self) -> tuple[ContractObject, ...]:
        """Return the objects that are insured and have not been taken off."""
        return tuple(one for one in self.objects if one.end_date is None)

    def with_object(self, changed: ContractObject) -> "Contract":
        """Return the contract with an object in the place of the one with its id."""
        kept = tuple(changed if one.id == changed.id else one for one in self.objects)
        return replace(self, objects=kept)

    def with_benefit(self, changed: ContractBenefit) -> "Contract":
        """Return the contract with a benefit in the place of the one with its id."""
        kept = tuple(changed if one.id == changed.id else one for one in self.benefits)
        return replace(self, benefits=kept)

    def with_member(self, changed: ContractMember) -> "Contract":
        """Return the contract with a life in the place of the one with its id."""
        kept = tuple(changed if one.id == changed.id else one for one in self.members)
        return replace(self, members=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One endorsement: what changes, from which day. `sequence` is the order of issue."""

    id: UUID
    type: str
    on: date
    data: Mapping[str, Any]
    sequence: int


def contract_of(snapshot: Mapping[str, Any]) -> Contract:
    """Read a version's snapshot. A layer without a price bears its share of what was billed.

    In a snapshot that marks no main benefit it is the first that covers what the policy stated.
    """
    state = snapshot["policy"]
    benefits = [_benefit(one) for one in snapshot["benefits"]]
    if benefits and not any(one.is_main for one in benefits):
        stated = Decimal(state["coverage_amount"])
        at = next((at for at, one in enumerate(benefits) if one.sum_assured == stated), 0)
        benefits[at] = replace(benefits[at], is_main=True)
    return Contract(
        members=tuple(_member(one) for one in snapshot["members"]),
        benefits=tuple(benefits),
        beneficiaries=tuple(_beneficiary(one) for one in snapshot.get("beneficiaries", [])),
        objects=tuple(_object(one) for one in snapshot.get("objects", [])),
        due_day=state["due_day"],
        frequency=state["frequency"],
        bank_account_id=UUID(found) if (found := state.get("bank_account_id")) else None,
        customer_id=UUID(holder) if (holder := state.get("customer_id")) else None,
        premium_free_until=_day(state.get("premium_free_until")),
        payer_id=UUID(payer) if (payer := state.get("payer_id")) else None,
    )


def _member(row: Mapping[str, Any]) -> ContractMember:
    return ContractMember(
        id=UUID(row["id"]),
        role=row["role"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        date_of_birth=_day(row["date_of_birth"]),
        gender=row["gender"],
        effective_date=date.fromisoformat(row["effective_date"]),
        end_date=_day(row["end_date"]),
        id_number_ref=_id(row.get("id_number_ref")),
        passport_ref=_id(row.get("passport_ref")),
    )


def _object(row: Mapping[str, Any]) -> ContractObject:
    return ContractObject(
        id=UUID(row["id"]),
        kind=row["kind"],
        value=Decimal(row["value"]),
        details=row["details"],
        effective_date=date.fromisoformat(row["effective_date"]),
        end_date=_day(row["end_date"]),
    )


def _benefit(row: Mapping[str, Any]) -> ContractBenefit:
    premium = Decimal(row["premium"])
    prices = [one.get("price") for one in row["layers"]]
    if None in prices:
        prices = [str(premium)] + ["0"] * (len(prices) - 1)
    return ContractBenefit(
        id=UUID(row["id"]),
        member_id=UUID(row["member_id"]) if row["member_id"] else None,
        object_id=UUID(found) if (found := row.get("object_id")) else None,
        benefit_code=row["benefit_code"],
        benefit_name=row["benefit_name"],
        benefit_type_code=row["benefit_type_code"],
        status=row["status"],
        layers=tuple(
            _layer(one, Decimal(price)) for one, price in zip(row["layers"], prices, strict=True)
        ),
        is_main=row.get("is_main", False),
    )


def _layer(row: Mapping[str, Any], price: Decimal) -> ContractLayer:
    return ContractLayer(
        number=row["number"],
        amount=Decimal(row["amount"]),
        starts_on=date.fromisoformat(row["starts_on"]),
        waiting_days=row["waiting_days"],
        waiting_until=date.fromisoformat(row["waiting_until"]),
        reason=row["reason"],
        price=price,
    )


def _beneficiary(row: Mapping[str, Any]) -> ContractBeneficiary:
    return ContractBeneficiary(
        kind=row["kind"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        date_of_birth=_day(row["date_of_birth"]),
        relationship=row["relationship"],
        share=Decimal(row["share"]),
        guardian_name=row["guardian_name"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def snapshot_of(state: Mapping[str, Any], contract: Contract) -> dict[str, Any]:
    """Return a version's snapshot: the policy's own row (`state`) under the contract's contents."""
    return {
        "policy": {
            **state,
            "premium": str(contract.premium),
            "coverage_amount": str(contract.coverage_amount),
            "due_day": contract.due_day,
            "frequency": contract.frequency,
            "bank_account_id": str(contract.bank_account_id) if contract.bank_account_id else None,
            **({"customer_id": str(contract.customer_id)} if contract.customer_id else {}),
            **(
                {"premium_free_until": contract.premium_free_until.isoformat()}
                if contract.premium_free_until
                else {}
            ),
            "payer_id": str(contract.payer_id) if contract.payer_id else None,
        },
        "members": [_plain(one) for one in contract.members],
        "objects": [_plain(one) for one in contract.objects],
        "benefits": [_plain_benefit(one) for one in contract.benefits],
        "beneficiaries": [_plain(beneficiary) for beneficiary in contract.beneficiaries],
    }


def _plain_benefit(benefit: ContractBenefit) -> dict[str, Any]:
    own = {name: value for name, value in _plain(benefit).items() if name != "layers"}
    return own | {
        "sum_assured": str(benefit.sum_assured),
        "premium": str(benefit.premium),
        "layers": [_plain(layer) for layer in benefit.layers],
    }


def _plain(record: Any) -> dict[str, Any]:
    found = {name: getattr(record, name) for name in record.__dataclass_fields__}
    return {name: _text(value) for name, value in found.items()}


def _text(value: Any) -> Any:
    if isinstance(value, UUID | Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value
