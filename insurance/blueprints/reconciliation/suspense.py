"""Money without a policy: suggestions, matching, paying back."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from markupsafe import Markup
from wtforms import HiddenField

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.permissions import ApprovalsMay
from insurance.billing.rules import allocate
from insurance.blueprints.reconciliation import bp
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.money import format_money
from insurance.core.paging import decode_cursor
from insurance.organizations.queries import get_organization
from insurance.policies.queries import PolicyLine, get_policy_line, search_policy_ids
from insurance.reconciliation import queries, services
from insurance.reconciliation.permissions import ReconciliationMay
from insurance.reconciliation.queries import SuspenseLine
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.business import business_day
from insurance.web.filters import day, money, words
from insurance.web.forms import ChoiceField, Form, Required, reason_field
from insurance.web.html import go, next_url, page, refuse

ROWS = 25
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


@bp.get("/suspense")
@requires(ReconciliationMay.VIEW)
def suspense() -> Response:
    """List what waits, oldest first, with the policies it may be for."""
    session = db.session()
    cursor = request.args.get("cursor")
    after = decode_cursor(cursor, 1, UUID)[0] if cursor else None
    found = queries.list_suspense(session, limit=ROWS, after=after)
    waiting, amount = queries.sum_suspense(session)
    return page(
        "reconciliation/suspense.html",
        lines=found.items,
        suggested=queries.suggest_policies(session, found.items, most=2),
        disproved=queries.find_lapses_disproved(session, found.items),
        asked=queries.find_requests(session, [item.id for item in found.items]),
        repeated=queries.list_repeated(session, [item.id for item in found.items]),
        waiting=waiting,
        amount=amount,
        next=next_url(found),
        first=url_for(".suspense"),
    )


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
