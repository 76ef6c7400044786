"""Files as banks and bureaus really send them, each known by its shape."""

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from insurance.core.errors import DomainError
from insurance.reconciliation.readers import (
    Mapping,
    Reading,
    UnknownFileError,
    archives,
    propose,
    read_file,
)
from insurance.reconciliation.readers.movements import signed_amount
from insurance.reconciliation.rules import FileFormat, LineType, RawRow, Row, read_row
from tests.factories.reconciliation import sheets_of, xlsx_of, zip_of

ON = date(2026, 11, 20)
D = Decimal
OURS = "policy_number,due_date,paid_date,amount,reference,status,reason_code"


def _read(content: str | bytes, **more: Any) -> tuple[Reading, list[RawRow]]:
    reading = read_file(content.encode() if isinstance(content, str) else content, **more)
    return reading, list(reading.rows)


def _row(raw: RawRow) -> Row:
    row = read_row(raw, on=ON)
    assert isinstance(row, Row), row
    return row


def _money(rows: list[RawRow]) -> list[tuple[LineType, str, Decimal, str]]:
    """Return type, policy, amount and reference of each row, premiums as they are posted."""
    return [(one.line_type, one.policy_number, D(one.amount), one.reference) for one in rows]


def _refusal(content: bytes | str, **more: Any) -> str:
    with pytest.raises(DomainError) as refused:
        _read(content, **more)
    assert (refused.value.status, refused.value.field) == (422, "file")
    return refused.value.message


FNB = """ACCOUNT TRANSACTION HISTORY

Name:, KAROO INSURERS
Account:, 62000000011,[Business Account]
Balance:, 9345.11, 9223.09

Date, Amount, Balance, Description
2026/11/18,  350.00,9345.11,FNB APP PAYMENT FROM PL-2026-000012
2026/11/18, -85.00,8995.11,#SERVICE FEES
2026/11/19,  412.50,9080.11,MAGTAPE CREDIT PL2026000013
2026/11/19,  99.00,9179.11,CASH DEPOSIT MIDRAND
2026/11/19, -1200.00,7979.11,RENT NOVEMBER
2026/11/20,  1.20,7980.31,INTEREST EARNED
"""


def test_fnbs_account_history_has_its_heading_after_five_lines() -> None:
    reading, rows = _read(FNB)

    assert reading.format is FileFormat.FNB
    assert reading.facts.account == "62000000011"
    assert _money(rows) == [
        (LineType.PREMIUM, "PL-2026-000012", D("350.00"), "FNB APP PAYMENT FROM PL-2026-000012"),
        (LineType.FEE, "", D("-85.00"), "#SERVICE FEES"),
        (LineType.PREMIUM, "PL-2026-000013", D("412.50"), "MAGTAPE CREDIT PL2026000013"),
        (LineType.PREMIUM, "", D("99.00"), "CASH DEPOSIT MIDRAND"),
        (LineType.DEBIT, "", D("-1200.00"), "RENT NOVEMBER"),
        (LineType.INTEREST, "", D("1.20"), "INTEREST EARNED"),
    ]
    assert _row(rows[0]).paid_date == date(2026, 11, 18)
    assert all(one.bank_reference is None for one in rows)


def test_fnbs_numbered_statement_has_days_without_a_year() -> None:
    statement = """2,62000000011,'KAROO INSURERS','FNB Business'
3,118,'21 December 2025','20 January 2026',1000.00,1265.00,'15.00%'
5,'Number','Date','Description1','Description2','Description3','Amount','Balance','Accrued Charges'
5,1,'29 Dec','Magtape Credit','PL-2025-000012','',350.00,1350.00,0.00
5,2,'02 Jan','Service Fees','','',-85.00,1265.00,0.00
6,'END'
"""

    reading, rows = _read(statement)

    assert (reading.format, reading.facts.account) == (FileFormat.FNB, "62000000011")
    assert [(one.paid_date, one.line_type) for one in rows] == [
        ("2025-12-29", LineType.PREMIUM),
        ("2026-01-02", LineType.FEE),
    ]
    assert rows[0].policy_number == "PL-2025-000012"


def test_absas_download_writes_days_without_signs_between() -> None:
    reading, rows = _read(
        "Date,Description,Amount,Balance\n"
        "20261119,ACB CREDIT SETTLEMENT PL-2026-000012,350.00,9345.11\n"
        "20261119,MONTHLY ACC FEE HEADOFFICE,-85.00,9260.11\n"
    )

    assert reading.format is FileFormat.ABSA
    assert _row(rows[0]).paid_date == date(2026, 11, 19)
    assert [one.line_type for one in rows] == [LineType.PREMIUM, LineType.FEE]
    assert rows[0].policy_number == "PL-2026-000012"


