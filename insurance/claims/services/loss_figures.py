"""Keeping the sums of the loss ratio: what was posted is added to them, once."""

from sqlalchemy import text

from insurance.claims.loss_figures import ADD
from insurance.core.bulk import id_array
from insurance.core.db import transaction
from insurance.core.tenancy import current_org
from insurance.ledger.services import take_uncounted

_NOTES = 2
"""How many notes of the ledger one transaction counts, each of a thousand transfers at most."""


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
                # The entries are found by their ids, also where the tables were just filled and
                # nothing is known of them.
                session.execute(text("SET LOCAL enable_seqscan = off"))
                session.execute(ADD, {"org": current_org(), "ids": id_array(taken)})
        if not taken:
            break
        counted, done = counted + len(taken), done + 1
    return counted
