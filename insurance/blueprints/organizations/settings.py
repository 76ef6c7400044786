"""An organization's own settings."""

from flask import Response, url_for
from wtforms import BooleanField, HiddenField, IntegerField, SelectField

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.permissions import May
from insurance.organizations import queries, rules, services
from insurance.web.access import requires, tenant_blueprint
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse

bp = tenant_blueprint("settings", __name__, "/settings")


class SettingsForm(Form):
    """What the organization's administrators may change."""

    name = TextField("Name", [Required()])
    description = TextField("Description", longest=2000)
    timezone = TextField("Time zone", [Required()], longest=60)
    currency = SelectField("Currency", choices=[(one, one) for one in rules.CURRENCIES])
    requires_mfa = BooleanField("Everybody needs a second factor")
    session_idle_minutes = IntegerField("Sign out after minutes without use", [Required()])
    version = HiddenField()


@bp.route("", methods=["GET", "POST"])
@requires(May.SETTINGS_VIEW)
def edit() -> Response:
    """Show the settings and change them."""
    organization = queries.get_organization(db.session())
    form = SettingsForm(obj=organization)
    if form.is_submitted() and not current_actor().may(May.SETTINGS_EDIT):
        raise ForbiddenError("Your role may look at the settings, not change them.")
    if form.validate_on_submit():
        names = services.OrganizationSettings.__slots__
        try:
            services.change_settings(
                services.OrganizationSettings(**{name: form[name].data for name in names}),
                version=int(form.version.data) if str(form.version.data).isdigit() else 0,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for("settings.edit"), "Settings saved.")
    return page(
        "organizations/settings.html",
        part="settings_form",
        status=form.status,
        form=form,
        organization=organization,
        licensed=queries.list_licensed_classes(db.session()),
    )
