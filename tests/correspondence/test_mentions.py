"""A note tells whom it names, of those who may see what it is about."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.alerts.models import Alert
from insurance.core.permissions import Role
from insurance.correspondence.rules import is_named, named_in
from tests.factories.book import make_book
from tests.factories.correspondence import make_note
from tests.factories.identity import make_person
from tests.factories.organizations import OrganizationFacts


def test_a_colleague_whom_a_note_names_is_told_and_no_other(
    session: Session, org: OrganizationFacts
) -> None:
    book = make_book()
    named = make_person(org.id, Role.AGENT, email=f"sipho-{org.id.hex}@insurer.example")
    make_person(org.id, Role.AGENT)

    make_note(book.policy_id, f"Please ring her, @sipho-{org.id.hex}.")

    told = session.execute(select(Alert.user_id, Alert.kind, Alert.resource_id)).all()
    assert [tuple(row) for row in told] == [(named.id, "mentioned", book.policy_id)]


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("@sipho please", True),
        ("Ask @Sipho.Dlamini.", True),
        ("ask sipho", False),
        ("mail sipho@insurer.example", False),
        ("@siphokazi", False),
    ],
)
def test_a_name_counts_after_an_at_sign_and_as_a_whole(text: str, is_told: bool) -> None:
    assert is_named(named_in(text), "Sipho Dlamini", "assessor@insurer.example") == is_told
