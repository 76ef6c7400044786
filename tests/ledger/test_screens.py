"""The ledger on screen, as a bookkeeper uses it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.ledger.models import LedgerAccount
from insurance.ledger.periods import close_books, closed_through
from tests.factories.book import make_book
from tests.factories.identity import SignedInClient
from tests.factories.ledger import post
from tests.factories.organizations import OrganizationFacts

SignIn = Callable[..., SignedInClient]
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
OCTOBER = date(2026, 10, 31)


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(NOW):
        yield


def _rows(html: str) -> list[list[str]]:
    """Return the cells of the page's table."""
    return [
        [
            re.sub(r"<[^>]+>", "", cell).replace("\u00a0", " ").strip()
            for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", html, re.S)
    ]


def test_the_trial_balance_shows_equal_totals_on_the_day_asked_for(
    sign_in: SignIn, session: Session
) -> None:
    post((date(2026, 10, 1), "PREMIUM_DEBTORS", "PREMIUM_INCOME", "1000.00"))
    post((date(2026, 10, 9), "BANK", "PREMIUM_DEBTORS", "400.00"))
    post((date(2026, 11, 1), "BANK", "PREMIUM_DEBTORS", "600.00"))
    client = sign_in(Role.FINANCE)

    rows = _rows(client.get(client.url("/ledger?on=2026-10-31")).text)

    assert ["Bank", "Asset", "R 400,00", "R 0,00", "R 400,00"] in rows
    assert ["Premium debtors", "Asset", "R 1 000,00", "R 400,00", "R 600,00"] in rows
    assert rows[-1] == ["Total", "R 1 400,00", "R 1 400,00", "R 0,00"]


def test_the_trial_balance_leads_to_an_account_and_that_to_a_policy(
    sign_in: SignIn, session: Session
) -> None:
    book = make_book()
    client = sign_in(Role.FINANCE)

    address = client.url("/ledger/accounts/PREMIUM_DEBTORS?to=2026-11-20")
    assert address in client.get(client.url("/ledger")).text
    page = client.get(address).text

    assert client.url(f"/policies/{book.policy_id}?tab=ledger") in page
    assert _rows(page)[1][-1] == "R 100,00"


def test_a_statement_carries_its_balance_over_the_pages(sign_in: SignIn, session: Session) -> None:
    post((date(2026, 10, 31), "BANK", "PREMIUM_DEBTORS", "1000.00"))
    post(*[(date(2026, 11, 2), "BANK", "PREMIUM_DEBTORS", "1.00")] * 60)
    client = sign_in(Role.FINANCE)
    address = client.url("/ledger/accounts/BANK?from=2026-11-01&to=2026-11-20")

    first = client.get(address).text
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following
    second = client.get(following[1].replace("&amp;", "&")).text

    assert len(_rows(first)) == 51
    assert _rows(first)[-1][-1] == "R 1 050,00"
    assert len(_rows(second)) == 11
    assert _rows(second)[-1][-1] == "R 1 060,00"
    for page in (first, second):
        assert "R\u00a01\u00a0000,00" in page
        assert "R\u00a01\u00a0060,00" in page


def test_a_long_statement_asks_no_more_questions_than_a_short_one(
    sign_in: SignIn, session: Session
) -> None:
    client = sign_in(Role.FINANCE)
    address = client.url("/ledger/accounts/BANK?from=2026-11-01&to=2026-11-20")
    counts = []
    for more in (1, 1, 70):
        post(*[(date(2026, 11, 2), "BANK", "PREMIUM_DEBTORS", "1.00")] * more)
        counts.append(_statements_of(lambda: client.get(address)))

    assert counts[1] == counts[2] <= 10


def _statements_of(act: Callable[[], object]) -> int:
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    act()
    event.remove(engine, "before_cursor_execute", note)
    return len(statements)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/ledger?on=nonsense", "Enter a real date"),
        ("/ledger?on=2026-02-30", "Enter a real date"),
        ("/ledger/accounts/BANK?from=x", "Enter a real date"),
        ("/ledger/accounts/BANK?from=2026-11-05&to=2026-11-04", "must not be before the first"),
        ("/ledger/accounts/BANK?cursor=made-up", "page link is not valid"),
        ("/ledger/periods?cursor=made-up", "page link is not valid"),
    ],
)
def test_what_cannot_be_read_is_said(
    sign_in: SignIn, session: Session, path: str, why: str
) -> None:
    client = sign_in(Role.FINANCE)

    answer = client.get(client.url(path))

    assert answer.status_code == 422
    assert why in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/ledger?on=nonsense",
        "/ledger/accounts/BANK?from=2026/11/01&to=nonsense",
        "/claims/reports?from=nonsense",
        "/claims/loss-ratio?to=nonsense",
        "/month-end/escalations?on=nonsense",
    ],
)
def test_a_day_that_cannot_be_read_stays_in_its_field_and_is_marked(
    sign_in: SignIn, session: Session, path: str
) -> None:
    client = sign_in(Role.TENANT_ADMINISTRATOR)

    text = client.get(client.url(path)).text

    field = text[text.index('value="nonsense" aria-invalid="true"') :]
    described_by = field.split('aria-describedby="')[1].split('"')[0]
    message = text.split(f'id="{described_by}"')[1].split("</p>")[0]
    assert text.count("aria-invalid") == 1
    assert "Enter a real date" in message


