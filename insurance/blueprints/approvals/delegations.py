"""Who decides in one's place, and for whom one decides."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.approvals import queries, services
from insurance.approvals.permissions import ApprovalsMay
from insurance.blueprints.approvals import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.identity.queries import list_members
from insurance.web.access import current_person, requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, DayField, Form, Required, SureForm, reason_field
from insurance.web.html import go, next_url, page, refuse

ROWS = 25


class DelegationForm(Form):
    """Who, on which days and why."""

    delegate_id = ChoiceField("Who decides in your place", [Required()], empty="Choose a colleague")
    first_day = DayField("First day", [Required()], description="Today or later.")
    last_day = DayField("Last day", [Required()], description="Included. At most 90 days in all.")
    reason = reason_field()


@bp.get("/delegations")
@requires(ApprovalsMay.VIEW)
def delegations() -> Response:
    """List the delegations that one gave or was given."""
    return _list(SureForm())


@bp.route("/delegations/new", methods=["GET", "POST"])
@requires(ApprovalsMay.DECIDE)
def delegate() -> Response:
    """Name a colleague who decides in one's place."""
    form = DelegationForm()
    colleagues = [
        member for member in list_members(db.session()) if member.user.id != current_person().id
    ]
    form.delegate_id.choices += [
        (str(colleague.user.id), f"{colleague.name}, {colleague.user.email}")
        for colleague in colleagues
    ]
    back = url_for(".delegations")
    act = Act(
        "Name a colleague",
        "Name colleague",
        back,
        [("Approvals", url_for(".index")), ("My delegations", back)],
        says="Your colleague then decides requests as you could, never one that either of you asked"
        " for. Your voice counts once: where one of you has agreed, the other cannot in your name."
        " You can withdraw this at any time.",
        warns="" if colleagues else "Nobody else belongs to this organization yet.",
        leave="Cancel",
    )
    return act_screen(
        act,
        form,
        lambda: services.delegate_decisions(
            UUID(form.delegate_id.data),
            first_day=form.first_day.data or business_day(),
            last_day=form.last_day.data or business_day(),
            reason=form.reason.data or "",
            now=clock.now(),
        ),
        lambda made: f"{made.delegate_name} decides in your place on those days.",
    )


@bp.post("/delegations/<uuid:delegation_id>/withdraw")
@requires(ApprovalsMay.VIEW)
def withdraw_delegation(delegation_id: UUID) -> Response:
    """End a delegation of one's own."""
    found = queries.get_delegation(db.session(), delegation_id)
    form = SureForm()
    if not form.validate_on_submit():
        return _list(form, 422)
    try:
        services.withdraw_delegation(delegation_id, now=clock.now())
    except DomainError as error:
        refuse(form, error)
        return _list(form, error.status)
    return go(
        url_for(".delegations"), f"{found.delegate_name} does not decide in your place any more."
    )


def _list(form: SureForm, status: int = 200) -> Response:
    cursor, person = request.args.get("cursor"), current_person()
    found = queries.list_delegations(
        db.session(),
        person.id,
        limit=ROWS,
        after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
    )
    return page(
        "approvals/delegations.html",
        status=status,
        form=form,
        delegations=found.items,
        person=person,
        on=business_day(),
        next=next_url(found),
        first=url_for(".delegations"),
    )
