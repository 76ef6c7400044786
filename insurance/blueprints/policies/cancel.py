"""Cancelling a policy: what is earned, kept and given back is shown before anything is done."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import IN_HISTORY, on_policy
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.policies import queries, services
from insurance.policies.lifecycle_rules import CancellationType, Initiator
from insurance.policies.models import Policy
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import CancellationPreview
from insurance.web.access import requires
from insurance.web.acts import go_on, show_act
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, DayField, Form, TextField, choices_of, reason_field
from insurance.web.html import refuse


class CancelForm(Form):
    """Why and from when."""

    cancellation_type = ChoiceField("Kind of cancellation", choices=choices_of(CancellationType))
    effective_date = DayField(
        "First day without cover", description="Today, unless you say otherwise."
    )
    initiated_by = ChoiceField(
        "Who ends it", empty="As the kind implies", choices=choices_of(Initiator), default=""
    )
    notice_sent_on = DayField(
        "Notice to the holder sent on",
        description="Where the insurer ends the contract: cover runs on for the days of notice.",
    )
    notice_evidence = TextField(
        "Number of the registered letter or file",
        longest=60,
        description="What proves that the notice went.",
    )
    reason = reason_field(IN_HISTORY)


@bp.route("/<uuid:policy_id>/cancel", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def cancel(policy_id: UUID) -> Response:
    """Show the money, then cancel or ask a second person."""
    policy, form = queries.get_policy_line(db.session(), policy_id).policy, CancelForm()
    if request.method == "GET":
        form.effective_date.data = max(business_day(), policy.effective_date)
    looks_only = request.form.get("act") == "look"
    if looks_only:
        form.reason.validators = ()
    is_valid = form.validate_on_submit()
    preview = _preview(policy_id, form) if not form.errors else None
    if is_valid and not looks_only and preview is not None:
        done = _cancel(policy, form, preview)
        if done is not None:
            return done
    needs = preview is not None and preview.needs
    act = on_policy(
        policy,
        f"Cancel {policy.policy_number}",
        "Ask for approval" if needs else "Cancel policy",
        has_effect=True,
        leave="Keep policy",
        is_danger=True,
    )
    return show_act(
        act,
        form,
        template="policies/cancel.html",
        policy=policy,
        payee=services.refund_payee(db.session(), policy),
        preview=preview,
        seen=_seen(preview),
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


def _cancel(policy: Policy, form: CancelForm, preview: CancellationPreview) -> Response | None:
    if request.form.get("seen") != _seen(preview):
        form.form_errors.append("These are the figures for what you entered. Look at them first.")
        form.refused_with = 409
        return None
    try:
        done = services.cancel_policy(
            policy.id, _wanted(form, form.reason.data or ""), on=business_day(), now=clock.now()
        )
    except DomainError as error:
        refuse(form, error)
        return None
    return go_on(
        done, f"{policy.policy_number} was cancelled.", url_for(".show", policy_id=policy.id)
    )


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
