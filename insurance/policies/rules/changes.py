"""Changes of a contract, folded in the order they take effect, whatever order they were told in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from insurance.billing.rules import Step
from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import ZERO, to_cents, total
from insurance.core.period import age_last_birthday
from insurance.core.text import name_key
from insurance.policies.rules import objects
from insurance.policies.rules.contract import (
    ACTIVE,
    ENDED,
    Change,
    Contract,
    ContractBeneficiary,
    ContractBenefit,
    ContractLayer,
    ContractMember,
)
from insurance.policies.rules.pricing import Pricer
from insurance.products.rules import EVERY_LIFE, MAIN_MEMBER, MONTHS_PER_PREMIUM

HUNDRED = Decimal(100)
ADULT_AGE = 18
FORMER_MAIN_MEMBER = "FORMER_MAIN_MEMBER"
FROM_BIRTH = "from_birth"
"""What marks the addition of a child that the version covers from its birth on."""
_HUNDREDTH = Decimal("0.01")
_SHARE = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Stage:
    """The contract from a day on; `change` None is the contract as issued."""

    on: date
    contract: Contract
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two changes of the same thing: the one being made, and a later one that was issued."""

    endorsement_id: UUID
    effective_date: date
    field: str
    this: str
    later: str


def fold(base: Contract, starts_on: date, changes: Sequence[Change], pricer: Pricer) -> list[Stage]:
    """Apply changes in the order they take effect and return every stage, the first as issued.

    Raises DomainError at the field that a change cannot have.
    """
    stages = [Stage(starts_on, base, None)]
    for change in in_order(changes):
        contract = _APPLY[change.type](stages[-1].contract, change, pricer)
        contract = objects.follow_cover(contract, change, pricer)
        contract = _shared_of_all(stages[-1].contract, contract, change, pricer)
        stages.append(Stage(change.on, contract, change))
    return stages


def in_order(changes: Sequence[Change]) -> list[Change]:
    """Return changes in the order they take effect; on one day, in the order of issue."""
    return sorted(changes, key=lambda one: (one.on, one.sequence))


def rhythm_began(stages: Sequence[Stage]) -> date:
    """Return the day from which premiums fall due on the day and as often as they do at last."""
    began = stages[0].on
    for before, after in pairwise(stages):
        old, new = before.contract, after.contract
        if (old.due_day, old.frequency) != (new.due_day, new.frequency):
            began = after.on
    return began


def steps_of(stages: Sequence[Stage], pricer: Pricer) -> list[Step]:
    """Return from which day each instalment of the premium is charged, nought while it is free."""
    by_day = {stage.on: _charged(stage.contract, stage.on, pricer) for stage in stages}
    for free_until in {
        stage.contract.premium_free_until for stage in stages if stage.contract.premium_free_until
    }:
        reached = [stage.contract for stage in stages if stage.on <= free_until]
        by_day.setdefault(free_until, _charged(reached[-1], free_until, pricer))
    return [Step(on, amount) for on, amount in sorted(by_day.items())]


def _charged(contract: Contract, on: date, pricer: Pricer) -> Decimal:
    if contract.premium_free_until is not None and on < contract.premium_free_until:
        return ZERO
    return contract.instalment(pricer.factor(contract.frequency))


def find_conflicts(
    change: Change, others: Sequence[Change], resolutions: Mapping[UUID, str]
) -> list[Conflict]:
    """Return where later changes touch what this one touches and nobody has chosen yet."""
    mine = touches(change)
    found = []
    for other in in_order(others):
        theirs = touches(other)
        shared = sorted(set(mine) & set(theirs))
        if other.on > change.on and shared and other.id not in resolutions:
            found.append(
                Conflict(
                    endorsement_id=other.id,
                    effective_date=other.on,
                    field=shared[0].split(":")[0],
                    this=mine[shared[0]],
                    later=theirs[shared[0]],
                )
            )
    return found


