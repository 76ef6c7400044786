"""Claims of the demonstration: some in every status, with documents, flags, notes and payments."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from uuid import UUID

import typst

from insurance.claims import queries, services
from insurance.claims.models import CostType, DocumentStatus
from insurance.claims.rules import CLAIM_TYPES, DOCUMENTS, Limits, ends_life
from insurance.core import clock
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db
from insurance.core.errors import ForbiddenError
from insurance.core.listing import Wanted
from insurance.core.money import ZERO, to_cents
from insurance.core.tenancy import current_org
from insurance.correspondence.models import NoteKind
from insurance.identity.queries import list_colleagues
from insurance.organizations.queries import get_organization
from insurance.policies.queries import BenefitView, list_benefits, list_policy_rows
from insurance.seeding.moments import office_hour

_WAYS = (
    ("notified", "Credit"), ("part of the documents", "Credit"), ("complete", "Term"),
    ("late", "Credit"), ("refused", "Funeral"), ("approved", "Term"), ("in part", "Term"),
    ("paid", "Funeral"), ("refused", "Term"), ("part paid", "Credit"), ("closed", "Credit"),
    ("escalated", "Term"), ("refused", "Credit"), ("new payee", "Credit"), ("paid", "Credit"),
    ("refused", "Funeral"), ("refused", "Term"), ("notified", "Credit"),
)  # fmt: skip
"""How far each claim is taken, and on which product of a life insurer: what its premiums bear."""
_ALONE = Decimal("25000.00")
"""What an assessor of the demonstration may approve without the manager."""
_DEATHS = ("Collapsed at home", "Road accident on the N1", "Died in hospital after an illness")
_ILLNESSES = ("Heart attack, treated at once", "Early breast cancer", "Stroke without lasting harm")
_STORIES = {"DEATH": _DEATHS, "FUNERAL": _DEATHS, "CRITICAL_ILLNESS": _ILLNESSES}
_ON_THE_ROAD = ("Collision in Main Road", "Hail on the way home", "Hit while parked at the mall")
_AT_HOME = ("Kitchen fire", "Geyser burst over the weekend", "Break-in while away")
_BANKS = (("FNB", "250655"), ("Capitec", "470010"), ("Absa", "632005"), ("Nedbank", "198765"))

ILLNESS = "CRITICAL_ILLNESS"
_OLDEST = timedelta(days=160)
"""Longer ago than any claim and any wait for an illness here."""


def seed_assignment(assessor_id: UUID, today: date) -> None:
    """Give a claim that nobody works on to an assessor."""
    session = db.session()
    wanted = Wanted({"tab": "open", "free": True}, limit=1)
    free = queries.list_claim_rows(session, wanted, now=clock.now()).items
    session.rollback()
    for claim in free:
        services.assign_claim(claim.id, assessor_id, on=today, now=clock.now())


def seed_claims(slug: str, today: date) -> None:
    """Notify claims on policies in force and take each one as far as its turn says."""
    random = Random(f"{slug} claims")
    session = db.session()
    rows = list_policy_rows(session, Wanted(limit=90)).items
    people = {
        item.user.email.split("@")[0]: Actor(
            user_id=item.user.id,
            email=item.user.email,
            name=item.user.name,
            org_id=current_org(),
            roles=frozenset(item.roles),
            channel=Channel.CLI,
        )
        for item in list_colleagues(session, limit=50, accepted_only=True).items
    }
    is_life = get_organization(session).licence_type != "NON_LIFE"
    in_force = sorted(
        (row.coverage_amount, row.id, row.product_name)
        for row in rows
        if row.status == "active"
        and row.effective_date <= today - _OLDEST
        and ("Term" not in row.product_name or _illness_of(row.id) is not None)
    )
    session.rollback()
    clerks = _Clerks(people, random, today)
    clerks.limit_assessors()
    for place, (way, product) in enumerate(_WAYS):
        pool = [one for one in in_force if product in one[2]] if is_life else in_force
        if not pool:
            continue
        taken = pool[0] if is_life and way != "refused" else random.choice(pool)
        in_force.remove(taken)
        clerks.handle(taken[1], way, place)


def _illness_of(policy_id: UUID) -> BenefitView | None:
    """Return the benefit for a critical illness, where the policy has one."""
    found = list_benefits(db.session(), policy_id)
    return next((one for one in found if one.benefit.benefit_type_code == ILLNESS), None)


class _Clerks:
    """The people who work on one claim, and the day on which they do."""

    def __init__(self, people: dict[str, Actor], random: Random, today: date) -> None:
        self.people = people
        self.random = random
        self.today = today
        self.on = today

    @contextmanager
    def _as(self, login: str) -> Iterator[datetime]:
        now = office_hour(self.on, 8)
        with clock.frozen(now), acting_as(self.people[login]):
            yield now

    def limit_assessors(self) -> None:
        """Let the manager say what an assessor may approve alone."""
        with self._as("manager") as now:
            services.set_limit(
                role="claims_assessor", level=1, limits=Limits(_ALONE, _ALONE, 2 * _ALONE), now=now
            )

    def handle(self, policy_id: UUID, way: str, place: int) -> None:
        """Take a claim on a policy along its way."""
        ago = 30 + place if way == "late" else 1 + place % 9
        self.on = self.today - timedelta(days=ago)
        claim_id = self._submit(policy_id, way, place)
        if way == "notified":
            return
        self._send(claim_id, leave=2 if way == "part of the documents" else 0)
        if way in ("part of the documents", "late"):
            return
        self.on = self.today
        with self._as("assessor") as now:
            services.assign_claim(claim_id, self.people["assessor"].user_id, on=self.on, now=now)
            services.add_note(
                claim_id, kind=NoteKind.TASK, text="Ring the claimant", on=self.on, now=now
            )
        if way != "complete":
            self._decide(claim_id, way, place)

    def _submit(self, policy_id: UUID, way: str, place: int) -> UUID:
        session = db.session()
        view = _illness_of(policy_id) or list_benefits(session, policy_id)[0]
        session.rollback()
        kind = view.benefit.benefit_type_code
        claim_type = kind if kind in CLAIM_TYPES else next(
            one for one, kinds in CLAIM_TYPES.items() if kind in kinds
        )  # fmt: skip
        losses = _AT_HOME if view.benefit.benefit_code == "CONTENTS" else _ON_THE_ROAD
        bank, branch = _BANKS[place % len(_BANKS)]
        payee = services.Payee(
            name=self.random.choice(("Thabo Nkosi", "Anna van Wyk", "Zanele Zulu")),
            bank=bank,
            branch_code=branch,
            account_number=f"62{place * 104_729 % 10**8:08d}",
        )
        with self._as("agent") as now:
            claim = services.submit_claim(
                policy_id,
                services.NewClaim(
                    claim_type=claim_type,
                    items=[
                        services.NewItem(
                            policy_benefit_id=view.benefit.id,
                            claimed_amount=self._amount(view.benefit.sum_assured, claim_type, way),
                        )
                    ],
                    event_date=max(
                        self.on - timedelta(days=self.random.randint(1, 4)),
                        view.layers[0].starts_on,
                    ),
                    cause=_cause(claim_type, place),
                    description=self.random.choice(_STORIES.get(claim_type, losses)),
                    payees=[] if ends_life(claim_type) else [payee],
                ),
                on=self.on,
                now=now,
            )
        return claim.id

    def _amount(self, cover: Decimal, claim_type: str, way: str) -> Decimal:
        if claim_type == ILLNESS:  # an illness of the first degree
            return cover / 4
        if claim_type == "FUNERAL":
            return cover
        if claim_type == "DEATH":  # what the borrower still owed
            return min(cover, Decimal(self.random.randint(300, 600) * 10))
        if way == "escalated":
            return _ALONE * 2
        return min(to_cents(cover * self.random.randint(3, 9) / 100), _ALONE)

    def _send(self, claim_id: UUID, *, leave: int) -> None:
        session = db.session()
        wanted = [
            document.document_type
            for document in queries.list_documents(session, claim_id)
            if document.status is DocumentStatus.OUTSTANDING
        ]
        session.rollback()
        with self._as("agent") as now:
            for one in wanted[: len(wanted) - leave]:
                services.add_document(
                    claim_id,
                    document_type=one,
                    name=f"{DOCUMENTS[one].partition(',')[0]}.pdf",
                    content=_paper(DOCUMENTS[one]),
                    issued_on=self.on,
                    on=self.on,
                    now=now,
                )

    def _decide(self, claim_id: UUID, way: str, place: int) -> None:
        session = db.session()
        item = queries.list_items(session, claim_id)[0]
        session.rollback()
        amount, reason = item.payable_amount, "WITHIN_TERMS"
        if way == "refused" or amount == ZERO:
            amount, reason = ZERO, "EXCLUSION" if place % 2 else "NO_PROOF"
        elif way == "in part":
            amount, reason = to_cents(amount * Decimal("0.6")), "PART_OF_LOSS"
        wanted = services.Assessment(
            item_id=item.id,
            approved_amount=amount,
            reason=reason,
            findings="The papers agree with what we were told."
            if amount
            else "The report of the police does not support the event.",
        )
        try:
            self._assess("assessor", claim_id, wanted)
        except ForbiddenError:  # above the assessor's limit: it waits for the manager
            if way == "escalated":
                return
            self._assess("manager", claim_id, wanted)
        if amount:
            self._pay(claim_id, item.id, amount, way, place)

    def _assess(self, login: str, claim_id: UUID, wanted: services.Assessment) -> None:
        with self._as(login) as now:
            services.assess_claim(claim_id, [wanted], on=self.on, now=now)

    def _pay(self, claim_id: UUID, item_id: UUID, amount: Decimal, way: str, place: int) -> None:
        if way == "new payee":
            with self._as("agent") as now:
                services.change_payees(
                    claim_id,
                    [
                        services.Payee(
                            name="Lindiwe Dube", bank="Capitec", branch_code="470010",
                            account_number="1234567890",
                        )
                    ],
                    reason="The family opened a new account",
                    on=self.on,
                    now=now,
                )  # fmt: skip
        if way in ("paid", "part paid", "closed", "new payee"):
            part = to_cents(amount / 2) if way == "part paid" else amount
            with self._as("finance") as now:
                services.pay_claim(
                    claim_id,
                    services.NewPayment(
                        reference=f"PAY-{item_id.hex[-8:].upper()}", lines=[(item_id, part)]
                    ),
                    on=self.on,
                    now=now,
                )
        with self._as("manager") as now:
            if way == "closed":
                services.close_claim(claim_id, reason="Paid and filed", on=self.on, now=now)
            elif way == "part paid":
                services.change_reserve(
                    claim_id, item_id=item_id, cost_type=CostType.EXPENSE,
                    amount=Decimal("2500.00"), reason="Assessor's account", on=self.on, now=now,
                )  # fmt: skip


def _cause(claim_type: str, place: int) -> str:
    if claim_type == ILLNESS:
        return "NATURAL"
    return "ACCIDENT" if claim_type in _STORIES or place % 2 else "WEATHER"


@cache
def _paper(title: str) -> bytes:
    """Return a page that stands for a document."""
    source = f'#set page(paper: "a5")\n= {title.replace("(", "").replace(")", "")}\n#v(1em)\n'
    return typst.compile((source + "Copy for the demonstration.\n#lorem(90)").encode())
