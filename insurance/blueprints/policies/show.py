"""A policy on one page: cover, members, premiums, events, versions, ledger; its schedule as PDF."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, make_response, request

from insurance.approvals.queries import list_waiting
from insurance.billing import queries as billing
from insurance.blueprints.policies import bp
from insurance.blueprints.policies.change_object import kinds_of_change
from insurance.blueprints.policies.endorse import KINDS, OF_LIVES
from insurance.blueprints.policies.history import offers_of
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import list_claim_ids, list_claims_of_policy, used_cover
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.money import ZERO
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.customers.permissions import CustomersMay
from insurance.customers.queries import get_customer
from insurance.documents.pdf import render
from insurance.ledger.permissions import LedgerMay
from insurance.ledger.queries import list_policy_transfers
from insurance.policies import queries
from insurance.policies.letters import write_schedule
from insurance.policies.lifecycle_rules import allowed_moves
from insurance.policies.models import (
    EndorsementStatus,
    EventCategory,
)
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import (
    can_be_paid_back,
    forecast_of,
)
from insurance.policies.services import (
    reveal_number as reveal_member_number,
)
from insurance.products.queries import load_terms
from insurance.products.rules import OBJECT_FIELDS, OBJECT_KINDS, ProductTerms
from insurance.quotes.rules import excess_words
from insurance.web.access import current_tenant, requires
from insurance.web.business import business_day
from insurance.web.correspondence import correspondence_of
from insurance.web.html import page
from insurance.web.people import know_people

TABS = ("overview", "premiums", "claims", "correspondence", "endorsements", "history", "ledger")
_PERMISSIONS = {
    "claims": ClaimsMay.VIEW,
    "correspondence": CorrespondenceMay.VIEW,
    "ledger": LedgerMay.VIEW,
}


@bp.route("/<uuid:policy_id>")
@requires(PoliciesMay.VIEW)
def show(policy_id: UUID) -> Response:
    """Show a policy; `tab` chooses what stands below the facts."""
    return _policy_page(policy_id, request.args.get("tab", "overview"))


@bp.route("/<uuid:policy_id>/members/<uuid:member_id>/reveal", methods=["POST"])
@requires(CustomersMay.REVEAL)
def reveal_number(policy_id: UUID, member_id: UUID) -> Response:
    """Show the whole number of a life insured; the look is written to the audit log."""
    number = reveal_member_number(policy_id, member_id)
    return _policy_page(policy_id, "overview", Revealed(member_id, number))


@dataclass(frozen=True)
class Revealed:
    """The number of a life that was asked for."""

    member_id: UUID
    number: str


def _policy_page(policy_id: UUID, tab: str, revealed: Revealed | None = None) -> Response:
    session, on = db.session(), business_day()
    line = queries.get_policy_line(session, policy_id)
    terms = load_terms(session, line.policy.product_version_id)
    objects = list(queries.list_objects(session, policy_id))
    if tab not in TABS or not current_actor().may(_PERMISSIONS.get(tab, PoliciesMay.VIEW)):
        tab = "overview"
    return page(
        "policies/show.html",
        part="tab",
        line=line,
        policy=line.policy,
        customer=get_customer(session, line.policy.customer_id),
        payer=get_customer(session, line.policy.payer_id) if line.policy.payer_id else None,
        summary=billing.get_premium_summary(session, policy_id, on=on),
        forecast=forecast_of(session, policy_id, on),
        credit=billing.unapplied_credit(session, policy_id),
        moves=[str(move) for move in allowed_moves(line.policy.status)],
        waiting=[
            *list_waiting(session, "policies", policy_id),
            *list_waiting(session, "claims", *list_claim_ids(session, policy_id)),
        ],
        changes=_changes_of(terms),
        object_changes=kinds_of_change(terms, objects),
        terms=terms,
        of_lives=terms.insures_persons,
        objects=objects,
        object_kinds=OBJECT_KINDS,
        object_facts=OBJECT_FIELDS,
        renews=current_tenant().licence_type == "NON_LIFE",
        on=on,
        tab=tab,
        revealed=revealed,
        tab_permissions=_PERMISSIONS,
        **_TAB_CONTENT[tab](policy_id),
    )


def _changes_of(terms: ProductTerms) -> dict[str, str]:
    """Return the changes that make sense for what a product insures."""
    if terms.insures_persons:
        return KINDS
    return {kind: title for kind, title in KINDS.items() if kind not in OF_LIVES}


@bp.route("/<uuid:policy_id>/schedule.pdf")
@requires(PoliciesMay.VIEW)
def schedule(policy_id: UUID) -> Response:
    """Send the policy schedule as PDF."""
    line = queries.get_policy_line(db.session(), policy_id)
    paper = write_schedule(db.session(), policy_id, business_day(), "")
    response = make_response(render(paper.template, paper.values))
    response.headers["Content-Type"] = "application/pdf"
    response.headers["Content-Disposition"] = (
        f'attachment; filename="{line.policy.policy_number}.pdf"'
    )
    return response


def _overview(policy_id: UUID) -> dict[str, Any]:
    session = db.session()
    benefits = queries.list_benefits(session, policy_id)
    terms = load_terms(session, queries.get_policy(session, policy_id).product_version_id)
    used = used_cover(session, [benefit.benefit.id for benefit in benefits])
    return {
        "benefits": benefits,
        "left": {
            benefit.benefit.id: max(benefit.benefit.sum_assured - used[benefit.benefit.id], ZERO)
            for benefit in benefits
        },
        "excess": {
            benefit.benefit.id: excess_words(*terms.excess(benefit.benefit.benefit_code))
            for benefit in benefits
        },
        "waits": any(benefit.waiting_days for benefit in benefits),
        "members": queries.list_members(session, policy_id),
        "beneficiaries": queries.list_beneficiaries(session, policy_id),
        **_events(policy_id, limit=10),
    }


def _premiums(policy_id: UUID) -> dict[str, Any]:
    session = db.session()
    return {
        "lines": billing.list_premium_lines(session, policy_id),
        "receipts": billing.list_receipts(session, policy_id),
        "refundable": can_be_paid_back(
            session, queries.get_policy(session, policy_id), on=business_day()
        ),
    }


def _claims(policy_id: UUID) -> dict[str, Any]:
    return {"claims": list_claims_of_policy(db.session(), policy_id)}


def _correspondence(policy_id: UUID) -> dict[str, Any]:
    return {"correspondence": correspondence_of("policies", policy_id)}


def _endorsements(policy_id: UUID) -> dict[str, Any]:
    session = db.session()
    found = list(reversed(queries.list_endorsements(session, policy_id)))
    policy = queries.get_policy(session, policy_id)
    last = next((one for one in found if one.status is EndorsementStatus.ISSUED), None)
    can_undo = last is not None and last.version_number == policy.current_version
    return {"endorsements": found, "undoable": last.id if last and can_undo else None}


def _history(policy_id: UUID) -> dict[str, Any]:
    chosen = request.args.get("category", "")
    category = EventCategory(chosen) if chosen in set(EventCategory) else None
    return {
        **_events(policy_id, limit=200, category=category),
        "versions": queries.list_versions(db.session(), policy_id),
        "categories": list(EventCategory),
        "category": chosen,
    }


def _events(policy_id: UUID, **chosen: Any) -> dict[str, Any]:
    events = queries.list_events(db.session(), policy_id, **chosen)
    know_people(event.actor for event in events)
    newest = (
        queries.list_events(db.session(), policy_id, limit=50) if chosen.get("category") else events
    )
    return {"events": events, "undo": offers_of(events, newest)}


def _ledger(policy_id: UUID) -> dict[str, Any]:
    return {"transfers": list_policy_transfers(db.session(), policy_id, limit=200).items}


_TAB_CONTENT = {
    "overview": _overview,
    "premiums": _premiums,
    "claims": _claims,
    "correspondence": _correspondence,
    "endorsements": _endorsements,
    "history": _history,
    "ledger": _ledger,
}