def touches(change: Change) -> dict[str, str]:
    """Return what a change sets, in words that can be compared, with the value it sets."""
    data = change.data
    if change.type == "ANNIVERSARY":
        return {}
    if change.type == "CHANGE_COVER":
        return {f"sum_assured:{data['policy_benefit_id']}": str(data["new_sum_assured"])}
    if change.type in ("REMOVE_MEMBER", "MAIN_MEMBER_DIED"):
        covered = {f"sum_assured:{one}": "ends" for one in data.get("benefit_ids", [])}
        return {f"member:{data['policy_member_id']}": "removed", **covered}
    if change.type == "ADD_MEMBER":
        return {f"member:{data['member_id']}": "added"}
    if change.type == "CORRECT_DETAILS":
        fields = (
            "first_name",
            "last_name",
            "date_of_birth",
            "gender",
            "id_number_ref",
            "passport_ref",
        )
        member = data["policy_member_id"]
        return {
            f"{name}:{member}": "another number" if name.endswith("_ref") else str(data[name])
            for name in fields
            if data.get(name)
        }
    if change.type in objects.CHANGES:
        return objects.object_touches(change.type, data)
    name = {
        "CHANGE_BENEFICIARIES": "beneficiaries",
        "CHANGE_PREMIUM_DUE_DAY": "due_day",
        "CHANGE_FREQUENCY": "frequency",
        "CHANGE_BANK_DETAILS": "bank_account_id",
        "CHANGE_PAYER": "payer_id",
    }[change.type]
    value = data[name]
    if isinstance(value, list):
        return {name: ", ".join(f"{one['first_name']} {one['last_name']}".strip() for one in value)}
    return {name: str(value)}


