"""An account's statement between two days, and as a file."""

from datetime import date

from flask import Response, request, url_for

from insurance.blueprints.ledger import bp
from insurance.core.db import db
from insurance.ledger import queries
from insurance.ledger.permissions import LedgerMay
from insurance.web.access import requires
from insurance.web.days import period_asked, refuse_problems
from insurance.web.exports import export
from insurance.web.html import next_url, page

ROWS = 50
_HEADER = (
    "Date",
    "Type",
    "Description",
    "Other account",
    "Reference",
    "Debit",
    "Credit",
    "Balance",
)


@bp.get("/accounts/<account_code>")
@requires(LedgerMay.VIEW)
def statement(account_code: str) -> Response:
    """Show an account's entries by date with the balance after each."""
    session = db.session()
    problems: dict[str, str] = {}
    since, until = period_asked(_first_of_month, problems)
    found = queries.account_statement(
        session,
        account_code,
        since,
        until,
        limit=ROWS,
        after=queries.position_of(request.args.get("cursor")),
    )
    chosen = {"from": since.isoformat(), "to": until.isoformat()}
    return page(
        "ledger/statement.html",
        part="statement",
        status=422 if problems else 200,
        found=found,
        account=found.account,
        names={account.code: account.name for account in queries.list_accounts(session)},
        chosen=chosen,
        since=since,
        until=until,
        problems=problems,
        next=next_url(found.entries),
        first=url_for("ledger.statement", account_code=account_code, **chosen),  # type: ignore[arg-type]
    )


@bp.post("/accounts/<account_code>/export")
@requires(LedgerMay.VIEW)
def export_statement(account_code: str) -> Response:
    """Send the whole period's entries as CSV or Excel; the audit log says so."""
    session = db.session()
    account = queries.get_account(session, account_code)
    problems: dict[str, str] = {}
    since, until = period_asked(_first_of_month, problems)
    refuse_problems(problems)
    rows = (
        (
            entry.effective_date,
            entry.type,
            entry.description,
            entry.other_account,
            entry.reference,
            entry.debit,
            entry.credit,
            entry.balance,
        )
        for entry in queries.iterate_entries(session, account.code, since, until)
    )
    return export(
        request.form.get("kind", ""),
        f"{account.code.lower().replace('_', '-')}-{since}-{until}",
        _HEADER,
        rows,
        action="ledger.export_statement",
        resource="ledger_accounts",
        resource_id=account.code,
        chosen={"from": since, "to": until},
    )


def _first_of_month(day: date) -> date:
    return day.replace(day=1)
