"""The rate of each product at a date with where it came from."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from wtforms import BooleanField, Field, TextAreaField

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.month_end import queries, services
from insurance.month_end.permissions import MonthEndMay
from insurance.products.models import ProjectionType
from insurance.products.queries import list_products
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.days import day_asked
from insurance.web.filters import day, percent
from insurance.web.forms import (
    ChoiceField,
    DayField,
    Form,
    RateField,
    Required,
    TextField,
    WholeField,
    choices_of,
    parse_day,
    parse_rate,
)
from insurance.web.html import go

LINES = 101
FIRST_STEP = 2


class RatesField(Field):
    """Rates by what they belong to, a line each."""

    widget = TextAreaField.widget
    data: dict[str, str]
    example = ""

    def read_key(self, text: str) -> str:
        """Read what a rate belongs to. Raises ValueError in the words of who types it."""
        raise NotImplementedError

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the lines. Nothing typed is nothing."""
        self.data = {}
        for line in valuelist[0].splitlines()[:LINES] if valuelist else ():
            if not line.strip():
                continue
            key, _colon, rate = line.rpartition(":")
            if not key:
                raise ValueError(f"Write a line each, such as {self.example}.")
            name = self.read_key(key.strip())
            if name in self.data:
                raise ValueError(f"{key.strip()} is there twice.")
            self.data[name] = str(parse_rate(rate))


class StepsField(RatesField):
    """The rise of policy years: a line each, such as `3: 5`."""

    example = "3: 5"

    def read_key(self, text: str) -> str:
        """Read a policy year."""
        if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or int(text) < FIRST_STEP:
            raise ValueError("A line begins with a policy year from 2, such as 3: 5.")
        return str(int(text))


class ReviewsField(RatesField):
    """The approved rise of review days: a line each, such as `2026/11/01: 6`."""

    example = "2026/11/01: 6"

    def read_key(self, text: str) -> str:
        """Read a review day."""
        return parse_day(text).isoformat()


class RuleForm(Form):
    """How premiums escalate from a day on."""

    type = ChoiceField("Premiums are", choices=choices_of(ProjectionType))
    valid_from = DayField("From", [Required()])
    product_id = ChoiceField("Product", empty="All products of this type", default="")
    product_version_id = ChoiceField("Product version", empty="Every version", default="")
    policy_number = TextField("Only this policy", longest=40)
    index_code = TextField("Index", longest=40)
    lag_months = WholeField("Months before the anniversary whose index counts", nothing=3)
    floor = RateField("Lowest rise, per cent")
    cap = RateField("Highest rise, per cent")
    fixed_rate = RateField("Fixed rise instead of an index, per cent")
    cover_rate = RateField("Rise of the cover, per cent")
    steps = StepsField("Rise by policy year, per cent")
    reviews = ReviewsField("Approved rise by review day, per cent")
    rates_by_age = BooleanField("Rate benefits again at the age reached")
    requires_notice = BooleanField("Rise only with proof that the holder was told")
    reason = TextField("Reason", longest=500)


@bp.route("/escalations", methods=["GET", "POST"])
@requires(MonthEndMay.VIEW)
def escalations() -> Response:
    """Show the rate of each product at a date; the `number` of a policy leads to its own."""
    problems: dict[str, str] = {}
    on = day_asked("on", business_day(), problems)
    if (number := request.args.get("number")) is not None:
        policy_id = queries.find_policy_id(db.session(), number.strip().upper())
        if policy_id is not None:
            return go(url_for(".escalation", policy_id=policy_id))
        problems["number"] = (
            "There is no such policy." if number.strip() else "Enter a policy number."
        )
    return lists.show(_rates(on, problems), "month_end/escalations.html")


