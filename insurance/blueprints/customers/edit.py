"""Changing a customer."""

from typing import Any
from uuid import UUID

from flask import Response, url_for
from wtforms import BooleanField, HiddenField, SelectField

from insurance.blueprints.customers import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, TooManyError
from insurance.customers import queries, services
from insurance.customers.models import Customer, CustomerKind
from insurance.customers.permissions import CustomersMay
from insurance.customers.privacy import may_see_identity
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, TextField, VersionField, choices_of
from insurance.web.html import go, page, refuse

_GENDERS = [("", "Not stated"), ("FEMALE", "Female"), ("MALE", "Male")]


class CustomerForm(Form):
    """Who the customer is and how to reach them."""

    kind = SelectField("Kind", choices=choices_of(CustomerKind), default="PERSON")
    first_name = TextField("First names")
    last_name = TextField("Surname")
    id_number = TextField("South African ID number", longest=20, render_kw={"inputmode": "numeric"})
    passport_number = TextField("Passport number", longest=20)
    passport_country = TextField("Passport country", longest=2)
    date_of_birth = DayField("Date of birth")
    gender = SelectField("Gender", choices=_GENDERS, default="")
    company_name = TextField("Name of the company, trust, club, society or partnership")
    registration_number = TextField("Registration number", longest=40)
    contact_name = TextField("Contact person")
    contact_role = TextField("Contact person is")
    phone = TextField("Telephone", longest=30, render_kw={"inputmode": "tel"})
    email = TextField("E-mail address", longest=254)
    line1 = TextField("Street and number, or PO box")
    line2 = TextField("Unit or building")
    suburb = TextField("Suburb")
    city = TextField("Town or city")
    province = TextField("Province")
    postal_code = TextField("Postal code", longest=10)
    consent_marketing = BooleanField("May be told about other products")
    consent_sms = BooleanField("May be reached by SMS")
    consent_email = BooleanField("May be reached by e-mail")
    consent_data_sharing = BooleanField("Data may be shared within the group")
    version = VersionField()
    confirmed = HiddenField()


@bp.route("/<uuid:customer_id>/edit", methods=["GET", "POST"])
@requires(CustomersMay.EDIT)
def edit(customer_id: UUID) -> Response:
    """Change a customer's details; who saves second sees both values."""
    customer = queries.get_customer(db.session(), customer_id)
    form = CustomerForm(data=_form_data(customer))
    refusal: DomainError | None = None
    if form.validate_on_submit():
        try:
            services.edit_customer(
                customer_id,
                details_of(form),
                version=form.version.data,
                on=business_day(),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
            refusal = error
        else:
            return go(url_for("customers.show", customer_id=customer_id), "Changes saved.")
    return page(
        "customers/edit.html",
        part="customer_form",
        status=status_of(form, refusal),
        form=form,
        customer=customer,
        alike=[],
        existing=known_from(refusal),
    )


def details_of(form: CustomerForm) -> services.CustomerDetails:
    """Return what the form says."""
    names = [
        "first_name",
        "last_name",
        "company_name",
        "registration_number",
        "contact_name",
        "contact_role",
        "id_number",
        "passport_number",
        "passport_country",
        "email",
        "phone",
        "gender",
    ]
    values = {name: form[name].data or None for name in names}
    addresses: tuple[services.Address, ...] = ()
    if form.line1.data:
        parts = ["line1", "line2", "suburb", "city", "province", "postal_code"]
        addresses = (
            services.Address(kind="RESIDENTIAL", **{name: form[name].data or "" for name in parts}),
        )
    return services.CustomerDetails(
        kind=form.kind.data,
        date_of_birth=form.date_of_birth.data,
        consents={name: form[f"consent_{name}"].data for name in services.CONSENTS},
        addresses=addresses,
        **values,
    )


def status_of(form: CustomerForm, refusal: DomainError | None) -> int:
    """Return the status of the form's page after a refusal."""
    return 429 if isinstance(refusal, TooManyError) else form.status


def known_from(refusal: DomainError | None) -> Customer | None:
    """Return who has the refused ID number, so that the form can link there."""
    if not isinstance(refusal, services.DuplicateCustomerError):
        return None
    return queries.get_customer(db.session(), refusal.existing_id)


def _form_data(customer: Customer) -> dict[str, Any]:
    names = (
        "first_name last_name company_name registration_number contact_name contact_role"
        " date_of_birth phone email version"
    )
    data = {name: getattr(customer, name) for name in names.split()}
    data["kind"] = customer.kind.value
    data["gender"] = customer.gender.value if customer.gender else ""
    if not may_see_identity():
        data |= {"date_of_birth": None, "gender": ""}
    for name in services.CONSENTS:
        data[f"consent_{name}"] = customer.consents.get(name, False)
    for address in queries.list_addresses(db.session(), customer.id)[:1]:
        for name in ["line1", "line2", "suburb", "city", "province", "postal_code"]:
            data[name] = getattr(address, name)
    if customer.kind is CustomerKind.PERSON:
        data["passport_country"] = customer.passport_country
    return data
