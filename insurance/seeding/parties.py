"""Who is paid and who holds, in the demonstration: beneficiaries, a trust, a society, a payer."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from insurance.core import clock
from insurance.customers.services import Address, CustomerDetails, create_customer
from insurance.policies.models import EndorsementType
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import EndorsementRequest, endorse_policy
from insurance.quotes.rules import Life
from insurance.quotes.services import QuoteInput, create_quote
from insurance.seeding.moments import office_hour
from insurance.seeding.names import PersonData, make_person
from insurance.seeding.servicing import seed_mandate

_SPLITS = (
    (("SPOUSE", "100.00"),),
    (("SPOUSE", "60.00"), ("MINOR", "40.00")),
    (("SPOUSE", "50.00"), ("CHILD", "50.00")),
    (("CHILD", "33.34"), ("CHILD", "33.33"), ("MINOR", "33.33")),
    (("SIBLING", "100.00"),),
)
"""Who is named first, and for what share."""
_RELATIONSHIPS = {"SPOUSE": "Spouse", "MINOR": "Child", "CHILD": "Child", "SIBLING": "Sibling"}
_YEARS = {"SPOUSE": 0, "SIBLING": 3}


def seed_beneficiaries(policy_id: UUID, holder: PersonData, index: int, now: datetime) -> None:
    """Name beneficiaries of a new life policy; one policy in six is left to the estate."""
    if index % 6 == 5:
        return
    random = Random(f"beneficiaries {index}")
    rows = [
        _beneficiary(random, "PRIMARY", who, share, holder, now.date())
        for who, share in _SPLITS[index % len(_SPLITS)]
    ]
    if index % 3 == 0:
        rows.append(_beneficiary(random, "CONTINGENT", "SIBLING", "100.00", holder, now.date()))
    endorse_policy(
        policy_id,
        EndorsementRequest(
            type=EndorsementType.CHANGE_BENEFICIARIES,
            data={"beneficiaries": rows},
            effective_date=now.date(),
            reason="Named with the application",
        ),
        on=now.date(),
        now=now,
    )


def _beneficiary(
    random: Random, kind: str, who: str, share: str, holder: PersonData, on: date
) -> dict[str, Any]:
    other = make_person(random, 0)
    born = (
        holder.born + timedelta(days=365 * _YEARS[who] + random.randint(-700, 700))
        if who in _YEARS
        else on - timedelta(days=365 * (8 if who == "MINOR" else 24) + random.randint(0, 1500))
    )
    return {
        "kind": kind,
        "first_name": other.first_name,
        "last_name": holder.last_name,
        "relationship": _RELATIONSHIPS[who],
        "share": share,
        "date_of_birth": born.isoformat(),
        "guardian_name": f"{make_person(random, 0).first_name} {holder.last_name}"
        if who == "MINOR"
        else None,
    }


def seed_holders(offered: dict[str, UUID], today: date) -> None:
    """Sell to a trust, a burial society and somebody with one name, and let a daughter pay.

    Each takes cover some months ago: the trust on the life of its founder, the society on that of
    a member, a mother on her own, which her daughter pays for.
    """
    random = Random("holders")
    founder, member, mother, daughter = (make_person(random, 900 + one) for one in range(4))
    trust = _holder("TRUST", "Mokoena Family Trust", "IT1234/2015", "Palesa Mokoena", "Trustee")
    society = _holder(
        "BURIAL_SOCIETY", "Kopano Burial Society", None, "Sello Mahlangu", "Treasurer"
    )
    one_name = CustomerDetails(
        last_name="Sukarno",
        passport_number="X4471203",
        passport_country="ID",
        date_of_birth=date(1984, 6, 6),
        gender="MALE",
        phone="+27821110042",
    )
    funeral = offered["funeral"]
    for holder, product_id, cover, life, payer in (
        (trust, offered["term"], 750_000, founder, None),
        (society, funeral, 20_000, member, None),
        (_person(mother), funeral, 30_000, None, _person(daughter)),
        (one_name, funeral, 10_000, None, None),
    ):
        wanted = QuoteInput(
            product_id=product_id,
            sum_assured=Decimal(cover),
            lives=(_life(life),) if life else (),
            answers={"smoker": "no"} if holder is trust else {},
        )
        on = today - timedelta(days=random.randint(100, 140))
        now = office_hour(on, 9)
        with clock.frozen(now):
            _sell(holder, wanted, payer, now=now)


def _sell(
    holder: CustomerDetails, wanted: QuoteInput, payer: CustomerDetails | None, *, now: datetime
) -> None:
    on = now.date()
    customer = create_customer(holder, on=on, now=now)
    pays = create_customer(payer, on=on, now=now) if payer else customer
    quote = create_quote(replace(wanted, customer_id=customer.id), on=on, now=now)
    issued = accept_quote(quote.id, payer_id=pays.id, on=on, now=now + timedelta(minutes=20))
    seed_mandate(issued.policy.id, pays.id, pays.display_name, on.day, now)


def _holder(kind: str, name: str, number: str | None, contact: str, role: str) -> CustomerDetails:
    return CustomerDetails(
        kind=kind,
        company_name=name,
        registration_number=number,
        contact_name=contact,
        contact_role=role,
        email=f"{contact.split()[0].lower()}@{name.split()[0].lower()}.example",
        phone="+27115550142",
        addresses=(Address("POSTAL", "PO Box 118", "Soweto", "1804", province="Gauteng"),),
    )


def _person(person: PersonData) -> CustomerDetails:
    return CustomerDetails(
        first_name=person.first_name,
        last_name=person.last_name,
        id_number=person.id_number,
        date_of_birth=person.born,
        email=person.email,
        phone=person.phone,
    )


def _life(person: PersonData) -> Life:
    return Life(
        gender=person.gender,
        date_of_birth=person.born,
        first_name=person.first_name,
        last_name=person.last_name,
    )
