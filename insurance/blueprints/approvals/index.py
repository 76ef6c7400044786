"""The list of requests: those that wait first."""

from flask import Response
from sqlalchemy.orm import Session

from insurance.approvals import queries
from insurance.approvals.models import ApprovalAgreement, ApprovalRequest, ApprovalStatus
from insurance.approvals.permissions import ApprovalsMay
from insurance.blueprints.approvals import bp
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.organizations.permissions import SettingsMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.filters import age, words
from insurance.web.people import know_people, person

_Row = tuple[ApprovalRequest, list[ApprovalAgreement]]


@bp.route("", methods=["GET", "POST"])
@requires(ApprovalsMay.VIEW)
def index() -> Response:
    """List what waits for a second person, or what was decided; newest first."""
    return lists.show(_REQUESTS)


def _read(session: Session, wanted: Wanted) -> Page[_Row]:
    found = queries.list_requests(
        session,
        limit=wanted.limit,
        after=wanted.after(),
        status=ApprovalStatus(wanted.narrowed["status"]),
    )
    agreed = queries.agreements_of(session, found.items)
    know_people(request.decided_for_email for request in found.items)
    return Page([(request, agreed[request.id]) for request in found.items], found.next_cursor)


def _when(row: _Row) -> lists.Cell:
    is_waiting = row[0].status is ApprovalStatus.WAITING
    return lists.Cell(row[0].requested_at, note=age(row[0].requested_at) if is_waiting else "")


def _agreed(row: _Row) -> str:
    asked, agreements = row
    if not agreements and asked.status is not ApprovalStatus.WAITING:
        return ""
    names = ", ".join(agreement.said_by for agreement in agreements)
    return f"{len(agreements)} of {asked.needed} agreed" + (f": {names}" if names else "")


def _decided(row: _Row) -> lists.Cell:
    asked = row[0]
    instead = f"for {person(asked.decided_for_email)}" if asked.decided_for_email else ""
    return lists.Cell(asked.decided_by_email, note=instead)


_REQUESTS = lists.ListScreen(
    title="Approvals",
    read=_read,
    id_of=lambda row: row[0].id,
    record=("approvals.show", "approval_id"),
    tabs=lambda _: [lists.Tab(status, words(status)) for status in ApprovalStatus],
    own_tab=ApprovalStatus.WAITING,
    columns=lists.columns(
        "title: What, wrapped | amount: Amount, money, key | asked_by: Asked by, person",
        "when: When, moment | why: Why, wrapped, muted | agreed: Agreed, wrapped",
        "decided_by: Decided by, person, not WAITING",
        title=lambda row: row[0].title,
        amount=lambda row: row[0].amount,
        asked_by=lambda row: row[0].requested_by_email,
        when=_when,
        why=lambda row: row[0].reason,
        agreed=_agreed,
        decided_by=_decided,
    ),
    buttons=(
        lists.Button("My delegations", "approvals.delegations", icon="users"),
        lists.Button("Settings", "approvals.settings", SettingsMay.VIEW, "settings"),
    ),
    empty=lists.Empty(
        "Nothing waits for approval",
        "Cancellations for fraud, large refunds, waivers and write-offs, plans of month-ends, and"
        " launches of products where the settings ask for it, are not decided by one person alone;"
        " they wait here for somebody else.",
    ),
    none_in_tab="No request is in this state",
)
