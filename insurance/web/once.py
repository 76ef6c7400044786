"""A form is sent once: its second submit gets the answer of the first.

Every form carries a key of its own in the hidden field `_key`. A double click, or Back and Send
again, posts the same key: the redirect of the first post is answered again and nothing runs twice.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Response, g, make_response, request

from insurance.core.context import current_actor
from insurance.core.errors import ConflictError
from insurance.web.idempotency import once

P = ParamSpec("P")
_FORWARD = ("Location", "HX-Location", "HX-Redirect")


def answered_once(view: Callable[P, Response]) -> Callable[P, Response]:
    """Let each rendering of a form be sent once; only answers that lead on are kept."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
        key = request.form.get("_key", "")
        if request.method != "POST" or not key or len(key) > 64 or g.get("tenant") is None:
            return view(*args, **kwargs)

        def work() -> Response:
            return make_response(view(*args, **kwargs))

        sent = repr(sorted(request.form.items(multi=True))).encode()
        # What was changed before it is sent again is another request, under a key of its own.
        marked = hashlib.sha256(sent).hexdigest()[:32]
        name = f"form:{current_actor().user_id}:{key}:{marked}"
        return once(name, request.path, sent, work, from_record=_was_saved, keeps=leads_on)

    return guarded


def _was_saved(_resource: str | None, _resource_id: str | None) -> Response:
    raise ConflictError(
        "This was saved when it was sent the first time, but the answer was lost. Look at the "
        "record before you enter it again."
    )


def keep_answer() -> None:
    """Let the answer of this request be kept though it is a page: what it says was done is done."""
    g.keeps_answer = True


def leads_on(response: Response) -> bool:
    """Tell whether an answer says that what was asked for is done."""
    return g.get("keeps_answer", False) or any(name in response.headers for name in _FORWARD)
