"""A request on one page: what was asked for, by whom, and its decision by somebody else."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import TextAreaField

from insurance.approvals import queries
from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.blueprints.approvals import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import format_money
from insurance.core.permissions import May
from insurance.policies import services
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import words
from insurance.web.forms import Form, TextField
from insurance.web.html import go, page, refuse

_HIDDEN = frozenset({"line_id"})


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
    done = "Approved and done" if agrees else "Rejected"
    return go(url_for(".show", approval_id=approval_id), f"{done}: {found.title}.")


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
    return page(
        "approvals/show.html",
        part="approval",
        status=status,
        request_=found,
        form=form,
        payload=_readable(found.payload),
        is_maker=is_maker,
        can_decide=waits and not is_maker and actor.may(May.APPROVALS_DECIDE),
        waits=waits,
        record_url=_record_url(found),
    )


def _record_url(found: ApprovalRequest) -> str | None:
    if found.resource != "policies" or not current_actor().may(May.POLICIES_VIEW):
        return None
    return url_for("policies.show", policy_id=found.resource_id)


def _readable(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the frozen payload as names and values in words, what is inside it last."""
    inner = [value for value in payload.values() if isinstance(value, dict)]
    rows = [
        (words(name), _written(value))
        for name, value in sorted(payload.items())
        if not isinstance(value, dict) and name not in _HIDDEN
    ]
    return rows + [row for one in inner for row in _readable(one)]


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(words(one) for one in value) or "–"
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    text = str(value)
    try:
        return f"{date.fromisoformat(text):%Y/%m/%d}"
    except ValueError:
        pass
    try:
        return format_money(Decimal(text)) if "." in text else words(text)
    except InvalidOperation:
        return words(text)
