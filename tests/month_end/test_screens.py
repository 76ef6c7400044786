"""Month-end on screen: plan, look, approve, apply, read the result; rates and index tables."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.month_end import queries, services
from insurance.month_end.models import RunStatus, StepCode
from insurance.month_end.services import WantedRun, request_run
from insurance.month_end.services.planning import plan_next
from insurance.policies.queries import get_policy
from insurance.products.models import ProjectionType
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import at, morning, sell
from tests.factories.month_end import EVERYTHING, carry_out, escalate_by, make_index, plan
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
    assert "somebody else must decide it" in finance.get(_at(org, f"/{run.id}")).text
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

    assert answer.status_code == 403
    assert "You asked for this yourself, so somebody else must decide it." in answer.text


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


def test_a_run_is_compared_with_the_month_before_and_not_with_its_own_repetition(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, policy_id: Any
) -> None:
    carry_out(plan(date(2026, 10, 31), today=date(2026, 10, 31)))
    carry_out(plan(date(2026, 10, 31), today=date(2026, 10, 31)))
    carry_out(plan(DAY))

    page = sign_in(Role.MANAGER).get(_at(org, f"/{plan(DAY).id}")).text

    charged = page[page.index("> Premiums charged </td>") :]
    cells = re.findall(r'<td class="right">([^<]*)</td>', charged)[:5]
    assert cells == ["0", "1", "R\u00a00,00", "R\u00a03\u00a0410,00", "-R\u00a03\u00a0410,00"]


def test_a_plan_in_the_making_has_a_bar_for_each_step(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    sell(date(2025, 11, 5), premium="310.00")
    with at(DAY) as now:
        wanted = WantedRun(process_date=DAY, steps=EVERYTHING, chunk=1)
        run = request_run(wanted, on=DAY, now=now)
        plan_next(run.id, now)
    session.rollback()

    page = sign_in(Role.FINANCE).get(_at(org, f"/{run.id}")).text

    assert "1 of 2 policies" in page
    assert page.count("<progress") == 1 + len(StepCode)
    assert "1 found, R\u00a03\u00a0738,60" in page
    assert page.count("Found last, over the whole book") == 3


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
    assert (again.status_code, "already" in again.text) == (409, True)
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


def test_steps_and_reviews_are_written_a_line_each(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    client, url = sign_in(), _at(org, "/escalations/new")
    sell(date(2024, 11, 30), premium="310.00", premium_projection_type=ProjectionType.STEPPED)
    rule = {"type": "STEPPED", "valid_from": "2026/01/01", "product_id": ""}

    assert _post(client, url, **rule, steps="2: 5\r\n\r\n3: 7,5").status_code == 303
    session.rollback()
    (kept,) = queries.list_escalation_rules(session)
    assert kept.steps == {"2": "5", "3": "7.5"}
    assert "5%" in client.get(_at(org, "/escalations?on=2026/11/30")).text
    reviewed = rule | {"type": "REVIEWABLE", "reason": "Board"}
    assert _post(client, url, **reviewed, reviews="2026/11/01: 6").status_code == 303
    session.rollback()
    assert queries.list_escalation_rules(session)[1].reviews == {"2026-11-01": "6"}

    for name, typed, words in (
        ("steps", "5", "Write a line each, such as 3: 5."),
        ("steps", "1: 5", "begins with a policy year from 2"),
        ("steps", "2: five", "Enter a number"),
        ("steps", "2: 5\n2: 6", "is there twice"),
        ("steps", "2: 101", "at most 100 per cent"),
        ("reviews", "2026/02/30: 5", "Enter a real date"),
    ):
        answer = _post(client, url, **rule, **{name: typed})
        assert (answer.status_code, words in answer.text, typed[:3] in answer.text) == (
            422,
            True,
            True,
        ), typed
    session.rollback()
    assert len(queries.list_escalation_rules(session)) == 2


def test_a_rise_by_the_index_of_a_month_to_come_is_not_missing(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    """The anniversary of November reads August: unknown on 30 November 2026, missing a year on."""
    policy_id = sell(date(2025, 11, 5), premium="310.00", **INDEXED)
    client = sign_in(Role.FINANCE)
    url = _at(org, f"/policies/{policy_id}/escalation")

    ahead = client.get(url).text
    with clock.frozen(morning(date(2027, 9, 1))):
        over = sign_in(Role.FINANCE).get(url).text

    assert "By CPI for 2027/08" in ahead
    assert "There is no CPI" not in ahead
    assert "There is no CPI for August 2027" in over
    assert "Missing" in over


def _audited(connection: Connection, org: OrganizationFacts, action: str) -> int:
    connection.rollback()
    counted = text("SELECT count(*) FROM ins.audit_events WHERE org_id = :org AND action = :action")
    return connection.scalar(counted, {"org": org.id, "action": action}) or 0


def test_proof_of_a_notice_is_recorded_on_the_policys_escalation(
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    policy_id: Any,
    admin_connection: Connection,
) -> None:
    client = sign_in(Role.FINANCE)
    url = _at(org, f"/policies/{policy_id}/escalation")
    page = client.get(url).text
    assert "No notice is recorded" in page
    assert "2027/11/05" in page
    assert "6%" in page
    form = {
        "anniversary": "2027/11/05",
        "sent_on": "2026/11/29",
        "recipient": "p@example.org",
        "evidence": "File 2026/1129",
    }

    late = _post(client, f"{url}/notices/new", **form | {"anniversary": "2026/11/05"})
    assert (late.status_code, "31 days before" in late.text) == (422, True)
    other = _post(client, f"{url}/notices/new", **form | {"anniversary": "2027/11/06"})
    assert (other.status_code, "no anniversary of the policy" in other.text) == (422, True)
    ahead = _post(client, f"{url}/notices/new", **form | {"sent_on": "2026/12/01"})
    assert (ahead.status_code, "cannot be sent in the future" in ahead.text) == (422, True)
    nobody = _post(client, f"{url}/notices/new", **form | {"recipient": " "})
    assert (nobody.status_code, "Say where it was sent." in nobody.text) == (422, True)
    bare = _post(client, f"{url}/notices/new", **form | {"evidence": " "})
    assert (bare.status_code, "a day alone proves nothing" in bare.text) == (422, True)
    assert _audited(admin_connection, org, "month_end.record_notice") == 0
    assert _post(client, f"{url}/notices/new", **form).status_code == 303
    page = client.get(url).text
    assert "p@example.org" in page
    assert "File 2026/1129" in page
    assert "Recorded</dd>" in page
    again = _post(client, f"{url}/notices/new", **form)
    assert (again.status_code, "recorded already" in again.text) == (409, True)
    assert _audited(admin_connection, org, "month_end.record_notice") == 1


def test_a_holders_refusal_is_recorded_and_withdrawn_on_the_policys_escalation(
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    policy_id: Any,
    admin_connection: Connection,
) -> None:
    carry_out(plan(DAY, steps=frozenset(StepCode) - {StepCode.LAPSES}))
    client = sign_in(Role.FINANCE)
    url = _at(org, f"/policies/{policy_id}/escalation")
    assert "The holder has not refused a rise" in client.get(url).text
    early = _post(client, f"{url}/refusal/withdraw", withdrawn_from="2026/12/01", reason="Call")
    assert (early.status_code, "does not refuse" in early.text) == (409, True)
    form = {"refused_from": "2026/12/01", "reason": "Letter of 2026/11/28"}

    made = _post(client, f"{url}/refusal/new", **form | {"refused_from": "2026/11/05"})
    assert (made.status_code, "was made already" in made.text) == (422, True)
    before = _post(client, f"{url}/refusal/new", **form | {"refused_from": "2025/11/04"})
    assert (before.status_code, "had not begun" in before.text) == (422, True)
    silent = _post(client, f"{url}/refusal/new", **form | {"reason": ""})
    assert (silent.status_code, "Enter how the holder told us." in silent.text) == (422, True)
    assert _post(client, f"{url}/refusal/new", **form).status_code == 303
    page = client.get(url).text
    assert "The holder refuses rises" in page
    assert "Letter of 2026/11/28" in page
    assert "Holder" in page
    twice = _post(client, f"{url}/refusal/new", **form)
    assert (twice.status_code, "refuses already" in twice.text) == (409, True)

    back = {"withdrawn_from": "2026/12/01", "reason": "Call"}
    same = _post(client, f"{url}/refusal/withdraw", **back)
    assert (same.status_code, "Choose a day after 2026/12/01" in same.text) == (422, True)
    back["withdrawn_from"] = "2026/12/02"
    assert _post(client, f"{url}/refusal/withdraw", **back).status_code == 303
    page = client.get(url).text
    assert "The holder refuses rises" not in page
    assert "2026/12/02" in page
    assert _audited(admin_connection, org, "month_end.record_refusal") == 1
    assert _audited(admin_connection, org, "month_end.withdraw_refusal") == 1


def test_an_auditor_reads_a_policys_escalation_and_records_nothing(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, policy_id: Any, session: Session
) -> None:
    client, number = sign_in(Role.AUDITOR), get_policy(session, policy_id).policy_number
    session.rollback()
    found = client.get(_at(org, f"/escalations?number={number.lower()}"))
    assert found.status_code == 303
    page = client.get(found.headers["Location"]).text
    assert "Record" not in page.replace("Recorded", "")
    for path in ("notices/new", "refusal/new", "refusal/withdraw"):
        url = _at(org, f"/policies/{policy_id}/escalation/{path}")
        assert (client.get(url).status_code, _post(client, url).status_code) == (403, 403)
    wrong = client.get(_at(org, "/escalations?number=PL-1"))
    assert (wrong.status_code, "There is no such policy." in wrong.text) == (422, True)
    assert sign_in(Role.AGENT).get(_at(org, f"/policies/{policy_id}/escalation")).status_code == 403


def test_settings_say_who_hears_of_runs(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    client = sign_in()
    listed = "operations@insurer.example, Finance@insurer.example"
    typed = "operations@insurer.example;\r\n Finance@insurer.example finance@insurer.example"
    wanted = {"mail_to": typed, "days_ahead": "40", "plans_itself": "y"}

    assert _post(client, _at(org, "/settings"), **wanted).status_code == 303
    session.rollback()
    setting = queries.get_setting(session)
    assert (setting.mail_to, setting.days_ahead) == (listed, 40)
    assert listed in client.get(_at(org, "/settings")).text
    assert (setting.plans_itself, setting.may_apply_unapproved) == (True, False)
    wrong = _post(client, _at(org, "/settings"), **wanted | {"mail_to": "a@b.example, x"})
    assert (wrong.status_code, "“x” is not a mail address." in wrong.text) == (422, True)
    many = " ".join(f"a{number}@b.example" for number in range(21))
    assert _post(client, _at(org, "/settings"), **wanted | {"mail_to": many}).status_code == 422


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


def test_a_rule_can_hold_for_one_version_of_a_product(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session, policy_id: Any
) -> None:
    client, url = sign_in(), _at(org, "/escalations/new")
    policy = get_policy(session, policy_id)
    session.rollback()
    rule = {"type": "LEVEL", "valid_from": "2026/01/01", "index_code": "CPI", "lag_months": "3"}
    version = {"product_version_id": str(policy.product_version_id)}
    assert "Plain cover, version 1" in client.get(url).text

    both = _post(client, url, **rule, **version, product_id=str(policy.product_id))
    assert (both.status_code, "not several" in both.text) == (422, True)
    assert _post(client, url, **rule, **version).status_code == 303
    assert "Product version" in client.get(_at(org, "/escalations")).text
