"""Keeping time for the periodic jobs."""

import pytest
from flask import Flask

from insurance.core.tenancy import current_org
from insurance.jobs import schedule
from insurance.jobs.periodic import Periodic
from tests.factories.organizations import OrganizationFacts


def test_a_round_ends_between_two_organizations_when_it_is_asked_to(
    app: Flask,
    org: OrganizationFacts,
    other_org: OrganizationFacts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visited = []

    def visit() -> None:
        visited.append(current_org())

    monkeypatch.setattr(schedule, "PERIODIC", (Periodic(60, visit), Periodic(60, visit)))
    schedule.keep_time(app, lambda: bool(visited))

    assert len(visited) == 1
