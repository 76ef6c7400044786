"""A claim read at once says what its rows say, and a decision changes those rows."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from insurance.claims.models import (
    Claim,
    ClaimCheck,
    ClaimDocument,
    ClaimEntry,
    ClaimEvent,
    ClaimFlag,
    ClaimItem,
    ClaimPayee,
    ClaimPayment,
)
from insurance.claims.queries import get_view, hold_claim, list_items, read_parts
from insurance.core.db import transaction
from insurance.core.errors import NotFoundError
from insurance.core.ids import new_id
from insurance.correspondence.models import Note
from tests.factories.book import TODAY
from tests.factories.claims import make_claims
from tests.factories.lifecycle import sell

PARTS = {
    "items": ClaimItem,
    "checks": ClaimCheck,
    "documents": ClaimDocument,
    "flags": ClaimFlag,
    "notes": Note,
    "events": ClaimEvent,
    "payees": ClaimPayee,
    "payments": ClaimPayment,
    "entries": ClaimEntry,
}


def _said(record: Any) -> dict[str, Any]:
    """Return the values of a row with their types: 1 is not 1.00."""
    values = {one.key: getattr(record, one.key) for one in inspect(type(record)).column_attrs}
    return {name: (value, str(value)) for name, value in values.items()} | {"": (type(record), "")}


def test_a_claim_read_at_once_says_what_its_rows_say(session: Session) -> None:
    claim_id = make_claims(sell(TODAY - timedelta(days=20)))

    view = get_view(session, claim_id)

    rows = {name: session.scalars(_of(record, claim_id)).all() for name, record in PARTS.items()}
    for name, found in rows.items():
        shown = sorted(getattr(view, name), key=lambda part: part.id)
        assert [_said(one) for one in shown] == [_said(one) for one in found], name
        assert found
    claim = session.scalars(select(Claim).where(Claim.id == claim_id)).one()
    assert _said(view.claim) == _said(claim)
    assert view.payees[0].account_cipher
    assert [event.sequence for event in view.events] == list(range(claim.version, 0, -1))


def _of(record: Any, claim_id: Any) -> Any:
    whose = record.resource_id if record is Note else record.claim_id
    return select(record).where(whose == claim_id).order_by(record.id)


def test_what_is_changed_of_the_parts_of_a_claim_is_written(session: Session) -> None:
    claim_id = make_claims(sell(TODAY - timedelta(days=20)))
    known = list_items(session, claim_id)

    with transaction() as writing:
        policy, claim, _holder = hold_claim(writing, claim_id)
        (item,) = read_parts(writing, claim, policy)["items"]
        item.notes = "Looked at twice"

    assert known[0] is item
    session.expire_all()
    assert list_items(session, claim_id)[0].notes == "Looked at twice"


def test_there_is_no_view_of_an_unknown_claim(session: Session) -> None:
    with pytest.raises(NotFoundError):
        get_view(session, new_id())
