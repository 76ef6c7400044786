"""The list of runs: tabs by status, newest first."""

from flask import Response

from insurance.blueprints.debit_orders import bp
from insurance.debit_orders import queries
from insurance.debit_orders.models import DebitRunStatus
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web import lists
from insurance.web.access import requires


@bp.route("", methods=["GET", "POST"])
@requires(DebitOrdersMay.VIEW)
def index() -> Response:
    """List runs, newest first."""
    return lists.show(_RUNS)


_RUNS = lists.ListScreen(
    title="Debit orders",
    read=lists.paged(queries.list_runs),
    record=("debit_orders.show", "run_id"),
    tabs=lambda _: lists.tabs_of(DebitRunStatus),
    columns=lists.columns(
        "number: Run | action_date: Action date, day | status: Status, tag, key",
        "item_count: Debits, number | total: Total, money | created_at: Prepared, moment",
        "released_at: Released, moment",
    ),
    buttons=(
        lists.Button("Debits by bank and day", "debit_orders.debits", icon="chart-bar"),
        lists.Button("Holidays", "debit_orders.holidays", icon="calendar"),
        lists.new("Prepare a run", "debit_orders.prepare", DebitOrdersMay.EDIT),
    ),
    empty=lists.Empty(
        "There are no runs yet",
        "A run collects the premiums of one day from the accounts for which there is a mandate.",
        "Prepare the first one",
    ),
    none_in_tab="No run is in this state",
)
