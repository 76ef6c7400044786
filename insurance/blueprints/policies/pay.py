"""Recording a payment."""

from uuid import UUID

from flask import Response, request
from wtforms import BooleanField

from insurance.billing import queries as billing
from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import on_policy
from insurance.blueprints.policies.history import undo_last
from insurance.core import clock
from insurance.core.db import db
from insurance.core.money import format_money
from insurance.policies import queries, services
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.filters import money
from insurance.web.forms import ChoiceField, DayField, Form, MoneyField, Required, TextField

QUESTIONS = frozenset({"is_another_payment", "amount_is_right"})
"""Fields that are shown once a payment raises their question."""


class PaymentForm(Form):
    """What came in, when, and under which reference."""

    line_id = ChoiceField(
        "For",
        empty="The oldest premium first",
        description="What is more than this premium settles the oldest others; the rest is kept as"
        " credit.",
    )
    amount = MoneyField("Amount", [Required()])
    payment_date = DayField("Received on", [Required()])
    payment_reference = TextField(
        "Reference",
        [Required()],
        longest=60,
        description="As on the bank statement. One that was used before is asked about.",
    )
    is_another_payment = ChoiceField("Is this the same payment or another?", empty="Choose")
    amount_is_right = BooleanField("The amount is right")


@bp.route("/<uuid:policy_id>/pay", methods=["GET", "POST"])
@requires(PremiumsMay.PAY)
def pay(policy_id: UUID) -> Response:
    """Record a payment; `line` in the address chooses the premium."""
    session, on = db.session(), business_day()
    line = queries.get_policy_line(session, policy_id)
    open_lines = [premium for _id, premium in billing.list_open_lines(session, [policy_id])]
    form = PaymentForm()
    form.line_id.choices = [
        ("", "The oldest premium first"),
        *(
            (str(premium.id), f"{premium.due_date:%Y/%m/%d}, {format_money(premium.outstanding)}")
            for premium in open_lines
        ),
    ]
    form.is_another_payment.choices = [
        ("", "Choose"),
        ("another", "Another payment: record it"),
        ("same", "The same payment: record nothing"),
    ]
    arrears = billing.arrears_on(session, policy_id, on)
    if request.method == "GET":
        chosen = next(
            (premium for premium in open_lines if str(premium.id) == request.args.get("line")), None
        )
        form.line_id.data = str(chosen.id) if chosen else ""
        form.amount.data = (
            chosen.outstanding if chosen else arrears or (open_lines and open_lines[0].outstanding)
        ) or None
        form.payment_date.data = on
    act = on_policy(
        line.policy,
        "Record a payment",
        "Record payment",
        tab="premiums",
        facts=[
            ("Customer", line.customer_name),
            ("Premium", f"{money(line.policy.premium)} pm"),
            ("Arrears today", arrears),
            ("Credit", billing.unapplied_credit(session, policy_id)),
        ],
        later=QUESTIONS,
        leave="Cancel",
    )
    return act_screen(
        act,
        form,
        lambda: _record(policy_id, form),
        lambda paid: _said(paid, line.policy.policy_number),
        undo=lambda paid: "" if paid.is_duplicate else undo_last(policy_id),
    )


def _record(policy_id: UUID, form: PaymentForm) -> services.Paid:
    assert form.amount.data is not None
    assert form.payment_date.data is not None
    amount, paid_on = form.amount.data, form.payment_date.data
    reference, on, now = form.payment_reference.data or "", business_day(), clock.now()
    answers = services.Answers(
        {"another": True, "same": False}.get(form.is_another_payment.data or ""),
        amount_is_right=form.amount_is_right.data,
        is_typed=True,
    )
    if form.line_id.data:
        return services.pay_premium(
            policy_id,
            UUID(form.line_id.data),
            amount=amount,
            reference=reference,
            paid_on=paid_on,
            on=on,
            now=now,
            answers=answers,
        )
    return services.receive_payment(
        policy_id,
        amount=amount,
        reference=reference,
        paid_on=paid_on,
        on=on,
        now=now,
        answers=answers,
    )


def _said(paid: services.Paid, number: str) -> str:
    if paid.is_duplicate:
        return f"Reference {paid.reference} was recorded before; nothing was posted again."
    premiums = "premium" if len(paid.shares) == 1 else "premiums"
    words = f"{number}: {format_money(paid.amount)} recorded for {len(paid.shares)} {premiums}"
    return f"{words}, {format_money(paid.credit)} kept as credit." if paid.credit else f"{words}."
