"""Rate tables: made once and never changed; other rates are a new version of the code."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org
from insurance.products import rules, validity
from insurance.products.models import (
    RateMethod,
    RateRelativity,
    RateTable,
    RateTableEntry,
)
from insurance.products.services.facts import NewRate, NewRateTable
from insurance.products.services.rate_sheets import AGE_COLUMNS
from insurance.products.services.snapshots import snapshot

MAX_ROWS = 20_000
MAX_RATE = Decimal(10**9)
_BATCH = 1_000


def create_rate_table(facts: NewRateTable, *, now: datetime) -> RateTable:
    """Make a table, or the next version of one whose code is known."""
    with transaction() as session:
        return add_rate_table(session, facts, now)


def add_rate_table(session: Session, facts: NewRateTable, now: datetime) -> RateTable:
    """Make a table as a step of a command."""
    rates = _checked(facts)
    table = RateTable(
        id=rates.id,
        table_code=facts.table_code,
        table_name=facts.table_name,
        version=_next_version(session, facts.table_code),
        rate_basis=facts.rate_basis,
        method=facts.method,
        rating_factors=list(rates.factors),
        base_rate=facts.base_rate,
        made_by=current_actor().user_id,
        created_at=now,
    )
    session.add(table)
    _flush(session, table)
    _insert(session, RateTableEntry, _entry_rows(rates))
    _insert(session, RateRelativity, _relativity_rows(rates))
    record(
        session,
        action="rate_tables.create",
        resource="rate_tables",
        resource_id=table.id,
        after=snapshot(table) | {"rows": len(rates.rows) or len(facts.relativities)},
    )
    return table


def preview_rate_table(facts: NewRateTable) -> rules.RateTable:
    """Return a table as it would be made. Raises DomainErrors naming every bad row."""
    return _checked(facts)


def _checked(facts: NewRateTable) -> rules.RateTable:
    problems = _shape_problems(facts)
    factors = _factors(facts)
    rates = rules.RateTable(
        id=new_id(),
        code=facts.table_code,
        name=facts.table_name,
        version=0,
        basis=facts.rate_basis,
        method=facts.method,
        factors=factors,
        rows=tuple(_rate_row(row, factors) for row in facts.entries),
        base_rate=facts.base_rate,
        relativities=_relativities(facts),
    )
    raise_all(problems or rules.check_rate_table(rates))
    return rates


def _shape_problems(facts: NewRateTable) -> list[DomainError]:
    problems = []
    if not validity.TABLE_CODE.fullmatch(facts.table_code):
        problems.append(
            DomainError(
                "Use letters, digits, dots, dashes and underscores, such as credit-life-rates.",
                field="table_code",
            )
        )
    if len(facts.entries) > MAX_ROWS:
        problems.append(DomainError(f"A table has at most {MAX_ROWS} rows.", field="entries"))
        return problems
    for index, row in enumerate(facts.entries):
        problems += _bad_rate(row, index)
    if facts.method is RateMethod.MULTIPLICATIVE and facts.entries:
        problems.append(
            DomainError("A multiplicative table has relativities, no rows.", field="entries")
        )
    if facts.method is RateMethod.MATRIX and (facts.relativities or facts.base_rate is not None):
        problems.append(DomainError("A matrix table has rows only.", field="relativities"))
    problems += [
        DomainError(
            f"{name} is no rating factor: ages last birthday go into age_from and age_to.",
            field="rating_factors",
        )
        for name in _factors(facts)
        if name in AGE_COLUMNS
    ]
    if facts.base_rate is not None and facts.base_rate <= 0:
        problems.append(DomainError("The base rate must be above zero.", field="base_rate"))
    return problems + _relativity_problems(facts)


def _bad_rate(row: NewRate, index: int) -> list[DomainError]:
    where, what = f"entries.{index}", f"Row {index + 1}"
    found = []
    for age in (row.age_from, row.age_to):
        if age is not None and not 0 <= age <= rules.MAX_AGE:
            found.append(
                DomainError(f"{what}: age {age} is not 0 to {rules.MAX_AGE}.", field=where)
            )
    if validity.exceeds(row.age_from, row.age_to):
        found.append(
            DomainError(f"{what}: ages {row.age_from} to {row.age_to} run backwards.", field=where)
        )
    if row.gender not in rules.GENDERS:
        found.append(DomainError(f"{what}: gender is {', '.join(rules.GENDERS)}.", field=where))
    if not 0 <= row.rate < MAX_RATE:
        found.append(DomainError(f"{what}: a rate is 0 to {MAX_RATE:f}.", field=where))
    return found


def _relativity_problems(facts: NewRateTable) -> list[DomainError]:
    problems = []
    seen: dict[tuple[str, str], int] = {}
    for index, one in enumerate(facts.relativities):
        where = f"relativities.{index}"
        first = seen.setdefault((one.factor, one.level), index)
        if first != index:
            problems.append(
                DomainError(
                    f"Relativities {first + 1} and {index + 1} both set {one.factor} {one.level}.",
                    field=where,
                )
            )
        if one.relativity <= 0:
            problems.append(DomainError(f"Relativity {index + 1} must be above zero.", field=where))
        if one.factor in ("age", "gender"):
            problems.append(DomainError("Age and gender are rated by a matrix table.", field=where))
    return problems


def _factors(facts: NewRateTable) -> tuple[str, ...]:
    """Return what the table is rated by: what it declares and what its rows use."""
    used: dict[str, None] = {}
    if any(row.age_from is not None or row.age_to is not None for row in facts.entries):
        used["age"] = None
    if any(row.gender != rules.UNISEX for row in facts.entries):
        used["gender"] = None
    used |= dict.fromkeys(facts.rating_factors)
    for row in facts.entries:
        used |= dict.fromkeys(row.factors)
    used |= dict.fromkeys(relativity.factor for relativity in facts.relativities)
    return tuple(used)


def _rate_row(row: NewRate, factors: Sequence[str]) -> rules.RateRow:
    """Return a row with its factors in the order of the table."""
    return rules.RateRow(
        rate=row.rate,
        age_from=row.age_from,
        age_to=row.age_to,
        gender=row.gender,
        factors=tuple((name, row.factors[name]) for name in factors if name in row.factors),
    )


def _relativities(facts: NewRateTable) -> dict[str, dict[str, Any]]:
    levels: dict[str, dict[str, Any]] = {}
    for relativity in facts.relativities:
        levels.setdefault(relativity.factor, {})[relativity.level] = relativity.relativity
    return levels


def _next_version(session: Session, table_code: str) -> int:
    newest = session.scalar(
        select(func.max(RateTable.version)).where(
            RateTable.org_id == current_org(), RateTable.table_code == table_code
        )
    )
    return (newest or 0) + 1


def _flush(session: Session, table: RateTable) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "rate_tables_version_key":
            raise ConflictError(
                f"Somebody else has just made version {table.version} of {table.table_code}."
                " Look at it before you make another.",
                field="table_code",
            ) from error
        raise


def _entry_rows(rates: rules.RateTable) -> list[dict[str, Any]]:
    return [
        {
            "org_id": current_org(),
            "id": new_id(),
            "rate_table_id": rates.id,
            "age_from": row.age_from,
            "age_to": row.age_to,
            "gender": row.gender,
            "factors": dict(row.factors),
            "rate": row.rate,
        }
        for row in rates.rows
    ]


def _relativity_rows(rates: rules.RateTable) -> list[dict[str, Any]]:
    return [
        {
            "org_id": current_org(),
            "id": new_id(),
            "rate_table_id": rates.id,
            "factor": factor,
            "level": level,
            "relativity": relativity,
        }
        for factor, levels in rates.relativities.items()
        for level, relativity in levels.items()
    ]


def _insert(session: Session, kind: type[Any], rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(kind), rows[start : start + _BATCH])
