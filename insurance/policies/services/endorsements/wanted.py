"""What is asked for: the kinds of endorsement and the facts that each takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.billing.models import LineKind, LineStatus
from insurance.billing.queries import list_premium_lines
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.ids import new_id
from insurance.customers.life_numbers import (
    REFERENCES,
    TYPED,
    find_references,
    keep_numbers,
    read_life_numbers,
)
from insurance.customers.number_search import find_by_number, number_in
from insurance.customers.privacy import births_kept, may_see_identity
from insurance.customers.queries import list_bank_accounts
from insurance.policies import queries
from insurance.policies.models import (
    Endorsement,
    EndorsementType,
    Policy,
)
from insurance.policies.rules import (
    FROM_BIRTH,
    MAX_DAYS_AHEAD,
)
from insurance.policies.services.contracts import Basis, load_basis, next_charge
from insurance.policies.services.endorsements.objects import OBJECT_CHANGES, object_data
from insurance.policies.services.payers import payer_of
from insurance.products.queries import load_terms
from insurance.products.rules import EVERY_LIFE

LATER_STANDS = "KEEP_LATER"


THIS_STANDS = "USE_THIS"


_FIELDS: dict[EndorsementType, tuple[str, ...]] = {
    EndorsementType.CHANGE_COVER: ("policy_benefit_id", "new_sum_assured"),
    EndorsementType.ADD_MEMBER: (
        "member_role",
        "first_name",
        "last_name",
        "date_of_birth",
        "gender",
        *REFERENCES,
    ),
    EndorsementType.REMOVE_MEMBER: ("policy_member_id",),
    EndorsementType.CHANGE_BENEFICIARIES: ("beneficiaries",),
    EndorsementType.CHANGE_PREMIUM_DUE_DAY: ("due_day",),
    EndorsementType.CHANGE_FREQUENCY: ("frequency",),
    EndorsementType.CHANGE_BANK_DETAILS: ("bank_account_id",),
    EndorsementType.CHANGE_PAYER: ("payer_id",),
    EndorsementType.CORRECT_DETAILS: (
        "policy_member_id",
        "first_name",
        "last_name",
        "date_of_birth",
        "gender",
        *REFERENCES,
    ),
    EndorsementType.CHANGE_VEHICLE: ("policy_object_id", "insured_object"),
    EndorsementType.ADD_OBJECT: ("insured_object",),
    EndorsementType.REMOVE_OBJECT: ("policy_object_id",),
    EndorsementType.CHANGE_OBJECT: ("policy_object_id", "insured_object"),
    EndorsementType.CHANGE_ADDRESS: ("policy_object_id", "insured_object"),
    EndorsementType.CHANGE_DRIVERS: ("policy_object_id", "drivers"),
}


_OPTIONAL = {
    EndorsementType.ADD_MEMBER: {"first_name", "gender", *REFERENCES},
    EndorsementType.CORRECT_DETAILS: {
        "first_name",
        "last_name",
        "date_of_birth",
        "gender",
        *REFERENCES,
    },
    EndorsementType.CHANGE_VEHICLE: {"policy_object_id"},
    EndorsementType.CHANGE_OBJECT: {"policy_object_id"},
    EndorsementType.CHANGE_ADDRESS: {"policy_object_id"},
    EndorsementType.CHANGE_DRIVERS: {"policy_object_id", "drivers"},
}


OF_LIVES = (EndorsementType.ADD_MEMBER, EndorsementType.CORRECT_DETAILS)


FROM_NEXT_PREMIUM = (
    EndorsementType.CHANGE_PREMIUM_DUE_DAY,
    EndorsementType.CHANGE_FREQUENCY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndorsementRequest:
    """What somebody wants changed. `data` holds the fields of the type.

    `resolutions` says of each later endorsement in conflict whether it stands (KEEP_LATER) or
    this one does (USE_THIS). `confirms_duplicate` answers that a vehicle may be insured on another
    policy of the book too. `life_answers` says by a question's key whether two lives are one.
    `seen_version` is the version of the policy that the person saw; None asks nothing.
    """

    type: EndorsementType
    data: Mapping[str, Any]
    effective_date: date
    reason: str | None = None
    resolutions: Mapping[UUID, str] = field(default_factory=dict)
    confirms_duplicate: bool = False
    life_answers: Mapping[str, bool] = field(default_factory=dict)
    seen_version: int | None = None


def data_of(
    session: Session,
    policy: Policy,
    wanted: EndorsementRequest,
    *,
    on: date,
    kept_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the type's own fields, completed with the ids that the change will make.

    A life's ID and passport number give way to references; they are kept where `kept_at` is given.
    """
    if wanted.type not in _FIELDS:
        raise DomainError("Month-end makes this change.", field="endorsement_type")
    names, optional = _FIELDS[wanted.type], _OPTIONAL.get(wanted.type, set())
    given = {name: value for name, value in wanted.data.items() if value not in (None, "", [])}
    if wanted.type in OF_LIVES:
        given = _with_references(session, policy, wanted, given, kept_at)
    for name in given:
        if name not in names:
            raise DomainError(f"This does not belong to {kind_words(wanted.type)}.", field=name)
    missing = [name for name in names if name not in optional and name not in given]
    asks = [(name, f"Enter the {name.replace('_', ' ')}.") for name in missing]
    raise_all([DomainError(message, field=name) for name, message in asks])
    data: dict[str, Any] = {name: given.get(name) for name in names}
    if wanted.type is EndorsementType.ADD_MEMBER:
        data |= _new_ids(session, policy, str(given["member_role"]))
        data |= _from_birth(session, policy, data, starts=wanted.effective_date, told=on)
    elif wanted.type is EndorsementType.REMOVE_MEMBER:
        benefits = queries.list_benefits(session, policy.id)
        member = UUID(str(given["policy_member_id"]))
        data["benefit_ids"] = [
            benefit.benefit.id for benefit in benefits if benefit.benefit.member_id == member
        ]
    elif wanted.type is EndorsementType.CHANGE_BANK_DETAILS:
        known = {account.id for account in list_bank_accounts(session, policy.paid_by)}
        if UUID(str(given["bank_account_id"])) not in known:
            raise DomainError("Choose an account of who pays.", field="bank_account_id")
    elif wanted.type is EndorsementType.CHANGE_BENEFICIARIES:
        present = [
            {
                name: getattr(beneficiary, name)
                for name in ("first_name", "last_name", "date_of_birth")
            }
            for beneficiary in queries.list_beneficiaries(session, policy.id)
        ]
        data["beneficiaries"] = births_kept(given["beneficiaries"], present)
    elif wanted.type is EndorsementType.CHANGE_PAYER:
        data["payer_id"] = payer_of(session, UUID(str(given["payer_id"])), policy.customer_id)
    elif wanted.type in OBJECT_CHANGES:
        return object_data(session, policy, wanted.type, given, wanted.effective_date)
    return data


