"""The end of a product's sale."""

from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import VersionField, refuse_change
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.products import queries, services
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page


class WithdrawForm(Form):
    """Why."""

    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)
    version = VersionField()


@bp.route("/<uuid:product_id>/withdraw", methods=["GET", "POST"])
@requires(ProductsMay.LAUNCH)
def withdraw(product_id: UUID) -> Response:
    """Say what will happen, and stop selling."""
    session = db.session()
    product = queries.get_product(session, product_id)
    launched = queries.find_launched(session, product_id)
    if launched is None:
        raise ConflictError("Only a launched product can be withdrawn.")
    form = WithdrawForm(data={"version": product.version})
    if form.validate_on_submit():
        try:
            services.withdraw_product(
                product_id,
                reason=form.reason.data or "",
                version=form.version.data,
                now=clock.now(),
            )
        except DomainError as error:
            refuse_change(form, error)
        else:
            return go(url_for(".show", product_id=product_id), f"{product.name} is withdrawn.")
    return page(
        "products/withdraw.html",
        part="withdraw_form",
        status=form.status if form.form_errors else form.status,
        form=form,
        product=product,
        launched=launched,
    )
