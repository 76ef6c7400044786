"""Who is paid: a name and an encrypted account, and when that was last changed."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from insurance.claims import queries
from insurance.claims.models import Claim
from insurance.claims.services.facts import raise_flags
from insurance.claims.services.history import hold, require_reason, tell
from insurance.core import crypto
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import current_org
from insurance.customers.rules import read_account_number, read_branch_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Who is paid, and into which account."""

    name: str
    bank: str | None = None
    branch_code: str | None = None
    account_number: str | None = None


def write_payee(claim: Claim, payee: Payee) -> None:
    """Put a payee on a claim, the number encrypted. Raises DomainError at the field."""
    if not payee.name.strip():
        raise DomainError("Say who is paid.", field="payee.name")
    claim.payee_name = payee.name.strip()
    claim.payee_bank = (payee.bank or "").strip() or None
    claim.payee_branch_code = _branch(payee.branch_code)
    claim.payee_account_cipher = claim.payee_account_masked = claim.payee_account_index = None
    if payee.account_number:
        digits = read_account_number(payee.account_number, field="payee.account_number")
        org = current_org()
        claim.payee_account_cipher = crypto.encrypt(
            org, "claims", "payee_account", claim.id, digits
        )
        claim.payee_account_masked = crypto.mask_account(digits)
        claim.payee_account_index = crypto.blind_index(org, "account_number", digits)


def _branch(code: str | None) -> str | None:
    if not code:
        return None
    return read_branch_code(code, field="payee.branch_code")


def change_payee(claim_id: UUID, payee: Payee, *, reason: str, on: date, now: datetime) -> Claim:
    """Change who is paid. A payment soon after needs a second person."""
    why = require_reason(reason)
    with transaction() as session:
        held = hold(session, claim_id, on=on, now=now)
        claim = held.claim
        if claim.closed_at is not None:
            raise ConflictError("This claim is closed; reopen it first.")
        before = {"payee": claim.payee_name, "account_number": claim.payee_account_masked}
        write_payee(claim, payee)
        claim.payee_changed_at = now
        claim.payee_changed_by = current_actor().email
        after = {"payee": claim.payee_name, "account_number": claim.payee_account_masked}
        items = queries.list_items(session, claim.id)
        raise_flags(held, [one.policy_benefit_id for one in items])
        tell(
            held,
            "CLAIM_PAYEE_CHANGED",
            f"Payee is {claim.payee_name}, account {claim.payee_account_masked or 'not given'}",
            reason=why,
            before=before,
            payload=after,
        )
        return claim
