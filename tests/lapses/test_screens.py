"""Lapse rules, arrears and holds, as a person uses them."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.lapses import queries
from insurance.lapses.rules import Block
from tests.factories.book import make_product
from tests.factories.claims import PNG
from tests.factories.identity import SignedInClient
from tests.factories.lapses import DUE, Owing, make_owing, make_rule, noon, pay, tell

SignIn = Callable[..., SignedInClient]
TODAY = date(2026, 10, 20)
FORM = {
    "effective_from": "2026/11/01",
    "grace_period_type": "CALENDAR",
    "monthly_grace_days": "30",
    "quarterly_grace_days": "45",
    "half_yearly_grace_days": "45",
    "annual_grace_days": "60",
    "tolerance": "2,50",
    "requires_notice": "y",
    "reminder_schedule": "3, 7; 1",
    "send_email_reminders": "y",
    "auto_reinstate_if_paid_within_days": "14",
    "reinstatement_requires_medical_after_days": "90",
    "max_reinstatement_period_days": "180",
}


@pytest.fixture(autouse=True)
def on_20_october() -> Iterator[None]:
    """Let the business day be 20 October 2026: the day after the grace of 4 October."""
    with clock.frozen(noon(TODAY)):
        yield


@pytest.fixture
def owing(session: Session) -> Owing:
    """Return a policy whose first premium fell due on 4 October and was not paid."""
    return make_owing()


def test_what_is_due_to_lapse_is_listed_with_arrears_and_date(
    sign_in: SignIn, owing: Owing
) -> None:
    tell(owing.policy_id)
    client = sign_in()

    html = client.get(client.url("/lapses")).text

    assert "PL-2026-000001" in html
    assert "R\u00a0100,00" in html
    assert "2026/10/20" in html
    assert f"/policies/{owing.policy_id}" in html
    why = client.url(f"/lapses/holds/{owing.policy_id}")
    assert why in html
    assert "PL-2026-000001" in client.get(why).text


def test_each_tab_shows_its_policies_and_why_a_lapse_is_blocked(
    sign_in: SignIn, owing: Owing
) -> None:
    client = sign_in()

    blocked = client.get(client.url("/lapses?state=BLOCKED")).text
    assert "PL-2026-000001" in blocked
    assert "No proof of a notice of non-payment" in blocked
    assert "Nothing is due to lapse" in client.get(client.url("/lapses?state=DUE")).text
    assert "Nothing lapses tomorrow" in client.get(client.url("/lapses?state=TOMORROW")).text
    assert "No policy is in grace" in client.get(client.url("/lapses?state=IN_GRACE")).text
    with clock.frozen(noon(date(2026, 10, 19))):
        assert "PL-2026" in client.get(client.url("/lapses?state=IN_GRACE")).text


def test_htmx_gets_the_list_alone_and_a_longer_one_needs_no_more_queries(
    sign_in: SignIn, owing: Owing
) -> None:
    client = sign_in()
    address = client.url("/lapses?state=BLOCKED")
    assert client.htmx(address).text.lstrip().startswith('<div id="list"')
    few = _queries_of(lambda: client.get(address))
    for _ in range(4):
        make_owing(product_id=owing.product_id, customer_id=owing.customer_id)

    assert _queries_of(lambda: client.get(address)) == few


def _queries_of(work: Callable[[], object]) -> int:
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(seen)


def test_a_long_list_is_turned_page_by_page(
    sign_in: SignIn, owing: Owing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insurance.web.lists.asked.ROWS", (2,))
    for _ in range(2):
        make_owing(product_id=owing.product_id, customer_id=owing.customer_id)
    client = sign_in()

    first = client.get(client.url("/lapses?state=BLOCKED&rows=2")).text
    second = client.get(client.url(f"/lapses{_next(first)}")).text

    assert (first.count("/policies/"), second.count("/policies/")) >= (2, 1)
    seen = {number for number in ("01", "02", "03") if f"PL-2026-0000{number}" in first + second}
    assert seen == {"01", "02", "03"}
    assert client.get(client.url("/lapses?cursor=nonsense")).status_code == 422


def _next(html: str) -> str:
    (address,) = [
        part.split('"')[0] for part in html.split('href="')[1:] if "cursor=" in part.split('"')[0]
    ]
    return "?" + address.replace("&amp;", "&").split("?")[1]


def test_the_rules_page_says_what_applies_today_and_on_another_day(
    sign_in: SignIn, session: Session
) -> None:
    product_id = make_product()
    make_rule(product_id, effective_from=date(2027, 1, 1))
    client = sign_in()

    today = client.get(client.url("/lapses/rules")).text
    later = client.get(client.url("/lapses/rules?on=2027/01/01")).text

    assert "Statutory minimum" in today
    assert "Own" in later and "Statutory minimum" not in later
    wrong = client.get(client.url("/lapses/rules?on=2027/02/30"))
    assert wrong.status_code == 422
    assert "Enter a real date" in wrong.text


def test_a_products_page_shows_its_rules_over_time(sign_in: SignIn, session: Session) -> None:
    product_id = make_product()
    make_rule(product_id)
    make_rule(product_id, effective_from=date(2027, 1, 1), monthly_grace_days=44)
    client = sign_in()
    address = client.url(f"/lapses/rules/products/{product_id}")

    assert "30 calendar days" in client.get(address).text
    assert "44 calendar days" in client.get(f"{address}?on=2027-01-01").text
    assert "the statutory minimum holds" in client.get(f"{address}?on=2025-01-01").text


def test_a_rule_is_previewed_before_it_is_saved(
    sign_in: SignIn, owing: Owing, session: Session
) -> None:
    tell(owing.policy_id)
    client = sign_in()
    address = client.url(f"/lapses/rules/products/{owing.product_id}/new")

    preview = client.post(address, data=FORM | {"act": "preview"})

    assert preview.status_code == 200
    assert "What it would do to the policies in arrears today" in preview.text
    rows = preview.text.split("Due to lapse")[1]
    assert 'Under the present rules</td> <td class="right">1' in rows
    assert 'Under this rule</td> <td class="right">0' in rows
    assert 'value="2026/11/01"' in preview.text
    assert queries.list_lapse_rules(session, owing.product_id) == []
    session.rollback()

    saved = client.post(address, data=FORM)

    assert saved.status_code == 303
    (rule,) = queries.list_lapse_rules(session, owing.product_id)
    assert (rule.monthly_grace_days, rule.reminder_schedule) == (30, [7, 3, 1])
    assert str(rule.tolerance) == "2.50"
    assert "was added" in client.get(saved.headers["Location"]).text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"monthly_grace_days": "14"}, "LT PPR rule 15A.1"),
        ({"monthly_grace_days": "x"}, "Enter a whole number."),
        ({"reminder_schedule": "soon"}, "Enter whole numbers"),
        ({"effective_from": ""}, "Enter a date, such as 2026/11/20."),
    ],
)
def test_a_rule_that_may_not_stand_is_refused_at_its_field(
    sign_in: SignIn, session: Session, changes: dict[str, str], words: str
) -> None:
    client = sign_in()
    address = client.url(f"/lapses/rules/products/{make_product()}/new")

    for act in ({}, {"act": "preview"}):
        refused = client.post(address, data=FORM | changes | act)
        assert refused.status_code == 422
        assert words in refused.text
        assert 'value="2,50"' in refused.text


def test_two_people_who_change_a_rule_see_both_values(sign_in: SignIn, session: Session) -> None:
    rule = make_rule(make_product())
    client = sign_in()
    address = client.url(f"/lapses/rules/{rule.id}/edit")
    form = FORM | {"effective_from": "2026/01/01", "version": "1"}
    assert client.post(address, data=form | {"monthly_grace_days": "40"}).status_code == 303

    stale = client.post(address, data=form | {"monthly_grace_days": "50"})

    assert stale.status_code == 409
    assert "Saved by somebody else" in stale.text
    assert client.post(address, data=form | {"version": "2"}).status_code == 303


def test_a_rule_that_premiums_fell_due_under_says_so_and_can_be_ended(
    sign_in: SignIn, owing: Owing, session: Session
) -> None:
    rule = make_rule(owing.product_id)
    client = sign_in()
    address = client.url(f"/lapses/rules/{rule.id}/edit")
    assert "can only be given an end" in client.get(address).text
    unchanged = FORM | {
        "effective_from": "2026/01/01",
        "tolerance": "",
        "send_sms_reminders": "y",
        "version": "1",
    }

    refused = client.post(address, data=unchanged | {"monthly_grace_days": "31"})
    assert refused.status_code == 409
    ended = client.post(address, data=unchanged | {"effective_to": "2026/11/01"})
    assert ended.status_code == 303, ended.text


def test_a_policy_is_held_and_released_on_screens_of_their_own(
    sign_in: SignIn, owing: Owing, session: Session
) -> None:
    tell(owing.policy_id)
    client = sign_in(Role.SENIOR_AGENT)
    home = client.url(f"/lapses/holds/{owing.policy_id}")
    assert "nothing stops the lapse" in client.get(home).text

    refused = client.post(f"{home}/new", data={"reason": "Dispute", "expires_on": "2026/10/20"})
    assert refused.status_code == 422
    placed = client.post(f"{home}/new", data={"reason": "Dispute", "expires_on": "2026/11/20"})
    assert placed.status_code == 303
    assert "On hold" in client.get(home).text
    assert "On hold: Dispute" in client.get(client.url("/lapses?state=BLOCKED")).text

    (hold,) = queries.list_holds(session, owing.policy_id)
    release = f"{home}/{hold.id}/release"
    session.rollback()
    assert "Without the hold the policy lapses on 2026/10/20" in client.get(release).text
    assert client.post(release).status_code == 303
    assert client.post(release).status_code == 409
    assert queries.policy_forecast(session, owing.policy_id, TODAY).is_candidate


def test_a_letter_is_recorded_as_proof(sign_in: SignIn, owing: Owing, session: Session) -> None:
    client = sign_in()
    address = client.url(f"/lapses/notices/{owing.policy_id}/new")
    forecast = queries.policy_forecast(session, owing.policy_id, TODAY)
    assert forecast.blocked_by == (Block.NO_NOTICE,)
    session.rollback()

    form = {"recipient": "12 Kloof Street", "sent_on": "2026/10/10"}
    unproven = client.post(address, data=form)
    assert unproven.status_code == 422
    assert "a day alone proves nothing" in unproven.text
    sent = client.post(address, data=form | {"file": (io.BytesIO(PNG), "slip.png")})
    assert sent.status_code == 303
    seen = client.get(sent.headers["Location"]).text
    assert "12 Kloof Street" in seen
    file = re.search(r'href="([^"]+/file)"', seen)
    assert file is not None
    assert client.get(file.group(1)).data == PNG
    assert queries.policy_forecast(session, owing.policy_id, TODAY).is_candidate


def test_a_paid_policy_says_that_nothing_lapses(sign_in: SignIn, owing: Owing) -> None:
    pay(owing.policy_id, 1, on=DUE)
    client = sign_in()

    html = client.get(client.url(f"/lapses/holds/{owing.policy_id}")).text

    assert "Nothing is owed, so nothing lapses" in html


def test_who_may_only_look_finds_no_buttons_and_no_way_round(sign_in: SignIn, owing: Owing) -> None:
    rule = make_rule(owing.product_id)
    client = sign_in(Role.AUDITOR)

    assert client.get(client.url("/lapses")).status_code == 200
    page = client.get(client.url(f"/lapses/holds/{owing.policy_id}")).text
    assert f"/lapses/holds/{owing.policy_id}/new" not in page
    for path in (
        f"/lapses/holds/{owing.policy_id}/new",
        f"/lapses/notices/{owing.policy_id}/new",
        f"/lapses/rules/products/{owing.product_id}/new",
        f"/lapses/rules/{rule.id}/edit",
    ):
        assert client.get(client.url(path)).status_code == 403
        assert client.post(client.url(path)).status_code == 403


def test_the_rail_leads_to_both_and_marks_where_one_is(sign_in: SignIn, session: Session) -> None:
    product_id = make_product()
    client = sign_in()

    html = client.get(client.url(f"/lapses/rules/products/{product_id}")).text

    marked = [part.split(">")[0] for part in html.split("<a ") if 'aria-current="page"' in part]
    assert any("/lapses/rules" in tag for tag in marked)
    assert "Arrears and lapses" in html
