"""A run: its items by status, its release by a second person, its file, its end."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, make_response, request, url_for

from insurance.blueprints.debit_orders import bp
from insurance.blueprints.debit_orders.debits import DEBIT_COLUMNS, because
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.debit_orders import queries, services
from insurance.debit_orders.debits import list_items
from insurance.debit_orders.exporters import EXPORTERS
from insurance.debit_orders.models import DebitOrderRun, DebitRunStatus
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.debit_orders.rules import ItemStatus
from insurance.identity.queries import get_colleague
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import money, number, words
from insurance.web.forms import ChoiceField, Form, reason_field

ROWS = 50
_FORMATS = [("BUREAU", "Bureau file (tab-delimited)"), ("CSV", "CSV")]


class ReleaseForm(Form):
    """The format whose file is frozen."""

    format = ChoiceField("File format", choices=_FORMATS)


class CancelForm(Form):
    """Why a run is cancelled."""

    reason = reason_field()


@bp.route("/<uuid:run_id>", methods=["GET", "POST"])
@requires(DebitOrdersMay.VIEW)
def show(run_id: UUID) -> Response:
    """Show a run; `status` chooses its items."""
    session = db.session()
    run = queries.get_run(session, run_id)
    counts = queries.count_items(session, run_id)
    return lists.show(
        _items(run, counts),
        "debit_orders/show.html",
        run=run,
        maker=_name(run.created_by),
        releaser=_name(run.released_by),
        is_maker=_is_maker(run),
        can_cancel=_can_cancel(run),
        is_sent=run.status
        in (DebitRunStatus.RELEASED, DebitRunStatus.RESULTS_IN, DebitRunStatus.CLOSED),
        formats=_FORMATS,
        counts=counts,
    )


def _items(run: DebitOrderRun, counts: Sequence[queries.ItemCount]) -> lists.ListScreen:
    by_status = Counter[ItemStatus]()
    for one in counts:
        by_status[one.status] += one.items
    left_out = [(one.exclusion, words(one.exclusion)) for one in counts if one.exclusion]

    return lists.ListScreen(
        title=run.number,
        caption="Premiums in this run, by status",
        crumbs=[("Debit orders", "debit_orders.index")],
        status=run.status,
        read=lambda session, wanted: list_items(session, wanted.within(run=run.id)),
        record=lambda item: url_for("debit_orders.mandates", policy_id=item.policy_id),
        tabs=lambda _: lists.tabs_of(
            (one for one in ItemStatus if by_status[one]), by_status, every=by_status.total()
        ),
        fields=(
            lists.policy_field(),
            lists.Field("exclusion", "Left out because", choices=lambda _: left_out),
        ),
        columns=lists.columns(
            "policy_number: Policy | due_date: Due, day | bank: Bank, muted",
            *DEBIT_COLUMNS,
            because=because,
        ),
        empty=lists.Empty(
            "No premium is in this run", "Nothing was due that a mandate lets us collect."
        ),
        none_match="No premium matches",
        file=f"{run.number}-premiums",
        rows=ROWS,
    )


@bp.route("/<uuid:run_id>/release", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def release(run_id: UUID) -> Response:
    """Show what will be debited, then freeze it."""
    run, form = queries.get_run(db.session(), run_id), ReleaseForm()
    act = _on_run(
        run,
        f"Release {run.number}",
        "Release run",
        facts=[
            ("Debits", run.item_count),
            ("In all", run.total),
            ("To be made on", run.action_date),
            ("Prepared by", _name(run.created_by)),
        ],
        says="What was paid or changed since is left out. After the release nothing in the run"
        " changes, and the file can be downloaded.",
        stops="You prepared this run, so somebody else must release it: two people look at what is"
        " taken from customers' accounts."
        if _is_maker(run)
        else "",
    )
    return act_screen(
        act,
        form,
        lambda: services.release_run(
            run_id, on=business_day(), now=clock.now(), format=form.format.data
        ),
        lambda released: (
            f"{released.number} was released with {released.item_count} debits. Download its file."
        ),
    )


@bp.route("/<uuid:run_id>/cancel", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def cancel(run_id: UUID) -> Response:
    """Ask why, then give the run's premiums free."""
    run, form = queries.get_run(db.session(), run_id), CancelForm()
    recall = " If the file was sent, recall it at the bank too: this does not."
    act = _on_run(
        run,
        f"Cancel {run.number}",
        "Cancel run",
        says=f"{number(run.item_count)} premiums of {money(run.total)} in all become free for"
        " another run. Cover does not change."
        f"{recall if run.status is DebitRunStatus.RELEASED else ''}",
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.cancel_run(run_id, reason=form.reason.data or "", on=business_day()),
        f"{run.number} was cancelled.",
    )


def _on_run(run: DebitOrderRun, title: str, verb: str, **more: Any) -> Act:
    back = url_for(".show", run_id=run.id)
    crumbs = [("Debit orders", url_for(".index")), (run.number, back)]
    return Act(title, verb, back, crumbs, run.status, **more)


@bp.get("/<uuid:run_id>/file")
@requires(DebitOrdersMay.EDIT)
def file(run_id: UUID) -> Response:
    """Send a released run's file; who took it is audited."""
    queries.get_run(db.session(), run_id)
    chosen = request.args.get("format", "BUREAU")
    if chosen not in EXPORTERS:
        raise NotFoundError
    rendered = services.download_file(run_id, format=chosen)
    response = make_response(rendered.content)
    response.headers["Content-Type"] = rendered.mimetype
    response.headers["Content-Disposition"] = f'attachment; filename="{rendered.name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_maker(run: DebitOrderRun) -> bool:
    return run.created_by is not None and run.created_by == current_actor().user_id


def _can_cancel(run: DebitOrderRun) -> bool:
    return run.status is DebitRunStatus.DRAFT or (
        run.status is DebitRunStatus.RELEASED and business_day() < run.action_date
    )


def _name(user_id: UUID | None) -> str:
    if user_id is None:
        return "–"
    try:
        return get_colleague(db.session(), user_id).user.name
    except NotFoundError:
        return "A former colleague"
