"""Everything that was written about a record, newest first."""

from uuid import UUID

from flask import Response, request

from insurance.blueprints.correspondence import bp
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.correspondence.queries import What, get_facts
from insurance.web.access import requires
from insurance.web.correspondence import correspondence_of, record_url, seen_kind
from insurance.web.html import page


@bp.get("/<slug:resource>/<uuid:record_id>")
@requires(CorrespondenceMay.VIEW)
def show(resource: str, record_id: UUID) -> Response:
    """Show the notes, documents and messages of a record, or `only` one of the three."""
    kind = seen_kind(resource)
    facts = get_facts(db.session(), resource, record_id)
    chosen, cursor = request.args.get("only", ""), request.args.get("cursor")
    return page(
        "correspondence/show.html",
        part="correspondence",
        facts=facts,
        kind=kind,
        back=record_url(resource, record_id),
        correspondence=correspondence_of(
            resource,
            record_id,
            only=What(chosen) if chosen in set(What) else None,
            after=decode_cursor(cursor, 1, UUID)[0] if cursor else None,
            is_whole=True,
        ),
    )
