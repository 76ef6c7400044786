"""Forgetting a draft: from its form, which then begins afresh, or from the list."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.drafts import bp
from insurance.core.errors import NotFoundError
from insurance.drafts import services
from insurance.drafts.permissions import DraftsMay
from insurance.web import drafts
from insurance.web.access import requires
from insurance.web.html import go


@bp.post("/discard")
@requires(DraftsMay.KEEP)
def discard() -> Response:
    """Forget the draft that the list names, else that of the form that is sent."""
    named = request.args.get("draft")
    if named is None:
        place = drafts.read_place(request.form)
        services.forget_draft(place)
        return go(f"{request.script_root}{place.address}")
    try:
        services.discard_draft(UUID(named))
    except ValueError as error:
        raise NotFoundError from error
    return go(url_for(".index"), "The draft was discarded.")
