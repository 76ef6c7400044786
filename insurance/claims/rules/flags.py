"""What an assessor should look at twice, each with its reason."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Flag:
    """A sign with its reason."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFacts:
    """What the signs are read from.

    `duplicates` are numbers of other claims on the same life, event and benefit; `paid_late` the
    days on which premiums of before the event were paid after it; `payee_claims` numbers of
    claims on other policies with the same account.
    """

    event_date: date
    starts_on: date
    early_days: int
    duplicates: tuple[str, ...] = ()
    paid_late: tuple[date, ...] = ()
    beneficiaries_changed: tuple[date, ...] = ()
    payee_claims: tuple[str, ...] = ()


def find_flags(facts: FlagFacts) -> list[Flag]:
    """Return the signs of a claim."""
    found = []
    starts, event = facts.starts_on, facts.event_date
    if event < starts:
        words = f"The event of {event:%Y/%m/%d} was before cover began on {starts:%Y/%m/%d}."
        found.append(Flag("EVENT_BEFORE_INCEPTION", words))
    elif event < starts + timedelta(days=facts.early_days):
        words = f"The event was {(event - starts).days} days after cover began."
        found.append(Flag("EARLY_CLAIM", words))
    if facts.duplicates:
        words = f"The same event and benefit: {', '.join(facts.duplicates)}."
        found.append(Flag("DUPLICATE", words))
    if facts.paid_late:
        words = f"A premium due before the event was paid on {facts.paid_late[0]:%Y/%m/%d}."
        found.append(Flag("PREMIUM_PAID_AFTER_EVENT", words))
    if facts.beneficiaries_changed:
        changed = facts.beneficiaries_changed[0]
        words = f"The beneficiaries were changed on {changed:%Y/%m/%d}, after the event."
        found.append(Flag("BENEFICIARY_CHANGED_AFTER_EVENT", words))
    if facts.payee_claims:
        words = f"The payee's account is used by {', '.join(facts.payee_claims)}."
        found.append(Flag("SHARED_PAYEE", words))
    return found
