"""A large book, fast: rows written in bulk, as true as if clerks had captured them.

Prices come from the tenant's launched products through the real rules; every policy has its
customer, members, benefits with layers, twelve premium lines, transfers for what fell due, event
and version. One audit entry a chunk names how many policies were made, not one a policy.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.billing.models import PremiumLine
from insurance.billing.services import premium_row
from insurance.core import clock, crypto
from insurance.core.bulk import write_rows
from insurance.core.counts import TenantCount
from insurance.core.db import db, transaction
from insurance.core.errors import DomainError
from insurance.core.ids import new_id
from insurance.core.numbering import format_number, take_numbers
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer, CustomerKind, Gender, LifeNumber, NumberKind
from insurance.customers.rules import match_name, search_text
from insurance.ledger.models import LedgerTransfer
from insurance.ledger.rules import due_premium_legs
from insurance.ledger.services import leave_uncounted
from insurance.organizations.queries import find_parameter, get_organization
from insurance.policies import rules
from insurance.policies.changes import Happening, PolicyChange, count_changes, rows_of
from insurance.policies.models import (
    BenefitLayer,
    BenefitStatus,
    EventCategory,
    InsuredObject,
    Policy,
    PolicyBenefit,
    PolicyEvent,
    PolicyMember,
    PolicyStatus,
    PolicyVersion,
    PremiumFrequency,
)
from insurance.policies.rules import contract_of
from insurance.policies.snapshots import snapshot
from insurance.products.models import ObjectKind, ProductStatus
from insurance.products.queries import find_launched, list_products, load_terms
from insurance.products.rules import ProductTerms
from insurance.quotes.rules import Life, PricedQuote, QuoteRequest, object_name, price_quote
from insurance.seeding.names import PersonData, id_number, make_person

CHUNK = 1_000
_LINES: Table = PremiumLine.__table__  # type: ignore[assignment]
_EVENTS: Table = PolicyEvent.__table__  # type: ignore[assignment]
_VERSIONS: Table = PolicyVersion.__table__  # type: ignore[assignment]
_TRANSFERS: Table = LedgerTransfer.__table__  # type: ignore[assignment]
_BIRTHDAYS = 14_939
"""How many birthdays the book draws from: a prime, about 41 years."""
_COVERS = tuple(Decimal(f"{cover}.00") for cover in (50_000, 100_000, 250_000, 500_000))


@dataclass(frozen=True, slots=True)
class _Offer:
    """A product as the book sells it."""

    terms: ProductTerms
    vat_rate: Decimal | None


def seed_book(
    policies: int,
    *,
    processes: int = 1,
    days_old: tuple[int, int] = (0, 700),
    on_progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Add so many policies, with a customer each, to the organization in scope.

    They began between so many days ago. Deterministic for a tenant and a starting point. Raises
    DomainError without a product on sale.
    """
    session = db.session()
    today = clock.today(get_organization(session).timezone)
    offers = _offers(session, today)
    if not offers:
        raise DomainError("Launch a product first: the book has nothing to sell.")
    with transaction() as taking:
        first = take_numbers(taking, "PL", today.year, policies)
    end = first + policies
    chunks = [range(at, min(at + CHUNK, end)) for at in range(first, end, CHUNK)]
    write = partial(_write_chunk, offers, today, days_old)
    made = 0
    for written in map(write, chunks) if processes == 1 else _spread(write, chunks, processes):
        made += written
        if made % (10 * CHUNK) == 0:
            on_progress(made)
    return made


def _spread(write: Callable[[range], int], chunks: list[range], processes: int) -> Iterator[int]:
    # Forked processes inherit the organization in scope; their connections are their own.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(write, chunks)


def _offers(session: Session, today: date) -> list[_Offer]:
    found = []
    for line in list_products(session, status=ProductStatus.LAUNCHED, limit=20).items:
        version = find_launched(session, line.product.id)
        if version is None:
            continue
        terms = load_terms(session, version.id)
        vat = None
        if terms.category == "NON_LIFE":
            vat = find_parameter(session, "vat_rate_per_cent", today)
        found.append(_Offer(terms, vat))
    return found


