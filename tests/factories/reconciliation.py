"""Bank files for tests, and policies whose premiums they pay."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from openpyxl import Workbook
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.policies.queries import get_policy
from insurance.policies.services import accept_quote
from insurance.reconciliation.models import ReconciliationFile
from insurance.reconciliation.queries import RowLine, list_rows
from insurance.reconciliation.rules import COLUMNS
from insurance.reconciliation.services import commit_file, preview_upload, save_mapping
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote

START = date(2026, 9, 20)


def make_policies(count: int = 1, **customer: Any) -> list[tuple[UUID, str]]:
    """Return (id, number) of policies of 100.00 a month of which three premiums have fallen due."""
    product_id, made = make_product(backdating_limit_days=90), []
    for index in range(1, count + 1):
        quote_id = make_quote(product_id, make_customer(index, **customer))
        policy = accept_quote(quote_id, effective_date=START, on=TODAY, now=NOW).policy
        made.append((policy.id, policy.policy_number))
    return made


def row(
    number: str, amount: object = "100.00", reference: str = "R1", **more: str
) -> dict[str, str]:
    """Return a row of a file: paid on the business day unless told otherwise."""
    return {
        "policy_number": number,
        "due_date": "2026-09-20",
        "paid_date": "2026-11-20",
        "amount": str(amount),
        "reference": reference,
    } | more


def csv_of(
    *rows: dict[str, str], delimiter: str = ",", columns: tuple[str, ...] = COLUMNS
) -> bytes:
    """Return rows as a CSV."""
    lines = [columns, *([one.get(name, "") for name in columns] for one in rows)]
    return "\r\n".join(delimiter.join(line) for line in lines).encode()


def xlsx_of(*rows: list[Any]) -> bytes:
    """Return cells as a workbook."""
    book, file = Workbook(), io.BytesIO()
    for one in rows:
        book.active.append(one)
    book.save(file)
    return file.getvalue()


def upload(content: bytes, **more: Any) -> ReconciliationFile:
    """Preview a file."""
    return preview_upload(content, "bank.csv", **{"on": TODAY, "now": NOW} | more)


def commit(content: bytes, **more: Any) -> ReconciliationFile:
    """Preview a file and post it."""
    return commit_file(upload(content, **more).id, on=TODAY, now=NOW)


def verdicts(file: ReconciliationFile) -> list[str]:
    """Return the verdicts of a file's rows in their order."""
    session = db.session()
    session.rollback()
    return [one.verdict for one in _rows(session, file)]


def details(file: ReconciliationFile) -> list[str]:
    """Return what is said of a file's rows, with plain spaces."""
    session = db.session()
    session.rollback()
    return [one.detail.replace("\u00a0", " ") for one in _rows(session, file)]


def _rows(session: Session, file: ReconciliationFile) -> Sequence[RowLine]:
    return list_rows(session, Wanted({"file": file.id}, limit=1000)).items


def make_reconciliation(policy_id: UUID) -> ReconciliationFile:
    """Return a posted file with a payment of a policy, and one of a policy nobody knows.

    There is a mapping for files of another kind, too.
    """
    columns = {"paid_date": "when", "amount": "rand", "reference": "palesa"}
    save_mapping("Palesa's club", ["when", "palesa", "rand"], columns, now=NOW)
    number = get_policy(db.session(), policy_id).policy_number
    db.session().rollback()
    known = row(number, Decimal("1.00"), "Palesa 1")
    return commit(csv_of(known, row("PALESA-1", Decimal("2.00"), "Palesa 2")))


def sheets_of(sheets: dict[str, list[list[Any]]]) -> bytes:
    """Return a workbook with these sheets."""
    book, file = Workbook(), io.BytesIO()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for one in rows:
            sheet.append(one)
    book.save(file)
    return file.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    """Return a zip with these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return file.getvalue()