def test_standard_bank_has_no_heading_and_states_its_balances() -> None:
    reading, rows = _read(
        "0,,ACC-NO,00000011,0,\n"
        "0,,OPEN,1000.00,,OPEN BALANCE\n"
        "HIST,20261119,,350.00,CREDIT TRANSFER,PL-2026-000012,0412,0\n"
        "HIST,20261119,##,-85.00,SERVICE FEE,,0412,0\n"
        "0,,CLOSE,1265.00,,CLOSE BALANCE\n"
    )

    assert reading.format is FileFormat.STANDARD_BANK
    assert (reading.facts.opening, reading.facts.closing) == (D("1000.00"), D("1265.00"))
    assert reading.facts.notes == []
    assert _money(rows) == [
        (LineType.PREMIUM, "PL-2026-000012", D("350.00"), "PL-2026-000012"),
        (LineType.FEE, "", D("-85.00"), "SERVICE FEE"),
    ]


def test_a_statement_whose_balances_do_not_agree_says_so() -> None:
    reading, _rows = _read(
        "0,,OPEN,1000.00,,OPEN BALANCE\n"
        "HIST,20261119,,350.00,CREDIT TRANSFER,PL-2026-000012,0412,0\n"
        "0,,CLOSE,1265.00,,CLOSE BALANCE\n"
    )

    (note,) = reading.facts.notes
    assert "are R\u00a01\u00a0350,00, not R\u00a01\u00a0265,00. Lines may be missing." in note


def test_nedbanks_enquiry_has_no_heading() -> None:
    reading, rows = _read(
        "Statement Enquiry :\nAccount Number : ,1200000011\n"
        "Account Description : ,Current account\n\n"
        ",OPENING BALANCE,,1000.00\n"
        "19Nov2026,EFT PL2026000012,350.00,1350.00\n"
        "19Nov2026,MAINTENANCE FEE,-85.00,1265.00\n"
        ",CLOSING BALANCE,,1265.00\n"
    )

    assert (reading.format, reading.facts.account) == (FileFormat.NEDBANK, "1200000011")
    assert (reading.facts.opening, reading.facts.closing) == (D("1000.00"), D("1265.00"))
    assert reading.facts.notes == []
    assert _row(rows[0]).paid_date == date(2026, 11, 19)
    assert [one.line_type for one in rows] == [LineType.PREMIUM, LineType.FEE]


def test_capitecs_business_and_personal_downloads() -> None:
    business, rows = _read(
        "Account,Date,Description,Reference,Amount,Fees,Balance\n"
        "1050000011,19/11/2026,Payment received,PL-2026-000012,350.00,,1350.00\n"
        "1050000011,19/11/2026,Monthly admin,,,-85.00,1265.00\n"
    )

    assert (business.format, business.facts.account) == (FileFormat.CAPITEC, "1050000011")
    assert [(one.line_type, one.reference) for one in rows] == [
        (LineType.PREMIUM, "PL-2026-000012"),
        (LineType.FEE, "Monthly admin"),
    ]

    personal, rows = _read(
        "Posting Date,Transaction Date,Description,Money In,Money Out,Balance\n"
        "2026-11-19,2026-11-19,PL2026000012 THANDI,350.00,,1350.00\n"
        "2026-11-19,2026-11-19,Electricity,,-200.00,1150.00\n"
    )

    assert personal.format is FileFormat.CAPITEC
    assert _money(rows)[1] == (LineType.DEBIT, "", D("-200.00"), "Electricity")
    assert rows[0].policy_number == "PL-2026-000012"


MT940 = """:20:STMT1
:25:632005/0400000011
:28C:00231/001
:60F:C261101ZAR1000,00
:61:2611191119CR350,00NTRFPL-2026-000012//AC123
:86:DEBIT ORDER COLLECTION
:61:2611191119DR85,00NCHGFEE//AC124
:86:SERVICE FEE
:61:2611191119CR412,50NTRFNONREF//AC125
:86:EFT PL2026000013 THANDI
:61:2611191119CR99,00NTRFINSURANCE//NONREF
:86:CASH DEPOSIT
:62F:C261120ZAR1776,50
-
"""