def _change_cover(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    benefit = contract.benefit(UUID(change.data["policy_benefit_id"]))
    if benefit is None or benefit.status != ACTIVE:
        raise DomainError("Choose a benefit that is in force.", field="policy_benefit_id")
    wanted, present = Decimal(change.data["new_sum_assured"]), benefit.sum_assured
    if wanted <= ZERO:
        raise DomainError("Cover must be more than nothing.", field="new_sum_assured")
    if wanted == present:
        raise DomainError("This is the cover the benefit has already.", field="new_sum_assured")
    after = contract.with_benefit(_covering(contract, benefit, wanted, change, pricer))
    if contract.leads(benefit):
        pricer.check_headline(wanted)
        after = _followed(contract, after, benefit, wanted, change, pricer)
    return after


def _covering(
    contract: Contract, benefit: ContractBenefit, wanted: Decimal, change: Change, pricer: Pricer
) -> ContractBenefit:
    """Return a benefit with another cover from the day of a change."""
    if wanted > benefit.sum_assured:
        return _increased(contract, benefit, wanted, change, pricer)
    return replace(benefit, layers=_decreased(benefit, benefit.sum_assured - wanted, pricer))


def _followed(
    before: Contract,
    after: Contract,
    main: ContractBenefit,
    new: Decimal,
    change: Change,
    pricer: Pricer,
) -> Contract:
    """Let shares and multiples follow the main benefit; one chosen apart stays as it is."""
    for benefit in before.active_benefits:
        terms = pricer.benefit_terms(benefit.benefit_code)
        if terms is None or not terms.follows_headline or benefit == main:
            continue
        if benefit.object_id != main.object_id:
            continue
        wanted = terms.cover_for(new)
        if benefit.sum_assured == terms.cover_for(main.sum_assured) != wanted:
            after = after.with_benefit(_covering(after, benefit, wanted, change, pricer))
    return after


def _shared_of_all(before: Contract, after: Contract, change: Change, pricer: Pricer) -> Contract:
    """Let shares and multiples of all objects together follow what these are insured for."""
    old, new = before.coverage_amount, after.coverage_amount
    follows = change.type in objects.CHANGES or change.type == "CHANGE_COVER"
    if not follows or not before.live_objects or old == new:
        return after
    for benefit in after.active_benefits:
        terms = pricer.benefit_terms(benefit.benefit_code)
        if terms is None or not terms.follows_headline or benefit.object_id is not None:
            continue
        wanted = terms.cover_for(new)
        if benefit.sum_assured == terms.cover_for(old) != wanted:
            after = after.with_benefit(_covering(after, benefit, wanted, change, pricer))
    return after


def _increased(
    contract: Contract, benefit: ContractBenefit, wanted: Decimal, change: Change, pricer: Pricer
) -> ContractBenefit:
    """Add a layer with its own waiting period, priced at the age on the day it starts."""
    more = wanted - benefit.sum_assured
    try:
        priced = pricer.price(
            benefit.benefit_code,
            amount=more,
            total_cover=wanted,
            headline=contract.coverage_amount,
            life=pricer.rated_life(contract, benefit),
            insured=pricer.rated_object(contract, benefit),
            on=change.on,
        )
    except DomainError as error:
        field = error.field if error.field == "effective_date" else "new_sum_assured"
        raise DomainError(error.message, field=field) from error
    flat = pricer.is_flat(benefit.benefit_code)
    price = Decimal(0) if flat else Decimal(priced.worksheet["exact"])
    layer = ContractLayer(
        number=max(one.number for one in benefit.layers) + 1,
        amount=more,
        starts_on=change.on,
        waiting_days=priced.waiting_period_days,
        waiting_until=change.on + timedelta(days=priced.waiting_period_days),
        reason="Cover increased",
        price=price,
    )
    return replace(benefit, layers=(*benefit.layers, layer))


def _decreased(
    benefit: ContractBenefit, less: Decimal, pricer: Pricer
) -> tuple[ContractLayer, ...]:
    """Take cover away from the newest layer first, and its price in proportion."""
    kept: list[ContractLayer] = []
    flat = pricer.is_flat(benefit.benefit_code)
    for layer in reversed(benefit.layers):
        taken = min(less, layer.amount)
        less -= taken
        left = layer.amount - taken
        if left > ZERO or (flat and layer.price):
            price = layer.price if flat else layer.price * left / layer.amount
            kept.append(replace(layer, amount=left, price=price))
    return tuple(reversed(kept))


def _add_member(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    data = change.data
    member = ContractMember(
        id=UUID(data["member_id"]),
        role=data["member_role"],
        first_name=data["first_name"] or "",
        last_name=data["last_name"],
        date_of_birth=date.fromisoformat(data["date_of_birth"]) if data["date_of_birth"] else None,
        gender=data["gender"],
        effective_date=change.on,
        id_number_ref=_reference(data, "id_number_ref"),
        passport_ref=_reference(data, "passport_ref"),
    )
    _check_new_member(contract, member)
    born = member.date_of_birth
    age = age_last_birthday(born, change.on) if born else None
    is_newborn = bool(data.get(FROM_BIRTH))
    problem = None if is_newborn else pricer.terms.age_problem(member.role, age)
    if problem:
        raise DomainError(problem, field="date_of_birth")
    wanted = [
        benefit
        for benefit in pricer.terms.priced_benefits
        if benefit.member_role in (member.role, EVERY_LIFE) and not benefit.per_policy
    ]
    is_covered = any(benefit.member_role == member.role for benefit in pricer.terms.priced_benefits)
    if not wanted and not is_covered:
        role = member.role.lower()
        raise DomainError(f"This product covers no {role}.", field="member_role")
    benefits = [_benefit_for(contract, member, one.code, change, pricer) for one in wanted]
    return replace(
        contract,
        members=(*contract.members, member),
        benefits=(*contract.benefits, *benefits),
    )


def _check_new_member(contract: Contract, member: ContractMember) -> None:
    if member.role == MAIN_MEMBER:
        raise DomainError("A policy has one main member.", field="member_role")
    if member.date_of_birth and member.date_of_birth > member.effective_date:
        raise DomainError("Born after cover starts.", field="date_of_birth")
    same = (member.first_name.casefold(), member.last_name.casefold(), member.date_of_birth)
    for other in contract.members:
        known = (other.first_name.casefold(), other.last_name.casefold(), other.date_of_birth)
        if other.end_date is None and known == same:
            raise ConflictError(f"{member.name} is on this policy already.", field="last_name")
    for name, number in (
        ("id_number_ref", member.id_number_ref),
        ("passport_ref", member.passport_ref),
    ):
        _check_number(contract, name, number, member)


def _check_number(
    contract: Contract, name: str, number: UUID | None, member: ContractMember
) -> None:
    """Refuse a number that another life of the policy has."""
    for other in contract.members:
        is_other = other.id != member.id and other.end_date is None
        if number is not None and is_other and getattr(other, name) == number:
            raise ConflictError(
                f"{other.name} has this number on this policy.",
                field="id_number" if name == "id_number_ref" else "passport_number",
            )


def _reference(data: Mapping[str, Any], name: str) -> UUID | None:
    return UUID(data[name]) if data.get(name) else None


def _benefit_for(
    contract: Contract, member: ContractMember, code: str, change: Change, pricer: Pricer
) -> ContractBenefit:
    alike = next(
        (benefit for benefit in contract.active_benefits if benefit.benefit_code == code), None
    )
    amount = alike.sum_assured if alike else None
    try:
        priced = pricer.price(
            code,
            amount=amount,
            total_cover=amount,
            headline=contract.coverage_amount,
            life=member,
            on=change.on,
        )
    except DomainError as error:
        raise DomainError(error.message, field="date_of_birth") from error
    waits = 0 if change.data.get(FROM_BIRTH) else priced.waiting_period_days
    layer = ContractLayer(
        number=1,
        amount=priced.sum_assured,
        starts_on=change.on,
        waiting_days=waits,
        waiting_until=change.on + timedelta(days=waits),
        reason="Member added",
        price=Decimal(priced.worksheet["exact"]),
    )
    return ContractBenefit(
        id=UUID(change.data["benefit_ids"][code]),
        member_id=member.id,
        benefit_code=code,
        benefit_name=priced.benefit_name,
        benefit_type_code=priced.benefit_type,
        status=ACTIVE,
        layers=(layer,),
    )


def _remove_member(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    member = contract.member(UUID(change.data["policy_member_id"]))
    if member is None or member.end_date is not None:
        raise DomainError("Choose a life that is insured.", field="policy_member_id")
    if member.role == MAIN_MEMBER:
        raise DomainError(
            "The main member cannot be removed; cancel the policy instead.",
            field="policy_member_id",
        )
    after = contract.with_member(replace(member, end_date=change.on))
    for benefit in contract.active_benefits:
        if benefit.member_id == member.id or pricer.covers_nobody(after, benefit):
            after = after.with_benefit(replace(benefit, status=ENDED))
    if not after.active_benefits:
        raise DomainError("Nothing would be insured any more.", field="policy_member_id")
    return after


def _main_member_died(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    """End the benefits of the main member who died; another life takes the place and holds it.

    Benefits on no life of their own are priced again on whom they cover now. Who was to be paid
    for the death, and the account that paid, are those of who died, so they end too.
    """
    died = contract.member(UUID(change.data["policy_member_id"]))
    successor = contract.member(UUID(change.data["successor_id"]))
    if died is None or died.role != MAIN_MEMBER or died.end_date is not None:
        raise DomainError("Choose the main member.", field="policy_member_id")
    if successor is None or successor == died or successor.end_date is not None:
        raise DomainError("Choose a life that is insured.", field="successor_id")
    takes_over = replace(successor, role=MAIN_MEMBER)
    after = contract.with_member(
        replace(died, end_date=change.on, role=FORMER_MAIN_MEMBER)
    ).with_member(takes_over)
    for benefit in contract.active_benefits:
        if benefit.member_id == died.id or pricer.covers_nobody(after, benefit):
            after = after.with_benefit(replace(benefit, status=ENDED))
        elif benefit.member_id is None and not pricer.is_flat(benefit.benefit_code):
            after = after.with_benefit(_rerated(after, benefit, change.on, pricer))
    if not after.active_benefits:
        raise DomainError("Nothing would be insured any more.", field="successor_id")
    free_until = change.data.get("premium_free_until")
    return replace(
        after,
        customer_id=UUID(change.data["customer_id"]),
        bank_account_id=None,
        beneficiaries=(),
        premium_free_until=date.fromisoformat(free_until) if free_until else None,
    )


def _change_beneficiaries(contract: Contract, change: Change, _pricer: Pricer) -> Contract:
    rows = [
        ContractBeneficiary(
            kind=row["kind"],
            first_name=row["first_name"],
            last_name=row["last_name"],
            date_of_birth=date.fromisoformat(row["date_of_birth"])
            if row.get("date_of_birth")
            else None,
            relationship=row.get("relationship") or "",
            share=Decimal(row["share"]),
            guardian_name=row.get("guardian_name") or None,
        )
        for row in change.data["beneficiaries"]
    ]
    check_beneficiaries(rows, change.on)
    return replace(contract, beneficiaries=tuple(rows))


def is_equal_split(shares: Sequence[Decimal]) -> bool:
    """Tell whether shares are the equal parts of 100 that hundredths can say, as three of 33.33."""
    return (
        bool(shares)
        and len(set(shares)) == 1
        and abs(shares[0] * len(shares) - HUNDRED) < (_HUNDREDTH * len(shares))
    )


def check_beneficiaries(rows: Sequence[ContractBeneficiary], on: date) -> None:
    """Refuse shares that are not 100.00 per cent of a kind, or a minor without a guardian.

    Equal parts that hundredths cannot say, such as three of 33.33, are taken.
    """
    for kind in ("PRIMARY", "CONTINGENT"):
        shares = [row.share for row in rows if row.kind == kind]
        is_whole = total(shares) == HUNDRED or is_equal_split(shares)
        if shares and (not is_whole or min(shares) <= ZERO):
            raise DomainError(
                f"The shares of the {kind.lower()} beneficiaries add up to {total(shares)};"
                " they must be 100.00.",
                field="beneficiaries",
            )
    if rows and not any(row.kind == "PRIMARY" for row in rows):
        raise DomainError("Name a primary beneficiary first.", field="beneficiaries")
    for one in rows:
        born = one.date_of_birth
        if not name_key(one.name):
            raise DomainError("Name each beneficiary.", field="beneficiaries")
        if born and born > on:
            raise DomainError(f"{one.name} is born in the future.", field="beneficiaries")
        if born and age_last_birthday(born, on) < ADULT_AGE and not one.guardian_name:
            raise DomainError(
                f"{one.name} is a minor: name a guardian.",
                field="beneficiaries",
            )


def _change_due_day(contract: Contract, change: Change, _pricer: Pricer) -> Contract:
    day = int(change.data["due_day"])
    if not 1 <= day <= 31:
        raise DomainError("A due day is 1 to 31.", field="due_day")
    if day == contract.due_day:
        raise DomainError("Premiums fall due on this day already.", field="due_day")
    return replace(contract, due_day=day)


def _change_frequency(contract: Contract, change: Change, _pricer: Pricer) -> Contract:
    frequency = change.data["frequency"]
    if frequency not in MONTHS_PER_PREMIUM:
        raise DomainError(f"Choose one of {', '.join(MONTHS_PER_PREMIUM)}.", field="frequency")
    if frequency == contract.frequency:
        raise DomainError("Premiums are paid like this already.", field="frequency")
    return replace(contract, frequency=frequency)


def _change_bank_details(contract: Contract, change: Change, _pricer: Pricer) -> Contract:
    return replace(contract, bank_account_id=UUID(change.data["bank_account_id"]))


def _change_payer(contract: Contract, change: Change, _pricer: Pricer) -> Contract:
    """Let somebody else pay; no payer means the holder. The account was the other payer's."""
    payer = UUID(found) if (found := change.data["payer_id"]) else None
    if payer == contract.payer_id:
        raise DomainError("Premiums are paid by this payer already.", field="payer_id")
    return replace(contract, payer_id=payer, bank_account_id=None)


def _correct_details(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    """Correct a life's details; its benefits cost from now on what the true details would."""
    member = contract.member(UUID(change.data["policy_member_id"]))
    if member is None:
        raise DomainError("Choose a life of this policy.", field="policy_member_id")
    fields: dict[str, Any] = {
        name: change.data[name]
        for name in ("first_name", "last_name", "gender")
        if change.data.get(name)
    }
    for name in ("id_number_ref", "passport_ref"):
        if change.data.get(name):
            fields[name] = _reference(change.data, name)
            _check_number(contract, name, fields[name], member)
    if change.data.get("date_of_birth"):
        fields["date_of_birth"] = date.fromisoformat(change.data["date_of_birth"])
        if fields["date_of_birth"] > member.effective_date:
            raise DomainError("Born after cover started.", field="date_of_birth")
    corrected = replace(member, **fields)
    if corrected == member:
        raise DomainError("Nothing would change.", field="policy_member_id")
    after = contract.with_member(corrected)
    if (corrected.date_of_birth, corrected.gender) == (member.date_of_birth, member.gender):
        return after
    for benefit in contract.active_benefits:
        rated = pricer.rated_life(after, benefit)
        if rated == corrected and not pricer.is_flat(benefit.benefit_code):
            after = after.with_benefit(_repriced(after, benefit, corrected, pricer))
    return after


def _repriced(
    contract: Contract, benefit: ContractBenefit, life: ContractMember, pricer: Pricer
) -> ContractBenefit:
    layers = []
    for layer in benefit.layers:
        try:
            priced = pricer.price(
                benefit.benefit_code,
                amount=layer.amount,
                total_cover=None,
                headline=contract.coverage_amount,
                life=life,
                insured=pricer.rated_object(contract, benefit),
                on=layer.starts_on,
            )
        except DomainError as error:
            raise DomainError(error.message, field="date_of_birth") from error
        layers.append(replace(layer, price=Decimal(priced.worksheet["exact"])))
    return replace(benefit, layers=tuple(layers))


def _anniversary(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    """Raise every benefit: rated again by age where the product says so, then indexed.

    One rounding a benefit, on what was billed. Cover grows by a layer that does not wait; the
    law's cap on one life stops it, with what other policies insured the life for when this was
    decided.
    """
    multiplier = Decimal(change.data["premium_factor"])
    more = Decimal(change.data["cover_factor"]) - 1
    elsewhere = change.data.get("cover_elsewhere") or {}
    after = contract
    for benefit in contract.active_benefits:
        source = benefit
        if change.data.get("rates_by_age") and not pricer.is_flat(benefit.benefit_code):
            source = _rerated(contract, benefit, change.on, pricer)
        price = to_cents(source.premium * multiplier)
        growth = to_cents(benefit.sum_assured * more)
        room = pricer.room(after, benefit, change.on, elsewhere)
        growth = growth if room is None else max(min(growth, room), ZERO)
        after = after.with_benefit(_raised(source, price, growth, change))
    return after


def _rerated(
    contract: Contract, benefit: ContractBenefit, on: date, pricer: Pricer
) -> ContractBenefit:
    """Price every layer again at the age reached on a day."""
    return _rerated_on(contract, benefit, pricer.rated_life(contract, benefit), on, pricer)


def _rerated_on(
    contract: Contract,
    benefit: ContractBenefit,
    life: ContractMember | None,
    on: date,
    pricer: Pricer,
) -> ContractBenefit:
    layers = []
    for layer in benefit.layers:
        priced = pricer.at_any_age().price(
            benefit.benefit_code,
            amount=layer.amount,
            total_cover=None,
            headline=contract.coverage_amount,
            life=life,
            insured=pricer.rated_object(contract, benefit),
            on=on,
        )
        layers.append(replace(layer, price=Decimal(priced.worksheet["exact"])))
    return replace(benefit, layers=tuple(layers))


def _raised(
    benefit: ContractBenefit, price: Decimal, growth: Decimal, change: Change
) -> ContractBenefit:
    """Return a benefit that costs exactly a price, with its cover grown by a layer."""
    exact = sum((layer.price for layer in benefit.layers), Decimal(0))
    if growth > ZERO:
        layer = ContractLayer(
            number=max(one.number for one in benefit.layers) + 1,
            amount=growth,
            starts_on=change.on,
            waiting_days=0,
            waiting_until=change.on,
            reason=f"Anniversary {change.on:%Y/%m/%d}",
            price=price - exact,
        )
        return replace(benefit, layers=(*benefit.layers, layer))
    if not benefit.layers or price == exact:
        return benefit
    # Shares of the rise, exact in their sum: the last layer takes what eight decimals leave.
    shares = [
        (layer.price * price / exact).quantize(_SHARE) if exact else Decimal(0)
        for layer in benefit.layers[:-1]
    ]
    shares.append(price - sum(shares, Decimal(0)))
    layers = (replace(layer, price=one) for layer, one in zip(benefit.layers, shares, strict=True))
    return replace(benefit, layers=tuple(layers))


_APPLY: dict[str, Callable[[Contract, Change, Pricer], Contract]] = {
    "CHANGE_COVER": _change_cover,
    "ADD_MEMBER": _add_member,
    "REMOVE_MEMBER": _remove_member,
    "MAIN_MEMBER_DIED": _main_member_died,
    "CHANGE_BENEFICIARIES": _change_beneficiaries,
    "CHANGE_PREMIUM_DUE_DAY": _change_due_day,
    "CHANGE_FREQUENCY": _change_frequency,
    "CHANGE_BANK_DETAILS": _change_bank_details,
    "CHANGE_PAYER": _change_payer,
    "CORRECT_DETAILS": _correct_details,
    "ANNIVERSARY": _anniversary,
    **objects.CHANGES,
}
