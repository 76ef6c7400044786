"""What cover costs: each benefit rounded half up to the cent, the total the sum of these."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from insurance.core.errors import DomainError, raise_all
from insurance.core.money import ZERO, format_money, to_cents, total
from insurance.core.period import age_last_birthday
from insurance.products.rules import (
    EVERY_LIFE,
    INSURE_NO_LIFE,
    MAX_AGE,
    MONTHS_PER_PREMIUM,
    OBJECT_FIELDS,
    STILLBIRTH,
    BenefitTerms,
    FuneralCaps,
    ProductTerms,
    main_benefit,
    max_waiting_days,
)
from insurance.quotes.rules.answers import answer_errors
from insurance.quotes.rules.lookups import EXACT, look_up
from insurance.quotes.rules.objects import (
    QuotedObject,
    check_objects,
    check_value,
    rating_facts,
)
from insurance.quotes.rules.requests import MAIN, Life, PricedBenefit, PricedQuote, QuoteRequest

HUNDRED = Decimal(100)
MAX_TERM_YEARS = 100


def benefit_premium(basis: str, sum_assured: Decimal, rate: Decimal) -> Decimal:
    """Return the exact monthly premium before rounding.

    PER_MILLE: sum assured / 1000 × rate; PER_CENT: sum assured × rate / 100; FLAT: the rate.
    """
    if basis == "PER_MILLE":
        return EXACT.scaleb(EXACT.multiply(sum_assured, rate), -3)
    if basis == "PER_CENT":
        return EXACT.scaleb(EXACT.multiply(sum_assured, rate), -2)
    return rate


def price_quote(
    terms: ProductTerms, request: QuoteRequest, *, caps: FuneralCaps | None = None
) -> PricedQuote:
    """Price a request. Raises DomainError(s) naming the field of everything that is not right.

    `caps` are the most that a law lets one life be insured for under this product, as in force on
    the effective date; None where it sets no limit.
    """
    request = replace(request, lives=_aged_lives(request), objects=_valued(terms, request))
    main = _main_life(request)
    wanted = [
        benefit
        for benefit in terms.priced_benefits
        if benefit.code not in request.excluded_benefits
    ]
    leading = _leading(terms, main, request)
    headline = _headline(terms, leading, request)
    errors = [
        *_life_errors(terms, main, request),
        *other_age_errors(terms, request.lives),
        *_object_errors(terms, request),
        *_limit_errors(terms, leading, headline, request),
        *_code_errors(terms, request),
        *answer_errors(terms.questions, request.answers),
    ]
    raise_all(errors)
    priced = _priced(terms, wanted, main, headline or ZERO, request)
    priced = _with_main(priced, leading.code if leading else "")
    raise_all(_cap_errors(priced, main, request.lives, caps))
    monthly = total(part.monthly_premium for part in priced)
    return PricedQuote(
        monthly_premium=monthly,
        annual_premium=12 * monthly,
        instalment=instalment(priced, request.frequency, terms.modal_loadings),
        frequency=request.frequency,
        sum_assured=headline or ZERO,
        age=main.age,
        gender=main.gender,
        term_years=request.term_years or terms.default_term_years,
        pricing_method=terms.pricing_method,
        lives=request.lives,
        benefits=tuple(priced),
        objects=request.objects,
    )


def price_cover(
    terms: ProductTerms,
    benefit: BenefitTerms,
    amount: Decimal | None,
    life: Life,
    request: QuoteRequest,
    *,
    headline: Decimal,
    total_cover: Decimal | None,
) -> PricedBenefit:
    """Price one benefit on one life or object, such as cover added to a policy in force.

    What the object is rated on stands in the request's rating inputs.

    `amount` None takes what the product gives for the headline sum assured. The benefit's limit
    holds for `total_cover`, of which the amount is a part. Raises DomainError(s).
    """
    chosen = {} if amount is None else {benefit.code: amount}
    if total_cover is not None:
        whole = replace(request, benefit_overrides={benefit.code: total_cover})
        _check_cover(terms, benefit, total_cover, whole)
    return _price_benefit(
        terms, benefit, headline, None, life, replace(request, benefit_overrides=chosen)
    )


def instalment(
    benefits: Iterable[PricedBenefit], frequency: str, loadings: Mapping[str, Decimal]
) -> Decimal:
    """Return what falls due each time: months × premium × (1 + loading), rounded per benefit.

    A modal loading is in per cent of the premium.
    """
    factor = modal_factor(frequency, loadings)
    return total(to_cents(part.monthly_premium * factor) for part in benefits)


def modal_factor(frequency: str, loadings: Mapping[str, Decimal]) -> Decimal:
    """Return the months of a frequency × (1 + its loading); loadings are in per cent."""
    return MONTHS_PER_PREMIUM[frequency] * (1 + loadings.get(frequency, ZERO) / HUNDRED)


def _aged_lives(request: QuoteRequest) -> tuple[Life, ...]:
    """Work out ages from dates of birth, and refuse an age that disagrees with one."""
    errors: list[DomainError] = []
    lives = []
    for index, life in enumerate(request.lives):
        where, age, born = f"insured_lives.{index}", life.age, life.date_of_birth
        if born is not None and born > request.effective_date:
            errors.append(DomainError("Born after cover starts.", field=f"{where}.date_of_birth"))
            continue
        if born is not None:
            age = age_last_birthday(born, request.effective_date)
            errors += _age_errors(life, age, request, where)
        if age is not None and not 0 <= age <= MAX_AGE:
            errors.append(DomainError(f"Enter an age up to {MAX_AGE}.", field=f"{where}.age"))
        lives.append(life if age == life.age else replace(life, age=age))
    raise_all(errors)
    return tuple(lives)


def _age_errors(life: Life, age: int, request: QuoteRequest, where: str) -> list[DomainError]:
    """Hold the age of a life to its date of birth; the quote's own age speaks for the main one."""
    stated, field = life.age, f"{where}.age"
    if stated is None and life.relationship == MAIN:
        stated, field = request.age, "age"
    if stated in (None, age):
        return []
    return [DomainError(f"The date of birth gives age {age}.", field=field)]


