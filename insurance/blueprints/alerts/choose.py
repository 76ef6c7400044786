"""What one wants to hear, under the bell and by mail."""

from flask import Response, url_for
from wtforms import BooleanField, SelectMultipleField

from insurance.alerts import queries, services
from insurance.alerts.permissions import AlertsMay
from insurance.blueprints.alerts import bp
from insurance.core.alert_kinds import list_alert_kinds
from insurance.core.db import db
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import Form


class ChooseForm(Form):
    """The kinds that are shown, those that are mailed, and whether anything is."""

    shown = SelectMultipleField("Under the bell")
    wants_digest = BooleanField("Send me a mail each morning with what I have not read")
    mailed = SelectMultipleField("In that mail")


@bp.route("/choose", methods=["GET", "POST"])
@requires(AlertsMay.VIEW)
def choose() -> Response:
    """Show the kinds of alerts, and switch them."""
    kinds = {kind.code: kind.name for kind in list_alert_kinds()}
    setting = queries.get_setting(db.session())
    form = ChooseForm(
        data={
            "shown": [code for code in kinds if code not in setting.hidden],
            "wants_digest": setting.wants_digest,
            "mailed": [code for code in kinds if code not in setting.unmailed],
        }
    )
    form.shown.choices = form.mailed.choices = list(kinds.items())
    act = Act(
        "What you are told",
        "Save",
        url_for(".index"),
        [("Alerts", url_for(".index"))],
        says="What is off under the bell is kept from the list, too, and can be switched on again."
        " Read alerts are deleted after 90 days.",
    )
    return act_screen(
        act,
        form,
        lambda: services.choose_alerts(
            wants_digest=form.wants_digest.data,
            hidden=set(kinds) - set(form.shown.data or ()),
            unmailed=set(kinds) - set(form.mailed.data or ()),
        ),
        "Saved.",
    )
