"""The quote page: customer, cover and price, priced again as one types."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, SelectField

from insurance.blueprints.quotes import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, DomainErrors, raise_all
from insurance.core.money import format_money, parse_money
from insurance.customers.models import Customer, CustomerKind
from insurance.customers.privacy import may_see_identity
from insurance.customers.queries import get_customer
from insurance.customers.services import CustomerDetails, DuplicateCustomerError
from insurance.products.models import ProductStatus
from insurance.products.queries import find_launched, list_products, load_terms
from insurance.products.rules import OBJECT_KINDS, ProductTerms
from insurance.quotes import queries, services
from insurance.quotes.permissions import QuotesMay
from insurance.quotes.rules import MAIN, Life, PricedQuote, QuotedObject, excess_words
from insurance.web import drafts
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import (
    ChoiceField,
    DayField,
    Form,
    MoneyField,
    TextField,
    clean_text,
    parse_day,
)
from insurance.web.html import go, page, refuse
from insurance.web.object_forms import described, field_of, fill, object_fields

LIFE_ROWS = 6
OBJECT_ROWS = 3
RELATIONSHIPS = ("SPOUSE", "CHILD", "PARENT", "EXTENDED")
GENDERS = [("", "Not stated"), ("FEMALE", "Female"), ("MALE", "Male")]


class QuoteForm(Form):
    """Who and what. Cover, lives, rating and questions follow from the product."""

    customer_id = HiddenField()
    comparison_id = HiddenField()
    id_number = TextField("South African ID number", longest=20)
    first_name = TextField("First names")
    last_name = TextField("Surname")
    phone = TextField("Telephone", longest=30)
    email = TextField("E-mail address", longest=254)
    date_of_birth = DayField("Date of birth")
    gender = SelectField("Gender", choices=GENDERS, default="")
    product_id = SelectField("Product", choices=[])
    sum_assured = MoneyField("Sum assured")
    term_years = TextField("Term in years", longest=3, render_kw={"inputmode": "numeric"})
    frequency = SelectField(
        "Premium",
        default="MONTHLY",
        choices=[
            ("MONTHLY", "Monthly"),
            ("QUARTERLY", "Quarterly"),
            ("HALF_YEARLY", "Half-yearly"),
            ("ANNUAL", "Annual"),
        ],
    )
    effective_date = DayField("Cover starts")


@dataclass
class LifeRow:
    """One row of the lives table, as typed."""

    relationship: str = ""
    first_name: str = ""
    last_name: str = ""
    number: str = ""
    born: str = ""
    gender: str = ""


@dataclass
class QuoteEntry:
    """What stands on the page beyond the form's own fields."""

    covers: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    rating: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    lives: list[LifeRow] = field(default_factory=list)
    life_rows: list[int | None] = field(default_factory=list)
    objects: tuple[dict[str, Any], ...] = ()


class ObjectsForm(Form):
    """What is insured; the fields are made for the product and the kinds that were chosen."""

    kinds: dict[int, str]
    draft_name = "QuoteForm"

    def described(self) -> tuple[dict[str, Any], ...]:
        """Return the objects as they were typed."""
        found = []
        for place, kind in self.kinds.items():
            typed = described(self, kind, f"object_{place}_")
            if (
                place
                or len(typed) > 3
                or typed["rating_inputs"]
                or not request.form.get("sum_assured")
            ):
                found.append(typed)
        return tuple(found)


@bp.route("/new", methods=["GET", "POST"])
@requires(QuotesMay.CREATE)
def create() -> Response:
    """Show the page, price what stands on it (`act=price`), or save it."""
    form, entry = _read_page()
    act = request.form.get("act", "")
    if "existing" in request.form:
        _quote_for(request.form["existing"], form)
        act = "shape"
    customer = _customer(form)
    terms = _terms(form)
    things = _objects_form(form, terms)
    priced, problems = None, []
    if request.method == "POST" and not (form.validate() & things.validate()):
        problems = [
            DomainError(f"{part[name].label.text}: {words}", field=name)
            for part in (form, things)
            for name, found in part.errors.items()
            if name in part
            for words in found
        ]
    elif request.method == "POST" and terms is not None:
        entry.objects = things.described()
        try:
            if act not in ("price", "shape"):
                return _save(form, entry, customer, terms)
            priced = _price(form, entry, customer, terms)
        except DomainError as refusal:
            error = _at_rows(refusal, entry)
            problems = error.errors
            if act not in ("price", "shape"):
                _refuse(form, things, error)
    return page(
        "quotes/create.html",
        part={"price": "price", "shape": "quote_form"}.get(act, "quote_form"),
        status=max(form.status, things.status) if act not in ("price", "shape") else 200,
        form=form,
        entry=entry,
        customer=customer,
        terms=terms,
        priced=priced,
        problems=[problem for problem in problems if problem.message],
        relationships=_relationships(customer),
        things=things,
        slots=_slots(things),
        excess_words=excess_words,
        rated_on_object=_rated_on_object(terms, things),
        existing=_existing(problems),
        errors_at={problem.field: problem.message for problem in problems if problem.field},
    )


