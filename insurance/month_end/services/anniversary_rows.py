"""The rows of rises, as a plan lists them."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.core.counts import shard_of
from insurance.core.money import ZERO
from insurance.month_end.services.anniversary_basis import Raised
from insurance.month_end.services.anniversary_charges import adjustment_journal, adjustment_row
from insurance.month_end.services.anniversary_history import plain_change
from insurance.month_end.services.effects import Work
from insurance.month_end.services.rows import PlannedRows
from insurance.policies.changes import (
    ChangeRows,
    new_layers,
    new_values,
    rows_of,
    sums_of_benefits,
)
from insurance.policies.services.schedules import vat_rate_on


def add_rises(session: Session, rows: PlannedRows, raised: Sequence[Raised], work: Work) -> None:
    """Make the rows of rises that are plain: one a policy, and nothing is given back."""
    changes = [plain_change(one, work.on) for one in raised]
    history = rows_of(changes, rows.sequences, now=work.now)
    rows.sequences |= history.sequences
    rows.add_rows("events", history.events)
    rows.add_rows("versions", history.versions)
    rows.add_rows("endorsements", history.endorsements)
    _add_contracts(rows, raised, history)
    rows.add_rows(
        "relaid",
        [
            {"policy_id": one.policy.id, "line": line, "amount": amount}
            for one in raised
            for line, amount in one.relaid.items()
        ],
    )
    vat = cache(lambda category: vat_rate_on(session, category, work.on))
    numbers: dict[UUID, int] = {}
    for one in raised:
        if one.adjustment > ZERO:
            line = adjustment_row(one, numbers, work.now)
            rows.add_rows("adjustments", [line])
            rate = vat(one.basis.pricer.terms.category)
            rows.add_journal(adjustment_journal(one, line["id"], rate, work.on))


def _add_contracts(rows: PlannedRows, raised: Sequence[Raised], history: ChangeRows) -> None:
    contracts: list[dict[str, Any]] = []
    for one in raised:
        policy, new = one.policy, one.new
        whose = {"policy_id": policy.id}
        contracts.append(
            {
                **whose,
                "premium": new.premium,
                "coverage_amount": new.coverage_amount,
                "current_version": history.numbers[policy.id],
                "instalment": one.instalment,
                "product_id": policy.product_id,
                "status": str(policy.status),
                "shard": shard_of(policy.id),
                "premium_more": new.premium - policy.premium,
                "cover_more": new.coverage_amount - policy.coverage_amount,
            }
        )
        rows.add_rows("benefits", [whose | sums for sums in sums_of_benefits(new)])
        rows.add_rows("objects", [whose | thing for thing in new_values(one.old, new)])
        rows.add_rows("layers", [whose | layer for layer in new_layers(one.old, new)])
    rows.add_rows("contracts", contracts)
