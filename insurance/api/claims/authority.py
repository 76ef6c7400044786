"""Who may decide how much."""

from typing import Any
from uuid import UUID

from pydantic import Field

from insurance.api.claims.shared import TAG, Code
from insurance.api.edge import (
    Answer,
    Body,
    endpoint,
)
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import Limits
from insurance.core import clock
from insurance.core.db import db
from insurance.identity.permissions import PeopleMay
from insurance.organizations.permissions import SettingsMay
from insurance.web.parsing import Amount, Money


class LimitBody(Body):
    """What a role at a level may approve or pay."""

    role: Code
    level: int = Field(ge=1, le=5)
    transaction_limit: Amount
    benefit_limit: Amount
    claim_limit: Amount


class LimitAnswer(Answer):
    """What a role at a level may approve or pay: at once, of a benefit, of a claim."""

    role: str
    level: int
    transaction_limit: Money
    benefit_limit: Money
    claim_limit: Money


class LevelBody(Body):
    """The level of a colleague."""

    user_id: UUID
    level: int = Field(ge=1, le=5)


@endpoint("GET", "/claim-authority", may=ClaimsMay.VIEW, answer=list[LimitAnswer], tag=TAG)
def list_claim_limits() -> list[dict[str, Any]]:
    """List what each role at each level may approve or pay."""
    table = queries.authority_table(db.session())
    return [
        {
            "role": one.role,
            "level": one.level,
            "transaction_limit": limits.transaction,
            "benefit_limit": limits.benefit,
            "claim_limit": limits.claim,
        }
        for one, limits in table.items()
    ]


@endpoint("PUT", "/claim-authority", may=SettingsMay.EDIT, body=LimitBody, answer=LimitAnswer,
          tag=TAG)  # fmt: skip
def set_claim_limit(body: LimitBody) -> Any:
    """Set what a role at a level may approve or pay."""
    limits = Limits(body.transaction_limit, body.benefit_limit, body.claim_limit)
    return services.set_limit(role=body.role, level=body.level, limits=limits, now=clock.now())


@endpoint("PUT", "/claim-authority/levels", may=PeopleMay.MANAGE, body=LevelBody, answer=None,
          status=204, tag=TAG)  # fmt: skip
def set_claim_level(body: LevelBody) -> None:
    """Put a colleague at a level, 1 to 5."""
    services.set_level(body.user_id, body.level)
