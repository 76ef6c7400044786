"""What is done to one premium: its payment taken back, or what is open of it given up."""

from uuid import UUID

from flask import Response
from wtforms import RadioField

from insurance.billing import queries as billing
from insurance.billing.models import LineStatus
from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import on_policy
from insurance.core import clock
from insurance.core.db import db
from insurance.core.money import format_money
from insurance.policies import queries, services
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.filters import day, money
from insurance.web.forms import ChoiceField, Form, Required, TextField, reason_field

WAIVE, WRITE_OFF = "WAIVE", "WRITE_OFF"


class ReversalForm(Form):
    """Which payment, and why the bank took it back."""

    receipt_id = ChoiceField("Payment")
    reason_code = TextField(
        "Reason code of the bank",
        [Required()],
        longest=20,
        description="Such as 02, not provided for.",
    )


class GiveUpForm(Form):
    """Which way, and why."""

    way = RadioField(
        "How",
        choices=[
            (WAIVE, "Waive: the insurer bears this premium, as a goodwill or for its own mistake"),
            (WRITE_OFF, "Write off: it is owed, and will not be collected"),
        ],
        default=WAIVE,
    )
    reason = reason_field("The second person reads it.")


@bp.route("/<uuid:policy_id>/premiums/<uuid:line_id>/reverse", methods=["GET", "POST"])
@requires(PremiumsMay.REVERSE)
def reverse(policy_id: UUID, line_id: UUID) -> Response:
    """Take a payment back that a bank did not honour."""
    session, form = db.session(), ReversalForm()
    policy = queries.get_policy_line(session, policy_id).policy
    premium = billing.get_premium_line(session, policy_id, line_id)
    settled = billing.list_net_allocations(session, line_ids=[line_id])
    form.receipt_id.choices = [
        (str(part.receipt_id), f"{part.reference}, {format_money(part.amount)} of this premium")
        for part in settled
    ]
    act = on_policy(
        policy,
        "Reverse a payment",
        "Reverse payment",
        tab="premiums",
        says=f"The premium due {day(premium.due_date)} of {money(premium.amount)} has"
        f" {money(premium.paid_amount)} paid. Everything the payment settled opens again, with the"
        " grace it had; the ledger keeps both entries.",
        stops="" if settled else "Nothing has been paid for this premium.",
        leave="Keep it",
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.reverse_payment(
            policy_id,
            line_id,
            reason_code=(form.reason_code.data or "").upper(),
            receipt_id=UUID(form.receipt_id.data),
            on=business_day(),
            now=clock.now(),
        ),
        lambda receipt: (
            f"{format_money(receipt.amount)} with reference {receipt.reference} was reversed."
        ),
    )


@bp.route("/<uuid:policy_id>/premiums/<uuid:line_id>/give-up", methods=["GET", "POST"])
@requires(PremiumsMay.WAIVE)
def give_up(policy_id: UUID, line_id: UUID) -> Response:
    """Say what would be waived or written off, then ask a second person."""
    form = GiveUpForm()
    policy = queries.get_policy_line(db.session(), policy_id).policy
    premium = billing.get_premium_line(db.session(), policy_id, line_id)
    is_open = premium.status in (LineStatus.PENDING, LineStatus.OVERDUE)
    act = on_policy(
        policy,
        f"Give up a premium of {policy.policy_number}",
        "Ask for approval",
        tab="premiums",
        facts=[
            ("Due", premium.due_date),
            ("Premium", premium.amount),
            ("Paid", premium.paid_amount),
            ("Open", premium.outstanding),
        ],
        says=f"{money(premium.outstanding)} is given up and nobody is asked for it any more. Cover"
        " stays as if it were paid. A second person must agree first.",
        stops=""
        if is_open and premium.posted_at is not None
        else "This premium is paid, cancelled or not charged yet, so there is nothing to give up.",
        is_danger=True,
    )
    ask = services.waive_premium if form.way.data == WAIVE else services.write_off_premium
    return act_screen(
        act,
        form,
        lambda: ask(
            policy_id, line_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
        ),
        "",
    )
