"""Letters about policies: schedule, confirmation of cover, statement of account."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.billing import queries as billing
from insurance.billing.models import LineStatus, PremiumLine
from insurance.core.money import ZERO, format_money, total
from insurance.core.tenancy import current_org
from insurance.core.text import code_in_words
from insurance.correspondence.kinds import LetterTemplate, Paper, RecordFacts
from insurance.correspondence.letters import (
    LetterTable,
    day_words,
    letter,
    own_words,
    paragraphs_of,
)
from insurance.customers.privacy import birth_words
from insurance.customers.queries import get_customer
from insurance.organizations.queries import get_organization
from insurance.policies import queries
from insurance.policies.models import InsuredObject, Policy, PolicyStatus
from insurance.products.queries import load_terms
from insurance.products.rules import OBJECT_FIELDS
from insurance.quotes.rules import excess_words


def facts_of(session: Session, policy_id: UUID) -> RecordFacts:
    """Return a policy as its letters name it: its holder is written to. Raises NotFoundError."""
    policy = queries.get_policy(session, policy_id)
    holder = get_customer(session, policy.customer_id)
    return RecordFacts(policy.policy_number, holder.id, holder.display_name, holder.email)


def find_mail_values(session: Session, number: str) -> Mapping[str, str] | None:
    """Return what mails say of the policy with a number, or None where there is none."""
    policy_id = session.scalar(
        select(Policy.id).where(Policy.org_id == current_org(), Policy.policy_number == number)
    )
    if policy_id is None:
        return None
    line = queries.get_policy_line(session, policy_id)
    return {
        "number": number,
        "name": line.customer_name,
        "product": line.product_name,
        "amount": format_money(line.policy.premium),
    }


def write_confirmation(session: Session, policy_id: UUID, on: date, wording: str) -> Paper:
    """Return the letter that says whether and for what there is cover on its day."""
    line = queries.get_policy_line(session, policy_id)
    policy, terms = line.policy, load_terms(session, line.policy.product_version_id)
    begun = policy.effective_date <= on
    covered = policy.status is PolicyStatus.ACTIVE and begun
    says = (
        f"We confirm that the policy is in force on {day_words(on)}, for what is listed here."
        if covered
        else f"On {day_words(on)} the policy gives no cover: it is {policy.status.value}."
        if begun
        else f"Cover under this policy begins on {day_words(policy.effective_date)}."
    )
    insured, amount = (
        ("Life", "Sum assured") if terms.insures_persons else ("Insured", "Sum insured")
    )
    benefits = [
        (
            view.benefit.benefit_name,
            (view.member_name if terms.insures_persons else view.object_name) or "–",
            format_money(view.benefit.sum_assured),
        )
        for view in queries.list_benefits(session, policy_id)
        if view.benefit.status == "ACTIVE"
    ]
    return letter(
        session,
        facts_of(session, policy_id),
        on,
        "Confirmation of cover",
        facts=[
            ("Policy", policy.policy_number),
            ("Product", line.product_name),
            ("In force from", day_words(policy.effective_date)),
            ("Premium", f"{format_money(policy.premium)} a month"),
        ],
        paragraphs=[says, *paragraphs_of(wording)],
        tables=[LetterTable("Cover", ("Benefit", insured, amount), benefits, (2,))],
        after=["The policy's terms apply. This letter adds nothing to them."],
    )


def write_statement(session: Session, policy_id: UUID, on: date, wording: str) -> Paper:
    """Return the account of a policy up to a day: what fell due, what came in, what is owed."""
    line = queries.get_policy_line(session, policy_id)
    due = [
        premium
        for premium in billing.list_premium_lines(session, policy_id)
        if premium.due_date <= on and premium.status is not LineStatus.CANCELLED
    ]
    owed = total(premium.outstanding for premium in due)
    receipts = billing.list_receipts(session, policy_id)
    return letter(
        session,
        facts_of(session, policy_id),
        on,
        "Statement of account",
        facts=[
            ("Policy", line.policy.policy_number),
            ("Product", line.product_name),
            ("Owed today", format_money(owed)),
        ],
        paragraphs=[
            "Nothing is owed. Thank you."
            if owed == ZERO
            else f"{format_money(owed)} of premiums that have fallen due is not paid.",
            *paragraphs_of(wording),
        ],
        tables=[
            LetterTable(
                "Premiums", ("Due", "Status", "Amount", "Paid", "Open"), _account(due), (2, 3, 4)
            ),
            LetterTable(
                "What came in",
                ("Received", "Kind", "Reference", "Amount"),
                [
                    (
                        day_words(receipt.received_on),
                        code_in_words(receipt.kind),
                        receipt.reference,
                        format_money(receipt.amount),
                    )
                    for receipt in reversed(receipts)
                    if receipt.status.value == "POSTED"
                ],
                (3,),
            ),
        ],
    )


def _account(due: Sequence[PremiumLine]) -> list[tuple[str, ...]]:
    return [
        (
            day_words(premium.due_date),
            code_in_words(premium.status),
            format_money(premium.amount),
            format_money(premium.paid_amount),
            format_money(premium.outstanding),
        )
        for premium in due
    ]


def write_schedule(session: Session, policy_id: UUID, on: date, _wording: str) -> Paper:
    """Return the schedule of a policy: what is insured, for how much, and what falls due."""
    line = queries.get_policy_line(session, policy_id)
    return Paper("policy.typ", _schedule(session, line, on))


def _schedule(session: Session, line: queries.PolicyLine, on: date) -> dict[str, Any]:
    policy = line.policy
    terms = load_terms(session, policy.product_version_id)
    of_lives = terms.insures_persons
    return {
        "of_lives": of_lives,
        "objects": [
            [one.name, _described(one), format_money(one.value), f"{one.effective_date:%Y/%m/%d}"]
            for one in queries.list_objects(session, policy.id)
            if one.end_date is None
        ],
        "insurer": get_organization(session).name,
        "number": policy.policy_number,
        "customer": line.customer_name,
        "product": line.product_name,
        "status": policy.status.value.capitalize(),
        "effective": f"{policy.effective_date:%Y/%m/%d}",
        "expiry": f"{ends:%Y/%m/%d}"
        if (ends := policy.ended_on or policy.expiry_date)
        else ("whole of life" if of_lives else "cancelled"),
        "premium": format_money(policy.premium),
        "cover": format_money(policy.coverage_amount),
        "version": policy.current_version,
        "printed": f"{on:%Y/%m/%d}",
        "benefits": [
            [
                view.benefit.benefit_name,
                view.member_name if of_lives else view.object_name,
                format_money(view.benefit.sum_assured),
                f"{view.waiting_until:%Y/%m/%d}"
                if of_lives
                else excess_words(*terms.excess(view.benefit.benefit_code)) or "none",
                format_money(view.benefit.premium),
            ]
            for view in queries.list_benefits(session, policy.id)
            if view.benefit.status == "ACTIVE"
        ],
        "members": [
            [
                f"{member.first_name} {member.last_name}".strip(),
                member.role.replace("_", " ").capitalize(),
                "On file" if member.id_number_ref else "Passport" if member.passport_ref else "–",
                birth_words(member.date_of_birth),
                f"{member.effective_date:%Y/%m/%d}",
            ]
            for member in (queries.list_members(session, policy.id) if of_lives else ())
        ],
        "premiums": [
            [f"{one.due_date:%Y/%m/%d}", format_money(one.amount), one.status.value.capitalize()]
            for one in billing.list_premium_lines(session, policy.id)
        ],
    }


def _described(one: InsuredObject) -> str:
    """Return the facts of an object that its name does not say."""
    said = ("make", "model", "year", "registration", "address", "city", "description", "drivers")
    facts = [
        f"{field.label} {code_in_words(one.details[field.name])}"
        for field in OBJECT_FIELDS[one.kind.value]
        if field.name not in said and one.details.get(field.name)
    ]
    drivers = [each["name"] for each in one.details.get("drivers") or []]
    return "; ".join([*facts, f"driven by {', '.join(drivers)}"] if drivers else facts)


LETTERS = (
    LetterTemplate("schedule", "Policy schedule", write_schedule),
    LetterTemplate("confirmation", "Confirmation of cover", write_confirmation),
    LetterTemplate("statement", "Statement of account", write_statement),
    own_words("policies"),
)
