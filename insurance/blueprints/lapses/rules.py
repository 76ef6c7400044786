"""Lapse rules: which applies on a day, and a change of one after a look at what it would do."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy.orm import Session
from wtforms import BooleanField

from insurance.blueprints.lapses import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import ZERO
from insurance.lapses import queries, services
from insurance.lapses.models import GraceType, LapseRule
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.queries import RuleImpact
from insurance.lapses.rules import FUNERAL, LapseTerms
from insurance.products.models import Product
from insurance.products.queries import get_product, list_product_names
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.filters import day
from insurance.web.forms import (
    ChoiceField,
    DayField,
    Form,
    MoneyField,
    Required,
    TextField,
    VersionField,
    WholeField,
    choices_of,
    parse_day,
)
from insurance.web.html import go, page, refuse

_COPIED = (
    "monthly_grace_days",
    "quarterly_grace_days",
    "half_yearly_grace_days",
    "annual_grace_days",
    "auto_reinstate_if_paid_within_days",
    "reinstatement_requires_medical_after_days",
    "max_reinstatement_period_days",
    "send_email_reminders",
    "send_sms_reminders",
    "requires_notice",
    "tolerance",
    "effective_from",
    "effective_to",
)


class _Line(NamedTuple):
    """A product with the terms of a day; `is_default` where it has no rule of its own."""

    id: UUID
    name: str
    terms: LapseTerms
    is_default: bool


class LapseRuleForm(Form):
    """Grace, reminders and reinstatement."""

    effective_from = DayField("First due date it applies to", [Required()])
    effective_to = DayField("First due date it no longer applies to")
    grace_period_type = ChoiceField("Days of grace are", choices=choices_of(GraceType))
    monthly_grace_days = WholeField("Monthly premiums", [Required()])
    quarterly_grace_days = WholeField("Quarterly premiums", [Required()])
    half_yearly_grace_days = WholeField("Half-yearly premiums", [Required()])
    annual_grace_days = WholeField("Annual premiums", [Required()])
    tolerance = MoneyField("Arrears that do not lapse")
    requires_notice = BooleanField("No lapse without proof of the notice of non-payment")
    reminder_schedule = TextField("Days before the due date", longest=60)
    send_email_reminders = BooleanField("Send reminders by e-mail")
    send_sms_reminders = BooleanField("Send reminders by SMS")
    auto_reinstate_if_paid_within_days = WholeField("Automatic, if paid within", [Required()])
    reinstatement_requires_medical_after_days = WholeField("Medical clearance after")
    max_reinstatement_period_days = WholeField("No reinstatement after", [Required()])
    version = VersionField()

    def values(self) -> dict[str, Any]:
        """Return what was entered. Raises DomainError for reminders that are no numbers."""
        entered = {name: getattr(self, name).data for name in _COPIED}
        return entered | {
            "grace_period_type": self.grace_period_type.data,
            "grace_period_days": self.monthly_grace_days.data,
            "tolerance": self.tolerance.data or ZERO,
            "reminder_schedule": _days(self.reminder_schedule.data or ""),
        }


def _days(typed: str) -> list[int]:
    words = typed.replace(",", " ").replace(";", " ").split()
    if any(not word.isascii() or not word.isdigit() or len(word) > 4 for word in words):
        raise DomainError("Enter whole numbers, such as 7, 3, 1.", field="reminder_schedule")
    return [int(word) for word in words]


@bp.route("/rules", methods=["GET", "POST"])
@requires(LapsesMay.VIEW)
def rules() -> Response:
    """List products with the rule that applies to premiums due on a day."""
    return lists.show(_RULES)


def _rows(session: Session, narrowed: Mapping[str, Any]) -> list[_Line]:
    on = narrowed.get("on") or business_day()
    terms, ruled = queries.rules_on(session, None, on), queries.list_ruled_products(session, on)
    return [
        _Line(row.id, row.name, terms[row.id], row.id not in ruled)
        for row in list_product_names(session)
    ]


def _in_force(line: _Line) -> str:
    if line.is_default:
        return ""
    end = line.terms.effective_to
    return f"{day(line.terms.effective_from)} to {day(end) if end else 'further notice'}"


_RULES = lists.ListScreen(
    title="Lapse rules",
    rows_of=_rows,
    record=("lapses.product", "product_id"),
    fields=[lists.Field("on", "Premiums due on", "day")],
    columns=lists.columns(
        "name: Product | rule: Rule, key | terms.monthly_grace_days: Monthly grace, number",
        "terms.quarterly_grace_days: Quarterly, number | terms.annual_grace_days: Annual, number",
        "terms.half_yearly_grace_days: Half-yearly, number | terms.grace_period_type: Days, code",
        "reminders: Reminders | notice: Notice | in_force: In force",
        rule=lambda line: "Statutory minimum" if line.is_default else "Own",
        reminders=lambda line: ", ".join(map(str, line.terms.reminder_schedule)),
        notice=lambda line: "Required" if line.terms.requires_notice else "",
        in_force=_in_force,
    ),
    empty=lists.Empty(
        "There are no products yet",
        "Each product has its own lapse rules; without one the statutory minimum holds.",
    ),
    rows=100,
)


@bp.route("/rules/products/<uuid:product_id>")
@requires(LapsesMay.VIEW)
def product(product_id: UUID) -> Response:
    """Show a product's rules over time, and which applies to premiums due on a day."""
    session = db.session()
    found = get_product(session, product_id)
    on, problem = _wanted_day()
    saved = queries.list_lapse_rules(session, product_id)
    return page(
        "lapses/product.html",
        part="product_rules",
        status=422 if problem else 200,
        product=found,
        rules=saved,
        current=next((rule.id for rule in saved if queries.terms_of(rule).applies(on)), None),
        terms=queries.rule_on(session, product_id, on),
        on=on,
        problem=problem,
        typed=request.args.get("on", ""),
    )


