"""Bringing a policy back: what is owed, which way is open until when, then the decision."""

from collections.abc import Sequence
from uuid import UUID

from flask import Response, url_for
from wtforms import BooleanField, RadioField, TextAreaField

from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.lapses.rules import Way
from insurance.policies import queries, services
from insurance.policies.lifecycle_rules import allowed_moves
from insurance.policies.models import PolicyStatus
from insurance.policies.permissions import PoliciesMay
from insurance.policies.rules import LifeQuestion
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse
from insurance.web.life_questions import answers_typed, questions_of

CONTINUE, RECOMMENCE = "CONTINUE", "RECOMMENCE"


class ReinstateForm(Form):
    """Which way back, and why."""

    way = RadioField(
        "How",
        choices=[
            (CONTINUE, "Arrears are paid: cover goes on without a gap"),
            (RECOMMENCE, "Without arrears: no cover from the lapse until today"),
        ],
        default=CONTINUE,
    )
    medical_clearance = BooleanField("Medical clearance was given")
    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)


@bp.route("/<uuid:policy_id>/reinstate", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def reinstate(policy_id: UUID) -> Response:
    """Say what is owed and which way is open, then reinstate."""
    line = queries.get_policy_line(db.session(), policy_id)
    on = business_day()
    way = services.find_way_back(db.session(), policy_id, on=on, now=clock.now())
    form = ReinstateForm()
    questions: Sequence[LifeQuestion] = ()
    if form.validate_on_submit():
        try:
            done = services.reinstate_policy(
                policy_id,
                arrears_paid=form.way.data == CONTINUE,
                recommence=form.way.data == RECOMMENCE,
                medical_clearance=form.medical_clearance.data,
                reason=form.reason.data or "",
                life_answers=answers_typed(),
                on=on,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
            questions = questions_of(error)
        else:
            return go(
                url_for(".show", policy_id=policy_id),
                f"{line.policy.policy_number} is in force again"
                f" as from {done.effective_date:%Y/%m/%d}.",
            )
    allowed = PolicyStatus.ACTIVE in allowed_moves(line.policy.status)
    return page(
        "policies/reinstate.html",
        part="reinstate_form",
        status=form.status,
        form=form,
        questions=questions,
        answered=list(answers_typed().items()),
        policy=line.policy,
        way=way,
        on=on,
        needs_medical=way.terms is not None and way.terms.way is Way.MEDICAL,
        too_late=way.terms is not None and way.terms.way is Way.NEW_BUSINESS,
        can=allowed,
    )
