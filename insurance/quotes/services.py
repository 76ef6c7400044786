"""Pricing for customers, and saving what was offered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.counts import count_change
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, StaleError, raise_all
from insurance.core.ids import new_id
from insurance.core.money import format_money
from insurance.core.numbering import next_number
from insurance.correspondence.services import keep_letter
from insurance.customers.life_numbers import (
    TYPED,
    KnownByNumber,
    keep_numbers,
    read_life_numbers,
)
from insurance.customers.models import Customer
from insurance.customers.number_search import counting_known_number, number_in
from insurance.customers.queries import get_customer
from insurance.customers.services import CustomerDetails, add_customer
from insurance.documents.pdf import render
from insurance.notifications.services import About, send_later
from insurance.organizations.queries import get_organization
from insurance.products.queries import (
    find_launched,
    funeral_caps_over_time,
    get_product,
    load_terms,
)
from insurance.products.rules import FUNERAL, ProductTerms
from insurance.quotes import queries, rules
from insurance.quotes.letters import write_quote
from insurance.quotes.models import Quote, QuoteStatus
from insurance.quotes.rules import (
    MAX_OBJECTS,
    Life,
    PricedBenefit,
    PricedQuote,
    QuotedObject,
    QuoteRequest,
    read_object,
)

MAX_LIVES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteInput:
    """What was asked for, as a clerk or a program says it.

    `objects` are described by their `kind`, their facts, `value`, `drivers` and `rating_inputs`.
    `posted_premium` and `posted_benefits` are what an earlier calculation answered; a figure that
    the rules do not give is refused.
    """

    product_id: UUID
    customer_id: UUID | None = None
    age: int | None = None
    gender: str | None = None
    sum_assured: Decimal | None = None
    term_years: int | None = None
    frequency: str = "MONTHLY"
    rating_inputs: Mapping[str, str] = field(default_factory=dict)
    benefit_overrides: Mapping[str, Decimal] | None = None
    excluded_benefits: frozenset[str] | None = None
    lives: tuple[Life, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    effective_date: date | None = None
    posted_premium: Decimal | None = None
    posted_benefits: tuple[tuple[str, Decimal, Decimal], ...] = ()
    comparison_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Calculation:
    """A price with the terms it was made from and the request it answers."""

    terms: ProductTerms
    request: QuoteRequest
    priced: PricedQuote


def calculate(session: Session, wanted: QuoteInput, *, on: date) -> Calculation:
    """Price a request on the version that is sold today. Writes nothing.

    Raises NotFoundError for an unknown product or customer, ConflictError for a product that is
    not sold, DomainError(s) at the fields that are not right.
    """
    terms = _terms_sold(session, wanted.product_id)
    customer = get_customer(session, wanted.customer_id) if wanted.customer_id else None
    request = _request_of(wanted, customer, terms, on)
    try:
        return _calculation(session, terms, request)
    except DomainError as refusal:
        if not _adds_customer(wanted, customer):
            raise
        raise_all(_as_given(refusal.errors))
        raise


def create_quote(
    wanted: QuoteInput,
    *,
    on: date,
    now: datetime,
    new_customer: CustomerDetails | None = None,
) -> Quote:
    """Price a request again and save it; a new customer is captured in the same transaction.

    Raises what `calculate` raises, and DomainError for a posted premium that differs.
    """
    number = new_customer.id_number if new_customer else None
    with counting_known_number(number), transaction() as session:
        if new_customer is not None:
            # What is wrong with the quote is said first: it must not tell whether a number is here.
            _check_posted(wanted, calculate(session, wanted, on=on).priced)
            customer = add_customer(session, new_customer, on=on, now=now)
            wanted = replace(wanted, customer_id=customer.id)
        if wanted.customer_id is None:
            raise DomainError("Choose the customer.", field="customer_id")
        found = calculate(session, wanted, on=on)
        _check_start(found, on)
        _check_posted(wanted, found.priced)
        found = _keeping_numbers(session, found, on, now)
        quote = Quote(
            id=new_id(),
            quote_number=next_number(session, "QT", on),
            status=QuoteStatus.QUOTED,
            product_id=found.terms.product_id,
            customer_id=wanted.customer_id,
            comparison_id=wanted.comparison_id,
            created_by=current_actor().email,
            created_at=now,
            version=1,
        )
        _write_price(quote, found, on, now)
        session.add(quote)
        session.flush()
        _record(session, quote, "quotes.create")
        count_change(session, "quotes", quote.id)
    return quote


def reprice_quote(
    quote_id: UUID,
    *,
    version: int | None,
    effective_date: date | None = None,
    on: date,
    now: datetime,
) -> Quote:
    """Price an open or expired quote again on the version sold today.

    It keeps the first day of cover that it states, unless another is given. Raises DomainError at
    `effective_date` for one that can no longer be met.
    """
    with transaction() as session:
        quote = queries.get_quote(session, quote_id, lock=True)
        _check_version(quote, version)
        if quote.status is not QuoteStatus.QUOTED:
            raise ConflictError(f"An {quote.status} quote is not priced again.")
        before = _summary(quote)
        terms = _terms_sold(session, quote.product_id)
        stored = queries.request_of(quote)
        start = effective_date or queries.stated_start(quote)
        request = replace(stored, effective_date=start or on, states_start=start is not None)
        found = _calculation(session, terms, _aged_again(request))
        _check_start(found, on)
        _write_price(quote, found, on, now)
        quote.version += 1
        _record(session, quote, "quotes.reprice", before)
    return quote


def decline_quote(quote_id: UUID, *, reason: str, now: datetime) -> Quote:
    """Note that the customer does not want it."""
    with transaction() as session:
        quote = queries.get_quote(session, quote_id, lock=True)
        if quote.status is not QuoteStatus.QUOTED:
            raise ConflictError(f"This quote is already {quote.status}.")
        before = _summary(quote)
        quote.status, quote.updated_at = QuoteStatus.DECLINED, now
        quote.version += 1
        _record(session, quote, "quotes.decline", before, reason)
    return quote


def mail_quote(quote_id: UUID, *, on: date, now: datetime) -> str:
    """Mail the quote to its customer as PDF, which is kept with it, and return the address.

    Raises DomainError for a customer without an e-mail address.
    """
    with transaction() as session:
        line = queries.get_quote_line(session, quote_id)
        customer = get_customer(session, line.quote.customer_id)
        if customer.email is None:
            raise DomainError("The customer has no e-mail address. Add one first.")
        number, about = line.quote.quote_number, About("quotes", quote_id, customer.id)
        paper = write_quote(session, quote_id, on, "")
        pdf = render(paper.template, paper.values)
        kept = keep_letter(
            session, about, pdf, title="Quote", letter="quote", number=number, now=now
        )
        send_later(
            session,
            "quote",
            to=customer.email,
            about=about,
            attachment=(f"{number}.pdf", pdf),
            document_id=kept.id,
            number=number,
            organization=get_organization(session).name,
            name=customer.display_name,
            product=line.product_name,
            premium=format_money(line.quote.monthly_premium),
            expires_on=f"{line.quote.expires_on:%Y/%m/%d}",
        )
        record(
            session,
            action="quotes.mail",
            resource="quotes",
            resource_id=quote_id,
            after={"to": customer.email},
        )
        return customer.email


def mark_accepted(session: Session, quote: Quote, *, now: datetime) -> None:
    """Close a locked quote that has become a policy, as a step of its acceptance."""
    before = _summary(quote)
    quote.status, quote.accepted_at, quote.updated_at = QuoteStatus.ACCEPTED, now, now
    quote.version += 1
    _record(session, quote, "quotes.accept", before)


def benefit_as_stored(part: PricedBenefit) -> dict[str, Any]:
    """Return a priced benefit as JSON, money as text."""
    return {
        "benefit_code": part.benefit_code,
        "benefit_name": part.benefit_name,
        "benefit_type": part.benefit_type,
        "member_role": part.member_role,
        "life": part.life,
        "life_name": part.life_name,
        "object": part.object,
        "object_name": part.object_name,
        "excess_amount": str(part.excess_amount),
        "excess_per_cent": f"{part.excess_per_cent.normalize():f}",
        "sum_assured": str(part.sum_assured),
        "rate": None if part.rate is None else f"{part.rate.normalize():f}",
        "rate_basis": part.rate_basis,
        "monthly_premium": str(part.monthly_premium),
        "pricing_method": part.pricing_method,
        "waiting_period_days": part.waiting_period_days,
        "is_main": part.is_main,
        "worksheet": dict(part.worksheet),
    }


def _check_start(found: Calculation, on: date) -> None:
    if found.request.states_start:
        rules.check_start_can_be_met(
            found.request.effective_date,
            on,
            backdating_limit_days=found.terms.backdating_limit_days,
        )


def _aged_again(request: QuoteRequest) -> QuoteRequest:
    """Let ages follow from dates of birth again; keep those that were only stated."""
    lives = tuple(
        life if life.date_of_birth is None else replace(life, age=None) for life in request.lives
    )
    is_dated = any(life.relationship == rules.MAIN and life.date_of_birth for life in lives)
    return replace(request, age=None if is_dated else request.age, lives=lives)


def _terms_sold(session: Session, product_id: UUID) -> ProductTerms:
    product = get_product(session, product_id)
    version = find_launched(session, product.id)
    if version is None:
        raise ConflictError(f"{product.name} is not on sale: it is {product.status}.")
    return load_terms(session, version.id)


def _calculation(session: Session, terms: ProductTerms, request: QuoteRequest) -> Calculation:
    caps = None
    if terms.class_code == FUNERAL:
        caps = funeral_caps_over_time(session)(request.effective_date)
    return Calculation(terms, request, rules.price_quote(terms, request, caps=caps))


def _request_of(
    wanted: QuoteInput, customer: Customer | None, terms: ProductTerms, on: date
) -> QuoteRequest:
    if len(wanted.lives) > MAX_LIVES:
        raise DomainError(f"At most {MAX_LIVES} lives.", field="insured_lives")
    if len(wanted.objects) > MAX_OBJECTS:
        raise DomainError(f"At most {MAX_OBJECTS} objects.", field="insured_objects")
    overrides, excluded = wanted.benefit_overrides, wanted.excluded_benefits
    if overrides is None and excluded is None and wanted.posted_benefits:
        overrides, excluded = _choices_in(wanted, terms)
    return QuoteRequest(
        effective_date=wanted.effective_date or on,
        states_start=wanted.effective_date is not None,
        age=wanted.age,
        gender=wanted.gender,
        sum_assured=wanted.sum_assured,
        term_years=wanted.term_years,
        frequency=wanted.frequency,
        rating_inputs=wanted.rating_inputs,
        benefit_overrides=overrides or {},
        excluded_benefits=excluded or frozenset(),
        lives=_lives_of(wanted, customer, on),
        objects=_objects_of(wanted, terms, wanted.effective_date or on),
        answers=wanted.answers,
    )


def _choices_in(
    wanted: QuoteInput, terms: ProductTerms
) -> tuple[dict[str, Decimal], frozenset[str]]:
    """Read from a posted calculation which cover was chosen and which benefits were left out."""
    posted = {code: cover for code, cover, _premium in wanted.posted_benefits}
    excluded = frozenset(
        part.code
        for part in terms.priced_benefits
        if not part.is_mandatory and part.code not in posted
    )
    overrides = {
        part.code: posted[part.code]
        for part in terms.priced_benefits
        if part.code in posted
        and not (wanted.objects and part.amount_type == "SUM_INSURED")
        and (part.amount_type != "SUM_INSURED" or posted[part.code] != wanted.sum_assured)
    }
    return overrides, excluded


def _objects_of(wanted: QuoteInput, terms: ProductTerms, on: date) -> tuple[QuotedObject, ...]:
    """Read the objects as they were described; what is wrong stands at its fact."""
    objects, errors = [], []
    levels = terms.factor_levels
    for place, given in enumerate(wanted.objects):
        try:
            kind = str(given.get("kind") or "")
            at = f"insured_objects.{place}"
            objects.append(read_object(kind, given, on=on, levels=levels, at=at))
        except DomainError as refusal:
            errors += refusal.errors
    raise_all(errors)
    return tuple(objects)


def _lives_of(wanted: QuoteInput, customer: Customer | None, on: date) -> tuple[Life, ...]:
    """Return the lives given, read; without a main member among them, the customer is the first."""
    lives, errors = [], []
    for place, given in enumerate(wanted.lives):
        try:
            lives.append(_with_birth(given, on))
        except DomainError as refusal:
            errors += [
                _at(error, f"insured_lives.{place}.{error.field}") for error in refusal.errors
            ]
    errors += _repeated(wanted.lives)
    raise_all(errors)
    if not _adds_customer(wanted, customer):
        return tuple(lives)
    assert customer is not None
    main = Life(
        relationship=rules.MAIN,
        gender=wanted.gender or (customer.gender.value if customer.gender else None),
        date_of_birth=customer.date_of_birth,
        first_name=customer.first_name or "",
        last_name=customer.last_name or "",
    )
    return (main, *lives)


def _adds_customer(wanted: QuoteInput, customer: Customer | None) -> bool:
    """Tell whether the customer is put before the lives given, as the main member."""
    if customer is None or customer.date_of_birth is None:
        return False
    return all(life.relationship != rules.MAIN for life in wanted.lives)


def _at(error: DomainError, field: str) -> DomainError:
    return DomainError(error.message, field=field)


def _repeated(lives: Sequence[Life]) -> list[DomainError]:
    """Return which lives have the ID number of one before them."""
    numbers = [number_in(life.id_number or "") for life in lives]
    return [
        DomainError("Another life has this number.", field=f"insured_lives.{place}.id_number")
        for place, number in enumerate(numbers)
        if number is not None and number in numbers[:place]
    ]


def _read_numbers(life: Life, on: date) -> KnownByNumber:
    typed = {name: getattr(life, name) for name in TYPED}
    return read_life_numbers(typed, life.date_of_birth, life.gender, on=on)


def _with_birth(life: Life, on: date) -> Life:
    """Return a life with the birth and gender that follow from its ID number."""
    read = _read_numbers(life, on)
    return replace(life, date_of_birth=read.date_of_birth, gender=read.gender)


def _as_given(errors: Sequence[DomainError]) -> list[DomainError]:
    """Return refusals at the places of the lives given, the customer having been put first."""
    found = []
    for error in errors:
        at = re.fullmatch(r"insured_lives\.([0-9]+)(?:\.(.+))?", error.field or "")
        if at is None:
            found.append(error)
        elif at[1] == "0":
            found.append(_at(error, at[2] if at[2] in ("age", "gender") else "customer_id"))
        else:
            found.append(
                _at(error, f"insured_lives.{int(at[1]) - 1}" + (f".{at[2]}" if at[2] else ""))
            )
    return found


def _keeping_numbers(session: Session, found: Calculation, on: date, now: datetime) -> Calculation:
    """Keep the numbers that were typed for lives; the quote has references to them."""
    references = keep_numbers(
        session, [_read_numbers(life, on).numbers for life in found.request.lives], now=now
    )

    def referring(lives: tuple[Life, ...]) -> tuple[Life, ...]:
        return tuple(
            replace(life, id_number_ref=ref.id_number_ref, passport_ref=ref.passport_ref)
            for life, ref in zip(lives, references, strict=True)
        )

    return replace(
        found,
        request=replace(found.request, lives=referring(found.request.lives)),
        priced=replace(found.priced, lives=referring(found.priced.lives)),
    )


def _check_posted(wanted: QuoteInput, priced: PricedQuote) -> None:
    rules.check_posted_premium(wanted.posted_premium, priced.monthly_premium)
    if wanted.posted_benefits:
        posted = sorted((code, premium) for code, _cover, premium in wanted.posted_benefits)
        computed = sorted((part.benefit_code, part.monthly_premium) for part in priced.benefits)
        if posted != computed:
            raise DomainError(
                "The benefits' premiums are not what the rates give. Calculate again.",
                field="benefit_premiums",
            )


def _write_price(quote: Quote, found: Calculation, on: date, now: datetime) -> None:
    priced = found.priced
    quote.product_version_id = found.terms.version_id
    quote.age, quote.gender = priced.age, priced.gender
    quote.sum_assured, quote.term_years = priced.sum_assured, priced.term_years
    quote.monthly_premium, quote.annual_premium = priced.monthly_premium, priced.annual_premium
    quote.request = queries.request_as_stored(found.request, priced)
    stored = [benefit_as_stored(part) for part in priced.benefits]
    quote.worksheet = [
        part.pop("worksheet") | {"benefit_code": part["benefit_code"]} for part in stored
    ]
    quote.benefit_premiums = stored
    quote.insured_lives = [queries.life_as_stored(life) for life in priced.lives]
    quote.priced_on = on
    quote.expires_on = on + timedelta(days=found.terms.quote_valid_days)
    quote.updated_at = now


def _check_version(quote: Quote, version: int | None) -> None:
    if version is not None and version != quote.version:
        raise StaleError(
            "Somebody else changed this quote first.",
            theirs={"version": quote.version, "monthly_premium": str(quote.monthly_premium)},
            yours={"version": version},
        )


def _record(
    session: Session,
    quote: Quote,
    action: str,
    before: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    record(
        session,
        action=action,
        resource="quotes",
        resource_id=quote.id,
        before=before,
        after=_summary(quote),
        reason=reason,
    )


def _summary(quote: Quote) -> dict[str, Any]:
    names = [
        "quote_number",
        "status",
        "product_id",
        "product_version_id",
        "customer_id",
        "sum_assured",
        "term_years",
        "monthly_premium",
        "expires_on",
    ]
    return {name: getattr(quote, name) for name in names}
