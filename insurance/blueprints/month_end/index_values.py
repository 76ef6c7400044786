"""Index tables: what an index rose by over a year, month by month."""

from datetime import date

from flask import Response, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.month_end import bp
from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.core.listing import Wanted
from insurance.core.paging import Page, decode_cursor
from insurance.month_end import queries, services
from insurance.month_end.models import IndexValue
from insurance.month_end.permissions import MonthEndMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import DayField, Form, RateField, Required, TextField


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


@bp.route("/index-values", methods=["GET", "POST"])
@requires(MonthEndMay.VIEW)
def index_values() -> Response:
    """List index tables, the newest month first."""
    return lists.show(_VALUES)


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


def _read(session: Session, wanted: Wanted) -> Page[IndexValue]:
    position = decode_cursor(wanted.cursor, 2) if wanted.cursor else None
    try:
        after = (position[0], date.fromisoformat(position[1])) if position else None
    except ValueError as error:
        raise DomainError("This page link is not valid.") from error
    return queries.list_index_values(session, limit=wanted.limit, after=after)


_VALUES = lists.ListScreen(
    title="Index tables",
    caption="The yearly rise of each index by month",
    crumbs=[("Month-end", "month_end.index")],
    read=_read,
    columns=lists.columns(
        "index_code: Index | month: Month | value: Rise over a year, percent, key",
        "source: Source, wrapped | recorded_by: Added by, person | recorded_at: Added, moment",
        month=lambda row: f"{row.month:%Y/%m}",
    ),
    buttons=(
        lists.Button("Escalation rates", "month_end.escalations", icon="chart-bar"),
        lists.new_beside("Add a value", "month_end.create_index_value", MonthEndMay.RUN),
    ),
    empty=lists.Empty(
        "There is no index yet",
        "Indexed premiums rise by an index such as CPI. Statistics South Africa publishes it each"
        " month.",
    ),
    rows=50,
)
