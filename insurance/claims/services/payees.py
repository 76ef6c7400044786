"""Who is paid of a claim: by the policy, or as a person says; with accounts, verified or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.claims import queries
from insurance.claims.models import Claim, ClaimFlag, ClaimPayee
from insurance.claims.rules import ends_life
from insurance.claims.rules.payees import (
    HUNDRED,
    Entitled,
    Heir,
    KnownPerson,
    PayeeKind,
    check_shares,
    death_payees,
    holder_payee,
    is_same_person,
)
from insurance.claims.services.facts import insured_at, new_flag, raise_flags
from insurance.claims.services.history import Held, hold, require_person, require_reason, tell
from insurance.core import crypto
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.ids import new_id
from insurance.core.money import format_money
from insurance.core.tenancy import current_org
from insurance.customers.models import Customer, CustomerKind
from insurance.customers.queries import get_customer
from insurance.customers.rules import read_account_number, read_branch_code
from insurance.policies.models import Policy, PolicyMember
from insurance.policies.rules import Contract, ContractBeneficiary
from insurance.policies.services.payers import DEATHS

_PLACE = ("claims", "payee_account")
"""Where an account's ciphertext is bound to, with the id of its payee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who is paid, what share in per cent, and into which account.

    `payee_id` is that of a payee who stays; without a new account number theirs stays too.
    """

    name: str
    share: Decimal = HUNDRED
    relationship: str = ""
    date_of_birth: date | None = None
    bank: str | None = None
    branch_code: str | None = None
    account_number: str | None = None
    payee_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Circle:
    """The people of a death: who died, who holds the policy, and who has died besides."""

    died: KnownPerson | None
    holder: KnownPerson
    dead: Sequence[KnownPerson] = field(default_factory=tuple)

    @property
    def everybody_dead(self) -> list[KnownPerson]:
        """Return everybody who is known to have died."""
        found = [*self.dead, *([self.died] if self.died else [])]
        return found + ([self.holder] if self.holder.died_on else [])


def circle_of(held: Held, contract: Contract | None) -> Circle:
    """Return the people of a claim: its life, the holder, and the lives that other claims are on.

    `contract` is the policy as at the event: whoever held it then owns the benefit, whoever has
    taken their place since. A policy without named lives insures its holder.
    """
    claim = held.claim
    held_by = contract.customer_id if contract else None
    customer = held.holder
    if held_by is not None and held_by != customer.id:
        customer = get_customer(held.session, held_by)
    members = {member.id: member for member in held.members}
    dead = [
        KnownPerson(name=name, born=born, died_on=day)
        for name, born, day in held.deaths_known_of(customer.id)
    ]
    holder = _holder(customer, dead)
    died = None
    if ends_life(claim.claim_type):
        life = members.get(claim.member_id) if claim.member_id else None
        died = _life(life, claim.event_date) if life else None
        if died is None:
            died = KnownPerson(name=holder.name, born=holder.born, died_on=claim.event_date)
    return Circle(died, holder, dead)


def _holder(customer: Customer, dead: Sequence[KnownPerson]) -> KnownPerson:
    if customer.kind is not CustomerKind.PERSON:
        return KnownPerson(name=customer.display_name, is_natural=False)
    person = KnownPerson(name=customer.display_name, born=customer.date_of_birth)
    days = [one.died_on for one in dead if is_same_person(one, person) and one.died_on]
    return KnownPerson(name=person.name, born=person.born, died_on=min(days, default=None))


def has_died(session: Session, policy: Policy, customer: Customer) -> bool:
    """Tell whether claims on a policy, or on others of a customer, say that they have died."""
    deaths = queries.list_deaths(session, policy.id, customer.id)
    dead = [KnownPerson(name=name, born=born, died_on=day) for name, born, day in deaths]
    return _holder(customer, dead).died_on is not None


DEATHS.append(has_died)


def _life(member: PolicyMember, died_on: date) -> KnownPerson:
    name = f"{member.first_name} {member.last_name}".strip()
    return KnownPerson(name=name, born=member.date_of_birth, died_on=died_on)


def entitled_by_policy(
    circle: Circle,
    contract: Contract | None,
    claim: Claim,
    on: date,
    more: Sequence[KnownPerson] = (),
) -> list[Entitled]:
    """Return who is paid by the policy as at the event. `more` have died besides."""
    if circle.died is None:
        return [holder_payee(circle.holder)]
    heirs = contract.beneficiaries if contract else ()
    return death_payees(
        died=circle.died,
        holder=circle.holder,
        heirs=[_heir(heir, [*circle.dead, *more]) for heir in heirs],
        event_date=claim.event_date,
        on=on,
    )


def _heir(one: ContractBeneficiary, dead: Sequence[KnownPerson]) -> Heir:
    name = f"{one.first_name} {one.last_name}".strip()
    person = KnownPerson(name=name, born=one.date_of_birth)
    days = [each.died_on for each in dead if is_same_person(each, person) and each.died_on]
    return Heir(
        name=name,
        born=one.date_of_birth,
        died_on=min(days, default=None),
        kind=one.kind,
        relationship=one.relationship,
        share=one.share,
        guardian=one.guardian_name,
    )


def first_payees(
    held: Held, contract: Contract | None, circle: Circle, named: Sequence[Payee]
) -> list[ClaimPayee]:
    """Return the payees of a new claim: those whom a person named, else those of the policy.

    A flag that this raises is among the claim's flags, for the caller to add.
    """
    entitled = entitled_by_policy(circle, contract, held.claim, held.on)
    if not named:
        return _rows(held.claim, entitled)
    rows = _named_rows(held.claim, named, (), circle)
    held.flags.extend(_strangers(held, circle, entitled, rows))
    return rows


def _rows(claim: Claim, entitled: Sequence[Entitled]) -> list[ClaimPayee]:
    return [
        ClaimPayee(
            id=new_id(),
            claim_id=claim.id,
            position=position,
            kind=one.kind,
            name=one.name,
            date_of_birth=one.born,
            relationship=one.relationship,
            share=one.share,
            note=one.note,
            entered_by=current_actor().email,
        )
        for position, one in enumerate(entitled, 1)
    ]


def _named_rows(
    claim: Claim, named: Sequence[Payee], present: Sequence[ClaimPayee], circle: Circle
) -> list[ClaimPayee]:
    """Return rows for payees whom a person named; those who stay keep theirs."""
    if not named:
        raise DomainError("Say who is paid.", field="payees")
    shares = check_shares([one.share for one in named], "payees")
    rows = []
    for place, (one, share) in enumerate(zip(named, shares, strict=True)):
        at = "payee" if len(named) == 1 else f"payees.{place}"
        row = _row_of(one, present, at)
        if row is None:
            row = ClaimPayee(id=new_id(), claim_id=claim.id, kind=PayeeKind.NAMED, note="")
        if row in rows:
            raise DomainError("Name a payee once.", field=f"{at}.name")
        row.name, row.share, row.position = _name(one, at), share, place + 1
        row.relationship = one.relationship.strip() or row.relationship or ""
        row.date_of_birth = one.date_of_birth or row.date_of_birth
        _refuse_the_dead(row, circle, at)
        _write_account(row, one, at)
        rows.append(row)
    return rows


def _row_of(one: Payee, present: Sequence[ClaimPayee], at: str) -> ClaimPayee | None:
    if one.payee_id is not None:
        for row in present:
            if row.id == one.payee_id:
                return row
        raise DomainError("This is not a payee of the claim.", field=f"{at}.payee_id")
    return next((row for row in present if row.name == one.name.strip()), None)


def _name(one: Payee, at: str) -> str:
    if not one.name.strip():
        raise DomainError("Say who is paid.", field=f"{at}.name")
    return one.name.strip()


def _refuse_the_dead(row: ClaimPayee, circle: Circle, at: str) -> None:
    """Refuse to pay somebody who has died; a namesake says so by a birth date."""
    if row.kind is PayeeKind.ESTATE:
        return
    person = KnownPerson(name=row.name, born=row.date_of_birth)
    for dead in circle.everybody_dead:
        if is_same_person(dead, person):
            raise DomainError(
                f"{row.name} has died. Name a beneficiary or the estate; a namesake by the date of"
                " birth.",
                field=f"{at}.name",
            )


def _write_account(row: ClaimPayee, payee: Payee, at: str) -> None:
    """Put an account on a payee, the number encrypted; a new one is not verified."""
    if not payee.account_number:
        row.bank = (payee.bank or "").strip() or row.bank
        row.branch_code = _branch(payee.branch_code, at) or row.branch_code
        row.entered_by = row.entered_by or current_actor().email
        return
    digits = read_account_number(payee.account_number, field=f"{at}.account_number")
    org = current_org()
    row.bank = (payee.bank or "").strip() or None
    row.branch_code = _branch(payee.branch_code, at)
    row.account_cipher = crypto.encrypt(org, *_PLACE, row.id, digits)
    row.account_masked = crypto.mask_account(digits)
    row.account_index = crypto.blind_index(org, "account_number", digits)
    row.entered_by = current_actor().email
    row.verified_at = row.verified_by = row.verified_how = None


def _branch(code: str | None, at: str) -> str | None:
    if not code:
        return None
    return read_branch_code(code, field=f"{at}.branch_code")


def _strangers(
    held: Held, circle: Circle, entitled: Sequence[Entitled], rows: Sequence[ClaimPayee]
) -> list[ClaimFlag]:
    """Return the flag that a death is paid to somebody whom the policy does not name."""
    by_policy = {one.name for one in entitled}
    strangers = [row.name for row in rows if row.name not in by_policy]
    known = {flag.code for flag in held.flags}
    if circle.died is None or not strangers or "PAYEE_NOT_NAMED_BY_POLICY" in known:
        return []
    words = f"By the policy {', '.join(sorted(by_policy))} would be paid."
    said = f"{', '.join(strangers)} is paid. {words}"
    return [new_flag(held, "PAYEE_NOT_NAMED_BY_POLICY", said)]


def change_payees(
    claim_id: UUID, payees: Sequence[Payee], *, reason: str, on: date, now: datetime
) -> Claim:
    """Change who is paid, and by which shares. A payment soon after needs a second person.

    Raises DomainError at the field for shares that are not 100 per cent, or for somebody dead.
    """
    why = require_reason(reason)
    with transaction() as session:
        held = _open(session, claim_id, on=on, now=now)
        present = queries.list_payees(session, claim_id)
        before = _said(present)
        contract = insured_at(held, held.claim.event_date)
        circle = circle_of(held, contract)
        rows = _named_rows(held.claim, payees, present, circle)
        entitled = entitled_by_policy(circle, contract, held.claim, on)
        flags = _strangers(held, circle, entitled, rows)
        session.add_all(flags)
        held.flags.extend(flags)
        _replace(held, present, rows, before, why)
        return held.claim


def pay_by_policy(
    claim_id: UUID,
    *,
    died: Mapping[str, date] | None = None,
    reason: str,
    on: date,
    now: datetime,
) -> Claim:
    """Let those be paid whom the policy names, read anew. `died`: beneficiaries who have, and when.

    Raises DomainError for a name that is no beneficiary's.
    """
    why = require_reason(reason)
    with transaction() as session:
        held = _open(session, claim_id, on=on, now=now)
        contract = insured_at(held, held.claim.event_date)
        heirs = {
            f"{beneficiary.first_name} {beneficiary.last_name}".strip(): beneficiary
            for beneficiary in (contract.beneficiaries if contract else ())
        }
        more = []
        for name, day in (died or {}).items():
            if name not in heirs:
                raise DomainError(f"{name} is no beneficiary of the policy.", field="died")
            if day > on:
                raise DomainError("Nobody dies ahead.", field="died")
            more.append(KnownPerson(name=name, born=heirs[name].date_of_birth, died_on=day))
        circle = circle_of(held, contract)
        present = queries.list_payees(session, claim_id)
        before = _said(present)
        fresh = _rows(held.claim, entitled_by_policy(circle, contract, held.claim, on, more))
        known = {one.name: one for one in present}
        rows = [_kept(known.get(one.name), one) for one in fresh]
        _replace(held, present, rows, before, why)
        return held.claim


def _kept(present: ClaimPayee | None, fresh: ClaimPayee) -> ClaimPayee:
    if present is None:
        return fresh
    for name in ("kind", "position", "share", "note", "relationship", "date_of_birth"):
        setattr(present, name, getattr(fresh, name))
    return present


def _open(session: Session, claim_id: UUID, *, on: date, now: datetime) -> Held:
    held = hold(session, claim_id, on=on, now=now)
    if held.claim.closed_at is not None:
        raise ConflictError("This claim is closed; reopen it first.")
    return held


def _replace(
    held: Held,
    present: Sequence[ClaimPayee],
    rows: Sequence[ClaimPayee],
    before: Sequence[str],
    why: str,
) -> None:
    claim = held.claim
    for one in present:
        if one not in rows:
            one.removed_at = held.now
    held.session.add_all(rows)
    held.session.flush()
    claim.payee_changed_at, claim.payee_changed_by = held.now, current_actor().email
    raise_flags(held, [item.policy_benefit_id for item in held.items])
    tell(
        held,
        "CLAIM_PAYEE_CHANGED",
        f"Payee is {'; '.join(_said(rows))}",
        reason=why,
        before={"payees": list(before)},
        payload={"payees": _said(rows)},
    )


def _said(rows: Sequence[ClaimPayee]) -> list[str]:
    return [
        f"{row.name}, {_per_cent(row.share)}, account {row.account_masked or 'not given'}"
        for row in rows
    ]


def _per_cent(share: Decimal) -> str:
    return f"{share.normalize():f}".replace(".", ",") + "%"


def verify_account(payee_id: UUID, *, how: str, on: date, now: datetime) -> ClaimPayee:
    """Record that a payee's account was checked, and how, by somebody who did not enter it.

    Raises ConflictError where there is no account, ForbiddenError for who entered it.
    """
    evidence = require_reason(how, "how")
    require_person()
    with transaction() as session:
        payee = queries.get_payee(session, payee_id)
        held = _open(session, payee.claim_id, on=on, now=now)
        session.refresh(payee)
        if payee.account_cipher is None or payee.removed_at is not None:
            raise ConflictError("There is no account of this payee to verify.")
        if payee.entered_by == current_actor().email:
            raise ForbiddenError("You entered this account, so somebody else must verify it.")
        payee.verified_at, payee.verified_by = now, current_actor().email
        payee.verified_how = evidence
        tell(
            held,
            "CLAIM_ACCOUNT_VERIFIED",
            f"Account {payee.account_masked} of {payee.name} is verified",
            reason=evidence,
            payload={"payee_id": payee.id, "account": payee.account_masked},
            on_policy=False,
        )
        return payee


def payees_to_pay(held: Held) -> list[ClaimPayee]:
    """Return the payees of a claim; one of before they were written gets those of its policy."""
    rows = list(held.payees)
    if not rows:
        contract = insured_at(held, held.claim.event_date)
        circle = circle_of(held, contract)
        rows = _rows(held.claim, entitled_by_policy(circle, contract, held.claim, held.on))
        held.session.add_all(rows)
        held.session.flush()
    return rows


def chosen_of(payees: Sequence[ClaimPayee], chosen: Sequence[UUID]) -> list[ClaimPayee]:
    """Return those chosen of a claim's payees, all without any. Raises DomainError for strangers."""
    known = {payee.id: payee for payee in payees}
    for place, one in enumerate(chosen):
        if one not in known:
            raise DomainError("This is not a payee of the claim.", field=f"payees.{place}.payee_id")
    return [known[one] for one in chosen or known]


def require_payable(held: Held, payees: Sequence[ClaimPayee]) -> None:
    """Refuse to pay somebody dead, or an account that must be verified first and is not.

    Raises ConflictError that says what to do.
    """
    contract = insured_at(held, held.claim.event_date)
    circle = circle_of(held, contract)
    for payee in payees:
        person = KnownPerson(name=payee.name, born=payee.date_of_birth)
        is_dead = any(is_same_person(dead, person) for dead in circle.everybody_dead)
        if is_dead and payee.kind is not PayeeKind.ESTATE:
            raise ConflictError(
                f"{payee.name} has died. Say who is paid instead: by the policy, or by name.",
                field="payees",
            )
        if held.settings.verified_account_first and payee.verified_at is None:
            raise ConflictError(
                f"The account of {payee.name} is not "
                + ("verified yet." if payee.account_cipher else "on file yet."),
                field="payees",
                detail={"payee": payee.name},
            )


def described(one: ClaimPayee, amount: Decimal) -> dict[str, str | None]:
    """Return a payee and what they get, as a request freezes it."""
    return {
        "payee_id": str(one.id),
        "name": one.name,
        "account": one.account_masked,
        "amount": format_money(amount),
    }
