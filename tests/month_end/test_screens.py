"""Month-end on screen: plan, look, approve, apply, read the result; rates and index tables."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.month_end import queries, services
from insurance.month_end.models import RunStatus, StepCode
from insurance.products.models import ProjectionType
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import at, morning, sell
from tests.factories.month_end import carry_out, escalate_by, make_index, plan
from tests.factories.organizations import OrganizationFacts

INDEXED = {"premium_projection_type": ProjectionType.INDEXED}
DAY = date(2026, 11, 30)
STEPS = [step.value for step in StepCode if step is not StepCode.LAPSES]


@pytest.fixture
def policy_id(session: Session) -> Any:
    """Return a policy of 310.00 that rises by 6 per cent on 5 November."""
    found = sell(date(2025, 11, 5), premium="310.00", **INDEXED)
    escalate_by("6")
    session.rollback()
    return found


@pytest.fixture(autouse=True)
def on_the_day() -> Any:
    """Act on the day of the month-end."""
    with clock.frozen(morning(DAY)):
        yield


def _at(org: OrganizationFacts, path: str = "") -> str:
    return f"/{org.slug}/month-end{path}"


def _post(client: SignedInClient, url: str, **fields: Any) -> Any:
    return client.post(url, data=fields)


def _newest(session: Session) -> Any:
    session.rollback()
    session.expire_all()
    return queries.list_runs(session, limit=1).items[0]


def test_finance_plans_a_manager_approves_finance_applies_and_takes_the_pack(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    answer = _post(finance, _at(org, "/new"), process_date="2026/11/30", steps=STEPS)
    assert answer.status_code == 303, answer.text
    run = _newest(session)
    assert b"Planning" in finance.get(_at(org, f"/{run.id}")).data
    services.work_on(run.id, now=clock.now)

    page = manager.get(_at(org, f"/{run.id}")).text
    assert "Anniversaries" in page
    assert "R\u00a018,60" in page
    assert "Approve plan" in page
    assert "Somebody else" in finance.get(_at(org, f"/{run.id}")).text
    assert _post(finance, _at(org, f"/{run.id}/approve")).status_code == 403
    assert _post(manager, _at(org, f"/{run.id}/approve"), comment="Checked").status_code == 303
    assert _post(finance, _at(org, f"/{run.id}/apply")).status_code == 303
    assert b"Applying" in finance.get(_at(org, f"/{run.id}")).data
    services.work_on(run.id, now=clock.now)
    services.report_run(run.id, now=clock.now())

    page = finance.get(_at(org, f"/{run.id}")).text
    assert "Completed" in page
    pack = finance.get(_at(org, f"/{run.id}/pack/pdf"))
    assert pack.data.startswith(b"%PDF")
    assert finance.get(_at(org, f"/{run.id}/pack/xlsx")).data[:2] == b"PK"
    assert finance.get(_at(org, f"/{run.id}/pack/doc")).status_code == 404


def test_who_asked_for_a_plan_is_refused_to_approve_it(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    admin = sign_in()
    _post(admin, _at(org, "/new"), process_date="2026/11/30", steps=STEPS)
    run = _newest(session)
    services.work_on(run.id, now=clock.now)

    answer = _post(admin, _at(org, f"/{run.id}/approve"))

    assert answer.status_code == 409
    assert "A second person approves this plan" in answer.text


def test_a_policy_is_shown_before_and_after_and_the_effects_are_narrowed(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    run = plan(DAY)
    client = sign_in(Role.AUDITOR)

    page = client.get(_at(org, f"/{run.id}/policies/{policy_id}")).text
    assert re.search("310,00.*328,60", page, re.S)
    page = client.get(_at(org, f"/{run.id}/effects?step=ANNIVERSARIES")).text
    assert "328,60" in page
    assert "Premiums charged</td>" not in page
    assert "No effect matches" in client.get(_at(org, f"/{run.id}/effects?policy=PL-1")).text
    sent = client.post(
        _at(org, f"/{run.id}/effects/export"),
        data={"kind": "csv", "step": "ANNIVERSARIES"},
    )
    assert sent.text.count("\n") == 2


def test_refusals_stand_at_the_field(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, policy_id: Any
) -> None:
    client = sign_in(Role.FINANCE)

    far = _post(client, _at(org, "/new"), process_date="2027/06/30", steps=STEPS)
    assert (far.status_code, "31 days ahead" in far.text) == (422, True)
    none = _post(client, _at(org, "/new"), process_date="2026/11/30")
    assert (none.status_code, "Switch at least one step on" in none.text) == (422, True)
    zero = _post(
        client, _at(org, "/new"), process_date="2026/11/30", steps=STEPS, limit_policies="0"
    )
    assert (zero.status_code, "at least one policy" in zero.text) == (422, True)


def test_a_run_is_compared_with_the_one_before(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, policy_id: Any
) -> None:
    carry_out(plan(date(2026, 10, 31), today=date(2026, 10, 31)))
    run = plan(DAY)

    page = sign_in(Role.MANAGER).get(_at(org, f"/{run.id}")).text

    assert "Difference" in page
    assert "2026/10/31" in page


def test_a_cancelled_run_says_what_is_done(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    run = plan(DAY)
    client = sign_in(Role.FINANCE)

    assert "Nothing has been applied" in client.get(_at(org, f"/{run.id}/cancel")).text
    assert _post(client, _at(org, f"/{run.id}/cancel")).status_code == 303
    assert _newest(session).status is RunStatus.CANCELLED


def test_index_values_and_rules_are_added_and_the_rate_says_where_it_comes_from(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    sell(date(2025, 11, 5), premium="310.00", **INDEXED)
    client = sign_in()
    assert "Missing" in client.get(_at(org, "/escalations")).text
    added = {"index_code": "cpi", "month": "2026/08/01", "value": "4,6", "source": "P0141"}

    assert _post(client, _at(org, "/index-values/new"), **added).status_code == 303
    again = _post(client, _at(org, "/index-values/new"), **added)
    assert (again.status_code, "already" in again.text) == (422, True)
    page = client.get(_at(org, "/escalations")).text
    assert "4,6%" in page
    assert "Platform" in page
    rule = {"type": "INDEXED", "valid_from": "2026/01/01", "product_id": ""}
    rule |= {"floor": "5", "cap": "10"}
    assert _post(client, _at(org, "/escalations/new"), **rule).status_code == 303
    page = client.get(_at(org, "/escalations")).text
    assert "5%" in page
    assert "Tenant" in page
    wrong = _post(client, _at(org, "/escalations/new"), **rule | {"floor": "11"})
    assert "The floor is above the cap" in wrong.text
    unknown = _post(client, _at(org, "/escalations/new"), **rule | {"policy_number": "PL-1"})
    assert "no such policy" in unknown.text


def test_settings_say_who_hears_of_runs(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    client = sign_in()
    wanted = {"mail_to": "operations@insurer.example", "days_ahead": "40", "plans_itself": "y"}

    assert _post(client, _at(org, "/settings"), **wanted).status_code == 303
    session.rollback()
    setting = queries.get_setting(session)
    assert (setting.mail_to, setting.days_ahead) == ("operations@insurer.example", 40)
    assert _post(client, _at(org, "/settings"), **wanted | {"mail_to": "x"}).status_code == 422


def test_progress_is_streamed_until_the_run_is_done(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    client = sign_in(Role.FINANCE)
    _post(client, _at(org, "/new"), process_date="2026/11/30", steps=STEPS)
    run = _newest(session)

    stream = client.get(_at(org, f"/{run.id}/live"))
    said = next(part for part in stream.response if b"data:" in part)
    stream.close()

    assert b'"status": "PLANNING", "done": 0, "of": 1' in said
    services.work_on(run.id, now=clock.now)
    assert client.get(_at(org, f"/{run.id}/live")).status_code == 204


def test_an_agent_does_not_see_month_end(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    client = sign_in(Role.AGENT)

    assert client.get(_at(org)).status_code == 403
    assert "month-end" not in client.get(f"/{org.slug}/").text


def test_make_index_is_listed(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    with at(DAY):
        make_index(date(2026, 8, 1), "4.60")
    session.rollback()

    assert "2026/08" in sign_in(Role.AUDITOR).get(_at(org, "/index-values")).text
