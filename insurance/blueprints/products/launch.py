"""The launch of a draft, with every check that must hold."""

from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import VersionField, refuse_change
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError
from insurance.organizations.queries import get_organization
from insurance.products import queries, services
from insurance.products.permissions import ProductsMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, TextField
from insurance.web.html import go, page


class LaunchForm(Form):
    """The version that the person looked at, and for the second person, why."""

    version = VersionField()
    reason = TextField("Why", longest=500, widget=TextAreaField.widget)


@bp.route("/<uuid:product_id>/launch", methods=["GET", "POST"])
@requires(ProductsMay.LAUNCH)
def launch(product_id: UUID) -> Response:
    """Show the checklist; sell the draft from now on, or ask a second person, once it holds."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    if draft is None:
        raise ConflictError("There is no draft to launch.")
    checks = queries.launch_checklist(session, draft, business_day())
    by_two = get_organization(session).launch_needs_second_person
    form = LaunchForm(data={"version": product.version})
    if form.validate_on_submit():
        try:
            services.launch_product(
                product_id,
                version=form.version.data,
                reason=form.reason.data or "",
                now=clock.now(),
            )
        except DomainError as error:
            refuse_change(form, error)
        else:
            return go(url_for(".show", product_id=product_id), _done(product_id, draft.number))
    return page(
        "products/launch.html",
        part="launch_form",
        status=form.status,
        form=form,
        product=product,
        draft=draft,
        launched=queries.find_launched(session, product_id),
        checks=checks,
        by_two=by_two,
        waiting=services.find_waiting_launch(session, product),
    )


def _done(product_id: UUID, number: int) -> str:
    session = db.session()
    product = queries.get_product(session, product_id)
    if services.find_waiting_launch(session, product) is not None:
        return f"You asked for the launch of version {number} of {product.name}."
    return f"Version {number} of {product.name} is launched and can be quoted."
