"""A form is sent once, however often it is clicked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from insurance.core.tenancy import tenant_scope
from tests.factories.book import make_customer, make_product
from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts


def test_a_double_click_saves_one_quote_and_leads_to_it_twice(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        fields = {
            "customer_id": str(make_customer()),
            "product_id": str(make_product()),
            "frequency": "MONTHLY",
            "_key": "rendered-once",
        }
    client = sign_in()

    with ThreadPoolExecutor(4) as clicks:
        answers = list(
            clicks.map(lambda _n: client.post(client.url("/quotes/new"), data=fields), range(4))
        )
    changed = client.post(client.url("/quotes/new"), data=fields | {"term_years": "10"})

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert changed.headers["Location"] != answers[0].headers["Location"]
    assert client.get(client.url("/quotes")).get_data(True).count("QT-20") >= 2
    assert "2 shown" in client.get(client.url("/quotes")).get_data(True)


def test_a_refused_form_may_be_sent_again_under_its_key(
    org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in()
    fields = {"kind": "PERSON", "first_name": "Naledi", "_key": "twice"}

    refused = client.post(client.url("/customers/new"), data=fields)
    mended = client.post(client.url("/customers/new"), data=fields | {"last_name": "Khumalo"})

    assert (refused.status_code, mended.status_code) == (422, 303)
