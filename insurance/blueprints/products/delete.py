"""A draft thrown away: of a product never launched the whole product, else the draft alone."""

from collections.abc import Sized
from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import on_product
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError
from insurance.products import queries, services
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.forms import SureForm


@bp.route("/<uuid:product_id>/delete", methods=["GET", "POST"])
@requires(ProductsMay.EDIT)
def delete(product_id: UUID) -> Response:
    """Say what will be lost, and throw the draft away."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    if draft is None:
        raise ConflictError("There is no draft. A launched product is kept; withdraw it instead.")
    was_launched = queries.was_ever_launched(session, product_id)
    content = queries.get_content(session, draft)
    lost = "The draft" if was_launched else "The product"
    act = on_product(
        product,
        f"{f'Discard draft version {draft.number} of' if was_launched else 'Delete'} {product.name}",
        "Discard draft" if was_launched else "Delete product",
        says=f"{lost} is lost for good with its {_count(content.benefits, 'benefit')} and"
        f" {_count(content.inception_rules, 'question')}. Rate tables are kept."
        f"{' What is sold stays as it is.' if was_launched else ''}",
        is_danger=True,
    )
    if was_launched:
        return act_screen(
            act,
            SureForm(),
            lambda: services.discard_draft(product_id, now=clock.now()),
            "The draft is discarded.",
        )
    return act_screen(
        act,
        SureForm(),
        lambda: services.delete_product(product_id),
        f"{product.name} is deleted.",
        then=url_for(".index"),
    )


def _count(parts: Sized, name: str) -> str:
    return f"{len(parts)} {name}{'' if len(parts) == 1 else 's'}"
