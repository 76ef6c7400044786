"""Taking a payment back that a bank did not honour."""

from uuid import UUID

from flask import Response, url_for

from insurance.billing import queries as billing
from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import format_money
from insurance.policies import queries, services
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import go, page, refuse


class ReversalForm(Form):
    """Which payment, and why the bank took it back."""

    receipt_id = ChoiceField("Payment")
    reason_code = TextField("Reason code of the bank", [Required()], longest=20)


@bp.route("/<uuid:policy_id>/premiums/<uuid:line_id>/reverse", methods=["GET", "POST"])
@requires(PremiumsMay.REVERSE)
def reverse(policy_id: UUID, line_id: UUID) -> Response:
    """Reverse the payment of a premium."""
    session = db.session()
    line = queries.get_policy_line(session, policy_id)
    premium = billing.get_premium_line(session, policy_id, line_id)
    settled = billing.list_net_allocations(session, line_ids=[line_id])
    form = ReversalForm()
    form.receipt_id.choices = [
        (str(one.receipt_id), f"{one.reference}, {format_money(one.amount)} of this premium")
        for one in settled
    ]
    if form.validate_on_submit():
        try:
            receipt = services.reverse_payment(
                policy_id,
                line_id,
                reason_code=(form.reason_code.data or "").upper(),
                receipt_id=UUID(form.receipt_id.data),
                on=business_day(),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for(".show", policy_id=policy_id, tab="premiums"),
                f"{format_money(receipt.amount)} with reference {receipt.reference} was reversed.",
            )
    return page(
        "policies/reverse.html",
        part="reverse_form",
        status=form.status,
        form=form,
        policy=line.policy,
        premium=premium,
    )
