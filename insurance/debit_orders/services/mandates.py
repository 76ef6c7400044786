"""The life of a mandate: captured, signed, suspended, cancelled."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.customers.models import BankAccount
from insurance.customers.rules import read_account_holder
from insurance.debit_orders import queries
from insurance.debit_orders.models import Mandate
from insurance.debit_orders.rules import Convention, MandateStatus

_OVER = ("cancelled", "expired")
_AUDITED = (
    "policy_id",
    "bank_account_id",
    "status",
    "signed_on",
    "max_amount",
    "convention",
    "collection_day",
)


@dataclass(frozen=True, slots=True)
class NewMandate:
    """A mandate as captured. Without the day of its signature it waits, PENDING."""

    bank_account_id: UUID
    signed_on: date | None = None
    max_amount: Decimal | None = None
    convention: Convention = Convention.FOLLOWING
    collection_day: int | None = None


def create_mandate(policy_id: UUID, wanted: NewMandate, *, on: date, now: datetime) -> Mandate:
    """Capture the authority to debit an account of who pays the policy's premiums.

    An active mandate of somebody who paid before is cancelled by it.
    """
    try:
        with transaction() as session:
            policy = queries.get_policy_facts(session, policy_id)
            if policy.status in _OVER:
                raise ConflictError(f"A policy that is {policy.status} is not debited.")
            _check(session, wanted, policy.customer_id, on)
            signed = wanted.signed_on is not None
            mandate = Mandate(
                id=new_id(),
                policy_id=policy_id,
                customer_id=policy.customer_id,
                bank_account_id=wanted.bank_account_id,
                status=MandateStatus.ACTIVE if signed else MandateStatus.PENDING,
                signed_on=wanted.signed_on,
                max_amount=wanted.max_amount,
                convention=wanted.convention,
                collection_day=wanted.collection_day,
                created_at=now,
            )
            cancel_mandates_of(
                session,
                policy_id,
                reason="Somebody else pays the premiums now",
                now=now,
                keeping=policy.customer_id,
            )
            session.add(mandate)
            session.flush()
            _record(session, "create_mandate", mandate)
            return mandate
    except IntegrityError as error:
        raise _second_active(error) from error


def activate_mandate(mandate_id: UUID, *, signed_on: date, on: date) -> Mandate:
    """Put a mandate that waits or was suspended into force, signed on a day."""
    if signed_on > on:
        raise DomainError("A mandate cannot be signed in the future.", field="signed_on")
    try:
        with transaction() as session:
            mandate = queries.get_mandate(session, mandate_id, lock=True)
            _refuse_unless(mandate, "activated", MandateStatus.PENDING, MandateStatus.SUSPENDED)
            before = _audited(mandate)
            mandate.status, mandate.signed_on = MandateStatus.ACTIVE, signed_on
            session.flush()
            _record(session, "activate_mandate", mandate, before)
            return mandate
    except IntegrityError as error:
        raise _second_active(error) from error


def suspend_mandate(mandate_id: UUID, *, reason: str) -> Mandate:
    """Stop debiting until the mandate is activated again."""
    _check_reason(reason)
    with transaction() as session:
        mandate = queries.get_mandate(session, mandate_id, lock=True)
        _refuse_unless(mandate, "suspended", MandateStatus.ACTIVE, MandateStatus.PENDING)
        before = _audited(mandate)
        mandate.status = MandateStatus.SUSPENDED
        _record(session, "suspend_mandate", mandate, before, reason)
        return mandate


def cancel_mandate(mandate_id: UUID, *, reason: str, now: datetime) -> Mandate:
    """End a mandate for good. Debits already released are not called back."""
    _check_reason(reason)
    with transaction() as session:
        mandate = queries.get_mandate(session, mandate_id, lock=True)
        if mandate.status is MandateStatus.CANCELLED:
            raise ConflictError("This mandate is already cancelled.")
        before = _audited(mandate)
        mandate.status = MandateStatus.CANCELLED
        mandate.cancelled_at, mandate.cancel_reason = now, reason.strip()
        _record(session, "cancel_mandate", mandate, before, reason)
        return mandate


def cancel_mandates_of(
    session: Session,
    policy_id: UUID,
    *,
    reason: str,
    now: datetime,
    keeping: UUID | None = None,
) -> None:
    """End every mandate of a policy, as a step, but those of one customer: who pays now.

    Debits already released are not called back.
    """
    found = session.scalars(
        select(Mandate)
        .where(
            Mandate.org_id == current_org(),
            Mandate.policy_id == policy_id,
            Mandate.status != MandateStatus.CANCELLED,
        )
        .with_for_update()
    ).all()
    for mandate in found:
        if mandate.customer_id == keeping:
            continue
        before = _audited(mandate)
        mandate.status = MandateStatus.CANCELLED
        mandate.cancelled_at, mandate.cancel_reason = now, reason
        _record(session, "cancel_mandate", mandate, before, reason)
    session.flush()


def _check(session: Session, wanted: NewMandate, customer_id: UUID, on: date) -> None:
    account = session.scalars(
        select(BankAccount).where(
            BankAccount.org_id == current_org(),
            BankAccount.id == wanted.bank_account_id,
            BankAccount.customer_id == customer_id,
        )
    ).one_or_none()
    if account is None:
        raise DomainError("Choose an account of who pays.", field="bank_account_id")
    read_account_holder(account.holder, field="bank_account_id")
    if wanted.signed_on is not None and wanted.signed_on > on:
        raise DomainError("A mandate cannot be signed in the future.", field="signed_on")
    if wanted.max_amount is not None and wanted.max_amount <= ZERO:
        raise DomainError("The most to debit at once is more than nothing.", field="max_amount")
    if wanted.collection_day is not None and not 1 <= wanted.collection_day <= 31:
        raise DomainError("A collection day is from 1 to 31.", field="collection_day")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise DomainError("Say why.", field="reason")


def _refuse_unless(mandate: Mandate, verb: str, *allowed: MandateStatus) -> None:
    if mandate.status not in allowed:
        raise ConflictError(
            f"A mandate that is {mandate.status.value.lower()} cannot be {verb}.",
            detail={"current_status": mandate.status.value},
        )


def _second_active(error: IntegrityError) -> DomainError:
    if constraint_of(error) != "debit_order_mandates_active_key":
        raise error
    return ConflictError("The policy has an active mandate. Cancel it first.")


def _audited(mandate: Mandate) -> dict[str, Any]:
    return {name: getattr(mandate, name) for name in _AUDITED}


def _record(
    session: Session,
    action: str,
    mandate: Mandate,
    before: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    record(
        session,
        action=f"debit_orders.{action}",
        resource="debit_order_mandates",
        resource_id=mandate.id,
        before=before,
        after=_audited(mandate),
        reason=reason,
    )