def _quote_for(known: str, form: QuoteForm) -> None:
    """Quote for a customer who is here already, or for nobody yet; what is asked for stays."""
    form.customer_id.data, form.customer_id.raw_data = known, None
    for name in ("id_number", "first_name", "last_name", "phone", "email", "date_of_birth"):
        form[name].data, form[name].raw_data = None, None


def _objects_form(quote: QuoteForm, terms: ProductTerms | None) -> ObjectsForm:
    """Return the fields of the objects a product insures: a choice of kind, then its facts."""
    typed = drafts.typed(quote)
    fields: dict[str, Any] = {}
    kinds: dict[int, str] = {}
    known = () if typed else _objects_beside()
    for place in range(OBJECT_ROWS if terms and terms.object_kinds else 0):
        assert terms is not None
        offered = [(kind, OBJECT_KINDS[kind]) for kind in terms.object_kinds]
        label = "Insured object" if place == 0 else f"Insured object {place + 1}"
        empty = None if place == 0 else "None"
        usual = terms.object_kinds[0] if place == 0 else ""
        if place < len(known):
            usual = known[place].kind
        chosen = typed.get(f"object_{place}_kind", usual)
        kind = chosen if chosen in terms.object_kinds else ""
        fields[f"object_{place}_kind"] = ChoiceField(
            label, empty=empty, choices=offered, default=kind
        )
        if kind:
            kinds[place] = kind
            fields |= object_fields(kind, terms, prefix=f"object_{place}_")
    form: ObjectsForm = type("ObjectsForm", (ObjectsForm,), fields)(
        meta={"csrf": False}  # The token stands in the form around it.
    )
    form.kinds = kinds
    for place, one in enumerate(known[:OBJECT_ROWS]):
        fill(form, one.details, f"object_{place}_", one.value)
    return form


def _objects_beside() -> Sequence[QuotedObject]:
    """Return the objects of the quote that another option is offered beside."""
    source = request.args.get("beside", "")
    if request.method != "GET" or not source:
        return ()
    return queries.objects_of(queries.get_quote(db.session(), _uuid(source, "beside")))


def _slots(things: ObjectsForm) -> list[tuple[Any, list[Any], list[Any]]]:
    """Return for each object its choice of kind, its facts and its drivers."""
    slots = []
    for place in range(OBJECT_ROWS):
        start = f"object_{place}_"
        own = [field for name, field in things._fields.items() if name.startswith(start)]
        drivers = [field for field in own if field.name.startswith(f"{start}driver_")]
        facts = [field for field in own[1:] if field not in drivers]
        if own:
            slots.append((own[0], facts, drivers))
    return slots


def _rated_on_object(terms: ProductTerms | None, things: ObjectsForm) -> set[str]:
    """Return the factors of the rates that are asked for with each object."""
    if terms is None or not things.kinds:
        return set()
    return {
        name
        for benefit in terms.priced_benefits
        if benefit.rate_table is not None
        for name in benefit.rate_table.rating_factors
    }


def _refuse(form: QuoteForm, things: ObjectsForm, error: DomainError) -> None:
    """Put each refusal at its field, of the quote or of an object."""
    of_objects, others = [], []
    for one in error.errors:
        at = re.fullmatch(r"insured_objects\.([0-9])\..+", one.field or "")
        if at:
            place = at[1]
            of_objects.append(field_of(one, f"insured_objects.{place}", f"object_{place}_"))
        elif things.kinds and (one.field or "").startswith("rating_inputs."):
            of_objects.append(field_of(one, "insured_objects.0", "object_0_"))
        else:
            others.append(one)
    if of_objects:
        refuse(things, DomainErrors(of_objects))
    if others:
        refuse(form, others[0] if len(others) == 1 else DomainErrors(others))


def _read_page() -> tuple[QuoteForm, QuoteEntry]:
    form = QuoteForm(data=_start() if request.method == "GET" else None)
    form.product_id.choices = [
        (str(line.product.id), line.product.name)
        for line in list_products(db.session(), status=ProductStatus.LAUNCHED, limit=100).items
    ]
    if request.method == "GET" and not form.product_id.data and form.product_id.choices:
        form.product_id.data = form.product_id.choices[0][0]
    typed = drafts.typed(form)
    if request.method == "GET" and not typed:
        return form, _entry_beside()
    entry = QuoteEntry(
        covers=_group(typed, "cover."),
        left_out=set(typed.getlist("leave_out")),
        rating=_group(typed, "rating."),
        answers=_group(typed, "answer."),
        lives=[_life_row(typed, index) for index in range(LIFE_ROWS)],
    )
    return form, entry


