"""One entry of the audit log, with what changed."""

from uuid import UUID

from flask import Response

from insurance.audit_logs import queries, rules
from insurance.audit_logs.models import Outcome
from insurance.audit_logs.permissions import AuditMay
from insurance.audit_logs.sealing import find_proof
from insurance.blueprints.audit_logs import bp
from insurance.core.context import Channel
from insurance.core.db import db
from insurance.customers.privacy import as_shown
from insurance.web.access import requires
from insurance.web.html import page

OUTCOMES = {Outcome.OK: "Done", Outcome.REFUSED: "Refused", Outcome.FAILED: "Failed"}
CHANNELS = {
    Channel.BROWSER: "Screen",
    Channel.API: "API",
    Channel.JOB: "Job",
    Channel.CLI: "Command line",
}


@bp.route("/<uuid:event_id>")
@requires(AuditMay.VIEW)
def show(event_id: UUID) -> Response:
    """Show an entry with before and after, its seal, and what the same request did."""
    event = queries.get_event(db.session(), event_id)
    return page(
        "audit_logs/show.html",
        event=event,
        outcome=OUTCOMES[event.outcome],
        channel=CHANNELS[event.channel],
        changes=rules.changes(as_shown(event.before), as_shown(event.after)),
        same_request=queries.list_same_request(db.session(), event),
        proof=find_proof(db.session(), event_id),
    )
