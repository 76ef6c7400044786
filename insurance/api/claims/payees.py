"""Who is paid, and whose account was verified."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from insurance.api.claims.shared import (
    ONE,
    TAG,
    ClaimAnswer,
    ClaimPayeeAnswer,
    Name,
    PayeeFields,
    Reason,
    claim_answer,
)
from insurance.api.edge import (
    Answer,
    Body,
    endpoint,
)
from insurance.claims import services
from insurance.claims.permissions import ClaimsMay
from insurance.core import clock
from insurance.web.business import business_day
from insurance.web.parsing import Day


class PayeeBody(Body):
    """A new payee, and why."""

    payee: PayeeFields
    reason: Reason


class PayeesBody(Body):
    """Who is paid from now on, by shares that add up to 100 per cent, and why."""

    payees: Annotated[list[PayeeFields], Field(min_length=1, max_length=20)]
    reason: Reason


class DeadHeir(Answer):
    """A beneficiary who has died, and when."""

    name: Name
    died_on: Day


class ByPolicyBody(Body):
    """Which beneficiaries have died, where the policy says again who is paid, and why."""

    died: Annotated[list[DeadHeir], Field(max_length=20)] = Field(default_factory=list)
    reason: Reason


class VerifyBody(Body):
    """How an account was checked."""

    how: Reason


@endpoint("PUT", f"{ONE}/payee", may=ClaimsMay.SUBMIT, body=PayeeBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def change_claim_payee(claim_id: UUID, body: PayeeBody) -> dict[str, Any]:
    """Pay one person from now on; a payment soon after needs a second person."""
    return _change_payees(claim_id, [body.payee], body.reason)


@endpoint("PUT", f"{ONE}/payees", may=ClaimsMay.SUBMIT, body=PayeesBody, answer=ClaimAnswer,
          tag=TAG)  # fmt: skip
def change_claim_payees(claim_id: UUID, body: PayeesBody) -> dict[str, Any]:
    """Change who is paid, and by which shares; a payment soon after needs a second person."""
    return _change_payees(claim_id, body.payees, body.reason)


@endpoint("POST", f"{ONE}/payees/by-policy", may=ClaimsMay.SUBMIT, body=ByPolicyBody,
          answer=ClaimAnswer, tag=TAG)  # fmt: skip
def pay_claim_by_policy(claim_id: UUID, body: ByPolicyBody) -> dict[str, Any]:
    """Let those be paid whom the policy names: beneficiaries by shares, else the estate."""
    services.pay_by_policy(
        claim_id,
        died={one.name: one.died_on for one in body.died},
        reason=body.reason,
        on=business_day(),
        now=clock.now(),
    )
    return claim_answer(claim_id)


@endpoint("POST", "/claim-payees/<uuid:payee_id>/verify", may=ClaimsMay.ASSESS,
          body=VerifyBody, answer=ClaimPayeeAnswer, tag=TAG)  # fmt: skip
def verify_claim_account(payee_id: UUID, body: VerifyBody) -> Any:
    """Record that a payee's account was checked, by somebody who did not enter it."""
    return services.verify_account(payee_id, how=body.how, on=business_day(), now=clock.now())


def _change_payees(claim_id: UUID, payees: list[PayeeFields], reason: str) -> dict[str, Any]:
    services.change_payees(
        claim_id, payees_of(payees), reason=reason, on=business_day(), now=clock.now()
    )
    return claim_answer(claim_id)


def payees_of(payees: list[PayeeFields]) -> list[services.Payee]:
    """Return payees as a command takes them."""
    return [services.Payee(**payee.model_dump()) for payee in payees]
