"""What the organization allows month-end, and who hears of it."""

from flask import Response, url_for
from wtforms import BooleanField, TextAreaField

from insurance.blueprints.month_end import bp
from insurance.core.db import db
from insurance.month_end import queries, services
from insurance.organizations.permissions import SettingsMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import Form, TextField, VersionField, WholeField


class SettingsForm(Form):
    """The organization's choices."""

    mail_to = TextField(
        "Mail when a run ends or fails",
        longest=2_000,
        widget=TextAreaField.widget,
        description="The operations list: addresses with commas, spaces or lines between them."
        " Without any, whoever asked for the run is told.",
    )
    days_ahead = WholeField(
        "Days a plan may reach ahead",
        nothing=0,
        description="From 0 to 366. A plan is applied on its day at the earliest.",
    )
    plans_itself = BooleanField(
        "Plan each month's end unasked on the first day after it",
        description="Lapses are only named. A person approves the plan as always.",
    )
    may_apply_unapproved = BooleanField(
        "Apply plans without a second person",
        description="Then one person alone can change the whole book.",
    )
    version = VersionField()


@bp.route("/settings", methods=["GET", "POST"])
@requires(SettingsMay.EDIT)
def settings() -> Response:
    """Show the choices, and keep them."""
    form = SettingsForm(obj=queries.get_setting(db.session()))
    back = url_for(".index")
    return act_screen(
        Act("Settings of month-end", "Save", back, [("Month-end", back)], leave="Cancel"),
        form,
        lambda: services.set_month_end(
            may_apply_unapproved=bool(form.may_apply_unapproved.data),
            days_ahead=form.days_ahead.data or 0,
            mail_to=form.mail_to.data,
            plans_itself=bool(form.plans_itself.data),
            version=form.version.data,
        ),
        "The settings of month-end were saved.",
    )