def count_number(wanted: EndorsementRequest) -> None:
    """Count a life's ID number as a search where whoever types it may not see it.

    Whether a cap is reached tells whether the number is that of a life on another policy. Raises
    TooManyError where no search is left within the hour.
    """
    digits = number_in(str(wanted.data.get("id_number") or ""))
    if digits is not None and not may_see_identity():
        find_by_number(digits)


def _with_references(
    session: Session,
    policy: Policy,
    wanted: EndorsementRequest,
    given: Mapping[str, Any],
    kept_at: datetime | None,
) -> dict[str, Any]:
    """Return what was given with references in place of numbers, birth and gender by the number."""
    typed = {name: str(given[name]) for name in TYPED if name in given}
    rest = {name: value for name, value in given.items() if name not in TYPED}
    if not typed:
        return rest
    member_id = str(given.get("policy_member_id"))
    members = queries.list_members(session, policy.id)
    member = next((one for one in members if str(one.id) == member_id), None)
    known = {name: getattr(member, name, None) for name in ("date_of_birth", "gender")}
    born, gender = (rest.get(name, known[name]) for name in ("date_of_birth", "gender"))
    read = read_life_numbers(typed, born, gender, on=wanted.effective_date)
    references = (
        find_references(session, read.numbers)
        if kept_at is None
        else keep_numbers(session, [read.numbers], now=kept_at)[0]
    )
    found = {"date_of_birth": read.date_of_birth, "gender": read.gender}
    return (
        rest
        | {name: value for name, value in found.items() if value not in (None, known[name])}
        | {name: ref for name in REFERENCES if (ref := getattr(references, name)) is not None}
    )


