"""Changes of insured objects: replaced, added, taken off, moved, driven by others.

An object is rated as it is on the day a change takes effect. A benefit keeps its price where the
rates see nothing new; increases of past anniversaries stay in a price that changes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.money import ZERO, format_money, to_cents
from insurance.policies.rules.contract import (
    ACTIVE,
    ENDED,
    Change,
    Contract,
    ContractBenefit,
    ContractLayer,
    ContractObject,
)
from insurance.policies.rules.pricing import Pricer
from insurance.products.rules import OBJECT_FIELDS, OBJECT_KINDS, BenefitTerms
from insurance.quotes.rules import check_value, registration_key

AT = "insured_object"
CARRIED_OVER_NEVER = "vehicle_"
"""How the names of rating inputs begin that describe the vehicle itself and not where it stands."""


def change_vehicle(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    """Put another vehicle in the place of one: its cover ends, and that of the other begins.

    The other has the same benefits, is driven by the same people where no drivers are named, and
    keeps what the rates say of the place. Claims on the one do not use up cover of the other.
    """
    present = _live(contract, change, "VEHICLE")
    given = change.data[AT]
    details = _with_inputs_of(present, given["details"])
    if not details.get("drivers"):
        details["drivers"] = present.details.get("drivers") or []
    vehicle = _new_object(contract, change, given | {"details": details}, without=present)
    if vehicle.value is None:
        raise DomainError("Enter the value of the vehicle.", field=f"{AT}.value")
    ended = [one for one in contract.active_benefits if one.object_id == present.id]
    # The first that gives cover is the main benefit once the marked one has ended.
    ended.sort(key=lambda one: one.benefit_code != _main_code(pricer))
    after = _ended(contract, present, change.on)
    after = replace(after, objects=(*after.objects, vehicle))
    for benefit in ended:
        chosen = benefit.sum_assured if _is_fixed(pricer, benefit) else None
        new = _benefit_on(vehicle, benefit.benefit_code, chosen, change, pricer, "Vehicle changed")
        after = replace(after, benefits=(*after.benefits, new))
    return after


def add_object(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    """Insure one more object; on a policy without any, record what its cover is on."""
    given = change.data[AT]
    unbound = _unbound(contract, given["kind"], pricer)
    if unbound and not contract.live_objects:
        return _recorded(contract, change, unbound, pricer)
    added = _new_object(contract, change, given)
    codes = _codes_for(contract, added.kind, pricer)
    if not codes:
        words = f"This product insures no {OBJECT_KINDS[added.kind].lower()}."
        raise DomainError(words, field=f"{AT}.kind")
    after = replace(contract, objects=(*contract.objects, added))
    for code in codes:
        new = _benefit_on(added, code, None, change, pricer, "Object added")
        after = replace(after, benefits=(*after.benefits, new))
    return after


def remove_object(contract: Contract, change: Change, _pricer: Pricer) -> Contract:
    """Take an object off the policy with its benefits."""
    present = _live(contract, change)
    if len(contract.live_objects) == 1:
        words = "This is all that the policy insures; cancel the policy instead."
        raise DomainError(words, field="policy_object_id")
    after = _ended(contract, present, change.on)
    if not after.active_benefits:
        raise DomainError("Nothing would be insured any more.", field="policy_object_id")
    return after


def change_object(contract: Contract, change: Change, pricer: Pricer) -> Contract:
    """Change facts of an object, such as its address or its drivers, and rate it by them."""
    present = _live(contract, change)
    new = dict(change.data["details"])
    inputs = {**present.details.get("rating_inputs", {}), **new.pop("rating_inputs", {})}
    details = {**present.details, **new, "rating_inputs": inputs}
    details = {name: value for name, value in details.items() if value is not None}
    changed = replace(present, details=details)
    if changed == present:
        raise DomainError("Nothing would change.", field="policy_object_id")
    _check_registration(contract, changed)
    return _rated_again(contract.with_object(changed), present, changed, change.on, pricer)


def follow_cover(after: Contract, change: Change, pricer: Pricer) -> Contract:
    """Let the value of each object be the cover of its main benefit."""
    for one in after.live_objects:
        cover = _sum_insured(after, one, pricer)
        if cover is not None and cover != one.value:
            valued = replace(one, value=cover)
            after = after.with_object(valued)
            if change.type == "CHANGE_COVER":
                after = _rated_again(after, one, valued, change.on, pricer)
    return after


def object_touches(kind: str, data: Mapping[str, Any]) -> dict[str, str]:
    """Return what a change of an object sets, in words that can be compared."""
    if kind == "ADD_OBJECT":
        return {f"object:{data['new_object_id']}": "added"}
    present = data["policy_object_id"]
    if kind in ("CHANGE_VEHICLE", "REMOVE_OBJECT"):
        names = {fact.name for facts in OBJECT_FIELDS.values() for fact in facts}
        gone = {f"{name}:{present}": "ends" for name in (*names, "drivers", "rating_inputs")}
        gone |= {f"sum_assured:{one}": "ends" for one in data.get("ended_benefit_ids", [])}
        what = "replaced" if kind == "CHANGE_VEHICLE" else "removed"
        return {f"object:{present}": what, **gone}
    return {f"{name}:{present}": _in_words(value) for name, value in data["details"].items()}


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one["name"]) for one in value) or "nobody"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {level}" for name, level in value.items())
    return str(value)


def _live(contract: Contract, change: Change, kind: str | None = None) -> ContractObject:
    found = contract.object(UUID(change.data["policy_object_id"]))
    if found is None or found.end_date is not None or kind not in (None, found.kind):
        what = OBJECT_KINDS[kind].lower() if kind else "object"
        raise DomainError(f"Choose a {what} that is insured.", field="policy_object_id")
    return found


def _new_object(
    contract: Contract,
    change: Change,
    given: Mapping[str, Any],
    *,
    without: ContractObject | None = None,
) -> ContractObject:
    if not given.get("value"):
        raise DomainError("Enter the value to insure it for.", field=f"{AT}.value")
    new = ContractObject(
        id=UUID(change.data["new_object_id"]),
        kind=given["kind"],
        value=Decimal(given["value"]),
        details=given["details"],
        effective_date=change.on,
    )
    _check_registration(contract, new, without)
    return new


def _check_registration(
    contract: Contract, one: ContractObject, without: ContractObject | None = None
) -> None:
    key = registration_key(one.details.get("registration") or "")
    others = [each for each in contract.live_objects if each not in (one, without)]
    for other in others:
        known = registration_key(other.details.get("registration") or "")
        if key and key == known and other.id != one.id:
            words = f"{one.details['registration']} is on this policy already."
            raise ConflictError(words, field=f"{AT}.registration")


def _with_inputs_of(present: ContractObject, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new object's details with the rating inputs of the place it shares with another."""
    kept = {
        name: level
        for name, level in present.details.get("rating_inputs", {}).items()
        if not name.startswith(CARRIED_OVER_NEVER)
    }
    return {**details, "rating_inputs": {**kept, **details.get("rating_inputs", {})}}