def _main_life(request: QuoteRequest) -> Life:
    """Return the main member as the lives say, else as the quote's own age and gender say."""
    main = next((life for life in request.lives if life.relationship == MAIN), Life())
    return replace(
        main,
        age=request.age if main.age is None else main.age,
        gender=main.gender or request.gender,
    )


def _leading(terms: ProductTerms, main: Life, request: QuoteRequest) -> BenefitTerms | None:
    """Return the main benefit among those that insure a life or object asked for."""
    return main_benefit(
        [
            benefit
            for benefit in terms.priced_benefits
            if (benefit.is_mandatory or benefit.code not in request.excluded_benefits)
            and _risks(benefit, main, ZERO, request)
        ]
    )


def _headline(
    terms: ProductTerms, main: BenefitTerms | None, request: QuoteRequest
) -> Decimal | None:
    """Return what the main benefit insures; None where a sum assured must be asked for.

    The cover chosen for it, its fixed amount, the sum assured asked for, or else what is usual;
    of objects what it insures of all of them.
    """
    if main is None:
        return request.sum_assured or ZERO
    if main.code in request.benefit_overrides:
        return request.benefit_overrides[main.code]
    if request.objects:
        insured = [one.value or ZERO for one in request.objects if main.insures(one.kind)]
        return total(main.cover_for(value) for value in insured)
    if main.amount_type == "FIXED":
        return main.default_amount or ZERO
    usual = terms.coverage_amount
    if usual is None and main.pays_sum_assured:
        usual = main.default_amount or None
    stated = usual if request.sum_assured is None else request.sum_assured
    return None if stated is None else main.cover_for(stated)