def _new_ids(session: Session, policy: Policy, role: str) -> dict[str, Any]:
    terms = load_basis(session, policy).pricer.terms
    codes = [
        benefit.code
        for benefit in terms.priced_benefits
        if benefit.member_role in (role, EVERY_LIFE)
    ]
    return {"member_id": new_id(), "benefit_ids": {code: new_id() for code in codes}}


def _from_birth(
    session: Session, policy: Policy, data: Mapping[str, Any], *, starts: date, told: date
) -> dict[str, Any]:
    """Return the mark of a child that is covered from birth, nothing for any other life."""
    terms = load_terms(session, policy.product_version_id)
    born = data["date_of_birth"]
    if isinstance(born, str):
        born = date.fromisoformat(born)
    return (
        {FROM_BIRTH: True}
        if terms.covers_from_birth(str(data["member_role"]), born, starts, told)
        else {}
    )


def wanted_of(endorsement: Endorsement) -> EndorsementRequest:
    """Return what a stored endorsement asks for."""
    resolutions = endorsement.change.get("resolutions", {})
    return EndorsementRequest(
        type=endorsement.type,
        data=endorsement.change["data"],
        effective_date=endorsement.effective_date,
        reason=endorsement.reason,
        resolutions={UUID(key): how for key, how in resolutions.items()},
        confirms_duplicate=endorsement.change.get("confirms_duplicate", False),
        life_answers=endorsement.change.get("life_answers", {}),
    )


def effective_day(
    session: Session, wanted: EndorsementRequest, basis: Basis, policy: Policy, on: date
) -> date:
    """Return the day a change takes effect. Raises DomainError outside the term.

    Premiums fall due another day or as often only from one on that is due on the day asked for or
    later and neither charged nor paid; whether a job charged those before makes no difference.
    """
    effective = wanted.effective_date
    if wanted.type in FROM_NEXT_PREMIUM:
        effective = max(effective, basis.starts_on)
    if effective < basis.starts_on:
        raise DomainError(
            f"The policy's present term began on {basis.starts_on:%Y/%m/%d}.",
            field="effective_date",
        )
    if policy.expiry_date is not None and effective >= policy.expiry_date:
        raise DomainError(f"Cover ends on {policy.expiry_date:%Y/%m/%d}.", field="effective_date")
    if effective > on + timedelta(days=MAX_DAYS_AHEAD):
        raise DomainError("A change can take effect at most a year ahead.", field="effective_date")
    if wanted.type in FROM_NEXT_PREMIUM:
        return _next_premium(session, policy, basis, effective)
    return effective


def _next_premium(session: Session, policy: Policy, basis: Basis, effective: date) -> date:
    """Return the first due date from a day on that is neither charged nor paid.

    Raises ConflictError where the term has none, or a later one has another rhythm already.
    """
    lines = list_premium_lines(session, policy.id)
    kept = [
        line.period_end
        for line in lines
        if line.kind is LineKind.PREMIUM
        and line.status is not LineStatus.CANCELLED
        and basis.starts_on <= line.due_date < effective
    ]
    start = max([*kept, next_charge(lines, basis.starts_on)])
    if policy.expiry_date is not None and start >= policy.expiry_date:
        raise ConflictError(
            f"Every premium until {policy.expiry_date:%Y/%m/%d} is charged or paid;"
            " this can change once the policy is renewed."
        )
    ahead = [
        change.on
        for change in basis.changes
        if change.type in FROM_NEXT_PREMIUM and change.on > start
    ]
    if ahead:
        raise ConflictError(
            f"Premiums change their rhythm on {min(ahead):%Y/%m/%d} already. Undo that first."
        )
    return start


def kind_words(kind: EndorsementType) -> str:
    """Return a kind of endorsement as the history names it."""
    return kind.value.replace("_", " ").capitalize()
