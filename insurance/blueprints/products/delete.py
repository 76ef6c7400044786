"""A draft thrown away: of a product never launched the whole product, else the draft alone."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.products import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.products import queries, services
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.forms import Form
from insurance.web.html import go, page, refuse


class DeleteForm(Form):
    """A press on the button."""


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
    form = DeleteForm()
    if form.validate_on_submit():
        try:
            return _throw_away(product_id, product.name, was_launched)
        except DomainError as error:
            refuse(form, error)
    return page(
        "products/delete.html",
        part="delete_form",
        status=409 if form.form_errors else 200,
        form=form,
        product=product,
        draft=draft,
        content=content,
        was_launched=was_launched,
    )


def _throw_away(product_id: UUID, name: str, was_launched: bool) -> Response:
    if was_launched:
        services.discard_draft(product_id, now=clock.now())
        return go(url_for(".show", product_id=product_id), "The draft is discarded.")
    services.delete_product(product_id)
    return go(url_for(".index"), f"{name} is deleted.")
