"""Money without a policy: suggestions, matching, paying back."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from wtforms import HiddenField

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.permissions import ApprovalsMay
from insurance.billing.rules import allocate
from insurance.blueprints.reconciliation import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.listing import Wanted
from insurance.core.money import format_money
from insurance.core.paging import Page
from insurance.core.permissions import Permission
from insurance.organizations.queries import get_organization
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import PolicyLine, get_policy_line, search_policy_ids
from insurance.reconciliation import queries, services
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.queries import Suggestion, SuspenseLine
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day, money, words
from insurance.web.forms import ChoiceField, Form, Required, reason_field
from insurance.web.html import go, page, refuse

FOUND = 10


class MatchForm(Form):
    """The consent to give the money to a policy."""

    policy_id = HiddenField(validators=[Required("Choose a policy.")])


class ReturnForm(Form):
    """Why the money goes back."""

    reason = reason_field()


class SamePaymentForm(Form):
    """Which payment it is, and how that is known."""

    receipt_id = ChoiceField("The payment before", [Required("Choose the payment.")])
    reason = reason_field("Kept in the audit log.")


@bp.route("/suspense", methods=["GET", "POST"])
@requires(ReconciliationMay.VIEW)
def suspense() -> Response:
    """List what waits, oldest first, with the policies it may be for."""
    waiting, amount = queries.sum_suspense(db.session())
    return lists.show(_SUSPENSE, "reconciliation/suspense.html", waiting=waiting, amount=amount)


@bp.route("/suspense/<uuid:receipt_id>/match", methods=["GET", "POST"])
@requires(ReconciliationMay.UPLOAD)
def match(receipt_id: UUID) -> Response:
    """Choose a policy, see what the money settles there, then give it."""
    line = queries.get_suspense(db.session(), receipt_id)
    form = MatchForm()
    if request.method == "GET":
        form.policy_id.data = request.args.get("policy_id", "")
    policy = _policy(form.policy_id.data)
    if form.validate_on_submit() and policy is not None:
        try:
            done = services.match_suspense(
                receipt_id, policy.id, on=business_day(), now=clock.now()
            )
        except DomainError as error:
            refuse(form, error)
        else:
            number = policy.policy.policy_number
            said = f"{line.reference or 'The payment'} was given to {number}."
            if done.approval_id is not None:
                said = f"The payment is given to {number} once another person agrees."
            return go(url_for(".suspense"), said)
    return _match_page(line, form, policy, form.status)


@bp.route("/suspense/<uuid:receipt_id>/return", methods=["GET", "POST"])
@requires(ReconciliationMay.UPLOAD)
def return_money(receipt_id: UUID) -> Response:
    """Ask why, then pay the money back."""
    line, form = queries.get_suspense(db.session(), receipt_id), ReturnForm()
    limit, takes_two, asked = _second_person(line).values()
    if takes_two:
        form.reason.description = "For the person who decides."
    act = _on_suspense(
        f"Return {line.reference or money(line.amount)}",
        "Ask to return money" if takes_two else "Return money",
        facts=[("Amount", line.amount), ("Received on", line.received_on)],
        says="The money leaves suspense and the bank account. This only writes it in the books and"
        " cannot be undone: pay it at the bank too"
        f"{', once it is approved' if takes_two else ''}.",
        warns=f"Above {money(limit)} another person must agree." if takes_two else "",
        stops=_waiting(asked) if asked else "",
        is_danger=True,
    )
    return act_screen(
        act,
        form,
        lambda: services.return_suspense(
            receipt_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
        ),
        f"{line.reference or 'The payment'} is to be paid back.",
    )


def _waiting(asked: ApprovalRequest) -> str:
    if not current_actor().may(ApprovalsMay.VIEW):
        return f"Waiting for approval: {asked.title}."
    url = url_for("approvals.show", approval_id=asked.id)
    return Markup('Waiting for approval: <a href="{}">{}</a>.').format(url, asked.title)


@bp.route("/suspense/<uuid:receipt_id>/same-payment", methods=["GET", "POST"])
@requires(ReconciliationMay.UPLOAD)
def same_payment(receipt_id: UUID) -> Response:
    """Choose the payment that this one repeats; it leaves the books."""
    session, form = db.session(), SamePaymentForm()
    line = queries.get_suspense(session, receipt_id)
    before = queries.list_repeated(session, [receipt_id])[receipt_id]
    form.receipt_id.choices = [
        (
            str(payment.id),
            f"{payment.received_on:%Y/%m/%d}, {format_money(payment.amount)},"
            f" {payment.reference or '–'}"
            f" ({payment.policy_number or 'no policy'}, {words(payment.status).lower()})",
        )
        for payment in before
    ]
    if request.method == "GET" and len(before) == 1:
        form.receipt_id.data = str(before[0].id)
    reference = f" with reference {line.reference}" if line.reference else ""
    act = _on_suspense(
        "The same payment as before",
        "It is the same payment",
        says=f"{money(line.amount)}, received on {day(line.received_on)}{reference}, came once and"
        " was written down twice. It leaves suspense and the bank account by reversals, and its row"
        " of the file counts as a duplicate. Look at the bank's statement first: money that did"
        " come twice is given to its policy or returned.",
        stops=""
        if before
        else "No payment that came before agrees with this one, so it is none of them. Give it to"
        " its policy, or return it.",
    )
    return act_screen(
        act,
        form,
        lambda: services.drop_repeated(
            receipt_id,
            UUID(form.receipt_id.data),
            reason=form.reason.data or "",
            on=business_day(),
            now=clock.now(),
        ),
        "The payment that came twice is out of the books.",
    )


def _on_suspense(title: str, verb: str, **more: Any) -> Act:
    back = url_for(".suspense")
    crumbs = [("Reconciliation", url_for(".index")), ("Suspense", back)]
    return Act(title, verb, back, crumbs, **more)


def _match_page(
    line: SuspenseLine, form: MatchForm, policy: PolicyLine | None, status: int
) -> Response:
    session = db.session()
    q = request.args.get("q", "").strip()[:100]
    found = [get_policy_line(session, one) for one in search_policy_ids(session, q, FOUND)]
    shares, credit = [], line.amount
    if policy is not None:
        due = queries.list_due(session, policy.id, business_day())
        days = {one.id: one.due_date for one in due}
        settled, credit = allocate(line.amount, due)
        shares = [(days[share.line_id], share.amount) for share in settled]
    return page(
        "reconciliation/match.html",
        status=status,
        form=form,
        line=line,
        policy=policy,
        shares=shares,
        credit=credit,
        disproved=queries.find_lapses_disproved(session, [line]).get(line.id),
        **_second_person(line),
        q=q,
        found=found,
        suggested=queries.suggest_policies(session, [line])[line.id],
    )


def _second_person(line: SuspenseLine) -> dict[str, Any]:
    """Return the limit for one person, whether the payment is above it, and what waits already."""
    limit = get_organization(db.session()).payment_limit
    return {
        "limit": limit,
        "takes_two": line.amount > limit,
        "asked": queries.find_requests(db.session(), [line.id]).get(line.id),
    }


def _policy(text: str | None) -> PolicyLine | None:
    if not text:
        return None
    try:
        return get_policy_line(db.session(), UUID(text))
    except (ValueError, DomainError):
        return None


@dataclass(frozen=True)
class _Row:
    """A payment in suspense with what is known of it: where it may belong, what waits for it."""

    line: SuspenseLine
    suggested: list[Suggestion]
    lapsed_id: UUID | None
    asked: ApprovalRequest | None
    is_repeated: bool

    @property
    def id(self) -> UUID:
        """Return the receipt's id."""
        return self.line.id


