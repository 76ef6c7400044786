"""Drafts: what is typed into a long form is kept on the server until the form is saved.

No form does anything for it. `ui.hidden` marks the forms that have more than three fields; app.js
sends what is typed in them; what a form that is opened again shows first is put into its fields by
the form itself. A view that reads further fields from the request reads them from `typed`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import structlog
from flask import Flask, Response, current_app, g, request, url_for
from jinja2_fragments.flask import render_block
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from wtforms import FileField

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError, NotFoundError
from insurance.core.permissions import Permission
from insurance.drafts import queries, services
from insurance.drafts.permissions import DraftsMay
from insurance.drafts.queries import AtRecord, KeptWords
from insurance.drafts.rules import LONGEST_ADDRESS
from insurance.drafts.services import FormPlace
from insurance.identity.queries import get_user
from insurance.web.access import access_of
from insurance.web.filters import moment
from insurance.web.once import leads_on

_log = structlog.get_logger()
_ADDRESS = re.compile(r"/[\w\-/]*(\?[\w\-.~=&%+,:]*)?", re.ASCII)
_FORM = re.compile(r"[A-Za-z]{1,60}", re.ASCII)
_NOT_OF_THE_FORM = frozenset({"tab"})
"""Parameters of an address that choose what stands around a form."""
_SENT_AS_TYPED = frozenset({"look", "price"})
"""What a form asks while one types: the draft is sent then too, by itself."""
_REFUSED = (409, 422)
_UNSENT_WHEN_OFF = frozenset({"BooleanField", "SelectMultipleField"})


@dataclass(frozen=True)
class DraftMark:
    """What a long form carries: its mark, what it is in words, and what is known of its draft.

    One that `has_file` keeps its words: the file is to be chosen again.
    """

    mark: str
    title: str
    about: str
    kept_at: str
    others: list[tuple[str, str]]
    has_file: bool = False

    @property
    def keep_at(self) -> str:
        """Return where what is typed is sent."""
        return url_for("drafts.keep")

    @property
    def discard_at(self) -> str:
        """Return where the draft is forgotten."""
        return url_for("drafts.discard")


def init_app(app: Flask) -> None:
    """Let forms be marked, and let a post keep its words or end its draft."""
    app.jinja_env.globals.update(draft_of=draft_of, note_crumbs=_note_crumbs)
    app.after_request(_follow_post)


def drafted(form: Any) -> MultiDict[str, str] | None:
    """Return what the person had typed into a form that is opened again, if anything."""
    if request.method != "GET" or not _has_drafts(form):
        return None
    own, _others = _here()
    return next((MultiDict(words.fields) for words in own if words.form == _name_of(form)), None)


def typed(form: Any) -> MultiDict[str, str]:
    """Return what was sent, else what the person had typed; for fields that a view reads itself."""
    return request.form if request.method == "POST" else drafted(form) or MultiDict()


def fill_in(form: Any) -> None:
    """Put a draft into the fields of a form; what it says nothing of stays."""
    words = drafted(form)
    if words is None:
        return
    for field in form:
        if field.name in words or field.type in _UNSENT_WHEN_OFF:
            field.process(words)


def draft_of(form: Any) -> DraftMark | None:
    """Return what a form is marked with, filled in with its draft; None for a short one.

    It is filled in anew: a view may have written into the fields after they were.
    """
    if not getattr(form, "is_long", False) or not _has_drafts(form):
        return None
    address = _address()
    if _ADDRESS.fullmatch(address) is None or len(address) > LONGEST_ADDRESS:
        return None
    fill_in(form)
    own, others = ([], []) if request.form.get("act") == "look" else _here()
    title, about = _in_words()
    return DraftMark(
        f"{address}#{_name_of(form)}",
        title,
        about,
        _kept_at(form, own),
        named(others),
        any(isinstance(field, FileField) for field in form),
    )


def _kept_at(form: Any, own: list[KeptWords]) -> str:
    """Return when the words of a form were kept; what is refused now is kept now."""
    if request.method == "POST":
        return clock_time(clock.now()) if form.has_errors else ""
    return next((clock_time(words.saved_at) for words in own if words.form == _name_of(form)), "")


def read_place(fields: Mapping[str, str]) -> FormPlace:
    """Return the place of a form that a browser names, once it is one of the person's.

    Raises NotFoundError for what is no address of the organization, ForbiddenError for a form that
    the person's role does not open.
    """
    address, _, form = fields.get("_draft", "").partition("#")
    if (
        len(address) > LONGEST_ADDRESS
        or not _ADDRESS.fullmatch(address)
        or not _FORM.fullmatch(form)
    ):
        raise NotFoundError
    path = address.partition("?")[0]
    try:
        endpoint, values = current_app.url_map.bind("localhost").match(path, method="GET")
    except HTTPException as error:
        raise NotFoundError from error
    if values.get("org") != g.tenant.slug:
        raise NotFoundError
    needed = access_of(endpoint)
    if not isinstance(needed, Permission) or not current_actor().may(needed):
        raise ForbiddenError("Your role does not allow this.")
    changes_it = bool(fields.get("version"))
    return FormPlace(address, form, _record_of(values) or (path if changes_it else None))


def keep(place: FormPlace) -> None:
    """Keep what a request sends of a form. Raises DomainError where there is too much of it."""
    services.keep_draft(
        place,
        request.form.items(multi=True),
        title=request.form.get("_title", ""),
        about=request.form.get("_about", ""),
        now=clock.now(),
    )


def others_at(place: FormPlace) -> list[tuple[str, str]]:
    """Return who else is changing the record of a form, and since when."""
    if place.record is None:
        return []
    found = queries.find_at(db.session(), _person(), place.address, place.record, now=clock.now())
    return named(found[1])


def named(others: Iterable[AtRecord]) -> list[tuple[str, str]]:
    """Return people by name, each with the time since when."""
    session = db.session()
    return [(get_user(session, other.user_id).name, clock_time(other.began_at)) for other in others]


def clock_time(at: datetime) -> str:
    """Return `09:12` for a moment of today, else `2026/11/20 09:12`."""
    shown, today = moment(at), moment(clock.now())
    return shown[11:] if shown[:10] == today[:10] else shown


def note_page(template: str, context: Mapping[str, Any]) -> None:
    """Remember which page is shown: its title is what a form on it is called."""
    g.page_shown = template, context


def _note_crumbs(crumbs: Any) -> str:
    g.crumbs_shown = crumbs
    return ""


def _in_words() -> tuple[str, str]:
    """Return what the form in view is, and what it is about: the last crumb."""
    if request.method == "POST":
        return request.form.get("_title", ""), request.form.get("_about", "")
    template, context = g.page_shown
    act = context.get("act")
    if act is not None:
        return act.title, act.crumbs[-1][0] if act.crumbs else ""
    crumbs = g.get("crumbs_shown") or [("", "")]
    return " ".join(render_block(template, "title", **context).split()), crumbs[-1][0]


def _has_drafts(form: Any) -> bool:
    if g.get("tenant") is None or not current_actor().may(DraftsMay.KEEP):
        return False
    return form.is_long or "drafts_here" in g


def _here() -> tuple[list[KeptWords], list[AtRecord]]:
    """Return the person's drafts at this address and who else is changing the record; read once."""
    if "drafts_here" not in g:
        record = _record_of(request.view_args or {}) or request.path
        g.drafts_here = queries.find_at(
            db.session(), _person(), _address(), record, now=clock.now()
        )
    return g.drafts_here  # type: ignore[no-any-return]


