"""A request on one page: what was asked for, by whom, and its decision by somebody else."""

from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.approvals import queries, services
from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.subjects import subject_of
from insurance.blueprints.approvals import bp
from insurance.blueprints.approvals.readable import link_to, parts_of, refusal_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import GRANTS, TENANT_ROLES, May
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import words
from insurance.web.forms import Form, TextField
from insurance.web.html import go, page, refuse


class DecisionForm(Form):
    """What the decider wants to add."""

    note = TextField("Note", longest=500, widget=TextAreaField.widget)


@bp.get("/<uuid:approval_id>")
@requires(May.APPROVALS_VIEW)
def show(approval_id: UUID) -> Response:
    """Show a request as it was frozen."""
    return _page(queries.get_request(db.session(), approval_id), DecisionForm())


@bp.post("/<uuid:approval_id>/decide")
@requires(May.APPROVALS_DECIDE)
def decide(approval_id: UUID) -> Response:
    """Approve, which carries the request out at once, or reject."""
    found = queries.get_request(db.session(), approval_id)
    form = DecisionForm()
    if not form.validate_on_submit():
        return _page(found, form, 422)
    agrees = request.form.get("act") == "approve"
    try:
        if agrees:
            services.approve_request(
                approval_id, on=business_day(), now=clock.now(), note=form.note.data
            )
        else:
            services.reject_request(approval_id, now=clock.now(), note=form.note.data)
    except DomainError as error:
        refuse(form, error)
        return _page(queries.get_request(db.session(), approval_id), form, error.status)
    return go(url_for(".show", approval_id=approval_id), f"{_done(approval_id)}: {found.title}.")


def _done(approval_id: UUID) -> str:
    """Return what came of a decision, in words."""
    found = queries.get_request(db.session(), approval_id)
    if found.status is ApprovalStatus.WAITING:
        return "You agreed; it waits for somebody else to agree, too"
    return "Approved and done" if found.status is ApprovalStatus.APPROVED else "Rejected"


@bp.post("/<uuid:approval_id>/withdraw")
@requires(May.APPROVALS_VIEW)
def withdraw(approval_id: UUID) -> Response:
    """Take back what one asked for."""
    found = queries.get_request(db.session(), approval_id)
    form = DecisionForm()
    if not form.validate_on_submit():
        return _page(found, form, 422)
    try:
        services.withdraw_request(approval_id, now=clock.now(), note=form.note.data)
    except DomainError as error:
        refuse(form, error)
        return _page(queries.get_request(db.session(), approval_id), form, error.status)
    return go(url_for(".show", approval_id=approval_id), f"Withdrawn: {found.title}.")


def _page(found: ApprovalRequest, form: DecisionForm, status: int = 200) -> Response:
    actor = current_actor()
    waits = found.status is ApprovalStatus.WAITING
    is_maker = actor.user_id == found.requested_by
    agreed = queries.agreements_of(db.session(), [found])[found.id]
    has_agreed = any(one.agreed_by == actor.user_id for one in agreed)
    is_overdue = waits and found.expires_at <= clock.now()
    decides = waits and not is_maker and actor.may(May.APPROVALS_DECIDE)
    return page(
        "approvals/show.html",
        part="approval",
        status=status,
        request_=found,
        form=form,
        parts=parts_of(db.session(), found),
        is_maker=is_maker,
        can_decide=decides,
        agreed=agreed,
        has_agreed=has_agreed,
        refusal=refusal_of(db.session(), found) if decides and not has_agreed else "",
        deciders=_deciders(),
        waits=waits,
        is_overdue=is_overdue,
        link=link_to(found),
        record=subject_of(found.action).record,
    )


def _deciders() -> str:
    """Return the roles that decide requests, in words."""
    roles = [one for one in TENANT_ROLES if May.APPROVALS_DECIDE in GRANTS[one]]
    return ", ".join(words(one).lower() for one in roles)
