"""A quote on a product version that was replaced since: it keeps its price, or is priced again."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from insurance.core.db import db
from insurance.core.errors import ConflictError
from insurance.core.permissions import Role
from insurance.organizations import services as organizations
from insurance.organizations.queries import get_organization
from insurance.policies.services import accept_quote
from insurance.products import services as products
from insurance.quotes import queries
from insurance.quotes.services import reprice_quote
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts

D = Decimal


@pytest.fixture
def quote_id(session: Session) -> UUID:
    """Return an open quote of 100.00 a month; the product costs 120.00 since."""
    product_id = make_product()
    quote_id = make_quote(product_id, make_customer())
    products.edit_product(product_id, {"base_premium": D("120.00")}, now=NOW)
    products.launch_product(product_id, now=NOW)
    return quote_id


def _priced_again(**changes: object) -> None:
    """Let the organization ask that such quotes are priced again."""
    present = get_organization(db.session())
    names = organizations.OrganizationSettings.__dataclass_fields__
    settings = {name: getattr(present, name) for name in names}
    settings |= {"replaced_quotes_are_repriced": True} | changes
    version = present.version
    db.session().rollback()
    organizations.change_settings(
        organizations.OrganizationSettings(**settings), version=version, now=NOW
    )


def test_a_quote_keeps_its_price_where_the_organization_says_nothing(quote_id: UUID) -> None:
    assert accept_quote(quote_id, on=TODAY, now=NOW).policy.premium == D("100.00")


def test_a_quote_is_priced_again_first_where_the_organization_says_so(
    session: Session, quote_id: UUID
) -> None:
    _priced_again()

    with pytest.raises(ConflictError, match="Price it again before it is accepted"):
        accept_quote(quote_id, on=TODAY, now=NOW)

    assert queries.get_quote(session, quote_id).status.value == "quoted"
    session.rollback()
    reprice_quote(quote_id, version=None, on=TODAY, now=NOW)
    assert accept_quote(quote_id, on=TODAY, now=NOW).policy.premium == D("120.00")


def test_a_quote_on_the_version_that_is_sold_is_accepted_under_the_setting(
    session: Session,
) -> None:
    quote_id = make_quote(make_product(), make_customer())
    _priced_again()

    assert accept_quote(quote_id, on=TODAY, now=NOW).policy.premium == D("100.00")


def test_the_page_of_the_quote_says_so_and_prices_it_again(
    session: Session, quote_id: UUID, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in(Role.AGENT)
    page = client.url(f"/quotes/{quote_id}")
    words = "A newer version of the product is sold since this quote was priced."
    assert words not in client.get(page).text

    _priced_again()

    assert words in client.get(page).text
    refused = client.post(client.url(f"/quotes/{quote_id}/accept"), data={})
    assert refused.status_code == 409
    assert "Price it again" in refused.text
    client.post(client.url(f"/quotes/{quote_id}/reprice"), data={})
    assert words not in client.get(page).text
    assert client.post(client.url(f"/quotes/{quote_id}/accept"), data={}).status_code == 303


def test_a_program_is_told_and_sets_the_setting(
    session: Session, quote_id: UUID, api: Callable[..., TestClient]
) -> None:
    client = api()
    before = client.get("/api/v1/settings").json
    assert before["replaced_quotes_are_repriced"] is False
    change = {"replaced_quotes_are_repriced": True, "version": before["version"]}
    assert api(Role.AUDITOR).put("/api/v1/settings", json=change).status_code == 403
    unclear = client.put("/api/v1/settings", json=change | {"replaced_quotes_are_repriced": "no"})
    assert unclear.status_code == 422

    assert client.put("/api/v1/settings", json=change).json["replaced_quotes_are_repriced"] is True

    refused = client.put(f"/api/v1/quotes/{quote_id}/accept", json={})
    assert (refused.status_code, refused.json["version_status"]) == (409, "superseded")


def test_the_setting_is_changed_on_screen_and_recorded(
    session: Session,
    org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    api: Callable[..., TestClient],
) -> None:
    client = sign_in(Role.TENANT_ADMINISTRATOR)
    form = {
        "name": org.name,
        "timezone": "Africa/Johannesburg",
        "session_idle_minutes": "30",
        "number_searches_per_hour": "30",
        "replaced_quotes_are_repriced": "y",
        "version": "1",
    }

    assert client.post(client.url("/settings"), data=form).status_code == 303

    assert get_organization(session).replaced_quotes_are_repriced is True
    (entry,) = api().get("/api/v1/audit-logs?action=organizations.change_settings").json
    assert entry["after"]["replaced_quotes_are_repriced"] is True
