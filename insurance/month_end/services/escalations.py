"""Which rise a policy gets at an anniversary, and where that was said; index tables and notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.ids import new_id
from insurance.core.period import add_years
from insurance.core.tenancy import current_org
from insurance.month_end import queries, rules
from insurance.month_end.models import (
    EscalationRefusal,
    EscalationRule,
    IndexValue,
)
from insurance.month_end.rules import Escalation, Rise
from insurance.organizations.queries import find_parameter
from insurance.policies.queries import get_policy
from insurance.products.models import ProductVersion, ProjectionType
from insurance.products.queries import get_product, get_version

HIGHEST = Decimal(100)
FIRST_STEP = 2


@dataclass(frozen=True, slots=True)
class Resolved:
    """The rate of a product at a date, and where it came from. `problem` says what is missing."""

    product_id: UUID
    product_name: str
    product_version_id: UUID
    version_number: int
    policies: int
    escalation: Escalation
    rise: Rise | None
    problem: str | None


@dataclass(slots=True)
class Escalations:
    """Everything that decides rises, loaded once for many policies."""

    index: Mapping[tuple[str, date], Decimal]
    projections: Mapping[UUID, str]
    by_product: dict[UUID, list[EscalationRule]] = field(default_factory=dict)
    by_version: dict[UUID, list[EscalationRule]] = field(default_factory=dict)
    by_policy: dict[UUID, list[EscalationRule]] = field(default_factory=dict)
    of_tenant: list[EscalationRule] = field(default_factory=list)
    refused: dict[UUID, list[EscalationRefusal]] = field(default_factory=dict)
    floor: Decimal | None = None
    cap: Decimal | None = None
    notice_days: int = 31

    def of(
        self, policy_id: UUID | None, version_id: UUID, product_id: UUID, on: date
    ) -> Escalation:
        """Return how a policy escalates on a day: the narrowest rule, and of those the newest.

        A holder who refuses goes before all of them.
        """
        refusals = self.refused.get(policy_id, []) if policy_id else []
        if any(refusal.holds_on(on) for refusal in refusals):
            return Escalation(type=rules.LEVEL, source="holder")
        levels = (
            ("policy", self.by_policy.get(policy_id, []) if policy_id else []),
            ("product version", self.by_version.get(version_id, [])),
            ("product", self.by_product.get(product_id, [])),
        )
        for source, found in levels:
            rule = _in_force(found, on)
            if rule is not None:
                return _escalation(rule, source)
        kind = self.projections[version_id]
        tenant = _in_force([one for one in self.of_tenant if one.type.value == kind], on)
        if tenant is not None:
            return _escalation(tenant, "tenant")
        return Escalation(type=kind, floor=self.floor, cap=self.cap, source="platform")

    def rise(self, escalation: Escalation, effective: date, anniversary: date) -> Rise:
        """Return what an anniversary does. Raises DomainError where the index has no such month."""
        value = None
        if rules.needs_index(escalation):
            month = rules.index_month(anniversary, escalation.lag_months)
            value = self.index.get((escalation.index_code, month))
            if value is None:
                raise DomainError(
                    f"There is no {escalation.index_code} for {month:%B %Y}. Add it to the index"
                    " tables, or leave anniversaries out.",
                    field="apply_indexation",
                )
        return rules.rise_at(escalation, effective, anniversary, value)


def load_escalations(
    session: Session, on: date, policy_ids: Sequence[UUID] | None = None
) -> Escalations:
    """Return everything that decides rises, with the rules of these policies."""
    versions = session.execute(
        select(ProductVersion.id, ProductVersion.premium_projection_type).where(
            ProductVersion.org_id == current_org()
        )
    )
    found = Escalations(
        index=queries.load_index(session),
        projections={version_id: kind.value for version_id, kind in versions},
        floor=find_parameter(session, "escalation_floor_per_cent", on),
        cap=find_parameter(session, "escalation_cap_per_cent", on),
        notice_days=int(find_parameter(session, "escalation_notice_days", on)),
    )
    for rule in queries.list_escalation_rules(session):
        if rule.product_version_id:
            found.by_version.setdefault(rule.product_version_id, []).append(rule)
        elif rule.product_id:
            found.by_product.setdefault(rule.product_id, []).append(rule)
        else:
            found.of_tenant.append(rule)
    for rule in queries.list_escalation_rules(session, policy_ids) if policy_ids else ():
        assert rule.policy_id is not None
        found.by_policy.setdefault(rule.policy_id, []).append(rule)
    for refusal in queries.list_refusals(session, policy_ids) if policy_ids else ():
        found.refused.setdefault(refusal.policy_id, []).append(refusal)
    return found


def _in_force(found: Sequence[EscalationRule], on: date) -> EscalationRule | None:
    return next((one for one in reversed(found) if one.valid_from <= on), None)


def _escalation(rule: EscalationRule, source: str) -> Escalation:
    return Escalation(
        type=rule.type.value,
        source=source,
        index_code=rule.index_code,
        lag_months=rule.lag_months,
        floor=rule.floor,
        cap=rule.cap,
        fixed_rate=rule.fixed_rate,
        cover_rate=rule.cover_rate,
        steps={int(year): Decimal(rate) for year, rate in rule.steps.items()},
        rates_by_age=rule.rates_by_age,
        reviews={date.fromisoformat(day): Decimal(rate) for day, rate in rule.reviews.items()},
        requires_notice=rule.requires_notice,
    )


_SOLD = text(
    """
    SELECT v.id, v.number, v.product_id, pr.name, coalesce(n.policies, 0) AS policies
    FROM ins.product_versions v
    JOIN ins.products pr ON pr.org_id = v.org_id AND pr.id = v.product_id
    LEFT JOIN (
        SELECT subject, CAST(sum(items) AS bigint) AS policies FROM ins.tenant_counts
        WHERE org_id = :org AND subject LIKE 'in\\_force.%' GROUP BY subject
    ) n ON n.subject = 'in_force.' || v.id
    WHERE v.org_id = :org AND (n.policies > 0 OR v.status = 'launched')
    ORDER BY pr.name, v.number
    """
)


def preview_escalation(session: Session, on: date) -> list[Resolved]:
    """Return the rate of every product version that is sold or in force, at a date.

    It is the rate of an anniversary on that date, in the second policy year.
    """
    found, lines = load_escalations(session, on), []
    for version_id, number, product_id, name, policies in session.execute(
        _SOLD, {"org": current_org()}
    ):
        escalation = found.of(None, version_id, product_id, on)
        rise, problem = None, None
        try:
            rise = found.rise(escalation, add_years(on, -1), on)
        except DomainError as error:
            problem = error.message
        lines.append(
            Resolved(product_id, name, version_id, number, policies, escalation, rise, problem)
        )
    return lines


def record_index_value(
    index_code: str, month: date, value: Decimal, *, source: str, now: datetime
) -> IndexValue:
    """Keep an index's yearly rise for a month. Raises ConflictError where there is one already."""
    code = index_code.strip().upper()
    if not code:
        raise DomainError("Name the index.", field="index_code")
    if not -HIGHEST < value <= HIGHEST:
        raise DomainError("A rise is above -100 and at most 100 per cent.", field="value")
    if not source.strip():
        raise DomainError("Say where it was read.", field="source")
    if month.day != 1:
        month = month.replace(day=1)
    try:
        with transaction() as session:
            row = IndexValue(
                id=new_id(),
                index_code=code,
                month=month,
                value=value,
                source=source.strip(),
                recorded_at=now,
                recorded_by=current_actor().email,
            )
            session.add(row)
            session.flush()
            after = {"index_code": code, "month": month, "value": value, "source": row.source}
            _audit(session, "month_end.record_index", row.id, after)
            return row
    except IntegrityError as error:
        raise ConflictError(
            f"There is a {code} for {month:%B %Y} already.", field="month"
        ) from error


