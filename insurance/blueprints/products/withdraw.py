"""The end of a product's sale."""

from uuid import UUID

from flask import Response

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import VersionField, on_product
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError
from insurance.products import queries, services
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.forms import Form, reason_field


class WithdrawForm(Form):
    """Why."""

    reason = reason_field("Kept in the audit log.")
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
    act = on_product(
        product,
        f"Withdraw {product.name}",
        "Withdraw product",
        says=f"Version {launched.number} can no longer be quoted, and quotes that were not accepted"
        " yet cannot be accepted any more. Policies already issued keep their cover and their"
        " premiums.",
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.withdraw_product(
            product_id,
            reason=form.reason.data or "",
            version=form.version.data,
            now=clock.now(),
        ),
        f"{product.name} is withdrawn.",
    )
