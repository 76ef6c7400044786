"""What one can say to the search box: "suspend 40", "pay 000040", "new claim 40", "dark"."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import request, url_for
from sqlalchemy.orm import Session

from insurance.billing.permissions import PremiumsMay
from insurance.blueprints.policies.endorse import KINDS, OF_LIVES
from insurance.blueprints.search.records import Group, is_digits
from insurance.blueprints.search.result import SearchResult
from insurance.claims.permissions import ClaimsMay
from insurance.claims.queries import list_claims
from insurance.claims.rules.statuses import UNDECIDED
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.permissions import Permission
from insurance.correspondence.permissions import CorrespondenceMay
from insurance.customers.permissions import CustomersMay
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.rules import LAPSABLE
from insurance.policies.lifecycle_rules import allowed_moves
from insurance.policies.permissions import PoliciesMay
from insurance.policies.queries import list_policies
from insurance.products.permissions import ProductsMay
from insurance.products.queries import load_terms
from insurance.quotes.permissions import QuotesMay
from insurance.web.html import safe_path

_NUMBER_DIGITS = 6
_MOST = 4


@dataclass(frozen=True, slots=True)
class Verb:
    """Something that is done to a record: how people call it, and in which statuses it can be."""

    called: tuple[str, ...]
    title: str
    endpoint: str
    may: Permission
    icon: str
    fits: Callable[[str], bool] = lambda _status: True
    values: Mapping[str, Any] = field(default_factory=dict)
    is_of_lives: bool = False

    def answers(self, said: str) -> bool:
        """Tell whether somebody who says this may mean it."""
        return len(said) > 1 and any(name.startswith(said) for name in self.called)


def _leads_to(status: str) -> Callable[[str], bool]:
    return lambda present: status in allowed_moves(present)


_OF_A_POLICY = (
    Verb(
        ("pay", "payment", "record payment"),
        "Record a payment for {}",
        "policies.pay",
        PremiumsMay.PAY,
        "coins",
        lambda status: status in ("active", "suspended", "lapsed"),
    ),
    Verb(
        ("claim", "new claim"),
        "New claim on {}",
        "claims.create",
        ClaimsMay.SUBMIT,
        "clipboard-list",
    ),
    Verb(
        ("suspend",),
        "Suspend {}",
        "policies.suspend",
        PoliciesMay.LIFECYCLE,
        "clock",
        _leads_to("suspended"),
    ),
    Verb(
        ("reinstate",),
        "Reinstate {}",
        "policies.reinstate",
        PoliciesMay.LIFECYCLE,
        "refresh",
        _leads_to("active"),
    ),
    Verb(("lapse",), "Lapse {}", "policies.lapse", PoliciesMay.LIFECYCLE, "x", _leads_to("lapsed")),
    Verb(
        ("cancel",),
        "Cancel {}",
        "policies.cancel",
        PoliciesMay.LIFECYCLE,
        "x",
        _leads_to("cancelled"),
    ),
    Verb(
        ("hold",),
        "Hold {}",
        "lapses.place_hold",
        LapsesMay.HOLD,
        "lock",
        lambda status: status in LAPSABLE,
    ),
)
_CHANGES = tuple(
    Verb(
        (title.lower(), title.lower().replace(" a ", " ").replace(" the ", " ")),
        f"{title}: {{}}",
        "policies.endorse",
        PoliciesMay.ENDORSE,
        "edit",
        lambda status: status == "active",
        {"kind": kind},
        kind in OF_LIVES,
    )
    for kind, title in KINDS.items()
)
_OF_A_CLAIM = (
    Verb(
        ("assign",),
        "Assign {}",
        "claims.assign",
        ClaimsMay.ASSESS,
        "user",
        lambda status: status in UNDECIDED,
    ),
    Verb(
        ("note", "add note", "new note"),
        "Add a note to {}",
        "correspondence.add_note",
        CorrespondenceMay.WRITE,
        "edit",
        values={"resource": "claims"},
    ),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A record that something may be said to."""

    number: str
    detail: str
    status: str
    address: Mapping[str, Any]
    product_version_id: UUID | None = None

    def takes(self, session: Session, verb: Verb) -> bool:
        """Tell whether a verb can be said to it: by its status, and whether it insures lives."""
        if not verb.fits(self.status):
            return False
        version = self.product_version_id
        return not verb.is_of_lives or (
            version is not None and load_terms(session, version).insures_persons
        )


