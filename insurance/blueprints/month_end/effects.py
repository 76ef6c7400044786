"""What a run does, policy by policy: the list with its filters, one policy, and as a file."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.month_end import bp
from insurance.blueprints.month_end.show import step_asked
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.month_end import queries
from insurance.month_end.exports import (
    EFFECTS_HEADER,
    effect_cells,
    in_words,
    step_in_words,
)
from insurance.month_end.models import MonthEndRun, StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.exports import export
from insurance.web.filters import day


@bp.route("/<uuid:month_end_run_id>/effects", methods=["GET", "POST"])
@requires(MonthEndMay.VIEW)
def effects(month_end_run_id: UUID) -> Response:
    """List effects; step, product, policy and "blocked" narrow them."""
    run = queries.get_run(db.session(), month_end_run_id)
    return lists.show(_screen(run), "month_end/effects.html", run=run)


@bp.post("/<uuid:month_end_run_id>/effects/export")
@requires(MonthEndMay.VIEW)
def export_effects(month_end_run_id: UUID) -> Response:
    """Send the effects chosen as CSV or Excel; the audit log says so."""
    session = db.session()
    run = queries.get_run(session, month_end_run_id)
    found = queries.read_effects(session, run.id, **_chosen())
    return export(
        request.form.get("kind", ""),
        f"month-end-{run.process_date}",
        EFFECTS_HEADER,
        (effect_cells(one) for one in found),
        action="month_end.export",
        resource="month_end_runs",
        resource_id=str(run.id),
        chosen=_kept(),
    )


def _chosen() -> dict[str, Any]:
    asked = request.values
    return {
        "step": step_asked() or _step(asked.get("step", "")),
        "product_id": _uuid(asked.get("product", "")),
        "policy_number": asked.get("policy", "").strip().upper() or None,
        "blocked": bool(asked.get("blocked")),
    }


def _kept() -> dict[str, Any]:
    names = ("step", "product", "policy", "blocked")
    return {name: request.values[name] for name in names if request.values.get(name)}


def _step(text: str) -> StepCode | None:
    return StepCode(text) if text in set(StepCode) else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _products(run: MonthEndRun) -> list[tuple[str, str]]:
    lines = queries.list_totals(db.session(), run)
    names = {(str(line.product_id), line.product_name) for line in lines}
    return sorted(names, key=lambda choice: choice[1])


def _screen(run: MonthEndRun) -> lists.ListScreen:
    def read(session: Session, wanted: Wanted) -> Page[queries.EffectLine]:
        after = queries.effect_key(wanted.cursor) if wanted.cursor else None
        chosen = _chosen()
        return queries.list_effects(session, run.id, limit=wanted.limit, after=after, **chosen)

    def record(effect: queries.EffectLine) -> str:
        return url_for(".policy", month_end_run_id=run.id, policy_id=effect.policy_id)

    at_run = (day(run.process_date), "month_end.show", {"month_end_run_id": run.id})
    return lists.ListScreen(
        title="What month-end does",
        caption="Effects of the run, policy by policy",
        crumbs=[("Month-end", "month_end.index"), at_run],
        status=run.status,
        read=read,
        id_of=lambda effect: effect.key,
        record=record,
        fields=(
            lists.Field(
                "step",
                "Step",
                choices=lambda _: [(step, step_in_words(StepCode(step))) for step in run.totals],
            ),
            lists.Field("product", "Product", choices=lambda _: _products(run)),
            lists.Field("policy", "Policy"),
            lists.Field("blocked", "Blocked only", "tick"),
        ),
        columns=lists.columns(
            "policy_number: Policy | product_name: Product, muted | step: Step",
            "status: Status, tag | before: Before, wrapped | after: After, wrapped",
            "amount: Amount, money, key",
            step=lambda effect: step_in_words(effect.step),
            before=lambda row: in_words(row.before),
            after=lambda row: in_words(row.after),
        ),
        empty=lists.Empty("This run does nothing"),
        none_match="No effect matches",
        is_exported=False,
        rows=50,
    )
