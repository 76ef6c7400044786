"""A policy's contract: read from its history, written to its rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from insurance.billing.models import PremiumLine
from insurance.core.ids import new_id
from insurance.core.period import add_years
from insurance.core.tenancy import current_org
from insurance.policies import queries
from insurance.policies.models import (
    Beneficiary,
    BeneficiaryKind,
    BenefitLayer,
    BenefitStatus,
    InsuredObject,
    Policy,
    PolicyBenefit,
    PolicyMember,
    PremiumFrequency,
)
from insurance.policies.rules import Change, Contract, ContractBenefit, Pricer, contract_of
from insurance.products.models import ObjectKind
from insurance.products.queries import funeral_caps_over_time, load_terms
from insurance.products.rules import FUNERAL, FuneralCaps, ProductTerms
from insurance.quotes.rules import registration_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a policy's contract is made of: how its term began, and the changes since."""

    contract: Contract
    starts_on: date
    recorded_at: datetime
    changes: tuple[Change, ...]
    pricer: Pricer


def load_basis(
    session: Session,
    policy: Policy,
    *,
    on: date | None = None,
    terms: ProductTerms | None = None,
) -> Basis:
    """Return what the policy's contract is made of; `on` asks for the term that runs up to a day.

    `terms` are those it was sold on, where the caller has read them.
    """
    base = queries.read_base(session, policy.id, before=on)
    return Basis(
        contract=_with_numbers(session, policy, base.snapshot),
        starts_on=base.starts_on,
        recorded_at=base.recorded_at,
        changes=tuple(
            change_of(one)
            for one in base.issued
            if one.issued_at and one.issued_at >= base.recorded_at
        ),
        pricer=pricer_of(session, policy, terms),
    )


def _with_numbers(session: Session, policy: Policy, snapshot: dict[str, Any]) -> Contract:
    """Read a snapshot; one from before lives had numbers takes them from the policy's lives."""
    contract = contract_of(snapshot)
    old = {UUID(one["id"]) for one in snapshot["members"] if "id_number_ref" not in one}
    for row in queries.list_members(session, policy.id) if old else ():
        member = contract.member(row.id)
        if member is not None and row.id in old:
            contract = contract.with_member(
                replace(member, id_number_ref=row.id_number_ref, passport_ref=row.passport_ref)
            )
    return contract


def change_of(endorsement: Any) -> Change:
    """Return an issued endorsement, or its row, as the rules read it."""
    return Change(
        id=endorsement.id,
        type=str(endorsement.type),
        on=endorsement.effective_date,
        data=endorsement.change["data"],
        sequence=endorsement.change["sequence"],
    )


def pricer_of(session: Session, policy: Policy, terms: ProductTerms | None = None) -> Pricer:
    """Return how cover added to a policy is priced: on the product version it is pinned to."""
    terms = terms or load_terms(session, policy.product_version_id)
    caps = funeral_caps_over_time(session) if terms.class_code == FUNERAL else None
    return pricer_with(policy, terms, caps)


class PricedPolicy(Protocol):
    """A policy, or its row, with what its cover is priced by."""

    @property
    def id(self) -> UUID: ...
    @property
    def product_version_id(self) -> UUID: ...
    @property
    def effective_date(self) -> date: ...
    @property
    def term_years(self) -> int: ...
    @property
    def rating(self) -> dict[str, Any]: ...


def pricer_with(
    policy: PricedPolicy, terms: ProductTerms, caps: Callable[[date], FuneralCaps] | None
) -> Pricer:
    """Return a policy's pricer, from its row and what it is priced on."""
    age = policy.rating.get("age")
    return Pricer(
        terms=terms,
        rating_inputs=policy.rating.get("rating_inputs") or {},
        term_years=policy.term_years,
        main_born_about=None if age is None else add_years(policy.effective_date, -age),
        gender=policy.rating.get("gender"),
        caps=caps,
    )


def next_charge(lines: Iterable[PremiumLine], starts_on: date) -> date:
    """Return the first day of a term for which none of a policy's premiums is charged or paid."""
    charged = [line.period_end for line in lines if line.is_fixed and line.due_date >= starts_on]
    return max(charged, default=starts_on)


def row_of(session: Session, policy: Policy, contract: Contract) -> dict[str, Any]:
    """Return the columns of a policy's row as a contract has them."""
    return {
        "premium": contract.premium,
        "coverage_amount": contract.coverage_amount,
        "due_day": contract.due_day,
        "frequency": PremiumFrequency(contract.frequency),
        "bank_account_id": contract.bank_account_id,
        "customer_id": contract.customer_id or policy.customer_id,
        "payer_id": contract.payer_id,
        "instalment": contract.instalment(pricer_of(session, policy).factor(contract.frequency)),
    }


