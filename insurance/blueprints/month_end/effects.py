"""What a run does, policy by policy: the list with its filters, one policy, and as a file."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.month_end import bp
from insurance.blueprints.month_end.show import step_asked
from insurance.core.db import db
from insurance.month_end import queries
from insurance.month_end.exports import (
    EFFECTS_HEADER,
    effect_cells,
    in_words,
    step_in_words,
)
from insurance.month_end.models import StepCode
from insurance.month_end.permissions import MonthEndMay
from insurance.web.access import requires
from insurance.web.exports import export
from insurance.web.html import next_url, page

ROWS = 50


@bp.get("/<uuid:month_end_run_id>/effects")
@requires(MonthEndMay.VIEW)
def effects(month_end_run_id: UUID) -> Response:
    """List effects; step, product, policy and "blocked" narrow them."""
    session = db.session()
    run = queries.get_run(session, month_end_run_id)
    chosen, cursor = _chosen(), request.args.get("cursor")
    after = queries.effect_key(cursor) if cursor else None
    found = queries.list_effects(session, run.id, limit=ROWS, after=after, **chosen)
    return page(
        "month_end/effects.html",
        part="effects",
        run=run,
        effects=found.items,
        steps=[(StepCode(step), step_in_words(StepCode(step))) for step in run.totals],
        products=_products(run),
        wanted=chosen,
        in_words=in_words,
        step_in_words=step_in_words,
        next=next_url(found),
        first=url_for(".effects", month_end_run_id=run.id, **_kept()),
        kept=_kept(),
    )


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


def _products(run: Any) -> list[tuple[UUID, str]]:
    lines = queries.list_totals(db.session(), run)
    return sorted({(line.product_id, line.product_name) for line in lines}, key=lambda one: one[1])
