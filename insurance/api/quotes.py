"""Quotes in the API: calculate, save, re-price, accept."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, ListQuery, created, endpoint, listing
from insurance.api.endorsements import LifeAnswer, LifeNumberText, answers_by_question
from insurance.api.objects import ObjectBody, QuotedObjectAnswer, described, object_answer
from insurance.core import clock
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.customers.life_numbers import REFERENCES, numbers_shown, references_in
from insurance.customers.privacy import HIDDEN
from insurance.policies.models import PolicyStatus
from insurance.policies.services import accept_quote as accept
from insurance.quotes import queries, services
from insurance.quotes.models import Quote, QuoteStatus
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.rules import Life
from insurance.web.business import business_day
from insurance.web.parsing import Amount, Day, Money, RateNumber, Words

Code = Annotated[str, Field(max_length=60)]
Level = Annotated[Words, Field(max_length=200)]


class LifeBody(Answer):
    """A life to be insured. Either the age or the date of birth is known."""

    model_config = {"extra": "forbid"}

    relationship: Annotated[
        Words, Field(pattern="^(MAIN_MEMBER|SPOUSE|CHILD|PARENT|EXTENDED)$")
    ] = "MAIN_MEMBER"
    age: int | None = Field(None, ge=0, le=120)
    gender: Annotated[Words, Field(pattern="^(MALE|FEMALE|UNISEX)$")] | None = None
    date_of_birth: Day | None = None
    first_name: Annotated[Words, Field(max_length=200)] = ""
    last_name: Annotated[Words, Field(max_length=200)] = ""
    id_number: LifeNumberText | None = Field(
        None, description="South African; birth and gender follow from it"
    )
    passport_number: LifeNumberText | None = None
    passport_country: Annotated[Words, Field(max_length=2)] | None = None


class QuotedLifeAnswer(Answer):
    """A life of a quote. One quote at a time, who may see its numbers gets them whole."""

    relationship: str
    age: int | None
    gender: str | None
    date_of_birth: Day | None
    first_name: str
    last_name: str
    id_number: str | None
    passport_number: str | None = Field(None, description="After its country")


class OverrideBody(Answer):
    """Another sum assured for one benefit."""

    model_config = {"extra": "forbid"}

    benefit_code: Annotated[Words, Field(max_length=60)]
    sum_assured: Amount


class CalculateBody(Body):
    """What to price. Age and gender follow from the customer where one is named."""

    product_id: UUID
    customer_id: UUID | None = None
    age: int | None = Field(None, ge=0, le=120)
    gender: Annotated[Words, Field(pattern="^(MALE|FEMALE|UNISEX)$")] | None = None
    sum_assured: Amount | None = None
    term_years: int | None = Field(None, ge=1, le=100)
    frequency: Annotated[Words, Field(pattern="^(MONTHLY|QUARTERLY|HALF_YEARLY|ANNUAL)$")] = (
        "MONTHLY"
    )
    rating_inputs: dict[Code, Level] = Field(default_factory=dict, max_length=50)
    benefit_overrides: list[OverrideBody] | None = Field(None, max_length=100)
    excluded_benefits: list[Code] | None = Field(None, max_length=100)
    insured_lives: list[LifeBody] = Field(default_factory=list, max_length=50)
    insured_objects: list[ObjectBody] = Field(
        default_factory=list, max_length=50, description="Vehicles, buildings, contents, items"
    )
    inception_answers: dict[Code, Level] = Field(default_factory=dict, max_length=100)
    effective_date: Day | None = None


class PostedBenefit(Answer):
    """A benefit of an earlier calculation. What it does not say is not compared."""

    model_config = {"extra": "allow"}

    benefit_code: Annotated[Words, Field(max_length=60)]
    sum_assured: Amount
    monthly_premium: Amount


class QuoteBody(CalculateBody):
    """What to save. Figures of an earlier calculation are checked, never trusted."""

    customer_id: UUID
    monthly_premium: Amount | None = None
    benefit_premiums: list[PostedBenefit] = Field(default_factory=list, max_length=500)
    comparison_id: UUID | None = None


class AcceptBody(Body):
    """From when the policy is in force: the day the quote states, else this one, else today.

    A funeral policy may be refused with `life_questions` (409): is a life the one that another
    policy insures? Say so in `life_answers`. `payer_id` is a customer who pays in the holder's
    place.
    """

    effective_date: Day | None = None
    payer_id: UUID | None = None
    confirms_duplicate: bool = Field(
        False, description="A vehicle may be insured on another policy of the book too"
    )
    life_answers: Annotated[list[LifeAnswer], Field(max_length=100)] = []


class RepriceBody(Body):
    """The version of the quote that was read, and another first day of cover."""

    version: int | None = Field(None, ge=1, le=2**31)
    effective_date: Day | None = None


class DeclineBody(Body):
    """Why the customer does not want it."""

    reason: Annotated[Words, Field(min_length=1, max_length=500)]


class BenefitPremium(Answer):
    """The price of one benefit on one life or object, and its excess."""

    benefit_code: str
    benefit_name: str
    member_role: str
    life_name: str = ""
    sum_assured: Money
    rate: RateNumber | None
    rate_basis: str
    monthly_premium: Money
    pricing_method: str
    waiting_period_days: int
    is_main: bool = False
    object_name: str = ""
    excess_amount: Money = Decimal("0.00")
    excess_per_cent: RateNumber = Decimal(0)
    worksheet: dict[str, Any] | None = None


class Calculated(Answer):
    """A price, benefit by benefit."""

    product_id: UUID
    product_name: str
    monthly_premium: Money
    annual_premium: Money
    instalment: Money
    frequency: str
    sum_assured: Money
    age: int | None
    gender: str | None
    term_years: int
    pricing_method: str
    benefit_premiums: list[BenefitPremium]


class QuoteAnswer(Answer):
    """A saved quote. `status` is quoted, expired, accepted or declined.

    `effective_date` is the first day of cover that was stated; null where acceptance decides.
    """

    id: UUID
    quote_number: str
    status: str
    product_id: UUID
    product_version_id: UUID
    product_name: str | None = None
    customer_id: UUID
    customer_name: str | None = None
    comparison_id: UUID | None
    age: int | None
    gender: str | None
    sum_assured: Money
    term_years: int
    monthly_premium: Money
    annual_premium: Money
    benefit_premiums: list[BenefitPremium]
    insured_lives: list[QuotedLifeAnswer]
    insured_objects: list[QuotedObjectAnswer]
    rating_inputs: dict[str, str]
    inception_answers: dict[str, str]
    effective_date: Day | None
    priced_on: Day
    expires_on: Day
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


class IssuedPolicy(Answer):
    """The policy that an accepted quote became."""

    id: UUID
    policy_number: str
    effective_date: Day
    expiry_date: Day | None
    premium: Money
    coverage_amount: Money
    status: PolicyStatus


class AcceptAnswer(Answer):
    """The accepted quote and its policy."""

    quote: QuoteAnswer
    policy: IssuedPolicy


class QuotesQuery(ListQuery):
    """Which quotes."""

    status: QuoteStatus | None = None
    customer_id: UUID | None = None


@endpoint(
    "POST",
    "/quotes/calculate",
    may=QuotesMay.VIEW,
    body=CalculateBody,
    answer=Calculated,
    tag="Quotes",
)
def calculate_quote(body: CalculateBody):
    """Calculate a premium; nothing is written."""
    found = services.calculate(db.session(), _wanted(body), on=business_day())
    priced = found.priced
    return {
        "product_id": found.terms.product_id,
        "product_name": found.terms.product_name,
        "benefit_premiums": [vars_of(part) for part in priced.benefits],
        **{
            name: getattr(priced, name)
            for name in Calculated.model_fields
            if name not in ("product_id", "product_name", "benefit_premiums")
        },
    }


@endpoint(
    "POST",
    "/quotes",
    may=QuotesMay.CREATE,
    body=QuoteBody,
    answer=QuoteAnswer,
    status=201,
    tag="Quotes",
)
def create_quote(body: QuoteBody):
    """Save a quote; the server prices it again and refuses a premium that differs."""
    quote = services.create_quote(_wanted(body), on=business_day(), now=clock.now())
    return created(_answer(quote), "get_quote", quote_id=quote.id)


@endpoint(
    "GET", "/quotes", may=QuotesMay.VIEW, query=QuotesQuery, answer=list[QuoteAnswer], tag="Quotes"
)
def list_quotes(query: QuotesQuery):
    """List quotes, newest first."""
    after = decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None
    found = queries.list_quotes(
        db.session(),
        limit=query.limit,
        after=after,
        status=query.status,
        customer_id=query.customer_id,
    )
    on = business_day()
    return listing(
        found, lambda line: _answer(line.quote, line.customer_name, line.product_name, on)
    )


@endpoint("GET", "/quotes/<uuid:quote_id>", may=QuotesMay.VIEW, answer=QuoteAnswer, tag="Quotes")
def get_quote(quote_id: UUID):
    """Return one quote."""
    line = queries.get_quote_line(db.session(), quote_id)
    numbers = numbers_shown(db.session(), references_in(line.quote.insured_lives))
    return _answer(line.quote, line.customer_name, line.product_name, numbers=numbers)


@endpoint(
    "PUT",
    "/quotes/<uuid:quote_id>/accept",
    may=QuotesMay.ACCEPT,
    body=AcceptBody,
    answer=AcceptAnswer,
    tag="Quotes",
)
def accept_quote(quote_id: UUID, body: AcceptBody):
    """Accept a quote and issue the policy."""
    issued = accept(
        quote_id,
        effective_date=body.effective_date,
        confirms_duplicate=body.confirms_duplicate,
        life_answers=answers_by_question(body.life_answers),
        payer_id=body.payer_id,
        on=business_day(),
        now=clock.now(),
    )
    return {"quote": _answer(issued.quote), "policy": issued.policy}


@endpoint(
    "PUT",
    "/quotes/<uuid:quote_id>/reprice",
    may=QuotesMay.CREATE,
    body=RepriceBody,
    answer=QuoteAnswer,
    tag="Quotes",
)
def reprice_quote(quote_id: UUID, body: RepriceBody):
    """Price an open or expired quote again on the version sold today."""
    return _answer(
        services.reprice_quote(
            quote_id,
            version=body.version,
            effective_date=body.effective_date,
            on=business_day(),
            now=clock.now(),
        )
    )


@endpoint(
    "PUT",
    "/quotes/<uuid:quote_id>/decline",
    may=QuotesMay.CREATE,
    body=DeclineBody,
    answer=QuoteAnswer,
    tag="Quotes",
)
def decline_quote(quote_id: UUID, body: DeclineBody):
    """Note that the customer does not want it."""
    return _answer(services.decline_quote(quote_id, reason=body.reason, now=clock.now()))


def vars_of(part: Any) -> dict[str, Any]:
    """Return a priced benefit's fields as the answer has them."""
    return {name: getattr(part, name) for name in BenefitPremium.model_fields}


