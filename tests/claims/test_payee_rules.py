"""Who is paid by the policy, and how an amount is divided to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.claims.rules.payees import (
    Entitled,
    Heir,
    KnownPerson,
    check_shares,
    death_payees,
    divide,
    divide_rest,
    in_days_of_change,
    is_same_person,
)
from insurance.core.errors import DomainError

D = Decimal
EVENT = date(2026, 10, 25)
PAID_ON = date(2026, 11, 20)
THANDI = KnownPerson(name="Thandi Dlamini", born=date(1984, 3, 2), died_on=EVENT)
HOLDER = KnownPerson(name="Thandi Dlamini", born=date(1984, 3, 2))


def _heir(name: str, share: str, **more: object) -> Heir:
    facts: dict[str, object] = {
        "name": name, "share": D(share), "kind": "PRIMARY", "relationship": "Child",
    }  # fmt: skip
    return Heir(**(facts | more))  # type: ignore[arg-type]


def _paid(*heirs: Heir, died: KnownPerson = THANDI, holder: KnownPerson = HOLDER) -> list[Entitled]:
    return death_payees(died=died, holder=holder, heirs=heirs, event_date=EVENT, on=PAID_ON)


def _said(*heirs: Heir, **more: KnownPerson) -> dict[str, Decimal]:
    return {one.name: one.share for one in _paid(*heirs, **more)}


def test_primary_beneficiaries_are_paid_by_their_shares_before_contingent_ones() -> None:
    heirs = (
        _heir("Sipho Dlamini", "60.00"),
        _heir("Zinhle Dlamini", "40.00"),
        _heir("Palesa Mokoena", "100.00", kind="CONTINGENT"),
    )

    assert _said(*heirs) == {"Sipho Dlamini": D("60.00"), "Zinhle Dlamini": D("40.00")}


def test_a_life_that_a_trust_insured_is_paid_to_who_is_named_and_else_to_the_trust() -> None:
    trust = KnownPerson(name="Dlamini Family Trust", is_natural=False)
    daughter = _heir("Zinhle Dlamini", "100.00", born=date(1999, 1, 1))

    assert _said(daughter, holder=trust) == {"Zinhle Dlamini": D(100)}
    assert _said(holder=trust) == {"Dlamini Family Trust": D(100)}
    gone = _heir("Sipho Dlamini", "100.00", died_on=EVENT)
    assert _said(gone, holder=trust) == {"Dlamini Family Trust": D(100)}


def test_without_beneficiaries_the_estate_is_paid_and_never_who_died() -> None:
    assert _said() == {"Estate late Thandi Dlamini": D(100)}
    assert _said(_heir("Thandi Dlamini", "100.00", born=date(1984, 3, 2))) == {
        "Estate late Thandi Dlamini": D(100)
    }


def test_who_did_not_outlive_the_death_leaves_the_share_to_the_others_of_the_kind() -> None:
    heirs = [
        _heir("Sipho Dlamini", "50.00", died_on=EVENT),
        _heir("Zinhle Dlamini", "30.00"),
        _heir("Anna van Wyk", "20.00"),
        _heir("Palesa Mokoena", "100.00", kind="CONTINGENT"),
    ]

    assert _said(*heirs) == {"Zinhle Dlamini": D("60.00"), "Anna van Wyk": D("40.00")}
    assert "Sipho Dlamini, who did not outlive" in _paid(*heirs)[0].note


def test_where_no_primary_beneficiary_is_left_the_contingent_ones_are_paid() -> None:
    heirs = (
        _heir("Sipho Dlamini", "100.00", died_on=date(2020, 1, 1)),
        _heir("Palesa Mokoena", "100.00", kind="CONTINGENT"),
    )

    assert _said(*heirs) == {"Palesa Mokoena": D(100)}


def test_who_died_after_the_event_has_an_estate_that_is_paid() -> None:
    heirs = (_heir("Sipho Dlamini", "50.00", died_on=date(2026, 11, 1)), _heir("Anna", "50.00"))

    assert _said(*heirs) == {"Estate late Sipho Dlamini": D(50), "Anna": D(50)}


def test_the_death_of_another_life_is_paid_to_the_holder_or_where_both_died_to_heirs() -> None:
    child = KnownPerson(name="Zinhle Dlamini", born=date(2020, 1, 1), died_on=EVENT)
    heir = _heir("Sipho Dlamini", "100.00")
    both = KnownPerson(name=HOLDER.name, born=HOLDER.born, died_on=EVENT)
    later = KnownPerson(name=HOLDER.name, born=HOLDER.born, died_on=date(2026, 11, 2))

    assert _said(heir, died=child) == {"Thandi Dlamini": D(100)}
    assert _said(heir, died=child, holder=both) == {"Sipho Dlamini": D(100)}
    assert _said(heir, died=child, holder=later) == {"Estate late Thandi Dlamini": D(100)}


def test_a_minor_is_paid_through_the_guardian_or_the_guardians_fund() -> None:
    born = date(2012, 5, 1)
    guarded = _heir("Zinhle Dlamini", "50.00", born=born, guardian="Gogo Dlamini")
    orphan = _heir("Sizwe Dlamini", "50.00", born=born, guardian="Thandi Dlamini")

    paid = _paid(guarded, orphan)

    assert [one.name for one in paid] == [
        "Gogo Dlamini, guardian of Zinhle Dlamini",
        "Guardian's Fund for Sizwe Dlamini",
    ]
    assert all("minor" in one.note for one in paid)
    grown = _heir("Zinhle Dlamini", "100.00", born=date(2008, 11, 20), guardian="Gogo Dlamini")
    assert _said(grown) == {"Zinhle Dlamini": D(100)}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("Thandi Dlamini", None), ("THANDI  dlamini", None), True),
        (("Thandi Dlamini", date(1984, 3, 2)), ("Thandi N. Dlamini", date(1984, 3, 2)), True),
        (("Sipho Dlamini", date(1950, 1, 1)), ("Sipho Dlamini", date(1980, 1, 1)), False),
        (("Jacques Smit", None), ("Jacqués Smit", date(1980, 1, 1)), True),
        (("李", None), ("محمد", None), False),
        (("Sipho Dlamini", date(1980, 1, 1)), ("Anna van Wyk", date(1980, 1, 1)), False),
    ],
)
def test_people_are_one_by_name_and_birth_date(
    one: tuple[str, date | None], other: tuple[str, date | None], same: bool
) -> None:
    first, second = (KnownPerson(name=name, born=born) for name, born in (one, other))

    assert is_same_person(first, second) is same
    assert is_same_person(second, first) is same


def test_three_equal_shares_that_hundredths_cannot_express_are_equal() -> None:
    thirds = check_shares([D("33.33")] * 3, "payees")

    assert thirds == [D("33.34"), D("33.33"), D("33.33")]
    assert sum(check_shares([D("16.67")] * 6, "payees")) == 100
    for wrong in (["50.00", "49.99"], ["33.30"] * 3, ["0.00", "100.00"], []):
        with pytest.raises(DomainError):
            check_shares([D(one) for one in wrong], "payees")


def test_a_sum_is_divided_to_the_cent() -> None:
    assert divide(D("100.00"), [D("33.34"), D("33.33"), D("33.33")]) == [
        D("33.34"), D("33.33"), D("33.33"),
    ]  # fmt: skip
    assert divide(D("0.01"), [D(50), D(50)]) == [D("0.01"), D("0.00")]
    assert divide(D("100000.01"), [D(60), D(40)]) == [D("60000.01"), D("40000.00")]


SHARES = st.lists(st.decimals(min_value="0.01", max_value=100, places=2), min_size=1, max_size=12)
AMOUNTS = st.decimals(min_value=0, max_value=10**11, places=2)


@given(amount=AMOUNTS, shares=SHARES)
def test_parts_add_up_to_the_cent_and_none_is_a_cent_off_its_share(
    amount: Decimal, shares: list[Decimal]
) -> None:
    parts = divide(amount, shares)

    assert sum(parts) == amount
    for part, share in zip(parts, shares, strict=True):
        assert part >= 0
        assert abs(part - amount * share / sum(shares)) < D("0.01")


@given(shares=SHARES, amounts=st.lists(AMOUNTS, min_size=1, max_size=5), data=st.data())
def test_payments_one_after_the_other_end_where_one_payment_would(
    shares: list[Decimal], amounts: list[Decimal], data: st.DataObject
) -> None:
    paid = [D(0)] * len(shares)
    for amount in amounts:
        parts = divide_rest(amount, shares, paid)
        assert sum(parts) == amount
        assert min(parts) >= 0
        paid = [one + part for one, part in zip(paid, parts, strict=True)]
    whole = divide(sum(amounts, D(0)), shares)
    assert all(abs(one - aim) <= D("0.01") for one, aim in zip(paid, whole, strict=True))
    if len(shares) > 1 and sum(paid) > 0:
        void = data.draw(st.integers(0, len(shares) - 1))
        back, paid[void] = paid[void], D(0)
        again = divide_rest(back, shares, paid)
        assert sum(again) == back
        assert min(again) >= 0
        assert back - again[void] <= D("0.01") * len(shares)


def test_two_people_agree_until_the_last_day_after_a_change_of_payee() -> None:
    changed = date(2026, 11, 1)

    assert in_days_of_change(changed, date(2026, 11, 15), 14)
    assert not in_days_of_change(changed, date(2026, 11, 16), 14)
    assert in_days_of_change(changed, changed, 0)
    assert not in_days_of_change(changed, date(2026, 11, 2), 0)