def _rates(on: date, problems: dict[str, str]) -> lists.ListScreen:
    return lists.ListScreen(
        title="Escalation rates",
        caption=f"The rate of each product version on {day(on)}",
        crumbs=[("Month-end", "month_end.index")],
        rows_of=lambda session, narrowed: [
            one
            for one in services.preview_escalation(session, on)
            if narrowed.get("type") in (None, one.escalation.type)
            and not (narrowed.get("missing") and one.rise)
        ],
        id_of=lambda one: one.product_version_id,
        fields=(
            lists.Field("on", "Anniversary on", "day", stands=on),
            lists.Field("type", "Premiums are", choices=lambda _: choices_of(ProjectionType)),
            lists.Field("missing", "Missing only", "tick"),
        ),
        problems=problems,
        columns=lists.columns(
            "product_name: Product | version_number: Version, number | policies: Policies, number",
            "escalation.type: Premiums are, code | premium: Premium rises, percent, key",
            "cover: Cover rises, percent | escalation.source: Rule of, code",
            "index: Index, wrapped | floor: Floor, percent | cap: Cap, percent",
            premium=lambda one: (
                one.rise.premium_rate if one.rise else lists.Cell(tags=("MISSING",))
            ),
            cover=lambda one: one.rise.cover_rate if one.rise else None,
            index=_index,
            floor=lambda one: one.escalation.floor if _is_indexed(one) else None,
            cap=lambda one: one.escalation.cap if _is_indexed(one) else None,
        ),
        buttons=(
            lists.Button("Index tables", "month_end.index_values", icon="table"),
            lists.new("Add a rule", "month_end.create_escalation", MonthEndMay.APPROVE),
        ),
        empty=lists.Empty(
            "No product is sold or in force", "Launch a product, and its rate stands here."
        ),
        none_match="No rate matches",
        note="The narrowest rule holds: policy, then product version, product, organization,"
        " platform. A policy's own rule overrides what stands here.",
        rows=50,
    )


def _is_indexed(one: services.Resolved) -> bool:
    return one.escalation.type is ProjectionType.INDEXED


def _index(one: services.Resolved) -> str:
    if one.problem:
        return one.problem
    if one.rise and one.rise.index is not None and one.rise.index_month:
        index, month = percent(one.rise.index), one.rise.index_month
        return f"{one.escalation.index_code} {index} for {month:%Y/%m}"
    return "Fixed" if one.escalation.fixed_rate is not None else ""


@bp.route("/escalations/new", methods=["GET", "POST"])
@requires(MonthEndMay.APPROVE)
def create_escalation() -> Response:
    """Say how a policy, a product or the organization escalates from a day on."""
    form = RuleForm(data={"index_code": "CPI", "lag_months": 3, "valid_from": business_day()})
    products = list_products(db.session(), limit=200).items
    form.product_id.choices = [
        ("", "All products of this type"),
        *((str(product.product.id), product.product.name) for product in products),
    ]
    form.product_version_id.choices = [
        ("", "Every version"),
        *(
            (str(version_id), f"{name}, version {number}")
            for version_id, name, number in queries.list_sold_versions(db.session())
        ),
    ]
    back = url_for(".escalations")
    crumbs = [("Month-end", url_for(".index")), ("Escalation rates", back)]
    return act_screen(
        Act("Add an escalation rule", "Add rule", back, crumbs, leave="Cancel"),
        form,
        lambda: services.record_escalation_rule(_wanted(form), now=clock.now()),
        "The rule holds from its day on.",
        template="month_end/create_escalation.html",
    )


def _wanted(form: Any) -> dict[str, Any]:
    policy_id = None
    if form.policy_number.data:
        policy_id = queries.find_policy_id(db.session(), form.policy_number.data.upper())
        if policy_id is None:
            raise DomainError("There is no such policy.", field="policy_number")
    return {
        "type": ProjectionType(form.type.data),
        "valid_from": form.valid_from.data,
        "product_id": _id(form.product_id.data),
        "product_version_id": _id(form.product_version_id.data),
        "policy_id": policy_id,
        "index_code": (form.index_code.data or "CPI").upper(),
        "lag_months": form.lag_months.data,
        "floor": form.floor.data,
        "cap": form.cap.data,
        "fixed_rate": form.fixed_rate.data,
        "cover_rate": form.cover_rate.data or 0,
        "steps": form.steps.data or {},
        "reviews": form.reviews.data or {},
        "rates_by_age": bool(form.rates_by_age.data),
        "requires_notice": bool(form.requires_notice.data),
        "reason": form.reason.data or None,
    }


def _id(chosen: str | None) -> UUID | None:
    return UUID(chosen) if chosen else None
