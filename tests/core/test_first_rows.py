"""Two people who are the first to choose something at once: the second sees what the first saved."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.alerts.services import choose_alerts
from insurance.approvals import services as approvals
from insurance.claims import services as claims
from insurance.claims.models import Assignment
from insurance.claims.rules import DEFAULT_LIMITS, Authority, Limits
from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.errors import StaleError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.month_end.services import set_month_end
from tests.factories.identity import make_person
from tests.factories.lifecycle import MAKER
from tests.factories.organizations import OrganizationFacts

_HUNDRED = Limits(Decimal(100), Decimal(100), Decimal(100))


def _month_end() -> None:
    set_month_end(may_apply_unapproved=False, days_ahead=3, version=0)


def _claims() -> None:
    claims.change_settings(
        claims.HandlingSettings(
            other_days=5,
            days_by_class={},
            payee_change_days=1,
            early_claim_days=1,
            large_loss=Decimal(1),
            assignment=Assignment.BY_HAND,
        ),
        version=0,
    )


def _limits() -> None:
    seen = claims.limits_version(DEFAULT_LIMITS[Authority("claims_assessor", 2)])
    claims.set_limit(
        role="claims_assessor", level=2, limits=_HUNDRED, version=seen, now=clock.now()
    )


def _approvals() -> None:
    approvals.change_settings([], version=0, now=clock.now())


@pytest.mark.parametrize("save", [_month_end, _claims, _limits, _approvals])
def test_of_two_first_savers_the_second_hears_that_somebody_saved(
    app: Flask, org: OrganizationFacts, session: Session, save: Callable[[], None]
) -> None:
    assert _both_at_once(app, org, save) == ["saved", "stale"]


def test_two_who_put_one_colleague_at_a_level_or_choose_alerts_both_end_well(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    person = make_person(org.id, Role.CLAIMS_ASSESSOR)

    assert _both_at_once(app, org, lambda: claims.set_level(person.id, 3)) == ["saved"] * 2
    chosen = _both_at_once(
        app, org, lambda: choose_alerts(wants_digest=False, hidden=[], unmailed=[])
    )
    assert chosen == ["saved"] * 2


def _both_at_once(app: Flask, org: OrganizationFacts, save: Callable[[], None]) -> list[str]:
    """Let two connections save, neither of which saw a row when it began."""
    begun = Barrier(2, timeout=20)

    def one() -> str:
        with app.app_context(), tenant_scope(org.id), acting_as(MAKER):
            begun.wait()
            try:
                save()
            except StaleError:
                return "stale"
            return "saved"

    with ThreadPoolExecutor(2) as pool:
        clicks = [pool.submit(copy_context().run, one) for _ in range(2)]
        return sorted(click.result() for click in clicks)
