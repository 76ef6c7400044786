"""Receipts that the insurer gives itself: credit notes, and what is written off at an end."""

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing import queries as billing
from insurance.billing import services as money
from insurance.billing.models import ReceiptKind
from insurance.core.bulk import id_array
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.policies.services.moves import Case, open_case

_GAVE_UP = text(
    """
    SELECT p.id FROM ins.policies p
    WHERE p.org_id = :org AND p.id = ANY(CAST(:policies AS uuid[])) AND p.status = 'cancelled'
      AND EXISTS (
        SELECT FROM ins.policy_events e
        WHERE e.org_id = :org AND e.policy_id = p.id AND e.event_type = 'POLICY_CANCELLED'
          AND e.payload @> '{"gives_up_unpaid": true}'
      )
    ORDER BY p.id
    """
)


def next_reference(case: Case, prefix: str) -> str:
    """Return the next reference of the insurer's own receipts: `CN-PL-2026-000001-1`."""
    start = f"{prefix}-{case.policy.policy_number}-"
    taken = billing.list_receipts(case.session, case.policy.id, limit=10_000)
    own = [one for one in taken if one.kind is not ReceiptKind.PAYMENT and one.beside_id is None]
    return f"{start}{sum(one.reference.startswith(start) for one in own) + 1}"


def write_off_open(case: Case) -> Decimal:
    """Write off everything that is open of a policy that is over; return it, in rand."""
    written_off = ZERO
    for _policy_id, line in billing.list_open_lines(case.session, [case.policy.id]):
        rest = money.Payment(
            policy_id=case.policy.id,
            policy_number=case.policy.policy_number,
            reference=next_reference(case, "WO"),
            amount=line.outstanding,
            on=case.on,
            line_id=line.id,
            kind=ReceiptKind.WRITE_OFF,
            detail="Not collected",
            vat_rate=case.vat_rate(line.due_date),
        )
        written_off += line.outstanding
        money.record_receipts(case.session, [rest], on=case.on, now=case.now)
    return written_off


def give_up_again(
    session: Session, policy_ids: Collection[UUID], *, on: date, now: datetime
) -> dict[UUID, Decimal]:
    """Write off what opened again of policies that ended for want of a premium, by policy.

    Their end asked nobody for what was not paid, and money that was taken back was not paid. The
    caller holds the policies.
    """
    session.flush()
    values = {"org": current_org(), "policies": id_array(policy_ids)}
    return {
        policy_id: write_off_open(open_case(session, policy_id, on=on, now=now, lock=False))
        for policy_id in session.scalars(_GAVE_UP, values).all()
    }
