"""Which lapse rule applies to each product on a day, and the rules of one product over time."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from flask import Response, request

from insurance.blueprints.lapses import bp
from insurance.core.db import db
from insurance.lapses import queries
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.rules import LapseTerms
from insurance.products.queries import get_product, list_product_names
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import parse_day
from insurance.web.html import page


class _Line(NamedTuple):
    """A product with the terms of a day; `is_default` where it has no rule of its own."""

    id: UUID
    name: str
    terms: LapseTerms
    is_default: bool


@bp.route("/rules")
@requires(LapsesMay.VIEW)
def rules() -> Response:
    """List products with the rule that applies to premiums due on a day."""
    session = db.session()
    on, problem = _wanted_day()
    terms = queries.rules_on(session, None, on)
    ruled = queries.list_ruled_products(session, on)
    lines = [
        _Line(row.id, row.name, terms[row.id], row.id not in ruled)
        for row in list_product_names(session)
    ]
    return page(
        "lapses/rules.html",
        part="rule_list",
        status=422 if problem else 200,
        lines=lines,
        on=on,
        problem=problem,
        typed=request.args.get("on", ""),
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


def _wanted_day() -> tuple[date, str]:
    """Return the day asked for, else today, and what is wrong with what was typed."""
    typed = request.args.get("on", "").strip()
    if not typed:
        return business_day(), ""
    try:
        return parse_day(typed), ""
    except ValueError as error:
        return business_day(), str(error)
