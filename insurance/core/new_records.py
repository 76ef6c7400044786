"""New records of several tables: what a flush finds of them is one INSERT.

Keys are checked at the end of a statement, so neither the order of parents and children matters in
it, nor do more tables take more round trips.
"""

from typing import Any

from sqlalchemy import ClauseElement, Table, event, inspect
from sqlalchemy.orm import InstanceState, Session

from insurance.core.bulk import MOST_PARAMETERS, insert_statement, values_of
from insurance.core.db import TenantTable
from insurance.core.tenancy import current_org


def _insert_new(session: Session, _context: Any, _instances: Any) -> None:
    """Insert what is new before SQLAlchemy does so table by table.

    Left to it is a table of which rows are changed too: it changes before it adds, as keys need.
    """
    kinds = {type(record) for record in session.new}
    is_ours = len(kinds) > 1 and all(issubclass(kind, TenantTable) for kind in kinds)
    if not is_ours or kinds & {type(record) for record in (*session.dirty, *session.deleted)}:
        return
    by_table: dict[Table, list[dict[str, Any]]] = {}
    for record in session.new:
        by_table.setdefault(record.__table__, []).append(_completed(inspect(record)))
    values = values_of(by_table, current_org())
    if len(values) > MOST_PARAMETERS or any(isinstance(value, ClauseElement) for value in values):
        return
    sizes = tuple((table, len(rows)) for table, rows in by_table.items())
    session.connection().exec_driver_sql(insert_statement(sizes), tuple(values))
    # As SQLAlchemy ends a flush: so a roll-back knows that they were new.
    session._register_persistent({inspect(record) for record in session.new})


def _completed(state: InstanceState[Any]) -> dict[str, Any]:
    """Return the values of a new record, where it says nothing those of its columns."""
    for attribute in state.mapper.column_attrs:
        if attribute.key not in state.dict:
            default: Any = attribute.columns[0].default
            value = None if default is None else default.arg
            state.dict[attribute.key] = value(None) if callable(value) else value
    return state.dict


event.listen(Session, "before_flush", _insert_new)