def _with_main(priced: Sequence[PricedBenefit], code: str) -> list[PricedBenefit]:
    """Mark the main benefit: on the main member, else on the first life it is priced on."""
    alike = [at for at, part in enumerate(priced) if part.benefit_code == code]
    on_main = [at for at in alike if priced[at].member_role == MAIN]
    chosen = next(iter(on_main or alike), None)
    return [replace(part, is_main=at == chosen) for at, part in enumerate(priced)]


def _life_errors(terms: ProductTerms, main: Life, request: QuoteRequest) -> list[DomainError]:
    if sum(life.relationship == MAIN for life in request.lives) > 1:
        return [DomainError("A policy has one main member.", field="insured_lives")]
    if main.age is None:
        if terms.category != "LIFE":
            return []
        return [DomainError("Enter the age or the date of birth of the main member.", field="age")]
    low = 0 if terms.min_entry_age is None else terms.min_entry_age
    high = MAX_AGE if terms.max_entry_age is None else terms.max_entry_age
    if low <= main.age <= high:
        return []
    return [DomainError(f"Entry age is {low} to {high}; this is {main.age}.", field="age")]


def other_age_errors(terms: ProductTerms, lives: Sequence[Life]) -> list[DomainError]:
    """Return which lives beside the main member are too young or too old to join."""
    return [
        DomainError(problem, field=f"insured_lives.{index}.age")
        for index, life in enumerate(lives)
        if life.relationship != MAIN
        and (problem := terms.age_problem(life.relationship, life.age)) is not None
    ]


def _limit_errors(
    terms: ProductTerms,
    main: BenefitTerms | None,
    headline: Decimal | None,
    request: QuoteRequest,
) -> list[DomainError]:
    stated = request.sum_assured
    is_chosen = main is not None and main.code in request.benefit_overrides
    where = f"benefit_overrides.{main.code}" if main and is_chosen else "sum_assured"
    found = []
    low, high = terms.min_sum_assured, terms.max_sum_assured
    if request.objects:
        found += _object_sum_errors(headline or ZERO, request)
    elif headline is None:
        found.append(("Enter the sum assured.", "sum_assured"))
    elif headline <= 0 and is_chosen:
        pass  # Refused as a chosen cover.
    elif stated is not None and stated <= 0:
        found.append(("Cover must be more than nothing.", "sum_assured"))
    elif low is not None and headline < low:
        found.append((f"The smallest cover is {format_money(low)}.", where))
    elif high is not None and headline > high:
        found.append((f"The largest cover is {format_money(high)}.", where))
    elif main is not None and stated not in (None, headline):
        found.append(
            (
                f"{main.name} is the main benefit and insures {format_money(headline)},"
                f" not {format_money(stated or ZERO)}: one of the two must go.",
                where,
            )
        )
    if request.term_years is not None and not 1 <= request.term_years <= MAX_TERM_YEARS:
        found.append((f"A term has 1 to {MAX_TERM_YEARS} years.", "term_years"))
    if request.frequency not in MONTHS_PER_PREMIUM:
        found.append((f"Choose one of {', '.join(MONTHS_PER_PREMIUM)}.", "frequency"))
    return [DomainError(message, field=field) for message, field in found]


def _valued(terms: ProductTerms, request: QuoteRequest) -> tuple[QuotedObject, ...]:
    """Insure a single object for the sum asked for where it states no value of its own."""
    objects, asked = request.objects, request.sum_assured or terms.coverage_amount
    if len(objects) == 1 and objects[0].value is None and asked is not None:
        return (replace(objects[0], value=asked),)
    return objects


