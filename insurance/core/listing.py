"""Lists that people narrow and put in order: a page by one statement, however long the list is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, bindparam, func, literal_column, select, tuple_
from sqlalchemy.orm import Session, aliased

from insurance.core.db import TenantRecord
from insurance.core.paging import DEFAULT_LIMIT, Page, decode_cursor, encode_cursor
from insurance.core.reading import compiled, read_rows
from insurance.core.tenancy import current_org

R = TypeVar("R")
_MOST = Decimal(10) ** 15


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not abs(amount) < _MOST:
        raise ValueError
    return amount


def _text(text: str) -> str:
    text.encode()  # raises for half of a surrogate pair
    if "\0" in text:
        raise ValueError
    return text


def _whole(text: str) -> int:
    number = int(text)
    if not abs(number) < 2**31:
        raise ValueError
    return number


_READ: dict[type, Callable[[str], Any]] = {
    UUID: UUID,
    Decimal: _amount,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    str: _text,
    int: _whole,
}
MATCHES_ORDERED = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a list, in which order, and where the page starts.

    `narrowed` has what was chosen of what narrows the list, and nothing that was not. Without an
    `order` the list has its own, and what a search `found` comes best first.
    """

    narrowed: Mapping[str, Any] = field(default_factory=dict)
    order: str = ""
    descending: bool = False
    cursor: str | None = None
    limit: int = DEFAULT_LIMIT

    @property
    def to_find(self) -> int:
        """Return how many matches of a search are wanted: the best, or many to be chosen from."""
        is_best = not self.order and not set(self.narrowed) - {"q"}
        return self.limit + 1 if is_best else max(self.limit + 1, MATCHES_ORDERED)

    def within(self, **narrowed: Any) -> "Wanted":
        """Return the same of a list that is narrowed further."""
        return replace(self, narrowed={**self.narrowed, **narrowed})

    def after(self, read: Callable[[str], Any] = UUID) -> Any:
        """Return the position of a list that has one order, of one part; None at its start."""
        return decode_cursor(self.cursor, 1, read)[0] if self.cursor else None


class Listing(Generic[R]):
    """A list over one table: what its rows show, and what narrows and orders them.

    `shown` returns the columns of `row` over a page of the table; what it joins is joined to the
    page alone. Each of `orders` is a column with an index that begins with org_id and it; the
    first one is the list's own, newest first where it is the id. Rows without a value come last.
    `narrows` are conditions that name what they compare with as a parameter, which is narrowed by
    too: of their own name, or one that several share, such as a day.
    """

    def __init__(
        self,
        model: type[TenantRecord],
        row: Callable[..., R],
        shown: Callable[[Any], Select[Any]],
        *,
        orders: Mapping[str, Any],
        narrows: Mapping[str, ColumnElement[bool]],
    ) -> None:
        self._model, self._row, self._shown = model, row, shown
        self._orders = orders
        self._narrows = dict(narrows) | {"found": model.id == any_(bindparam("found"))}
        self._statements: dict[tuple[Any, ...], str] = {}

    def read(self, session: Session, wanted: Wanted) -> Page[R]:
        """Return a page of the rows wanted. Raises DomainError for a position that is none."""
        own = next(iter(self._orders))
        order = wanted.order or own
        descending = wanted.descending if wanted.order else self._orders[own] is self._model.id
        names = frozenset(self._narrows) & frozenset(wanted.narrowed)
        values = {"org": current_org()} | {
            name: value.value if isinstance(value, Enum) else value
            for name, value in wanted.narrowed.items()
        }
        if "found" in names and not wanted.order:
            rows = self._rows(session, (names, "", False, "best", wanted.limit), values)
            return Page([self._row(*row[:-2]) for row in rows])
        position, limit = self._position(order, wanted.cursor), wanted.limit + 1
        if position is not None:
            values |= {"key": position[0], "id": position[1]}
        found: list[Any] = []
        for part in self._parts(order, position):
            if len(found) < limit:
                found += self._rows(session, (names, order, descending, part, limit), values)
        kept = found[: wanted.limit]
        last = kept[-1][-2:] if len(found) > wanted.limit else None
        cursor = encode_cursor("" if last[0] is None else last[0], last[1]) if last else None
        return Page([self._row(*row[:-2]) for row in kept], cursor)

    def _position(self, order: str, cursor: str | None) -> tuple[Any, UUID] | None:
        if cursor is None:
            return None
        key = self._orders[order]
        kind = key.type.python_type
        readers = iter((_READ[str if issubclass(kind, Enum) else kind], UUID))

        def read(text: str) -> Any:
            is_empty = not text and _is_nullable(key)
            reader = next(readers)
            return None if is_empty else reader(text)

        value, record_id = decode_cursor(cursor, 2, read)
        return value, record_id

    def _parts(self, order: str, position: tuple[Any, UUID] | None) -> Sequence[str]:
        """Return the ranges of the index that a page is read from, in their order."""
        if not _is_nullable(self._orders[order]):
            return ["all"] if position is None else ["after"]
        if position is None:
            return ["valued", "empty"]
        return ["empty after"] if position[0] is None else ["after", "empty"]

    def _rows(self, session: Session, shape: tuple[Any, ...], values: Any) -> list[Any]:
        if shape not in self._statements:
            self._statements[shape] = compiled(self._statement(*shape))
        used = {name: values[name] for name in values if f"%({name})s" in self._statements[shape]}
        return read_rows(session, self._statements[shape], used)

    def _statement(
        self, names: frozenset[str], order: str, descending: bool, part: str, limit: int
    ) -> Select[Any]:
        model: Any = self._model
        key = self._orders[order] if order else model.id
        keys = [model.id] if key is model.id else [key, model.id]
        start_id = bindparam("id", type_=model.id.type)
        start = [start_id] if key is model.id else [bindparam("key", type_=key.type), start_id]
        conditions = {
            "after": [_is_beyond(keys, start, descending)],
            "valued": [key.is_not(None)],
            "empty": [key.is_(None)],
            "empty after": [key.is_(None), _is_beyond([model.id], [start_id], descending)],
        }
        one_page = select(model).where(
            model.org_id == bindparam("org"),
            *(self._narrows[name] for name in sorted(names)),
            *conditions.get(part, []),
        )

        def in_order(table: Any) -> list[Any]:
            if part == "best":
                return [func.array_position(bindparam("found"), table.id), table.id]
            ways = [getattr(table, column.key) for column in keys]
            return [column.desc() if descending else column.asc() for column in ways]

        # As a parameter the limit would make the server plan the statement at every call.
        page = one_page.order_by(*in_order(model)).limit(literal_column(str(int(limit))))
        table = aliased(model, page.subquery("page"))
        statement = self._shown(table).add_columns(getattr(table, key.key), table.id)
        return statement.order_by(*in_order(table))


def _is_beyond(keys: list[Any], start: list[Any], descending: bool) -> Any:
    reached, begun = (tuple_(*keys), tuple_(*start)) if len(keys) > 1 else (keys[0], start[0])
    return reached < begun if descending else reached > begun


def _is_nullable(key: Any) -> bool:
    return bool(key.property.columns[0].nullable)
