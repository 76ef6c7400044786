"""What a request asks for in the words of the trade: each part, how it stands and how it would."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from flask import url_for
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.subjects import Subject, subject_of
from insurance.billing import queries as billing
from insurance.blueprints.products.compare import TITLES as COMPARED
from insurance.blueprints.products.compare import row_of
from insurance.claims import queries as claims
from insurance.claims.services import payments, restoring
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import NotFoundError
from insurance.core.money import ZERO, format_money
from insurance.customers.privacy import as_shown, may_see_identity
from insurance.month_end.exports import step_in_words
from insurance.month_end.models import StepCode
from insurance.month_end.services.approving import APPLY
from insurance.policies import queries as policies
from insurance.policies.models import Policy
from insurance.policies.services import cancellation, endorsements, relief, setting_aside, undoing
from insurance.policies.services.payers import refund_payee
from insurance.policies.services.payments import RECEIVE
from insurance.products import queries as products
from insurance.products.queries import Difference
from insurance.products.services import LAUNCH
from insurance.reconciliation.services.suspense import MATCH, RETURN
from insurance.web.business import business_day
from insurance.web.filters import number, words

_NO_VALUE = "–"
_MONEY = frozenset({"new_sum_assured", "new_premium"})
_TECHNICAL = frozenset({"state", "needs", "resolutions"})
_RARE = frozenset({"is_main", "per_policy", "excess_amount", "excess_per_cent"})
"""What few benefits are or have; of a new one it is said only where it is so."""


NAMES = {
    "claims.pay": "Payment of a claim",
    "claims.undo_death": "Undoing a reported death",
    "month_end.apply": "Plan of a month-end",
    "policies.cancel": "Cancellation of a policy",
    "policies.endorse_backdated": "Change of a policy with effect in the past",
    "policies.receive_payment": "Large payment received on a policy",
    "policies.set_lapse_aside": "Setting a lapse aside",
    "premiums.waive": "Waiver of a premium",
    "premiums.undo_giving_up": "Waiver or write-off of a premium undone",
    "premiums.write_off": "Write-off of a premium",
    "products.launch": "Launch of a product",
    "refunds.pay": "Refund",
    "suspense.match": "Large payment in suspense matched to a policy",
    "suspense.return": "Large payment in suspense paid back",
}
"""What can wait for other people, as the settings call it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a request: what, how it stands now, and how it would be; or a fact that stays."""

    name: str
    after: str
    before: str = _NO_VALUE
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """The record that a request is about, and its page."""

    name: str
    url: str


def parts_of(session: Session, request: ApprovalRequest) -> list[Part]:
    """Return what a request asks for, line by line.

    How things stand now is only said while the request waits: afterwards it is history. A kind
    that has no words of its own is read out name by name.
    """
    read = _KINDS.get(subject_of(request.action), _read_out)
    found = read(session, request)
    if request.status is ApprovalStatus.WAITING:
        return found
    return [Part(one.name, one.after) for one in found]


def link_to(request: ApprovalRequest) -> Link | None:
    """Return the page of what a request is about, where the acting person may open it."""
    record = subject_of(request.action).record
    if not current_actor().may(record.may_view):
        return None
    if request.action == LAUNCH.action:
        return _draft(request)
    name = re.sub(r"\W", "_", record.name)
    place: dict[str, Any] = {f"{name}_id": request.resource_id}
    return Link(record.name, url_for(record.endpoint, **place))


def _draft(request: ApprovalRequest) -> Link | None:
    """Return the version a launch is about; None once its product was deleted."""
    number = request.payload["version_number"]
    try:
        products.get_numbered_version(db.session(), request.resource_id, number)
    except NotFoundError:
        return None
    url = url_for("products.show", product_id=request.resource_id, version=number)
    return Link("draft" if request.status is ApprovalStatus.WAITING else "version", url)


def name_of(action: str) -> str:
    """Return what an action is called in the settings."""
    return NAMES.get(action, words(action))


def _fact(name: str, value: str) -> Part:
    return Part(name, value, stays=True)


def _launch(session: Session, request: ApprovalRequest) -> list[Part]:
    payload = request.payload
    replaced = payload["replaces_version"]
    sold = Part(
        "Sold to new customers",
        f"Version {payload['version_number']}",
        f"Version {replaced}" if replaced else "Nothing",
    )
    names = _benefit_names(session, request.resource_id, payload["version_number"], replaced)
    changes = (
        _change_of(one, names) for one in payload["changes"] if not _goes_without_saying(one)
    )
    return [sold, *(part for part in changes if part is not None)]


def _benefit_names(session: Session, product_id: UUID, *numbers: int | None) -> dict[str, str]:
    """Return the names of the benefits of some versions by their codes; the first version's win."""
    names: dict[str, str] = {}
    for version_number in filter(None, numbers):
        try:
            version = products.get_numbered_version(session, product_id, version_number)
        except NotFoundError:
            continue
        for benefit in products.list_benefits(session, version.id):
            names.setdefault(benefit.benefit_code, benefit.benefit_name)
    return names