def write_contents(session: Session, policy: Policy, contract: Contract) -> None:
    """Bring what a policy covers to a contract: lives, objects, benefits, beneficiaries."""
    _write_members(session, policy, contract)
    _write_objects(session, policy, contract)
    _write_benefits(session, policy, contract)
    _forget_objects(session, policy, contract)
    _write_beneficiaries(session, policy, contract)
    session.flush()


def _write_members(session: Session, policy: Policy, contract: Contract) -> None:
    rows = {row.id: row for row in queries.list_members(session, policy.id)}
    wanted = {member.id: member for member in contract.members}
    for member in contract.members:
        row = rows.get(member.id)
        if row is None:
            row = PolicyMember(id=member.id, policy_id=policy.id)
            session.add(row)
        for name in member.__dataclass_fields__:
            setattr(row, name, getattr(member, name))
    session.flush()
    for gone in rows.keys() - wanted.keys():
        _forget_benefits(session, policy.id, PolicyBenefit.member_id == gone)
        session.delete(rows[gone])
    session.flush()


def _write_objects(session: Session, policy: Policy, contract: Contract) -> None:
    rows = {row.id: row for row in queries.list_objects(session, policy.id)}
    for one in contract.objects:
        row = rows.get(one.id)
        if row is None:
            row = InsuredObject(id=one.id, policy_id=policy.id)
            session.add(row)
        row.kind, row.name = ObjectKind(one.kind), one.name
        row.registration_key = registration_key(one.details.get("registration") or "") or None
        row.value, row.details = one.value, dict(one.details)
        row.effective_date, row.end_date = one.effective_date, one.end_date
    session.flush()


def _forget_objects(session: Session, policy: Policy, contract: Contract) -> None:
    """Delete objects whose addition was taken back, with their benefits; history keeps them."""
    known = {one.id for one in contract.objects}
    for row in queries.list_objects(session, policy.id):
        if row.id not in known:
            _forget_benefits(session, policy.id, PolicyBenefit.object_id == row.id)
            session.delete(row)
    session.flush()


def _forget_benefits(session: Session, policy_id: UUID, whose: ColumnElement[bool]) -> None:
    """Delete the benefits of what was added and taken back; history keeps them."""
    of_member = (
        PolicyBenefit.org_id == current_org(),
        PolicyBenefit.policy_id == policy_id,
        whose,
    )
    session.execute(
        delete(BenefitLayer).where(
            BenefitLayer.org_id == current_org(),
            BenefitLayer.policy_benefit_id.in_(select(PolicyBenefit.id).where(*of_member)),
        )
    )
    session.execute(delete(PolicyBenefit).where(*of_member))


def _write_benefits(session: Session, policy: Policy, contract: Contract) -> None:
    views = {one.benefit.id: one for one in queries.list_benefits(session, policy.id)}
    for order, benefit in enumerate(contract.benefits, 1):
        view = views.get(benefit.id)
        row = view.benefit if view else _new_benefit(session, policy, benefit, order)
        row.sum_assured, row.premium = benefit.sum_assured, benefit.premium
        row.status, row.object_id = BenefitStatus(benefit.status), benefit.object_id
        _write_layers(session, benefit, list(view.layers) if view else [])


def _new_benefit(
    session: Session, policy: Policy, benefit: ContractBenefit, order: int
) -> PolicyBenefit:
    row = PolicyBenefit(
        id=benefit.id,
        policy_id=policy.id,
        member_id=benefit.member_id,
        object_id=benefit.object_id,
        benefit_code=benefit.benefit_code,
        benefit_name=benefit.benefit_name,
        benefit_type_code=benefit.benefit_type_code,
        sum_assured=benefit.sum_assured,
        premium=benefit.premium,
        status=BenefitStatus(benefit.status),
        display_order=order,
        is_main=benefit.is_main,
        worksheet={"exact": str(sum(layer.price for layer in benefit.layers))},
    )
    session.add(row)
    session.flush()
    return row


def _write_layers(session: Session, benefit: ContractBenefit, rows: list[BenefitLayer]) -> None:
    known = {row.number: row for row in rows}
    for layer in benefit.layers:
        row = known.pop(layer.number, None)
        if row is None:
            row = BenefitLayer(id=new_id(), policy_benefit_id=benefit.id, number=layer.number)
            session.add(row)
        for name in ("amount", "starts_on", "waiting_days", "waiting_until", "reason"):
            setattr(row, name, getattr(layer, name))
    for gone in known.values():
        session.delete(gone)


def _write_beneficiaries(session: Session, policy: Policy, contract: Contract) -> None:
    session.execute(
        delete(Beneficiary).where(
            Beneficiary.org_id == current_org(), Beneficiary.policy_id == policy.id
        )
    )
    for order, one in enumerate(contract.beneficiaries, 1):
        fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
        fields["kind"] = BeneficiaryKind(one.kind)
        session.add(Beneficiary(policy_id=policy.id, display_order=order, **fields))
