"""Issuing policies from accepted quotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import event_row
from insurance.billing.services import lay_lines, premium_row
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, DomainError, raise_all
from insurance.core.ids import new_id
from insurance.core.money import total
from insurance.core.numbering import next_number
from insurance.core.period import age_last_birthday
from insurance.core.text import name_key
from insurance.customers.life_numbers import REFERENCES, keep_numbers, numbers_of_customer
from insurance.customers.models import Customer, CustomerKind
from insurance.customers.queries import get_customer, lock_customer
from insurance.ledger.services import DuePremium, post_due_premiums
from insurance.organizations.queries import find_parameter, get_organization
from insurance.policies import rules
from insurance.policies.changes import Happening, PolicyChange, write_changes
from insurance.policies.models import (
    BenefitLayer,
    BenefitStatus,
    EventCategory,
    InsuredObject,
    Policy,
    PolicyBenefit,
    PolicyMember,
    PolicyStatus,
    PremiumFrequency,
)
from insurance.policies.rules import contract_of
from insurance.policies.services.contracts import pricer_of
from insurance.policies.services.double_insurance import check_registrations
from insurance.policies.services.life_cover import check_life_cover, keep_life_answers
from insurance.policies.services.payers import payer_of
from insurance.policies.snapshots import snapshot
from insurance.products.models import ObjectKind
from insurance.products.queries import get_product, get_version, load_terms
from insurance.products.rules import MAIN_MEMBER, ProductTerms, main_benefit
from insurance.quotes import queries as quotes
from insurance.quotes import rules as quote_rules
from insurance.quotes.models import Quote
from insurance.quotes.rules import check_can_be_accepted, registration_key, start_of_policy
from insurance.quotes.services import mark_accepted


@dataclass(frozen=True, slots=True)
class Issued:
    """An accepted quote and the policy it became."""

    quote: Quote
    policy: Policy


def accept_quote(
    quote_id: UUID,
    *,
    effective_date: date | None = None,
    confirms_duplicate: bool = False,
    life_answers: Mapping[str, bool] | None = None,
    payer_id: UUID | None = None,
    on: date,
    now: datetime,
) -> Issued:
    """Turn an open quote into a policy that is in force from the day the quote states.

    Where it states none, `effective_date` is the day, or else today. `payer_id` names who pays
    in the holder's place.

    Policy, members, benefits with their layers, twelve months of premiums, event, version and the
    ledger transfers of what is due are written together. Raises ConflictError for a quote that is
    accepted, expired or of a withdrawn product, or insures a vehicle that another policy insures
    unless that is confirmed; DomainError at `effective_date` for a start further back than the
    product allows, or another than the quote states. LifeQuestionsError where lives are likely on
    other policies and `life_answers` does not say.
    """
    answers = life_answers or {}
    try:
        with transaction() as session:
            return _accept(
                session, quote_id, effective_date, payer_id, confirms_duplicate, answers, on, now
            )
    except IntegrityError as error:
        if constraint_of(error) == "policies_quote_id_key":
            raise ConflictError("This quote has already been accepted.") from error
        raise


def _accept(
    session: Session,
    quote_id: UUID,
    effective_date: date | None,
    payer_id: UUID | None,
    confirms_duplicate: bool,
    life_answers: Mapping[str, bool],
    on: date,
    now: datetime,
) -> Issued:
    quote = quotes.get_quote(session, quote_id, lock=True)
    version = get_version(session, quote.product_version_id)
    product = get_product(session, quote.product_id)
    check_can_be_accepted(
        quote.status.value,
        quote.expires_on,
        product.status.value,
        version.status.value,
        on,
        replaced_are_repriced=get_organization(session).replaced_quotes_are_repriced,
    )
    terms = load_terms(session, version.id)
    if terms.class_code == "FUNERAL":
        # Two policies of one holder are issued one after the other: both count to the cap.
        lock_customer(session, quote.customer_id)
    effective = start_of_policy(
        quotes.stated_start(quote),
        effective_date,
        on,
        backdating_limit_days=terms.backdating_limit_days,
    )
    rules.check_effective_date(effective, on, backdating_limit_days=terms.backdating_limit_days)
    main_part = _main_part(quote, terms)
    if _headline(quote, main_part) != quote.sum_assured:
        raise ConflictError(
            "This quote states a cover that its benefits do not insure. Re-price it first."
        )
    insured = quotes.objects_of(quote)
    plates = [one.details.get("registration") or "" for one in insured]
    check_registrations(
        session,
        [(plate, f"insured_objects.{place}.registration") for place, plate in enumerate(plates)],
        besides=None,
        confirmed=confirms_duplicate,
    )
    policy = _policy_of(session, quote, terms, effective, on, now)
    policy.payer_id = payer_of(session, payer_id, quote.customer_id)
    session.add(policy)
    session.flush()
    members = _add_members(session, policy, quote, terms, now)
    objects = _add_objects(session, policy, insured)
    benefits, layers = _add_benefits(session, policy, quote, members, objects, main_part)
    _check_ages(members, terms, effective)
    state = snapshot(policy, members, benefits, layers, objects)
    lives = pricer_of(session, policy).lives(None, contract_of(state), effective)
    check_life_cover(session, policy.id, [lives], life_answers)
    keep_life_answers(session, policy.id, [lives], life_answers, now=now)
    lines = _add_premium_lines(session, policy)
    _post_due(session, policy, lines, terms, on, now)
    mark_accepted(session, quote, now=now)
    write_changes(session, [_change(policy, state, quote)], now=now)
    return Issued(quote, policy)


def _check_ages(members: Sequence[PolicyMember], terms: ProductTerms, effective: date) -> None:
    """Hold lives to the entry ages of their role on the day cover starts."""
    raise_all(
        [
            DomainError(
                f"{member.first_name} {member.last_name}: {problem}", field="effective_date"
            )
            for member in members
            if member.role != MAIN_MEMBER
            and member.date_of_birth is not None
            and (
                problem := terms.age_problem(
                    member.role, age_last_birthday(member.date_of_birth, effective)
                )
            )
        ]
    )


def _policy_of(
    session: Session, quote: Quote, terms: ProductTerms, effective: date, on: date, now: datetime
) -> Policy:
    request = quote.request
    return Policy(
        id=new_id(),
        policy_number=next_number(session, "PL", on),
        status=PolicyStatus.ACTIVE,
        product_id=quote.product_id,
        product_version_id=quote.product_version_id,
        customer_id=quote.customer_id,
        quote_id=quote.id,
        effective_date=effective,
        expiry_date=rules.expiry_date(effective, quote.term_years, terms.term_type),
        term_years=quote.term_years,
        due_day=effective.day,
        frequency=PremiumFrequency(request["frequency"]),
        premium=quote.monthly_premium,
        instalment=Decimal(request["instalment"]),
        coverage_amount=quote.sum_assured,
        rating={
            "age": quote.age,
            "gender": quote.gender,
            "rating_inputs": request["rating_inputs"],
            "inception_answers": request["inception_answers"],
        },
        current_version=1,
        issued_at=now,
        updated_at=now,
    )


def _main_part(quote: Quote, terms: ProductTerms) -> int:
    """Return the place of the main benefit among those of a quote, also of one from before."""
    parts = quote.benefit_premiums
    codes = {part["benefit_code"] for part in parts}
    main = main_benefit([benefit for benefit in terms.priced_benefits if benefit.code in codes])
    code = main.code if main else None
    ranked = sorted(
        range(len(parts)),
        key=lambda at: (
            not parts[at].get("is_main"),
            parts[at]["benefit_code"] != code,
            parts[at]["member_role"] != MAIN_MEMBER,
        ),
    )
    return ranked[0]


def _headline(quote: Quote, main_part: int) -> Decimal:
    """Return what the main benefit insures, of all objects where it insures those."""
    parts = quote.benefit_premiums
    main = parts[main_part]
    alike = [
        Decimal(part["sum_assured"])
        for part in parts
        if part["benefit_code"] == main["benefit_code"] and part.get("object") is not None
    ]
    return total(alike) if alike else Decimal(main["sum_assured"])


def _add_members(
    session: Session, policy: Policy, quote: Quote, terms: ProductTerms, now: datetime
) -> list[PolicyMember]:
    """Insure the lives of the quote, in its order; a person without any insures themselves.

    A product that insures things and no persons has no lives: those of its quote were rated only.
    """
    if terms.object_kinds and not terms.insures_persons:
        return []
    lives = quote.insured_lives
    holder = get_customer(session, policy.customer_id)
    has_main = any(life["relationship"] == MAIN_MEMBER for life in lives)
    if not has_main and holder.kind is CustomerKind.PERSON:
        lives = [*lives, _holder_as_life(holder)]
    members = [
        PolicyMember(
            id=new_id(),
            policy_id=policy.id,
            role=life["relationship"],
            first_name=life["first_name"],
            last_name=life["last_name"],
            date_of_birth=date.fromisoformat(born) if (born := life["date_of_birth"]) else None,
            gender=life["gender"],
            effective_date=policy.effective_date,
            end_date=None,
            **{name: UUID(life[name]) if life.get(name) else None for name in REFERENCES},
        )
        for life in lives
    ]
    _take_numbers_of_holder(session, holder, members, now)
    _check_numbers(members)
    session.add_all(members)
    session.flush()
    return members


def _take_numbers_of_holder(
    session: Session, holder: Customer, members: Sequence[PolicyMember], now: datetime
) -> None:
    """Let the holder as main member have the numbers that they have as a customer."""
    main = next((member for member in members if member.role == MAIN_MEMBER), None)
    if main is None or holder.kind is not CustomerKind.PERSON or not holder.has_number:
        return
    name = f"{main.first_name} {main.last_name}".strip()
    is_holder = main.date_of_birth == holder.date_of_birth and (
        not name or name_key(name) == name_key(holder.display_name)
    )
    if is_holder:
        (own,) = keep_numbers(session, [numbers_of_customer(holder)], now=now)
        main.id_number_ref = main.id_number_ref or own.id_number_ref
        main.passport_ref = main.passport_ref or own.passport_ref


def _check_numbers(members: Sequence[PolicyMember]) -> None:
    """Refuse lives that have one number between them."""
    for name in REFERENCES:
        known: dict[UUID, PolicyMember] = {}
        for member in members:
            number = getattr(member, name)
            if number is not None and number in known:
                first = known[number]
                raise ConflictError(
                    f"{first.first_name} {first.last_name} and {member.first_name} {member.last_name}"
                    " have one ID or passport number. Quote for the right number."
                )
            if number is not None:
                known[number] = member


def _add_objects(
    session: Session, policy: Policy, insured: Sequence[quote_rules.QuotedObject]
) -> list[InsuredObject]:
    rows = []
    for one in insured:
        assert one.value is not None
        plate = registration_key(one.details.get("registration") or "")
        rows.append(
            InsuredObject(
                id=new_id(),
                policy_id=policy.id,
                kind=ObjectKind(one.kind),
                name=one.name,
                registration_key=plate or None,
                value=one.value,
                details=dict(one.details),
                effective_date=policy.effective_date,
                end_date=None,
            )
        )
    session.add_all(rows)
    session.flush()
    return rows


def _holder_as_life(holder: Customer) -> dict[str, Any]:
    return {
        "relationship": "MAIN_MEMBER",
        "first_name": holder.first_name or "",
        "last_name": holder.last_name or "",
        "date_of_birth": holder.date_of_birth.isoformat() if holder.date_of_birth else None,
        "gender": holder.gender.value if holder.gender else None,
    }


def _add_benefits(
    session: Session,
    policy: Policy,
    quote: Quote,
    members: list[PolicyMember],
    objects: list[InsuredObject],
    main_part: int,
) -> tuple[list[PolicyBenefit], list[BenefitLayer]]:
    main = next((member for member in members if member.role == "MAIN_MEMBER"), None)
    benefits, layers = [], []
    for order, (part, sheet) in enumerate(
        zip(quote.benefit_premiums, quote.worksheet, strict=True), 1
    ):
        member = _life_of(part, members, main)
        place = part.get("object")
        benefit = PolicyBenefit(
            id=new_id(),
            policy_id=policy.id,
            member_id=member.id if member else None,
            object_id=None if place is None else objects[place].id,
            benefit_code=part["benefit_code"],
            benefit_name=part["benefit_name"],
            benefit_type_code=part["benefit_type"],
            sum_assured=Decimal(part["sum_assured"]),
            premium=Decimal(part["monthly_premium"]),
            status=BenefitStatus.ACTIVE,
            display_order=order,
            is_main=order == main_part + 1,
            worksheet=sheet | {"rate": part["rate"], "rate_basis": part["rate_basis"]},
        )
        days = part["waiting_period_days"]
        layers.append(
            BenefitLayer(
                id=new_id(),
                policy_benefit_id=benefit.id,
                number=1,
                amount=benefit.sum_assured,
                starts_on=policy.effective_date,
                waiting_days=days,
                waiting_until=rules.waiting_until(policy.effective_date, days),
                reason="Issued",
            )
        )
        benefits.append(benefit)
    session.add_all(benefits)
    session.flush()
    session.add_all(layers)
    return benefits, layers


def _life_of(
    part: dict[str, Any], members: Sequence[PolicyMember], main: PolicyMember | None
) -> PolicyMember | None:
    """Return the life of a priced benefit, None where it is on all the lives of a role together."""
    if part["life"] is not None and members:
        return members[part["life"]]
    return main if part["member_role"] == MAIN_MEMBER else None


def _add_premium_lines(session: Session, policy: Policy) -> list[dict[str, Any]]:
    schedule = rules.premium_schedule(
        policy.effective_date,
        policy.instalment,
        policy.frequency.value,
        policy.expiry_date,
    )
    return [premium_row(policy.id, due.sequence, due.period, due.amount) for due in schedule]


def _post_due(
    session: Session,
    policy: Policy,
    lines: list[dict[str, Any]],
    terms: ProductTerms,
    on: date,
    now: datetime,
) -> None:
    """Write the schedule and charge the premiums that have fallen due by the business day."""
    due = [line for line in lines if line["due_date"] <= on and line["amount"] > 0]
    for line in due:
        line["posted_at"] = now
    lay_lines(session, lines)
    for line in due:
        # VAT follows the rate of the day the premium falls due, also where cover was backdated.
        vat_rate = (
            find_parameter(session, "vat_rate_per_cent", line["due_date"])
            if terms.category == "NON_LIFE"
            else None
        )
        premium = DuePremium(
            policy.id, policy.policy_number, line["id"], line["due_date"], line["amount"]
        )
        post_due_premiums(session, [premium], vat_rate=vat_rate, now=now)


def _change(policy: Policy, state: dict[str, Any], quote: Quote) -> PolicyChange:
    """Return a policy's beginning: its first event and version."""
    issued = Happening(
        policy.id,
        "POLICY_ISSUED",
        policy.effective_date,
        f"Issued from quote {quote.quote_number}",
        {"quote_number": quote.quote_number, "payer_id": policy.payer_id},
        category=EventCategory.LIFECYCLE,
        contract=contract_of(state),
        version_reason="Policy issued",
    )
    audit = event_row(
        action="policies.issue",
        resource="policies",
        resource_id=policy.id,
        after=_summary(policy) | {"quote_number": quote.quote_number},
    )
    return PolicyChange(policy=policy, happenings=[issued], audit=audit, is_new=True)


def _summary(policy: Policy) -> dict[str, Any]:
    names = [
        "policy_number",
        "status",
        "product_id",
        "customer_id",
        "effective_date",
        "expiry_date",
        "premium",
        "coverage_amount",
    ]
    return {name: getattr(policy, name) for name in names}