def _goes_without_saying(one: Mapping[str, Any]) -> bool:
    """Tell whether a change says of a new or removed benefit only what it is not or has not."""
    before, after = (_revived(one[side]) for side in ("before", "after"))
    if one["kind"] != "benefit" or None not in (before, after):
        return False
    return one["field"] == "display_order" or (one["field"] in _RARE and not (before or after))


def _change_of(one: Mapping[str, Any], names: Mapping[str, str]) -> Part | None:
    """Return a change of a product in words; None where neither version says anything."""
    found = row_of(Difference(one["field"], *(_revived(one[side]) for side in ("before", "after"))))
    if found is None:
        return None
    label, before, after = found
    title = COMPARED[one["kind"]].format(one["title"])
    if one["kind"] == "benefit":
        title = names.get(one["title"], title)
    return Part(f"{title}: {label.lower()}", after or _NO_VALUE, before or _NO_VALUE)


def _revived(value: Any) -> Any:
    """Return a frozen value as it was: numbers and codes were frozen as text."""
    if not isinstance(value, str):
        return value
    try:
        return Decimal(value)
    except InvalidOperation:
        return _in_words(value)


def _policy(session: Session, request: ApprovalRequest) -> Policy:
    return policies.get_policy(session, request.resource_id)


def _cancellation(session: Session, request: ApprovalRequest) -> list[Part]:
    payload, policy = request.payload, _policy(session, request)
    figures = payload.get("figures", {})
    names = {
        "refund": f"Paid back to {refund_payee(session, policy)}",
        "retained": "Kept by the contract",
        "unearned": "Premium not earned",
        "paid_ahead": "Premium paid ahead",
        "arrears": "Owed and stays owed",
        "owed": "Owed for cover",
        "written_off": "Written off",
    }
    return [
        Part("Policy", "Cancelled", words(policy.status.value)),
        Part("Cover ends on", _text(payload.get("effective_date")), _ends(policy)),
        _fact("Cancelled for", words(payload.get("cancellation_type", ""))),
        _fact("On whose wish", words(payload.get("initiated_by", ""))),
        *(
            Part(label, format_money(Decimal(figures[name])))
            for name, label in names.items()
            if Decimal(figures.get(name, 0))
        ),
    ]


def _ends(policy: Policy) -> str:
    return f"{policy.expiry_date:%Y/%m/%d}" if policy.expiry_date else "No end"


def _giving_up(session: Session, request: ApprovalRequest) -> list[Part]:
    payload = request.payload
    after = "Waived, cover as if paid" if request.action == relief.WAIVE.action else "Written off"
    return [
        _fact("Premium due on", _text(payload["due_date"])),
        Part("Open of it", format_money(ZERO), format_money(Decimal(payload["amount"]))),
        Part("The premium is", after, "Owed"),
    ]


def _owed_again(session: Session, request: ApprovalRequest) -> list[Part]:
    event = policies.get_event(session, UUID(request.payload["event_id"]))
    amount = format_money(Decimal(request.payload["amount"]))
    return [_fact("Given up", event.description), Part("Owed of it", amount, format_money(ZERO))]


def _refund(session: Session, request: ApprovalRequest) -> list[Part]:
    amount = Decimal(request.payload["amount"])
    policy = _policy(session, request)
    present = relief.can_be_paid_back(session, policy, on=business_day())
    return [
        Part(f"Paid back to {refund_payee(session, policy)}", format_money(amount)),
        Part("Can be paid back", format_money(max(present - amount, ZERO)), format_money(present)),
        _fact("Reference", str(request.payload["reference"])),
    ]


