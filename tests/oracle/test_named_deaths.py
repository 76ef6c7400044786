"""Deaths with names: who was paid, or what was charged, once came out wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.oracle.histories_of_lives import (
    CONTINUES,
    ENDS,
    FUNERAL,
    Act,
    FamilyHistory,
    Telling,
    tell,
)
from tests.oracle.office import Office, on

D = Decimal
MAIN, EXTRA, SPOUSE, CHILD = 0, 1, 2, 3
"""The places of the benefits of a family with a spouse and a child."""


@pytest.fixture
def office(api: Callable[..., TestClient], org: OrganizationFacts) -> Office:
    """Return a life insurer."""
    return Office(api, org)


def _step(kind: str, choice: int = 1, wait: int = 0, event: str = "yesterday") -> Act:
    return Act(wait, kind, choice, "all", event, "ACCIDENT", is_paid_up=True)


def _claims(telling: Telling) -> list[dict[str, Any]]:
    with on(telling.family.today):
        return [telling.office.do("GET", f"/claims/{one['claim_id']}") for one in telling.ids]


def test_a_second_claim_on_a_main_member_whose_place_is_taken_is_paid_to_the_estate(
    office: Office,
) -> None:
    steps = (
        _step("submit", MAIN, wait=14),
        _step("assess"),
        _step("pay"),
        _step("submit", EXTRA, wait=31),
        _step("assess"),
        _step("pay"),
    )

    telling = tell(office, FamilyHistory(CONTINUES, 80_000, ("SPOUSE", "CHILD:1"), steps))

    first, second = _claims(telling)
    assert [one["kind"] for one in first["payees"]] == ["ESTATE"]
    assert second["status"] == "PAID"
    assert [one["name"] for one in second["payees"]] == [first["payees"][0]["name"]]


def test_a_death_told_of_the_day_after_somebody_followed_has_no_cover_and_falls_to_who_followed(
    office: Office,
) -> None:
    # Five benefits: the twelfth choice is the main member's second, a day after the first death.
    steps = (
        _step("submit", MAIN, wait=31, event="yesterday"),
        _step("assess"),
        _step("add a child"),
        _step("add a child"),
        _step("pay", wait=1),
        _step("submit", 11),
    )

    telling = tell(office, FamilyHistory(CONTINUES, 80_000, ("SPOUSE",), steps))

    second = _claims(telling)[1]
    assert second["items"][0]["base_benefit_amount"] == D("0.00")
    assert [one["kind"] for one in second["payees"]] == ["HOLDER"]


def test_the_death_of_a_child_before_its_holder_is_paid_to_the_holders_estate(
    office: Office,
) -> None:
    steps = (
        _step("submit", MAIN, wait=31),
        _step("assess"),
        _step("pay"),
        _step("submit", CHILD, wait=1, event="a while ago"),
    )

    telling = tell(office, FamilyHistory(CONTINUES, 80_000, ("SPOUSE", "CHILD:1"), steps))

    holders, childs = _claims(telling)
    assert date.fromisoformat(childs["event_date"]) < date.fromisoformat(holders["event_date"])
    assert [one["name"] for one in childs["payees"]] == [holders["payees"][0]["name"]]


def test_what_a_life_added_cost_before_the_death_that_ends_the_policy_is_kept_back(
    office: Office,
) -> None:
    steps = (
        _step("submit", MAIN, event="today"),
        _step("assess"),
        _step("pay", wait=1),
    )

    telling = tell(office, FamilyHistory(ENDS, 80_000, ("SPOUSE", "CHILD:1"), steps))

    # The spouse 29.20 and the child 4.15 were covered with the main member on the last day.
    assert [one["arrears_deducted"] for one in _claims(telling)[0]["payments"]] == [D("33.35")]


@pytest.mark.parametrize("family", [(), ("SPOUSE",)])
def test_a_life_added_after_the_death_that_ends_the_policy_costs_nothing(
    family: tuple[str, ...], office: Office
) -> None:
    # Alone, nobody was there to go on with; the policy of the couple ends with its main member.
    article = ENDS if family else CONTINUES
    steps = (
        _step("submit", MAIN, wait=31, event="yesterday"),
        _step("add a child", wait=1),
        _step("assess"),
        _step("pay"),
    )

    told = tell(office, FamilyHistory(article, 20_000, family, steps))
    restored = tell(office, FamilyHistory(article, 20_000, family, (*steps, _step("undo"))))

    assert told.family.policy.status == "cancelled"
    assert [one["arrears_deducted"] for one in _claims(told)[0]["payments"]] == [D("0.00")]
    assert restored.family.policy.status == "active"
    assert restored.family.policy.credit == 0


def test_a_change_after_a_death_that_was_none_is_charged_again_when_it_is_undone(
    office: Office,
) -> None:
    steps = (
        _step("submit", EXTRA, wait=61),
        _step("assess"),
        _step("add a child", wait=31),
        _step("pay", wait=31),
    )
    history = FamilyHistory(ENDS, 80_000, ("SPOUSE",), (*steps, _step("undo")))

    restored = tell(office, history)

    with on(restored.family.today):
        seen = restored.desk.look(whole=True)
    assert seen.detail["policy"]["status"] == "active"
    # Five premiums and what the child's days in May cost were paid, and nothing is held.
    assert "UNAPPLIED_CREDIT" not in {name for name, amount in seen.balances.items() if amount}
    assert seen.balances["PREMIUM_INCOME"] == -restored.family.policy.cash


def test_the_policy_of_a_couple_goes_on_until_the_second_death_is_paid_too(office: Office) -> None:
    steps = [
        _step("submit", SPOUSE, event="today"),
        _step("submit", MAIN, event="today"),
        _step("assess", 1, wait=1),
        _step("pay"),
    ]

    one_paid = tell(office, FamilyHistory(FUNERAL[0], 20_000, ("SPOUSE",), tuple(steps)))
    steps += [_step("assess", 0), _step("pay", 0)]
    both_paid = tell(office, FamilyHistory(FUNERAL[0], 20_000, ("SPOUSE",), tuple(steps)))

    assert one_paid.family.policy.status == "active"
    assert both_paid.family.policy.ended_on == date(2026, 2, 1)


def test_a_death_told_after_the_policy_was_cancelled_leaves_a_task_about_premiums_since(
    office: Office,
) -> None:
    steps = (
        _step("submit", MAIN, wait=14),
        _step("cancel", 0, wait=61),
        _step("assess"),
        _step("pay"),
    )

    (paid,) = _claims(tell(office, FamilyHistory(ENDS, 80_000, (), steps)))

    tasks = [one["text"] for one in paid["notes"] if one["kind"] == "TASK"]
    assert any("Give back what was paid for cover from 2026/02/14" in one for one in tasks)


def test_an_open_claim_of_after_a_death_is_read_again_when_the_policy_ends_and_is_restored(
    office: Office,
) -> None:
    steps = (
        _step("submit", SPOUSE, wait=31, event="today"),
        _step("submit", EXTRA, event="a while ago"),
        _step("assess", 1),
        _step("pay"),
    )
    history = FamilyHistory(ENDS, 80_000, ("SPOUSE",), steps)

    ended = _claims(tell(office, history))
    restored = _claims(tell(office, replace(history, acts=(*steps, _step("undo")))))

    assert [one["items"][0]["base_benefit_amount"] for one in (ended[0], restored[0])] == [
        D("0.00"),
        D("40000.00"),
    ]


def test_an_open_claim_on_a_main_member_who_died_before_is_read_again_when_another_follows(
    office: Office,
) -> None:
    # Five benefits: the sixth choice is the first of them, the twelfth the second, a day later.
    steps = (
        _step("submit", 5, wait=31, event="a while ago"),
        _step("submit", 11),
        _step("assess", 0),
        _step("pay", 0),
    )

    first, second = _claims(
        tell(office, FamilyHistory(CONTINUES, 80_000, ("SPOUSE", "CHILD:1", "CHILD:2"), steps))
    )

    assert first["status"] == "PAID"
    assert second["event_date"] > first["event_date"]
    assert second["items"][0]["base_benefit_amount"] == D("0.00")


def test_an_open_claim_of_the_day_on_which_the_policy_is_cancelled_is_read_again(
    office: Office,
) -> None:
    steps = (_step("submit", SPOUSE, wait=31, event="today"), _step("cancel", 0))

    (open_claim,) = _claims(tell(office, FamilyHistory(ENDS, 20_000, ("SPOUSE",), steps)))

    # Cover ends on the first day without it, which is the day that the spouse died.
    assert open_claim["items"][0]["base_benefit_amount"] == D("0.00")


def test_a_policy_in_which_a_small_credit_is_left_has_lapsed_for_a_later_claim(
    office: Office,
) -> None:
    steps = (
        _step("submit", SPOUSE, event="today"),
        _step("assess", 0),
        _step("pay", 0, wait=1),
        _step("submit", MAIN, wait=61, event="today"),
    )
    unpaid = tuple(replace(step, is_paid_up=False) for step in steps)

    told = tell(office, FamilyHistory(ENDS, 20_000, ("SPOUSE",), unpaid))

    # What the spouse's days would have cost is held, and pays a part of February only.
    assert told.family.policy.credit == D("7.04")
    assert _claims(told)[1]["items"][0]["base_benefit_amount"] == D("0.00")