def test_mt940_gives_the_payers_reference_and_the_banks_own_number_of_each_movement() -> None:
    reading, rows = _read(MT940)

    assert (reading.format, reading.facts.account) == (FileFormat.MT940, "0400000011")
    assert _money(rows) == [
        (LineType.PREMIUM, "PL-2026-000012", D("350.00"), "PL-2026-000012"),
        (LineType.FEE, "", D("-85.00"), "FEE"),
        (LineType.PREMIUM, "PL-2026-000013", D("412.50"), "EFT PL2026000013 THANDI"),
        (LineType.PREMIUM, "", D("99.00"), "INSURANCE"),
    ]
    assert [one.bank_reference for one in rows] == [
        "0400000011 AC123",
        "0400000011 AC124",
        "0400000011 AC125",
        None,
    ]
    assert [one.line for one in rows] == [5, 7, 9, 11]
    assert rows[0].paid_date == "2026-11-19"
    assert (reading.facts.opening, reading.facts.closing) == (D("1000.00"), D("1776.50"))
    assert reading.facts.notes == []


def test_a_number_that_several_movements_carry_is_no_movements_own() -> None:
    _reading, rows = _read(MT940.replace("AC125", "AC123"))

    assert [one.bank_reference for one in rows] == [None, "0400000011 AC124", None, None]


def test_several_messages_in_one_mt940_file_keep_their_accounts_apart() -> None:
    other = MT940.replace("0400000011", "0400000012")

    reading, rows = _read(MT940 + other)

    assert len(rows) == 8
    assert [one.bank_reference for one in rows if one.line in (5, 19)] == [
        "0400000011 AC123",
        "0400000012 AC123",
    ]
    assert reading.facts.notes == []


def test_an_mt940_file_that_was_cut_off_says_so() -> None:
    reading, rows = _read(MT940[: MT940.index(":62F:")])

    assert len(rows) == 4
    assert reading.facts.notes == ["A message has no closing balance: it may be cut off."]


def test_a_longer_reference_of_a_debit_order_survives_mt940() -> None:
    long = "KAROOINSURPL-2026-000012000001"
    _reading, rows = _read(MT940.replace("NTRFPL-2026-000012", f"NTRF{long}"))

    assert (rows[0].reference, rows[0].bank_reference) == (long, "0400000011 AC123")
    assert rows[0].policy_number == "PL-2026-000012"


@pytest.mark.parametrize("line", [":61:rubbish", ":61:2699991119CR350,00NTRFX//AC1"])
def test_an_mt940_movement_that_cannot_be_read_is_an_error_and_not_left_out(line: str) -> None:
    _reading, rows = _read(MT940.replace(":61:2611191119DR85,00NCHGFEE//AC124", line))

    assert any(one.fault for one in rows)


