"""Paying an approved claim, and taking a payment back that did not arrive."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.billing.queries import arrears_on
from insurance.blueprints.claims import bp
from insurance.blueprints.claims.act import VoidForm, act_screen
from insurance.claims import queries, services
from insurance.claims.models import ClaimItem
from insurance.claims.queries import ClaimView
from insurance.claims.rules import ends_life
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, DomainErrors
from insurance.core.money import ZERO, format_money, total
from insurance.core.permissions import May
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, MoneyField, Required, TextField
from insurance.web.html import go, page, refuse


class PayForm(Form):
    """The reference and the day; the amounts are fields of the claim's items."""

    payment_reference = TextField("Reference", [Required()], longest=60)
    payment_date = DayField("Paid on", [Required()])

    items: list[ClaimItem]

    def amount_fields(self) -> list[tuple[ClaimItem, Any]]:
        """Return each item that is left to pay with the field of its amount."""
        return [(one, self._fields[f"amount_{place}"]) for place, one in enumerate(self.items)]


def _form(view: ClaimView) -> PayForm:
    items = [one for one in view.items if one.approved_amount > one.paid_amount]
    fields = {
        f"amount_{place}": MoneyField(f"Pay for {one.benefit_name}", [Required()])
        for place, one in enumerate(items)
    }
    form: PayForm = type("PayForm", (PayForm,), fields)()
    form.items = items
    return form


@bp.route("/<uuid:claim_id>/pay", methods=["GET", "POST"])
@requires(May.CLAIMS_PAY)
def pay(claim_id: UUID) -> Response:
    """Pay a claim to its payee; premiums that are owed are deducted."""
    session, on = db.session(), business_day()
    view = queries.get_view(session, claim_id)
    form = _form(view)
    claim = view.claim
    until = claim.event_date if ends_life(claim.claim_type) else on
    if request.method == "GET":
        form.payment_reference.data = f"PAY-{claim.claim_number}-{len(view.payments) + 1}"
        form.payment_date.data = on
        for item, amount in form.amount_fields():
            amount.data = item.approved_amount - item.paid_amount
    status = 200
    if form.validate_on_submit():
        try:
            outcome = services.pay_claim(claim_id, _wanted(form), on=on, now=clock.now())
        except DomainError as error:
            _refuse(form, error)
            status = error.status
        else:
            url = url_for(".index", tab="approved")
            if request.form.get("then") != "next":
                url = url_for(".show", claim_id=claim_id)
            return go(url, _said(outcome))
    return page(
        "claims/pay.html",
        part="pay_form",
        status=status if status != 200 else form.status,
        form=form,
        claim=claim,
        line=view.line,
        arrears=arrears_on(session, claim.policy_id, until),
        approved=total(one.approved_amount for one in view.items),
        paid=total(one.paid_amount for one in view.items),
        limits=services.my_limits(session),
        second=services.needs_second_person(session, claim, on),
        own=any(one.decided_by == current_actor().user_id for one in view.items if one.decided_by),
    )


def _wanted(form: PayForm) -> services.NewPayment:
    return services.NewPayment(
        reference=form.payment_reference.data or "",
        lines=[
            (item.id, amount.data)
            for item, amount in form.amount_fields()
            if amount.data is not None and amount.data > ZERO
        ],
        payment_date=form.payment_date.data,
    )


def _said(outcome: services.PaymentOutcome) -> str:
    if outcome.payment is None:
        return "The payee was changed lately, so the payment waits for a second person."
    if outcome.was_known:
        return f"{outcome.payment.reference} was paid before; nothing was paid again."
    words = f"{format_money(outcome.payment.net_amount)} paid to {outcome.payment.payee_name}"
    if outcome.payment.arrears_deducted:
        words += f", {format_money(outcome.payment.arrears_deducted)} deducted for premiums"
    return f"{words}."


def _refuse(form: PayForm, error: DomainError) -> None:
    found = []
    for one in error.errors:
        parts = (one.field or "").split(".")
        name = f"amount_{parts[1]}" if len(parts) == 3 else one.field
        found.append(DomainError(one.message, field=name))
    refuse(form, DomainErrors(found))


@bp.route("/payments/<uuid:payment_id>/void", methods=["GET", "POST"])
@requires(May.CLAIMS_PAY)
def void(payment_id: UUID) -> Response:
    """Take a payment back that did not arrive."""
    payment = queries.get_payment(db.session(), payment_id)
    line, form = queries.get_claim_line(db.session(), payment.claim_id), VoidForm()
    ended = services.is_ended_by_claim(db.session(), line.claim)
    if not ended:
        del form.death_stands
    return act_screen(
        "Void a payment",
        "Void payment",
        line,
        form,
        lambda: services.void_payment(
            payment_id,
            reason=form.reason.data or "",
            death_stands=ended and form.death_stands.data,
            on=business_day(),
            now=clock.now(),
        ),
        "The payment is void; it can be made again under a new reference.",
        says=f"{payment.reference}, {format_money(payment.gross_amount)} to {payment.payee_name}."
        + (" What it did to the policy stays." if ended else ""),
        is_danger=True,
    )
