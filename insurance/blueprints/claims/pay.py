"""Paying an approved claim."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy.orm import Session
from wtforms import BooleanField

from insurance.billing.queries import arrears_on
from insurance.blueprints.claims import bp
from insurance.blueprints.claims.act import on_claim
from insurance.claims import queries, services
from insurance.claims.models import ClaimItem, ClaimPayee
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import ClaimView
from insurance.claims.rules import ends_life, goes_on
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO, format_money, total
from insurance.policies.models import PolicyMember
from insurance.policies.queries import get_policy, list_members
from insurance.products.queries import load_terms
from insurance.products.rules import MAIN_MEMBER
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, DayField, Form, MoneyField, Required, TextField


class PayForm(Form):
    """The reference and the day; the amounts are fields of the claim's items.

    Who is paid are ticks of the claim's payees, where there are several.
    """

    payment_reference = TextField("Reference", [Required()], longest=60)
    payment_date = DayField("Paid on", [Required()])

    successor = ChoiceField("Who goes on as holder", default="")

    items: list[ClaimItem]
    payees: list[ClaimPayee]

    def payee_fields(self) -> list[tuple[ClaimPayee, Any, Any]]:
        """Return each of several payees with the tick and the reference of their payment."""
        return [
            (one, self._fields[f"payee_{place}"], self._fields[f"reference_{place}"])
            for place, one in enumerate(self.payees)
        ]

    def amount_fields(self) -> list[tuple[ClaimItem, Any]]:
        """Return each item that is left to pay with the field of its amount."""
        return [(one, self._fields[f"amount_{place}"]) for place, one in enumerate(self.items)]


def _lives_left(session: Session, view: ClaimView) -> list[PolicyMember]:
    """Return who may take the place of the main member whose death is paid, if the policy goes on."""
    claim = view.claim
    members = list_members(session, claim.policy_id)
    life = next((member for member in members if member.id == claim.member_id), None)
    if life is None or life.role != MAIN_MEMBER or not ends_life(claim.claim_type):
        return []
    terms = load_terms(session, get_policy(session, claim.policy_id).product_version_id)
    if not goes_on(terms.main_death, terms.class_code):
        return []
    return [member for member in members if member != life and member.end_date is None]


def _form(session: Session, view: ClaimView) -> PayForm:
    lives = _lives_left(session, view)
    items = [item for item in view.items if item.approved_amount > item.paid_amount]
    fields = {
        f"amount_{place}": MoneyField(f"Pay for {one.benefit_name}", [Required()])
        for place, one in enumerate(items)
    }
    payees = list(view.payees) if len(view.payees) > 1 else []
    for place, one in enumerate(payees):
        fields[f"payee_{place}"] = BooleanField(f"Pay {one.name}")
        fields[f"reference_{place}"] = TextField(f"Reference for {one.name}", longest=60)
    form: PayForm = type("PayForm", (PayForm,), fields)()
    form.items, form.payees = items, payees
    form.successor.choices = [
        ("", "The spouse, else the oldest"),
        *((str(life.id), f"{life.first_name} {life.last_name}") for life in lives),
    ]
    if not lives:
        del form.successor
    return form


@bp.route("/<uuid:claim_id>/pay", methods=["GET", "POST"])
@requires(ClaimsMay.PAY)
def pay(claim_id: UUID) -> Response:
    """Pay a claim to its payee; premiums that are owed are deducted."""
    session, on = db.session(), business_day()
    view = queries.get_view(session, claim_id)
    form = _form(session, view)
    claim = view.claim
    until = claim.event_date if ends_life(claim.claim_type) else on
    if request.method == "GET":
        form.payment_reference.data = f"PAY-{claim.claim_number}-{len(view.payments) + 1}"
        form.payment_date.data = on
        for _payee, tick, _reference in form.payee_fields():
            tick.data = True
        for item, amount in form.amount_fields():
            amount.data = item.approved_amount - item.paid_amount
    left = bool(form.items)
    act = on_claim(
        view.line,
        f"Pay {claim.claim_number}",
        "Pay",
        facts=[
            ("Approved", total(item.approved_amount for item in view.items)),
            ("Paid before", total(item.paid_amount for item in view.items)),
            ("Premiums owed, deducted", arrears_on(session, claim.policy_id, until)),
            ("You may pay at once", services.my_limits(session).transaction),
        ],
        stops="" if left else "Nothing of this claim is approved and not yet paid.",
    )
    return act_screen(
        act,
        form,
        lambda: services.pay_claim(claim_id, _wanted(form), on=on, now=clock.now()),
        _said,
        then=lambda _paid: _onward(claim_id),
        beside=_beside,
        template="claims/pay.html",
        claim=claim,
        second=services.needs_second_person(session, claim, on),
        payees=view.payees,
        verified_first=queries.get_settings(session).verified_account_first,
        own=any(
            item.decided_by == current_actor().user_id for item in view.items if item.decided_by
        ),
    )


def _onward(claim_id: UUID) -> str:
    """Return where to go after a payment: the next claim to pay where that was asked for."""
    if request.form.get("then") != "next":
        return url_for(".show", claim_id=claim_id)
    following = queries.find_next_to_pay(
        db.session(), after=claim_id, payer=current_actor().user_id
    )
    if following is None:
        return url_for(".index", tab="approved")
    return url_for(".pay", claim_id=following)


def _wanted(form: PayForm) -> services.NewPayment:
    return services.NewPayment(
        reference=form.payment_reference.data or "",
        lines=[
            (item.id, amount.data)
            for item, amount in form.amount_fields()
            if amount.data is not None and amount.data > ZERO
        ],
        payment_date=form.payment_date.data,
        payees=_chosen(form),
        successor=UUID(form.successor.data) if form.successor and form.successor.data else None,
        references={
            one.id: reference.data
            for one, _tick, reference in form.payee_fields()
            if reference.data
        },
    )


def _chosen(form: PayForm) -> list[UUID]:
    """Return who of several is paid, nobody by name where all are. Raises DomainError for none."""
    ticked = [one.id for one, tick, _reference in form.payee_fields() if tick.data]
    if form.payees and not ticked:
        raise DomainError("Choose whom to pay.", field="payee_0")
    return [] if len(ticked) == len(form.payees) else ticked


def _said(outcome: services.PaymentOutcome) -> str:
    if outcome.payment is None:
        return "The payee was changed lately, so the payment waits for a second person."
    if outcome.was_known:
        return f"{outcome.payment.reference} was paid before; nothing was paid again."
    words = ", ".join(
        f"{format_money(payment.net_amount)} paid to {payment.payee_name}"
        for payment in outcome.payments
    )
    deducted = total(payment.arrears_deducted for payment in outcome.payments)
    if deducted:
        words += f", {format_money(deducted)} deducted for premiums"
    return f"{words}."


def _beside(_form: PayForm, error: DomainError) -> None:
    """Name the field of the item that a refusal concerns."""
    for single in error.errors:
        parts = (single.field or "").split(".")
        single.field = f"amount_{parts[1]}" if len(parts) == 3 else single.field
