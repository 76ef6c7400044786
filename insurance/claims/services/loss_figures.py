"""Keeping the sums of the loss ratio: what was posted is added to them, once."""

from sqlalchemy import text

from insurance.claims.loss_figures import ADD
from insurance.core.bulk import id_array
from insurance.core.db import transaction
from insurance.core.tenancy import current_org
from insurance.ledger.services import take_uncounted

_NOTES = 10
"""How many notes of the ledger one transaction counts, each of a thousand transfers at most."""
_BY_IDS = (
    text("SET LOCAL enable_seqscan = off"),
    text("SET LOCAL enable_bitmapscan = off"),
    text("SET LOCAL enable_hashjoin = off"),
    text("SET LOCAL enable_mergejoin = off"),
    text("SET LOCAL statement_timeout = '5min'"),
)
"""Entries, lines and policies are found by their ids: the book is not read for some thousand."""


def count_loss_figures(*, most: int | None = None) -> int:
    """Add the transfers that are not counted yet to the sums; return how many these were.

    Stops after `most` transactions where that is given; whoever reads meanwhile finds each transfer
    once, in the sums or beside them.
    """
    counted = done = 0
    while most is None or done < most:
        with transaction() as session:
            taken = take_uncounted(session, limit=_NOTES)
            if taken:
                for setting in _BY_IDS:
                    session.execute(setting)
                session.execute(ADD, {"org": current_org(), "ids": id_array(taken)})
        if not taken:
            break
        counted, done = counted + len(taken), done + 1
    return counted
