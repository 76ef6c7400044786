"""Cancelling a policy: what is earned, kept and given back is shown before anything is done."""

from uuid import UUID

from flask import Response, request, url_for
from wtforms import HiddenField, TextAreaField

from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.policies import queries, services
from insurance.policies.lifecycle_rules import CancellationType, Initiator
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import CancellationPreview
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, DayField, Form, Required, TextField, choices_of
from insurance.web.html import go, page, refuse


class CancelForm(Form):
    """Why and from when. `seen` holds the figures that the person saw."""

    cancellation_type = ChoiceField("Kind of cancellation", choices=choices_of(CancellationType))
    effective_date = DayField("First day without cover")
    initiated_by = ChoiceField(
        "Who ends it", empty="As the kind implies", choices=choices_of(Initiator), default=""
    )
    notice_sent_on = DayField("Notice to the holder sent on")
    notice_evidence = TextField("Number of the registered letter or file", longest=60)
    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)
    seen = HiddenField()


@bp.route("/<uuid:policy_id>/cancel", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def cancel(policy_id: UUID) -> Response:
    """Show the money, then cancel or ask a second person."""
    line = queries.get_policy_line(db.session(), policy_id)
    form = CancelForm()
    if request.method == "GET":
        form.effective_date.data = max(business_day(), line.policy.effective_date)
    looks_only = request.form.get("act") == "look"
    status = 200
    if looks_only:
        form.reason.validators = ()
    is_valid = form.validate_on_submit()
    preview = _preview(policy_id, form) if not form.errors else None
    if is_valid and not looks_only and preview is not None:
        done = _cancel(policy_id, form, preview)
        if done is not None:
            return done
        status = 409
    form.seen.data = _seen(preview)
    if status == 200 and request.method == "POST":
        status = form.status
    return page(
        "policies/cancel.html",
        part="cancel_form",
        status=status,
        form=form,
        policy=line.policy,
        payee=services.refund_payee(db.session(), line.policy),
        preview=preview,
    )


def _preview(policy_id: UUID, form: CancelForm) -> CancellationPreview | None:
    wanted = _wanted(form, form.reason.data or "-")
    try:
        return services.preview_cancellation(
            db.session(), policy_id, wanted, on=business_day(), now=clock.now()
        )
    except DomainError as error:
        refuse(form, error)
        return None


def _cancel(policy_id: UUID, form: CancelForm, preview: CancellationPreview) -> Response | None:
    if form.seen.data != _seen(preview):
        form.form_errors.append("These are the figures for what you entered. Look at them first.")
        return None
    try:
        done = services.cancel_policy(
            policy_id, _wanted(form, form.reason.data or ""), on=business_day(), now=clock.now()
        )
    except DomainError as error:
        refuse(form, error)
        return None
    if done.approval_id is not None:
        return go(
            url_for("approvals.show", approval_id=done.approval_id),
            "A second person has been asked. Nothing has changed yet.",
        )
    return go(url_for(".show", policy_id=policy_id), f"{done.policy.policy_number} was cancelled.")


def _wanted(form: CancelForm, reason: str) -> services.Cancellation:
    return services.Cancellation(
        kind=CancellationType(form.cancellation_type.data or CancellationType.VOLUNTARY),
        reason=reason,
        effective_date=form.effective_date.data,
        initiated_by=Initiator(form.initiated_by.data) if form.initiated_by.data else None,
        notice_sent_on=form.notice_sent_on.data,
        notice_evidence=form.notice_evidence.data or "",
    )


def _seen(preview: CancellationPreview | None) -> str:
    if preview is None:
        return ""
    figures = (preview.retained, preview.arrears, preview.written_off, preview.refund)
    return f"{preview.cover_end} {' '.join(str(figure) for figure in figures)}"
