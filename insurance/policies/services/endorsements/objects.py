"""What changes of insured objects ask for, read strictly and completed with the ids they make."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.customers.privacy import births_kept
from insurance.policies import queries
from insurance.policies.models import EndorsementType, InsuredObject, Policy
from insurance.products.queries import load_terms
from insurance.products.rules import OBJECT_FIELDS, PLACE_FIELDS, ProductTerms
from insurance.quotes.queries import object_as_stored
from insurance.quotes.rules import read_drivers, read_object

AT = "insured_object"
OBJECT_CHANGES = frozenset(
    {
        EndorsementType.CHANGE_VEHICLE,
        EndorsementType.ADD_OBJECT,
        EndorsementType.REMOVE_OBJECT,
        EndorsementType.CHANGE_OBJECT,
        EndorsementType.CHANGE_ADDRESS,
        EndorsementType.CHANGE_DRIVERS,
    }
)
_OF_VEHICLES = (EndorsementType.CHANGE_VEHICLE, EndorsementType.CHANGE_DRIVERS)


def object_data(
    session: Session, policy: Policy, kind: EndorsementType, given: Mapping[str, Any], on: date
) -> dict[str, Any]:
    """Return what a change of an object does. Raises DomainError at the fact that cannot be."""
    terms = load_terms(session, policy.product_version_id)
    if not terms.object_kinds:
        words = "This product insures no vehicle, building or other object."
        raise DomainError(words, field="endorsement_type")
    if kind is EndorsementType.ADD_OBJECT:
        return _new(terms, given[AT], on)
    objects = queries.list_objects(session, policy.id)
    present = _chosen(objects, given.get("policy_object_id"), kind)
    benefits = [
        benefit.benefit.id
        for benefit in queries.list_benefits(session, policy.id)
        if benefit.benefit.object_id == present.id
    ]
    data: dict[str, Any] = {"policy_object_id": present.id}
    if kind is EndorsementType.REMOVE_OBJECT:
        return data | {"ended_benefit_ids": benefits}
    known = present.details.get("drivers") or []
    if kind is EndorsementType.CHANGE_VEHICLE:
        drivers = births_kept(given[AT].get("drivers") or [], known)
        vehicle = {**given[AT], "kind": "VEHICLE", "drivers": drivers}
        return data | _new(terms, vehicle, on) | {"ended_benefit_ids": benefits}
    if kind is EndorsementType.CHANGE_DRIVERS:
        drivers = births_kept(given.get("drivers") or [], known)
        return data | {"details": {"drivers": read_drivers(drivers, on=on)}}
    names = [fact.name for fact in OBJECT_FIELDS[present.kind.value]]
    if kind is EndorsementType.CHANGE_ADDRESS:
        names = [name for name in names if name in PLACE_FIELDS]
    return data | {"details": _changed(terms, present, given[AT], names, on)}


def _new(terms: ProductTerms, given: Mapping[str, Any], on: date) -> dict[str, Any]:
    kind = str(given.get("kind") or terms.object_kinds[0])
    if kind not in terms.object_kinds:
        words = f"This product insures: {', '.join(terms.object_kinds)}."
        raise DomainError(words, field=f"{AT}.kind")
    one = read_object(kind, given, on=on, levels=terms.factor_levels, at=AT)
    codes = [each.code for each in terms.priced_benefits if each.insures(kind)]
    return {
        "new_object_id": new_id(),
        "insured_object": object_as_stored(one),
        "benefit_ids": {code: new_id() for code in codes},
    }


def _chosen(objects: Sequence[InsuredObject], chosen: Any, kind: EndorsementType) -> InsuredObject:
    """Return the object that is meant: the one named, else the only one that can be."""
    fitting = [
        one
        for one in objects
        if one.end_date is None and (one.kind == "VEHICLE" or kind not in _OF_VEHICLES)
    ]
    if not objects:
        words = "No object is recorded on this policy yet: add it first."
        raise DomainError(words, field="policy_object_id")
    if chosen is None and len(fitting) == 1:
        return fitting[0]
    found = next((one for one in objects if str(one.id) == str(chosen)), None)
    if found is None or (kind in _OF_VEHICLES and found.kind != "VEHICLE"):
        raise DomainError("Choose what changes.", field="policy_object_id")
    return found


def _changed(
    terms: ProductTerms,
    present: InsuredObject,
    given: Mapping[str, Any],
    names: Sequence[str],
    on: date,
) -> dict[str, Any]:
    """Return the facts that change; what is left out stays as it is."""
    typed = {name: value for name, value in given.items() if value not in (None, "", {}, [])}
    for name in typed:
        if name == "value":
            raise DomainError("Change the cover instead.", field=f"{AT}.value")
        if name not in (*names, "rating_inputs", "kind"):
            raise DomainError("This does not belong to this change.", field=f"{AT}.{name}")
    whole = {**present.details, **typed, "value": present.value}
    kind = present.kind.value
    read = read_object(kind, whole, on=on, levels=terms.factor_levels, at=AT)
    facts = {name: read.details.get(name) for name in names if name in typed}
    if inputs := typed.get("rating_inputs"):
        facts["rating_inputs"] = {name: str(level) for name, level in inputs.items() if level}
    if not facts:
        raise DomainError("Enter what changes.", field=AT)
    return facts