def _camt(entries: str, *, currency: str = "ZAR", start: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{start}
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>STMT1</MsgId></GrpHdr>
<Stmt><Id>STMT1</Id><Acct><Id><Othr><Id>0400000011</Id></Othr></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">1000.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">1677.50</Amt>
<CdtDbtInd>CRDT</CdtDbtInd></Bal>{entries}</Stmt></BkToCstmrStmt></Document>"""


def _entry(
    amount: str, details: str, *, way: str = "CRDT", number: str = "AC1", more: str = ""
) -> str:
    return f"""<Ntry><Amt Ccy="ZAR">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-19</Dt></BookgDt><AcctSvcrRef>{number}</AcctSvcrRef>{more}
<NtryDtls>{details}</NtryDtls></Ntry>"""


def _details(reference: str, text: str = "", more: str = "") -> str:
    return (
        f"<TxDtls><Refs>{more}<EndToEndId>{reference}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    )


CAMT = _camt(
    _entry("350.00", _details("PL-2026-000012"))
    + _entry("85.00", "", way="DBIT", number="AC2", more="<AddtlNtryInf>SERVICE FEE</AddtlNtryInf>")
    + _entry("412.50", _details("NOTPROVIDED", "EFT PL2026000013"), number="NOTPROVIDED")
)


def test_camt053_gives_end_to_end_references_and_the_servicers_numbers() -> None:
    reading, rows = _read(CAMT)

    assert reading.format is FileFormat.CAMT053
    assert _money(rows) == [
        (LineType.PREMIUM, "PL-2026-000012", D("350.00"), "PL-2026-000012"),
        (LineType.FEE, "", D("-85.00"), "SERVICE FEE"),
        (LineType.PREMIUM, "PL-2026-000013", D("412.50"), "EFT PL2026000013"),
    ]
    assert [one.bank_reference for one in rows] == ["0400000011 AC1", "0400000011 AC2", None]
    assert (reading.facts.opening, reading.facts.closing) == (D("1000.00"), D("1677.50"))
    assert reading.facts.notes == []


def test_a_batch_in_camt053_is_as_many_movements_as_it_has_payers() -> None:
    own = "<AcctSvcrRef>X{}</AcctSvcrRef>"
    parts = "".join(
        _details(f"PL-2026-00001{n}", more=own.format(n)).replace(
            "<Refs>", f'<AmtDtls><TxAmt><Amt Ccy="ZAR">{n}00.00</Amt></TxAmt></AmtDtls><Refs>'
        )
        for n in (1, 2)
    )

    _reading, rows = _read(_camt(_entry("300.00", parts)))

    assert [(one.policy_number, one.amount, one.bank_reference) for one in rows] == [
        ("PL-2026-000011", "100.00", "0400000011 X1"),
        ("PL-2026-000012", "200.00", "0400000011 X2"),
    ]


def test_what_camt053_has_not_booked_yet_or_has_in_other_money_is_not_posted() -> None:
    pending = _entry("350.00", _details("A")).replace("BOOK", "PDNG")
    dollars = _entry("350.00", _details("B")).replace("ZAR", "USD")

    _reading, (first, second) = _read(_camt(pending + dollars))

    assert first.line_type is LineType.PENDING
    assert second.fault == "This is in USD, not in ZAR."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "start",
    [
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_xml_with_entities_is_refused(start: str, encoding: str) -> None:
    hostile = _camt(_entry("1.00", _details("&x;")), start=start)

    assert "entities" in _refusal(hostile.replace("UTF-8", encoding).encode(encoding))


def test_damaged_xml_is_refused() -> None:
    assert "damaged" in _refusal(CAMT[:-40])
    assert "no file of a bank" in _refusal("<html><body>Signed out</body></html>")


OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261120
<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>0<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS>
<CURDEF>ZAR<BANKACCTFROM><BANKID>250655<ACCTID>62000000011<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101<DTEND>20261120
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261119120000<TRNAMT>350.00<FITID>F1
<NAME>PL-2026-000012<MEMO>EFT O&amp;M</STMTTRN>
<STMTTRN><TRNTYPE>FEE<DTPOSTED>20261119<TRNAMT>-85.00<FITID>F2<NAME>SERVICE</STMTTRN>
<STMTTRN><TRNTYPE>INT<DTPOSTED>20261119<TRNAMT>1.20<FITID>F3<NAME>CREDIT</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>9345.11<DTASOF>20261120</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def test_ofx_gives_the_fitid_with_its_account() -> None:
    reading, rows = _read(OFX)

    assert (reading.format, reading.facts.account) == (FileFormat.OFX, "62000000011")
    assert [(one.line_type, one.amount, one.bank_reference) for one in rows] == [
        (LineType.PREMIUM, "350.00", "62000000011 F1"),
        (LineType.FEE, "-85.00", "62000000011 F2"),
        (LineType.INTEREST, "1.20", "62000000011 F3"),
    ]
    assert (rows[0].policy_number, rows[0].description) == (
        "PL-2026-000012",
        "PL-2026-000012 EFT O&M",
    )
    assert _row(rows[0]).paid_date == date(2026, 11, 19)


def test_damaged_ofx_is_refused() -> None:
    assert "damaged" in _refusal(OFX[: OFX.index("</BANKTRANLIST>")])


QIF = """!Type:Bank
D19/11/2026
T350.00
PPL-2026-000012
MEFT
^
D19/11/2026
T-85.00
PSERVICE FEE
^
"""


def test_qif_is_read_with_the_day_first_unless_that_cannot_be() -> None:
    reading, rows = _read(QIF)
    american, months = _read(QIF.replace("19/11/2026", "11/19'26"))

    assert reading.format is FileFormat.QIF
    for one in (rows, months):
        assert [(raw.line_type, raw.paid_date, raw.amount) for raw in one] == [
            (LineType.PREMIUM, "2026-11-19", "350.00"),
            (LineType.FEE, "2026-11-19", "-85.00"),
        ]
    assert rows[0].policy_number == "PL-2026-000012"
    assert american.facts.notes == ["Days are written with the month first in this file."]


def _output(*records: str, status: str = "L", count: int | None = None) -> str:
    lines = [
        f"000{status}2026111900000KAROO INSURERS                000118000001",
        f"010{status}A000000000001",
        f"011{status}A00000000000000000000000010120261119",
        *records,
        f"019{status}000000000000000002",
    ]
    return "\n".join([*lines, f"999{status}{count or len(lines) + 1:09}"])


DEBIT = "KAROOINSURPL-2026-000012000001"


@pytest.mark.parametrize(
    "record",
    [
        f"013L5020261119000213000000006000000000100000035000{DEBIT}  00200000000000",
        f"013L50202611190002132505450000082003429918000000{'35000'}{DEBIT}00200000000000",
        f"013L50202611190002132505450000082003429918000000{'35000'}{DEBIT}00200000000000{' ' * 90}",
    ],
)
def test_an_eft_output_file_says_which_debits_came_back(record: str) -> None:
    reading, (raw,) = _read(_output(record))
    row = _row(raw)

    assert reading.format is FileFormat.EFT_OUTPUT
    assert (row.outcome.value, row.reason_code, row.amount) == ("UNPAID", "02", D("350.00"))
    assert (row.reference, row.policy_number) == (DEBIT, "PL-2026-000012")
    assert row.paid_date == date(2026, 11, 19)
    assert reading.facts.notes == []


def test_an_eft_output_file_is_checked() -> None:
    record = f"013L5020261119000213000000006000000000100000035000{DEBIT}  00400000000000"
    redirect = f"017L50202611190000740527490000000405663594000000{'07627'}{DEBIT}055000055000000"

    cut, rows = _read(_output(record, redirect, "013L50 rubbish", count=99))

    assert [one.line_type for one in rows[:2]] == [LineType.PREMIUM, LineType.REDIRECT]
    assert rows[0].reason_code == "04"
    assert rows[2].fault is not None
    assert "99 records" in cut.facts.notes[0]
    assert "test transmission" in _refusal(_output(record.replace("013L", "013T"), status="T"))


BULK = "\n".join(
    [
        "FH\t20261119\t00000000-0000-0000-0000-000000000000",
        "SH\t20261119\t51000\t00000000-0000-0000-0000-000000000001",
        "20261119\tOBL\t0\tOpening Balance\t0\t+\t0",
        f"20261119\tSDD\t9001\tSame day debit order\t35000\t+\t0\tPL-2026-000012\t{DEBIT}\t",
        "20261119\tDRU\t9002\tDebit order unpaid - Code: 02\t41250\t-\t0\tPL-2026-000013\tX2\t",
        "20261119\tNSF\t9003\tService fee\t2500\t+\t375\t\t\t",
        "20261119\tBTR\t9004\tBank transfer to client\t500000\t+\t0\t\t\t",
        "20261119\tINP\t9005\tInterest paid\t120\t+\t0\t\t\t",
        "20261119\tCBL\t0\tClosing Balance\t0\t+\t0",
        "SF\t20261119\t7",
        "FF\t11",
    ]
)


def test_a_bureaus_bulk_statement_lists_fees_transfers_and_interest_as_ignored() -> None:
    reading, rows = _read(BULK)

    assert reading.format is FileFormat.STATEMENT
    assert [one.line_type for one in rows] == [
        LineType.PREMIUM,
        LineType.PREMIUM,
        LineType.FEE,
        LineType.TRANSFER,
        LineType.INTEREST,
    ]
    paid, unpaid = _row(rows[0]), _row(rows[1])
    assert (paid.amount, paid.reference, paid.bank_reference) == (
        D("350.00"),
        DEBIT,
        "bureau 9001",
    )
    assert (unpaid.outcome.value, unpaid.reason_code, unpaid.amount) == (
        "UNPAID",
        "02",
        D("412.50"),
    )


def test_a_bureaus_statement_of_one_merchant_has_rand_with_four_decimals() -> None:
    reading, rows = _read(
        "2026-11-19\tOBL\t0\tOpening balance\t0.0000\t+\t0.0000\n"
        "2026-11-19\tSDD\t9001\tSame day debit order PL-2026-000012\t350.0000\t+\t0.0000\n"
        "2026-11-19\tDRU\t9002\tDebit order unpaid PL-2026-000013 - Code: 04\t412.5000\t-\t0.0000\n"
        "2026-11-19\tDRD\t9003\tDebit order disputed PL-2026-000014 - Code: 30\t10.0000\t-\t0.0000\n"
        "2026-11-19\tNSF\t9004\tService fee\t25.0000\t-\t3.7500\n"
        "2026-11-19\tBTR\t9005\tBank transfer to client\t5000.0000\t-\t0.0000\n"
    )

    assert reading.format is FileFormat.MERCHANT_STATEMENT
    read = [_row(raw) for raw in rows[:3]]
    assert [(row.outcome.value, row.policy_number, row.amount) for row in read] == [
        ("PAID", "PL-2026-000012", D("350.00")),
        ("UNPAID", "PL-2026-000013", D("412.50")),
        ("DISPUTED", "PL-2026-000014", D("10.00")),
    ]
    assert [row.reason_code for row in read] == [None, "04", "30"]
    assert _money(rows[3:]) == [
        (LineType.FEE, "", D("-25.00"), "9004"),
        (LineType.TRANSFER, "", D("-5000.00"), "9005"),
    ]


def test_a_zipped_statement_is_unpacked() -> None:
    reading, rows = _read(zip_of({"statement.txt": BULK.encode()}))

    assert (reading.format, len(rows)) == (FileFormat.STATEMENT, 5)
    assert len(_read(zip_of({"b.csv": f"{OURS}\nPL-1,,2026-11-20,5,R,,".encode()}))[1]) == 1


def test_a_zip_is_unpacked_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    one = zip_of({"statement.txt": BULK.encode()})

    assert "holds 2 files" in _refusal(zip_of({"a.txt": b"a", "b.txt": b"b"}))
    assert "holds 0 files" in _refusal(zip_of({}))
    assert "zip within a zip" in _refusal(zip_of({"inner.zip": one}))
    assert "unpacks to more" in _refusal(zip_of({"bomb.txt": b"0" * 30_000_000}))
    assert "cannot be read" in _refusal(one[: len(one) // 2])
    assert "password" in _refusal(_with_password(one))
    assert _read(zip_of({"book.xlsx": xlsx_of(OURS.split(","), ["PL-1", None, ON, 5, "R"])}))[1]
    monkeypatch.setattr(archives, "LARGEST_FILE", 100)
    assert "unpacks to more" in _refusal(one)


def _with_password(content: bytes) -> bytes:
    """Return a zip whose entries say that they are encrypted."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(mark) + offset] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (f"{OURS}\nPL-1,,2026-11-20,5.00,MÜLLER,PAID,".encode("cp1252"), "Windows-1252"),
        (f"{OURS}\nPL-1,,2026-11-20,5.00,MÜLLER,PAID,".encode("utf-16"), "UTF-16"),
        (f"{OURS}\nPL-1,,2026-11-20,5.00,MÜLLER,PAID,".encode("utf-16-le"), "UTF-16"),
        (f"{OURS}\nPL-1,,2026-11-20,5.00,MÜLLER,PAID,".encode("utf-16-be"), "UTF-16"),
        (f"{OURS}\nPL-1,,2026-11-20,5.00,MÜLLER,PAID,".encode("utf-8-sig"), "UTF-8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_read_in_the_encoding_it_has_and_says_which(
    content: bytes, encoding: str
) -> None:
    reading, (raw,) = _read(content)

    assert (_row(raw).reference, reading.facts.shown()["encoding"]) == ("MÜLLER", encoding)


def test_excels_sep_line_and_tabs_are_read() -> None:
    semicolons = f"sep=;\n{OURS.replace(',', ';')}\nPL-1;;20/11/2026;1350,00;R17;PAID;"
    tabs = f"{OURS}\nPL-1,,2026-11-20,1350.00,R18,PAID,".replace(",", "\t")

    for content in (semicolons, tabs):
        row = _row(_read(content)[1][0])
        assert (row.amount, row.paid_date) == (D("1350.00"), ON)


def test_title_and_blank_rows_are_passed_over_and_a_total_row_is_compared() -> None:
    lines = f"Receipts for the month\n\n{OURS}\nPL-1,,2026-11-20,350.00,R19,PAID,\n"

    right, rows = _read(f"{lines}Total,,,350.00,,,\n")
    wrong, _ = _read(f"{lines}Total,,,360.00,,,\n")

    assert len(rows) == 1
    assert right.facts.notes == []
    assert right.facts.shown()["stated_total"] == "350.00"
    assert wrong.facts.notes == [
        "The total row says R\u00a0360,00; the rows come to R\u00a0350,00."
    ]


def test_a_policy_called_total_is_no_total_row() -> None:
    _reading, rows = _read(f"{OURS}\nTotal Care,,2026-11-20,350.00,R1,PAID,\n")

    assert len(rows) == 1


def test_a_workbook_may_have_a_title_and_a_total() -> None:
    reading, rows = _read(
        xlsx_of(
            ["Receipts"],
            OURS.split(","),
            ["PL-1", None, datetime(2026, 11, 20), 350.0, "R19B", None, None],
            ["Total", None, None, 350.0, None, None, None],
        )
    )

    assert (_row(rows[0]).amount, len(rows), reading.facts.notes) == (D("350.00"), 1, [])


def test_the_sheet_with_the_heading_is_read_else_the_sheets_are_named() -> None:
    data = [OURS.split(","), ["PL-1", None, datetime(2026, 11, 20), 350.0, "R19C", None, None]]

    reading, rows = _read(sheets_of({"Cover": [["Cover page"]], "Data": data}))

    assert (reading.facts.sheet, len(rows)) == ("Data", 1)
    assert "The sheets are: Cover, Notes." in _refusal(
        sheets_of({"Cover": [["Cover page"]], "Notes": [["None"]]})
    )


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        (310.09999999999997, "310.10"),
        (1350.0000000000002, "1350.00"),
        (0.1 + 0.2, "0.30"),
        ("310.09999999999997", "310.10"),
        ("1350.0000", "1350.00"),
        ("1,350.00", "1350.00"),
        ("1.350,00", "1350.00"),
    ],
)
def test_the_noise_of_a_spreadsheet_is_no_part_of_an_amount(amount: float | str, read: str) -> None:
    _reading, (raw,) = _read(xlsx_of(OURS.split(","), ["PL-1", None, ON, amount, "R"]))

    assert _row(raw).amount == D(read)


