"""An account's statement between two days, and as a file."""

from datetime import date

from flask import Response, request, url_for

from insurance.blueprints.ledger import bp
from insurance.blueprints.ledger.days import day_asked
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import May
from insurance.ledger import queries
from insurance.web.access import requires
from insurance.web.business import business_day
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
@requires(May.LEDGER_VIEW)
def statement(account_code: str) -> Response:
    """Show an account's entries by date with the balance after each."""
    session = db.session()
    problems: list[str] = []
    since, until = _period(problems)
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
        names={one.code: one.name for one in queries.list_accounts(session)},
        chosen=chosen,
        problems=problems,
        next=next_url(found.entries),
        first=url_for("ledger.statement", account_code=account_code, **chosen),  # type: ignore[arg-type]
    )


@bp.post("/accounts/<account_code>/export")
@requires(May.LEDGER_VIEW)
def export_statement(account_code: str) -> Response:
    """Send the whole period's entries as CSV or Excel; the audit log says so."""
    session = db.session()
    account = queries.get_account(session, account_code)
    problems: list[str] = []
    since, until = _period(problems)
    if problems:
        raise DomainError(problems[0])
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


def _period(problems: list[str]) -> tuple[date, date]:
    """Return the days asked for: this month up to today where none are."""
    until = day_asked("to", business_day(), problems)
    since = day_asked("from", until.replace(day=1), problems)
    if since > until:
        problems.append("The last day must not be before the first.")
        since = until
    return since, until