class _Rows:
    """What a chunk writes, table by table, in the order the foreign keys want."""

    def __init__(self) -> None:
        self.tables: dict[Table, list[dict[str, Any]]] = {}

    def add(self, record_: Any) -> None:
        """Take a record's columns."""
        table: Table = record_.__table__
        state = vars(record_)
        row = {column.key: state.get(column.key) for column in table.columns}
        row["org_id"] = current_org()
        self.tables.setdefault(table, []).append(row)

    def add_row(self, table: Table, row: dict[str, Any]) -> None:
        """Take a row as it is: the tables with dozens of rows a policy spare the objects."""
        self.tables.setdefault(table, []).append(row)

    def write(self, session: Session) -> None:
        """Insert everything, one statement a table."""
        # The checks of the foreign keys are planned while the tables may still be empty, and
        # would go on reading them from end to end.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        for table, rows in self.tables.items():
            write_rows(session, table, rows)


def _write_chunk(
    offers: list[_Offer], today: date, days_old: tuple[int, int], numbers: range
) -> int:
    random = Random(f"book {numbers.start}")
    prices: dict[Any, PricedQuote] = {}
    rows, issued = _Rows(), []
    for index in numbers:
        person = _person(random, 100_000 + index, today)
        customer = _customer(person, today)
        offer = random.choice(offers)
        effective = today - timedelta(days=random.randint(*days_old))
        priced, inputs = _price(offer, person, random, prices, effective)
        number = format_number("PL", today.year, index)
        policy = _policy(number, customer.id, offer, priced, inputs, effective)
        rows.add(customer)
        issued.append(_add_policy(rows, policy, offer, priced, person, today))
    with transaction() as session:
        rows.write(session)
        leave_uncounted(session, [row["id"] for row in rows.tables.get(_TRANSFERS, ())])
        record(
            session, action="policies.seed", resource="policies", after={"policies": len(issued)}
        )
        _count(session, issued)
    return len(issued)


def _person(random: Random, index: int, today: date) -> PersonData:
    """Return a person of 21 to 62 whose ID number nobody else of the book has.

    The sequence of an ID number repeats every 5 000 people. The step through the birthdays and
    their number have no common factor, so that no two people share both; permanent residents,
    so that nobody shares a number with the demonstration's citizens.
    """
    person = make_person(random, index)
    born = today - timedelta(days=21 * 366 + index * 7919 % _BIRTHDAYS)
    number = id_number(born, person.gender, index, is_citizen=False)
    return replace(person, born=born, id_number=number)


def _customer(person: PersonData, today: date) -> Customer:
    org_id, customer_id = current_org(), new_id()
    name = f"{person.first_name} {person.last_name}"
    now = datetime.combine(today, datetime.min.time(), UTC)
    return Customer(
        id=customer_id,
        kind=CustomerKind.PERSON,
        first_name=person.first_name,
        last_name=person.last_name,
        display_name=name,
        match_name=match_name(name),
        search_text=search_text(name, person.email, person.phone),
        id_number_cipher=crypto.encrypt(
            org_id, "customers", "id_number", customer_id, person.id_number
        ),
        id_number_index=crypto.blind_index(org_id, "id_number", person.id_number),
        date_of_birth=person.born,
        gender=Gender(person.gender),
        email=person.email,
        phone=person.phone,
        consents={},
        version=1,
        created_at=now,
        updated_at=now,
    )


def _price(
    offer: _Offer,
    person: PersonData,
    random: Random,
    prices: dict[Any, PricedQuote],
    effective: date,
) -> tuple[PricedQuote, dict[str, str]]:
    """Price once for each combination that prices alike; return what it was rated on too."""
    terms = offer.terms
    cover = random.choice(_COVERS)
    low, high = terms.min_sum_assured or cover, terms.max_sum_assured or cover
    cover = min(max(cover, low), high)
    age = min(max(effective.year - person.born.year, 20), min(terms.max_entry_age or 60, 60))
    inputs = {
        name: random.choice(table.levels(name))
        for table in (part.rate_table for part in terms.priced_benefits)
        if table is not None
        for name in table.rating_factors
    }
    key = (terms.version_id, age, person.gender, cover, tuple(sorted(inputs.items())))
    if key not in prices:
        request = QuoteRequest(
            effective_date=effective,
            sum_assured=cover,
            rating_inputs=inputs,
            lives=(Life(age=age, gender=person.gender),),
        )
        prices[key] = price_quote(replace(terms, questions=()), request)
    return prices[key], inputs