def _object_errors(terms: ProductTerms, request: QuoteRequest) -> list[DomainError]:
    if not request.objects:
        return []
    errors = check_objects(terms, request.objects)
    for place, one in enumerate(request.objects):
        errors += check_value(terms, one.value, f"insured_objects.{place}.value")
    follows = {
        benefit.code for benefit in terms.priced_benefits if benefit.amount_type == "SUM_INSURED"
    }
    errors += [
        DomainError("Enter the value of the object instead.", field=f"benefit_overrides.{code}")
        for code in sorted(follows & set(request.benefit_overrides))
    ]
    return errors


def _object_sum_errors(headline: Decimal, request: QuoteRequest) -> list[tuple[str, str]]:
    if request.sum_assured in (None, headline):
        return []
    return [(f"The objects are insured for {format_money(headline)}.", "sum_assured")]


def _code_errors(terms: ProductTerms, request: QuoteRequest) -> list[DomainError]:
    known = {benefit.code: benefit for benefit in terms.priced_benefits}
    found = []
    for code, amount in sorted(request.benefit_overrides.items()):
        if code not in known:
            found.append((f"This product has no benefit {code}.", "benefit_overrides"))
        elif amount < 0 or (amount == 0 and known[code].rate_table is not None):
            found.append(("Cover must be more than nothing.", f"benefit_overrides.{code}"))
    for code in sorted(request.excluded_benefits):
        if code not in known:
            found.append((f"This product has no benefit {code}.", "excluded_benefits"))
        elif known[code].is_mandatory:
            found.append((f"{known[code].name} cannot be left out.", "excluded_benefits"))
    return [DomainError(message, field=field) for message, field in found]


def _priced(
    terms: ProductTerms,
    wanted: Sequence[BenefitTerms],
    main: Life,
    headline: Decimal,
    request: QuoteRequest,
) -> list[PricedBenefit]:
    priced: list[PricedBenefit] = []
    errors: dict[tuple[str | None, str], DomainError] = {}
    for benefit in wanted:
        for risk in _risks(benefit, main, headline, request):
            try:
                priced.append(_price_risk(terms, benefit, risk))
            except DomainError as refusal:
                # Benefits that share a table would ask for the same factor again.
                errors |= {(error.field, error.message): error for error in refusal.errors}
    raise_all(list(errors.values()))
    if not priced:
        raise DomainError("Nothing is insured: choose a benefit.", field="excluded_benefits")
    return priced


@dataclass(frozen=True, slots=True)
class _Risk:
    """One life or object that a benefit is priced on, with the cover and facts to price it by."""

    life_place: int | None
    life: Life
    headline: Decimal
    request: QuoteRequest
    object_place: int | None = None


def _risks(
    benefit: BenefitTerms, main: Life, headline: Decimal, request: QuoteRequest
) -> list[_Risk]:
    """Return what a benefit is priced on: each object it insures, else each life of its role."""
    if not request.objects:
        return [
            _Risk(place, life, headline, request)
            for place, life in _insured_by(benefit, main, request.lives)
        ]
    insured = [
        _Risk(None, main, one.value or ZERO, _rated_on(one, request), place)
        for place, one in enumerate(request.objects)
        if benefit.insures(one.kind)
    ]
    if benefit.per_policy and insured:
        return [replace(insured[0], headline=headline, object_place=None)]
    return insured


def _rated_on(one: QuotedObject, request: QuoteRequest) -> QuoteRequest:
    facts = rating_facts(one.kind, one.value, one.details, request.effective_date)
    return replace(request, rating_inputs={**request.rating_inputs, **facts})


def _price_risk(terms: ProductTerms, benefit: BenefitTerms, risk: _Risk) -> PricedBenefit:
    place = risk.object_place
    try:
        part = _price_benefit(
            terms, benefit, risk.headline, risk.life_place, risk.life, risk.request
        )
    except DomainError as refusal:
        if place is not None:
            objects = risk.request.objects
            raise_all([_at_object(error, place, objects[place]) for error in refusal.errors])
        raise
    if place is None:
        return part
    return replace(part, object=place, object_name=risk.request.objects[place].name)


