"""Rate tables with their rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, Reply, created, endpoint, listing
from insurance.api.products.shared import Code, Level, Name, Whole, columns
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.products import queries, services
from insurance.products.models import (
    RateBasis,
    RateMethod,
    RateTable,
)
from insurance.products.permissions import ProductsMay
from insurance.products.rules import KNOWN_FACTORS
from insurance.web.parsing import RateNumber, Words


class RateEntry(Answer):
    """One rate. A factor is named by its own field or in `factors`."""

    model_config = {"extra": "forbid", "from_attributes": True}

    age_from: Whole | None = None
    age_to: Whole | None = None
    gender: Annotated[Words, Field(max_length=10)] | None = "UNISEX"
    rating_zone: Level | None = None
    occupation_class: Level | None = None
    vehicle_group: Level | None = None
    smoker_status: Level | None = None
    factors: Annotated[dict[str, Level], Field(max_length=20)] = {}
    rate: RateNumber


class RelativityEntry(Answer):
    """The multiplier of one level of a factor."""

    model_config = {"extra": "forbid", "from_attributes": True}

    factor: Annotated[Words, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    level: Level
    relativity: RateNumber


class NewRateTableBody(Body):
    """A rate table. A code that is known makes the next version of that table."""

    table_name: Name
    table_code: Code
    rate_basis: RateBasis
    method: RateMethod = RateMethod.MATRIX
    rating_factors: Annotated[
        list[Annotated[Words, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]], Field(max_length=20)
    ] = []
    entries: Annotated[list[RateEntry], Field(max_length=20_000)] = []
    base_rate: RateNumber | None = None
    relativities: Annotated[list[RelativityEntry], Field(max_length=2_000)] = []


class RateTableLine(Answer):
    """A rate table without its rows."""

    id: UUID
    table_code: str
    table_name: str
    version: int
    rate_basis: RateBasis
    method: RateMethod
    rating_factors: list[str]
    base_rate: RateNumber | None
    created_at: datetime


class RateTableAnswer(RateTableLine):
    """A rate table with its rows."""

    entries: list[RateEntry]
    relativities: list[RelativityEntry]


@endpoint("GET", "/rate-tables", may=ProductsMay.VIEW, query=ListQuery,
          answer=list[RateTableLine], tag="Rate tables")  # fmt: skip
def list_rate_tables(query: ListQuery) -> Reply:
    """List rate tables by code, the newest version first."""
    found = queries.list_rate_tables(db.session(), cursor=query.cursor, limit=query.limit)
    return listing(found, lambda line: line.table)


@endpoint("POST", "/rate-tables", may=ProductsMay.EDIT, body=NewRateTableBody,
          answer=RateTableAnswer, status=201, tag="Rate tables")  # fmt: skip
def create_rate_table(body: NewRateTableBody) -> Reply:
    """Create a rate table, or the next version of one."""
    table = services.create_rate_table(
        services.NewRateTable(
            table_code=body.table_code,
            table_name=body.table_name,
            rate_basis=body.rate_basis,
            method=body.method,
            rating_factors=body.rating_factors,
            base_rate=body.base_rate,
            entries=[_rate(entry, index) for index, entry in enumerate(body.entries)],
            relativities=[
                services.NewRelativity(**entry.model_dump()) for entry in body.relativities
            ],
        ),
        now=clock.now(),
    )
    return created(_rate_table(table), "get_rate_table", table_id=table.id)


@endpoint("GET", "/rate-tables/<uuid:table_id>", may=ProductsMay.VIEW,
          answer=RateTableAnswer, tag="Rate tables")  # fmt: skip
def get_rate_table(table_id: UUID) -> dict[str, Any]:
    """Read a rate table with its rows."""
    return _rate_table(queries.get_rate_table(db.session(), table_id))


def _rate(entry: RateEntry, index: int) -> services.NewRate:
    known = {name: getattr(entry, name) for name in KNOWN_FACTORS}
    levels = {name: level for name, level in known.items() if level is not None}
    for name, level in entry.factors.items():
        if levels.setdefault(name, level) != level:
            raise DomainError(
                f"Row {index + 1} names {name} twice.", field=f"entries.{index}.factors.{name}"
            )
    return services.NewRate(
        rate=entry.rate,
        age_from=entry.age_from,
        age_to=entry.age_to,
        gender=(entry.gender or "UNISEX").upper(),
        factors=levels,
    )


def _rate_table(table: RateTable) -> dict[str, Any]:
    session = db.session()
    entries = queries.list_entries(session, [table.id])[table.id]
    relativities = queries.list_relativities(session, [table.id])[table.id]
    return columns(table, RateTableLine) | {
        "entries": [
            {
                "age_from": entry.age_from,
                "age_to": entry.age_to,
                "gender": entry.gender,
                "rate": entry.rate,
                **_known(entry.factors),
            }
            for entry in entries
        ],
        "relativities": relativities,
    }


def _known(factors: Mapping[str, str]) -> dict[str, Any]:
    known = {name: level for name, level in factors.items() if name in KNOWN_FACTORS}
    further = {name: level for name, level in factors.items() if name not in KNOWN_FACTORS}
    return known | {"factors": further}
