"""Capturing a customer."""

from flask import Response, url_for

from insurance.blueprints.customers import bp
from insurance.blueprints.customers.edit import CustomerForm, details_of, known_from, status_of
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.customers import queries, rules, services
from insurance.customers.models import CustomerKind
from insurance.customers.permissions import CustomersMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.html import go, page, refuse


@bp.route("/new", methods=["GET", "POST"])
@requires(CustomersMay.EDIT)
def create() -> Response:
    """Capture a customer; look-alikes are shown and must be confirmed."""
    form = CustomerForm()
    alike: list[queries.Duplicate] = []
    refusal: DomainError | None = None
    if form.validate_on_submit():
        try:
            alike = [] if form.confirmed.data else _look_alikes(form)
            if not alike:
                customer = services.create_customer(
                    details_of(form), on=business_day(), now=clock.now()
                )
                return go(
                    url_for("customers.show", customer_id=customer.id),
                    f"{customer.display_name} was captured.",
                )
        except DomainError as error:
            refuse(form, error)
            refusal = error
    return page(
        "customers/edit.html",
        part="customer_form",
        status=409 if alike else status_of(form, refusal),
        form=form,
        customer=None,
        alike=alike,
        existing=known_from(refusal),
    )


def _look_alikes(form: CustomerForm) -> list[queries.Duplicate]:
    born = form.date_of_birth.data
    if form.id_number.data:
        born = rules.read_id_number(
            form.id_number.data, declared_birth=born, on=business_day()
        ).date_of_birth
    phone = rules.read_phone(form.phone.data) if form.phone.data else None
    kind = CustomerKind(form.kind.data)
    name = form.company_name.data or ""
    if kind is CustomerKind.PERSON:
        name = f"{form.first_name.data or ''} {form.last_name.data or ''}"
    return queries.find_look_alikes(db.session(), kind, name, born, phone)
