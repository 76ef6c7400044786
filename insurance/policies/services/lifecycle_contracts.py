"""What many policies cover on a day, read from their histories in a few statements."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.bulk import id_array
from insurance.core.tenancy import current_org
from insurance.organizations.queries import find_parameter
from insurance.policies.rules import Change, Contract, contract_of, fold
from insurance.policies.services.contracts import pricer_with
from insurance.products.queries import load_terms
from insurance.products.rules import ProductTerms

_BASES = text(
    """
    SELECT DISTINCT ON (v.policy_id) v.policy_id, v.policy_snapshot, v.effective_date,
           e.recorded_at
    FROM ins.policy_versions v
    JOIN ins.policy_events e ON e.org_id = v.org_id AND e.id = v.event_id
     AND e.event_type IN ('POLICY_ISSUED', 'POLICY_RENEWED')
    WHERE v.org_id = :org AND v.policy_id = ANY(CAST(:policies AS uuid[]))
    ORDER BY v.policy_id, v.version_number DESC
    """
)
_ISSUED = text(
    """
    SELECT policy_id, id, type, effective_date, change, issued_at FROM ins.endorsements
    WHERE org_id = :org AND policy_id = ANY(CAST(:policies AS uuid[])) AND status = 'ISSUED'
    ORDER BY id
    """
)


class Contracts:
    """The contracts of many policies. `rows` have a policy's id, version, start, term, rating."""

    def __init__(self, session: Session, rows: Sequence[Any]) -> None:
        values = {"org": current_org(), "policies": id_array([row.id for row in rows])}
        self._bases = {one.policy_id: one for one in session.execute(_BASES, values)}
        self._issued: dict[UUID, list[Any]] = defaultdict(list)
        for one in session.execute(_ISSUED, values):
            self._issued[one.policy_id].append(one)
        self._terms: Callable[[UUID], ProductTerms] = cache(
            lambda version_id: load_terms(session, version_id)
        )
        self._cap: Callable[[date], Decimal] = cache(
            lambda day: find_parameter(session, "funeral_cover_cap", day)
        )

    def on(self, row: Any, day: date) -> Contract:
        """Return what a policy covers on a day, every issued change in its place."""
        base = self._bases[row.id]
        contract = contract_of(base.policy_snapshot)
        changes = list(self._changes(row.id, base.recorded_at))
        if not changes:
            return contract
        terms = self._terms(row.product_version_id)
        cap = self._cap(row.effective_date) if terms.class_code == "FUNERAL" else None
        stages = fold(contract, base.effective_date, changes, pricer_with(row, terms, cap))
        begun = [stage.contract for stage in stages if stage.on <= day]
        return begun[-1] if begun else stages[0].contract

    def _changes(self, policy_id: UUID, since: Any) -> Iterable[Change]:
        for one in self._issued.get(policy_id, ()):
            if one.issued_at and one.issued_at >= since:
                yield Change(
                    id=one.id,
                    type=one.type,
                    on=one.effective_date,
                    data=one.change["data"],
                    sequence=one.change["sequence"],
                )
