"""Policies, benefits and the portfolio as anniversaries leave them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from insurance.core.bulk import write_rows
from insurance.core.counts import shard_of
from insurance.core.ids import new_id
from insurance.core.money import ZERO
from insurance.core.tenancy import current_org
from insurance.month_end.services.anniversary_basis import (
    Raised,
    stage_on,
)
from insurance.policies.models import (
    BenefitLayer,
)
from insurance.policies.queries import get_policy
from insurance.policies.rules import Contract
from insurance.policies.services.contracts import write_contract

_LAYERS: Table = BenefitLayer.__table__  # type: ignore[assignment]
_SET_POLICIES = text(
    """
    UPDATE ins.policies AS p
    SET premium = v.premium, coverage_amount = v.cover, current_version = v.version,
        instalment = v.instalment, updated_at = :now
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:premiums AS numeric[])) AS premium,
                 unnest(CAST(:covers AS numeric[])) AS cover,
                 unnest(CAST(:versions AS bigint[])) AS version,
                 unnest(CAST(:instalments AS numeric[])) AS instalment) AS v
    WHERE p.org_id = :org AND p.id = v.id
    """
)
_SET_BENEFITS = text(
    """
    UPDATE ins.policy_benefits AS b SET premium = v.premium, sum_assured = v.cover
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:premiums AS numeric[])) AS premium,
                 unnest(CAST(:covers AS numeric[])) AS cover) AS v
    WHERE b.org_id = :org AND b.id = v.id
    """
)
_SET_OBJECTS = text(
    """
    UPDATE ins.policy_objects AS o SET value = v.value
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:values AS numeric[])) AS value) AS v
    WHERE o.org_id = :org AND o.id = v.id
    """
)
_SET_VERSIONS = text(
    """
    UPDATE ins.policies AS p SET current_version = v.version, updated_at = :now
    FROM (SELECT unnest(CAST(:ids AS uuid[])) AS id,
                 unnest(CAST(:versions AS bigint[])) AS version) AS v
    WHERE p.org_id = :org AND p.id = v.id
    """
)
_COUNT = text(
    """
    UPDATE ins.portfolio_counts AS c
    SET monthly_premium = c.monthly_premium + v.premium, cover = c.cover + v.cover
    FROM (SELECT unnest(CAST(:products AS uuid[])) AS product_id,
                 unnest(CAST(:statuses AS text[])) AS status,
                 unnest(CAST(:shards AS bigint[])) AS shard,
                 unnest(CAST(:premiums AS numeric[])) AS premium,
                 unnest(CAST(:covers AS numeric[])) AS cover) AS v
    WHERE c.org_id = :org AND c.product_id = v.product_id AND c.status = v.status
      AND c.shard = v.shard
    """
)


def write_contracts(
    session: Session,
    raised: Sequence[Raised],
    versions: Mapping[UUID, int],
    on: date,
    now: datetime,
) -> None:
    first: dict[UUID, Raised] = {}
    newest: dict[UUID, Raised] = {}
    for one in raised:
        first.setdefault(one.policy.id, one)
        newest[one.policy.id] = one
    plain_ones = {key: one for key, one in newest.items() if one.is_newest}
    if plain_ones:
        _set_policies(session, plain_ones, versions, now)
        _set_benefits(session, first, plain_ones)
        _count(session, plain_ones)
    others = {key: one for key, one in newest.items() if not one.is_newest}
    if others:
        for policy_id, one in others.items():
            policy = get_policy(session, policy_id)
            write_contract(session, policy, stage_on(one.after, on))
        values = {"ids": list(others), "versions": [versions[key] for key in others]}
        session.execute(_SET_VERSIONS, {"org": current_org(), "now": now, **values})
        session.expire_all()


def set_instalments(session: Session, raised: Sequence[Raised], now: datetime) -> None:
    """Set what policies pay from now on, and leave their versions and figures alone."""
    newest = {one.policy.id: one for one in raised}
    _set_policies(
        session, newest, {key: one.policy.current_version for key, one in newest.items()}, now
    )


def _set_policies(
    session: Session, newest: Mapping[UUID, Raised], versions: Mapping[UUID, int], now: datetime
) -> None:
    session.execute(
        _SET_POLICIES,
        {
            "org": current_org(),
            "now": now,
            "ids": list(newest),
            "premiums": [one.new.premium for one in newest.values()],
            "covers": [one.new.coverage_amount for one in newest.values()],
            "versions": [versions[key] for key in newest],
            "instalments": [one.instalment for one in newest.values()],
        },
    )


def _set_benefits(
    session: Session, first: Mapping[UUID, Raised], newest: Mapping[UUID, Raised]
) -> None:
    benefits: list[Any] = []
    layers: list[dict[str, Any]] = []
    things: list[dict[str, Any]] = []
    for policy_id, one in newest.items():
        benefits += one.new.active_benefits
        layers += new_layers(first[policy_id].old, one.new)
        things += new_values(first[policy_id].old, one.new)
    session.execute(
        _SET_BENEFITS,
        {
            "org": current_org(),
            "ids": [one.id for one in benefits],
            "premiums": [one.premium for one in benefits],
            "covers": [one.sum_assured for one in benefits],
        },
    )
    if things:
        changed = {
            "ids": [one["id"] for one in things],
            "values": [one["value"] for one in things],
        }
        session.execute(_SET_OBJECTS, {"org": current_org(), **changed})
    write_rows(session, _LAYERS, layers)


def new_values(old: Contract, new: Contract) -> list[dict[str, Any]]:
    """Return the ids and values of the objects that a contract insures for other sums now."""
    return [
        {"id": one.id, "value": one.value}
        for one in new.live_objects
        if (before := old.object(one.id)) is None or before.value != one.value
    ]


def new_layers(old: Contract, new: Contract) -> list[dict[str, Any]]:
    """Return the rows of the layers that a contract has more than another."""
    known = {benefit.id: {layer.number for layer in benefit.layers} for benefit in old.benefits}
    return [
        {
            "id": new_id(),
            "policy_benefit_id": benefit.id,
            "number": layer.number,
            "amount": layer.amount,
            "starts_on": layer.starts_on,
            "waiting_days": layer.waiting_days,
            "waiting_until": layer.waiting_until,
            "reason": layer.reason,
        }
        for benefit in new.active_benefits
        for layer in benefit.layers
        if layer.number not in known[benefit.id]
    ]


def _count(session: Session, newest: Mapping[UUID, Raised]) -> None:
    moved: dict[tuple[UUID, str, int], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for policy_id, one in newest.items():
        at = moved[(one.policy.product_id, str(one.policy.status), shard_of(policy_id))]
        at[0] += one.new.premium - one.policy.premium
        at[1] += one.new.coverage_amount - one.policy.coverage_amount
    keys = sorted(moved, key=str)
    session.execute(
        _COUNT,
        {
            "org": current_org(),
            "products": [key[0] for key in keys],
            "statuses": [key[1] for key in keys],
            "shards": [key[2] for key in keys],
            "premiums": [moved[key][0] for key in keys],
            "covers": [moved[key][1] for key in keys],
        },
    )
