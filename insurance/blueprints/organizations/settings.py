"""An organization's own settings."""

from decimal import Decimal

from flask import Response, url_for
from wtforms import BooleanField, HiddenField, IntegerField

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.organizations import queries, rules, services
from insurance.organizations.permissions import SettingsMay
from insurance.web.access import requires, tenant_blueprint
from insurance.web.forms import ChoiceField, Form, MoneyField, Required, TextField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("settings", __name__, "/settings")


class SettingsForm(Form):
    """What the organization's administrators may change."""

    name = TextField("Name", [Required()])
    description = TextField("Description", longest=2000)
    timezone = ChoiceField("Time zone")
    session_idle_minutes = IntegerField(
        "Sign out after so many minutes without use", [Required("Enter a number of minutes.")]
    )
    payment_limit = MoneyField("A second person for payments above")
    number_searches_per_hour = IntegerField(
        "ID numbers that one person may search for in an hour", [Required("Enter a number.")]
    )
    launch_needs_second_person = BooleanField("A second person agrees before a product is launched")
    replaced_quotes_are_repriced = BooleanField(
        "A quote is priced again once a newer version of its product is sold"
    )
    requires_mfa = BooleanField("Everybody needs a second factor to sign in")
    version = HiddenField()


@bp.route("", methods=["GET", "POST"])
@requires(SettingsMay.VIEW)
def edit() -> Response:
    """Show the settings and change them."""
    organization = queries.get_organization(db.session())
    form = SettingsForm(obj=organization)
    form.timezone.choices = [
        (zone, zone) for zone in dict.fromkeys([*rules.ZONES, organization.timezone])
    ]
    if form.is_submitted() and not current_actor().may(SettingsMay.EDIT):
        raise ForbiddenError("Your role may look at the settings, not change them.")
    if form.validate_on_submit():
        try:
            services.change_settings(
                _settings(form, organization.payment_limit),
                version=rules.read_version(form.version.data),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for("settings.edit"), "Settings saved.")
    return page(
        "settings/edit.html",
        part="settings_form",
        status=form.status,
        form=form,
        organization=organization,
        licensed=_licensed(),
    )


def _settings(form: SettingsForm, payment_limit: Decimal) -> services.OrganizationSettings:
    return services.OrganizationSettings(
        name=form.name.data or "",
        description=form.description.data or "",
        timezone=form.timezone.data,
        requires_mfa=form.requires_mfa.data,
        session_idle_minutes=form.session_idle_minutes.data or 0,
        payment_limit=payment_limit if form.payment_limit.data is None else form.payment_limit.data,
        number_searches_per_hour=form.number_searches_per_hour.data or 0,
        launch_needs_second_person=form.launch_needs_second_person.data,
        replaced_quotes_are_repriced=form.replaced_quotes_are_repriced.data,
    )


def _licensed() -> list[str]:
    held = set(queries.list_licensed_classes(db.session()))
    return [
        class_.name for class_ in queries.list_product_classes(db.session()) if class_.code in held
    ]
