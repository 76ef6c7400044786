"""Two insurers with people, products, customers and policies, made through the real commands.

Every write goes the way a clerk's would: same checks, same audit rows, same ledger. The generator
is seeded, so the same names and amounts come out each time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from flask import Flask

from insurance.core import clock
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.db import db, transaction
from insurance.core.listing import Wanted
from insurance.core.permissions import Role
from insurance.core.tenancy import PLATFORM_ORG_ID, platform_scope, tenant_scope
from insurance.customers.services import Address, CustomerDetails, create_customer
from insurance.identity.queries import list_members
from insurance.identity.services import add_user
from insurance.organizations.queries import find_entry
from insurance.organizations.services import NewOrganization, create_organization
from insurance.policies.models import PolicyStatus
from insurance.policies.portfolio_days import keep_portfolio_day
from insurance.policies.queries import list_policy_rows
from insurance.policies.services import accept_quote
from insurance.quotes.rules import Life
from insurance.quotes.services import QuoteInput, create_quote
from insurance.seeding.access import (
    seed_delegation,
    seed_keys,
    seed_refusal,
    seed_request,
    seed_warnings,
)
from insurance.seeding.claims import seed_assignment, seed_claims
from insurance.seeding.collections import (
    NOTICED_BEFORE,
    seed_answers,
    seed_lapses,
    seed_notices,
    seed_preview,
    seed_release,
    seed_run,
)
from insurance.seeding.correspondence import seed_correspondence
from insurance.seeding.moments import office_hour
from insurance.seeding.month_end import (
    coming_month_end,
    month_end_before,
    seed_application,
    seed_approval,
    seed_escalation,
    seed_plan,
)
from insurance.seeding.names import (
    PLACES,
    STREETS,
    VEHICLES,
    PersonData,
    id_number,
    make_person,
)
from insurance.seeding.parties import seed_beneficiaries, seed_holders
from insurance.seeding.products import seed_life_products, seed_non_life_products
from insurance.seeding.senders import seed_senders
from insurance.seeding.servicing import (
    seed_happenings,
    seed_lapse_rules,
    seed_mandate,
    seed_payments,
)

PASSWORD = "demo-password"
STAFF = {
    "admin": (Role.TENANT_ADMINISTRATOR, "Nomsa Khumalo"),
    "manager": (Role.MANAGER, "Johan Steyn"),
    "agent": (Role.AGENT, "Lerato Molefe"),
    "underwriter": (Role.UNDERWRITER, "Priya Naidoo"),
    "assessor": (Role.CLAIMS_ASSESSOR, "Sipho Dlamini"),
    "finance": (Role.FINANCE, "Fatima Davids"),
    "auditor": (Role.AUDITOR, "Pieter Botha"),
}
CUSTOMERS_EACH = 120
FIRST_CUSTOMER_DAYS = 360


def is_seeded(app: Flask) -> bool:
    """Tell whether the demonstration was begun here; whether it was finished, its caller knows."""
    with app.app_context(), platform_scope():
        return find_entry(db.session(), "ubuntu-life") is not None


def seed_demo(app: Flask, say: Callable[[str], None] = lambda _words: None) -> bool:
    """Fill an empty platform; returns False and does nothing where the demo is there already.

    `say` is told before each part what is made next, and which part of how many that is.
    """
    if is_seeded(app):
        return False
    with app.app_context():
        _platform_people()
        today = clock.today("Africa/Johannesburg")
        insurers = (
            _Insurer("ubuntu-life", "Ubuntu Life", "LIFE", seed_life_products, _life_input),
            _Insurer(
                "karoo-general",
                "Karoo General",
                "NON_LIFE",
                seed_non_life_products,
                _general_input,
            ),
        )
        parts = [(insurer, name, make) for insurer in insurers for name, make in _PARTS]
        for place, (insurer, name, make) in enumerate(parts, start=1):
            say(f"{place} of {len(parts)}: {insurer.name}, {name}")
            make(insurer, today)
    return True


@dataclass
class _Insurer:
    """An insurer of the demonstration: how it is made, and what is made of it by now."""

    slug: str
    name: str
    licence: str
    products: Callable[[datetime], dict[str, UUID]]
    wanted: Callable[[Random, dict[str, UUID], PersonData, UUID, int], QuoteInput]
    org_id: UUID = PLATFORM_ORG_ID
    offered: dict[str, UUID] = field(default_factory=dict)

    def acts(self, login: str) -> AbstractContextManager[None]:
        """Let one of the staff act."""
        return _as(self.slug, login, self.org_id)

    def id_of(self, login: str) -> UUID:
        """Return one of the staff."""
        return _member_id(self.slug, login)


def _platform_people() -> None:
    with tenant_scope(PLATFORM_ORG_ID), transaction() as session:
        add_user(
            session,
            email="platform@insurance.example",
            name="Platform Administrator",
            password=PASSWORD,
            roles=frozenset({Role.PLATFORM_ADMINISTRATOR}),
            now=clock.now(),
        )


def _open(insurer: _Insurer, _today: date) -> None:
    opened = datetime(2025, 9, 1, 7, tzinfo=UTC)
    with clock.frozen(opened):
        new = NewOrganization(name=insurer.name, slug=insurer.slug, licence_type=insurer.licence)
        insurer.org_id = create_organization(new, now=opened)
    with tenant_scope(insurer.org_id):
        _people(insurer.slug, opened)
        with insurer.acts("underwriter"), clock.frozen(opened):
            insurer.offered = insurer.products(opened)
        with insurer.acts("admin"), clock.frozen(opened):
            seed_lapse_rules(insurer.offered, opened)
            seed_senders(insurer.slug, insurer.name, opened)


def _sell(insurer: _Insurer, today: date) -> None:
    with tenant_scope(insurer.org_id):
        _book(insurer.slug, insurer.org_id, insurer.offered, insurer.wanted, today)
        if insurer.licence == "LIFE":
            with insurer.acts("agent"):
                seed_holders(insurer.offered, today)


def _collect(insurer: _Insurer, today: date) -> None:
    """Let premiums be paid and missed until the last month nears its end, the last by a bank."""
    last = month_end_before(today)
    with tenant_scope(insurer.org_id):
        with insurer.acts("manager"):
            seed_escalation(insurer.offered, last)
        with insurer.acts("finance"):
            first = until = today - timedelta(days=FIRST_CUSTOMER_DAYS)
            for before in NOTICED_BEFORE:
                until = last - timedelta(days=before)
                seed_payments(first, until)
                seed_notices(until)
                first = until
            run = seed_run(last - timedelta(days=8), until)
        with insurer.acts("admin"):
            seed_release(run.id, last - timedelta(days=7))
        with insurer.acts("finance"):
            seed_answers(run, last - timedelta(days=2))


def _end_month(insurer: _Insurer, _today: date) -> None:
    last = month_end_before(_today)
    with tenant_scope(insurer.org_id):
        with insurer.acts("finance"):
            run_id = seed_plan(last, last)
        with insurer.acts("manager"):
            seed_approval(run_id, last)
        with insurer.acts("finance"):
            seed_application(run_id, last)


def _go_on(insurer: _Insurer, today: date) -> None:
    """Let this month go as far as today, and leave something of everything to people."""
    with tenant_scope(insurer.org_id):
        with insurer.acts("finance"):
            seed_payments(month_end_before(today), today)
        with insurer.acts("agent"):
            request_id = seed_request(_a_policy(), today)
        with insurer.acts("manager"):
            seed_refusal(request_id, today)
            seed_happenings(insurer.slug, today)
            seed_lapses(today)
            seed_delegation(insurer.id_of("underwriter"), today)
        with insurer.acts("admin"):
            seed_keys(today)
        seed_warnings()
        with insurer.acts("finance"):
            seed_plan(coming_month_end(today), today)
            seed_run(today, today - timedelta(days=5))
            seed_preview(today)


def _claim(insurer: _Insurer, today: date) -> None:
    with tenant_scope(insurer.org_id):
        seed_claims(insurer.slug, today)
        with insurer.acts("agent"):
            seed_correspondence(today)
        with insurer.acts("manager"):
            seed_assignment(insurer.id_of("assessor"), today)
        keep_portfolio_day(on=today, now=clock.now())


_PARTS: tuple[tuple[str, Callable[[_Insurer, date], None]], ...] = (
    ("people, products, rates and rules", _open),
    ("a year of customers, quotes and policies", _sell),
    ("a year of premiums, a debit run and the bank's answers", _collect),
    ("last month's end", _end_month),
    ("changes, lapses, keys and what waits for people", _go_on),
    ("claims, from notified to paid", _claim),
)


def _people(slug: str, now: datetime) -> None:
    with clock.frozen(now), transaction() as session:
        for login, (role, name) in STAFF.items():
            add_user(
                session,
                email=f"{login}@{slug}.example",
                name=name,
                password=PASSWORD,
                roles=frozenset({role}),
                now=now,
            )


def _book(
    slug: str,
    org_id: UUID,
    offered: dict[str, UUID],
    wanted: Callable[[Random, dict[str, UUID], PersonData, UUID, int], QuoteInput],
    today: date,
) -> None:
    """Capture customers over the past year and take three of four from quote to policy."""
    random = Random(slug)
    for index in range(CUSTOMERS_EACH):
        day = today - timedelta(days=FIRST_CUSTOMER_DAYS - 3 * index)
        now = office_hour(day, 7, random.randint(0, 400))
        with _as(slug, "agent", org_id), clock.frozen(now):
            person = make_person(random, 1000 + index)
            customer = create_customer(_details(random, person), on=day, now=now)
            quote = create_quote(
                wanted(random, offered, person, customer.id, index), on=day, now=now
            )
            if index % 4 != 3:
                issued = accept_quote(quote.id, on=day, now=now + timedelta(minutes=20))
                if wanted is _life_input:
                    seed_beneficiaries(issued.policy.id, person, index, now + timedelta(minutes=40))
                if index % 3:
                    seed_mandate(issued.policy.id, customer.id, customer.display_name, index, now)
            if index % 5 == 0:
                keep_portfolio_day(on=day, now=now)


def _details(random: Random, person: PersonData) -> CustomerDetails:
    suburb, city, province, code = random.choice(PLACES)
    return CustomerDetails(
        first_name=person.first_name,
        last_name=person.last_name,
        id_number=person.id_number,
        date_of_birth=person.born,
        email=person.email,
        phone=person.phone,
        consents={"sms": True, "email": random.random() < 0.7},
        addresses=(
            Address(
                "RESIDENTIAL",
                f"{random.randint(1, 240)} {random.choice(STREETS)} Street",
                city,
                code,
                suburb=suburb,
                province=province,
            ),
        ),
    )


def _life_input(
    random: Random, offered: dict[str, UUID], person: PersonData, customer_id: UUID, index: int
) -> QuoteInput:
    kind = ("funeral", "term", "credit")[index % 3]
    if kind == "credit" and person.born < date(1967, 12, 1):
        kind = "term"
    cover = {
        "funeral": random.choice((10_000, 20_000, 30_000, 50_000)),
        "term": random.choice((250_000, 500_000, 750_000, 1_000_000, 2_000_000)),
        "credit": random.choice((20_000, 60_000, 120_000)),
    }[kind]
    return QuoteInput(
        product_id=offered[kind],
        customer_id=customer_id,
        sum_assured=Decimal(cover),
        lives=_family(random, person) if kind == "funeral" else (),
        excluded_benefits=frozenset({"CRITICAL_ILLNESS"})
        if kind == "term" and random.random() < 0.4
        else frozenset(),
        answers={"smoker": random.choice(("yes", "no"))} if kind == "term" else {},
    )


def _family(random: Random, person: PersonData) -> tuple[Life, ...]:
    lives = []
    if random.random() < 0.6:
        born = person.born + timedelta(days=random.randint(-900, 900))
        lives.append(_relative(random, "SPOUSE", person.last_name, born))
    for _ in range(random.randint(0, 3)):
        born = date(2026, 1, 1) - timedelta(days=random.randint(400, 5000))
        lives.append(_relative(random, "CHILD", person.last_name, born))
    return tuple(lives)


def _relative(random: Random, relationship: str, surname: str, born: date) -> Life:
    other = make_person(random, 0)
    spread = born.toordinal() + sum(map(ord, other.first_name + surname))
    number = id_number(born, other.gender, spread) if spread % 7 else None
    return Life(relationship, None, other.gender, born, other.first_name, surname, number)


def _general_input(
    random: Random, offered: dict[str, UUID], person: PersonData, customer_id: UUID, index: int
) -> QuoteInput:
    if index % 2 == 0:
        return QuoteInput(
            product_id=offered["motor"],
            customer_id=customer_id,
            objects=(_vehicle(random, person),),
        )
    return QuoteInput(
        product_id=offered["household"], customer_id=customer_id, objects=(_contents(random),)
    )


def _vehicle(random: Random, person: PersonData) -> dict[str, Any]:
    make, model, group, new = random.choice(VEHICLES)
    letters, digits = random.choice("BCDFGHJKLMNP"), random.randint(10, 99)
    year = random.randint(2014, 2025)
    value = new * (100 - 7 * (2026 - year)) // 100_000 * 1_000
    return {
        "kind": "VEHICLE",
        "registration": f"{letters}{digits} {random.randint(100, 999)} GP",
        "make": make,
        "model": model,
        "year": year,
        "use": random.choice(("PRIVATE", "PRIVATE", "BUSINESS")),
        "value": Decimal(value),
        "drivers": [
            {
                "name": f"{person.first_name} {person.last_name}",
                "date_of_birth": person.born,
                "is_main": True,
            }
        ],
        "rating_inputs": {
            "vehicle_group": group,
            "rating_zone": random.choice(("URBAN", "PERI_URBAN", "RURAL")),
        },
    }


def _contents(random: Random) -> dict[str, Any]:
    suburb, city, _province, code = random.choice(PLACES)
    construction = random.choice(("BRICK", "BRICK", "TIMBER", "THATCH"))
    return {
        "kind": "CONTENTS",
        "address": f"{random.randint(1, 240)} {random.choice(STREETS)} Street, {suburb}",
        "city": city,
        "postal_code": code,
        "construction": construction,
        "roof": "THATCH" if construction == "THATCH" else random.choice(("TILE", "METAL")),
        "use": "OWN_HOME",
        "value": Decimal(random.choice((250_000, 480_000, 900_000))),
        "rating_inputs": {"rating_zone": random.choice(("URBAN", "RURAL"))},
    }


@contextmanager
def _as(slug: str, login: str, org_id: UUID) -> Iterator[None]:
    """Let one of the staff act."""
    role, name = STAFF[login]
    email = f"{login}@{slug}.example"
    actor = Actor(
        user_id=_member_id(slug, login),
        email=email,
        name=name,
        org_id=org_id,
        roles=frozenset({role}),
        channel=Channel.CLI,
    )
    db.session().rollback()
    with acting_as(actor):
        yield


def _member_id(slug: str, login: str) -> UUID:
    email = f"{login}@{slug}.example"
    members = list_members(db.session())
    return next(member.user.id for member in members if member.user.email == email)


def _a_policy() -> UUID:
    """Return a policy in force that nothing else happens to."""
    session = db.session()
    wanted = Wanted({"status": PolicyStatus.ACTIVE}, limit=55)
    found = list_policy_rows(session, wanted).items[-1].id
    session.rollback()
    return found
