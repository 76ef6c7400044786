"""The month-end pack: a fixed set of sheets about a run, as Excel and as PDF.

The same run gives the same bytes: nothing in them depends on when they are made.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from sqlalchemy.orm import Session

from insurance.core.money import ZERO, format_money, total
from insurance.documents.pdf import render
from insurance.month_end import queries
from insurance.month_end.exports import in_words, step_in_words
from insurance.month_end.models import MonthEndRun, PackKind, StepCode
from insurance.organizations.queries import get_organization

LISTED = 5_000
"""Policies that a sheet names; the effects of a run can be taken away whole."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name, its columns, its rows; `note` says what was left out of it."""

    name: str
    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    note: str = ""


def make_pack(session: Session, run: MonthEndRun, kind: PackKind) -> bytes:
    """Return the pack of a run that ended."""
    organization = get_organization(session)
    zone = ZoneInfo(organization.timezone)
    sheets = _sheets(session, run, zone)
    title = f"Month-end {run.process_date:%Y/%m/%d}"
    if kind is PackKind.XLSX:
        return _excel(sheets, run.finished_at or run.requested_at)
    values = {
        "title": title,
        "insurer": organization.name,
        "sheets": [
            {
                "name": sheet.name,
                "header": list(sheet.header),
                "right": [_is_figure(sheet, column) for column in range(len(sheet.header))],
                "rows": [
                    [_plain(cell, name) for cell, name in zip(row, sheet.header, strict=True)]
                    for row in sheet.rows
                ],
                "note": sheet.note,
            }
            for sheet in sheets
        ],
    }
    return render("month_end.typ", values)


def _sheets(session: Session, run: MonthEndRun, zone: ZoneInfo) -> list[Sheet]:
    return [
        _summary(session, run, zone),
        _steps(session, run),
        _ledger(session, run),
        _ties(session, run),
        _rises(session, run),
        _named("Lapse candidates", session, run, StepCode.LAPSE_CANDIDATES),
        _named("Lapsed", session, run, StepCode.LAPSES),
        _left_out(session, run),
    ]


def _summary(session: Session, run: MonthEndRun, zone: ZoneInfo) -> Sheet:
    left_out = sum(queries.count_exceptions(session, run.id).values())
    rows: list[tuple[Any, ...]] = [
        ("Up to and with", run.process_date),
        ("Status", run.status.value.replace("_", " ").lower()),
        ("Policies planned", run.policies),
        ("Policies in force", run.book),
        ("Left out", left_out),
        ("Asked for by", run.requested_by),
        ("Asked for", _local(run.requested_at, zone)),
        ("Approved by", run.approved_by or "not asked for"),
        ("Approved", _local(run.approved_at, zone)),
        ("Comment", run.comment or ""),
        ("Started", _local(run.started_at, zone)),
        ("Ended", _local(run.finished_at, zone)),
        ("Hash of the plan", run.hash or ""),
    ]
    return Sheet("Summary", ("What", "Value"), rows)


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    return "" if moment is None else f"{moment.astimezone(zone):%Y/%m/%d %H:%M:%S}"


def _steps(session: Session, run: MonthEndRun) -> Sheet:
    rows: list[tuple[Any, ...]] = [
        (
            step_in_words(line.step),
            line.product_name,
            line.planned,
            line.amount,
            line.done,
            line.done_amount,
        )
        for line in queries.list_totals(session, run)
    ]
    header = ("Step", "Product", "Planned", "Amount", "Applied", "Amount applied")
    return Sheet("Steps", header, rows)


def _ledger(session: Session, run: MonthEndRun) -> Sheet:
    rows: list[tuple[Any, ...]] = [
        (
            "Where cover ended" if one.is_ending else "The book",
            one.type,
            one.debit,
            one.credit,
            one.transfers,
            one.amount,
        )
        for one in queries.list_posted(session, run)
    ]
    header = ("Part", "Transfer", "Debit", "Credit", "Transfers", "Amount")
    return Sheet("Ledger", header, rows)


_DUE = ("PREMIUM_DUE", "PREMIUM_VAT")
_NEVER = ("WAIVER", "WRITE_OFF", "REFUND_DUE", "REFUND_PAID")


