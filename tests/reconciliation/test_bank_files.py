"""Unlike files of banks, posted: what they bring in is what the bank account says."""

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.cli import main
from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.reconciliation.models import ReconciliationFile
from insurance.reconciliation.queries import sum_suspense
from insurance.reconciliation.rules import RowVerdict
from tests.factories.book import NOW
from tests.factories.identity import TestClient
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import (
    commit,
    csv_of,
    details,
    make_policies,
    row,
    upload,
    verdicts,
    xlsx_of,
    zip_of,
)

D = Decimal
DAYS = (date(2026, 9, 21), date(2026, 10, 20), date(2026, 11, 20))


@pytest.fixture
def numbers(session: Session) -> list[str]:
    """Return three policies of 100.00 a month of which three premiums have fallen due."""
    return [number for _id, number in make_policies(3)]


def _balance(session: Session, account: str) -> Decimal:
    session.rollback()
    return session.execute(
        text(
            "SELECT coalesce(sum(CASE WHEN debit_account = :one THEN amount ELSE -amount END), 0)"
            " FROM ins.ledger_transfers WHERE :one IN (debit_account, credit_account)"
        ),
        {"one": account},
    ).scalar_one()


def _received(*files: ReconciliationFile) -> Decimal:
    return sum((file.money for file in files), D(0))


def _verify(settings: Settings, slug: str) -> Result:
    """Return what `insurance replay verify` says."""
    environment = {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
    }
    return CliRunner().invoke(main, ["replay", "verify", "--org", slug], env=environment)


def _fnb(number: str) -> bytes:
    return (
        "ACCOUNT TRANSACTION HISTORY\n\nName:, KAROO INSURERS\n"
        "Account:, 62000000011,[Business Account]\nBalance:, 1115.00, 1115.00\n\n"
        "Date, Amount, Balance, Description\n"
        f"2026/11/19, 100.00,1100.00,FNB APP PAYMENT FROM {number.replace('-', '')}\n"
        "2026/11/19, -85.00,1015.00,#SERVICE FEES\n"
        "2026/11/20, 100.00,1115.00,INSURANCE\n"
    ).encode()


def _mt940(number: str) -> bytes:
    return (
        ":20:STMT7\n:25:632005/0400000011\n:28C:00231/001\n:60F:C261101ZAR1000,00\n"
        f":61:2611201120CR100,00NTRFINSURANCE//AC123\n:86:EFT {number} OCT\n"
        f":61:2611201120CR100,00NTRFINSURANCE//AC124\n:86:EFT {number} NOV\n"
        ":61:2611191119DR85,00NCHGFEE//AC125\n:86:SERVICE FEE\n"
        ":62F:C261120ZAR1115,00\n-\n"
    ).encode()


