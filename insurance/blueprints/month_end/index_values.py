"""Index tables: what an index rose by over a year, month by month."""

from datetime import date

from flask import Response, request, url_for

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.paging import decode_cursor
from insurance.month_end import queries, services
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import DayField, Form, RateField, Required, TextField
from insurance.web.html import next_url, page

ROWS = 50


class IndexForm(Form):
    """An index's yearly rise for a month."""

    index_code = TextField("Index", [Required()], longest=40, description="Such as CPI.")
    month = DayField("Any day of the month", [Required()])
    value = RateField("Rise over a year, in per cent", [Required()], description="Such as 4,6.")
    source = TextField(
        "Where it was read",
        [Required()],
        description="Such as Statistics South Africa, P0141, table B.",
    )


@bp.get("/index-values")
@requires(MonthEndMay.VIEW)
def index_values() -> Response:
    """List index tables, the newest month first."""
    cursor = request.args.get("cursor")
    found = queries.list_index_values(
        db.session(), limit=ROWS, after=_position(cursor) if cursor else None
    )
    return page(
        "month_end/index_values.html",
        values=found.items,
        next=next_url(found),
        first=url_for(".index_values"),
    )


def _position(cursor: str) -> tuple[str, date]:
    code, month = decode_cursor(cursor, 2)
    try:
        return code, date.fromisoformat(month)
    except ValueError as error:
        raise DomainError("This page link is not valid.") from error


@bp.route("/index-values/new", methods=["GET", "POST"])
@requires(MonthEndMay.RUN)
def create_index_value() -> Response:
    """Add an index's rise for a month, with where it was read."""
    form = IndexForm(data={"index_code": "CPI"})

    def add() -> None:
        assert form.month.data is not None and form.value.data is not None
        services.record_index_value(
            form.index_code.data or "",
            form.month.data,
            form.value.data,
            source=form.source.data or "",
            now=clock.now(),
        )

    back = url_for(".index_values")
    crumbs = [("Month-end", url_for(".index")), ("Index tables", back)]
    act = Act("Add an index value", "Add value", back, crumbs, leave="Cancel")
    return act_screen(act, form, add, "The value was added.")