@bp.route("/rules/products/<uuid:product_id>/new", methods=["GET", "POST"])
@requires(LapsesMay.EDIT)
def create_rule(product_id: UUID) -> Response:
    """Add a rule from a day on, after a look at what it would do."""
    session, on = db.session(), business_day()
    product = get_product(session, product_id)
    form = LapseRuleForm(data=_shown(queries.rule_on(session, product_id, on), None, on))
    impact = None
    if form.validate_on_submit():
        try:
            wanted = form.values()
            if _is_preview():
                terms = services.propose_terms(session, product, wanted)
                impact = queries.count_rule_impact(session, product_id, terms, on)
            else:
                services.create_lapse_rule(product_id, wanted, on=on, now=clock.now())
                return go(_back(product_id), "The lapse rule was added.")
        except DomainError as error:
            refuse(form, error)
    return _page(form, product, None, impact)


@bp.route("/rules/<uuid:lapse_rule_id>/edit", methods=["GET", "POST"])
@requires(LapsesMay.EDIT)
def edit_rule(lapse_rule_id: UUID) -> Response:
    """Change a rule, after a look at what the change would do."""
    session, on = db.session(), business_day()
    rule = queries.get_lapse_rule(session, lapse_rule_id)
    product = get_product(session, rule.product_id)
    form = LapseRuleForm(data=_shown(queries.terms_of(rule), rule.version, on))
    impact = None
    if form.validate_on_submit():
        try:
            wanted = form.values()
            # The form does not ask for it; what the API set stays.
            wanted["grace_period_days"] = rule.grace_period_days
            if _is_preview():
                terms = services.change_terms(session, rule, wanted)
                impact = queries.count_rule_impact(session, product.id, terms, on)
            else:
                services.edit_lapse_rule(
                    lapse_rule_id, wanted, version=form.version.data, on=on, now=clock.now()
                )
                return go(_back(product.id), "The lapse rule was saved.")
        except DomainError as error:
            refuse(form, error)
    return _page(form, product, rule, impact)


def _is_preview() -> bool:
    return request.form.get("act") == "preview"


def _shown(terms: LapseTerms, version: int | None, on: date) -> dict[str, Any]:
    """Return terms as the form shows them; a new rule starts from what applies today."""
    shown = {name: getattr(terms, name) for name in _COPIED} | {
        "grace_period_type": terms.grace_period_type,
        "reminder_schedule": ", ".join(str(day) for day in terms.reminder_schedule),
        "version": version,
    }
    return shown if version is not None else shown | {"effective_from": on, "effective_to": None}


def _page(
    form: LapseRuleForm,
    product: Product,
    rule: LapseRule | None,
    impact: RuleImpact | None,
) -> Response:
    has_applied = rule is not None and queries.has_applied(db.session(), rule, on=business_day())
    return page(
        "lapses/rule.html",
        part="rule_form",
        status=form.status,
        form=form,
        product=product,
        rule=rule,
        impact=impact,
        has_applied=has_applied,
        is_funeral=product.class_code == FUNERAL,
        action=url_for(".create_rule", product_id=product.id)
        if rule is None
        else url_for(".edit_rule", lapse_rule_id=rule.id),
    )


def _back(product_id: UUID) -> str:
    return url_for(".product", product_id=product_id)


def _wanted_day() -> tuple[date, str]:
    """Return the day asked for, else today, and what is wrong with what was typed."""
    typed = request.args.get("on", "").strip()
    if not typed:
        return business_day(), ""
    try:
        return parse_day(typed), ""
    except ValueError as error:
        return business_day(), str(error)
