"""Beginning a form afresh: what was typed into it is forgotten."""

from flask import Response, request

from insurance.blueprints.drafts import bp
from insurance.drafts import services
from insurance.drafts.permissions import DraftsMay
from insurance.web import drafts
from insurance.web.access import requires
from insurance.web.html import go


@bp.post("/discard")
@requires(DraftsMay.KEEP)
def discard() -> Response:
    """Forget the draft of the form that is sent, and show the form as it begins."""
    place = drafts.read_place(request.form)
    services.forget_draft(place)
    return go(f"{request.script_root}{place.address}")
