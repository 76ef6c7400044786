"""Deciding a claim on its page."""

from uuid import UUID

from flask import Response, request, url_for

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.decision import DecisionForm, decision_form
from insurance.blueprints.claims.show import claim_context, who_may
from insurance.claims import queries, services
from insurance.claims.models import Claim
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import AuthorityExceededError
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, StaleError
from insurance.core.money import ZERO, format_money
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.conflicts import BothValues
from insurance.web.filters import words
from insurance.web.html import go, page, refuse


@bp.route("/<uuid:claim_id>/decide", methods=["GET", "POST"])
@requires(ClaimsMay.ASSESS)
def decide(claim_id: UUID) -> Response:
    """Decide the items of a claim, and go on to the next one if asked."""
    view = queries.get_view(db.session(), claim_id)
    form = decision_form(view)
    if request.method == "GET":
        return go(url_for(".show", claim_id=claim_id))
    if form.validate_on_submit():
        try:
            claim = _assess(claim_id, form)
        except AuthorityExceededError as exceeded:
            words_ = f"{exceeded.message} The claim waits for somebody who may: {who_may(exceeded.detail['may_approve'])}."
            return go(url_for(".show", claim_id=claim_id), words_)
        except DomainError as error:
            _refuse(form, error)
            _show_decided(form, view, error)
        else:
            said = f"{claim.claim_number} is {words(claim.status.value).lower()}."
            if request.form.get("then") == "next":
                return go(url_for(".open_next"), said)
            return go(url_for(".show", claim_id=claim_id), said)
    view = queries.get_view(db.session(), claim_id)
    return page(
        "claims/show.html", part="decision", status=form.status, **claim_context(view, form)
    )


def _assess(claim_id: UUID, form: DecisionForm) -> Claim:
    return services.assess_claim(
        claim_id,
        [
            services.Assessment(
                item_id=item.id,
                approved_amount=amount.data,
                reason=reason.data,
                findings=findings.data or None,
            )
            for item, amount, reason, findings in form.item_fields()
        ],
        cause=form.cause.data or None,
        documents_waived=bool(form.documents_waived.data),
        waiver_reason=form.waiver_reason.data or "",
        version=form.version.data,
        on=business_day(),
        now=clock.now(),
    )


def _show_decided(form: DecisionForm, view: queries.ClaimView, error: DomainError) -> None:
    """After a stale decision, show what a colleague decided beside what was entered here."""
    if not isinstance(error, StaleError):
        return
    form.version.data, form.version.raw_data = error.theirs["version"], None
    form.conflict = [
        BothValues(
            item.benefit_name,
            f"{words(item.decision)}, {format_money(item.approved_amount or ZERO)}",
            request.form[f"amount_{place}"],
        )
        for place, item in enumerate(view.items)
        if item.decision is not None and f"amount_{place}" in request.form
    ]


def _refuse(form: DecisionForm, error: DomainError) -> None:
    """Put a refusal beside the item's field that it concerns."""
    for one in error.errors:
        parts = (one.field or "").split(".")
        name = one.field
        if len(parts) == 3 and parts[1].isdigit():
            kind = "amount" if parts[2] == "approved_amount" else "reason"
            name = f"{kind}_{list(form.items)[int(parts[1])]}"
        one.field = name
    refuse(form, error)
