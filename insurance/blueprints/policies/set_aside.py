"""Setting a lapse aside: the payment that came within the grace, and a second person to agree."""

from collections.abc import Sequence
from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import format_money
from insurance.policies import queries, services
from insurance.policies.permissions import PoliciesMay
from insurance.policies.rules import LifeQuestion
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import go, page, refuse
from insurance.web.life_questions import answers_typed, questions_of


class SetAsideForm(Form):
    """Which payment proves it, and why."""

    receipt_id = ChoiceField("Payment", [Required("Choose the payment.")])
    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)


@bp.route("/<uuid:policy_id>/set-aside", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def set_aside(policy_id: UUID) -> Response:
    """Choose the payment, then ask a second person; `receipt` in the address chooses it."""
    session = db.session()
    line = queries.get_policy_line(session, policy_id)
    proofs = services.list_proofs(session, line.policy)
    form = SetAsideForm()
    form.receipt_id.choices = [
        (
            str(proof.id),
            f"{proof.received_on:%Y/%m/%d}, {format_money(proof.amount)},"
            f" {'in suspense' if proof.policy_id is None else 'recorded'}, {proof.reference or '–'}",
        )
        for proof in proofs
    ]
    if request.method == "GET":
        form.receipt_id.data = request.args.get("receipt", "")
    questions: Sequence[LifeQuestion] = ()
    if form.validate_on_submit():
        try:
            services.set_lapse_aside(
                policy_id,
                UUID(form.receipt_id.data),
                reason=form.reason.data or "",
                life_answers=answers_typed(),
                on=business_day(),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
            questions = questions_of(error)
        else:
            return go(
                url_for(".show", policy_id=policy_id),
                "The lapse is set aside once another person agrees.",
            )
    return page(
        "policies/set_aside.html",
        part="set_aside_form",
        status=form.status,
        form=form,
        questions=questions,
        answered=list(answers_typed().items()),
        policy=line.policy,
        can=bool(proofs),
    )