def _at_object(error: DomainError, place: int, one: QuotedObject) -> DomainError:
    """Return a refusal at the fact of the object that it is about."""
    where, name = f"insured_objects.{place}", (error.field or "").removeprefix("rating_inputs.")
    if error.field == "sum_assured":
        return DomainError(error.message, field=f"{where}.value")
    if name in {fact.name for fact in OBJECT_FIELDS[one.kind]} | {"value"}:
        return DomainError(error.message, field=f"{where}.{name}")
    if error.field != name and one.details.get("rating_inputs"):
        return DomainError(error.message, field=f"{where}.{error.field}")
    return error


def _insured_by(
    benefit: BenefitTerms, main: Life, lives: Sequence[Life]
) -> list[tuple[int | None, Life]]:
    """Return the lives a benefit is priced on, with their places among the lives given."""
    insured: list[tuple[int | None, Life]] = [
        (index, main if life.relationship == MAIN else life)
        for index, life in enumerate(lives)
        if benefit.member_role in (life.relationship, EVERY_LIFE)
    ]
    if benefit.member_role in (MAIN, EVERY_LIFE) and all(life is not main for _, life in insured):
        insured.insert(0, (None, main))
    if benefit.per_policy and insured:
        rated = next((life for _, life in insured if life is main), insured[0][1])
        return [(None, rated)]
    return insured


def _price_benefit(
    terms: ProductTerms,
    benefit: BenefitTerms,
    headline: Decimal,
    index: int | None,
    life: Life,
    request: QuoteRequest,
) -> PricedBenefit:
    amount, how = _cover(benefit, headline, request)
    if how == "sum assured" and not terms.insures_persons:
        how = "sum insured"
    _check_cover(terms, benefit, amount, request)
    table, rate = benefit.rate_table, None
    if table is None:
        exact = benefit.flat_premium or ZERO
        found: dict[str, Any] = {"flat_premium": str(exact), "formula": "flat premium"}
    else:
        rate, found = look_up(table, benefit, index, life, request.rating_inputs)
        exact = benefit_premium(table.basis, amount, rate)
        found["formula"] = _formula(table.basis, amount, rate)
    return PricedBenefit(
        benefit_code=benefit.code,
        benefit_name=benefit.name,
        benefit_type=benefit.benefit_type,
        member_role=_role(benefit, life),
        life=index,
        life_name=life.name,
        sum_assured=amount,
        rate=rate,
        rate_basis=table.basis if table else benefit.rate_basis,
        monthly_premium=to_cents(exact),
        pricing_method="RATE_TABLE" if table else "FLAT",
        waiting_period_days=_waiting_days(terms, benefit, request),
        excess_amount=benefit.excess_amount,
        excess_per_cent=benefit.excess_per_cent,
        worksheet=found | _rounding(terms, life, how, exact, request),
    )


def _role(benefit: BenefitTerms, life: Life) -> str:
    is_for_each_life = benefit.member_role == EVERY_LIFE and not benefit.per_policy
    return life.relationship if is_for_each_life else benefit.member_role


def _rounding(
    terms: ProductTerms, life: Life, how: str, exact: Decimal, request: QuoteRequest
) -> dict[str, Any]:
    """Return the part of the worksheet that every benefit has: cover, rounding and loading."""
    premium = to_cents(exact)
    loadings = terms.modal_loadings
    return {
        "cover": how,
        "age": life.age,
        "gender": life.gender,
        "exact": f"{exact.normalize(EXACT):f}",
        "rounding": "half up to the cent",
        "rounded": str(premium),
        "frequency": request.frequency,
        "loading_per_cent": f"{loadings.get(request.frequency, ZERO).normalize():f}",
        "instalment": str(to_cents(premium * modal_factor(request.frequency, loadings))),
    }


