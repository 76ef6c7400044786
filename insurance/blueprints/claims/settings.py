"""How the organization handles claims: days to decide, second persons, flags."""

from typing import Any

from flask import Response, url_for
from wtforms import BooleanField, Field

from insurance.blueprints.claims import bp
from insurance.claims import queries, services
from insurance.claims.models import Assignment
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules.reasons import FUNERAL
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.money import ZERO
from insurance.organizations.permissions import SettingsMay
from insurance.products.queries import list_classes
from insurance.web.access import requires
from insurance.web.forms import ChoiceField, Form, MoneyField, Required, VersionField, WholeField
from insurance.web.html import go, page, refuse

ASSIGNMENTS = [
    (Assignment.BY_HAND.value, "waits until somebody takes it"),
    (Assignment.IN_TURN.value, "goes to the next assessor in turn"),
    (Assignment.FEWEST_OPEN.value, "goes to the assessor with the fewest open claims"),
]


class SettingsForm(Form):
    """The settings; the days of each licensed class are fields of their own."""

    other_days = WholeField("Every other class", [Required()])
    payee_change_days = WholeField("Days after a change of payee", [Required()])
    early_claim_days = WholeField("Days of an early claim", [Required()])
    large_loss = MoneyField("A large loss is from", [Required()])
    verified_account_first = BooleanField("Pay only into accounts that were verified")
    assignment = ChoiceField("A new claim", [Required()], choices=ASSIGNMENTS)
    version = VersionField()

    classes: dict[str, str]

    def day_fields(self) -> list[Field]:
        """Return the fields of the days of each class."""
        return [self._fields[f"days_{code}"] for code in self.classes]


@bp.route("/settings", methods=["GET", "POST"])
@requires(ClaimsMay.VIEW)
def settings() -> Response:
    """Show the settings, and change them."""
    form, found = _form(), queries.get_settings(db.session())
    if form.is_submitted() and not current_actor().may(SettingsMay.EDIT):
        raise ForbiddenError("Your role may look at the settings, not change them.")
    if form.validate_on_submit():
        try:
            services.change_settings(_wanted(form), version=form.version.data)
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".settings"), "Settings saved.")
    return page(
        "claims/settings.html",
        part="settings_form",
        status=form.status,
        form=form,
        settings=found,
        assignment=dict(ASSIGNMENTS)[found.assignment],
        own_days=[(form.classes.get(code, code), n) for code, n in found.days_by_class.items()],
    )


def _form() -> SettingsForm:
    session = db.session()
    found = queries.get_settings(session)
    classes = {
        class_.code: class_.name
        for class_ in list_classes(session)
        if class_.is_licensed and class_.code != FUNERAL
    }
    fields: dict[str, Any] = {f"days_{code}": WholeField(name) for code, name in classes.items()}
    own = {f"days_{code}": days for code, days in found.days_by_class.items()}
    form: SettingsForm = type("SettingsForm", (SettingsForm,), fields)(obj=found, data=own)
    form.classes = classes
    return form


def _wanted(form: SettingsForm) -> services.HandlingSettings:
    days = {code: form._fields[f"days_{code}"].data for code in form.classes}
    return services.HandlingSettings(
        other_days=form.other_days.data or 0,
        days_by_class={code: number for code, number in days.items() if number is not None},
        payee_change_days=form.payee_change_days.data or 0,
        early_claim_days=form.early_claim_days.data or 0,
        large_loss=form.large_loss.data or ZERO,
        assignment=Assignment(form.assignment.data),
        verified_account_first=bool(form.verified_account_first.data),
    )