def record_escalation_rule(wanted: Mapping[str, Any], *, now: datetime) -> EscalationRule:
    """Keep how a policy, version, product or the tenant escalates from a day on."""
    with transaction() as session:
        _check_rule(session, wanted)
        row = EscalationRule(
            **wanted, id=new_id(), recorded_at=now, recorded_by=current_actor().email
        )
        session.add(row)
        session.flush()
        _audit(session, "month_end.record_escalation", row.id, dict(wanted))
        return row


def _check_rule(session: Session, wanted: Mapping[str, Any]) -> None:
    named = [name for name in ("product_id", "product_version_id", "policy_id") if wanted.get(name)]
    if len(named) > 1:
        raise DomainError("Name a policy, a version or a product, not several.", field=named[1])
    if wanted.get("product_id"):
        get_product(session, wanted["product_id"])
    if wanted.get("product_version_id"):
        get_version(session, wanted["product_version_id"])
    if wanted.get("policy_id"):
        get_policy(session, wanted["policy_id"])
    floor, cap = wanted.get("floor"), wanted.get("cap")
    if floor is not None and cap is not None and floor > cap:
        raise DomainError("The floor is above the cap.", field="floor")
    for name in ("floor", "cap", "fixed_rate", "cover_rate"):
        if wanted.get(name) is not None and not -HIGHEST < wanted[name] <= HIGHEST:
            raise DomainError("A rate is above -100 and at most 100 per cent.", field=name)
    for name in ("steps", "reviews"):
        if not all(-HIGHEST < Decimal(rate) <= HIGHEST for rate in wanted.get(name, {}).values()):
            raise DomainError("A rate is above -100 and at most 100 per cent.", field=name)
    if any(int(year) < FIRST_STEP for year in wanted.get("steps", {})):
        raise DomainError("The first rise begins policy year 2.", field="steps")
    if wanted["type"] is ProjectionType.REVIEWABLE and not (wanted.get("reason") or "").strip():
        raise DomainError("Say who approved the review, and why.", field="reason")


def _audit(session: Session, action: str, resource_id: UUID, after: dict[str, Any]) -> None:
    record(session, action=action, resource="month_end", resource_id=resource_id, after=after)
