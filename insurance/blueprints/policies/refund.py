"""Paying money back to who pays the premiums: what there is, then how much and under which reference."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import on_policy
from insurance.core import clock
from insurance.core.db import db
from insurance.core.money import ZERO, format_money
from insurance.organizations.queries import find_parameter
from insurance.policies import queries, services
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.filters import money
from insurance.web.forms import Form, MoneyField, Required, TextField, reason_field


class RefundForm(Form):
    """How much, under which reference, and why."""

    amount = MoneyField("Amount", [Required()])
    reference = TextField(
        "Reference of the payment",
        [Required()],
        longest=60,
        description="As it stands on the payee's bank statement. The same reference again pays"
        " nothing.",
    )
    reason = reason_field()


@bp.route("/<uuid:policy_id>/refund", methods=["GET", "POST"])
@requires(PremiumsMay.REVERSE)
def refund(policy_id: UUID) -> Response:
    """Say what can be paid back, then record the payment or ask a second person."""
    session, on, form = db.session(), business_day(), RefundForm()
    policy = queries.get_policy_line(session, policy_id).policy
    payable = services.refunds_payable(session, policy_id)
    credit = services.can_be_paid_back(session, policy, on=on) - payable
    if request.method == "GET" and payable + credit > ZERO:
        form.amount.data = payable or credit
    act = on_policy(
        policy,
        f"Refund on {policy.policy_number}",
        "Record refund",
        tab="ledger",
        facts=[
            ("Paid to", services.refund_payee(session, policy)),
            ("To be paid out", payable),
            ("Beyond what is due today", credit),
        ],
        says="What is to be paid out goes first, then unused credit, then what was paid of premiums"
        " not yet due, the last of them first. Cover does not change. Above"
        f" {money(find_parameter(session, 'refund_approval_limit', on))} of these a second person"
        " must agree.",
        stops="" if payable + credit else "There is nothing to pay back.",
    )
    return act_screen(
        act,
        form,
        lambda: services.pay_refund(
            policy_id,
            amount=form.amount.data or ZERO,
            reference=form.reference.data or "",
            reason=form.reason.data or "",
            on=on,
            now=clock.now(),
        ),
        lambda _done: f"{format_money(form.amount.data or ZERO)} is recorded as paid back.",
        then=url_for(".show", policy_id=policy_id, tab="ledger"),
    )
