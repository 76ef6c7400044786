"""What a person asked of a list, read from the address, and the addresses that ask otherwise."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request, url_for
from markupsafe import Markup

from insurance.core.listing import Wanted
from insurance.customers.number_search import number_in
from insurance.web.lists.columns import Column
from insurance.web.lists.narrowing import Tab
from insurance.web.lists.screen import ROWS, ListScreen

_OF_THE_PAGE = ("cursor", "peek")
"""What belongs to a page of the list and not to the list: another list starts anew."""
WHOLE = "all"
"""The view that is none: it keeps a role's view away where nothing else is asked."""
_SAFE = "!$'()*,/:;?@"
"""What Flask leaves as it is after the question mark too."""
_LOOKS = ("sort", "columns", "rows", "density", "view")


@dataclass(frozen=True)
class Asked:
    """A list as it is asked for. `given` are the parameters that say so, as they were typed."""

    screen: ListScreen
    given: dict[str, str]
    narrowed: dict[str, Any]
    problems: dict[str, str]
    tab: str
    tabs: list[Tab]
    columns: list[Column]
    order: str
    descending: bool
    rows: int
    peek: UUID | None
    facts: Any
    has_role_view: bool = False

    @property
    def wanted(self) -> Wanted:
        """Return what the reading is to give."""
        cursor = self.given.get("cursor")
        return Wanted(self.narrowed, self.order, self.descending, cursor, self.rows)

    @property
    def is_roomy(self) -> bool:
        """Tell whether the rows are to be further apart."""
        return self.given.get("density") == "roomy"

    @property
    def is_narrowed(self) -> bool:
        """Tell whether a field above the list leaves rows out."""
        return any(field.name in self.given for field in self.screen.fields)

    @property
    def view(self) -> str:
        """Return the name of the view that the list is, if it is one."""
        name = self.given.get("view", "")
        return "" if name == WHOLE else name

    @property
    def caption(self) -> str:
        """Return what the table is, for who does not see it."""
        q = self.given.get("q")
        what = f"What matches {q}" if q else self.screen.shown_caption
        return f"{what}, sorted" if self.order else what

    @property
    def places(self) -> list[tuple[Column, Markup, bool, bool]]:
        """Return the columns as a row of the table needs them.

        Each is with the attributes of its cells, whether it is first, and whether it leads on.
        """
        main = self.screen.columns[0]
        return [
            (column, column.attributes(at == 0), at == 0, column is main)
            for at, column in enumerate(self.columns)
        ]

    @cached_property
    def path(self) -> str:
        """Return the address without anything asked: what a form of the list sends to."""
        return url_for(str(request.endpoint), **(request.view_args or {}))

    @property
    def url_of_all(self) -> str:
        """Return the address without what the fields say."""
        return self.url(view=None, **{field.name: None for field in self.screen.fields})

    def url(self, **changes: Any) -> str:
        """Return the address of the list with changes, from its first page on."""
        kept = {name: text for name, text in self.given.items() if name not in _OF_THE_PAGE}
        values = {name: value for name, value in (kept | changes).items() if value is not None}
        if self.has_role_view and not values:
            values["view"] = WHOLE
        # A list has dozens of addresses that differ in nothing else.
        return f"{self.path}?{urlencode(values, safe=_SAFE)}" if values else self.path

    def url_with(self, **changes: Any) -> str:
        """Return the address of this page of the list with changes."""
        page = {name: self.given[name] for name in _OF_THE_PAGE if name in self.given}
        return self.url(**(page | changes))

    def url_sorted(self, column: Column) -> str:
        """Return the address with the list ordered by a column; the second time, backwards."""
        is_turned = self.order == column.name and not self.descending
        return self.url(sort=f"-{column.name}" if is_turned else column.name)

    def direction(self, column: Column) -> str:
        """Return the column's `aria-sort`: nothing where the list is in another order."""
        if self.order != column.name:
            return ""
        return "descending" if self.descending else "ascending"

    def url_earlier(self, column: Column) -> str:
        """Return the address with a column one place further to the left."""
        names = [shown.name for shown in self.columns]
        at = names.index(column.name)
        names[at - 1 : at + 1] = [names[at], names[at - 1]]
        return self.url(columns=",".join(names))

    def kept(self, *changed: str) -> dict[str, str]:
        """Return the parameters that a form sends along which itself asks for those changed."""
        left_out = {*_OF_THE_PAGE, *changed, "view"}
        return {name: text for name, text in self.given.items() if name not in left_out}

    def kept_for_record(self) -> dict[str, str]:
        """Return what may be kept of it: an ID number that was searched for is not."""
        return {name: text for name, text in self.kept().items() if number_in(text) is None}

    def chosen(self) -> dict[str, Any]:
        """Return whose list it is and what narrows it, as the audit log names a file of it."""
        whose = {name: value for name, value in (request.view_args or {}).items() if name != "org"}
        days = {one.name: one.stands for one in self.screen.fields if one.stands}
        return whose | days | self.kept_for_record()

    @property
    def kept_by_fields(self) -> dict[str, str]:
        """Return what the fields above the list leave as it is."""
        return self.kept(*(field.name for field in self.screen.fields))

    @property
    def kept_by_looks(self) -> dict[str, str]:
        """Return what a choice of columns leaves as it is."""
        return self.kept("columns", "rows", "density")

    @property
    def offered(self) -> list[Column]:
        """Return the columns that are not shown."""
        return [column for column in self.screen.columns if column not in self.columns]


