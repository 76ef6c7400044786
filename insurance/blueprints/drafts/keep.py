"""What a browser sends of a form while somebody types in it."""

from flask import Response, make_response, request

from insurance.blueprints.drafts import bp
from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.drafts.permissions import DraftsMay
from insurance.web import drafts
from insurance.web.access import requires

_LARGEST = 256 * 1024


@bp.post("/keep")
@requires(DraftsMay.KEEP)
def keep() -> Response:
    """Keep what is typed; answer in a line of words, who else is changing the record with them."""
    if (request.content_length or 0) > _LARGEST:
        raise DomainError("This is more than a draft can hold.")
    place = drafts.read_place(request.form)
    drafts.keep(place)
    said = [f"Draft saved {drafts.clock_time(clock.now())}."]
    told = "_others" in request.form
    said += [
        f"{name} is changing this record since {since}."
        for name, since in ([] if told else drafts.others_at(place))
    ]
    response = make_response(" ".join(said))
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["Cache-Control"] = "no-store"
    return response