def _ties(session: Session, run: MonthEndRun) -> Sheet:
    """What the plan and the histories say beside the transfers; every transfer is in one line."""
    said, left = queries.get_said(session, run), list(queries.list_posted(session, run))

    def taken(is_ending: bool | None, *types: str) -> Decimal:
        mine = [one for one in left if one.type in types and is_ending in (None, one.is_ending)]
        for one in mine:
            left.remove(one)
        return total(one.amount for one in mine)

    found = [
        ("Premiums charged", said.charged, taken(False, *_DUE), "Premiums applied by the plan"),
        (
            "Rises of periods charged before",
            said.adjusted,
            taken(False, "ADJUSTMENT"),
            "Adjustments of the anniversaries applied",
        ),
        (
            "Given back by anniversaries",
            said.given_back,
            taken(False, "CREDIT_NOTE"),
            "Adjustments below zero of the anniversaries applied",
        ),
        (
            "Credits used",
            said.settled,
            taken(None, "CREDIT_APPLIED"),
            "What receipts settled of premiums",
        ),
        (
            "Charged where cover ended",
            said.charged_at_end,
            taken(True, *_DUE),
            "Charged, in the histories of the policies that ended",
        ),
        (
            "Charges taken back by lapses",
            said.taken_back,
            taken(True, "REVERSAL"),
            "Uncharged, in the histories of the policies that lapsed",
        ),
        (
            "Written off and refunded",
            ZERO,
            taken(None, *_NEVER),
            "Nothing: month-end decides neither; arrears stay owed, credit stays the holder's",
        ),
        ("All else", ZERO, total(one.amount for one in left), "Nothing"),
    ]
    rows: list[tuple[Any, ...]] = [
        (what, says, ledger, ledger - says, why) for what, says, ledger, why in found
    ]
    header = ("What", "Plan and histories", "Ledger", "Difference", "What ties to the ledger")
    note = f"{format_money(said.owed_at_end)} was owed by the policies that lapsed."
    return Sheet("Ties", header, rows, note)


def _rises(session: Session, run: MonthEndRun) -> Sheet:
    rows: list[tuple[Any, ...]] = [
        (
            rise.product_name,
            rise.type,
            rise.source,
            rise.rate,
            rise.policies,
            rise.before,
            rise.after,
        )
        for rise in queries.list_rises(session, run.id)
    ]
    header = ("Product", "Type", "Rate from", "Rate %", "Policies", "Premium before", "After")
    return Sheet("Anniversaries", header, rows)


def _named(name: str, session: Session, run: MonthEndRun, step: StepCode) -> Sheet:
    found = queries.list_effects(session, run.id, limit=LISTED, step=step)
    rows: list[tuple[Any, ...]] = [
        (
            item.policy_number,
            item.product_name,
            item.status.replace("_", " ").lower(),
            in_words(item.after),
            item.amount,
        )
        for item in found.items
    ]
    note = f"The first {LISTED} are named." if found.next_cursor else ""
    return Sheet(name, ("Policy", "Product", "Status", "Facts", "Arrears"), rows, note)


def _left_out(session: Session, run: MonthEndRun) -> Sheet:
    found = queries.list_exceptions(session, run.id, limit=LISTED)
    rows: list[tuple[Any, ...]] = [
        (one.policy_number, one.kind.value.lower(), one.error) for one in found
    ]
    note = f"The first {LISTED} are named." if len(found) == LISTED else ""
    return Sheet("Left out", ("Policy", "Because it", "Words"), rows, note)


def _is_figure(sheet: Sheet, column: int) -> bool:
    cells = [row[column] for row in sheet.rows]
    return bool(cells) and all(isinstance(cell, int | Decimal) or cell == "" for cell in cells)


def _plain(cell: Any, column: str) -> str:
    if isinstance(cell, Decimal):
        is_rate = column.endswith("%")
        return f"{cell:.2f}".replace(".", ",") if is_rate else format_money(cell)
    if isinstance(cell, date):
        return f"{cell:%Y/%m/%d}"
    return f"{cell:,}".replace(",", "\u00a0") if isinstance(cell, int) else str(cell or "")


def _excel(sheets: Iterable[Sheet], made_at: datetime) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"created": made_at.replace(tzinfo=None)})
        formats = {
            "head": book.add_format({"bold": True}),
            Decimal: book.add_format({"num_format": "#,##0.00"}),
            date: book.add_format({"num_format": "yyyy/mm/dd"}),
        }
        for one in sheets:
            sheet = book.add_worksheet(one.name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(one.header) - 1, 24)
            for column, title in enumerate(one.header):
                sheet.write_string(0, column, title, formats["head"])
            for number, row in enumerate(one.rows, 1):
                _write_row(sheet, number, row, formats)
            if one.note:
                sheet.write_string(len(one.rows) + 2, 0, one.note)
    return file.getvalue()


def _write_row(sheet: Any, number: int, row: Sequence[Any], formats: dict[Any, Any]) -> None:
    for column, cell in enumerate(row):
        if isinstance(cell, Decimal):
            sheet.write_number(number, column, cell, formats[Decimal])
        elif isinstance(cell, int):
            sheet.write_number(number, column, cell)
        elif isinstance(cell, date):
            sheet.write_datetime(number, column, cell, formats[date])
        else:
            # write_string never takes a text for a formula.
            sheet.write_string(number, column, str(cell or ""))
