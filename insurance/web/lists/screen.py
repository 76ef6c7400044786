"""What a list is: its columns, what narrows it, and what can be done with its rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from flask import g, request, url_for

from insurance.core.context import current_actor
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.core.permissions import Permission
from insurance.web.forms import Form
from insurance.web.lists.columns import Cell, Column
from insurance.web.lists.narrowing import Field, Tab

ROWS = (25, 50, 100)
"""How many rows a page may have."""

_NO_ID = UUID(int=0)


def record_at(
    endpoint: str, argument: str, id_of: Callable[[Any], Any] = attrgetter("id")
) -> Callable[[Any], str]:
    """Return where the rows of a list lead: to a page that takes the id of a row."""

    def address(row: Any) -> str:
        pattern = _pattern(endpoint, argument, g.get("org_slug"), request.script_root)
        return pattern.replace(str(_NO_ID), str(id_of(row)))

    return address


@lru_cache(1024)
def _pattern(endpoint: str, argument: str, _slug: str | None, _root: str) -> str:
    return url_for(endpoint, **{argument: _NO_ID})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Button:
    """A way on from a list, shown to who may take it."""

    name: str
    endpoint: str
    may: Permission | None = None
    icon: str = ""
    key: str = ""
    is_main: bool = False
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_shown(self) -> bool:
        """Tell whether the person may take it."""
        return self.may is None or current_actor().may(self.may)

    @property
    def url(self) -> str:
        """Return where it leads."""
        return url_for(self.endpoint, **self.values)


@dataclass(frozen=True)
class Empty:
    """What stands in place of rows: that there are none, why, and what to do next."""

    title: str
    why: str = ""
    next: Button | None = None


@dataclass(frozen=True)
class Peek:
    """A record beside its list: where it is, its status, its key facts and what can be done."""

    title: str
    url: str
    facts: Sequence[tuple[str, Any]]
    status: Any = None
    acts: Sequence[Button] = ()

    @property
    def cells(self) -> list[tuple[str, Cell]]:
        """Return the facts with what stands around them."""
        return [
            (name, value if isinstance(value, Cell) else Cell(value)) for name, value in self.facts
        ]


@dataclass(frozen=True)
class Act:
    """Something done to many rows: each by itself, as it is done to one.

    `effect` says in words what will happen to so many; `form` asks for what all of them need;
    `do` does it to one and returns what came of it in a few words.
    """

    name: str
    title: str
    may: Permission
    effect: Callable[[int], str]
    do: Callable[[UUID, Any], str]
    form: type[Form] = Form
    is_dangerous: bool = False


@dataclass(frozen=True)
class ListScreen:
    """A list: read page by page, narrowed by its tabs and fields, ordered by its columns.

    `facts` is read once for a request and given to the tabs and choices. `record` is where a row
    leads. `exports` lets people take the list away as a file, under `resource` in the audit log.
    A list with `acts` reads the rows that are `found` by id.
    """

    title: str
    resource: str
    read: Callable[[Wanted], Page[Any]]
    columns: Sequence[Column]
    empty: Empty | Callable[[Any], Empty]
    caption: str = ""
    record: Callable[[Any], str] | None = None
    fields: Sequence[Field] = ()
    tabs: Callable[[Any], Sequence[Tab]] | None = None
    tab_name: str = "status"
    own_tab: str = ""
    facts: Callable[[], Any] = lambda: None
    buttons: Sequence[Button] = ()
    crumbs: Sequence[tuple[str, str]] = ()
    status: Any = None
    none_match: str = "Nothing matches"
    peek: Callable[[UUID], Peek] | None = None
    acts: Sequence[Act] = ()
    exports: Permission | None = None
    id_of: Callable[[Any], Any] = attrgetter("id")
    rows: int = ROWS[0]

    @property
    def acts_allowed(self) -> list[Act]:
        """Return what the person may do to many rows."""
        return [act for act in self.acts if current_actor().may(act.may)]

    @property
    def may_export(self) -> bool:
        """Tell whether the person may take the list away."""
        return self.exports is not None and current_actor().may(self.exports)

    def label(self, row: Any) -> str:
        """Return what a row is called: its first column."""
        first = self.columns[0]
        return first.printed(first.cells(row)[0])
