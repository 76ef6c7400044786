"""A customer who is already here is quoted from their own page."""

from collections.abc import Callable

from flask import Flask

from insurance.core.tenancy import tenant_scope
from tests.factories.book import make_customer, make_product
from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts


def test_a_known_customer_is_quoted_without_being_captured_again(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        product_id, customer_id = make_product(), make_customer()
    client = sign_in()
    fields = {
        "customer_id": str(customer_id),
        "product_id": str(product_id),
        "frequency": "MONTHLY",
    }

    price = client.htmx(
        client.url("/quotes/new"), method="POST", data=fields | {"act": "price"}
    ).get_data(True)
    saved = client.post(client.url("/quotes/new"), data=fields)

    assert "R\u00a0100,00" in price
    assert saved.status_code == 303, saved.get_data(True)
    shown = client.get(saved.headers["Location"]).get_data(True)
    assert "Palesa Dlamini" in shown