def _address() -> str:
    """Return the address at which the form in view is opened, without the server's own root."""
    if request.method == "POST" and "_draft" in request.form:
        return request.form["_draft"].partition("#")[0]
    kept = [
        (name, text)
        for name, text in request.args.items(multi=True)
        if text and name not in _NOT_OF_THE_FORM
    ]
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _record_of(values: Mapping[str, Any]) -> str | None:
    return next((str(value) for value in values.values() if isinstance(value, UUID)), None)


def _name_of(form: Any) -> str:
    return form.draft_name or type(form).__name__


def _person() -> UUID:
    user_id = current_actor().user_id
    if user_id is None:
        raise ForbiddenError("Drafts are kept for people.")
    return user_id


def _follow_post(response: Response) -> Response:
    """End the draft of what was saved; keep the words of what was refused or is not done yet."""
    is_read = response.status_code < 400 or response.status_code in _REFUSED
    is_post = request.method == "POST" and g.get("tenant") is not None and is_read
    if not is_post or request.blueprint == "drafts" or "_draft" not in request.form:
        return response
    try:
        place = read_place(request.form)
        if leads_on(response):
            services.forget_draft(place)
        elif _is_shown_again(response):
            keep(place)
    except DomainError as refusal:
        _log.info("no draft", reason=refusal.message)
    except SQLAlchemyError as error:
        # What was saved is saved, and what was refused is on the page.
        _log.warning("the draft was not written", exc_info=error)
    return response


def _is_shown_again(response: Response) -> bool:
    return (
        response.status_code in (200, *_REFUSED)
        and request.form.get("act") not in _SENT_AS_TYPED
        and current_actor().may(DraftsMay.KEEP)
    )