def _start() -> dict[str, Any]:
    """Return what the page starts with: a customer, or another quote to offer an option beside."""
    start: dict[str, Any] = {"product_id": request.args.get("product_id", "")}
    start["customer_id"] = request.args.get("customer_id", "")
    source = request.args.get("beside", "")
    if source:
        quote = queries.get_quote(db.session(), _uuid(source, "beside"))
        start |= {
            "customer_id": str(quote.customer_id),
            "comparison_id": str(quote.comparison_id or quote.id),
            "product_id": str(quote.product_id),
            "sum_assured": quote.sum_assured,
            "term_years": str(quote.term_years),
        }
    return start


def _entry_beside() -> QuoteEntry:
    """Return what stands on the page at first: what the other option was rated and answered with."""
    source = request.args.get("beside", "")
    if not source:
        return QuoteEntry(lives=[LifeRow() for _ in range(LIFE_ROWS)])
    quote = queries.get_quote(db.session(), _uuid(source, "beside"))
    asked = quote.request
    lives = [
        LifeRow(
            relationship=life["relationship"],
            first_name=life["first_name"],
            last_name=life["last_name"],
            born=(life["date_of_birth"] or "").replace("-", "/") if may_see_identity() else "",
            gender=life["gender"] or "" if may_see_identity() else "",
        )
        for life in asked["insured_lives"]
        if life["relationship"] in _relationships(get_customer(db.session(), quote.customer_id))
    ]
    return QuoteEntry(
        covers={
            code: format_money(Decimal(sum_))[2:]
            for code, sum_ in asked["benefit_overrides"].items()
        },
        left_out=set(asked["excluded_benefits"]),
        rating=dict(asked["rating_inputs"]),
        answers=dict(asked["inception_answers"]),
        lives=[*lives, *(LifeRow() for _ in range(LIFE_ROWS))][: max(LIFE_ROWS, len(lives))],
    )


def _save(
    form: QuoteForm, entry: QuoteEntry, customer: Customer | None, terms: ProductTerms
) -> Response:
    quote = services.create_quote(
        _wanted(form, entry, customer, terms),
        on=business_day(),
        now=clock.now(),
        new_customer=None if customer else _new_customer(form),
    )
    return go(url_for("quotes.show", quote_id=quote.id), f"Quote {quote.quote_number} was saved.")


def _price(
    form: QuoteForm, entry: QuoteEntry, customer: Customer | None, terms: ProductTerms
) -> PricedQuote:
    wanted = _wanted(form, entry, customer, terms)
    return services.calculate(db.session(), wanted, on=business_day()).priced


def _wanted(
    form: QuoteForm, entry: QuoteEntry, customer: Customer | None, terms: ProductTerms
) -> services.QuoteInput:
    errors: list[DomainError] = []
    overrides = {}
    for code, typed in entry.covers.items():
        if typed.strip():
            try:
                overrides[code] = parse_money(typed)
            except DomainError as error:
                errors.append(DomainError(error.message, field=f"benefit_overrides.{code}"))
    lives, life_errors = _lives(form, entry, customer)
    term = form.term_years.data or ""
    if term and not (term.isascii() and term.isdigit()):
        errors.append(DomainError("Enter whole years.", field="term_years"))
    raise_all([*errors, *life_errors])
    offered = {part.code for part in terms.priced_benefits}
    return services.QuoteInput(
        product_id=terms.product_id,
        customer_id=customer.id if customer else None,
        sum_assured=form.sum_assured.data,
        term_years=int(term) if term else None,
        frequency=form.frequency.data,
        rating_inputs={name: level for name, level in entry.rating.items() if level},
        benefit_overrides={code: sum_ for code, sum_ in overrides.items() if code in offered},
        excluded_benefits=frozenset(entry.left_out & offered),
        lives=lives,
        objects=entry.objects,
        answers={
            question.code: entry.answers[question.code]
            for question in terms.questions
            if entry.answers.get(question.code, "").strip()
        },
        effective_date=form.effective_date.data,
        comparison_id=_uuid(form.comparison_id.data, "comparison_id")
        if form.comparison_id.data
        else None,
    )


