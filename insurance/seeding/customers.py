"""Customers of the demonstration: who comes, what they want insured, and who takes it."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from insurance.core import clock
from insurance.customers.services import Address, CustomerDetails, create_customer
from insurance.policies.portfolio_days import keep_portfolio_day
from insurance.policies.services import accept_quote
from insurance.quotes.rules import Life
from insurance.quotes.services import QuoteInput, create_quote
from insurance.seeding.moments import office_hour
from insurance.seeding.names import (
    PLACES,
    STREETS,
    VEHICLES,
    PersonData,
    id_number,
    make_person,
)
from insurance.seeding.parties import seed_beneficiaries
from insurance.seeding.servicing import seed_mandate

CUSTOMERS_EACH = 120
_DAYS_BETWEEN_CUSTOMERS = 6
Wants = Callable[[Random, dict[str, UUID], PersonData, UUID, int], QuoteInput]


class Customers:
    """Who comes in two years, one every few days; three of four go from quote to policy."""

    def __init__(self, slug: str, wanted: Wants, offered: dict[str, UUID], today: date) -> None:
        self.wanted = wanted
        self.offered = offered
        self.random = Random(slug)
        self.days = [
            first_day(today) + timedelta(days=_DAYS_BETWEEN_CUSTOMERS * index)
            for index in range(CUSTOMERS_EACH)
        ]
        self.came = 0

    def come(self, until: date) -> None:
        """Let those of the days up to and with one come, served by who acts."""
        while self.came < CUSTOMERS_EACH and self.days[self.came] <= until:
            self._comes(self.came, self.days[self.came])
            self.came += 1

    def _comes(self, index: int, day: date) -> None:
        random = self.random
        now = office_hour(day, 7, random.randint(0, 400))
        with clock.frozen(now):
            person = make_person(random, 1000 + index)
            customer = create_customer(_details(random, person), on=day, now=now)
            quote = create_quote(
                self.wanted(random, self.offered, person, customer.id, index), on=day, now=now
            )
            if index % 4 != 3:
                issued = accept_quote(quote.id, on=day, now=now + timedelta(minutes=20))
                if self.wanted is life_input:
                    seed_beneficiaries(issued.policy.id, person, index, now + timedelta(minutes=40))
                if index % 3:
                    seed_mandate(issued.policy.id, customer.id, customer.display_name, index, now)
            if index % 5 == 0:
                keep_portfolio_day(on=day, now=now)


def first_day(today: date) -> date:
    """Return when the first customer came."""
    return today - timedelta(days=_DAYS_BETWEEN_CUSTOMERS * CUSTOMERS_EACH)


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


def life_input(
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


def general_input(
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