def _wanted(body: CalculateBody) -> services.QuoteInput:
    overrides = body.benefit_overrides
    posted: tuple[tuple[str, Decimal, Decimal], ...] = ()
    extra: dict[str, Any] = {}
    if isinstance(body, QuoteBody):
        posted = tuple(
            (part.benefit_code, part.sum_assured, part.monthly_premium)
            for part in body.benefit_premiums
        )
        extra = {"posted_premium": body.monthly_premium, "comparison_id": body.comparison_id}
    return services.QuoteInput(
        product_id=body.product_id,
        customer_id=body.customer_id,
        age=body.age,
        gender=body.gender,
        sum_assured=body.sum_assured,
        term_years=body.term_years,
        frequency=body.frequency,
        rating_inputs=body.rating_inputs,
        benefit_overrides=None
        if overrides is None
        else {override.benefit_code: override.sum_assured for override in overrides},
        excluded_benefits=None
        if body.excluded_benefits is None
        else frozenset(body.excluded_benefits),
        lives=tuple(Life(**life.model_dump()) for life in body.insured_lives),
        objects=tuple(described(one) for one in body.insured_objects),
        answers=body.inception_answers,
        effective_date=body.effective_date,
        posted_benefits=posted,
        **extra,
    )


def _life_answer(life: Mapping[str, Any], numbers: Mapping[UUID, str]) -> dict[str, Any]:
    answer = {name: life.get(name) for name in QuotedLifeAnswer.model_fields}
    for name, ref in zip(("id_number", "passport_number"), REFERENCES, strict=True):
        answer[name] = numbers.get(UUID(life[ref]), HIDDEN) if life.get(ref) else None
    return answer


def _answer(
    quote: Quote,
    customer_name: str | None = None,
    product_name: str | None = None,
    on: Any = None,
    *,
    numbers: Mapping[UUID, str] = MappingProxyType({}),
) -> dict[str, Any]:
    names = set(QuoteAnswer.model_fields) - {
        "status",
        "benefit_premiums",
        "insured_lives",
        "insured_objects",
        "rating_inputs",
        "inception_answers",
        "customer_name",
        "product_name",
        "effective_date",
    }
    answer = {name: getattr(quote, name) for name in names}
    return answer | {
        "status": queries.status_on(quote, on or business_day()),
        "customer_name": customer_name,
        "product_name": product_name,
        "effective_date": queries.stated_start(quote),
        "benefit_premiums": [
            part | {"worksheet": sheet}
            for part, sheet in zip(quote.benefit_premiums, quote.worksheet, strict=True)
        ],
        "insured_lives": [_life_answer(life, numbers) for life in quote.insured_lives],
        "insured_objects": [
            object_answer(one.kind, one.name, one.value, one.details)
            for one in queries.objects_of(quote)
        ],
        "rating_inputs": quote.request["rating_inputs"],
        "inception_answers": quote.request["inception_answers"],
    }
