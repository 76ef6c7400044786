"""The columns of a list: what stands in a cell, and how it is printed and exported."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from markupsafe import Markup

from insurance.web.filters import day, moment, money, number, percent, phone, tag, words
from insurance.web.people import know_people, person

_PRINTED: dict[str, Callable[[Any], str]] = {
    "text": str,
    "money": money,
    "rand": lambda amount: money(amount, 0),
    "number": number,
    "percent": percent,
    "days": lambda days: f"{days:.1f}".replace(".", ","),
    "day": day,
    "moment": moment,
    "phone": phone,
    "person": person,
    "name": lambda email: person(email).partition(", ")[0],
    "seconds": lambda at: moment(at, seconds=True),
    "copied": lambda text: str(text)[:8],
    "code": words,
    "tag": words,
}
_FLAGS = {
    "sorts": "sorts",
    "key": "is_key",
    "extra": "is_extra",
    "wrapped": "is_wrapped",
    "summed": "is_summed",
    "muted": "is_muted",
}
_BARE = frozenset({"money", "rand", "number", "percent", "days", "day", "moment", "seconds"})
_RIGHT = frozenset({"money", "rand", "number", "percent", "days"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with what stands around it: where it leads, words beside it, tags behind it.

    `says` is what a screen reader hears of the link. `is_act` makes it a button; `posts` one that
    changes something at once; `opens_beside` one of an act (web/acts.py), beside the list.
    """

    value: Any = None
    url: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    says: str = ""
    is_act: bool = False
    posts: bool = False
    opens_beside: bool = False


@dataclass(frozen=True)
class Column:
    """A column: its name in the address, its title, and the value it shows of a row.

    The value is a bare one, a Cell, or several of them. `sorts` where the reading can order by it.
    On a telephone the first column and those that are `is_key` are shown. What is `is_extra`, and
    what says nothing `not_in` some tabs, is shown there to who chooses it. What is `is_summed` is
    added up below the rows.
    """

    name: str
    title: str
    kind: str = "text"
    value: Callable[[Any], Any] | None = None
    sorts: bool = False
    is_key: bool = False
    is_extra: bool = False
    not_in: tuple[str, ...] = ()
    is_wrapped: bool = False
    is_summed: bool = False
    is_muted: bool = False

    def look_at(self, is_first: bool) -> str:
        """Return the classes of its cells; the first column is never the one that is left out."""
        looks = {
            "right": self.kind in _RIGHT,
            "wrap": self.is_wrapped,
            "muted": self.is_muted,
            "minor": not self.is_key and not is_first,
        }
        return " ".join(name for name, has in looks.items() if has)

    def attributes(self, is_first: bool) -> Markup:
        """Return the attributes of its cells in the table, the same in each row."""
        named = {"class": self.look_at(is_first), "data-name": "" if is_first else self.title}
        written = [Markup(' {}="{}"').format(*one) for one in named.items() if one[1]]
        return Markup("").join(written)

    def plain(self, row: Any) -> str | None:
        """Return what stands in the column for a row where that is one bare value, else None.

        Nearly every cell of a list is: its markup is not worth a macro.
        """
        found = (self.value or attrgetter(self.name))(row)
        if self.kind == "copied" or isinstance(found, (Cell, list, tuple)):
            return None
        if found is None or found == "":
            return "–"
        return tag(found) if self.kind == "tag" else _PRINTED[self.kind](found)

    def cells(self, row: Any) -> list[Cell]:
        """Return what stands in the column for a row."""
        found = (self.value or attrgetter(self.name))(row)
        if isinstance(found, (list, tuple)):
            return [item if isinstance(item, Cell) else Cell(item) for item in found]
        return [found if isinstance(found, Cell) else Cell(found)]

    def place(self, row: Any) -> tuple[int, Any]:
        """Return where a row stands in the order of the column: 0 where it has nothing there."""
        value = next((cell.value for cell in self.cells(row)), None)
        if value is None or value == "":
            return 0, ""
        return 1, value.casefold() if isinstance(value, str) else value

    def total(self, rows: Iterable[Any]) -> str:
        """Return the sum of the rows as the screen shows it; nothing in a column of no sums."""
        if not self.is_summed:
            return ""
        return _PRINTED[self.kind](sum(self.cells(row)[0].value or 0 for row in rows))

    def printed(self, cell: Cell) -> str:
        """Return a value as the screen shows it; a dash for nothing, unless a note says more."""
        if cell.value is None or cell.value == "":
            return "" if cell.note or cell.tags else "–"
        return str(cell.value) if cell.is_act else _PRINTED[self.kind](cell.value)

    def exported(self, row: Any) -> Any:
        """Return what a file has in the column: an amount or a day as such, else the words."""
        cells = [cell for cell in self.cells(row) if not cell.is_act]
        if len(cells) == 1 and self.kind in _BARE and not cells[0].tags and not cells[0].note:
            return cells[0].value
        return "; ".join(filter(None, map(self._in_words, cells)))

    def _in_words(self, cell: Cell) -> str:
        shown = self.printed(cell) if cell.value not in (None, "") else ""
        return " ".join(filter(None, [shown, cell.note, *map(words, cell.tags)]))


def columns(*described: str, **values: Callable[[Any], Any]) -> tuple[Column, ...]:
    """Return columns as they are described: `premium: Premium, money, sorts | status: Status, tag`.

    Each is an attribute of a row, or of one that a row has (`run.status`), its title, its kind if
    it is no text, and what else it is: sorts, key, extra, wrapped, summed, muted, or `not` a tab. What is
    no attribute has its value among `values`. A dash is no title.
    """
    return tuple(_column(each, values) for line in described for each in line.split(" | "))


def _column(described: str, values: Mapping[str, Callable[[Any], Any]]) -> Column:
    path, _, rest = described.strip().partition(": ")
    title, *words_ = rest.split(", ")
    name = path.rpartition(".")[2]
    kind = next((word for word in words_ if word in _PRINTED), "text")
    not_in = tuple(word.removeprefix("not ") for word in words_ if word.startswith("not "))
    flags = {_FLAGS[word]: True for word in words_ if word in _FLAGS}
    if len(flags) + len(not_in) + (kind != "text") != len(words_):
        raise ValueError(f"No column is described so: {described}")
    return Column(
        name, "" if title == "-" else title, kind, values.get(name, attrgetter(path)),
        not_in=not_in, **flags,
    )  # fmt: skip


def know_people_of(shown: Iterable[Column], rows: Iterable[Any]) -> None:
    """Read the names of the people that some columns show of some rows, by one statement."""
    of_people = [column for column in shown if column.kind in ("person", "name")]
    know_people(cell.value for column in of_people for row in rows for cell in column.cells(row))


def exported_columns(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that a file has: those with a title."""
    return [column for column in columns if column.title]