@pytest.mark.parametrize("code", ["NO_SUCH_ACCOUNT", "bank", "%00", "a" * 300])
def test_an_unknown_account_is_not_found(sign_in: SignIn, session: Session, code: str) -> None:
    client = sign_in(Role.FINANCE)

    assert client.get(client.url(f"/ledger/accounts/{code}")).status_code == 404
    export = {"do": "export", "kind": "csv"}
    assert client.post(client.url(f"/ledger/accounts/{code}"), data=export).status_code == 404


def test_htmx_gets_the_part_alone(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.FINANCE)

    assert client.htmx(client.url("/ledger")).text.lstrip().startswith('<div id="trial_balance"')
    assert (
        client.htmx(client.url("/ledger/accounts/BANK")).text.lstrip().startswith('<div id="list"')
    )


def test_a_month_is_closed_and_reopened_on_screen(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.FINANCE)

    closed = client.post(
        client.url("/ledger/periods/close"), data={"through": "2026-10-31", "reason": "Reported"}
    )
    page = client.get(closed.headers["Location"]).text
    assert closed.status_code == 303
    assert "The books are closed to 31 October 2026." in page
    assert closed_through(session) == OCTOBER
    session.rollback()

    reopened = client.post(
        client.url("/ledger/periods/reopen"), data={"through": "nothing", "reason": "A late file"}
    )
    rows = _rows(client.get(reopened.headers["Location"]).text)
    assert closed_through(session) is None
    assert [row[1:3] + row[4:] for row in rows[1:]] == [
        ["Reopened", "nothing", "A late file"],
        ["Closed", "2026/10/31", "Reported"],
    ]


def test_only_months_that_can_be_closed_are_offered(sign_in: SignIn, session: Session) -> None:
    close_books(date(2026, 8, 31), reason="Reported", on=date(2026, 11, 20), now=NOW)
    client = sign_in(Role.FINANCE)

    page = client.get(client.url("/ledger/periods/close")).text

    assert re.findall(r'<option[^>]*value="([^"]*)"', page) == ["2026-10-31", "2026-09-30"]
    reopen = client.get(client.url("/ledger/periods/reopen")).text
    offered = re.findall(r'<option[^>]*value="([^"]*)"', reopen)
    assert (offered[0], offered[-1]) == ("2026-07-31", "nothing")


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"through": "2026-10-31", "reason": ""}, "Enter the reason."),
        ({"through": "2026-11-30", "reason": "x"}, "Choose one from the list."),
        ({"through": "2026-10-31", "reason": "x" * 501}, "At most 500 characters."),
        ({"reason": "x"}, "Choose"),
    ],
)
def test_a_close_that_cannot_be_is_refused_at_its_field(
    sign_in: SignIn, session: Session, sent: dict[str, str], why: str
) -> None:
    client = sign_in(Role.FINANCE)

    answer = client.post(client.url("/ledger/periods/close"), data=sent)

    assert answer.status_code == 422
    assert why in answer.text
    assert closed_through(session) is None


def test_reopening_open_books_is_refused_on_screen(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.FINANCE)

    answer = client.post(
        client.url("/ledger/periods/reopen"), data={"through": "nothing", "reason": "x"}
    )

    assert answer.status_code == 409
    assert "Nothing is closed" in answer.text


def test_an_auditor_sees_the_books_and_cannot_close_them(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.AUDITOR)

    page = client.get(client.url("/ledger/periods")).text
    assert "No month was closed yet" in page
    assert "/ledger/periods/close" not in page
    for path in ("/ledger/periods/close", "/ledger/periods/reopen"):
        assert client.get(client.url(path)).status_code == 403
        assert client.post(client.url(path), data={}).status_code == 403


def test_an_agent_does_not_see_the_books(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.AGENT)

    assert client.url("/ledger") not in client.get(client.url("/policies")).text
    for path in ("/ledger", "/ledger/accounts/BANK", "/ledger/periods"):
        assert client.get(client.url(path)).status_code == 403
    export = {"do": "export", "kind": "csv"}
    for path in ("/ledger/export", "/ledger/accounts/BANK"):
        assert client.post(client.url(path), data=export).status_code == 403


def test_another_insurers_accounts_and_postings_do_not_show(
    app: Flask, sign_in: SignIn, session: Session, other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        db.session.add(LedgerAccount(code="PALESAS", name="Palesa's account", kind="ASSET"))
        db.session.commit()
        post((date(2026, 11, 2), "PALESAS", "BANK", "77.77"))
        close_books(OCTOBER, reason="Theirs", on=date(2026, 11, 20), now=NOW)
    client = sign_in(Role.FINANCE)

    for path in ("/ledger", "/ledger/accounts/BANK", "/ledger/periods"):
        page = client.get(client.url(path)).text
        assert "Palesa" not in page
        assert "77,77" not in page
        assert "Theirs" not in page
    assert client.get(client.url("/ledger/accounts/PALESAS")).status_code == 404
