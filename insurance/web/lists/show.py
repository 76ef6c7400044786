"""Showing a list: as a page, as the part that htmx asks for, or as a file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flask import Response, redirect, request

from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError, NotFoundError
from insurance.core.listing import MATCHES_ORDERED, Wanted
from insurance.organizations.list_views import list_views
from insurance.web.days import refuse_problems
from insurance.web.exports import export
from insurance.web.html import page, wants_part
from insurance.web.lists.asked import Asked, ask
from insurance.web.lists.bulk import act_on_rows
from insurance.web.lists.columns import exported_columns, know_people_of
from insurance.web.lists.screen import ROWS, Empty, ListScreen
from insurance.web.lists.views import delete, may_delete, role_view, save, wanted_view

_TEMPLATE = "list/page.html"
_AT_ONCE = 1000
"""How many rows of a file are read at a time."""


def show(screen: ListScreen, template: str = _TEMPLATE, **context: Any) -> Response:
    """Return the list that the address asks for; what a form of the list sends is done.

    `template` extends `list/page.html` where a list has more around it, from `context`.
    """
    asked = ask(screen)
    if request.method == "POST":
        return _done(asked)
    views = list_views(db.session(), str(request.endpoint))
    # A view that asks for nothing is the list as it is.
    if (view := wanted_view(views)) and view.asked:
        return redirect(asked.url(**view.asked, view=view.name), 303)  # type: ignore[return-value]
    asked = replace(asked, has_role_view=role_view(views) is not None)
    found = screen.page(asked.wanted)
    know_people_of(asked.columns, found.items)
    return page(
        _TEMPLATE if wants_part() else template,
        part="peek" if request.headers.get("HX-Target", "").endswith("#peek") else "list",
        status=422 if asked.problems else 200,
        screen=screen,
        asked=asked,
        found=found,
        empty=None if found.items else _empty(asked),
        peeked=screen.peek(asked.peek) if asked.peek else None,
        sizes=ROWS,
        views=[(view, may_delete(view)) for view in views],
        **context,
    )


def _empty(asked: Asked) -> Empty:
    screen = asked.screen
    if asked.is_narrowed:
        return Empty(screen.none_match)
    if screen.none_in_tab and asked.tab != screen.own_tab:
        return Empty(screen.none_in_tab)
    return screen.empty if isinstance(screen.empty, Empty) else screen.empty(asked)


def _done(asked: Asked) -> Response:
    does = {"export": _export, "act": act_on_rows, "save_view": save, "delete_view": delete}
    try:
        return does[request.form.get("do", "")](asked)
    except KeyError as error:
        raise NotFoundError from error


def _export(asked: Asked) -> Response:
    """Send every row of the list as it is seen: what narrows it, its order, its columns."""
    screen = asked.screen
    if not screen.is_exported:
        raise ForbiddenError("Your role does not allow this.")
    refuse_problems(asked.problems)
    columns = exported_columns(asked.columns)
    return export(
        request.form.get("kind", ""),
        screen.file or screen.resource.replace("_", "-"),
        [column.title for column in columns],
        ([column.exported(row) for column in columns] for row in _every_row(asked)),
        action=f"{screen.resource}.export",
        resource=screen.resource,
        chosen={**asked.chosen(), "columns": [column.name for column in columns]},
    )


def _every_row(asked: Asked) -> Iterator[Any]:
    is_search = "q" in asked.narrowed
    limit = MATCHES_ORDERED if is_search else _AT_ONCE
    wanted: Wanted = replace(asked.wanted, cursor=None, limit=limit)
    while True:
        found = asked.screen.page(wanted)
        if is_search and len(found.items) >= limit:
            raise DomainError(f"{limit} rows or more match. Search for something closer first.")
        know_people_of(asked.columns, found.items)
        yield from found.items
        if found.next_cursor is None:
            return
        wanted = replace(wanted, cursor=found.next_cursor)