@pytest.mark.parametrize("amount", ["310.125", "1,350", "310.1250", "310.099"])
def test_more_decimals_than_cents_are_no_noise(amount: str) -> None:
    _reading, (raw,) = _read(xlsx_of(OURS.split(","), ["PL-1", None, ON, amount, "R"]))

    assert [one.field for one in read_row(raw, on=ON)] == ["amount"]  # type: ignore[union-attr]


@pytest.mark.parametrize("reference", [1.2345678901234567e19, 12345678901234567890])
def test_a_reference_that_excel_rounded_carries_a_warning(reference: float) -> None:
    _reading, (raw,) = _read(xlsx_of(OURS.split(","), ["PL-1", None, ON, 350.0, reference]))

    assert "rounded" in raw.caution
    assert _row(raw).reference.startswith("123456789012345")


def test_only_rounded_references_carry_a_warning() -> None:
    _reading, rows = _read(
        f"{OURS}\nPL-1,,2026-11-20,5,1.23457E+19,,\nPL-1,,2026-11-20,5,12345678901234567890,,"
    )

    assert [bool(one.caution) for one in rows] == [True, False]


@pytest.mark.parametrize(
    "line", ["PL-1,2026-11-20,1350,00,", "PL-1,2026-11-20,1350,00,R1", "PL-1,2026-11-20,1350,00"]
)
def test_an_unquoted_decimal_comma_is_refused_for_its_row(line: str) -> None:
    _reading, (wrong, right) = _read(
        f"policy_number,paid_date,amount,reference\n{line}\nPL-1,2026-11-20,1350.00,R2"
    )

    assert wrong.fault is not None
    assert "decimal comma" in wrong.fault
    assert _row(right).amount == D("1350.00")


