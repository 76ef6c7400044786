"""Something done to many rows of a list: asked on a page of its own, done one by one, reported."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError

from insurance.core.errors import DomainError, NotFoundError
from insurance.core.listing import Wanted
from insurance.web.html import go, page
from insurance.web.lists.asked import Asked
from insurance.web.lists.screen import ROWS, BulkAct
from insurance.web.once import keep_answer

_log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What came of one row: in a few words, or why nothing did."""

    name: str
    url: str
    says: str
    is_done: bool


def act_on_rows(asked: Asked) -> Response:
    """Say what will be done to the rows that were chosen, and once that is sure, do it.

    Each row is done by itself, as when it is done singly: what fails leaves the others be.
    """
    act = _act(asked)
    rows = _chosen(asked)
    if not rows:
        return go(asked.url_with(), "Choose at least one row first.")
    form = act.form()
    context: dict[str, Any] = {"asked": asked, "act": act, "rows": rows, "form": form}
    if not request.form.get("sure") or not form.validate_on_submit():
        return page("list/act.html", status=form.status, **context)
    outcomes = [_do(asked, act, row, form) for row in rows]
    keep_answer()
    failed = [outcome for outcome in outcomes if not outcome.is_done]
    done = [outcome for outcome in outcomes if outcome.is_done]
    return page("list/outcome.html", outcomes=[*failed, *done], failed=len(failed), **context)


def _act(asked: Asked) -> BulkAct:
    name = request.form.get("act", "")
    for act in asked.screen.acts_allowed:
        if act.name == name:
            return act
    raise NotFoundError


def _chosen(asked: Asked) -> list[Any]:
    try:
        ids = [UUID(text) for text in dict.fromkeys(request.form.getlist("id"))]
    except ValueError as error:
        raise NotFoundError from error
    if len(ids) > ROWS[-1]:
        raise DomainError(f"Choose at most {ROWS[-1]} rows at once.")
    wanted = Wanted({"found": ids}, limit=ROWS[-1])
    return list(asked.screen.page(wanted).items) if ids else []


def _do(asked: Asked, act: BulkAct, row: Any, form: Any) -> Outcome:
    screen = asked.screen
    # What the row is called is taken before: afterwards it may be called otherwise.
    name, url = screen.label(row), screen.url_of(row)
    try:
        return Outcome(name, url, act.do(screen.id_of(row), form), is_done=True)
    except DomainError as error:
        return Outcome(name, url, error.message, is_done=False)
    except SQLAlchemyError as error:
        # Such as a lock that a month-end holds: this row is not done, and the page says so.
        _log.warning("row of a bulk act failed", act=act.name, exc_info=error)
        return Outcome(name, url, "Somebody else is changing it. Try again later.", is_done=False)