def _policy(
    number: str,
    customer_id: UUID,
    offer: _Offer,
    priced: PricedQuote,
    inputs: dict[str, str],
    effective: date,
) -> Policy:
    issued = datetime(effective.year, effective.month, effective.day, 8, tzinfo=UTC)
    return Policy(
        id=new_id(),
        policy_number=number,
        status=PolicyStatus.ACTIVE,
        product_id=offer.terms.product_id,
        product_version_id=offer.terms.version_id,
        customer_id=customer_id,
        quote_id=None,
        effective_date=effective,
        expiry_date=rules.expiry_date(effective, priced.term_years, offer.terms.term_type),
        term_years=priced.term_years,
        due_day=effective.day,
        frequency=PremiumFrequency.MONTHLY,
        premium=priced.monthly_premium,
        instalment=priced.instalment,
        coverage_amount=priced.sum_assured,
        rating={
            "age": priced.age,
            "gender": priced.gender,
            "rating_inputs": dict(inputs),
        },
        current_version=1,
        issued_at=issued,
        updated_at=issued,
    )


def _add_policy(
    rows: _Rows,
    policy: Policy,
    offer: _Offer,
    priced: PricedQuote,
    person: PersonData,
    today: date,
) -> PolicyChange:
    number = _number(policy, person)
    insured = _insured(policy, offer.terms, person, number.id)
    benefits, layers = _benefits(policy, insured, priced, offer.terms)
    rows.add(policy)
    if isinstance(insured, PolicyMember):
        rows.add(number)
    for part in (insured, *benefits, *layers):
        rows.add(part)
    _add_premiums(rows, policy, offer, today)
    change = _issued(policy, insured, benefits, layers)
    history = rows_of([change], {}, now=policy.issued_at)
    for table, row in ((_EVENTS, history.events[0]), (_VERSIONS, history.versions[0])):
        rows.add_row(table, row)
    return change


def _number(policy: Policy, person: PersonData) -> LifeNumber:
    """Return the number of the holder's life; its text is the customer's."""
    return LifeNumber(
        id=new_id(),
        kind=NumberKind.ID_NUMBER,
        number_index=crypto.blind_index(current_org(), "id_number", person.id_number),
        number_cipher=None,
        created_at=policy.issued_at,
    )


def _insured(
    policy: Policy, terms: ProductTerms, person: PersonData, number_id: UUID
) -> PolicyMember | InsuredObject:
    """Return what a policy insures: the holder's life, or an object of the product's first kind."""
    if terms.object_kinds and not terms.insures_persons:
        return _object(policy, terms.object_kinds[0])
    return PolicyMember(
        id=new_id(),
        policy_id=policy.id,
        role="MAIN_MEMBER",
        first_name=person.first_name,
        last_name=person.last_name,
        date_of_birth=person.born,
        gender=person.gender,
        id_number_ref=number_id,
        passport_ref=None,
        effective_date=policy.effective_date,
        end_date=None,
    )


def _object(policy: Policy, kind: str) -> InsuredObject:
    """Return the object of a policy; its plate is the policy's number, so that no two are alike."""
    details: dict[str, Any] = {"rating_inputs": policy.rating["rating_inputs"]}
    if kind == "VEHICLE":
        plate = f"BK{policy.policy_number[-6:]}GP"
        details |= {"make": "Toyota", "model": "Corolla", "year": 2020, "registration": plate}
        details |= {"use": "PRIVATE", "drivers": []}
    elif kind == "ALL_RISKS":
        details["description"] = f"Item of {policy.policy_number}"
    else:
        place = {"address": f"{int(policy.policy_number[-3:]) + 1} Long Street"}
        details |= place | {"city": "Cape Town", "roof": "TILE", "use": "OWN_HOME"}
        details["construction"] = policy.rating["rating_inputs"].get("construction", "BRICK")
    return InsuredObject(
        id=new_id(),
        policy_id=policy.id,
        kind=ObjectKind(kind),
        name=object_name(kind, details),
        registration_key=details.get("registration"),
        value=policy.coverage_amount,
        details=details,
        effective_date=policy.effective_date,
        end_date=None,
    )