def test_two_digits_after_a_whole_amount_may_be_a_reason_code() -> None:
    _reading, (raw,) = _read(
        "policy_number,paid_date,reference,status,amount,reason_code\nPL-1,,R1,UNPAID,1350,02"
    )

    assert (_row(raw).amount, raw.reason_code) == (D("1350.00"), "02")


@pytest.mark.parametrize(
    "day",
    [
        "2026-11-20",
        "2026/11/20",
        "20/11/2026",
        "20-11-2026",
        "20.11.2026",
        "20261120",
        "2026-11-20T00:00:00",
        "2026-11-20 08:15:00",
        "2026-11-20T08:15:00.000Z",
        "20/11/2026 08:15",
        "20 Nov 2026",
        "20Nov2026",
        "20-Nov-2026",
        "20 November 2026",
        "46346",
    ],
)
def test_a_day_is_read_in_each_shape_that_says_only_one_day(day: str) -> None:
    _reading, (raw,) = _read(f"{OURS}\nPL-1,,{day},1.00,R,PAID,")

    assert _row(raw).paid_date == ON


@pytest.mark.parametrize("day", ["20/11/26", "11/20/2026", "2026-11", "20 Nuv 2026", "1120"])
def test_a_day_that_may_be_two_or_none_is_refused(day: str) -> None:
    _reading, (raw,) = _read(f"{OURS}\nPL-1,,{day},1.00,R,PAID,")

    assert [one.field for one in read_row(raw, on=ON)] == ["paid_date"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("-85.00", "-85.00"),
        ("85.00-", "-85.00"),
        ("(85.00)", "-85.00"),
        ("85.00 Dr", "-85.00"),
        ("85.00Cr", "85.00"),
        ("+85.00", "85.00"),
        ("R 1 350,00", "1350.00"),
    ],
)
def test_banks_write_money_that_went_out_in_many_ways(text: str, amount: str) -> None:
    assert signed_amount(text) == D(amount)


