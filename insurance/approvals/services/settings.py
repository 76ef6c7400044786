"""How many people must agree to what and how long that may take, as the organization wants it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from insurance.approvals import queries, rules
from insurance.approvals.models import ApprovalRule, ApprovalSetting
from insurance.approvals.rules import PeopleRule
from insurance.approvals.subjects import actions
from insurance.audit_logs.services import record
from insurance.core.db import transaction
from insurance.core.errors import StaleError
from insurance.core.first_rows import hold_row
from insurance.core.tenancy import current_org


def change_settings(
    wanted: Sequence[PeopleRule],
    *,
    expires_after_days: int = rules.EXPIRES_AFTER_DAYS,
    remind_after_days: int = rules.REMIND_AFTER_DAYS,
    version: int,
    now: datetime,
) -> ApprovalSetting:
    """Put these rules and days in the place of what is; what waits keeps its number and its end.

    Raises DomainError at the rule that is wrong, StaleError where somebody saved since `version`.
    """
    rules.check_rules(wanted, actions())
    rules.check_days(expires_after_days, remind_after_days)
    days = {"expires_after_days": expires_after_days, "remind_after_days": remind_after_days}
    with transaction() as session:
        first = queries.get_setting(session)
        first.changed_at = now
        setting = hold_row(session, first)
        before = _said(setting, queries.list_rules(session))
        after = _said(setting, wanted) | days
        if setting.version != version:
            raise StaleError("Somebody else saved first.", theirs=before, yours=after)
        setting.version += 1
        setting.expires_after_days = expires_after_days
        setting.remind_after_days = remind_after_days
        setting.changed_at = now
        _replace_rules(session, wanted)
        record(
            session,
            action="approvals.change_settings",
            resource="approval_settings",
            resource_id=current_org(),
            before=before,
            after=after | {"version": setting.version},
        )
        return setting


def _said(setting: ApprovalSetting, wanted: Sequence[PeopleRule]) -> dict[str, Any]:
    return {
        "version": setting.version,
        "expires_after_days": setting.expires_after_days,
        "remind_after_days": setting.remind_after_days,
        "rules": [
            {"action": one.action, "from_amount": one.from_amount, "people": one.people}
            for one in wanted
        ],
    }


def _replace_rules(session: Session, wanted: Sequence[PeopleRule]) -> None:
    session.execute(delete(ApprovalRule).where(ApprovalRule.org_id == current_org()))
    for one in wanted:
        session.add(ApprovalRule(action=one.action, from_amount=one.from_amount, people=one.people))
    session.flush()
