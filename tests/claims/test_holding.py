"""Two who work on a claim at once: the policy's row first, so that nobody waits in a circle."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from insurance.claims.models import Claim
from insurance.claims.queries import hold_claim
from insurance.core.db import transaction
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import get_policy
from tests.factories.book import TODAY
from tests.factories.claims import claim
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts


def test_who_waits_for_the_policy_does_not_hold_its_claim_and_then_sees_what_was_done(
    app: Flask, org: OrganizationFacts, session: Session
) -> None:
    policy_id = sell(TODAY - timedelta(days=20))
    claim_id = claim(policy_id).id
    begun = threading.Event()

    def wait_for_it() -> str:
        with app.app_context(), tenant_scope(org.id), transaction() as waiting:
            waiting.execute(select(1))
            begun.set()
            _policy, held, _holder = hold_claim(waiting, claim_id)
            return held.description

    with ThreadPoolExecutor(1) as pool:
        with transaction() as first:
            get_policy(first, policy_id, lock=True)
            second = pool.submit(copy_context().run, wait_for_it)
            assert begun.wait(10)
            with pytest.raises(TimeoutError):
                second.result(0.5)
            this_claim = (Claim.org_id == org.id, Claim.id == claim_id)
            first.scalars(select(Claim).where(*this_claim).with_for_update(nowait=True)).one()
            first.execute(update(Claim).where(*this_claim).values(description="Told meanwhile"))
        assert second.result(10) == "Told meanwhile"
