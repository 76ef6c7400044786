"""Mappings in the API: what the columns mean in files of one heading."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, created, endpoint
from insurance.core import clock
from insurance.core.db import db
from insurance.reconciliation import queries, services
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.readers import FIELDS
from insurance.web.parsing import Words

TAG = "Reconciliation"
PATH = "/premium-reconciliation/mappings"
_COLUMN = Annotated[Words, Field(min_length=1, max_length=200)]


class MappingBody(Body):
    """What the columns of a heading mean.

    `columns` gives the column of each field that the file has: paid_date, amount (or credit and
    debit), policy_number, reference, description, bank_reference, due_date, status, reason_code.
    A day such as 11/12/2026 has its month first where `is_month_first` says so.
    """

    name: Annotated[Words, Field(min_length=1, max_length=80)]
    heading: Annotated[list[_COLUMN], Field(min_length=1, max_length=40)]
    columns: Annotated[dict[str, _COLUMN], Field(max_length=len(FIELDS))]
    is_month_first: bool = False


class MappingAnswer(Answer):
    """A saved mapping: files with this heading are read by it."""

    id: UUID
    name: str
    heading: list[str]
    columns: dict[str, str]
    is_month_first: bool
    saved_at: datetime
    saved_by: str


@endpoint("GET", PATH, may=ReconciliationMay.VIEW, answer=list[MappingAnswer], tag=TAG)
def list_mappings():
    """List mappings by name; there are at most 200."""
    return queries.list_mappings(db.session())


@endpoint(
    "GET",
    f"{PATH}/<uuid:mapping_id>",
    may=ReconciliationMay.VIEW,
    answer=MappingAnswer,
    tag=TAG,
)
def get_mapping(mapping_id: UUID):
    """Read a mapping."""
    return queries.get_mapping(db.session(), mapping_id)


@endpoint(
    "POST",
    PATH,
    may=ReconciliationMay.UPLOAD,
    body=MappingBody,
    answer=MappingAnswer,
    status=201,
    tag=TAG,
)
def save_mapping(body: MappingBody):
    """Save what the columns of a heading mean; a heading that is known is explained anew.

    The refusal of an upload that nobody knows gives its heading and a proposal.
    """
    mapping = services.save_mapping(
        body.name,
        body.heading,
        body.columns,
        is_month_first=body.is_month_first,
        now=clock.now(),
    )
    return created(mapping, "get_mapping", mapping_id=mapping.id)


@endpoint(
    "DELETE",
    f"{PATH}/<uuid:mapping_id>",
    may=ReconciliationMay.UPLOAD,
    answer=None,
    status=204,
    tag=TAG,
)
def delete_mapping(mapping_id: UUID):
    """Forget a mapping; files that were read by it stay as they are."""
    services.delete_mapping(mapping_id)
