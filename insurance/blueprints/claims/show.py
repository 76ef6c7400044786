"""One claim: cover, checklist, documents beside the decision, money and timeline."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.approvals.queries import list_waiting
from insurance.blueprints.claims import bp
from insurance.blueprints.claims.decision import decision_form
from insurance.blueprints.claims.history import UNDO
from insurance.claims import letters, queries, services
from insurance.claims.models import ClaimDocument, ClaimEvent, ClaimItem
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import ClaimView
from insurance.claims.rules import DOCUMENTS, REASONS, is_there
from insurance.claims.rules.statuses import PAYABLE, REOPENABLE, UNDECIDED
from insurance.claims.services.payments import PAY
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.money import ZERO, format_money
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.correspondence import correspondence_of
from insurance.web.documents import count_pages
from insurance.web.filters import words
from insurance.web.html import page
from insurance.web.people import know_people
from insurance.web.undo import undo_offers

REASON_WORDS = {one.code: one.words for one in REASONS}


_PARTS_OF_HISTORY = {
    "": ("All", ""),
    "documents": ("Documents", "DOCUMENT"),
    "money": ("Money", "PAID|PAYMENT|PAYEE|ACCOUNT|RESERVE|RECOVERED"),
    "decisions": ("Decisions", "ASSESSED|REJECTED|ESCALATED|CLOSED|REOPENED|CAUSE|CHECKED|DEATH"),
    "work": ("Notes and tasks", "NOTE|TASK|ASSIGNED|FLAG|DUE|OVERDUE"),
}
"""What the timeline may be narrowed to: its name, and words of the events that belong to it."""


@bp.route("/<uuid:claim_id>")
@requires(ClaimsMay.VIEW)
def show(claim_id: UUID) -> Response:
    """Show a claim with everything about it; `document` and `page` choose what is looked at."""
    view = queries.get_view(db.session(), claim_id)
    may_decide = current_actor().may(ClaimsMay.ASSESS) and view.claim.status in UNDECIDED
    form = decision_form(view) if may_decide else None
    if form is not None:
        form.propose(view)
    return page("claims/show.html", **claim_context(view, form))


def claim_context(view: ClaimView, form: Any) -> dict[str, Any]:
    """Return what the claim's page shows."""
    session, claim = db.session(), view.claim
    know_people([claim.assigned_to_email, *(event.actor for event in view.events)])
    waiting = list_waiting(session, "claims", claim.id)
    last_move = queries.last_move_of(session, claim.id) if waiting else 0
    used = queries.used_cover(
        session, [one.policy_benefit_id for one in view.items], life=view.claim.member_id
    )
    return {
        "view": view,
        "undo": undo_offers(UNDO, view.events),
        "claim": claim,
        "line": view.line,
        "terms": load_terms(session, get_policy(session, claim.policy_id).product_version_id),
        "form": form,
        "events": _narrowed(view.events),
        "history_parts": {part: name for part, (name, _words) in _PARTS_OF_HISTORY.items()},
        "history_part": _history_part(),
        "correspondence": correspondence_of("claims", claim.id),
        "items": view.items,
        "item_names": {one.id: one.benefit_name for one in view.items},
        "money_of": lambda item: view.money.get(item.id, queries.ItemMoney()),
        "costly": {one for one, money in view.money.items() if money.expense_reserve},
        "recovered": {one for one, money in view.money.items() if money.recovered},
        "left_today": {
            one.id: max(one.cover - used[one.policy_benefit_id], ZERO) for one in view.items
        },
        "payments": view.payments,
        "waiting": waiting,
        "last_move": last_move,
        "document_names": DOCUMENTS,
        "reason_words": REASON_WORDS,
        "limits": services.my_limits(session),
        "now": clock.now(),
        "today": business_day(),
        "is_undecided": claim.status in UNDECIDED,
        "can_pay": claim.status in PAYABLE
        and not any(
            one.action == PAY.action and one.record_version == last_move for one in waiting
        ),
        "ended_policy": bool(view.payments)
        and get_policy(session, claim.policy_id).status is PolicyStatus.CANCELLED
        and services.is_ended_by_claim(session, claim),
        "can_reopen": claim.status in REOPENABLE,
        "has_letter": any(_is_refused(one) for one in view.items),
        "missing": [
            DOCUMENTS[document.document_type]
            for document in view.documents
            if document.is_required
            and not is_there(document.status.value, document.expires_on, business_day())
        ],
        **paper(_looked_at(view)),
        "escalation": _escalation(claim.proposal),
        "next_url": url_for("claims.open_next", after=claim.id),
    }


def _history_part() -> str:
    chosen = request.args.get("events", "")
    return chosen if chosen in _PARTS_OF_HISTORY else ""


def _narrowed(events: Sequence[ClaimEvent]) -> list[ClaimEvent]:
    """Return the events of the part of the history that is asked for."""
    _name, belonging = _PARTS_OF_HISTORY[_history_part()]
    return [event for event in events if re.search(belonging, event.event_type)]


def paper(document: ClaimDocument | None) -> dict[str, Any]:
    """Return the document that is looked at, how many pages it has, and which one is asked for."""
    pages = count_pages(document) if document is not None and document.file_key else 0
    return {"document": document, "pages": pages, "paper_page": min(paper_page(), max(pages, 1))}


def paper_page() -> int:
    """Return which page of a document is asked for."""
    typed = request.args.get("page", "1")[:6]
    return int(typed) if typed.isascii() and typed.isdigit() and int(typed) else 1


def _looked_at(view: ClaimView) -> ClaimDocument | None:
    """Return the document that stands beside the form: the one chosen, else the first sent."""
    sent = [document for document in view.documents if document.file_key]
    chosen = [one for one in sent if str(one.id) == request.args.get("document")]
    return next(iter(chosen or sent), None)


def _escalation(proposal: dict[str, Any] | None) -> dict[str, str] | None:
    if proposal is None:
        return None
    return {
        "by": proposal["by"],
        "amount": format_money(Decimal(proposal["amount"])),
        "limit": format_money(Decimal(proposal["limit"])),
        "scope": proposal["scope"],
        "who": who_may(proposal["may_approve"]),
    }


def who_may(levels: Sequence[dict[str, Any]]) -> str:
    """Return the roles and levels that may decide, in words."""
    return (
        ", ".join(f"{words(level['role'])} level {level['level']}" for level in levels)
        or "nobody yet"
    )


def _is_refused(item: ClaimItem) -> bool:
    return item.is_cut


@bp.route("/<uuid:claim_id>/letter")
@requires(ClaimsMay.VIEW)
def letter(claim_id: UUID) -> Response:
    """Send the letter that says what was refused and why."""
    content = letters.repudiation_letter(db.session(), claim_id)
    response = Response(content, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "attachment", filename="decision.pdf")
    response.headers["Cache-Control"] = "no-store"
    return response