def ask(screen: ListScreen) -> Asked:
    """Return what the request asks of a list; what cannot be read is a problem and left out."""
    facts = screen.facts()
    typed = {name: _typed(name) for name in (*_LOOKS, *_OF_THE_PAGE)}
    narrowed, problems = _narrowing(screen, facts, typed)
    tabs = list(screen.tabs(facts)) if screen.tabs else []
    values = {tab.value.lower(): tab.value for tab in tabs}
    tab = values.get(_typed(screen.tab_name).lower(), screen.own_tab)
    if tab:
        narrowed[screen.tab_name] = typed[screen.tab_name] = tab
    columns = _columns(screen, typed, tab)
    order, descending = typed["sort"].lstrip("-"), typed["sort"].startswith("-")
    if order not in {column.name for column in screen.columns if screen.sorts(column)}:
        order, descending, typed["sort"] = "", False, ""
    rows = int(typed["rows"]) if typed["rows"] in map(str, ROWS) else screen.rows
    given = {name: text for name, text in typed.items() if text}
    return Asked(
        screen, given, narrowed, problems, tab, tabs, columns, order, descending, rows,
        _uuid(typed["peek"]) if screen.looks else None, facts,
    )  # fmt: skip


def _narrowing(
    screen: ListScreen, facts: Any, typed: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    narrowed: dict[str, Any] = {}
    problems = dict(screen.problems)
    for field in screen.fields:
        typed[field.name] = _typed(field.name)
        try:
            value = field.read(typed[field.name], facts)
        except ValueError as error:
            problems[field.name] = str(error)
            continue
        if value is None:
            typed[field.name] = ""
        else:
            narrowed[field.name] = value
    return narrowed, problems


def _columns(screen: ListScreen, typed: dict[str, str], tab: str) -> list[Column]:
    """Return the columns to show, as chosen; a form sends each by itself, a link all in one."""
    by_name = {column.name: column for column in screen.columns}
    names = ",".join(request.args.getlist("columns")).split(",")
    chosen = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    own = [column for column in screen.columns if not column.is_extra and tab not in column.not_in]
    if not chosen or chosen == own:
        typed["columns"] = ""
        return own
    typed["columns"] = ",".join(column.name for column in chosen)
    return chosen


def _typed(name: str) -> str:
    return request.args.get(name, "").replace("\0", "\ufffd").strip()[:2000]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
