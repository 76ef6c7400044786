"""A year of servicing for the demonstration: premiums paid and missed, mandates, changes, ends."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from sqlalchemy import text

from insurance.billing.queries import list_premium_lines
from insurance.billing.services import Payment
from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.listing import Wanted
from insurance.core.tenancy import current_org
from insurance.customers.services import add_bank_account
from insurance.debit_orders.services import NewMandate, create_mandate
from insurance.lapses.services import create_lapse_rule
from insurance.policies import queries
from insurance.policies.lifecycle_rules import CancellationType
from insurance.policies.models import EndorsementType
from insurance.policies.services import (
    Cancellation,
    cancel_policy,
    record_payments,
    reverse_payment,
    suspend_policy,
)
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.policies.services.schedule_steps import keep_schedules
from insurance.seeding.moments import office_hour

_BANKS = (("FNB", "250655"), ("Standard Bank", "051001"), ("Capitec", "470010"), ("Absa", "632005"))
_STEP = 31
"""Days between two sittings of the demonstration's finance clerk."""
_OWED = text(
    """
    SELECT l.policy_id, p.policy_number, l.id, l.due_date, l.amount - l.paid_amount
    FROM ins.premium_lines l
    JOIN ins.policies p ON p.org_id = l.org_id AND p.id = l.policy_id
    WHERE l.org_id = :org AND l.status IN ('PENDING', 'OVERDUE') AND l.due_date <= :on
      AND l.amount > l.paid_amount AND p.status = 'active'
    ORDER BY l.due_date, l.id
    """
)


def seed_lapse_rules(products: dict[str, UUID], now: datetime) -> None:
    """Give every product a rule above the statutory minimum."""
    for product_id in products.values():
        create_lapse_rule(
            product_id,
            {"grace_period_days": 31, "effective_from": now.date(), "requires_notice": True},
            on=now.date(),
            now=now,
        )


def seed_mandate(
    policy_id: UUID, customer_id: UUID, holder: str, index: int, now: datetime
) -> None:
    """Sign a debit-order mandate on an account of the policyholder."""
    bank, branch = _BANKS[index % len(_BANKS)]
    account = add_bank_account(
        customer_id,
        holder=holder,
        bank=bank,
        branch_code=branch,
        account_type="SAVINGS" if index % 3 else "CURRENT",
        account_number=f"62{index * 7919 % 10**8:08d}",
        now=now,
    )
    mandate = NewMandate(bank_account_id=account.id, signed_on=now.date())
    create_mandate(policy_id, mandate, on=now.date(), now=now)


def seed_payments(first: date, today: date) -> None:
    """Let premiums fall due and be paid from a day until today; about one holder in ten is late."""
    on = first
    while on < today:
        on = min(on + timedelta(days=_STEP), today)
        now = office_hour(on, 9)
        with clock.frozen(now):
            keep_schedules(on=on, now=now)
            _pay_what_is_owed(on, today, now)


def _pay_what_is_owed(on: date, today: date, now: datetime) -> None:
    with transaction() as session:
        owed = session.execute(_OWED, {"org": current_org(), "on": on}).all()
        payments = [
            Payment(
                policy_id=policy_id,
                policy_number=number,
                reference=f"DO {due:%y%m} {number}",
                amount=amount,
                on=on,
                line_id=line_id,
            )
            for policy_id, number, line_id, due, amount in owed
            if due <= _paid_until(number, today)
        ]
        if payments:
            record_payments(session, payments, on=on, now=now)


def _paid_until(policy_number: str, today: date) -> date:
    """Return until which due date a holder pays: most are up to date, some one or two behind."""
    behind = {3: 20, 7: 50, 9: 80, 21: 80}.get(int(policy_number[-2:]) % 24, 0)
    return today - timedelta(days=behind)


def seed_happenings(slug: str, today: date) -> None:
    """Change, suspend and cancel some policies, and take one payment back."""
    random = Random(f"{slug} happenings")
    session = db.session()
    active = [row.id for row in queries.list_policy_rows(session, Wanted(limit=60)).items]
    session.rollback()
    now = office_hour(today, 10)
    for policy_id in active[5:20:3]:
        _raise_cover(policy_id, random, today, now)
    suspend_policy(active[24], reason="Asked to pause while abroad", on=today, now=now)
    for policy_id in active[30:34:2]:
        wanted = Cancellation(kind=CancellationType.VOLUNTARY, reason="Moved to another insurer")
        cancel_policy(policy_id, wanted, on=today, now=now)
    _return_a_debit(active[40], today, now)


def _raise_cover(policy_id: UUID, random: Random, today: date, now: datetime) -> None:
    session = db.session()
    benefit = next(
        (
            one.benefit
            for one in queries.list_benefits(session, policy_id)
            if one.benefit.worksheet.get("basis") and one.benefit.benefit_type_code == "DEATH"
        ),
        None,
    )
    session.rollback()
    if benefit is None:
        return
    more = random.choice((Decimal("1.10"), Decimal("1.25")))
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_COVER,
        data={
            "policy_benefit_id": benefit.id,
            "new_sum_assured": (benefit.sum_assured * more).quantize(Decimal(1)),
        },
        effective_date=today,
        reason="Asked for more cover",
    )
    endorse_policy(policy_id, wanted, on=today, now=now)


def _return_a_debit(policy_id: UUID, today: date, now: datetime) -> None:
    session = db.session()
    paid = [line for line in list_premium_lines(session, policy_id) if line.paid_amount]
    session.rollback()
    if paid:
        reverse_payment(policy_id, paid[-1].id, reason_code="02", reference=None, on=today, now=now)
