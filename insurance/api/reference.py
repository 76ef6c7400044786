"""Reference lists: classes of business and benefit types."""

from uuid import UUID

from insurance.api.edge import Answer, endpoint
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.organizations import queries


class ClassAnswer(Answer):
    """A class of business (Insurance Act 18 of 2017, Schedule 2)."""

    id: UUID
    code: str
    name: str
    category: str
    act_reference: str


class BenefitTypeAnswer(Answer):
    """A kind of benefit."""

    id: UUID
    code: str
    name: str


@endpoint("GET", "/product-classes", answer=list[ClassAnswer], tag="Reference data")
def list_product_classes():
    """List the 23 classes of business."""
    return queries.list_product_classes(db.session())


@endpoint("GET", "/benefit-types", answer=list[BenefitTypeAnswer], tag="Reference data")
def list_benefit_types():
    """List the benefit types."""
    return queries.list_benefit_types(db.session())


@endpoint(
    "GET",
    "/benefit-types/by-class/<class_code>",
    answer=list[BenefitTypeAnswer],
    tag="Reference data",
)
def list_benefit_types_of_class(class_code: str):
    """List the benefit types that a class may contain."""
    found = queries.list_benefit_types(db.session(), class_code)
    if not found:
        raise NotFoundError
    return found
