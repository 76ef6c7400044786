"""Answers of HTML screens: a page or the part that htmx asks for, a way on, a refusal."""

import json
import re
from typing import Any

from flask import (
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from htmx_flask import Htmx
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response as BaseResponse

from insurance.core.errors import DomainError
from insurance.web.conflicts import show_both
from insurance.web.drafts import note_page
from insurance.web.forms import UNSEEN, Form

_LOCAL_PATH = re.compile(r"/(?![/\\])[\w\-.~/]*(\?[\w\-.~=&%+/]*)?", re.ASCII)


htmx = Htmx()


def _is_htmx() -> bool:
    return bool(request.htmx)  # type: ignore[attr-defined]


def wants_part() -> bool:
    """Tell whether htmx asks for a fragment. A history restore or a plain visit wants the page."""
    return request.headers.get("HX-Request-Type") == "partial"


def page(template: str, *, part: str | None = None, status: int = 200, **context: Any) -> Response:
    """Return the template, or its block `part` where htmx asks for a fragment."""
    note_page(template, context)
    if part and wants_part():
        body = render_block(template, part, **context)
    else:
        body = render_template(template, **context)
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers.add("Vary", "HX-Request-Type")
    return response


def go(url: str, message: str | None = None, *, undo: str = "") -> Response:
    """Send the person on after a success; the message shows on the next page until dismissed.

    With `undo`, the address that takes back what was done, there is a button for it beside.
    """
    if message:
        flash(message, undo or "message")
    if _is_htmx():
        response = make_response("", 200)
        response.headers["HX-Location"] = json.dumps(
            {"path": url, "target": "#main", "select": "#main", "swap": "outerHTML"}
        )
        return response
    return _see_other(url)


def leave(url: str) -> Response:
    """Load another page whole: the shell changes too, as after signing in or out."""
    if _is_htmx():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = url
        return response
    return _see_other(url)


def refuse(form: Form, error: DomainError) -> None:
    """Put a refusal beside the field it concerns, or at the top of the form, with its status.

    After a stale save the form shows both people's values, and saving again is a decision.
    """
    form.refused_with = error.status
    show_both(form, error, UNSEEN)
    for single in error.errors:
        field = form._fields.get(single.field or "")
        if field is not None:
            field.errors = [*field.errors, single.message]
        else:
            form.form_errors.append(single.message)


def session_expired() -> Response:
    """Ask to sign in: over the page for htmx, so that nothing typed is lost; else as a page."""
    if not _is_htmx():
        wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return _see_other(url_for("identity.sign_in", next=safe_path(wanted)))
    response = make_response(render_template("errors/session_expired.html"), 401)
    response.headers["HX-Retarget"] = "#dialogs"
    response.headers["HX-Reswap"] = "innerHTML"
    response.headers["HX-Push-Url"] = "false"
    response.headers["Cache-Control"] = "no-store"
    return response


def safe_path(path: str | None) -> str:
    """Return a path of this site, or `/` for anything else."""
    if not path or len(path) > 500 or not _LOCAL_PATH.fullmatch(path):
        return "/"
    plain = path.split("?")[0]
    return "/" if "//" in plain or ".." in plain else path


def _see_other(url: str) -> Response:
    answer: BaseResponse = redirect(url, 303)
    return current_app.make_response(answer)
