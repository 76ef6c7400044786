"""Claims for tests, made by the commands, and the people who work on them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from itertools import zip_longest
from typing import Any
from uuid import UUID

from insurance.claims.models import Claim
from insurance.claims.queries import list_documents, list_items
from insurance.claims.services import (
    Assessment,
    NewClaim,
    NewItem,
    NewPayment,
    Payee,
    PaymentOutcome,
    add_document,
    assess_claim,
    pay_claim,
    submit_claim,
)
from insurance.core.context import Actor
from insurance.core.db import db
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.policies.models import EndorsementType
from insurance.policies.queries import list_benefits
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.products import services as products
from insurance.products.models import AmountType, MemberRole
from insurance.quotes.rules import Life
from insurance.quotes.services import QuoteInput, create_quote
from tests.factories.book import TODAY
from tests.factories.lifecycle import at, morning

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 17 + b"\0\0\0\0IEND\xaeB`\x82"


def person(name: str, role: Role) -> Actor:
    """Return somebody with a role."""
    return Actor(
        user_id=new_id(),
        email=f"{name.lower()}@insurer.example",
        name=name,
        roles=frozenset({role}),
    )


AGENT = person("Agent", Role.AGENT)
ASSESSOR = person("Assessor", Role.CLAIMS_ASSESSOR)
MANAGER = person("Manager", Role.MANAGER)
PAYER = person("Payer", Role.FINANCE)


def acting(actor: Actor, day: date = TODAY) -> AbstractContextManager[datetime]:
    """Let somebody act on a day."""
    return at(day, actor)


def benefit_of(policy_id: UUID, place: int = 0) -> UUID:
    """Return a benefit of a policy."""
    found = list_benefits(db.session(), policy_id)[place].benefit.id
    db.session().rollback()
    return found


def claim(
    policy_id: UUID,
    amount: str = "100000.00",
    *,
    event: date | None = None,
    day: date = TODAY,
    cause: str = "ACCIDENT",
    claim_type: str = "DEATH",
    benefits: Sequence[UUID] = (),
    amounts: Sequence[str] = (),
    **more: Any,
) -> Claim:
    """Return a submitted claim on the first benefit of a policy, or on those named."""
    wanted = NewClaim(
        claim_type=claim_type,
        items=[
            NewItem(policy_benefit_id=one, claimed_amount=Decimal(asked))
            for one, asked in zip_longest(
                benefits or (benefit_of(policy_id),), amounts, fillvalue=amount
            )
        ],
        event_date=event or day,
        cause=cause,
        description="As told by the family",
        **more,
    )
    with acting(AGENT, day) as now:
        return submit_claim(policy_id, wanted, on=day, now=now)


FAMILY = (
    ("DEATH", "MAIN_MEMBER", "100000.00"),
    ("ACCIDENTAL_DEATH", "MAIN_MEMBER", "40000.00"),
    ("DISABILITY", "MAIN_MEMBER", "60000.00"),
    ("CRITICAL_ILLNESS", "MAIN_MEMBER", "30000.00"),
    ("TERMINAL_ILLNESS", "MAIN_MEMBER", "20000.00"),
    ("DEATH", "SPOUSE", "50000.00"),
    ("ACCIDENTAL_DEATH", "SPOUSE", "15000.00"),
    ("DEATH", "CHILD", "20000.00"),
)
"""The benefits of a family: what for, on whom, and how much."""


def make_family(**terms: Any) -> UUID:
    """Return a launched product with death, disability and illness of a family, 80.00 a month."""
    draft = products.create_product(
        products.NewProduct(
            name="Whole family",
            slug=f"family-{new_id().hex[-12:]}",
            product_type="TERM_LIFE",
            terms=products.Terms(
                min_entry_age=18, max_entry_age=65, default_term_years=20, **terms
            ),
        ),
        now=morning(TODAY),
    )
    for order, (kind, role, amount) in enumerate(FAMILY, 1):
        benefit = products.NewBenefit(
            benefit_code=f"{kind}_{role}",
            benefit_name=f"{kind} {role}".replace("_", " ").capitalize(),
            benefit_type_code=kind,
            benefit_amount_type=AmountType.FIXED,
            default_amount=Decimal(amount),
            member_role=MemberRole(role),
            is_mandatory=role == "MAIN_MEMBER",
            flat_premium=Decimal("10.00"),
            display_order=order,
        )
        products.add_benefit(draft.id, benefit, now=morning(TODAY))
    return products.launch_product(draft.id, now=morning(TODAY)).id


def insure_family(product_id: UUID, customer_id: UUID, day: date) -> UUID:
    """Return a policy on a woman, her husband and their child, in force since a day."""
    asked = QuoteInput(
        product_id=product_id,
        customer_id=customer_id,
        lives=(
            Life("SPOUSE", 40, "MALE", date(1986, 1, 1), "Sipho", "Dlamini"),
            Life("CHILD", 6, "FEMALE", date(2020, 1, 1), "Zinhle", "Dlamini"),
        ),
    )
    with acting(AGENT, day) as now:
        quote = create_quote(asked, on=day, now=now)
        return accept_quote(quote.id, effective_date=day, on=day, now=now).policy.id


def complete(claim_id: UUID, day: date = TODAY) -> None:
    """Send every document that a claim still needs."""
    session = db.session()
    missing = [one.document_type for one in list_documents(session, claim_id) if not one.file_key]
    session.rollback()
    with acting(AGENT, day) as now:
        for one in missing:
            add_document(
                claim_id, document_type=one, name=f"{one}.pdf", content=PDF, on=day, now=now
            )


def items_of(claim_id: UUID) -> list[UUID]:
    """Return the items of a claim."""
    found = [one.id for one in list_items(db.session(), claim_id)]
    db.session().rollback()
    return found


def assess(
    claim_id: UUID,
    *amounts: str,
    reason: str | None = None,
    actor: Actor = ASSESSOR,
    day: date = TODAY,
    **more: Any,
) -> Claim:
    """Decide the items of a claim in their order."""
    wanted = [
        Assessment(
            item_id=item,
            approved_amount=Decimal(amount),
            reason=reason or ("WITHIN_TERMS" if Decimal(amount) else "NOT_IN_FORCE"),
            findings="The register of deaths was read",
        )
        for item, amount in zip(items_of(claim_id), amounts, strict=True)
    ]
    with acting(actor, day) as now:
        return assess_claim(claim_id, wanted, on=day, now=now, **more)


def pay(
    claim_id: UUID,
    *amounts: str,
    reference: str = "PAY-1",
    actor: Actor = PAYER,
    day: date = TODAY,
) -> PaymentOutcome:
    """Pay the items of a claim in their order; nought leaves one out."""
    lines = [
        (item, Decimal(amount))
        for item, amount in zip(items_of(claim_id), amounts, strict=True)
        if Decimal(amount)
    ]
    with acting(actor, day) as now:
        return pay_claim(claim_id, NewPayment(reference=reference, lines=lines), on=day, now=now)


def account(number: str = "62001234567", name: str = "Sipho Dlamini") -> Payee:
    """Return somebody to pay."""
    return Payee(name=name, bank="FNB", branch_code="250655", account_number=number)


def make_claims(policy_id: UUID) -> UUID:
    """Return a claim with something of everything: documents, flags, a note, a payment."""
    from insurance.claims.services import add_note
    from insurance.correspondence.models import NoteKind

    made = claim(policy_id, "60000.00", payees=[account(name="Palesa Nkosi")])
    complete(made.id)
    assess(made.id, "50000.00")
    pay(made.id, "40000.00", reference=f"PAY-{made.claim_number}")
    with acting(ASSESSOR) as now:
        add_note(made.id, kind=NoteKind.TASK, text="Ask Palesa", on=TODAY, now=now)
    return made.id


def seed_claims(policy_ids: Sequence[UUID], day: date) -> list[UUID]:
    """Return claims in every state, one on each of seven policies."""
    made = []
    for place, policy_id in enumerate(policy_ids[:7]):
        one = claim(policy_id, "60000.00", day=day, payees=[account(f"6200123456{place}")])
        made.append(one.id)
        if place >= 1:
            complete(one.id, day)
        if place == 2:
            assess(one.id, "0", reason="NO_PROOF", day=day)
        if place in (3, 5, 6):
            assess(one.id, "60000.00", day=day)
        if place == 4:
            assess(one.id, "45000.00", reason="PART_OF_LOSS", day=day)
        if place == 5:
            pay(one.id, "20000.00", reference=f"PAY-{one.claim_number}", day=day)
        if place == 6:
            pay(one.id, "60000.00", reference=f"PAY-{one.claim_number}", day=day)
    return made


HEIRS = [
    {"kind": "PRIMARY", "first_name": "Sipho", "last_name": "Dlamini", "relationship": "Husband",
     "share": "60.00", "date_of_birth": "1980-01-01"},
    {"kind": "PRIMARY", "first_name": "Zinhle", "last_name": "Dlamini", "relationship": "Daughter",
     "share": "40.00", "date_of_birth": "2015-06-01", "guardian_name": "Gogo Dlamini"},
    {"kind": "CONTINGENT", "first_name": "Palesa", "last_name": "Mokoena",
     "relationship": "Sister", "share": "100.00"},
]  # fmt: skip
"""A husband and a minor daughter, and a sister where neither is left."""


def name_heirs(policy_id: UUID, day: date, heirs: Sequence[dict[str, Any]] = HEIRS) -> None:
    """Name beneficiaries of a policy as from a day."""
    wanted = EndorsementRequest(
        type=EndorsementType.CHANGE_BENEFICIARIES,
        data={"beneficiaries": list(heirs)},
        effective_date=day,
    )
    with acting(AGENT, day) as now:
        endorse_policy(policy_id, wanted, on=day, now=now)