def _read(session: Session, wanted: Wanted) -> Page[_Row]:
    found = queries.list_suspense(
        session, limit=wanted.limit, after=wanted.after(), **wanted.narrowed
    )
    ids = [line.id for line in found.items]
    suggested = queries.suggest_policies(session, found.items, most=2)
    disproved = queries.find_lapses_disproved(session, found.items)
    asked = queries.find_requests(session, ids)
    repeated = queries.list_repeated(session, ids)
    rows = [
        _Row(
            line,
            suggested[line.id],
            disproved.get(line.id),
            asked.get(line.id),
            bool(repeated[line.id]),
        )
        for line in found.items
    ]
    return Page(rows, found.next_cursor)


def _may(permission: Permission) -> bool:
    return current_actor().may(permission)


def _received(row: _Row) -> lists.Cell:
    line = row.line
    if line.file_id is None:
        return lists.Cell(line.received_on)
    url = url_for(".show", file_id=line.file_id, verdict="SUSPENSE")
    return lists.Cell(line.received_on, url, says=f"The file of {day(line.received_on)}")


def _why(row: _Row) -> list[lists.Cell]:
    if row.asked is not None:
        url = url_for("approvals.show", approval_id=row.asked.id) if _may(ApprovalsMay.VIEW) else ""
        return [lists.Cell(row.asked.title, url, tags=("waiting_for_approval",))]
    cells = [lists.Cell(row.line.detail)]
    if row.lapsed_id is not None:
        cells = [lists.Cell("The policy is lapsed, but this came within the grace.")]
        if _may(PoliciesMay.LIFECYCLE):
            url = url_for("policies.set_aside", policy_id=row.lapsed_id, receipt=row.id)
            cells.append(lists.Cell("Set the lapse aside", url))
    if row.is_repeated and _may(ReconciliationMay.UPLOAD):
        url = url_for(".same_payment", receipt_id=row.id)
        cells.append(lists.Cell("It is the same payment", url))
    return cells


def _may_be_for(row: _Row) -> list[lists.Cell]:
    may = _may(ReconciliationMay.UPLOAD)
    return [
        lists.Cell(
            f"{policy.policy_number} {policy.holder}",
            url_for(".match", receipt_id=row.id, policy_id=policy.policy_id) if may else "",
            note=policy.why,
        )
        for policy in row.suggested
    ]


def _acts(row: _Row) -> list[lists.Cell]:
    if row.asked is not None or not _may(ReconciliationMay.UPLOAD):
        return []
    name = row.line.reference or format_money(row.line.amount)
    match_it = url_for(".match", receipt_id=row.id)
    return_it = url_for(".return_money", receipt_id=row.id)
    return [
        lists.Cell("Match…", match_it, says=f"Match {name}", is_act=True),
        lists.Cell("Return…", return_it, says=f"Return {name}", is_act=True, opens_beside=True),
    ]


_SUSPENSE = lists.ListScreen(
    title="Suspense",
    caption="Payments without a policy, the longest waiting first",
    crumbs=[("Reconciliation", "reconciliation.index")],
    read=_read,
    fields=(
        lists.Field("reference", "Reference"),
        lists.Field("received_on", "Received on", "day"),
        lists.Field("amount", "Amount", "amount"),
    ),
    columns=lists.columns(
        "received: Received, day | line.amount: Amount, money, key",
        "line.reference: Reference, wrapped | line.policy_number: Policy given",
        "why: Why it waits, wrapped, muted | suggested: May be for, wrapped | acts: -",
        received=_received,
        why=_why,
        suggested=_may_be_for,
        acts=_acts,
    ),
    empty=lists.Empty(
        "Nothing waits for a policy",
        "Money that a file brings for a policy nobody knows, or one that gives no cover, is kept"
        " here.",
    ),
    none_match="No payment matches",
)
