"""Who decides in one's place, and for whom one decides."""

from uuid import UUID

from flask import Response, url_for
from sqlalchemy.orm import Session

from insurance.approvals import queries, services
from insurance.approvals.models import ApprovalDelegation
from insurance.approvals.permissions import ApprovalsMay
from insurance.blueprints.approvals import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.identity.queries import list_members
from insurance.web import lists
from insurance.web.access import current_person, requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import (
    ChoiceField,
    DayField,
    Form,
    Required,
    reason_field,
)
from insurance.web.html import go


class DelegationForm(Form):
    """Who, on which days and why."""

    delegate_id = ChoiceField("Who decides in your place", [Required()], empty="Choose a colleague")
    first_day = DayField("First day", [Required()], description="Today or later.")
    last_day = DayField("Last day", [Required()], description="Included. At most 90 days in all.")
    reason = reason_field()


@bp.route("/delegations", methods=["GET", "POST"])
@requires(ApprovalsMay.VIEW)
def delegations() -> Response:
    """List the delegations that one gave or was given."""
    return lists.show(_DELEGATIONS)


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
    services.withdraw_delegation(delegation_id, now=clock.now())
    return go(
        url_for(".delegations"), f"{found.delegate_name} does not decide in your place any more."
    )


def _read(session: Session, wanted: Wanted) -> Page[ApprovalDelegation]:
    after = wanted.after()
    return queries.list_delegations(session, current_person().id, limit=wanted.limit, after=after)


def _state(delegation: ApprovalDelegation) -> str:
    on = business_day()
    if delegation.withdrawn_at:
        return "Withdrawn"
    if delegation.last_day < on:
        return "Over"
    return "To come" if delegation.first_day > on else "In force"


def _you(user_id: UUID, name: str) -> str:
    return "You" if user_id == current_person().id else name


def _withdraw(delegation: ApprovalDelegation) -> list[lists.Cell]:
    is_own = delegation.delegator_id == current_person().id
    if not is_own or _state(delegation) not in ("In force", "To come"):
        return []
    url = url_for(".withdraw_delegation", delegation_id=delegation.id)
    who = f"{delegation.delegate_name} from {day(delegation.first_day)}"
    says = f"Withdraw the delegation to {who}"
    return [lists.Cell("Withdraw", url, says=says, is_act=True, posts=True)]


_NAME = lists.new_beside("Name a colleague", "approvals.delegate", ApprovalsMay.DECIDE)
_DELEGATIONS = lists.ListScreen(
    title="My delegations",
    crumbs=[("Approvals", "approvals.index")],
    read=_read,
    columns=lists.columns(
        "who: Who decides | instead: In place of | first_day: From, day | last_day: To, day",
        "reason: Why, wrapped, muted | state: State | withdraw: -",
        who=lambda row: _you(row.delegate_id, row.delegate_name),
        instead=lambda row: _you(row.delegator_id, row.delegator_name),
        state=_state,
        withdraw=_withdraw,
    ),
    buttons=[_NAME],
    empty=lists.Empty(
        "Nobody decides in your place, and you in nobody's",
        "Before they are away, people who decide requests name a colleague who decides as they"
        " could.",
    ),
)