def _camt(number: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>
<Acct><Id><Othr><Id>0500000011</Id></Othr></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="ZAR">1000.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="ZAR">1150.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="ZAR">150.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-19</Dt></BookgDt><AcctSvcrRef>C1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
<RmtInf><Ustrd>EFT {number}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>""".encode()


def test_three_unlike_files_of_one_month_are_read_and_tie_to_the_bank_account(
    settings: Settings, org: OrganizationFacts, numbers: list[str], session: Session
) -> None:
    before = _balance(session, "BANK")

    fnb, mt940, camt = (
        commit(_fnb(numbers[0])),
        commit(_mt940(numbers[1])),
        commit(_camt(numbers[2])),
    )

    assert verdicts(fnb) == ["MATCHED", "IGNORED", "SUSPENSE"]
    assert verdicts(mt940) == ["MATCHED", "MATCHED", "IGNORED"]
    assert verdicts(camt) == ["OVERPAID"]
    assert _received(fnb, mt940, camt) == D("550.00")
    assert _balance(session, "BANK") - before == D("550.00")
    assert sum_suspense(session) == (1, D("100.00"))
    for file in (fnb, mt940, camt):
        ignored = file.amount_of(RowVerdict.IGNORED)
        assert D(file.reading["moved"]) == file.money + ignored
        assert file.reading["notes"] == []
    for file in (mt940, camt):
        moved = D(file.reading["closing"]) - D(file.reading["opening"])
        assert moved == D(file.reading["moved"])
    proved = _verify(settings, org.slug)
    assert proved.exit_code == 0, proved.output
    assert "Money received R 550,00 = posted R 450,00 + suspense R 100,00" in proved.output


@pytest.mark.parametrize("make", [_fnb, _mt940, _camt])
def test_a_statement_with_money_out_is_answered_over_the_api(
    make: Callable[[str], bytes], api: Callable[..., TestClient], numbers: list[str]
) -> None:
    with clock.frozen(NOW):
        client = api(Role.FINANCE)
        path = "/api/v1/premium-reconciliation/upload"
        sent = client.post(path, data={"file": (io.BytesIO(make(numbers[0])), "bank.txt")})

    assert sent.status_code == 200
    assert {row["amount"] for row in sent.json["rows"]} <= {100.0, 150.0, -85.0}


def test_the_same_statements_again_bring_nothing(numbers: list[str], session: Session) -> None:
    files = (_fnb(numbers[0]), _mt940(numbers[1]), _camt(numbers[2]))
    for content in files:
        commit(content)
    before = _balance(session, "BANK")

    for content in files:
        commit(content + b"\n")  # another file by its hash, the same movements

    assert _balance(session, "BANK") == before


def test_a_bureaus_fees_transfers_and_interest_are_listed_and_never_posted(
    numbers: list[str], session: Session
) -> None:
    before = _balance(session, "BANK")
    statement = "\n".join(
        [
            "FH\t20261119\tX",
            "SH\t20261119\t51000\tX",
            f"20261119\tSDD\t9001\tSame day debit order\t10000\t+\t0\t{numbers[0]}\tA1\t",
            "20261119\tNSF\t9003\tService fee\t2500\t+\t375\t\t\t",
            "20261119\tBTR\t9004\tBank transfer to client\t500000\t+\t0\t\t\t",
            "20261119\tINP\t9005\tInterest paid\t120\t+\t0\t\t\t",
        ]
    )

    file = commit(zip_of({"statement.txt": statement.encode()}))

    assert verdicts(file) == ["MATCHED", "IGNORED", "IGNORED", "IGNORED"]
    assert [one.split(":")[0] for one in details(file)[1:]] == [
        "A fee of the bank or bureau",
        "A transfer between the bureau and us",
        "Interest",
    ]
    assert _balance(session, "BANK") - before == D("100.00")


def test_a_rounded_reference_is_said_on_its_row(numbers: list[str], session: Session) -> None:
    heading = ["policy_number", "paid_date", "amount", "reference"]
    file = upload(xlsx_of(heading, [numbers[0], date(2026, 11, 20), 100.0, 1.2345678901234567e19]))

    session.rollback()
    caution = session.execute(
        text("SELECT caution FROM ins.reconciliation_rows WHERE file_id = :file"),
        {"file": file.id},
    ).scalar_one()

    assert "Excel rounded" in caution


def test_a_total_that_differs_from_its_rows_is_said_of_the_file(numbers: list[str]) -> None:
    content = csv_of(row(numbers[0])) + b"\nTotal,,,150.00,,,"

    file = upload(content)

    assert verdicts(file) == ["MATCHED"]
    assert "R\u00a0150,00" in file.reading["notes"][0]


def test_a_payers_premiums_are_settled_by_days_whatever_the_shape_of_the_date(
    numbers: list[str], session: Session
) -> None:
    shapes = ("%d-%m-%Y", "%Y%m%d", "%Y-%m-%d 08:15:00")
    rows = [
        row(numbers[0], reference=f"D{at}", paid_date=day.strftime(shape), due_date="")
        for at, (day, shape) in enumerate(zip(DAYS, shapes, strict=True))
    ]

    assert verdicts(commit(csv_of(*rows))) == ["MATCHED"] * 3
