"""What a quote must answer before a policy can start: rules of a product's draft version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.db import constraint_of, transaction
from insurance.core.errors import ConflictError, raise_all
from insurance.products import queries, validity
from insurance.products.models import InceptionRule, ProductVersion
from insurance.products.services.facts import EditMode, NewInceptionRule
from insurance.products.services.snapshots import assign, refuse_stale, snapshot
from insurance.products.services.versions import demand_draft, open_draft


def add_inception_rule(
    product_id: UUID, facts: NewInceptionRule, *, mode: EditMode = EditMode.AUTO, now: datetime
) -> InceptionRule:
    """Demand an answer of quotes for a product's draft; a launched version is cloned first."""
    with transaction() as session:
        product = queries.get_product(session, product_id, lock=True)
        draft = open_draft(session, product, mode, now)
        rule = InceptionRule(product_version_id=draft.id, version=1)
        assign(rule, {name: getattr(facts, name) for name in facts.__dataclass_fields__})
        rule.options = list(facts.options)
        raise_all(validity.check_inception_rule(rule))
        session.add(rule)
        _flush(session, rule)
        record(
            session,
            action="inception_rules.create",
            resource="inception_rules",
            resource_id=rule.id,
            after=snapshot(rule),
        )
    return rule


def edit_inception_rule(
    rule_id: UUID, changes: Mapping[str, Any], *, version: int | None = None
) -> InceptionRule:
    """Change an inception rule of a draft. `version` is the one the person saw."""
    with transaction() as session:
        draft, rule = _lock(session, rule_id)
        demand_draft(draft, "inception rule")
        before = snapshot(rule)
        refuse_stale("inception rule", before, changes, rule.version, version)
        with session.no_autoflush:
            assign(rule, changes)
        raise_all(validity.check_inception_rule(rule))
        rule.version += 1
        _flush(session, rule)
        record(
            session,
            action="inception_rules.edit",
            resource="inception_rules",
            resource_id=rule.id,
            before=before,
            after=snapshot(rule),
        )
    return rule


def delete_inception_rule(rule_id: UUID) -> None:
    """Stop asking for an answer in a draft."""
    with transaction() as session:
        draft, rule = _lock(session, rule_id)
        demand_draft(draft, "inception rule")
        session.delete(rule)
        record(
            session,
            action="inception_rules.delete",
            resource="inception_rules",
            resource_id=rule.id,
            before=snapshot(rule),
        )


def _lock(session: Session, rule_id: UUID) -> tuple[ProductVersion, InceptionRule]:
    """Lock the product first, as every command on it does, then read the rule again."""
    rule = queries.get_inception_rule(session, rule_id)
    version = queries.get_version(session, rule.product_version_id)
    queries.get_product(session, version.product_id, lock=True)
    rule = queries.get_inception_rule(session, rule_id, lock=True)
    session.refresh(version)
    return version, rule


def _flush(session: Session, rule: InceptionRule) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        if constraint_of(error) == "inception_rules_field_key":
            raise ConflictError(
                f"The product already asks for {rule.field_code}.", field="field_code"
            ) from error
        raise
