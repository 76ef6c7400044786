"""The work around a claim: flags, assignment, reserves, closing, and payments taken back."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from wtforms import BooleanField, TextAreaField

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.history import undo_last
from insurance.claims import queries, services
from insurance.claims.models import CostType
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import ClaimLine
from insurance.core import clock
from insurance.core.db import db
from insurance.core.money import ZERO, format_money, total
from insurance.identity.queries import list_members
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import words
from insurance.web.forms import (
    ChoiceField,
    Form,
    MoneyField,
    Required,
    TextField,
    choices_of,
)
from insurance.web.life_questions import answers_typed
from insurance.web.people import person


class WhyForm(Form):
    """Why."""

    reason = TextField("Reason", [Required()], longest=1000, widget=TextAreaField.widget)


class VoidForm(WhyForm):
    """Why, and that a death stands though its payment is void."""

    death_stands = BooleanField("The death stands; the payment will be made again")


class ClearForm(Form):
    """Why a flag does not matter."""

    note = TextField("Why it does not matter", [Required()], longest=1000)


class AssignForm(Form):
    """Who works on the claim."""

    user_id = ChoiceField("Assessor", empty="Nobody: back to the queue")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user_id.choices += assessors()


class ReserveForm(Form):
    """What the reserve of an item shall be."""

    item_id = ChoiceField("Item", [Required()])
    cost_type = ChoiceField("For", choices=choices_of(CostType))
    amount = MoneyField("Reserve", [Required()])
    reason = TextField("Reason", [Required()], longest=1000)


class RecoveryForm(Form):
    """Money that came back."""

    item_id = ChoiceField("Item", [Required()])
    amount = MoneyField("Amount", [Required()])
    reference = TextField("Reference", [Required()], longest=60)
    reason = TextField("From whom, and why", [Required()], longest=1000)


def on_claim(line: ClaimLine, title: str, verb: str, **more: Any) -> Act:
    """Return an act on a claim, which goes back to it."""
    number, back = line.claim.claim_number, url_for("claims.show", claim_id=line.id)
    crumbs = [("Claims", url_for("claims.index")), (number, back)]
    names = {"claim_benefit_item_id": "item_id"}
    return Act(title, verb, back, crumbs, line.claim.status, names=names, **more)


def assessors() -> list[tuple[str, str]]:
    """Return who may assess a claim, as choices: by name and role."""
    return [
        (str(item.user.id), f"{item.name}, {words(item.roles[0]).lower()}")
        for item in list_members(db.session())
        if item.may(ClaimsMay.ASSESS)
    ]


@bp.route("/<uuid:claim_id>/close", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def close(claim_id: UUID) -> Response:
    """Close a claim and release what is reserved."""
    line, form = queries.get_claim_line(db.session(), claim_id), WhyForm()
    money = queries.money_by_item(db.session(), claim_id)
    reserve = total(one.reserve + one.expense_reserve for one in money.values())
    return act_screen(
        on_claim(
            line,
            "Close the claim",
            "Close claim",
            says=f"Reserves of {format_money(reserve)} and what was approved and not paid are released.",
            is_danger=True,
        ),
        form,
        lambda: services.close_claim(
            claim_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
        ),
        f"{line.claim.claim_number} is closed. To reverse this, reopen the claim.",
    )


@bp.route("/<uuid:claim_id>/reopen", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def reopen(claim_id: UUID) -> Response:
    """Open a decided claim again."""
    line, form = queries.get_claim_line(db.session(), claim_id), WhyForm()
    return act_screen(
        on_claim(
            line,
            "Reopen the claim",
            "Reopen claim",
            says="What was not approved is assessed anew and reserved again.",
        ),
        form,
        lambda: services.reopen_claim(
            claim_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
        ),
        f"{line.claim.claim_number} is open again. To reverse this, close the claim.",
    )


@bp.route("/flags/<uuid:flag_id>/clear", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def clear_flag(flag_id: UUID) -> Response:
    """Clear a flag with a note."""
    flag = queries.get_flag(db.session(), flag_id)
    line, form = queries.get_claim_line(db.session(), flag.claim_id), ClearForm()
    return act_screen(
        on_claim(line, "Clear a flag", "Clear flag", says=flag.detail),
        form,
        lambda: services.clear_flag(
            flag_id, note=form.note.data or "", on=business_day(), now=clock.now()
        ),
        f"The flag on {line.claim.claim_number} is cleared.",
        undo=lambda claim: undo_last(claim.id),
    )


@bp.route("/<uuid:claim_id>/assign", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def assign(claim_id: UUID) -> Response:
    """Give a claim to a colleague, or back to the queue."""
    line, form = queries.get_claim_line(db.session(), claim_id), AssignForm()
    return act_screen(
        on_claim(line, "Assign the claim", "Assign"),
        form,
        lambda: services.assign_claim(
            claim_id,
            UUID(form.user_id.data) if form.user_id.data else None,
            on=business_day(),
            now=clock.now(),
        ),
        lambda claim: (
            f"{claim.claim_number} was given to {person(claim.assigned_to_email)}."
            if claim.assigned_to
            else f"{claim.claim_number} was given back to the queue."
        ),
        undo=lambda claim: undo_last(claim.id),
    )


@bp.route("/<uuid:claim_id>/reserve", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def change_reserve(claim_id: UUID) -> Response:
    """Set the reserve of an item."""
    line, form = queries.get_claim_line(db.session(), claim_id), ReserveForm()
    form.item_id.choices = _items(claim_id)
    return act_screen(
        on_claim(
            line,
            "Change a reserve",
            "Set reserve",
            says="The difference is posted to the ledger today. Nothing is paid above the reserve.",
        ),
        form,
        lambda: services.change_reserve(
            claim_id,
            item_id=UUID(form.item_id.data or ""),
            cost_type=CostType(form.cost_type.data),
            amount=form.amount.data or ZERO,
            reason=form.reason.data or "",
            on=business_day(),
            now=clock.now(),
        ),
        "The reserve was set.",
    )


@bp.route("/<uuid:claim_id>/recover", methods=["GET", "POST"])
@requires(ClaimsMay.PAY)
def recover(claim_id: UUID) -> Response:
    """Record salvage, or what somebody liable paid."""
    line, form = queries.get_claim_line(db.session(), claim_id), RecoveryForm()
    form.item_id.choices = _items(claim_id)
    return act_screen(
        on_claim(line, "Record a recovery", "Record recovery"),
        form,
        lambda: services.record_recovery(
            claim_id,
            item_id=UUID(form.item_id.data or ""),
            amount=form.amount.data or ZERO,
            reference=form.reference.data or "",
            reason=form.reason.data or "",
            on=business_day(),
            now=clock.now(),
        ),
        "The recovery was recorded.",
    )


@bp.route("/<uuid:claim_id>/undo-death", methods=["GET", "POST"])
@requires(ClaimsMay.PAY)
def undo_death(claim_id: UUID) -> Response:
    """Ask a second person to restore a policy that was ended for a death that was none."""
    form = WhyForm()
    return act_screen(
        on_claim(
            queries.get_claim_line(db.session(), claim_id),
            "Nobody has died",
            "Ask a second person",
            says="Once a second person agrees, the policy goes on as if it had never ended, what was paid"
            " is void, and premiums of since are owed again.",
            is_danger=True,
        ),
        form,
        lambda: services.undo_death(
            claim_id,
            reason=form.reason.data or "",
            life_answers=answers_typed(),
            on=business_day(),
            now=clock.now(),
        ),
        "A second person is asked to restore the policy.",
    )


@bp.route("/payments/<uuid:payment_id>/void", methods=["GET", "POST"])
@requires(ClaimsMay.PAY)
def void(payment_id: UUID) -> Response:
    """Take a payment back that did not arrive."""
    payment = queries.get_payment(db.session(), payment_id)
    line, form = queries.get_claim_line(db.session(), payment.claim_id), VoidForm()
    ended = services.is_ended_by_claim(db.session(), line.claim)
    if not ended:
        del form.death_stands
    return act_screen(
        on_claim(
            line,
            "Void a payment",
            "Void payment",
            says=f"{payment.reference}, {format_money(payment.gross_amount)} to {payment.payee_name}."
            + (" What it did to the policy stays." if ended else ""),
            is_danger=True,
        ),
        form,
        lambda: services.void_payment(
            payment_id,
            reason=form.reason.data or "",
            death_stands=ended and form.death_stands.data,
            on=business_day(),
            now=clock.now(),
        ),
        "The payment is void; it can be made again under a new reference.",
    )


def _items(claim_id: UUID) -> list[tuple[str, str]]:
    return [
        (str(item.id), item.benefit_name) for item in queries.list_items(db.session(), claim_id)
    ]
