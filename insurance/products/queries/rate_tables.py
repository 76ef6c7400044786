"""Rate tables with their rows, and who uses them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from insurance.core.errors import DomainError, NotFoundError
from insurance.core.paging import DEFAULT_LIMIT, Page, decode_cursor, page_of
from insurance.core.tenancy import current_org
from insurance.products.models import (
    Product,
    ProductBenefit,
    ProductVersion,
    RateRelativity,
    RateTable,
    RateTableEntry,
    VersionStatus,
)


@dataclass(frozen=True, slots=True)
class TableLine:
    """A rate table as a list shows it."""

    table: RateTable
    rows: int
    used_by: int


def find_rate_tables(session: Session, table_ids: Iterable[UUID]) -> dict[UUID, RateTable]:
    """Return rate tables by id, without their rows."""
    wanted = list(table_ids)
    if not wanted:
        return {}
    rows = session.scalars(
        select(RateTable).where(RateTable.org_id == current_org(), RateTable.id.in_(wanted))
    )
    return {table.id: table for table in rows}


def get_rate_table(session: Session, table_id: UUID, *, field: str | None = None) -> RateTable:
    """Return a rate table without its rows."""
    table = session.scalar(
        select(RateTable).where(RateTable.org_id == current_org(), RateTable.id == table_id)
    )
    if table is None:
        raise NotFoundError("There is no such rate table.", field=field)
    return table


def list_entries(session: Session, table_ids: Iterable[UUID]) -> dict[UUID, list[RateTableEntry]]:
    """Return the rows of rate tables in their order, in one query."""
    found: dict[UUID, list[RateTableEntry]] = {table_id: [] for table_id in table_ids}
    if not found:
        return found
    rows = session.scalars(
        select(RateTableEntry)
        .where(RateTableEntry.org_id == current_org(), RateTableEntry.rate_table_id.in_(found))
        .order_by(RateTableEntry.rate_table_id, RateTableEntry.id)
    )
    for entry in rows:
        found[entry.rate_table_id].append(entry)
    return found


def list_relativities(
    session: Session, table_ids: Iterable[UUID]
) -> dict[UUID, list[RateRelativity]]:
    """Return the relativities of rate tables in their order, in one query."""
    found: dict[UUID, list[RateRelativity]] = {table_id: [] for table_id in table_ids}
    if not found:
        return found
    rows = session.scalars(
        select(RateRelativity)
        .where(RateRelativity.org_id == current_org(), RateRelativity.rate_table_id.in_(found))
        .order_by(RateRelativity.rate_table_id, RateRelativity.id)
    )
    for relativity in rows:
        found[relativity.rate_table_id].append(relativity)
    return found


def list_rate_tables(
    session: Session, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[TableLine]:
    """Return rate tables by code, newest version first."""
    wanted = _table_lines().order_by(RateTable.table_code, RateTable.version.desc())
    if cursor is not None:
        code, version = _read_table_position(cursor)
        wanted = wanted.where(
            or_(
                RateTable.table_code > code,
                and_(RateTable.table_code == code, RateTable.version < version),
            )
        )
    lines = [TableLine(*row) for row in session.execute(wanted.limit(limit + 1)).all()]
    return page_of(lines, limit, lambda line: (line.table.table_code, line.table.version))


def _table_lines() -> Select[RateTable, int, int]:
    entries = (
        select(func.count())
        .where(
            RateTableEntry.org_id == RateTable.org_id, RateTableEntry.rate_table_id == RateTable.id
        )
        .correlate(RateTable)
        .scalar_subquery()
    )
    relativities = (
        select(func.count())
        .where(
            RateRelativity.org_id == RateTable.org_id, RateRelativity.rate_table_id == RateTable.id
        )
        .correlate(RateTable)
        .scalar_subquery()
    )
    by_benefits = (
        select(func.count())
        .where(
            ProductBenefit.org_id == RateTable.org_id, ProductBenefit.rate_table_id == RateTable.id
        )
        .correlate(RateTable)
        .scalar_subquery()
    )
    by_versions = (
        select(func.count())
        .where(
            ProductVersion.org_id == RateTable.org_id, ProductVersion.rate_table_id == RateTable.id
        )
        .correlate(RateTable)
        .scalar_subquery()
    )
    return select(RateTable, entries + relativities, by_benefits + by_versions).where(
        RateTable.org_id == current_org()
    )


def _read_table_position(cursor: str) -> tuple[str, int]:
    code, version = decode_cursor(cursor, 2)
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise DomainError("This page link is not valid.", field="cursor")
    return code, int(version)


def latest_rate_tables(session: Session) -> Sequence[RateTable]:
    """Return the newest version of each rate table, for a choice."""
    return session.scalars(
        select(RateTable)
        .where(RateTable.org_id == current_org())
        .ext(distinct_on(RateTable.table_code))
        .order_by(RateTable.table_code, RateTable.version.desc())
    ).all()


def list_table_versions(session: Session, table_code: str) -> Sequence[RateTable]:
    """Return all versions of a table code, newest first."""
    return session.scalars(
        select(RateTable)
        .where(RateTable.org_id == current_org(), RateTable.table_code == table_code)
        .order_by(RateTable.version.desc())
    ).all()


@dataclass(frozen=True, slots=True)
class TableUse:
    """A benefit that is priced by a rate table."""

    product_id: UUID
    product_name: str
    version_number: int
    version_status: VersionStatus
    benefit_name: str


def list_table_uses(session: Session, table_id: UUID) -> list[TableUse]:
    """Return what a rate table prices: benefits, and simple products as a whole."""
    shown = (Product.id, Product.name, ProductVersion.number, ProductVersion.status)
    of_product = and_(
        Product.org_id == ProductVersion.org_id, Product.id == ProductVersion.product_id
    )
    benefits = (
        select(*shown, ProductBenefit.benefit_name)
        .select_from(ProductBenefit)
        .join(
            ProductVersion,
            and_(
                ProductVersion.org_id == ProductBenefit.org_id,
                ProductVersion.id == ProductBenefit.product_version_id,
            ),
        )
        .join(Product, of_product)
        .where(ProductBenefit.org_id == current_org(), ProductBenefit.rate_table_id == table_id)
        .order_by(Product.name, ProductVersion.number.desc(), ProductBenefit.display_order)
    )
    whole = (
        select(*shown, literal("Whole product"))
        .select_from(ProductVersion)
        .join(Product, of_product)
        .where(ProductVersion.org_id == current_org(), ProductVersion.rate_table_id == table_id)
        .order_by(Product.name, ProductVersion.number.desc())
    )
    rows = [*session.execute(benefits), *session.execute(whole)]
    return [TableUse(*row) for row in rows]
