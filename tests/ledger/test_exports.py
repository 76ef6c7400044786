"""Files for a spreadsheet run nothing and lose nothing."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Response, g
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.web import exports
from insurance.web.exports import csv_response, excel_response, safe_text
from tests.factories.identity import SignedInClient
from tests.factories.ledger import post

SignIn = Callable[..., SignedInClient]
FORMULA_STARTS = "=+-@\t\r\n|%＝＋－＠｜％"


def _body(response: Response) -> bytes:
    response.direct_passthrough = False
    return response.get_data()


def _csv(app: Flask, rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    with app.test_request_context():
        body = _body(csv_response("book", ["What"], rows))
    assert body.startswith(b"\xef\xbb\xbf")  # by which Excel on Windows knows UTF-8
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))[1:]


def _excel(app: Flask, rows: Sequence[Sequence[Any]]) -> Any:
    with app.test_request_context():
        body = _body(excel_response("book", ["What"], rows))
    return load_workbook(io.BytesIO(body)).active


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_formula_is_text_in_either_file(app: Flask, start: str) -> None:
    typed = f"{start}cmd|' /C calc'!A0"

    assert _csv(app, [[typed]]) == [[f"'{typed}"]]
    cell = _excel(app, [[typed]])["A2"]
    assert cell.data_type == "s"
    assert cell.value.startswith("'")


@pytest.mark.parametrize("number", ["-12.50", "+27821234567", "-1", "1234,56"])
def test_a_plain_number_is_left_as_it_is(number: str) -> None:
    assert safe_text(number) == number


@pytest.mark.parametrize("formula", ["-1+1", "+A1", "=1", "-", "1\n=2", "-٣"])
def test_what_only_starts_like_a_number_is_not_a_plain_number(formula: str) -> None:
    assert safe_text(formula) == (formula if formula[0] == "1" else f"'{formula}")


@given(text=st.text())
def test_no_text_leaves_as_a_formula_and_none_is_lost(text: str) -> None:
    safe = safe_text(text)

    assert safe.removeprefix("'") == text.removeprefix("'")
    assert safe.startswith("'") or safe == text
    if safe[:1] in tuple(FORMULA_STARTS):
        Decimal(safe.replace(",", "."))


def test_the_header_is_escaped_too(app: Flask) -> None:
    with app.test_request_context():
        body = _body(csv_response("book", ["=HYPERLINK(1)"], []))

    assert body == b"\xef\xbb\xbf'=HYPERLINK(1)\r\n"


def test_amounts_are_numbers_with_two_decimals_and_days_are_days(app: Flask) -> None:
    row = (Decimal("-1234.50"), date(2026, 11, 20), "00012", None, 7, Decimal("310"))

    assert _csv(app, [row]) == [["-1234.50", "2026-11-20", "00012", "", "7", "310.00"]]
    amount, day, text, nothing, count, _whole = next(_excel(app, [row]).iter_rows(min_row=2))
    assert (amount.value, amount.number_format) == (-1234.5, "#,##0.00")
    assert (day.value, day.number_format) == (datetime(2026, 11, 20), "yyyy/mm/dd")
    assert (text.value, text.data_type) == ("00012", "s")
    assert nothing.value is None
    assert count.value == 7


def test_an_address_stays_text_in_excel(app: Flask) -> None:
    sheet = _excel(app, [["https://evil.example"]])

    assert sheet["A2"].value == "https://evil.example"
    assert sheet["A2"].hyperlink is None


def test_a_moment_is_shown_by_the_clock_of_the_organization(app: Flask) -> None:
    with app.test_request_context():
        g.tenant = SimpleNamespace(timezone="Africa/Johannesburg")
        body = _body(
            excel_response("book", ["When"], [[datetime(2026, 11, 20, 22, 30, tzinfo=UTC)]])
        )

    assert load_workbook(io.BytesIO(body)).active["A2"].value == datetime(2026, 11, 21, 0, 30)


def test_too_many_rows_are_refused_rather_than_left_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORTED_AT_MOST", 2)

    assert len(_csv(app, [["a"], ["b"]])) == 2
    with pytest.raises(DomainError, match="More than 2 rows"):
        _csv(app, [["a"], ["b"], ["c"]])


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_statement_is_taken_as_a_file_and_the_audit_log_says_so(
    sign_in: SignIn, session: Session, kind: str
) -> None:
    post((date(2026, 10, 5), "BANK", "PREMIUM_DEBTORS", "310.00"), description="=1+1")
    post((date(2026, 11, 5), "BANK", "PREMIUM_DEBTORS", "1.00"))
    client = sign_in(Role.FINANCE)

    answer = client.post(
        client.url("/ledger/accounts/BANK?from=2026-10-01&to=2026-10-31"),
        data={"do": "export", "kind": kind},
    )

    assert answer.status_code == 200
    name = f"bank-2026-10-01-2026-10-31.{kind}"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
    if kind == "csv":
        (row,) = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))[1:]
        assert row[1] == "'=1+1"
        assert row[4:] == ["310.00", "", "310.00"]
    else:
        (cells,) = load_workbook(io.BytesIO(answer.data)).active.iter_rows(min_row=2)
        assert [cell.value for cell in cells[4:]] == [310, None, 310]
        assert cells[1].value == "'=1+1"
    event = session.scalars(
        select(AuditEvent).where(AuditEvent.action == "ledger_statement.export")
    ).one()
    assert event.after is not None
    chosen = {name: event.after[name] for name in ("account_code", "from", "to", "rows")}
    assert chosen == {
        "account_code": "BANK",
        "from": "2026-10-01",
        "to": "2026-10-31",
        "rows": 1,
    }


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_trial_balance_is_taken_as_a_file(sign_in: SignIn, session: Session, kind: str) -> None:
    post((date(2026, 10, 5), "BANK", "PREMIUM_DEBTORS", "310.00"))
    client = sign_in(Role.AUDITOR)

    answer = client.post(client.url("/ledger/export"), data={"kind": kind, "on": "2026-10-31"})

    if kind == "csv":
        rows = {
            row[0]: row[1:] for row in csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
        }
        assert rows["BANK"] == ["Bank", "ASSET", "310.00", "0.00", "310.00"]
        assert rows["PREMIUM_DEBTORS"][-1] == "-310.00"
    else:
        sheet = load_workbook(io.BytesIO(answer.data)).active
        assert sum(row[5] for row in sheet.iter_rows(min_row=2, values_only=True)) == 0


def test_no_other_kind_of_file_is_made(sign_in: SignIn, session: Session) -> None:
    client = sign_in(Role.FINANCE)

    assert client.post(client.url("/ledger/export"), data={"kind": "exe"}).status_code == 404
    assert client.post(client.url("/ledger/export"), data={}).status_code == 404
