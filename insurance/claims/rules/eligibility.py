"""Whether a contract answers for an event: each check with its reason, as at the event date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from insurance.claims.rules.statuses import ACCIDENTAL, CLAIM_TYPES, UNKNOWN
from insurance.core.money import ZERO, format_money
from insurance.policies.rules import Layer, cover_on, payable_on


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist. A failed `blocking` one means that nothing is payable."""

    code: str
    passed: bool
    detail: str
    item: UUID | None = None
    blocking: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFacts:
    """A policy as at the event date. `status` is None where it was not known or not begun.

    `gaps` are the days between a lapse and a recommencement, half-open; `lapses_on` the day after
    grace where nobody lapsed the policy yet.
    """

    event_date: date
    effective_date: date
    expiry_date: date | None
    status: str | None
    gaps: Sequence[tuple[date, date]] = ()
    lapses_on: date | None = None
    arrears: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """A benefit claimed on, as at the event date. `layers` None: it did not exist then.

    `used` is what was paid of it, or approved and not yet paid; `excess` what the policyholder
    bears of the loss. A benefit that is not on a life is on an object, by `life_name` and the days
    of `member_from` and `member_until`, where one is recorded.
    """

    item: UUID
    benefit_name: str
    benefit_type: str
    layers: Sequence[Layer] | None
    member_from: date | None
    member_until: date | None
    life_name: str
    used: Decimal
    requested: Decimal
    excess: Decimal = ZERO
    is_on_life: bool = True


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What the contract says of a claimed amount. Money is in rand.

    `claimed` is the request, cut to the cover that remained; `payable` what of it is due by the
    checks.
    """

    cover: Decimal
    remaining: Decimal
    claimed: Decimal
    payable: Decimal
    is_waiting: bool
    checks: tuple[Check, ...]


def check_cause(cause: str, *, is_on_lives: bool = True) -> list[Check]:
    """Return the check that says that no cause was stated; nothing where one was."""
    if cause != UNKNOWN:
        return []
    words = "No cause was stated"
    words += ", so waiting is judged as for a natural cause." if is_on_lives else "."
    return [Check("CAUSE_STATED", False, words, blocking=False)]


def check_stillbirth(weeks: int | None, least: int | None) -> list[Check]:
    """Return whether a child was stillborn by the law's word: so many weeks after conception.

    Nothing for a claim that is on no stillbirth.
    """
    if weeks is None or least is None:
        return []
    words = f"Born dead after {weeks} weeks; a child is stillborn from {least} weeks on."
    return [Check("STILLBORN", weeks >= least, words)]


def life_causes(cause: str) -> bool:
    """Tell whether a cause waits for nothing."""
    return cause in ACCIDENTAL


def check_contract(facts: ContractFacts) -> list[Check]:
    """Return the checks of the policy itself: in force on the day, and paid up."""
    return [_in_force(facts), _paid_up(facts)]


def _in_force(facts: ContractFacts) -> Check:
    day = facts.event_date
    reason = None
    if day < facts.effective_date:
        reason = f"Cover began on {facts.effective_date:%Y/%m/%d}."
    elif facts.expiry_date is not None and day >= facts.expiry_date:
        reason = f"Cover ended on {facts.expiry_date:%Y/%m/%d}."
    elif any(start <= day < end for start, end in facts.gaps):
        start, end = next(gap for gap in facts.gaps if gap[0] <= day < gap[1])
        reason = f"There was no cover from {start:%Y/%m/%d} until {end:%Y/%m/%d}."
    elif facts.status is None:
        reason = "The policy was not in force."
    elif facts.status not in ("active", "suspended"):
        reason = f"The policy was {facts.status}."
    elif facts.lapses_on is not None and day >= facts.lapses_on:
        reason = f"Grace had run out; the policy lapses as from {facts.lapses_on:%Y/%m/%d}."
    if reason is not None:
        return Check("IN_FORCE", False, f"Not in force on {day:%Y/%m/%d}. {reason}")
    words = f"In force on {day:%Y/%m/%d}"
    words += ", suspended but covered." if facts.status == "suspended" else "."
    return Check("IN_FORCE", True, words)


def _paid_up(facts: ContractFacts) -> Check:
    if facts.arrears <= ZERO:
        return Check("PREMIUMS_PAID", True, "Nothing was owed on the event date.", blocking=False)
    owed = format_money(facts.arrears)
    words = f"{owed} was owed on the event date; it is deducted from the payment."
    return Check("PREMIUMS_PAID", False, words, blocking=False)


def assess_item(
    facts: ItemFacts, *, event_date: date, cause: str, claim_type: str, is_in_force: bool
) -> ItemResult:
    """Cap a claimed amount at the remaining cover and say what of it is payable.

    Payable is the loss less the excess, at most what remains of the cover that does not wait.
    """
    layers = facts.layers or ()
    is_accident = life_causes(cause)
    cover = cover_on(layers, event_date) if is_in_force else ZERO
    past_waiting = payable_on(layers, event_date, accident=is_accident) if is_in_force else ZERO
    remaining = max(cover - facts.used, ZERO)
    claimed = min(facts.requested, remaining)
    checks = (
        _life(facts, event_date),
        _answers(facts, claim_type, cause),
        _waiting(facts, event_date, cover, past_waiting, is_accident),
        _cover(facts, cover, remaining),
        *_excess(facts),
    )
    is_due = is_in_force and all(check.passed or not check.blocking for check in checks[:2])
    loss = facts.requested - facts.excess
    payable = min(loss, max(past_waiting - facts.used, ZERO)) if is_due else ZERO
    return ItemResult(cover, remaining, claimed, payable, past_waiting < cover, checks)


def _life(facts: ItemFacts, day: date) -> Check:
    if facts.layers is None:
        words = f"{facts.benefit_name} was not part of the policy on {day:%Y/%m/%d}."
        return Check("BENEFIT_HELD", False, words, facts.item)
    code = "LIFE_INSURED" if facts.is_on_life else "OBJECT_INSURED"
    if facts.member_from is None:
        words = "The benefit is not on a named life."
        if not facts.is_on_life:
            words = "No vehicle, building or other object is recorded for the benefit."
        return Check(code, True, words, facts.item)
    until = facts.member_until
    if day < facts.member_from or (until is not None and day >= until):
        words = f"{facts.life_name} was not insured on {day:%Y/%m/%d}."
        return Check(code, False, words, facts.item)
    words = f"{facts.life_name} was insured from {facts.member_from:%Y/%m/%d}."
    return Check(code, True, words, facts.item)


def _answers(facts: ItemFacts, claim_type: str, cause: str) -> Check:
    kind = facts.benefit_type.replace("_", " ").lower()
    if facts.benefit_type not in CLAIM_TYPES[claim_type]:
        words = f"{facts.benefit_name} is cover for {kind}."
        return Check("BENEFIT_ANSWERS", False, words, facts.item)
    if facts.benefit_type == "ACCIDENTAL_DEATH" and not life_causes(cause):
        words = f"{facts.benefit_name} pays for accidents only."
        return Check("BENEFIT_ANSWERS", False, words, facts.item)
    return Check("BENEFIT_ANSWERS", True, f"{facts.benefit_name} answers this claim.", facts.item)


def _waiting(
    facts: ItemFacts, day: date, cover: Decimal, past: Decimal, is_accident: bool
) -> Check:
    if not facts.is_on_life and (is_accident or past >= cover):
        words = "No part of the cover waits for this cause."
        return Check("WAITING", True, words, facts.item, blocking=False)
    if is_accident:
        return Check("WAITING", True, "An accident does not wait.", facts.item, blocking=False)
    if past >= cover:
        words = f"Every part of the cover was past its waiting period on {day:%Y/%m/%d}."
        return Check("WAITING", True, words, facts.item, blocking=False)
    ends = max(one.waiting_until for one in facts.layers or () if one.starts_on <= day)
    words = (
        f"{format_money(cover - past)} of {format_money(cover)} was waiting until {ends:%Y/%m/%d}."
    )
    return Check("WAITING", False, words, facts.item, blocking=False)


def _cover(facts: ItemFacts, cover: Decimal, remaining: Decimal) -> Check:
    if facts.requested <= remaining:
        words = f"{format_money(remaining)} remained of {format_money(cover)}."
        return Check("REMAINING_COVER", True, words, facts.item, blocking=False)
    words = (
        f"{format_money(facts.requested)} was asked for; {format_money(remaining)} remained of"
        f" {format_money(cover)}, so the claim is capped there."
    )
    return Check("REMAINING_COVER", False, words, facts.item, blocking=False)


def _excess(facts: ItemFacts) -> list[Check]:
    """Say what the policyholder bears of the loss; nothing where there is no excess."""
    if facts.excess <= ZERO:
        return []
    bears, loss = format_money(facts.excess), format_money(facts.requested)
    if facts.excess >= facts.requested:
        words = f"The loss of {loss} is not above the excess: the policyholder bears all of it."
        return [Check("EXCESS", False, words, facts.item, blocking=False)]
    rest = format_money(facts.requested - facts.excess)
    words = f"The policyholder bears {bears} of the loss of {loss}; {rest} is left of it."
    return [Check("EXCESS", True, words, facts.item, blocking=False)]
