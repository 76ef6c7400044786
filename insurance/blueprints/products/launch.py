"""The launch of a draft, with every check that must hold."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import VersionField, refuse_change
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.core.permissions import May
from insurance.products import queries, services
from insurance.web.access import requires
from insurance.web.forms import Form
from insurance.web.html import go, page


class LaunchForm(Form):
    """The version that the person looked at."""

    version = VersionField()


@bp.route("/<uuid:product_id>/launch", methods=["GET", "POST"])
@requires(May.PRODUCTS_LAUNCH)
def launch(product_id: UUID) -> Response:
    """Show the checklist; sell the draft from now on when all of it holds."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    if draft is None:
        raise ConflictError("There is no draft to launch.")
    checks = queries.launch_checklist(session, draft, queries.business_day(session, clock.now()))
    form = LaunchForm(data={"version": product.version})
    status = 200
    if form.validate_on_submit():
        try:
            services.launch_product(product_id, version=form.version.data, now=clock.now())
        except DomainError as error:
            refuse_change(form, error)
            status = error.status
        else:
            return go(
                url_for(".show", product_id=product_id),
                f"Version {draft.number} of {product.name} is launched and can be quoted.",
            )
    return page(
        "products/launch.html",
        part="launch_form",
        status=status,
        form=form,
        product=product,
        draft=draft,
        launched=queries.find_launched(session, product_id),
        checks=checks,
    )