def say_to_records(session: Session, q: str) -> Iterator[Group]:
    """Find what is said to a record: a verb and digits of the record's number."""
    *before, number = q.lower().split(" ")
    if not before or not is_digits(number):
        return
    said, digits = " ".join(before), number.zfill(_NUMBER_DIGITS)
    for verbs, may_view, find in (
        (_OF_A_POLICY + _CHANGES, PoliciesMay.VIEW, _policies),
        (_OF_A_CLAIM, ClaimsMay.VIEW, _claims),
    ):
        may = current_actor().may
        meant = [verb for verb in verbs if verb.answers(said) and may(verb.may)]
        if meant and may(may_view):
            found = [
                target
                for target in find(session, digits)
                if target.number.replace("-", "").endswith(digits.replace("-", ""))
            ]
            yield (
                "Do",
                [
                    _said_to(target, verb)
                    for target in found
                    for verb in meant
                    if target.takes(session, verb)
                ],
            )


def _said_to(target: Target, verb: Verb) -> SearchResult:
    # What is written about records of every kind calls each of them `record_id`.
    (record_id,) = target.address.values()
    address: dict[str, Any] = (
        {"record_id": record_id} if "resource" in verb.values else dict(target.address)
    )
    url = url_for(verb.endpoint, **address, **verb.values)
    return SearchResult(verb.title.format(target.number), target.detail, url, verb.icon)


def _policies(session: Session, digits: str) -> Iterator[Target]:
    for line in list_policies(session, q=digits, limit=_MOST).items:
        status = line.policy.status.value
        detail = f"{line.customer_name}, {status}"
        yield Target(
            line.policy.policy_number,
            detail,
            status,
            {"policy_id": line.policy.id},
            line.policy.product_version_id,
        )


def _claims(session: Session, digits: str) -> Iterator[Target]:
    for line in list_claims(session, limit=_MOST, now=clock.now(), q=digits).items:
        status = line.claim.status.value
        yield Target(
            line.claim.claim_number, line.customer_name, status, {"claim_id": line.claim.id}
        )


def list_commands(q: str) -> list[SearchResult]:
    """Return what can be begun or switched from anywhere, by its name."""
    wanted = q.lower()
    commands = [*_beginnings(), *(_switches() if q else ())]
    return [command for command in commands if wanted in command.title.lower()]


def _beginnings() -> Iterator[SearchResult]:
    may = current_actor().may
    if may(QuotesMay.CREATE):
        yield SearchResult("New quote", "", url_for("quotes.create"), "calculator")
    if may(CustomersMay.EDIT):
        yield SearchResult("New customer", "", url_for("customers.create"), "user")
    if may(ProductsMay.EDIT):
        yield SearchResult("New product", "", url_for("products.create"), "packages")
    if may(ClaimsMay.SUBMIT) and may(PoliciesMay.VIEW):
        url = url_for("policies.index", tab="active")
        yield SearchResult("New claim", "choose the policy", url, "clipboard-list")


def _switches() -> Iterator[SearchResult]:
    here = _page_in_view()
    for name, icon in (("Dark", "moon"), ("Light", "sun")):
        posts = {"theme": name.lower(), "next": here}
        yield SearchResult(name, "theme", url_for("identity.switch_theme"), icon, posts)
    yield SearchResult("Security and preferences", "", url_for("identity.security"), "lock")
    yield SearchResult("Sign out", "", url_for("identity.sign_out"), "logout", {})


def _page_in_view() -> str:
    """Return the path of the page from which the search box asks; `/` where it is no address."""
    try:
        return safe_path(urlsplit(request.headers.get("HX-Current-URL", "")).path)
    except ValueError:
        return "/"
