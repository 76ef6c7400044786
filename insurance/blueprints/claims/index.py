"""Claims by tab, those that wait for a decision by deadline, and the next one to take."""

from dataclasses import dataclass, replace
from uuid import UUID

from flask import Response, request, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.claims import bp
from insurance.blueprints.claims.act import AssignForm, assessors
from insurance.claims import queries, services
from insurance.claims.models import ClaimStatus
from insurance.claims.permissions import ClaimsMay, ClaimsReportsMay
from insurance.claims.queries import ClaimListRow
from insurance.claims.rules import TABS
from insurance.claims.rules.statuses import UNDECIDED
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.business import business_day, first_moment
from insurance.web.filters import day, number, phone
from insurance.web.forms import choices_of
from insurance.web.html import go

_EMPTY = {
    "open": ("No claim waits for a decision", "Claims are registered on the page of a policy."),
    "pending_documents": ("No claim waits for documents", "Every open claim has its documents."),
    "sla_breaches": ("Every claim is in time", "A claim that is not decided when due shows here."),
    "pending_approval": (
        "Nothing waits for a second person",
        "Claims above somebody's limit and payments to a changed payee show here.",
    ),
    "approved": (
        "Nothing is left to pay",
        "Claims that are approved and not wholly paid show here.",
    ),
    "paid": ("No claim has been paid", "Paid claims show here until they are closed."),
    "rejected": ("No claim was refused", "Refused claims show here until they are closed."),
}


@bp.route("", methods=["GET", "POST"])
@requires(ClaimsMay.VIEW)
def index() -> Response:
    """List claims of a tab; a search looks in all of them."""
    return lists.show(_CLAIMS, "claims/index.html")


@bp.post("/next")
@requires(ClaimsMay.ASSESS)
def take_next() -> Response:
    """Take the claim with the nearest deadline that nobody else has, and open it."""
    claim_id = services.take_next(on=business_day(), now=clock.now())
    if claim_id is None:
        return go(url_for(".index"), "No claim waits for a decision that nobody else has.")
    return go(url_for(".show", claim_id=claim_id))


@bp.get("/next")
@requires(ClaimsMay.VIEW)
def open_next() -> Response:
    """Open the next claim by deadline after the one in view, past those that others have."""
    session, now = db.session(), clock.now()
    after = None
    claim_id = request.args.get("after", "")
    if claim_id:
        line = queries.get_claim_line(session, _uuid(claim_id))
        after = queries.place_of(line)
    found = queries.list_claims(
        session, limit=1, tab="open", now=now, after=after, free_for=current_actor().user_id
    )
    if not found.items:
        return go(
            url_for(".index"), "No claim that nobody else has waits for a decision after this one."
        )
    return go(url_for(".show", claim_id=found.items[0].id))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise DomainError("This link is not valid.", field="after") from error


@dataclass(frozen=True)
class _Facts:
    counts: dict[str, int]
    assessors: list[tuple[str, str]]


def _facts() -> _Facts:
    session = db.session()
    return _Facts(
        queries.count_tabs(session, now=clock.now()),
        assessors(),
    )


def _tabs(facts: _Facts) -> list[lists.Tab]:
    most, late = queries.BREACHES_AT_MOST, facts.counts["sla_breaches"]
    counts: dict[str, int | str] = dict(facts.counts)
    if late > most:
        counts["sla_breaches"] = f"{number(most)}+"
    return [lists.Tab(value, name, counts[value]) for value, name in TABS.items()]


def _read(session: Session, wanted: Wanted) -> Page[ClaimListRow]:
    narrowed = dict(wanted.narrowed)
    given = narrowed.pop("given", None)
    if given == "nobody":
        narrowed["free"] = True
    elif given:
        narrowed["given"] = current_actor().user_id if given == "me" else UUID(given)
    if "due" in narrowed:
        narrowed["due"] = first_moment(narrowed["due"])
    wanted = replace(wanted, narrowed=narrowed)
    return queries.list_claim_rows(session, wanted, now=clock.now())


def _due(claim: ClaimListRow) -> lists.Cell:
    """Return until when a claim is to be decided, and whether that is near or over."""
    if claim.status not in UNDECIDED:
        return lists.Cell()
    if claim.due_at is None or claim.warn_at is None:
        return lists.Cell(note="waits for documents")
    now = clock.now()
    late = "overdue" if claim.due_at <= now else "due_soon" if claim.warn_at <= now else ""
    return lists.Cell(claim.last_moment, tags=(late,) if late else ())


def _status(claim: ClaimListRow) -> lists.Cell:
    return lists.Cell(claim.status, tags=("escalated",) if claim.is_escalated else ())


def _more(row: ClaimListRow) -> list[tuple[str, str]]:
    claim = queries.get_claim(db.session(), row.id)
    return [
        ("Event", day(claim.event_date)),
        ("Claimant", claim.claimant_name),
        ("Telephone", phone(claim.claimant_phone)),
    ]


def _assign(claim_id: UUID, form: AssignForm) -> str:
    assessor = UUID(form.user_id.data) if form.user_id.data else None
    services.assign_claim(claim_id, assessor, on=business_day(), now=clock.now())
    return "Assigned" if assessor else "Back in the queue"


def _empty(asked: lists.Asked) -> lists.Empty:
    return lists.Empty(*_EMPTY[asked.tab])


_CLAIMS = lists.ListScreen(
    title="Claims",
    caption="Claims, those that wait for a decision by deadline, the rest newest first",
    read=_read,
    record=("claims.show", "claim_id"),
    facts=_facts,
    tabs=_tabs,
    tab_name="tab",
    own_tab="open",
    fields=(
        lists.search("Claim number, policy number, insured or customer"),
        lists.Field(
            "given",
            "Given to",
            choices=lambda facts: [("me", "Me"), ("nobody", "Nobody"), *facts.assessors],
            empty="Anybody",
        ),
        lists.Field("due", "Due before", "day"),
        lists.Field("status", "Status", choices=lambda _: choices_of(ClaimStatus)),
        lists.product_field(),
    ),
    columns=lists.columns(
        "claim_number: Claim, sorts | due_at: Due, day, key | status: Status, tag",
        "total_claimed: Claimed, money, sorts | life: Insured or customer, wrapped",
        "assigned_to_email: Given to, name, muted | policy_number: Policy, muted",
        "claim_type: Type, code, extra | product_name: Product, extra, muted",
        "submitted_on: Notified, day, sorts, extra",
        due_at=_due,
        status=_status,
        life=lambda row: row.life_name or row.customer_name,
    ),
    empty=_empty,
    none_match="No claim matches",
    buttons=(
        lists.Button("Reports", "claims.reports", ClaimsReportsMay.VIEW),
        lists.Button("Loss ratio", "claims.loss_ratio", ClaimsReportsMay.VIEW),
        lists.Button("Authority", "claims.authority"),
        lists.Button("Settings", "claims.settings"),
    ),
    looks=True,
    more=_more,
    acts=(
        lists.BulkAct(
            "assign",
            "Assign claims",
            ClaimsMay.ASSESS,
            "{count} claims are given to one colleague, or back to the queue.",
            _assign,
            AssignForm,
        ),
    ),
)
