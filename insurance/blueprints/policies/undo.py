"""Undoing for a day what one person did to a policy."""

from uuid import UUID

from flask import Response

from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.act import on_policy
from insurance.core import clock
from insurance.core.db import db
from insurance.policies import queries, services
from insurance.policies.permissions import PoliciesMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import moment
from insurance.web.people import person
from insurance.web.undo import AS_BEFORE, UndoCommand, undo_screen


@bp.route("/undo/suspension/<uuid:policy_event_id>", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def undo_suspension(policy_event_id: UUID) -> Response:
    """Undo a suspension: cover never paused."""
    says = "Cover goes on as if it had never paused. The holder, who was told of it, is told so."
    return _undo(policy_event_id, "Undo the suspension", says, services.undo_suspension)


@bp.route("/undo/payment/<uuid:policy_event_id>", methods=["GET", "POST"])
@requires(PremiumsMay.PAY)
def undo_payment(policy_event_id: UUID) -> Response:
    """Undo a payment that was recorded: it never came."""
    says = "The premiums that it settled are owed again as they were."
    return _undo(policy_event_id, "Undo the payment", says, services.undo_payment, tab="premiums")


@bp.route("/undo/giving-up/<uuid:policy_event_id>", methods=["GET", "POST"])
@requires(PremiumsMay.WAIVE)
def undo_giving_up(policy_event_id: UUID) -> Response:
    """Ask a second person to undo a waiver or write-off."""
    says = "The premium is owed again as it was, once a second person agrees."
    return _undo(policy_event_id, "Undo giving up", says, services.undo_giving_up, tab="premiums")


def _undo(
    event_id: UUID, title: str, says: str, command: UndoCommand, *, tab: str | None = None
) -> Response:
    event = queries.get_event(db.session(), event_id)
    policy = queries.get_policy_line(db.session(), event.policy_id).policy
    act = on_policy(
        policy,
        f"{title} of {policy.policy_number}",
        "Undo",
        tab=tab,
        facts=[
            ("Done", event.description),
            ("By", person(event.actor)),
            ("At", moment(event.recorded_at)),
        ],
        says=f"{says} {AS_BEFORE}",
    )
    return undo_screen(
        act,
        lambda: command(event_id, on=business_day(), now=clock.now()),
        f"Undone on {policy.policy_number}: {event.description}.",
    )
