"""A request on one page: what was asked for, by whom, and its decision by somebody else."""

from collections.abc import Callable
from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.approvals import queries, services
from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.permissions import ApprovalsMay
from insurance.approvals.services.standing import DeciderStanding
from insurance.approvals.subjects import subject_of
from insurance.blueprints.approvals import bp
from insurance.blueprints.approvals.readable import link_to, parts_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import roles_in_words
from insurance.web.forms import Form, TextField
from insurance.web.html import go, page, refuse


class DecisionForm(Form):
    """What the decider wants to add."""

    note = TextField("Note", longest=500, widget=TextAreaField.widget)


@bp.get("/<uuid:approval_id>")
@requires(ApprovalsMay.VIEW)
def show(approval_id: UUID) -> Response:
    """Show a request as it was frozen."""
    return _page(queries.get_request(db.session(), approval_id), DecisionForm())


@bp.post("/<uuid:approval_id>/decide")
@requires(ApprovalsMay.VIEW)
def decide(approval_id: UUID) -> Response:
    """Approve, which carries the request out at once, or reject: in one's own right or another's."""
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
@requires(ApprovalsMay.VIEW)
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
    session = db.session()
    waits = found.status is ApprovalStatus.WAITING
    is_overdue = waits and found.expires_at <= clock.now()
    is_maker = current_actor().user_id == found.requested_by
    agreed = queries.agreements_of(session, [found])[found.id]
    is_open = waits and not is_overdue and not is_maker
    agrees, refusal = _try(services.standing_to_agree, found) if is_open else (None, "")
    rejects, _ = _try(services.standing_to_reject, found) if is_open else (None, "")
    standing = agrees or rejects
    return page(
        "approvals/show.html",
        part="approval",
        status=status,
        request_=found,
        form=form,
        parts=parts_of(session, found),
        is_maker=is_maker,
        can_decide=rejects is not None,
        instead_of=standing.delegation if standing else None,
        agreed=agreed,
        has_agreed=any(one.agreed_by == current_actor().user_id for one in agreed),
        refusal=refusal,
        deciders=roles_in_words(ApprovalsMay.DECIDE),
        waits=waits,
        is_overdue=is_overdue,
        link=link_to(found),
        subject=subject_of(found.action),
    )


def _try(
    way: Callable[..., DeciderStanding], found: ApprovalRequest
) -> tuple[DeciderStanding | None, str]:
    """Return in whose right the acting person may decide, or why the person may not."""
    try:
        return way(db.session(), found, now=clock.now()), ""
    except (ForbiddenError, ConflictError) as refusal:
        return None, refusal.message