def _formula(basis: str, amount: Decimal, rate: Decimal) -> str:
    if basis == "PER_MILLE":
        return f"{amount} / 1000 × {rate:f}"
    if basis == "PER_CENT":
        return f"{amount} × {rate:f} / 100"
    return f"{rate:f}"


def _cover(benefit: BenefitTerms, headline: Decimal, request: QuoteRequest) -> tuple[Decimal, str]:
    """Return a benefit's sum assured and how it was found."""
    if benefit.code in request.benefit_overrides:
        return request.benefit_overrides[benefit.code], "chosen"
    cover = benefit.cover_for(headline)
    if benefit.amount_type == "FIXED":
        return cover, "fixed"
    if benefit.amount_type == "PERCENTAGE":
        share = HUNDRED if benefit.default_amount is None else benefit.default_amount
        return cover, f"{share.normalize():f}% of {headline}"
    if benefit.amount_type == "MULTIPLE":
        times = Decimal(1) if benefit.default_amount is None else benefit.default_amount
        return cover, f"{times.normalize():f} × {headline}"
    return cover, "sum assured"


def _check_cover(
    terms: ProductTerms, benefit: BenefitTerms, amount: Decimal, request: QuoteRequest
) -> None:
    """Refuse cover above the benefit's limit, or for one without above the product's."""
    is_chosen = benefit.code in request.benefit_overrides
    limit = benefit.max_amount
    if limit is None and is_chosen:
        limit = terms.max_sum_assured
    if limit is not None and amount > limit:
        raise DomainError(
            f"{benefit.name} is at most {format_money(limit)}; this is {format_money(amount)}.",
            field=f"benefit_overrides.{benefit.code}" if is_chosen else "sum_assured",
        )


def _waiting_days(terms: ProductTerms, benefit: BenefitTerms, request: QuoteRequest) -> int:
    """Return the waiting period, cut to what the law allows for a shorter term than usual."""
    years = request.term_years or terms.default_term_years
    most = max_waiting_days(terms.class_code, terms.term_type, years)
    days = benefit.waiting_period_days
    return days if most is None else min(days, most)


def _cap_errors(
    priced: Sequence[PricedBenefit], main: Life, lives: Sequence[Life], caps: FuneralCaps | None
) -> list[DomainError]:
    """Refuse a life whose benefits together are above its cap, riders included.

    A waiver of premium insures no sum of its own.
    """
    if caps is None:
        return []
    cover: dict[int | None, Decimal] = defaultdict(lambda: ZERO)
    main_place = next((at for at, life in enumerate(lives) if life.relationship == MAIN), None)
    for part in priced:
        if part.benefit_type not in INSURE_NO_LIFE:
            for place in _places(part, main_place, lives):
                cover[place] += part.sum_assured
    errors = [
        DomainError(
            f"At most {format_money(caps.under_6)} is paid for a stillborn child.",
            field=f"benefit_overrides.{part.benefit_code}",
        )
        for part in priced
        if part.benefit_type == STILLBIRTH and part.sum_assured > caps.under_6
    ]
    for place, amount in cover.items():
        life = main if place is None or place == main_place else lives[place]
        cap = caps.of(life.relationship, life.age)
        if amount > cap:
            who = life.name or life.relationship.replace("_", " ").lower()
            errors.append(
                DomainError(
                    f"Cover on one life is at most {format_money(cap)};"
                    f" {who} would have {format_money(amount)}.",
                    field="sum_assured" if place == main_place else f"insured_lives.{place}",
                )
            )
    return errors


def _places(
    part: PricedBenefit, main_place: int | None, lives: Sequence[Life]
) -> Sequence[int | None]:
    """Return whom a benefit covers: one life, or each of its role when it is per policy."""
    if part.life is not None or part.member_role == MAIN:
        return [main_place if part.life is None else part.life]
    if part.member_role == EVERY_LIFE:
        return list(dict.fromkeys([main_place, *range(len(lives))]))
    return [at for at, life in enumerate(lives) if life.relationship == part.member_role]
