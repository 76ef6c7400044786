"""Changing what a policy insures: the vehicle, an object more or less, its address, its drivers."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import BooleanField, Field

from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import on_policy
from insurance.blueprints.policies.endorse import EndorseForm, act_on, resolutions
from insurance.blueprints.policies.versions import show_changed
from insurance.core.db import db
from insurance.core.errors import DomainError, DomainErrors, NotFoundError
from insurance.policies import queries
from insurance.policies.models import EndorsementType, InsuredObject, Policy
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import DuplicateRegistrationError
from insurance.policies.services.endorsements import EndorsementRequest, Preview
from insurance.products.queries import load_terms
from insurance.products.rules import OBJECT_FIELDS, OBJECT_KINDS, PLACE_FIELDS, ProductTerms
from insurance.web.access import requires
from insurance.web.acts import show_act
from insurance.web.business import business_day
from insurance.web.html import refuse
from insurance.web.object_forms import (
    described,
    driver_fields,
    drivers_typed,
    field_of,
    fill,
    object_fields,
)

_TYPES = {
    "vehicle": EndorsementType.CHANGE_VEHICLE,
    "add": EndorsementType.ADD_OBJECT,
    "remove": EndorsementType.REMOVE_OBJECT,
    "details": EndorsementType.CHANGE_OBJECT,
    "address": EndorsementType.CHANGE_ADDRESS,
    "drivers": EndorsementType.CHANGE_DRIVERS,
}


@dataclass(frozen=True)
class _Change:
    """What is asked for: the change, and the object it is about; None where one is added."""

    kind: str
    terms: ProductTerms
    object_kind: str
    present: InsuredObject | None

    @property
    def title(self) -> str:
        """Return the change in words."""
        what = OBJECT_KINDS[self.object_kind].lower()
        return {
            "vehicle": "Change vehicle",
            "add": f"Add {'an' if what[0] in 'aeiou' else 'a'} {what}",
            "remove": f"Remove {what}",
            "details": f"Change details of the {what}",
            "address": "Change address",
            "drivers": "Drivers",
        }[self.kind]

    def fields(self) -> dict[str, Any]:
        """Return the fields that the change asks for."""
        if self.kind == "remove":
            return {}
        if self.kind == "drivers":
            return driver_fields()
        if self.kind in ("vehicle", "add"):
            fields = object_fields(self.object_kind, self.terms)
            return fields | {"confirms_duplicate": BooleanField("Insure this vehicle twice")}
        names = [one.name for one in OBJECT_FIELDS[self.object_kind]]
        if self.kind == "address":
            names = [name for name in names if name in PLACE_FIELDS]
        fields = object_fields(
            self.object_kind, self.terms, only=names, has_value=False, has_drivers=False
        )
        return fields | {"confirms_duplicate": BooleanField("Insure this vehicle twice")}

    def data(self, form: EndorseForm) -> dict[str, Any]:
        """Return what was typed as the command reads it; of present facts only what differs."""
        data: dict[str, Any] = {}
        if self.present is not None:
            data["policy_object_id"] = self.present.id
        if self.kind == "drivers":
            return data | {"drivers": drivers_typed(form.data)}
        if self.kind == "remove":
            return data
        typed = described(form, self.object_kind)
        if self.kind in ("details", "address") and self.present is not None:
            typed = _differing(typed, self.present.details)
        return data | {"insured_object": typed}


def kinds_of_change(terms: ProductTerms, objects: list[InsuredObject]) -> dict[str, str]:
    """Return the changes of objects that a policy may have, in words."""
    if not terms.object_kinds:
        return {}
    live = [one for one in objects if one.end_date is None]
    kinds: dict[str, str] = {}
    if any(one.kind == "VEHICLE" for one in live):
        kinds |= {"vehicle": "Change vehicle", "drivers": "Drivers"}
    if live:
        kinds |= {"address": "Change address", "details": "Change details"}
    kinds["add"] = "Add object"
    return kinds | ({"remove": "Remove object"} if len(live) > 1 else {})


@bp.route("/<uuid:policy_id>/objects/<kind>", methods=["GET", "POST"])
@requires(PoliciesMay.ENDORSE)
def change_object(policy_id: UUID, kind: str) -> Response:
    """Show what a change of an object does; issue it, or keep it as a draft."""
    line = queries.get_policy_line(db.session(), policy_id)
    objects = list(queries.list_objects(db.session(), policy_id))
    change = _read_change(kind, line.policy, objects)
    form: EndorseForm = type("ObjectForm", (EndorseForm,), change.fields())()
    if request.method == "GET":
        form.effective_date.data = business_day()
        form.version.data = line.policy.current_version
        _show_present(form, change, line.policy)
    preview, asks = None, False
    if request.method == "POST" and form.validate_on_submit():
        try:
            done = act_on(request.form.get("act", ""), line.policy, _wanted(change, form))
            if isinstance(done, Response):
                return done
            preview = done
        except DomainError as error:
            asks = isinstance(error, DuplicateRegistrationError)
            refuse(
                form, DomainErrors([field_of(single, "insured_object") for single in error.errors])
            )
            form.refused_with = error.status
            show_changed(form, policy_id, error)
    return show_act(
        on_policy(
            line.policy,
            change.title,
            "Issue",
            has_effect=True,
            leave="Cancel",
            action=_address(change, line.policy),
        ),
        form,
        template="policies/endorse.html",
        kind=f"{kind}-object",
        policy=line.policy,
        preview=preview if isinstance(preview, Preview) else None,
        resolved=[] if preview is None or preview.conflicts else resolutions(),
        others=_others(change, line.policy, objects),
        hidden={"confirms_duplicate"} if not (asks or _confirms(form)) else set(),
        subject=change.present.name if change.present else "",
        of_object=True,
        **_groups(form, change),
    )


def _groups(form: EndorseForm, change: _Change) -> dict[str, list[Field]]:
    """Return the facts of the object and its drivers, which stand in rows."""
    fields = [form._fields[name] for name in change.fields() if name != "confirms_duplicate"]
    drivers = [field for field in fields if field.name.startswith("driver_")]
    return {"object_facts": [field for field in fields if field not in drivers], "drivers": drivers}


def _read_change(kind: str, policy: Policy, objects: list[InsuredObject]) -> _Change:
    terms = load_terms(db.session(), policy.product_version_id)
    if kind not in _TYPES or not terms.object_kinds:
        raise NotFoundError
    if kind == "add":
        chosen = request.args.get("what") or terms.object_kinds[0]
        if chosen not in terms.object_kinds:
            raise NotFoundError
        return _Change(kind, terms, chosen, None)
    fitting = _fitting(kind, objects)
    wanted = request.args.get("object")
    present = next((one for one in fitting if wanted in (None, str(one.id))), None)
    if present is None:
        raise NotFoundError("No such object is recorded on this policy.")
    return _Change(kind, terms, present.kind.value, present)


def _fitting(kind: str, objects: list[InsuredObject]) -> list[InsuredObject]:
    return [
        one
        for one in objects
        if one.end_date is None and (one.kind == "VEHICLE" or kind not in ("vehicle", "drivers"))
    ]


def _wanted(change: _Change, form: EndorseForm) -> EndorsementRequest:
    return EndorsementRequest(
        type=_TYPES[change.kind],
        data=change.data(form),
        effective_date=form.effective_date.data or business_day(),
        reason=form.reason.data or None,
        resolutions=dict(resolutions()),
        confirms_duplicate=_confirms(form),
        seen_version=form.version.data or None,
    )


def _confirms(form: EndorseForm) -> bool:
    return bool(form.data.get("confirms_duplicate"))


def _show_present(form: EndorseForm, change: _Change, policy: Policy) -> None:
    """Start with what is so at present; a vehicle that is new starts with the place alone."""
    policy_inputs = policy.rating.get("rating_inputs") or {}
    if change.present is None:
        value = policy.coverage_amount if not queries.list_objects(
            db.session(), policy.id) else None  # fmt: skip
        fill(form, {"rating_inputs": policy_inputs, **_stated(policy_inputs, change)}, value=value)
        return
    details = change.present.details
    inputs = {**policy_inputs, **details.get("rating_inputs", {})}
    if change.kind == "vehicle":
        kept = {name: level for name, level in inputs.items() if not name.startswith("vehicle_")}
        fill(form, {"rating_inputs": kept, "drivers": details.get("drivers") or []})
        return
    fill(form, details | {"rating_inputs": inputs})


def _stated(inputs: dict[str, str], change: _Change) -> dict[str, str]:
    """Return the facts that the policy was rated on before it had an object."""
    names = {one.name for one in OBJECT_FIELDS[change.object_kind] if one.options}
    return {name: level for name, level in inputs.items() if name in names}


def _differing(typed: dict[str, Any], present: dict[str, Any]) -> dict[str, Any]:
    inputs = present.get("rating_inputs") or {}
    changed = {
        name: value
        for name, value in typed.items()
        if name not in ("kind", "drivers", "rating_inputs") and str(present.get(name)) != str(value)
    }
    new = {
        name: level for name, level in typed["rating_inputs"].items() if inputs.get(name) != level
    }
    return changed | ({"rating_inputs": new} if new else {})


def _address(change: _Change, policy: Policy) -> str:
    about = {"object": change.present.id} if change.present else {"what": change.object_kind}
    return url_for(".change_object", policy_id=policy.id, kind=change.kind, **about)


def _others(change: _Change, policy: Policy, objects: list[InsuredObject]) -> list[tuple[str, str]]:
    """Return what else the same change can be about: words and address."""
    if change.kind == "add":
        return [
            (
                OBJECT_KINDS[kind],
                url_for(".change_object", policy_id=policy.id, kind="add", what=kind),
            )
            for kind in change.terms.object_kinds
            if kind != change.object_kind
        ]
    return [
        (
            one.name,
            url_for(".change_object", policy_id=policy.id, kind=change.kind, object=one.id),
        )
        for one in _fitting(change.kind, objects)
        if change.present is not None and one.id != change.present.id
    ]
