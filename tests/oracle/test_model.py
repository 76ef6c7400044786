"""The model itself: the worked numbers of the trade, and that it stands on its own feet."""

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracle.calendar_and_cents import cents, months_after
from tests.oracle.claims_model import Cover, Insured, parts_are_right
from tests.oracle.invariants import broken
from tests.oracle.model import Benefit, Policy, Refused, Step, Terms

D = Decimal
STANDS_ALONE = ("calendar_and_cents", "catalogue", "claims_model", "invariants", "model")


def make(
    monthly: str, start: date, frequency: str = "MONTHLY", steps: dict[date, str] | None = None
) -> Policy:
    """Return a policy whose cover costs its sum in rand, as a benefit of 1 000 per mille."""
    terms = Terms(benefits=(Benefit("MAIN", per_mille=D(1000)),))
    changes = {start: monthly} | (steps or {})
    policy = Policy(
        terms=terms,
        frequency=frequency,
        start=start,
        today=start,
        issued=start,
        steps=[Step(day, n, "MAIN", D(text)) for n, (day, text) in enumerate(changes.items())],
        term_start=start,
        expiry=months_after(start, 240),
    )
    policy.extend(months_after(start, 12))
    return policy


@pytest.mark.parametrize("name", STANDS_ALONE)
def test_the_model_imports_nothing_of_the_product(name: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
    for node in ast.walk(tree):
        names = [one.name for one in getattr(node, "names", [])] if isinstance(
            node, ast.Import
        ) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []  # fmt: skip
        assert not [one for one in names if one.split(".")[0] == "insurance"]


@pytest.mark.parametrize(
    ("old", "new", "frequency", "start", "change", "period", "right"),
    [
        ("310", "355", "MONTHLY", "2026-03-05", "2026-03-20", "2026-03-05", "23.23"),
        ("310", "355", "ANNUAL", "2026-02-05", "2026-08-01", "2026-02-05", "278.14"),
        ("100", "145", "ANNUAL", "2027-09-01", "2028-02-29", "2027-09-01", "272.95"),
        ("310", "250", "MONTHLY", "2026-03-01", "2026-03-12", "2026-03-01", "-38.71"),
    ],
)
def test_a_change_costs_its_share_of_the_period(
    old: str, new: str, frequency: str, start: str, change: str, period: str, right: str
) -> None:
    first, day = date.fromisoformat(start), date.fromisoformat(change)
    policy = make(old, first, frequency, {day: new})
    line = next(one for one in policy.lines if one.due == date.fromisoformat(period))
    whole = policy.instalment_on(first, frequency)
    assert line.amount - whole == D(right)


def test_due_days_are_counted_from_the_first() -> None:
    dues = [one.due for one in make("310", date(2026, 1, 31)).lines]
    assert dues[1:4] == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert len(dues) == 12
    leap = date(2024, 2, 29)
    assert [months_after(leap, 12 * n) for n in (1, 2, 3, 4)] == [
        date(2025, 2, 28),
        date(2026, 2, 28),
        date(2027, 2, 28),
        date(2028, 2, 29),
    ]


def test_a_receipt_settles_the_oldest_and_is_taken_back_whole() -> None:
    policy = make("100", date(2026, 9, 1))
    policy.pass_to(date(2026, 10, 1))
    policy.pay(D(150), "EFT 1")
    assert [one.outstanding for one in policy.lines[:3]] == [0, 50, 100]
    policy.reverse("EFT 1")
    assert policy.arrears == 200
    assert policy.lapse_date == date(2026, 9, 17)


def test_grace_is_anchored_on_the_oldest_premium() -> None:
    policy = make("100", date(2026, 10, 4))
    policy.pass_to(date(2026, 10, 19))
    with pytest.raises(Refused):
        policy.lapse()
    policy.pass_to(date(2026, 10, 20))
    policy.lapse()
    assert policy.lapsed_on == date(2026, 10, 20)


def test_a_year_ended_after_167_days_gives_198_back() -> None:
    policy = make("1000", date(2026, 4, 1), "ANNUAL")
    policy.pay(D(12000), "EFT 1")
    policy.pass_to(date(2026, 9, 15))
    ending = policy.cancel("VOLUNTARY", date(2026, 9, 15))
    assert (ending.refund, ending.earned) == (D("6509.59"), D("5490.41"))


def test_a_month_cooled_off_keeps_twenty_days() -> None:
    policy = make("310", date(2026, 5, 1))
    policy.pay(D(310), "EFT 1")
    policy.pass_to(date(2026, 5, 21))
    assert policy.cancel("VOLUNTARY", date(2026, 5, 21)).refund == D("110.00")


def test_cents_are_rounded_half_up() -> None:
    assert [cents(D(text)) for text in ("327.205", "52.775", "-0.005", "2.344")] == [
        D("327.21"),
        D("52.78"),
        D("-0.01"),
        D("2.34"),
    ]


def test_two_claims_share_what_is_left_of_a_cover() -> None:
    day = date(2026, 2, 5)
    insured = Insured(day, day, {"MAIN": Cover([(day, D(100))])})
    first, second = (insured.submit("MAIN", D(60), day, "ACCIDENT") for _ in range(2))
    insured.assess(first, D(60))
    with pytest.raises(Refused):
        insured.assess(second, D("40.01"))
    insured.assess(second, D(40))
    assert insured.remaining("MAIN") == 0


def test_a_rise_waits_on_its_own_and_a_cut_takes_the_newest_first() -> None:
    steps = [(date(2026, 2, 5), D(100)), (date(2026, 6, 1), D(150)), (date(2026, 7, 1), D(120))]
    cover = Cover(steps, waiting_days=180)
    waits = cover.layers_on(date(2026, 8, 4))
    assert [(one.amount, one.waits_until) for one in waits] == [
        (100, date(2026, 8, 4)),
        (20, date(2026, 11, 28)),
    ]
    assert cover.payable_on(date(2026, 8, 3), "UNKNOWN") == 0
    assert cover.payable_on(date(2026, 8, 4), "UNKNOWN") == 100
    assert cover.payable_on(date(2026, 8, 3), "ACCIDENT") == 120


def test_shares_add_up_to_the_cent() -> None:
    shares = [D("33.33"), D("33.33"), D("33.34")]
    assert parts_are_right(D("100.00"), shares, [D("33.33"), D("33.33"), D("33.34")])
    assert not parts_are_right(D("100.00"), shares, [D("33.33"), D("33.33"), D("33.33")])
    assert not parts_are_right(D("100.00"), shares, [D("33.31"), D("33.35"), D("33.34")])


def test_a_changed_due_day_charges_the_days_to_it() -> None:
    policy = make("310", date(2026, 1, 31))
    policy.lines[0].is_charged = True
    policy.pass_to(date(2026, 2, 10))
    policy.change_rhythm(date(2026, 2, 10), day=15)
    told = [(one.due, one.end, one.amount) for one in policy.lines[1:3]]
    assert told == [
        (date(2026, 2, 28), date(2026, 3, 15), D("166.07")),
        (date(2026, 3, 15), date(2026, 4, 15), D(310)),
    ]


def test_the_insurer_gives_notice_before_it_ends_a_contract() -> None:
    policy = make("310", date(2026, 1, 31))
    policy.pass_to(date(2026, 3, 14))
    with pytest.raises(Refused):
        policy.cancel("OTHER", date(2026, 3, 13), date(2026, 2, 10))
    assert policy.cancel("OTHER", date(2026, 3, 14), date(2026, 2, 10)).kept == 0


def test_more_going_back_than_came_in_is_noticed() -> None:
    def move(debit: str, credit: str, amount: str) -> dict[str, str]:
        accounts = {"debit_account": debit, "credit_account": credit}
        return {"type": "REFUND", "amount": amount} | accounts

    came = move("BANK", "UNAPPLIED_CREDIT", "100.00")
    assert broken([came]) is None
    back = move("UNAPPLIED_CREDIT", "BANK", "100.01")
    assert broken([came, back]) == "100.01 went back of 100.00 that came in"


def test_what_was_paid_for_a_change_already_charged_is_not_refundable() -> None:
    day = date(2026, 1, 31)
    policy = make("305", day)
    policy.pay(D(305), "the premium")
    policy.change({"MAIN": D(357)}, day)
    policy.pay(D(357), "that of February")
    policy.pay(D(52), "the change, asked for with it")

    assert policy.paid_ahead == policy.refundable == D(357)
    with pytest.raises(Refused):
        policy.refund(D("357.01"))
    policy.refund(D(357))

    assert [one.outstanding for one in policy.lines[:3]] == [0, D(357), 0]