def _lives(
    form: QuoteForm, entry: QuoteEntry, customer: Customer | None
) -> tuple[tuple[Life, ...], list[DomainError]]:
    lives: list[Life] = []
    errors: list[DomainError] = []
    main = _main_life(form, customer, errors)
    if main is not None:
        lives.append(main)
        entry.life_rows.append(None)
    for index, row in enumerate(entry.lives):
        if row.relationship not in _relationships(customer):
            continue
        try:
            born = parse_day(row.born) if row.born else None
        except ValueError as error:
            errors.append(DomainError(str(error), field=f"life.{index}.born"))
            continue
        if born is None and not row.number:
            message = f"Life {index + 1}: Enter the ID number or the date of birth."
            errors.append(DomainError(message, field=f"life.{index}.born"))
        entry.life_rows.append(index)
        life = Life(row.relationship, None, row.gender or None, born, row.first_name, row.last_name)
        lives.append(_number_typed(life, row.number))
    return tuple(lives), errors


def _number_typed(life: Life, typed: str) -> Life:
    """Return a life with its ID number, or a passport number after its country's two letters."""
    plain = re.sub(r"[\s-]", "", typed)
    if plain[:1].isalpha():
        return replace(life, passport_country=plain[:2].upper(), passport_number=plain[2:])
    return replace(life, id_number=plain or None)


def _at_rows(error: DomainError, entry: QuoteEntry) -> DomainError:
    """Put what is wrong with a life at its row of the page."""
    found = []
    for one in error.errors:
        at = re.fullmatch(r"insured_lives\.([0-9]+)(?:\.(.+))?", one.field or "")
        row = entry.life_rows[int(at[1])] if at and int(at[1]) < len(entry.life_rows) else None
        if at is None or row is None:
            found.append(one)
            continue
        name = at[2] or ""
        column = "number" if name.startswith(("id_number", "passport")) else "born"
        column = name if name in ("gender", "first_name", "last_name") else column
        found.append(DomainError(f"Life {row + 1}: {one.message}", field=f"life.{row}.{column}"))
    return error if found == error.errors else DomainErrors(found)


def _relationships(customer: Customer | None) -> tuple[str, ...]:
    """Return what a life may be; for a holder that is no person also the main member."""
    is_person = customer is None or customer.kind is CustomerKind.PERSON
    return RELATIONSHIPS if is_person else (MAIN, *RELATIONSHIPS)


def _main_life(
    form: QuoteForm, customer: Customer | None, errors: list[DomainError]
) -> Life | None:
    if customer is not None:
        return None
    born, gender = form.date_of_birth.data, form.gender.data or None
    if form.id_number.data:
        from insurance.customers.rules import read_id_number

        try:
            facts = read_id_number(form.id_number.data, declared_birth=born, on=business_day())
            born, gender = facts.date_of_birth, facts.gender
        except DomainError as error:
            errors += error.errors
            return None
    if born is None:
        return None
    return Life(MAIN, None, gender, born, form.first_name.data or "", form.last_name.data or "")


def _new_customer(form: QuoteForm) -> CustomerDetails:
    return CustomerDetails(
        first_name=form.first_name.data or None,
        last_name=form.last_name.data or None,
        id_number=form.id_number.data or None,
        phone=form.phone.data or None,
        email=form.email.data or None,
        date_of_birth=form.date_of_birth.data,
        gender=form.gender.data or None,
    )


def _customer(form: QuoteForm) -> Customer | None:
    if not form.customer_id.data:
        return None
    return get_customer(db.session(), _uuid(form.customer_id.data, "customer_id"))


def _terms(form: QuoteForm) -> ProductTerms | None:
    if form.product_id.data not in dict(form.product_id.choices or []):
        return None
    version = find_launched(db.session(), UUID(form.product_id.data))
    return load_terms(db.session(), version.id) if version else None


def _existing(problems: list[DomainError]) -> Customer | None:
    for problem in problems:
        if isinstance(problem, DuplicateCustomerError):
            return get_customer(db.session(), problem.existing_id)
    return None


def _group(typed: "MultiDict[str, str]", prefix: str) -> dict[str, str]:
    return {
        name[len(prefix) :]: clean_text(value)[:200]
        for name, value in list(typed.items())[:500]
        if name.startswith(prefix)
    }


def _life_row(typed: "MultiDict[str, str]", index: int) -> LifeRow:
    values = _group(typed, f"life.{index}.")
    relationship = values.get("relationship", "")
    return LifeRow(
        relationship=relationship if relationship in (MAIN, *RELATIONSHIPS) else "",
        **{
            name: values.get(name, "")
            for name in ("first_name", "last_name", "number", "born", "gender")
        },
    )


def _uuid(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise DomainError("This is not a known record.", field=name) from error