def _ended(contract: Contract, gone: ContractObject, on: date) -> Contract:
    after = contract.with_object(replace(gone, end_date=on))
    for benefit in contract.active_benefits:
        if benefit.object_id == gone.id:
            after = after.with_benefit(replace(benefit, status=ENDED))
    return after


def _terms(pricer: Pricer, benefit: ContractBenefit) -> BenefitTerms | None:
    return pricer.benefit_terms(benefit.benefit_code)


def _is_fixed(pricer: Pricer, benefit: ContractBenefit) -> bool:
    found = _terms(pricer, benefit)
    return found is not None and found.amount_type == "FIXED"


def _unbound(contract: Contract, kind: str, pricer: Pricer) -> list[ContractBenefit]:
    """Return the benefits in force that insure a kind of object and name none."""
    return [
        benefit
        for benefit in contract.active_benefits
        if benefit.object_id is None
        and (found := _terms(pricer, benefit)) is not None
        and found.insures(kind)
        and not found.per_policy
    ]


def _codes_for(contract: Contract, kind: str, pricer: Pricer) -> list[str]:
    """Return the benefits of a new object.

    Those that every policy has, those made for its kind, and those that others of its kind have.
    """
    if kind not in pricer.terms.object_kinds:
        return []
    alike = {one.id for one in contract.live_objects if one.kind == kind}
    held = {
        benefit.benefit_code for benefit in contract.active_benefits if benefit.object_id in alike
    }
    codes = [
        benefit.code
        for benefit in pricer.terms.priced_benefits
        if benefit.insures(kind)
        and not benefit.per_policy
        and (benefit.is_mandatory or benefit.object_kind == kind or benefit.code in held)
    ]
    return sorted(codes, key=lambda code: code != _main_code(pricer))


def _main_code(pricer: Pricer) -> str | None:
    main = pricer.terms.main_benefit
    return main.code if main else None


def _benefit_on(
    insured: ContractObject,
    code: str,
    amount: Decimal | None,
    change: Change,
    pricer: Pricer,
    reason: str,
) -> ContractBenefit:
    raise_all(check_value(pricer.terms, insured.value, f"{AT}.value"))
    try:
        priced = pricer.price(
            code,
            amount=amount,
            total_cover=None,
            headline=insured.value,
            life=None,
            on=change.on,
            insured=insured,
        )
    except DomainError as refusal:
        raise_all([_at_fact(error, insured.kind) for error in refusal.errors])
        raise
    layer = ContractLayer(
        number=1,
        amount=priced.sum_assured,
        starts_on=change.on,
        waiting_days=priced.waiting_period_days,
        waiting_until=change.on + timedelta(days=priced.waiting_period_days),
        reason=reason,
        price=Decimal(priced.worksheet["exact"]),
    )
    return ContractBenefit(
        id=UUID(change.data["benefit_ids"][code]),
        member_id=None,
        object_id=insured.id,
        benefit_code=code,
        benefit_name=priced.benefit_name,
        benefit_type_code=priced.benefit_type,
        status=ACTIVE,
        layers=(layer,),
    )