UNKNOWN = (
    "Member payments\n\nWhen,Who paid,What for,Rand\n"
    "11/19/2026,T MOKOENA,PL-2026-000012,350.00\n"
    "11/19/2026,S NAIDOO,Burial,412.50\n"
    "Total,,,762.50\n"
)


def test_a_table_nobody_knows_is_shown_with_a_proposal() -> None:
    with pytest.raises(UnknownFileError) as unknown:
        _read(
            "Trans date,Member name,Policy no,Premium paid,Branch\n"
            "20/11/2026,T MOKOENA,PL-2026-000012,350.00,07\n"
        )

    assert unknown.value.names[0] == "trans_date"
    assert unknown.value.sample == [["20/11/2026", "T MOKOENA", "PL-2026-000012", "350.00", "07"]]
    assert unknown.value.proposal == {
        0: "paid_date",
        1: "reference",
        2: "policy_number",
        3: "amount",
    }


def test_money_in_and_out_are_proposed_where_there_is_no_amount() -> None:
    assert propose(["date", "details", "money_in", "money_out"]) == {
        0: "paid_date",
        1: "description",
        2: "credit",
        3: "debit",
    }


def test_a_saved_mapping_reads_the_file_it_was_made_for() -> None:
    mapping = Mapping(
        "Burial society",
        ("when", "who_paid", "what_for", "rand"),
        {0: "paid_date", 1: "reference", 2: "description", 3: "amount"},
        is_month_first=True,
    )

    reading, rows = _read(UNKNOWN, mappings=[mapping])

    assert reading.format is FileFormat.MAPPED
    assert [(_row(raw).policy_number, _row(raw).amount) for raw in rows] == [
        ("PL-2026-000012", D("350.00")),
        ("", D("412.50")),
    ]
    assert _row(rows[0]).paid_date == date(2026, 11, 19)
    assert reading.facts.shown()["stated_total"] == "762.50"
    assert reading.facts.notes == ["Read by the mapping “Burial society”."]


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01\x02\x03",
        b"\n\n\n",
        b"\xef\xbb\xbf",
        b"\x1f\x8b\x08\x00gzip",
        b"no table at all\njust words\n",
        b"x" * 200_000,
        b"," * 200_000 + b"\n" + b"," * 200_000,
        b":20:A\n:25:B\n:28C:1\n:60F:C261101ZAR1,00\n",
        b"OFXHEADER:100\n\n<OFX>",
        b"!Type:Bank\n",
        b"FH\t1\n",
    ],
    ids=range(11),
)
def test_what_is_no_file_of_a_bank_is_refused_with_words(content: bytes) -> None:
    assert _refusal(content).endswith(".")


def test_huge_cells_are_errors_of_their_lines() -> None:
    bulk = "\n".join([*BULK.split("\n")[:3], f"20261119\tSDD\t1\t{'x' * 50_000}\t1\t+\t0"])
    mapped = FNB + f"2026/11/19,5.00,1.00,{'x' * 50_000}\n"

    for content in (bulk, mapped):
        assert _read(content)[1][-1].fault is not None


def test_unzipping_never_writes_a_file() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("../../../tmp/evil.csv", f"{OURS}\nPL-1,,2026-11-20,5,R,,")

    assert len(_read(file.getvalue())[1]) == 1
