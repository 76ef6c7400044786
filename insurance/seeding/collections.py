"""Collections of the demonstration: debit runs, what banks answer, suspense, notices and lapses."""

import csv
import io
from datetime import date
from typing import Any
from uuid import UUID

from flask import current_app

from insurance.core import clock
from insurance.core.business_days import add_business_days
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.debit_orders.calendar import business_holidays
from insurance.debit_orders.debits import list_items
from insurance.debit_orders.models import DebitOrderRun
from insurance.debit_orders.queries import list_collecting
from insurance.debit_orders.services import prepare_run, release_run
from insurance.lapses.queries import list_lapse_candidates
from insurance.lapses.services import send_due_notices
from insurance.notifications.models import MailState
from insurance.notifications.queries import list_mails
from insurance.notifications.services import send_mail
from insurance.policies.services import lapse_policy
from insurance.reconciliation.rules import COLUMNS
from insurance.reconciliation.services import commit_file, preview_upload
from insurance.seeding.moments import office_hour

_ITEMS_AT_MOST = _MAILS_AT_MOST = 200
_UNPAID_EACH, _NO_FUNDS = 9, "02"
_STRANGERS = (
    ("EFT Mokoena family", "350.00"), ("Cash Pretoria North", "120.00"), ("PL-2025-999999", "99.00")
)  # fmt: skip
_LEFT = 2
"""So many of those due to lapse are left to people."""


def seed_run(prepared_on: date, since: date) -> DebitOrderRun:
    """Prepare the debits from a day on, for a bank's day soon after."""
    now = office_hour(prepared_on, 8)
    with clock.frozen(now):
        action_date = _business_day(prepared_on, 2)
        return prepare_run(action_date, on=prepared_on, now=now, since=since)


def seed_release(run_id: UUID, on: date) -> None:
    """Release a run to the bank, as a second person."""
    now = office_hour(on, 10)
    with clock.frozen(now):
        release_run(run_id, on=on, now=now)


def seed_answers(run: DebitOrderRun, on: date) -> None:
    """Post the bank's file: most were paid, some not, and money came from nobody knows whom."""
    items = list_items(db.session(), Wanted({"run": run.id}, limit=_ITEMS_AT_MOST)).items
    db.session().rollback()
    rows = [
        {
            "policy_number": item.policy_number,
            "due_date": item.due_date.isoformat(),
            "paid_date": run.action_date.isoformat(),
            "amount": str(item.amount),
            "reference": item.reference or "",
            "status": "UNPAID" if place % _UNPAID_EACH == 4 else "PAID",
            "reason_code": _NO_FUNDS if place % _UNPAID_EACH == 4 else "",
        }
        for place, item in enumerate(items)
        if item.reference
    ]
    rows += [
        {"paid_date": run.action_date.isoformat(), "amount": amount, "reference": reference}
        for reference, amount in _STRANGERS
    ]
    now = office_hour(on, 11)
    with clock.frozen(now):
        file = preview_upload(_csv(rows), f"answers-{run.number}.csv", on=on, now=now)
        commit_file(file.id, on=on, now=now)


def seed_preview(on: date) -> None:
    """Upload a file that somebody is still to look at and post."""
    now = office_hour(on, 7)
    rows = [
        {"paid_date": on.isoformat(), "amount": amount, "reference": f"Deposit {place}"}
        for place, amount in enumerate(("180.00", "99.50", "1240.00"), start=1)
    ]
    with clock.frozen(now):
        preview_upload(_csv(rows), f"deposits-{on:%Y%m%d}.csv", on=on, now=now)


def seed_notices(on: date) -> None:
    """Tell holders what is due and what was not paid; that they were told is proven at once."""
    settings = current_app.config["SETTINGS"]
    with clock.frozen(office_hour(on, 5)):
        send_due_notices(on=on)
        waiting = list_mails(db.session(), limit=_MAILS_AT_MOST, state=MailState.WAITING).items
        told = [mail.id for mail in waiting if mail.kind == "non_payment_notice"]
        db.session().rollback()
        for mail_id in told:
            send_mail(mail_id, settings)


def seed_lapses(on: date) -> None:
    """End the cover of those who have not paid the longest; the others are left to people."""
    session = db.session()
    collecting = list_collecting(session, on=on)
    due = list_lapse_candidates(session, on, _LEFT + 4, collecting=collecting).items[:-_LEFT]
    session.rollback()
    now = office_hour(on, 9)
    for line in due:
        with clock.frozen(now):
            lapse_policy(line.policy_id, reason="Premiums unpaid", on=on, now=now)


def _business_day(on: date, days: int) -> date:
    closed = business_holidays(db.session(), on.year, on.year + 1)
    db.session().rollback()
    return add_business_days(on, days, closed)


def _csv(rows: list[dict[str, Any]]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()
