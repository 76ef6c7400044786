"""How the files of banks are read, and those of people who mean no good."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insurance.core.errors import DomainError
from insurance.reconciliation.readers import read_file, workbooks
from insurance.reconciliation.rules import (
    FileFormat,
    RawRow,
    Row,
    RowOutcome,
    near_numbers,
    policy_number_in,
    read_row,
    search_words,
)
from tests.factories.reconciliation import xlsx_of

ON = date(2026, 11, 20)
HEADER = "policy_number,paid_date,amount,reference"


def _rows(content: bytes | str) -> list[RawRow]:
    return list(read_file(content.encode() if isinstance(content, str) else content).rows)


def _read(content: bytes | str) -> list[Row]:
    rows = [read_row(raw, on=ON) for raw in _rows(content)]
    assert all(isinstance(one, Row) for one in rows), rows
    return rows  # type: ignore[return-value]


def _refusal(content: bytes) -> str:
    with pytest.raises(DomainError) as refused:
        _rows(content)
    assert refused.value.field == "file"
    return refused.value.message


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_commas_and_semicolons_points_and_commas_isodates_and_local_ones(
    mark: bytes, end: str
) -> None:
    plain = f"{HEADER}{end}PL-1,2026-11-20,1234.56,R1{end}"
    local = f"{HEADER.replace(',', ';')}{end}PL-1;20/11/2026;1234,56;R1{end}"

    for text in (plain, local):
        (row,) = _read(mark + text.encode())
        assert (row.line, row.paid_date, row.amount) == (2, ON, Decimal("1234.56"))
        assert (row.outcome, row.due_date, row.reason_code) == (RowOutcome.PAID, None, None)


def test_headings_are_read_in_any_case_and_order_and_empty_lines_passed_over() -> None:
    (row,) = _read(
        "\n Reference ,AMOUNT,Paid Date,Policy_Number,Status\n\nR1,5,2026-11-20,pl-1,unpaid\n,,,,\n"
    )

    assert (row.line, row.policy_number, row.outcome) == (4, "PL-1", RowOutcome.UNPAID)


def test_columns_that_nobody_knows_are_refused_by_their_names() -> None:
    assert "Columns not known here: iban, (no name)." in _refusal(
        f"{HEADER},iban,,status\n".encode()
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (HEADER.encode(), "no rows"),
        (HEADER.encode() + b",amount\n", "named twice"),
        (b"policy_number,amount\n1,2\n", "Columns missing: paid_date, reference"),
        (b"\xd0\xcf\x11\xe0 old", "old Excel"),
        (b"%PDF-1.7\n", "no file of a bank"),
        (b"\x7fELF\x00\x00\n", "no file of a bank"),
        (b"PK\x03\x04 and nothing more", "cannot be read"),
        (b"x" * (100 * 1024 * 1024 + 1), "larger than 100 MB"),
    ],
    ids=range(10),
)
def test_what_is_no_such_file_is_refused(content: bytes, words: str) -> None:
    assert words in _refusal(content)


def test_a_line_that_cannot_be_taken_apart_spoils_no_other() -> None:
    good = "PL-1,2026-11-20,5.00,R1"
    lines = [
        good,
        '"PL-1,2026-11-20,5.00,R2',
        f"PL-1,2026-11-20,5.00,{'x' * 200_000}",
        "PL-1,2026-11-20",
        f"{good},more",
        good,
    ]

    rows = _rows("\n".join([HEADER, *lines]))

    assert [one.fault for one in rows] == [
        None,
        "The quotes of this line do not match.",
        "This line is too long.",
        "This line is cut off: it has too few values.",
        "This line has more values than there are columns.",
        None,
    ]
    assert [one.line for one in rows] == [2, 3, 4, 5, 6, 7]


def test_lines_that_are_not_utf8_are_read_as_windows_1252_and_that_is_said() -> None:
    ansi, utf8 = "PL-1,2026-11-20,5,Müller".encode("cp1252"), "PL-1,2026-11-20,5,Café".encode()

    for lines, encoding in [
        ([ansi], "Windows-1252"),
        ([utf8], "UTF-8"),
        ([ansi, utf8], "Windows-1252 and UTF-8"),
        ([utf8, ansi], "Windows-1252 and UTF-8"),
    ]:
        reading = read_file(b"\n".join([HEADER.encode(), *lines]))
        rows = list(reading.rows)

        assert {raw.reference for raw in rows} <= {"Müller", "Café"}
        assert reading.facts.encoding == encoding


@given(content=st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_whatever_is_uploaded_is_read_or_refused(content: bytes) -> None:
    for prefix in (b"", f"{HEADER}\n".encode(), b"FH\t1\n", b"PK"):
        try:
            for raw in read_file(prefix + content).rows:
                read_row(raw, on=ON)
        except DomainError as refusal:
            assert refusal.field == "file"


def _statement(*movements: str) -> str:
    return "\r\n".join(["FH\tDR-1\tInsurer", "SH\t20261120", *movements, "SF\t2\t10000", "FF\t6"])


def test_a_bureaus_statement_gives_amounts_in_cents_and_names_policies_in_its_own_fields() -> None:
    received = "20261120\tTDD\t9001\tDebit order\t31005\t+\t0\tPL-2026-000001\tPL1 001\t"
    back = "20261120\tTDU\t9002\tUnpaid PL-2026-000002\t10000\t-\t0\t\tPL2 001\t02"
    opening = "20261120\tOBL\t1\tOpening balance\t999\t+\t0\t\t\t"

    first, second = _read(_statement(opening, received, back))

    assert read_file(_statement(received).encode()).format is FileFormat.STATEMENT
    assert (first.policy_number, first.reference, first.amount, first.paid_date) == (
        "PL-2026-000001",
        "PL1 001",
        Decimal("310.05"),
        ON,
    )
    assert (second.policy_number, second.outcome, second.reason_code) == (
        "PL-2026-000002",
        RowOutcome.UNPAID,
        "02",
    )


@pytest.mark.parametrize("cents", ["1e9", "-5", "NaN", "10.50", "0"])
def test_cents_that_are_none_are_an_error_of_their_movement(cents: str) -> None:
    (raw,) = _rows(_statement(f"20261120\tTDD\t9\tx\t{cents}\t+\t0\tPL-1\tR\t"))

    faults = read_row(raw, on=ON)

    assert [one.field for one in faults] == ["amount"]  # type: ignore[union-attr]


def test_a_workbook_gives_days_and_numbers_as_they_are_seen_and_formulas_as_text() -> None:
    content = xlsx_of(
        ["Policy_number", "paid_date", "amount", "reference", None],
        ["PL-1", datetime(2026, 11, 20), 310.1, 12345.0],
        [],
        ["PL-2", date(2026, 11, 20), 5, "=cmd()"],
        ["PL-3", "20/11/2026", "=1+1", "R3"],
    )

    first, second, third = _rows(content)

    assert (first.line, first.paid_date, first.amount, first.reference) == (
        2,
        "2026-11-20",
        "310.1",
        "12345",
    )
    assert (second.line, second.reference) == (4, "=cmd()")
    assert [one.field for one in read_row(third, on=ON)] == ["amount"]  # type: ignore[union-attr]


def _packed(parts: dict[str, bytes], content: bytes | None = None) -> bytes:
    file = io.BytesIO(content or xlsx_of([*HEADER.split(",")], ["PL-1", "2026-11-20", 1, "R"]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return file.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    assert "unpacks to more" in _refusal(_packed({"xl/media/big.xml": b" " * 20_000_000}))


def test_a_workbook_that_unpacks_to_too_much_in_all_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbooks, "UNPACKED_AT_MOST", 5_000)

    assert "unpacks to more" in _refusal(_packed({}))


def test_a_workbook_of_too_many_parts_is_refused() -> None:
    parts = {f"xl/part{number}.bin": b"x" for number in range(1_001)}

    assert "too many parts" in _refusal(_packed(parts))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(encoding: str) -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'

    assert "entities" in _refusal(_packed({"xl/evil.xml": evil.encode(encoding)}))


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("../../etc/passwd", "x")

    assert "no file of a bank" in _refusal(file.getvalue())


def test_a_damaged_workbook_is_refused() -> None:
    whole = xlsx_of([*HEADER.split(",")], ["PL-1", "2026-11-20", 1, "R"])

    for cut in (len(whole) // 3, len(whole) - 30):
        assert "Excel file" in _refusal(whole[:cut])


def _near() -> Iterator[tuple[str, str]]:
    yield "PL-2026-000123", "as it is"
    yield "PL-2026-000132", "two digits swapped"
    yield "PL-2026-000124", "a wrong digit"
    yield "PL-2026-00123", "a digit left out"
    yield "PL-2026-0001233", "a digit too many"
    yield "pl 2026 000123", "other signs between"
    yield "PL-2026-OOO123", "letters for noughts"
    yield "2026000123", "no letters"
    yield "Premium PL2026000123 Nov", "inside a text"


@pytest.mark.parametrize("text", [one[0] for one in _near()], ids=[one[1] for one in _near()])
def test_a_policy_number_with_one_slip_is_found(text: str) -> None:
    assert "PL-2026-000123" in near_numbers(text)


def test_what_is_far_from_a_policy_number_suggests_none() -> None:
    assert near_numbers("Thandi Mokoena") == near_numbers("12") == []


def test_a_reference_gives_the_words_that_may_be_a_name() -> None:
    assert search_words("PREMIUM T. Mokoena Nov26 ref") == "Mokoena"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("FNB APP PAYMENT FROM PL-2026-000057", "PL-2026-000057"),
        ("MAGTAPE CREDIT PL2026000057", "PL-2026-000057"),
        ("eft pl 2026 000057 nov", "PL-2026-000057"),
        ("UBUNTULIFEPL-2026-000057000001", "PL-2026-000057"),
        ("UBUNTULIFEPL2026000057000001", "PL-2026-000057"),
        ("PL-2026-1000000", "PL-2026-1000000"),
        ("PL-2026-000057 PL2026000057", "PL-2026-000057"),
        ("PL-2026-000057 PL-2026-000058", ""),
        ("INSURANCE", ""),
        ("PL-2026-0057", ""),
        ("CELL 0821234567", ""),
    ],
)
def test_a_credit_names_its_policy_in_the_text_with_or_without_dashes(
    text: str, number: str
) -> None:
    raw = RawRow(1, paid_date="2026-11-20", amount="5.00", reference=text)

    row = read_row(raw, on=ON)

    assert isinstance(row, Row)
    assert row.policy_number == policy_number_in("NONREF", text) == number
