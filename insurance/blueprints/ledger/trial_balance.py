"""The trial balance on a day, and as a file."""

from flask import Response, request

from insurance.blueprints.ledger import bp
from insurance.core.db import db
from insurance.core.money import total
from insurance.ledger import queries
from insurance.ledger.permissions import LedgerMay
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.days import day_asked, refuse_problems
from insurance.web.exports import export
from insurance.web.html import page

_HEADER = ("Account", "Name", "Kind", "Debit", "Credit", "Balance")


@bp.get("")
@requires(LedgerMay.VIEW)
def trial_balance() -> Response:
    """Show every account with its debits, credits and balance."""
    problems: dict[str, str] = {}
    on = day_asked("on", business_day(), problems)
    session = db.session()
    lines = queries.trial_balance(session, on)
    return page(
        "ledger/trial_balance.html",
        part="trial_balance",
        status=422 if problems else 200,
        on=on,
        lines=lines,
        debit=total(line.debit for line in lines),
        credit=total(line.credit for line in lines),
        closed=queries.closed_through(session),
        problems=problems,
    )


@bp.post("/export")
@requires(LedgerMay.VIEW)
def export_trial_balance() -> Response:
    """Send the trial balance as CSV or Excel; the audit log says so."""
    problems: dict[str, str] = {}
    on = day_asked("on", business_day(), problems)
    refuse_problems(problems)
    return export(
        request.form.get("kind", ""),
        f"trial-balance-{on}",
        _HEADER,
        queries.trial_balance(db.session(), on),
        action="ledger.export_trial_balance",
        resource="ledger_accounts",
        chosen={"on": on},
    )
