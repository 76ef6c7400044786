"""Insured objects as requests describe them and answers show them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer
from insurance.web.parsing import Amount, Day, Money, Words

Fact = Annotated[Words, Field(max_length=200)]
Kind = Literal["VEHICLE", "BUILDING", "CONTENTS", "ALL_RISKS"]


class DriverBody(Answer):
    """Who drives a vehicle."""

    model_config = {"extra": "forbid", "from_attributes": True}

    name: Fact
    date_of_birth: Day | None = Field(
        None,
        description="Left out by who may not see ID numbers, it stays as it is on file by the name",
    )
    licensed_since: Day | None = None
    is_main: bool = False


class ObjectFacts(Answer):
    """What an insured object is. Which facts it has depends on its kind."""

    registration: Fact | None = Field(None, description="Of a vehicle")
    make: Fact | None = None
    model: Fact | None = None
    year: int | None = Field(None, ge=1800, le=2200, description="Of manufacture")
    vin: Fact | None = None
    use: Fact | None = None
    address: Fact | None = Field(None, description="Street and suburb")
    city: Fact | None = None
    postal_code: Fact | None = None
    construction: Fact | None = None
    roof: Fact | None = None
    description: Fact | None = Field(None, description="Of an all-risks item")
    serial_number: Fact | None = None


class ObjectBody(ObjectFacts):
    """An object to insure. `value` is its sum insured; its facts feed the factors of the rates."""

    model_config = {"extra": "forbid", "from_attributes": True}

    kind: Kind | None = Field(None, description="The product's first kind if left out")
    value: Amount | None = Field(None, description="Rand; the sum assured for a single object")
    drivers: list[DriverBody] = Field(default_factory=list, max_length=10)
    rating_inputs: dict[
        Annotated[str, Field(max_length=60)], Annotated[Words, Field(max_length=200)]
    ] = Field(default_factory=dict, max_length=50)


class QuotedObjectAnswer(ObjectFacts):
    """An object of a quote."""

    kind: Kind
    name: str
    value: Money | None
    drivers: list[DriverBody]
    rating_inputs: dict[str, str]


class InsuredObjectAnswer(QuotedObjectAnswer):
    """An object that a policy insures."""

    id: UUID
    effective_date: Day
    end_date: Day | None
    is_active: bool


def described(body: ObjectBody) -> dict[str, Any]:
    """Return an object as the commands read it: what was said, without what was left out."""
    return {name: value for name, value in body.model_dump().items() if value is not None}


def object_answer(
    kind: str, name: str, value: Decimal | None, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an object as an answer shows it."""
    return {
        **details,
        "kind": kind,
        "name": name,
        "value": value,
        "drivers": details.get("drivers") or [],
        "rating_inputs": details.get("rating_inputs") or {},
    }