def _payment(session: Session, request: ApprovalRequest) -> list[Part]:
    payload, policy = request.payload, _policy(session, request)
    amount, is_typed = Decimal(payload["amount"]), request.action == RECEIVE.action
    return [
        _fact("Payment", format_money(amount)),
        Part(
            "Where it is", f"With {policy.policy_number}", _NO_VALUE if is_typed else "In suspense"
        ),
        _fact("Received on", _text(payload["payment_date" if is_typed else "received_on"])),
        _fact("Reference", str(payload["payment_reference"]) or _NO_VALUE),
        *(_settles(session, policy, amount) if request.status is ApprovalStatus.WAITING else ()),
    ]


def _settles(session: Session, policy: Policy, amount: Decimal) -> list[Part]:
    """Return what money does to what a policy owes today."""
    owed = billing.arrears_on(session, policy.id, business_day())
    found = [Part("Due and not paid", format_money(max(owed - amount, ZERO)), format_money(owed))]
    if amount > owed:
        words_ = f"{format_money(amount - owed)}, kept for premiums to come"
        found.append(Part("More than is due", words_))
    if credit := billing.unapplied_credit(session, policy.id):
        found.append(_fact("Credit held already", format_money(credit)))
    return found


def _return(_session: Session, request: ApprovalRequest) -> list[Part]:
    payload = request.payload
    return [
        _fact("Payment", format_money(Decimal(payload["amount"]))),
        Part("Where it is", "Paid back to where it came from", "In suspense"),
        _fact("Received on", _text(payload["received_on"])),
        _fact("Reference", str(payload["payment_reference"]) or _NO_VALUE),
    ]


def _set_aside(session: Session, request: ApprovalRequest) -> list[Part]:
    payload, policy = request.payload, _policy(session, request)
    return [
        Part("Policy", "In force, cover unbroken", words(policy.status.value)),
        Part("Lapse", "Never was", f"As from {_text(payload['lapsed_on'])}"),
        _fact("Payment that came in time", format_money(Decimal(payload["amount"]))),
        _fact("Received on", _text(payload["received_on"])),
        _fact("Reference", str(payload["payment_reference"]) or _NO_VALUE),
    ]


def _backdated(session: Session, request: ApprovalRequest) -> list[Part]:
    payload, policy = request.payload, _policy(session, request)
    return [
        Part("Takes effect on", _text(payload["effective_date"])),
        *_changed(session, policy, payload.get("change", {})),
        Part(
            "Monthly premium",
            format_money(Decimal(payload["new_premium"])),
            format_money(policy.premium),
        ),
        Part("For the days until now", format_money(Decimal(payload["adjustment"]))),
    ]


def _changed(session: Session, policy: Policy, change: Mapping[str, Any]) -> list[Part]:
    """Return what an endorsement changes, with the lives and benefits by their names."""
    lives = {str(member.id): member for member in policies.list_members(session, policy.id)}
    benefits = {
        str(one.benefit.id): one.benefit for one in policies.list_benefits(session, policy.id)
    }
    found = []
    life = lives.get(str(change.get("policy_member_id")))
    benefit = benefits.get(str(change.get("policy_benefit_id")))
    if life is not None:
        found.append(_fact("Life", f"{life.first_name} {life.last_name}"))
    if benefit is not None:
        found.append(_fact("Benefit", benefit.benefit_name))
    present = {
        "due_day": policy.due_day,
        "frequency": policy.frequency.value,
        "new_sum_assured": benefit.sum_assured if benefit else None,
        **{name: getattr(life, name) if life else None for name in ("first_name", "last_name")},
    }
    if life is not None and may_see_identity():
        present |= {"date_of_birth": life.date_of_birth, "gender": life.gender}
    for name, value in as_shown(dict(change)).items():
        if value in (None, "", []) or name.endswith(("_id", "_ids")):
            continue
        before = present.get(name)
        if name in _MONEY:
            value = Decimal(value)
        found.append(Part(words(name), _text(value), _text(before)))
    return found


def _claim_payment(session: Session, request: ApprovalRequest) -> list[Part]:
    payload = request.payload
    view = claims.get_view(session, request.resource_id)
    items = {str(one.id): one for one in view.items}
    found = [
        _fact("Claim", f"{view.claim.claim_number}, {words(view.claim.claim_type).lower()}"),
        *_payees(payload),
    ]
    for line in payload["lines"]:
        item, amount = items[line["item_id"]], Decimal(line["amount"])
        after, before = format_money(item.paid_amount + amount), format_money(item.paid_amount)
        found.append(Part(f"Paid of {item.benefit_name}", after, before))
    found += [
        Part("Paid on", _text(payload["payment_date"])),
        _fact("Reference", str(payload["reference"])),
    ]
    if payload.get("replaces_reference"):
        found.append(Part("Instead of", str(payload["replaces_reference"])))
    return found


