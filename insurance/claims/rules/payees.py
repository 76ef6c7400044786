"""Who is paid when a claim is paid, in which shares, and how an amount is divided to the cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from insurance.core.errors import DomainError
from insurance.core.money import CENT, ZERO, total
from insurance.core.period import age_last_birthday
from insurance.customers.rules import match_name
from insurance.policies.rules import is_equal_split

ADULT_AGE = 18
HUNDRED = Decimal(100)
GUARDIANS_FUND = "Guardian's Fund"


class PayeeKind(StrEnum):
    """Why somebody is paid."""

    BENEFICIARY = "BENEFICIARY"
    HOLDER = "HOLDER"
    ESTATE = "ESTATE"
    NAMED = "NAMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPerson:
    """Somebody by name and birth date, and the day of their death where it is known.

    A company, trust, club, society or partnership is not natural: it holds policies and never dies.
    """

    name: str
    born: date | None = None
    died_on: date | None = None
    is_natural: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Heir(KnownPerson):
    """A beneficiary as the policy names them. `share` is in per cent of those of their kind."""

    kind: str
    relationship: str
    share: Decimal
    guardian: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """Who is to be paid what share of a claim, in per cent. `note` says what is unusual."""

    kind: PayeeKind
    name: str
    share: Decimal
    relationship: str = ""
    born: date | None = None
    note: str = ""


def is_same_person(one: KnownPerson, other: KnownPerson) -> bool:
    """Tell whether two people are one, by name and birth date.

    The same name without two differing birth dates, or the same birth date with a name in common:
    people are written with and without their second names.
    """
    names, others = _names(one.name), _names(other.name)
    if not names or not others:
        return False
    if one.born and other.born:
        return one.born == other.born and bool(set(names) & set(others))
    return names == others


def _names(name: str) -> list[str]:
    return (match_name(name) or name.casefold()).split()


def death_payees(
    *, died: KnownPerson, holder: KnownPerson, heirs: Sequence[Heir], event_date: date, on: date
) -> list[Entitled]:
    """Return who is paid for a death, never the one who died. The shares add up to 100 per cent.

    Where somebody else than the holder died, the holder owns the benefit; a trust, society or
    other holder that is no person only where no beneficiary is left. Else the primary
    beneficiaries who outlived the death take it by their shares, those who did not leaving theirs
    to the others; where none did, the contingent ones likewise; then the estate. A beneficiary who
    died later has an estate that is paid. A minor is paid through the guardian (`on` is the day
    their age is read), without a living one through the Guardian's Fund.
    """
    is_holders_own = is_same_person(died, holder) or not _outlived(holder, event_date)
    if holder.is_natural and not is_holders_own:
        return [_owner(holder)]
    for kind in ("PRIMARY", "CONTINGENT"):
        found = [
            heir
            for heir in heirs
            if heir.kind == kind and not is_same_person(heir, died) and _outlived(heir, event_date)
        ]
        if found:
            lost = [heir for heir in heirs if heir.kind == kind and heir not in found]
            return _heirs(found, lost, died, on)
    if not holder.is_natural:
        return [_owner(holder)]
    return [_estate(died, "No beneficiary is named." if not heirs else "No beneficiary is left.")]


def holder_payee(holder: KnownPerson) -> Entitled:
    """Return who is paid where nobody died of it: the holder, whose estate if they have died."""
    return _owner(holder)


def _outlived(person: KnownPerson, event_date: date) -> bool:
    return person.died_on is None or person.died_on > event_date


def _owner(holder: KnownPerson) -> Entitled:
    if holder.died_on is not None:
        return _estate(holder, f"Died on {holder.died_on:%Y/%m/%d}.")
    return Entitled(
        kind=PayeeKind.HOLDER, name=holder.name, share=HUNDRED, relationship="Policyholder",
        born=holder.born,
    )  # fmt: skip


def _estate(person: KnownPerson, note: str) -> Entitled:
    return Entitled(
        kind=PayeeKind.ESTATE, name=f"Estate late {person.name}", share=HUNDRED, note=note
    )


def _heirs(
    found: Sequence[Heir], lost: Sequence[Heir], died: KnownPerson, on: date
) -> list[Entitled]:
    shares = divide(HUNDRED, [one.share for one in found])
    gone = ", ".join(one.name for one in lost)
    why = f"With the share of {gone}, who did not outlive the death." if lost else ""
    return [_heir(one, share, why, died, on) for one, share in zip(found, shares, strict=True)]


def _heir(one: Heir, share: Decimal, why: str, died: KnownPerson, on: date) -> Entitled:
    kind, name, notes = PayeeKind.BENEFICIARY, one.name, [why]
    if one.died_on is not None:
        kind, name = PayeeKind.ESTATE, f"Estate late {one.name}"
        notes.append(f"Died on {one.died_on:%Y/%m/%d}, after the event.")
    elif one.born and age_last_birthday(one.born, on) < ADULT_AGE:
        guardian = one.guardian
        if guardian and not is_same_person(KnownPerson(name=guardian), KnownPerson(name=died.name)):
            name = f"{guardian}, guardian of {one.name}"
            notes.append("A minor is paid through the guardian.")
        else:
            name = f"{GUARDIANS_FUND} for {one.name}"
            notes.append("A minor without a living guardian is paid through the Guardian's Fund.")
    return Entitled(
        kind=kind,
        name=name,
        share=share,
        relationship=one.relationship,
        born=one.born,
        note=" ".join(note for note in notes if note),
    )


def check_shares(shares: Sequence[Decimal], field: str) -> list[Decimal]:
    """Return shares in per cent that add up to 100. Raises DomainError for others.

    Equal shares that hundredths cannot express, such as three of 33.33, are taken as equal.
    """
    if not shares or min(shares) <= ZERO or max(shares) > HUNDRED:
        raise DomainError("A share is above 0 and at most 100 per cent.", field=field)
    if total(shares) == HUNDRED:
        return list(shares)
    if is_equal_split(shares):
        return divide(HUNDRED, shares)
    raise DomainError(f"The shares add up to {total(shares)}; they must be 100.00.", field=field)


def weights_of(shares: Sequence[Decimal]) -> list[Decimal]:
    """Return what an amount is divided by: equal parts where the shares are those of equal parts.

    So of three who are to get a third each, nobody gets ten rand more of 100 000 for the hundredth
    of a per cent that makes the shares a hundred.
    """
    equal = divide(HUNDRED, [Decimal(1)] * len(shares)) if shares else []
    return [Decimal(1)] * len(shares) if sorted(shares) == sorted(equal) else list(shares)


def divide(amount: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """Divide an amount in rand by shares into cents that add up to it.

    Each part is rounded down; the cents left over go to those who lost most by it, the first ones
    where they lost alike. So nobody is further than one cent from their exact part.
    """
    whole = total(shares)
    exact = [amount * share / whole for share in shares]
    parts = [one.quantize(CENT, ROUND_DOWN) for one in exact]
    left = int((amount - total(parts)) / CENT)
    by_loss = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_loss[:left]:
        parts[at] += CENT
    return parts


def divide_rest(
    amount: Decimal, shares: Sequence[Decimal], paid: Sequence[Decimal]
) -> list[Decimal]:
    """Divide a further amount so that all that is paid comes as near to the shares as it can.

    `paid` is what each has got already. The parts add up to the amount and none is below nought:
    who has more than their share of it all gets nothing, the others the rest by their shares.
    """
    parts = [ZERO] * len(shares)
    open_ones = list(range(len(shares)))
    while True:
        whole = amount + total(paid[at] for at in open_ones)
        aims = divide(whole, [shares[at] for at in open_ones])
        over = [at for at, aim in zip(open_ones, aims, strict=True) if aim < paid[at]]
        if not over:
            for at, aim in zip(open_ones, aims, strict=True):
                parts[at] = aim - paid[at]
            return parts
        open_ones = [at for at in open_ones if at not in over]


def in_days_of_change(changed_on: date, paid_on: date, days: int) -> bool:
    """Tell whether a payment is so soon after a change of payee that two people must agree.

    The last day is the change's day and `days` more; nought means the day itself.
    """
    return paid_on <= changed_on + timedelta(days=days)
