"""Inception rules of a product's versions."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, Reply, created, endpoint
from insurance.api.products.shared import (
    Code,
    Edits,
    Level,
    Name,
    VersionQuery,
    Whole,
    columns,
    place,
    wanted_version,
)
from insurance.core import clock
from insurance.core.db import db
from insurance.products import queries, services
from insurance.products.models import (
    FieldType,
    InceptionRule,
    Product,
    ProductVersion,
    VersionStatus,
)
from insurance.products.permissions import ProductsMay
from insurance.web.parsing import Amount, Money


class InceptionRuleAnswer(Answer):
    """An answer that a quote must carry, or may."""

    id: UUID
    product_id: UUID
    product_version_id: UUID
    product_version_number: int
    product_version_status: VersionStatus
    field_code: str
    label: str
    field_type: FieldType
    is_required: bool
    options: list[str]
    min_value: Money | None
    max_value: Money | None
    display_order: int
    version: int


class InceptionRuleFields(Body):
    """What an inception rule asks for."""

    is_required: StrictBool = True
    options: Annotated[list[Level], Field(max_length=100)] = []
    min_value: Amount | None = None
    max_value: Amount | None = None
    display_order: Whole = 1


class NewInceptionRuleBody(InceptionRuleFields):
    """An inception rule to add to the draft."""

    field_code: Code
    label: Name
    field_type: FieldType
    mode: services.EditMode = services.EditMode.AUTO


class InceptionRuleChanges(InceptionRuleFields):
    """Changes to an inception rule of a draft: what is left out stays as it is."""

    field_code: Code = ""
    label: Name = ""
    field_type: FieldType = FieldType.TEXT
    version: Edits | None = None


@endpoint("GET", "/products/<uuid:product_id>/inception-rules", may=ProductsMay.VIEW,
          query=VersionQuery, answer=list[InceptionRuleAnswer], tag="Products")  # fmt: skip
def list_inception_rules(product_id: UUID, query: VersionQuery) -> list[dict[str, Any]]:
    """List what a quote for a product's version must answer."""
    product, version = wanted_version(product_id, query.version)
    found = queries.list_inception_rules(db.session(), version.id)
    return [rule_answer(product, version, rule) for rule in found]


@endpoint("POST", "/products/<uuid:product_id>/inception-rules", may=ProductsMay.EDIT,
          body=NewInceptionRuleBody, answer=InceptionRuleAnswer, status=201,
          tag="Products")  # fmt: skip
def add_inception_rule(product_id: UUID, body: NewInceptionRuleBody) -> Reply:
    """Add an inception rule to a product's draft."""
    facts = services.NewInceptionRule(
        **body.model_dump(exclude={"org_id", "mode"}, exclude_unset=True)
    )
    rule = services.add_inception_rule(product_id, facts, mode=body.mode, now=clock.now())
    return created(_single_rule(rule), "get_inception_rule", rule_id=rule.id)


@endpoint("GET", "/inception-rules/<uuid:rule_id>", may=ProductsMay.VIEW,
          answer=InceptionRuleAnswer, tag="Products")  # fmt: skip
def get_inception_rule(rule_id: UUID) -> dict[str, Any]:
    """Read an inception rule."""
    return _single_rule(queries.get_inception_rule(db.session(), rule_id))


@endpoint("PUT", "/inception-rules/<uuid:rule_id>", may=ProductsMay.EDIT,
          body=InceptionRuleChanges, answer=InceptionRuleAnswer, tag="Products")  # fmt: skip
def edit_inception_rule(rule_id: UUID, body: InceptionRuleChanges) -> dict[str, Any]:
    """Change an inception rule of a draft."""
    changes = body.model_dump(exclude={"org_id", "version"}, exclude_unset=True)
    return _single_rule(services.edit_inception_rule(rule_id, changes, version=body.version))


@endpoint("DELETE", "/inception-rules/<uuid:rule_id>", may=ProductsMay.EDIT,
          answer=None, status=204, tag="Products")  # fmt: skip
def delete_inception_rule(rule_id: UUID) -> None:
    """Delete an inception rule from a draft."""
    services.delete_inception_rule(rule_id)


def _single_rule(rule: InceptionRule) -> dict[str, Any]:
    session = db.session()
    version = queries.get_version(session, rule.product_version_id)
    return rule_answer(queries.get_product(session, version.product_id), version, rule)


def rule_answer(product: Product, version: ProductVersion, rule: InceptionRule) -> dict[str, Any]:
    """Return an inception rule as it is answered."""
    return columns(rule, InceptionRuleAnswer) | place(product, version)
