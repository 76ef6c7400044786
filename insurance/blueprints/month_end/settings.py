"""What the organization allows month-end, and who hears of it."""

from flask import Response, url_for
from wtforms import BooleanField, TextAreaField

from insurance.blueprints.month_end import bp
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.month_end import queries, services
from insurance.organizations.permissions import SettingsMay
from insurance.web.access import requires
from insurance.web.forms import Form, TextField, WholeField
from insurance.web.html import go, page, refuse


class SettingsForm(Form):
    """The organization's choices."""

    mail_to = TextField("Mail when a run ends or fails", longest=2_000, widget=TextAreaField.widget)
    days_ahead = WholeField("Days a plan may reach ahead", nothing=0)
    plans_itself = BooleanField("Plan each month's end unasked on the first day after it")
    may_apply_unapproved = BooleanField("Apply plans without a second person")


@bp.route("/settings", methods=["GET", "POST"])
@requires(SettingsMay.EDIT)
def settings() -> Response:
    """Show the choices, and keep them."""
    form = SettingsForm(obj=queries.get_setting(db.session()))
    if form.validate_on_submit():
        try:
            services.set_month_end(
                may_apply_unapproved=bool(form.may_apply_unapproved.data),
                days_ahead=form.days_ahead.data or 0,
                mail_to=form.mail_to.data,
                plans_itself=bool(form.plans_itself.data),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".index"), "The settings of month-end were saved.")
    return page("month_end/settings.html", part="settings_form", status=form.status, form=form)
