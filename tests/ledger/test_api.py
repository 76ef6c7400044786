"""The ledger over the API."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.ledger.periods import closed_through
from tests.factories.identity import TestClient
from tests.factories.ledger import post

Api = Callable[..., TestClient]
LEDGER = "/api/v1/ledger"


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(datetime(2026, 11, 20, 8, tzinfo=UTC)):
        yield


def test_the_trial_balance_is_an_array_whose_balances_add_up_to_nothing(
    api: Api, session: Session
) -> None:
    post((date(2026, 10, 1), "PREMIUM_DEBTORS", "PREMIUM_INCOME", "310.00"))
    post((date(2026, 11, 1), "PREMIUM_DEBTORS", "PREMIUM_INCOME", "310.00"))

    answer = api(Role.FINANCE).get(f"{LEDGER}/trial-balance?on=2026-10-31")

    lines = {line["account"]: line for line in answer.json}
    assert lines["PREMIUM_DEBTORS"] == {
        "account": "PREMIUM_DEBTORS",
        "name": "Premium debtors",
        "kind": "ASSET",
        "debit": 310,
        "credit": 0,
        "balance": 310,
    }
    assert sum(line["balance"] for line in answer.json) == 0
    assert '"debit":310.00,"credit":0.00' in answer.text


def test_the_chart_is_listed(api: Api, session: Session) -> None:
    accounts = api(Role.FINANCE).get(f"{LEDGER}/accounts").json

    assert {"code": "BANK", "name": "Bank", "kind": "ASSET"} in accounts


def test_a_statement_is_paged_by_the_link_header(api: Api, session: Session) -> None:
    post((date(2026, 10, 31), "BANK", "PREMIUM_DEBTORS", "5.00"))
    post(*[(date(2026, 11, 2), "BANK", "PREMIUM_DEBTORS", "1.00")] * 3)
    client = api(Role.FINANCE)

    first = client.get(f"{LEDGER}/accounts/BANK/statement?from=2026-11-01&to=2026-11-20&limit=2")
    second = client.get(first.headers["Link"].split(">")[0][1:])

    assert [first.json[name] for name in ("opening", "debit", "credit", "closing")] == [5, 3, 0, 8]
    assert [one["balance"] for one in first.json["entries"]] == [6, 7]
    assert [one["balance"] for one in second.json["entries"]] == [8]
    assert "Link" not in second.headers
    assert second.json["closing"] == 8


def test_without_days_a_statement_is_of_this_month(api: Api, session: Session) -> None:
    answer = api(Role.FINANCE).get(f"{LEDGER}/accounts/BANK/statement").json

    assert (answer["first_day"], answer["last_day"]) == ("2026-11-01", "2026-11-20")


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("trial-balance?on=2026-02-30", 422, "/on"),
        ("accounts/BANK/statement?from=2026-11-02&to=2026-11-01", 422, "/to"),
        ("accounts/BANK/statement?since=2026-11-02", 422, "/since"),
        ("accounts/BANK/statement?cursor=x", 422, "/cursor"),
        ("periods?cursor=x", 422, "/cursor"),
        ("periods?cursor=WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5Il0", 422, "/cursor"),
        ("accounts/NONE/statement", 404, None),
    ],
)
def test_what_cannot_be_answered_is_refused(
    api: Api, session: Session, path: str, status: int, pointer: str | None
) -> None:
    answer = api(Role.FINANCE).get(f"{LEDGER}/{path}")

    assert answer.status_code == status
    assert [one["pointer"] for one in answer.json["errors"]] == ([pointer] if pointer else [])


def test_months_are_closed_and_reopened(api: Api, session: Session) -> None:
    client = api(Role.FINANCE)

    closed = client.post(
        f"{LEDGER}/periods/close", json={"through": "2026-10-31", "reason": "Reported"}
    )
    assert closed.status_code == 201
    assert closed.json["closed_through"] == "2026-10-31"
    assert closed_through(session) == date(2026, 10, 31)
    again = client.post(
        f"{LEDGER}/periods/close", json={"through": "2026-10-31", "reason": "Reported"}
    )
    assert again.status_code == 409
    reopened = client.post(f"{LEDGER}/periods/reopen", json={"through": None, "reason": "Late"})
    assert reopened.status_code == 201
    session.rollback()
    assert closed_through(session) is None

    listed = client.get(f"{LEDGER}/periods?limit=1")
    assert [(one["reopens"], one["reason"]) for one in listed.json] == [(True, "Late")]
    older = client.get(listed.headers["Link"].split(">")[0][1:])
    assert [(one["reopens"], one["closed_by"]) for one in older.json] == [
        (False, closed.json["closed_by"])
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"through": "2026-11-30", "reason": "x"}, "/through"),
        ({"through": "2026-10-30", "reason": "x"}, "/through"),
        ({"through": "2026-10-31", "reason": " "}, "/reason"),
        ({"through": "2026-10-31"}, "/reason"),
        ({"through": None, "reason": "x"}, "/through"),
    ],
)
def test_a_close_that_cannot_be_is_refused_at_its_field(
    api: Api, session: Session, body: dict[str, object], pointer: str
) -> None:
    answer = api(Role.FINANCE).post(f"{LEDGER}/periods/close", json=body)

    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]


def test_the_same_close_sent_twice_with_its_key_closes_once(api: Api, session: Session) -> None:
    client = api(Role.FINANCE)
    answers = [
        client.post(
            f"{LEDGER}/periods/close",
            json={"through": "2026-10-31", "reason": "Reported"},
            headers={"Idempotency-Key": "close-october"},
        )
        for _ in range(2)
    ]

    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json == answers[1].json


@pytest.mark.parametrize(
    ("role", "looks", "closes"),
    [(Role.AUDITOR, 200, 403), (Role.MANAGER, 200, 403), (Role.AGENT, 403, 403)],
)
def test_looking_and_closing_each_need_their_permission(
    api: Api, session: Session, role: Role, looks: int, closes: int
) -> None:
    client = api(role)

    for path in ("trial-balance", "accounts", "accounts/BANK/statement", "periods"):
        assert client.get(f"{LEDGER}/{path}").status_code == looks
    body = {"through": "2026-10-31", "reason": "x"}
    for path in ("periods/close", "periods/reopen"):
        assert client.post(f"{LEDGER}/{path}", json=body).status_code == closes
