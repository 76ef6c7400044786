"""How many people must agree to what and how long that may take, as the organization wants it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response, request, url_for
from wtforms import Field

from insurance.approvals import queries, services
from insurance.approvals.models import ApprovalSetting
from insurance.approvals.rules import MOST_PEOPLE, PeopleRule
from insurance.approvals.subjects import actions
from insurance.blueprints.approvals import bp
from insurance.blueprints.approvals.readable import name_of
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, ForbiddenError
from insurance.core.money import ZERO
from insurance.organizations.permissions import SettingsMay
from insurance.web.access import requires
from insurance.web.forms import ChoiceField, Form, MoneyField, Required, VersionField, WholeField
from insurance.web.html import go, page, refuse

_EMPTY_ROWS = 2
_MOST_ROWS = 100
_FIELD = re.compile(r"rules\.(\d{1,3})\.action", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule as it was typed, and its row on the form."""

    row: int
    action: str
    from_amount: Decimal
    people: int


class SettingsForm(Form):
    """The rules; the fields of each row are fields of their own."""

    version = VersionField()
    expires_after_days = WholeField("Days until a request expires", [Required()])
    remind_after_days = WholeField("Days until a reminder", [Required()])

    def rows(self) -> list[tuple[Field, Field, Field]]:
        """Return the fields of each rule: what, from which amount on, how many people."""
        fields = self._fields
        return [
            (fields[name], fields[_sibling(name, "from_amount")], fields[_sibling(name, "people")])
            for name in fields
            if _FIELD.fullmatch(name)
        ]

    def wanted(self) -> list[Wanted]:
        """Return the rules as typed; a row without an action is none."""
        return [
            Wanted(row, action.data, amount.data or ZERO, people.data or 0)
            for row, (action, amount, people) in enumerate(self.rows())
            if action.data
        ]


def _sibling(name: str, last: str) -> str:
    return f"{name.rpartition('.')[0]}.{last}"


@bp.route("/settings", methods=["GET", "POST"])
@requires(SettingsMay.VIEW)
def settings() -> Response:
    """Show how many people must agree to what, and change it."""
    session = db.session()
    setting, rules = queries.get_setting(session), queries.list_rules(session)
    form = _form(setting, rules)
    if form.is_submitted() and not current_actor().may(SettingsMay.EDIT):
        raise ForbiddenError("Your role may look at the settings, not change them.")
    if form.validate_on_submit():
        wanted = form.wanted()
        try:
            services.change_settings(
                wanted,
                expires_after_days=form.expires_after_days.data or 0,
                remind_after_days=form.remind_after_days.data or 0,
                version=form.version.data,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, _at_rows(error, wanted))
        else:
            return go(url_for(".settings"), "Settings saved.")
    return page(
        "approvals/settings.html",
        part="settings_form",
        status=form.status,
        form=form,
        setting=setting,
        rules=[(name_of(rule.action), rule) for rule in rules],
        most=MOST_PEOPLE,
    )


def _form(setting: ApprovalSetting, rules: Sequence[PeopleRule]) -> SettingsForm:
    """Return the form with a row for each rule and some to fill in, or with those that were sent."""
    sent = sum(1 for name in request.form if _FIELD.fullmatch(name))
    rows = min(sent if request.method == "POST" else len(rules) + _EMPTY_ROWS, _MOST_ROWS)
    choices = sorted(((action, name_of(action)) for action in actions()), key=lambda one: one[1])
    fields: dict[str, Any] = {}
    for row in range(rows):
        label = f"rule {row + 1}"
        fields |= {
            f"rules.{row}.action": ChoiceField(f"What, {label}", choices=choices, empty="No rule"),
            f"rules.{row}.from_amount": MoneyField(f"From, {label}"),
            f"rules.{row}.people": WholeField(f"People, {label}"),
        }
    stand = {
        f"rules.{row}.{name}": getattr(one, name)
        for row, one in enumerate(rules)
        for name in ("action", "from_amount", "people")
    }
    form: SettingsForm = type("SettingsForm", (SettingsForm,), fields)(obj=setting, data=stand)
    return form


def _at_rows(error: DomainError, wanted: Sequence[Wanted]) -> DomainError:
    """Return a refusal with its places moved to the rows of the form."""
    for one in error.errors:
        if one.field and one.field.startswith("rules."):
            place, last = one.field.split(".")[1:]
            one.field = f"rules.{wanted[int(place)].row}.{last}"
    return error
