"""What a list is: its columns, what narrows it, and what can be done with its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.listing import Wanted
from insurance.core.paging import Page, every_item, page_after
from insurance.core.permissions import Permission
from insurance.web.charts import BarChart
from insurance.web.forms import Form
from insurance.web.lists.columns import Cell, Column, know_people_of
from insurance.web.lists.narrowing import Field, Tab

ROWS = (25, 50, 100)
"""How many rows a page may have."""

_AT_ONCE = 200
_NO_ID = UUID(int=0)


@lru_cache(1024)
def _pattern(endpoint: str, argument: str, _slug: str | None, _root: str) -> str:
    return url_for(endpoint, **{argument: _NO_ID})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Button:
    """A way on from a list, shown to who may take it; an act (web/acts.py) opens beside the list."""

    name: str
    endpoint: str
    may: Permission | None = None
    icon: str = ""
    key: str = ""
    is_main: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    opens_beside: bool = False

    @property
    def is_shown(self) -> bool:
        """Tell whether the person may take it."""
        return self.may is None or current_actor().may(self.may)

    @property
    def url(self) -> str:
        """Return where it leads."""
        return url_for(self.endpoint, **self.values)


def new(name: str, endpoint: str, may: Permission, icon: str = "plus", **values: Any) -> Button:
    """Return the main way on from a list, which n takes."""
    return Button(name, endpoint, may, icon, "n", is_main=True, values=values)


def new_beside(name: str, endpoint: str, may: Permission, **values: Any) -> Button:
    """Return the main way on from a list, which n takes, to a form that opens beside it."""
    return Button(name, endpoint, may, "plus", "n", True, values, opens_beside=True)


def paged(read: Callable[..., Page[Any]]) -> Callable[[Session, Wanted], Page[Any]]:
    """Return the reading of a list that has one order, by id: from `limit`, `after`, what narrows."""

    def page(session: Session, wanted: Wanted) -> Page[Any]:
        return read(session, limit=wanted.limit, after=wanted.after(), **wanted.narrowed)

    return page


def whole(
    read: Callable[..., Page[Any]], **named: str
) -> Callable[[Session, Mapping[str, Any]], Sequence[Any]]:
    """Return the reading of a list that is short by nature; `named` is what it calls a field."""

    def rows(session: Session, narrowed: Mapping[str, Any]) -> Sequence[Any]:
        values = {named.get(name, name): value for name, value in narrowed.items()}
        return every_item(lambda cursor: read(session, cursor=cursor, limit=_AT_ONCE, **values))

    return rows


@dataclass(frozen=True)
class Empty:
    """What stands in place of rows: that there are none, why, and what `next` says of the main way on."""

    title: str
    why: str = ""
    next: str = ""


@dataclass(frozen=True)
class Peek:
    """A record beside its list: what all columns say of it, what more there is, what can be done."""

    title: str
    url: str
    facts: Sequence[tuple[Column, Cell]]
    acts: Sequence[Button] = ()


@dataclass(frozen=True)
class BulkAct:
    """Something done to many rows: each by itself, as it is done to one.

    `effect` says in words what will happen to {count} of them; `form` asks for what all of them need;
    `do` does it to one and returns what came of it in a few words.
    """

    name: str
    title: str
    may: Permission
    effect: str
    do: Callable[[UUID, Any], str]
    form: type[Form] = Form
    is_dangerous: bool = False


@dataclass(frozen=True)
class ListScreen:
    """A list: narrowed by its tabs and fields, ordered by its columns.

    It is read page by page; one that is short by nature whole, as the `rows_of` what narrows it,
    and each of its columns sorts.

    `figures`, `charts` and a `note` stand above the rows and change with what narrows them; `problems` are
    what a view found wrong with what was asked. `file` is the name of its file.

    `facts` is read once for a request and given to the tabs and choices. `record` is where a row
    leads: an address, or an endpoint and what it calls the row's id. Unless it is not `is_exported`, who sees it may take it away as a file.

    A list with `acts`, or with `looks` at a record beside it, reads the rows that are `found` by
    id. `more` are facts of a record that no column shows, `record_acts` what can be done with it.
    """

    title: str
    columns: Sequence[Column]
    empty: Empty | Callable[[Any], Empty]
    read: Callable[[Session, Wanted], Page[Any]] | None = None
    rows_of: Callable[[Session, Mapping[str, Any]], Sequence[Any]] | None = None
    caption: str = ""
    record: tuple[str, str] | Callable[[Any], str] | None = None
    fields: Sequence[Field] = ()
    tabs: Callable[[Any], Sequence[Tab]] | None = None
    tab_name: str = "status"
    own_tab: str = ""
    facts: Callable[[], Any] = lambda: None
    buttons: Sequence[Button] = ()
    crumbs: Sequence[tuple[str, str] | tuple[str, str, dict[str, Any]]] = ()
    status: Any = None
    none_match: str = "Nothing matches"
    none_in_tab: str = ""
    looks: bool = False
    more: Callable[[Any], Sequence[tuple[str, Any]]] = lambda _row: ()
    record_acts: Callable[[Any], Sequence[Button]] = lambda _row: ()
    acts: Sequence[BulkAct] = ()
    is_exported: bool = True
    id_of: Callable[[Any], Any] = attrgetter("id")
    rows: int = ROWS[0]
    figures: Sequence[tuple[str, str]] = ()
    charts: Sequence[BarChart] = ()
    note: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    file: str = ""

    def url_of(self, row: Any) -> str:
        """Return where a row leads; nowhere in a list of what has no page of its own."""
        if self.record is None or callable(self.record):
            return self.record(row) if self.record else ""
        pattern = _pattern(*self.record, g.get("org_slug"), request.script_root)
        return pattern.replace(str(_NO_ID), str(self.id_of(row)))

    @property
    def main_button(self) -> Button | None:
        """Return the main way on, for who may take it."""
        return next((button for button in self.buttons if button.is_main and button.is_shown), None)

    @property
    def shown_caption(self) -> str:
        """Return what the table is, in which order of its own."""
        return self.caption or (self.title if self.read is None else f"{self.title}, newest first")

    @property
    def region(self) -> str:
        """Return what the rows are, without their order."""
        return self.shown_caption.split(",")[0]

    @property
    def trail(self) -> list[tuple[str, str]]:
        """Return the crumbs with their addresses; each is a name, an endpoint and its values."""
        return [
            (name, url_for(endpoint, **(values[0] if values else {})))
            for name, endpoint, *values in self.crumbs
        ]

    def page(self, wanted: Wanted) -> Page[Any]:
        """Return the rows that are wanted, a page of them."""
        if self.read is not None:
            return self.read(db.session(), wanted)
        assert self.rows_of is not None
        rows = self.rows_of(db.session(), wanted.narrowed)
        if wanted.order:
            column = next(column for column in self.columns if column.name == wanted.order)
            rows = sorted(rows, key=column.place, reverse=wanted.descending)
            # What has nothing there comes last in either direction.
            rows = sorted(rows, key=lambda row: column.place(row)[0] == 0)
        return page_after(rows, wanted.cursor, wanted.limit, self.id_of)

    def sorts(self, column: Column) -> bool:
        """Tell whether the list can be put in the order of a column."""
        return column.sorts or (self.read is None and bool(column.title))

    @property
    def acts_allowed(self) -> list[BulkAct]:
        """Return what the person may do to many rows."""
        return [act for act in self.acts if current_actor().may(act.may)]

    @property
    def resource(self) -> str:
        """Return what the list is of, as the audit log and a file name it."""
        return str(request.endpoint).removesuffix(".index").replace(".", "_")

    def peek(self, record_id: UUID) -> Peek:
        """Return what there is to see of a record. Raises NotFoundError."""
        rows = self.page(Wanted({"found": [record_id]}, limit=1)).items
        if not rows:
            raise NotFoundError
        row, more = rows[0], self.more(rows[0])
        know_people_of(self.columns, rows)
        shown = [(column, cell) for column in self.columns[1:] for cell in column.cells(row)]
        added = [
            (Column(name, name), value if isinstance(value, Cell) else Cell(value))
            for name, value in more
        ]
        return Peek(self.label(row), self.url_of(row), [*shown, *added], self.record_acts(row))

    def label(self, row: Any) -> str:
        """Return what a row is called: its first column."""
        first = self.columns[0]
        return first.printed(first.cells(row)[0])
