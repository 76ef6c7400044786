"""A run: its items by status, its release by a second person, its file, its end."""

from uuid import UUID

from flask import Response, make_response, request, url_for

from insurance.blueprints.debit_orders import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.debit_orders import queries, services
from insurance.debit_orders.exporters import EXPORTERS
from insurance.debit_orders.models import DebitOrderRun, DebitRunStatus
from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.debit_orders.rules import ItemStatus, meaning
from insurance.identity.queries import get_colleague
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import ChoiceField, Form, Required, TextField
from insurance.web.html import go, next_url, page, refuse

ROWS = 50
_FORMATS = [("BUREAU", "Bureau file (tab-delimited)"), ("CSV", "CSV")]


class ReleaseForm(Form):
    """The format whose file is frozen."""

    format = ChoiceField("File format", choices=_FORMATS)


class CancelForm(Form):
    """Why a run is cancelled."""

    reason = TextField("Reason", [Required()], longest=500)


@bp.get("/<uuid:run_id>")
@requires(DebitOrdersMay.VIEW)
def show(run_id: UUID) -> Response:
    """Show a run; `status` chooses its items."""
    session = db.session()
    run = queries.get_run(session, run_id)
    counts = queries.count_items(session, run_id)
    chosen = request.args.get("status", "")
    cursor = request.args.get("cursor")
    status = ItemStatus(chosen) if chosen in set(ItemStatus) else None
    found = queries.list_items(
        session,
        run_id,
        limit=ROWS,
        after=queries.item_position(cursor) if cursor else None,
        status=status,
    )
    return page(
        "debit_orders/show.html",
        part="items",
        run=run,
        maker=_name(run.created_by),
        releaser=_name(run.released_by),
        is_maker=_is_maker(run),
        can_cancel=_can_cancel(run),
        is_sent=run.status
        in (DebitRunStatus.RELEASED, DebitRunStatus.RESULTS_IN, DebitRunStatus.CLOSED),
        formats=_FORMATS,
        counts=counts,
        by_status={one: sum(c.items for c in counts if c.status is one) for one in ItemStatus},
        wanted=status,
        items=found.items,
        meaning=meaning,
        next=next_url(found),
        first=url_for(".show", run_id=run_id, status=status),
    )


@bp.route("/<uuid:run_id>/release", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def release(run_id: UUID) -> Response:
    """Show what will be debited, then freeze it."""
    run = queries.get_run(db.session(), run_id)
    form = ReleaseForm()
    if form.validate_on_submit():
        try:
            run = services.release_run(
                run_id, on=business_day(), now=clock.now(), format=form.format.data
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(
                url_for(".show", run_id=run_id),
                f"{run.number} was released with {run.item_count} debits. Download its file.",
            )
    return page(
        "debit_orders/release.html",
        part="release_form",
        status=form.status,
        form=form,
        run=run,
        maker=_name(run.created_by),
        is_maker=_is_maker(run),
    )


@bp.route("/<uuid:run_id>/cancel", methods=["GET", "POST"])
@requires(DebitOrdersMay.EDIT)
def cancel(run_id: UUID) -> Response:
    """Ask why, then give the run's premiums free."""
    run = queries.get_run(db.session(), run_id)
    form = CancelForm()
    if form.validate_on_submit():
        try:
            services.cancel_run(run_id, reason=form.reason.data or "", on=business_day())
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".show", run_id=run_id), f"{run.number} was cancelled.")
    return page(
        "debit_orders/cancel.html",
        part="cancel_form",
        status=form.status,
        form=form,
        run=run,
    )


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
