"""Cases with names: sums of money that once came out wrong, each with its right value."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.catalogue import Article
from tests.oracle.model import Benefit, Terms
from tests.oracle.office import Answer, Desk, Office, on

D = Decimal
HOUSEHOLD = Article(
    "PROPERTY",
    "PROPERTY_DAMAGE",
    Terms(
        benefits=(Benefit("MAIN", per_mille=D("0.85")),),
        vat_per_cent=15,
        term_years=1,
        is_renewable=True,
        cooling_off_days=14,
    ),
    covers=(60_000, 200_000, 300_000),
)
"""200 000 cost 170.00 a month, 2 040.00 a year."""
LIFE = Article(
    "RISK",
    "DEATH",
    Terms(
        benefits=(
            Benefit("MAIN", per_mille=D("0.52")),
            Benefit("EXTRA", flat=D("45.00"), fixed_amount=D("15000.00")),
        )
    ),
    covers=(200_000, 500_000, 600_000, 5_000_000),
)
"""500 000 cost 305.00 a month, 600 000 cost 357.00, 200 000 cost 149.00."""


@pytest.fixture
def life(api: Callable[..., TestClient], org: OrganizationFacts) -> Office:
    """Return a life insurer."""
    return Office(api, org)


@pytest.fixture
def household(api: Callable[..., TestClient], non_life_org: OrganizationFacts) -> Office:
    """Return an insurer of homes."""
    return Office(api, non_life_org)


def _sell(office: Office, article: Article, cover: int, frequency: str, day: date) -> Desk:
    with on(day):
        return office.sell(article, cover, frequency, day)


def _pay(desk: Desk, day: date, amount: str) -> Any:
    body = {
        "payment_date": day.isoformat(),
        "payment_reference": f"EFT of {day} about {amount}",
        "amount": amount,
    }
    with on(day):
        answer = desk.ask("POST", "/payments", body)
    assert not answer.is_refusal, answer.words
    return answer.body


def _change(desk: Desk, day: date, cover: int, **more: str) -> Any:
    with on(day):
        detail = desk.office.do("GET", f"{desk.path}/detail")
        body = {
            "endorsement_type": "CHANGE_COVER",
            "policy_benefit_id": detail["benefits"][0]["id"],
            "new_sum_assured": cover,
        }
        answer = desk.ask("POST", "/endorse", body | more)
    assert not answer.is_refusal, answer.words
    return answer.body


def _cancel(desk: Desk, day: date, kind: str = "VOLUNTARY", **more: str) -> Answer:
    body = {"cancellation_type": kind, "reason": "asked for"} | more
    with on(day):
        preview = desk.ask("POST", "/cancel/preview", body)
        done = desk.ask("PUT", "/cancel", body)
    if not done.is_refusal:
        assert preview.body["refund"] == done.body["refund"]
    return done


def _pay_back(desk: Desk, day: date, amount: str) -> Answer:
    with on(day):
        body = {"reason": "asked for", "amount": amount, "reference": f"back {day} {amount}"}
        return desk.ask("POST", "/refunds", body)


def _balances(desk: Desk, day: date) -> dict[str, Decimal]:
    with on(day):
        seen = desk.look(whole=False).balances
    return {account: amount for account, amount in seen.items() if amount}


def test_a_cover_cut_and_cancelled_on_its_first_day_gives_back_what_was_paid(
    household: Office,
) -> None:
    day = date(2026, 11, 20)
    desk = _sell(household, HOUSEHOLD, 200_000, "ANNUAL", day)
    _pay(desk, day, "2040.00")
    _change(desk, day, 60_000)

    done = _cancel(desk, day)

    assert done.body["refund"] == D("2040.00")
    assert _pay_back(desk, day, "2040.01").is_refusal
    assert not _pay_back(desk, day, "2040.00").is_refusal
    assert _balances(desk, day) == {}


def test_a_cover_raised_and_cancelled_on_its_first_day_gives_back_what_was_paid(
    life: Office,
) -> None:
    day = date(2026, 5, 1)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)
    _pay(desk, day, "305.00")
    _change(desk, day, 600_000)
    _pay(desk, day, "52.00")

    done = _cancel(desk, day)

    assert done.body["refund"] == D("357.00")
    assert not _pay_back(desk, day, "357.00").is_refusal
    assert _balances(desk, day) == {}


def test_a_year_raised_on_its_first_day_is_earned_at_the_raised_price(life: Office) -> None:
    day = date(2027, 6, 1)
    desk = _sell(life, LIFE, 500_000, "ANNUAL", day)
    _change(desk, day, 600_000)
    _pay(desk, day, "4284.00")

    done = _cancel(desk, day + timedelta(days=100))

    assert done.body["refund"] == D("3113.51")  # 4 284.00 × 266 / 366


def test_two_premiums_paid_and_the_cover_cut_before_the_end(life: Office) -> None:
    day = date(2026, 5, 1)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)
    _pay(desk, day, "610.00")
    _change(desk, day + timedelta(days=10), 200_000)

    done = _cancel(desk, day + timedelta(days=13))

    assert done.body["refund"] == D("497.20")  # 305.00 − 105.68 − 86.52 = 112.80 earned


def test_a_premium_paid_ahead_goes_back_with_its_adjustment(life: Office) -> None:
    day = date(2028, 2, 10)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)
    _pay(desk, day, "610.00")
    _change(desk, day, 600_000)
    _pay(desk, day, "104.00")

    done = _cancel(desk, day + timedelta(days=20))

    assert done.body["refund"] == D("467.79")  # 714.00 − 357.00 × 20/29


def test_money_for_a_premium_of_next_month_can_be_paid_back(life: Office) -> None:
    day = date(2026, 5, 10)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)
    _pay(desk, day, "457.50")

    assert _pay_back(desk, day, "152.51").is_refusal
    assert not _pay_back(desk, day, "152.50").is_refusal

    with on(day):
        lines = desk.look(whole=False).lines
    assert [one["paid_amount"] for one in lines[:2]] == [D("305.00"), D("0.00")]
    assert _balances(desk, day)["BANK"] == D("305.00")


def test_no_policy_lapses_while_its_money_lies_on_a_later_premium(life: Office) -> None:
    day = date(2026, 5, 1)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)
    with on(day):
        later = desk.look(whole=False).lines[2]["id"]
        body = {"payment_date": "2026-05-01", "payment_reference": "EFT July", "amount": "305.00"}
        assert not desk.ask("POST", f"/premiums/{later}/pay", body).is_refusal

    with on(date(2026, 5, 20)):
        refused = desk.ask("PUT", "/lapse", {"reason": "not paid"})

    assert refused.status == 409


@pytest.mark.parametrize("ends_first", ["cancelled at once", "lapsed before"])
def test_a_part_of_a_premium_that_cover_does_not_reach_settles_the_one_that_is_owed(
    ends_first: str, household: Office
) -> None:
    desk = _sell(household, HOUSEHOLD, 200_000, "MONTHLY", date(2026, 1, 31))
    with on(date(2026, 1, 31)):
        second = desk.look(whole=False).lines[1]
        body = {"payment_date": "2026-01-31", "payment_reference": "EFT 1", "amount": "90.00"}
        assert not desk.ask("POST", f"/premiums/{second['id']}/pay", body).is_refusal
    day = date(2026, 2, 28)
    if ends_first == "lapsed before":
        with on(day):
            assert not desk.ask("PUT", "/lapse", {"reason": "not paid"}).is_refusal

    done = _cancel(desk, day, "NON_PAYMENT")

    assert (done.body["refund"], done.body["arrears"]) == (0, 0)
    balances = _balances(desk, day)
    assert (balances.pop("BANK"), balances["VAT_OUTPUT"]) == (D("90.00"), D("-11.74"))
    assert balances.keys() <= {"PREMIUM_INCOME", "PREMIUM_WAIVED", "VAT_OUTPUT"}


@pytest.mark.parametrize("kind", ["NON_PAYMENT", "LAPSE"])
def test_cover_does_not_end_inside_grace_for_a_premium_that_is_not_paid(
    kind: str, life: Office
) -> None:
    day = date(2026, 5, 1)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)

    assert _cancel(desk, date(2026, 5, 16), kind).status in (409, 422)


def test_a_payment_of_a_day_within_grace_sets_the_lapse_aside(life: Office) -> None:
    desk = _sell(life, LIFE, 500_000, "MONTHLY", date(2026, 5, 1))
    _pay(desk, date(2026, 5, 1), "305.00")
    with on(date(2026, 6, 20)):
        lapsed = desk.ask("PUT", "/lapse", {"reason": "not paid"})
    assert (lapsed.body["status"], lapsed.body["effective_date"]) == ("lapsed", "2026-06-17")
    late = date(2026, 7, 5)
    with on(late):
        body = {"payment_date": "2026-06-10", "payment_reference": "EFT late", "amount": "305.00"}
        receipt = desk.ask("POST", "/payments", body).body["receipt_id"]
        body = {"reason": "The bank shows the tenth", "receipt_id": receipt}
        assert not desk.ask("POST", "/set-lapse-aside", body).is_refusal

    with on(late):
        seen = desk.look(whole=True)
    assert seen.detail["policy"]["status"] == "active"
    paid = [(one["due_date"], one["outstanding"]) for one in seen.lines[:3]]
    assert paid == [("2026-05-01", 0), ("2026-06-01", 0), ("2026-07-01", D("305.00"))]
    with on(late):
        early = desk.ask("PUT", "/lapse", {"reason": "not paid"})
    assert early.status == 409, "July is in its own grace"


@pytest.mark.parametrize("ends", ["lapsed", "cancelled"])
def test_a_premium_that_became_quarterly_has_its_longer_grace_before_anything_was_run(
    ends: str, life: Office
) -> None:
    desk = _sell(life, LIFE, 500_000, "MONTHLY", date(2026, 5, 1))
    with on(date(2026, 5, 2)):
        change = {
            "endorsement_type": "CHANGE_FREQUENCY",
            "frequency": "QUARTERLY",
            "effective_date": "2026-06-01",
        }
        assert not desk.ask("POST", "/endorse", change).is_refusal
    _pay(desk, date(2026, 5, 2), "305.00")

    inside = date(2026, 6, 20)  # more than 15 days after the first quarterly premium, within 31
    if ends == "lapsed":
        with on(inside):
            answer = desk.ask("PUT", "/lapse", {"reason": "not paid"})
    else:
        with on(inside):
            body = {"cancellation_type": "NON_PAYMENT", "reason": "not paid"}
            shown = desk.ask("POST", "/cancel/preview", body)
        assert shown.status in (409, 422), "before it is done, too"
        answer = _cancel(desk, inside, "NON_PAYMENT")
    assert answer.status in (409, 422), answer.body


@pytest.mark.parametrize("ends", ["lapsed", "cancelled"])
def test_a_monthly_premium_keeps_its_grace_when_later_ones_are_paid_by_the_quarter(
    ends: str, life: Office
) -> None:
    desk = _sell(life, LIFE, 500_000, "MONTHLY", date(2026, 1, 31))
    _pay(desk, date(2026, 1, 31), "305.00")
    _pay(desk, date(2026, 2, 1), "305.00")
    with on(date(2026, 4, 1)):
        body = {"endorsement_type": "CHANGE_FREQUENCY", "frequency": "QUARTERLY"}
        assert not desk.ask("POST", "/endorse", body | {"reason": "asked for"}).is_refusal

    day = date(2026, 4, 30)  # the first quarterly premium falls due; that of 31 March is unpaid
    if ends == "lapsed":
        with on(day):
            answer = desk.ask("PUT", "/lapse", {"reason": "not paid"})
    else:
        answer = _cancel(desk, day, "NON_PAYMENT", effective_date="2026-04-16")

    assert (answer.status, answer.body.get("effective_date")) == (200, "2026-04-16"), answer.body


def test_what_was_paid_for_a_change_already_charged_is_not_paid_back(life: Office) -> None:
    day = date(2026, 1, 31)
    desk = _sell(life, LIFE, 500_000, "MONTHLY", day)
    _pay(desk, day, "305.00")
    _change(desk, day, 600_000)
    _pay(desk, day, "357.00")
    _pay(desk, day, "52.00")  # for the change, asked for with the premium of 28 February

    assert _pay_back(desk, day, "357.01").is_refusal
    assert not _pay_back(desk, day, "357.00").is_refusal

    with on(day):
        lines = desk.look(whole=False).lines
    owed = [(one["kind"], one["outstanding"]) for one in lines if one["due_date"] <= "2026-02-28"]
    assert owed == [("PREMIUM", 0), ("PREMIUM", D("357.00")), ("ADJUSTMENT", 0)]


def test_the_price_of_a_changed_cover_is_its_sum_times_its_rate_rounded_once(
    life: Office,
) -> None:
    day = date(2026, 5, 1)
    odd = Article(
        "RISK", "DEATH", Terms(benefits=(Benefit("MAIN", per_mille=D("0.5237")),)), (123_456,)
    )
    desk = _sell(life, odd, 33_333, "MONTHLY", day)
    for cover, right in ((66_667, "34.91"), (100_001, "52.37"), (123_456, "64.65")):
        answer = _change(desk, day, cover)
        assert answer["new_premium"] == D(right), cover


def test_the_headline_cover_stays_that_of_the_main_benefit(household: Office) -> None:
    day = date(2026, 5, 1)
    liability = Benefit("LIABILITY", flat=D("30.00"), fixed_amount=D("2500000.00"))
    motor = Article(
        "MOTOR",
        "PROPERTY_DAMAGE",
        Terms(
            benefits=(Benefit("MAIN", per_mille=D("3.10")), liability),
            vat_per_cent=15,
            term_years=1,
        ),
        covers=(180_000, 3_000_000),
    )
    desk = _sell(household, motor, 180_000, "MONTHLY", day)

    answer = _change(desk, day, 170_000)

    assert (answer["current_cover"], answer["new_cover"]) == (D("180000.00"), D("170000.00"))
    with on(day):
        shown = desk.look(whole=True).detail["policy"]
    assert shown["coverage_amount"] == D("170000.00")


def test_the_examples_of_the_pro_rata_rule(household: Office) -> None:
    day = date(2026, 4, 1)
    thousand = Article(
        "PROPERTY",
        "PROPERTY_DAMAGE",
        Terms(benefits=(Benefit("MAIN", per_mille=D("1.00")),), vat_per_cent=15, term_years=1),
        covers=(1_000_000,),
    )
    desk = _sell(household, thousand, 1_000_000, "ANNUAL", day)
    _pay(desk, day, "12000.00")

    done = _cancel(desk, date(2026, 9, 15))

    assert done.body["refund"] == D("6509.59")
    assert _balances(desk, date(2026, 9, 15)) == {
        "BANK": D("12000.00"),
        "PREMIUM_INCOME": D("-4774.27"),
        "VAT_OUTPUT": D("-716.14"),
        "REFUNDS_PAYABLE": D("-6509.59"),
    }


def test_a_change_issued_ahead_does_not_touch_a_policy_that_has_ended(life: Office) -> None:
    desk = _sell(life, LIFE, 500_000, "MONTHLY", date(2026, 5, 1))
    _change(desk, date(2026, 5, 2), 600_000, effective_date="2026-07-10")
    _pay(desk, date(2026, 5, 2), "305.00")
    with on(date(2026, 6, 20)):
        assert not desk.ask("PUT", "/lapse", {"reason": "not paid"}).is_refusal
        before = desk.look(whole=True).detail["policy"]

    with on(date(2026, 7, 20)):
        assert desk.ask("PUT", "/lapse", {"reason": "not paid"}).status == 409
        after = desk.look(whole=True).detail["policy"]

    assert before["status"] == "lapsed"
    assert (after["premium"], after["coverage_amount"]) == (
        before["premium"],
        before["coverage_amount"],
    )


def test_a_change_undone_on_the_day_it_falls_due_leaves_the_premium_paid_ahead_as_it_was(
    life: Office,
) -> None:
    bought, due = date(2026, 1, 31), date(2026, 4, 30)
    desk = _sell(life, LIFE, 200_000, "QUARTERLY", bought)
    _pay(desk, bought, "447.00")
    _pay(desk, date(2026, 2, 1), "447.00")
    changed = _change(desk, due, 500_000, effective_date=f"{due}")

    with on(due):
        undone = life.ask("POST", f"/endorsements/{changed['endorsement_id']}/undo", {})
        second = desk.look(whole=True).lines[1]

    assert not undone.is_refusal
    assert (second["amount"], second["paid_amount"]) == (D("447.00"), D("447.00"))


def test_money_that_came_after_a_lapse_for_a_premium_not_due_can_be_paid_back(
    household: Office,
) -> None:
    desk, late = (
        _sell(household, HOUSEHOLD, 200_000, "MONTHLY", date(2026, 1, 31)),
        date(2026, 2, 27),
    )
    with on(late):
        assert not desk.ask("PUT", "/lapse", {"reason": "not paid"}).is_refusal
    _pay(desk, late, "340.00")

    too_much = _pay_back(desk, late, "170.01")
    done = _pay_back(desk, late, "170.00")

    assert too_much.status == 409
    assert not done.is_refusal
    assert _balances(desk, late)["BANK"] == D("170.00")
