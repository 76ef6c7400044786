"""The list of policies: what a search finds, what a filter keeps, and page after page."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.core.listing import Wanted
from insurance.core.tenancy import tenant_scope
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy, list_policies, list_policy_rows
from insurance.policies.services import accept_quote
from insurance.seeding.names import id_number
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts

NAMES = [("Palesa", "Khumalo"), ("Johannes", "van der Merwe"), ("Ayesha", "Naidoo")]


def _sell(name: tuple[str, str], index: int, product_id: UUID) -> UUID:
    customer_id = make_customer(index, first_name=name[0], last_name=name[1])
    return accept_quote(make_quote(product_id, customer_id), on=TODAY, now=NOW).policy.id


@pytest.fixture
def policies(session: Session) -> list[UUID]:
    """Return policies of Palesa Khumalo, Johannes van der Merwe and Ayesha Naidoo, oldest first."""
    product_id = make_product()
    return [_sell(name, index, product_id) for index, name in enumerate(NAMES, 1)]


def _found(session: Session, q: str, limit: int = 25) -> list[UUID]:
    """Return what a search finds; on screen and over the API it is the same."""
    rows = [row.id for row in list_policy_rows(session, Wanted({"q": q}, limit=limit)).items]
    assert rows == [line.policy.id for line in list_policies(session, limit=limit, q=q).items]
    return rows


def test_policies_are_listed_newest_first(session: Session, policies: list[UUID]) -> None:
    rows = list_policy_rows(session, Wanted(limit=25)).items
    assert [row.id for row in rows] == policies[::-1]
    assert rows[2].customer_name == "Palesa Khumalo"


@pytest.mark.parametrize(
    ("q", "place"),
    [
        ("khumalo", 0),
        ("  KHUMALO  ", 0),
        ("khumallo", 0),
        ("Palesa Khumalo", 0),
        ("van der Merwe", 1),
        ("+27820000003", 2),
        ("palesa3@example.org", 2),
    ],
)
def test_a_search_finds_a_policy_by_its_holder(
    session: Session, policies: list[UUID], q: str, place: int
) -> None:
    assert _found(session, q)[0] == policies[place]


def test_a_search_finds_a_policy_by_the_whole_number_or_its_start(
    session: Session, policies: list[UUID]
) -> None:
    number = get_policy(session, policies[1]).policy_number
    assert _found(session, number) == [policies[1]]
    assert _found(session, number.lower()) == [policies[1]]
    assert set(_found(session, number[:-1])) == set(policies)


def test_a_search_finds_a_policy_by_the_holders_id_number_whole_only(
    session: Session, policies: list[UUID]
) -> None:
    number = id_number(date(1987, 4, 2), "FEMALE", 2)
    assert _found(session, number) == [policies[1]]
    assert _found(session, f"{number[:6]} {number[6:10]} {number[10:]}") == [policies[1]]
    assert _found(session, number[:12]) == []


@pytest.mark.parametrize("q", ["k", "zzzzzz", "%", "_____", "' OR 1=1 --", "\\", "💐💐"])
def test_what_matches_nothing_finds_nothing(session: Session, policies: list[UUID], q: str) -> None:
    assert _found(session, q) == []


def test_no_more_is_shown_than_asked_for(session: Session, policies: list[UUID]) -> None:
    number = get_policy(session, policies[0]).policy_number
    assert len(_found(session, number[:7], limit=2)) == 2


def test_a_search_stays_within_the_organization(
    app: Flask, session: Session, policies: list[UUID], other_org: OrganizationFacts
) -> None:
    with tenant_scope(other_org.id):
        theirs = _sell(NAMES[0], 1, make_product())
        assert _found(session, "khumalo") == [theirs]
    assert _found(session, "khumalo") == [policies[0]]


def test_a_tab_and_a_product_narrow_the_list_and_the_search(
    session: Session, policies: list[UUID]
) -> None:
    other = make_product(name="Other Life")
    fourth = _sell(("Palesa", "Khumalo"), 4, other)
    by_product = list_policy_rows(session, Wanted({"product": other}))
    both = list_policy_rows(session, Wanted({"product": other, "q": "khumalo"}))
    assert [row.id for row in by_product.items] == [row.id for row in both.items] == [fourth]
    assert list_policy_rows(session, Wanted({"status": PolicyStatus.LAPSED})).items == []
    assert len(list_policy_rows(session, Wanted({"status": PolicyStatus.ACTIVE})).items) == 4


def test_page_after_page_shows_every_policy_once(session: Session, policies: list[UUID]) -> None:
    seen: list[UUID] = []
    wanted = Wanted(limit=2)
    while True:
        found = list_policy_rows(session, wanted)
        seen += [row.id for row in found.items]
        if found.next_cursor is None:
            break
        wanted = replace(wanted, cursor=found.next_cursor)
    assert seen == policies[::-1]


def test_the_screen_shows_the_match_and_answers_htmx_with_the_list_alone(
    session: Session, policies: list[UUID], sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in()
    whole = client.get(client.url("/policies?q=khumalo"))
    part = client.htmx(client.url("/policies?q=khumalo"))
    for answer in (whole, part):
        assert "Palesa Khumalo" in answer.text
        assert "Naidoo" not in answer.text
    assert "<html" in whole.text
    assert "<html" not in part.text


@pytest.mark.parametrize("cursor", ["nonsense", "%00", "eyJ4Ijoxfq", "W10"])
def test_a_made_up_cursor_is_refused(sign_in: Callable[..., SignedInClient], cursor: str) -> None:
    client = sign_in()
    assert client.get(client.url(f"/policies?cursor={cursor}")).status_code in (400, 404, 422)
