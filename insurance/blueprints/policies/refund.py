"""Paying money back to who pays the premiums: what there is, then how much and under which reference."""

from decimal import Decimal
from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO, format_money
from insurance.organizations.queries import find_parameter
from insurance.policies import queries, services
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, MoneyField, Required, TextField
from insurance.web.html import go, page, refuse


class RefundForm(Form):
    """How much, under which reference, and why."""

    amount = MoneyField("Amount", [Required()])
    reference = TextField("Reference of the payment", [Required()], longest=60)
    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)


@bp.route("/<uuid:policy_id>/refund", methods=["GET", "POST"])
@requires(PremiumsMay.REVERSE)
def refund(policy_id: UUID) -> Response:
    """Say what can be paid back, then record the payment or ask a second person."""
    session, on = db.session(), business_day()
    line = queries.get_policy_line(session, policy_id)
    payable = services.refunds_payable(session, policy_id)
    credit = services.can_be_paid_back(session, line.policy, on=on) - payable
    form = RefundForm()
    if request.method == "GET" and payable + credit > ZERO:
        form.amount.data = payable or credit
    if form.validate_on_submit():
        try:
            done = _pay(policy_id, form)
        except DomainError as error:
            refuse(form, error)
        else:
            return done
    return page(
        "policies/refund.html",
        part="refund_form",
        status=form.status,
        form=form,
        policy=line.policy,
        payee=services.refund_payee(session, line.policy),
        payable=payable,
        credit=credit,
        limit=find_parameter(session, "refund_approval_limit", on),
    )


def _pay(policy_id: UUID, form: RefundForm) -> Response:
    amount: Decimal = form.amount.data or ZERO
    done = services.pay_refund(
        policy_id,
        amount=amount,
        reference=form.reference.data or "",
        reason=form.reason.data or "",
        on=business_day(),
        now=clock.now(),
    )
    if done.approval_id is not None:
        return go(
            url_for("approvals.show", approval_id=done.approval_id),
            "A second person has been asked. Nothing has changed yet.",
        )
    return go(
        url_for(".show", policy_id=policy_id, tab="ledger"),
        f"{format_money(amount)} is recorded as paid back.",
    )
