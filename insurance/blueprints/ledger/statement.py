"""An account's statement between two days, and as a file."""

from datetime import date

from flask import Response, url_for
from sqlalchemy.orm import Session

from insurance.blueprints.ledger import bp
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.listing import Wanted
from insurance.core.paging import Page
from insurance.ledger import queries
from insurance.ledger.permissions import LedgerMay
from insurance.policies.permissions import PoliciesMay
from insurance.web import lists
from insurance.web.access import requires
from insurance.web.days import period_asked
from insurance.web.filters import money, words

ROWS = 50


@bp.route("/accounts/<account_code>", methods=["GET", "POST"])
@requires(LedgerMay.VIEW)
def statement(account_code: str) -> Response:
    """Show an account's entries by date with the balance after each."""
    problems: dict[str, str] = {}
    since, until = period_asked(lambda day: day.replace(day=1), problems)
    return lists.show(_screen(account_code, since, until, problems))


def _screen(code: str, since: date, until: date, problems: dict[str, str]) -> lists.ListScreen:
    session = db.session()
    whole = queries.account_statement(session, code, since, until, limit=0)
    account = whole.account
    names = {account.code: account.name for account in queries.list_accounts(session)}

    def read(session: Session, wanted: Wanted) -> Page[queries.StatementEntry]:
        after = queries.position_of(wanted.cursor)
        return queries.account_statement(
            session, code, since, until, limit=wanted.limit, after=after
        ).entries

    return lists.ListScreen(
        title=account.name,
        caption="Entries by date",
        crumbs=[("Trial balance", "ledger.trial_balance", {"on": until.isoformat()})],
        read=read,
        fields=lists.period(since, until),
        problems=problems,
        figures=[
            ("Opening balance", money(whole.opening)),
            ("Debits", money(whole.debit)),
            ("Credits", money(whole.credit)),
            ("Closing balance", money(whole.closing)),
        ],
        note=f"{words(account.kind)}; a balance is debit less credit.",
        columns=lists.columns(
            "effective_date: Date, day | description: What, wrapped, key | type: Type, code, extra",
            "other_account: Other account, muted | reference: Reference",
            "debit: Debit, money, key | credit: Credit, money, key | balance: Balance, money, key",
            description=_description,
            other_account=lambda entry: names[entry.other_account],
        ),
        empty=lists.Empty(
            "Nothing was posted in this period", "Choose other days, or another account."
        ),
        none_match="Nothing was posted in this period",
        file=f"{code.lower().replace('_', '-')}-{since}-{until}",
        rows=ROWS,
    )


def _description(entry: queries.StatementEntry) -> lists.Cell:
    is_linked = entry.policy_id and current_actor().may(PoliciesMay.VIEW)
    url = url_for("policies.show", policy_id=entry.policy_id, tab="ledger") if is_linked else ""
    return lists.Cell(entry.description, url)