def _at_fact(error: DomainError, kind: str) -> DomainError:
    """Return a refusal at the fact of the object that it is about."""
    name = (error.field or "").removeprefix("rating_inputs.")
    if name == error.field:
        field = error.field if error.field == "effective_date" else f"{AT}.value"
    elif name in {fact.name for fact in OBJECT_FIELDS[kind]} | {"value"}:
        field = f"{AT}.{name}"
    else:
        field = f"{AT}.rating_inputs.{name}"
    return DomainError(error.message, field=field)


def _recorded(
    contract: Contract, change: Change, unbound: Iterable[ContractBenefit], pricer: Pricer
) -> Contract:
    """Say which object the cover in force is on. The cover stays; the rates may see more now."""
    given = dict(change.data[AT])
    benefits = list(unbound)
    cover = min(benefits, key=lambda one: not one.is_main).sum_assured
    if given.get("value") and Decimal(given["value"]) != cover:
        raise DomainError(
            f"The policy insures {format_money(cover)}: record that value, then change the cover.",
            field=f"{AT}.value",
        )
    recorded = _new_object(contract, change, given | {"value": str(cover)})
    after = replace(contract, objects=(*contract.objects, recorded))
    for benefit in benefits:
        bound = replace(benefit, object_id=recorded.id)
        after = after.with_benefit(_priced_by(bound, None, recorded, change.on, pricer))
    return after


def _rated_again(
    contract: Contract,
    before: ContractObject,
    after: ContractObject,
    on: date,
    pricer: Pricer,
) -> Contract:
    for benefit in contract.active_benefits:
        if benefit.object_id == after.id:
            contract = contract.with_benefit(_priced_by(benefit, before, after, on, pricer))
    return contract


def _priced_by(
    benefit: ContractBenefit,
    before: ContractObject | None,
    after: ContractObject,
    on: date,
    pricer: Pricer,
) -> ContractBenefit:
    """Price a benefit by what its object is now, where the rates see a difference."""
    terms = _terms(pricer, benefit)
    if terms is None or terms.rate_table is None:
        return benefit
    table = terms.rate_table

    def levels(one: ContractObject | None) -> list[str | None]:
        facts = {**pricer.rating_inputs, **(one.facts(on) if one else {})}
        return [table.level_of(name, facts.get(name) or "") for name in table.rating_factors]

    if levels(before) == levels(after) and None not in levels(after):
        return benefit
    layers = []
    for layer in benefit.layers:
        new = _table_price(benefit, layer, after, on, pricer)
        try:
            old = _table_price(benefit, layer, before, on, pricer)
        except DomainError:
            old = layer.price
        # What anniversaries added stays: it is in the price and not in the table.
        as_rated = old == ZERO or to_cents(old) == to_cents(layer.price)
        price = new if as_rated else layer.price * new / old
        layers.append(replace(layer, price=price))
    return replace(benefit, layers=tuple(layers))


def _table_price(
    benefit: ContractBenefit,
    layer: ContractLayer,
    insured: ContractObject | None,
    on: date,
    pricer: Pricer,
) -> Decimal:
    try:
        priced = pricer.price(
            benefit.benefit_code,
            amount=layer.amount,
            total_cover=None,
            headline=layer.amount,
            life=None,
            on=on,
            insured=insured,
        )
    except DomainError as refusal:
        raise_all(
            [_at_fact(error, insured.kind if insured else "VEHICLE") for error in refusal.errors]
        )
        raise
    return Decimal(priced.worksheet["exact"])


def _sum_insured(contract: Contract, one: ContractObject, pricer: Pricer) -> Decimal | None:
    """Return the cover of an object's main benefit, None where all its benefits are others."""
    main = _main_code(pricer)
    covers = [
        (each.benefit_code != main, each.sum_assured)
        for each in contract.active_benefits
        if each.object_id == one.id
        and (found := _terms(pricer, each)) is not None
        and found.amount_type == "SUM_INSURED"
    ]
    return min(covers, key=lambda each: each[0])[1] if covers else None


CHANGES: dict[str, Callable[[Contract, Change, Pricer], Contract]] = {
    "CHANGE_VEHICLE": change_vehicle,
    "ADD_OBJECT": add_object,
    "REMOVE_OBJECT": remove_object,
    "CHANGE_OBJECT": change_object,
    "CHANGE_ADDRESS": change_object,
    "CHANGE_DRIVERS": change_object,
}
"""How each change of an object is applied."""
