"""The pages of records cost the same number of statements however much was written about them."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.correspondence.models import NoteKind
from insurance.correspondence.services import add_note, make_letter, send_message
from tests.factories.book import NOW, TODAY, Book, make_book, make_quote
from tests.factories.claims import make_claims
from tests.factories.identity import SignedInClient
from tests.house.test_statement_counts import sent

__all__ = ["sent"]
CUSTOMER, CARD = 24, 12
"""The statements of a customer's page, and of a card of correspondence; the sign-in included."""


@pytest.fixture
def book(session: Session) -> Book:
    """Return one of everything, with a claim."""
    with clock.frozen(NOW):
        made = make_book()
        make_claims(made.policy_id)
    session.rollback()
    return made


def _write(book: Book, times: int) -> None:
    for number in range(times):
        for resource, record_id in _records(book).items():
            add_note(
                resource,
                record_id,
                kind=NoteKind.COMMENT,
                text=f"Call {number}",
                on=TODAY,
                now=NOW,
            )
        send_message("policies", book.policy_id, subject=f"No. {number}", text="Words")
    make_letter("policies", book.policy_id, "own-words", wording="Hello", on=TODAY, now=NOW)
    make_quote(book.product_id, book.customer_id)


def _records(book: Book) -> dict[str, UUID]:
    return {
        "customers": book.customer_id,
        "quotes": book.quote_id,
        "policies": book.policy_id,
    }


def test_a_page_with_much_correspondence_costs_what_one_with_little_does(
    sign_in: Callable[..., SignedInClient], session: Session, book: Book, sent: list[str]
) -> None:
    manager = sign_in(Role.MANAGER)
    paths = {
        f"/customers/{book.customer_id}": CUSTOMER,
        f"/correspondence/policies/{book.policy_id}": CARD,
        f"/correspondence/customers/{book.customer_id}?only=note": CARD,
        f"/policies/{book.policy_id}?tab=correspondence": 30,
        f"/quotes/{book.quote_id}": 30,
    }

    def counts() -> dict[str, int]:
        found = {}
        for path in paths:
            manager.get(manager.url(path))
            start = len(sent)
            assert manager.get(manager.url(path)).status_code == 200
            found[path] = len(sent) - start
        return found

    with clock.frozen(NOW):
        _write(book, 1)
        few = counts()
        _write(book, 5)
        many = counts()

    assert {path: count for path, count in many.items() if count > few[path]} == {}
    assert {path: count for path, count in many.items() if count > paths[path]} == {}