def _benefits(
    policy: Policy,
    insured: PolicyMember | InsuredObject,
    priced: PricedQuote,
    terms: ProductTerms,
) -> tuple[list[PolicyBenefit], list[BenefitLayer]]:
    is_life = isinstance(insured, PolicyMember)
    of_policy = {one.code for one in terms.priced_benefits if one.per_policy}
    benefits, layers = [], []
    for order, part in enumerate(priced.benefits, 1):
        benefit = PolicyBenefit(
            id=new_id(),
            policy_id=policy.id,
            member_id=insured.id if is_life else None,
            object_id=None if is_life or part.benefit_code in of_policy else insured.id,
            benefit_code=part.benefit_code,
            benefit_name=part.benefit_name,
            benefit_type_code=part.benefit_type,
            sum_assured=part.sum_assured,
            premium=part.monthly_premium,
            status=BenefitStatus.ACTIVE,
            display_order=order,
            is_main=part.is_main,
            worksheet={"exact": part.worksheet["exact"], "rounded": str(part.monthly_premium)},
        )
        benefits.append(benefit)
        layers.append(
            BenefitLayer(
                id=new_id(),
                policy_benefit_id=benefit.id,
                number=1,
                amount=part.sum_assured,
                starts_on=policy.effective_date,
                waiting_days=part.waiting_period_days,
                waiting_until=rules.waiting_until(policy.effective_date, part.waiting_period_days),
                reason="Issued",
            )
        )
    return benefits, layers


def _add_premiums(rows: _Rows, policy: Policy, offer: _Offer, today: date) -> None:
    schedule = rules.premium_schedule(
        policy.effective_date,
        policy.instalment,
        policy.frequency.value,
        policy.expiry_date,
    )
    for due in schedule:
        is_due = due.due_date <= today and due.amount > 0
        line_id = new_id()
        line = premium_row(policy.id, due.sequence, due.period, due.amount, line_id=line_id)
        rows.add_row(_LINES, line | {"posted_at": policy.issued_at if is_due else None})
        if is_due:
            for transfer in _transfers(policy, line_id, due, offer.vat_rate):
                rows.add_row(_TRANSFERS, transfer)


def _transfers(
    policy: Policy, line_id: UUID, due: rules.ScheduledPremium, vat_rate: Decimal | None
) -> Iterable[dict[str, Any]]:
    journal_id = new_id()
    for leg in due_premium_legs(due.amount, vat_rate):
        yield {
            "org_id": current_org(),
            "id": new_id(),
            "journal_id": journal_id,
            "posted_at": policy.issued_at,
            "effective_date": due.due_date,
            "type": leg.type,
            "description": f"{leg.description} {policy.policy_number} {due.due_date}",
            "debit_account": leg.debit_account,
            "credit_account": leg.credit_account,
            "amount": leg.amount,
            "policy_id": policy.id,
            "premium_line_id": line_id,
            "reference": None,
            "request_id": None,
            "reverses_id": None,
        }


def _issued(
    policy: Policy,
    insured: PolicyMember | InsuredObject,
    benefits: list[PolicyBenefit],
    layers: list[BenefitLayer],
) -> PolicyChange:
    members = [insured] if isinstance(insured, PolicyMember) else []
    objects = [insured] if isinstance(insured, InsuredObject) else []
    happening = Happening(
        policy.id,
        "POLICY_ISSUED",
        policy.effective_date,
        "Issued in bulk",
        {},
        category=EventCategory.LIFECYCLE,
        contract=contract_of(snapshot(policy, members, benefits, layers, objects)),
        version_reason="Policy issued",
    )
    return PolicyChange(policy=policy, happenings=[happening], is_new=True)


def _count(session: Session, issued: list[PolicyChange]) -> None:
    count_changes(session, issued)
    wanted = upsert(TenantCount).values(
        org_id=current_org(), subject="customers", shard=0, items=len(issued)
    )
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=["org_id", "subject", "shard"],
            set_={"items": TenantCount.items + wanted.excluded["items"]},
        )
    )