def _undone_death(session: Session, request: ApprovalRequest) -> list[Part]:
    payload = request.payload
    policy = policies.get_policy(session, claims.get_claim(session, request.resource_id).policy_id)
    payments = [
        Part(
            f"Payment {one['reference']} to {one['payee']}",
            "Void",
            format_money(Decimal(one["amount"])),
        )
        for one in payload["payments"]
    ]
    return [
        _fact("Claim", str(payload["claim_number"])),
        _fact("Said to have died", str(payload["life"] or "the life insured")),
        Part("Policy", "Active, cover unbroken", words(policy.status.value)),
        Part("Cover", "Goes on", f"Ended on {_text(payload['ended_on'])}"),
        *payments,
    ]


def _month_end(_session: Session, request: ApprovalRequest) -> list[Part]:
    payload = request.payload
    steps = [
        _fact(
            step_in_words(StepCode(step["step"])),
            f"{_policies(step['effects'])}, {format_money(Decimal(step['amount']))}",
        )
        for step in payload["steps"]
    ]
    return [
        Part("Plan", "Frozen; it can then be applied exactly so", "Ready"),
        _fact("Up to and with", _text(payload["process_date"])),
        _fact("Policies", f"{number(payload['policies'])} of {number(payload['book'])}"),
        *steps,
        _fact("Closes the month", _text(payload["close_month"])),
        _fact("Hash of the plan", payload["hash"][:12]),
    ]


def _policies(count: int) -> str:
    return f"{number(count)} {'policy' if count == 1 else 'policies'}"


def _payees(payload: Mapping[str, Any]) -> list[Part]:
    payees = payload.get("payees") or [
        {"name": payload.get("payee") or _NO_VALUE, "account": payload.get("account")}
    ]
    return [
        Part(
            "Payee",
            ", ".join(
                str(payee[name])
                for name in ("name", "account", "amount")
                if payee.get(name) is not None
            ),
        )
        for payee in payees
    ]


def _read_out(_session: Session, request: ApprovalRequest) -> list[Part]:
    """Return a payload name by name, what is inside it last."""
    return _names(request.payload)


def _names(payload: Mapping[str, Any]) -> list[Part]:
    simple = [
        Part(words(name), _text(value))
        for name, value in sorted(payload.items())
        if not isinstance(value, Mapping) and not name.endswith("_id") and name not in _TECHNICAL
    ]
    inner = [value for value in payload.values() if isinstance(value, Mapping)]
    return simple + [part for one in inner for part in _names(one)]


def _text(value: Any) -> str:
    """Return any value of a payload as a person reads it."""
    if value is None:
        return _NO_VALUE
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        return " ".join(
            _text(one)
            for name, one in value.items()
            if one not in (None, "") and name[-3:] != "_id"
        )
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or _NO_VALUE
    if isinstance(value, Decimal):
        return format_money(value)
    return _of_text(str(value))


def _of_text(text: str) -> str:
    try:
        return f"{date.fromisoformat(text):%Y/%m/%d}"
    except ValueError:
        pass
    try:
        return format_money(Decimal(text)) if "." in text else _in_words(text)
    except InvalidOperation:
        return _in_words(text)


def _in_words(text: str) -> str:
    """Return a code as words, and what people wrote as they wrote it."""
    return words(text) if text.isupper() or "_" in text else text


_KINDS: dict[Subject, Callable[[Session, ApprovalRequest], list[Part]]] = {
    cancellation.CANCEL: _cancellation,
    relief.WAIVE: _giving_up,
    relief.WRITE_OFF: _giving_up,
    undoing.UNDO_GIVING_UP: _owed_again,
    relief.REFUND: _refund,
    RECEIVE: _payment,
    MATCH: _payment,
    RETURN: _return,
    setting_aside.SET_ASIDE: _set_aside,
    endorsements.BACKDATE: _backdated,
    LAUNCH: _launch,
    payments.PAY: _claim_payment,
    restoring.UNDO_DEATH: _undone_death,
    APPLY: _month_end,
}
