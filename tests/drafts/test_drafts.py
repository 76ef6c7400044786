"""What is typed into a long form is kept for the person who typed it, until it is saved."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.jobs.drafts import delete_expired
from tests.factories.book import NOW, make_book, make_customer
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import sell
from tests.factories.organizations import OrganizationFacts
from tests.house.test_statement_counts import Statements

WORDS = {"first_name": "Nomvula", "last_name": "Radebe", "id_number": "8001015009087"}


def _new_customer(client: SignedInClient, **more: str) -> dict[str, str]:
    mark = f"{client.url('/customers/new')}#CustomerForm"
    return WORDS | {"_draft": mark, "_title": "New customer", "_about": "Customers"} | more


def _type(client: SignedInClient, **more: str) -> None:
    answer = client.post(client.url("/drafts/keep"), data=_new_customer(client, **more))
    assert answer.status_code == 200, answer.text


def _count(connection: Connection, org: OrganizationFacts) -> int:
    found = connection.scalar(
        text("SELECT count(*) FROM ins.drafts WHERE org_id = :org"), {"org": org.id}
    )
    connection.rollback()
    return int(found or 0)


def test_a_form_that_is_opened_again_shows_what_was_typed(
    sign_in: Callable[..., SignedInClient],
) -> None:
    client = sign_in(Role.AGENT)
    assert 'value="Nomvula"' not in client.get(client.url("/customers/new")).text

    _type(client)

    page = client.get(client.url("/customers/new")).text
    assert 'value="Nomvula"' in page
    assert 'value="8001015009087"' in page
    assert "Draft of" in page
    assert "Start afresh" in page


def test_a_form_with_a_file_keeps_its_words_and_says_that_the_file_is_chosen_again(
    sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    client = sign_in()
    address = client.url(f"/lapses/notices/{sell(date(2026, 10, 5))}/new")
    opened = client.get(address)
    assert opened.status_code == 200
    mark = re.search(r'name="_draft" value="([^"]+)"', opened.text)
    assert mark is not None
    assert "choose the file again" not in opened.text
    typed = {"_draft": mark[1], "_title": "Notice", "recipient": "N. Radebe"}

    kept = client.post(client.url("/drafts/keep"), data=typed)
    again = client.get(address).text
    sent = typed | {"file": (BytesIO(b"%PDF-1.4"), "letter.pdf"), "registered_number": "RN 1"}
    refused = client.post(address, data=sent, content_type="multipart/form-data")
    after = client.get(address).text

    assert kept.status_code == 200
    assert 'value="N. Radebe"' in again
    assert "A draft keeps words only: choose the file again." in again
    assert refused.status_code == 422
    assert "choose the file again" in refused.text
    assert 'value="RN 1"' in after


def test_what_is_typed_next_takes_the_place_of_what_was_typed_before(
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    admin_connection: Connection,
) -> None:
    client = sign_in(Role.AGENT)
    _type(client)
    _type(client, first_name="Nomvula Grace")

    assert 'value="Nomvula Grace"' in client.get(client.url("/customers/new")).text
    assert _count(admin_connection, org) == 1


def test_saving_the_form_ends_its_draft_and_a_refusal_keeps_it(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, admin_connection: Connection
) -> None:
    client = sign_in(Role.AGENT)
    _type(client)

    refused = client.post(client.url("/customers/new"), data=_new_customer(client, id_number="1"))
    assert refused.status_code == 422
    assert 'value="1"' in client.get(client.url("/customers/new")).text

    saved = client.post(client.url("/customers/new"), data=_new_customer(client))
    assert saved.status_code == 303
    assert _count(admin_connection, org) == 0
    assert 'value="Nomvula"' not in client.get(client.url("/customers/new")).text


def test_a_refused_form_is_kept_where_nothing_was_sent_while_typing(
    sign_in: Callable[..., SignedInClient],
) -> None:
    client = sign_in(Role.AGENT)
    opened = client.get(client.url("/customers/new")).text
    assert f'name="_draft" value="{client.url("/customers/new")}#CustomerForm"' in opened

    client.post(client.url("/customers/new"), data=_new_customer(client, last_name=""))

    assert 'value="Nomvula"' in client.get(client.url("/customers/new")).text
    assert "New customer" in client.get(client.url("/drafts")).text


def test_nobody_else_sees_a_draft_whether_colleague_or_of_another_insurer(
    app: Flask,
    sign_in: Callable[..., SignedInClient],
    other_org: OrganizationFacts,
) -> None:
    _type(sign_in(Role.AGENT))

    for other in (sign_in(Role.TENANT_ADMINISTRATOR), sign_in(Role.AGENT, other_org)):
        for path in ("/customers/new", "/drafts", "/"):
            page = other.get(other.url(path))
            assert page.status_code == 200
            assert "Nomvula" not in page.text
            assert "Draft of" not in page.text


def test_nobody_ends_the_draft_of_another(
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    other_org: OrganizationFacts,
    admin_connection: Connection,
) -> None:
    _type(sign_in(Role.AGENT))
    draft_id = admin_connection.scalar(
        text("SELECT id FROM ins.drafts WHERE org_id = :org"), {"org": org.id}
    )
    admin_connection.rollback()

    for other in (sign_in(Role.TENANT_ADMINISTRATOR), sign_in(Role.AGENT, other_org)):
        other.post(other.url("/drafts/discard"), data=_new_customer(other))
        chosen = {"do": "act", "act": "discard", "id": str(draft_id), "sure": "1"}
        other.post(other.url("/drafts"), data=chosen)

    assert _count(admin_connection, org) == 1


def test_the_row_holds_no_word_in_the_clear(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, admin_connection: Connection
) -> None:
    client = sign_in(Role.AGENT)
    _type(client, _title="Edit Nomvula Radebe")

    row = admin_connection.scalar(
        text("SELECT t::text FROM ins.drafts t WHERE org_id = :org"), {"org": org.id}
    )

    assert row is not None
    for word in ("Nomvula", "Radebe", "8001015009087"):
        assert word not in row


def test_passwords_tokens_and_keys_are_not_kept(
    app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    from insurance.core.db import db
    from insurance.drafts.queries import list_drafts

    client = sign_in(Role.AGENT)
    _type(client, new_password="river", _beside="1", act="look")

    with app.app_context(), tenant_scope(org.id):
        (draft,) = list_drafts(db.session(), client.person.id, limit=9)
    assert {name for name, _ in draft.fields} == set(WORDS)


def test_a_draft_that_nobody_goes_on_with_is_deleted_after_thirty_days(
    app: Flask,
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    admin_connection: Connection,
) -> None:
    client = sign_in(Role.AGENT)
    _type(client)
    now = clock.now()

    for days, left in ((29, 1), (31, 0)):
        later = now + timedelta(days=days)
        with app.app_context(), clock.frozen(later), tenant_scope(org.id):
            delete_expired()
        assert _count(admin_connection, org) == left


def test_home_and_the_list_lead_back_to_the_form(
    sign_in: Callable[..., SignedInClient],
) -> None:
    client = sign_in(Role.AGENT)
    _type(client)

    for path in ("/", "/drafts"):
        page = client.get(client.url(path)).text
        assert "My drafts" in page
        assert f'href="{client.url("/customers/new")}"' in page
        assert "New customer" in page


def test_drafts_are_discarded_from_their_form_and_many_at_once(
    app: Flask,
    sign_in: Callable[..., SignedInClient],
    org: OrganizationFacts,
    admin_connection: Connection,
) -> None:
    client = sign_in(Role.AGENT)

    def ids() -> list[UUID]:
        found = admin_connection.scalars(
            text("SELECT id FROM ins.drafts WHERE org_id = :org"), {"org": org.id}
        ).all()
        admin_connection.rollback()
        return list(found)

    _type(client)
    answer = client.post(client.url("/drafts/discard"), data=_new_customer(client))
    assert answer.headers["Location"] == client.url("/customers/new")
    assert ids() == []

    _type(client)
    _type(client, _draft=f"{client.url('/quotes/new')}#QuoteForm")
    chosen = {"do": "act", "act": "discard", "id": [str(found) for found in ids()], "sure": "1"}
    assert client.post(client.url("/drafts"), data=chosen).status_code == 200
    assert ids() == []


def test_a_form_that_the_role_may_not_open_keeps_no_draft_and_shows_none(
    app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    auditor = sign_in(Role.AUDITOR)
    assert auditor.post(auditor.url("/drafts/keep"), data=_new_customer(auditor)).status_code == 403
    assert auditor.get(auditor.url("/drafts")).status_code == 403

    finance = sign_in(Role.FINANCE)
    answer = finance.post(finance.url("/drafts/keep"), data=_new_customer(finance))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ("", 404),
        ("#CustomerForm", 404),
        ("{own}/customers/new", 404),
        ("{own}/customers/new#", 404),
        ("{own}/customers/new#Customer Form", 404),
        ("{own}/nowhere#CustomerForm", 404),
        ("{own}/customers/../customers/new#CustomerForm", 404),
        ("{own}/drafts/keep#CustomerForm", 404),
        ("//evil.example{own}/customers/new#CustomerForm", 404),
        ("https://evil.example{own}/customers/new#CustomerForm", 404),
        ("/ubuntu-life/customers/new#CustomerForm", 404),
        ("/security#PasswordForm", 404),
        ("/healthz#CustomerForm", 404),
        ("/static/app.css#CustomerForm", 404),
        ("{own}/customers/new?x=<script>#CustomerForm", 404),
        ("{own}/customers/new?x=\x00#CustomerForm", 404),
        ("{own}/customers/new?x=" + "9" * 600 + "#CustomerForm", 404),
        ("{own}/customers/new/#CustomerForm", 404),
        ("{own}/customers/new#" + "F" * 100, 404),
        ("{own}/organizations#OrganizationForm", 403),
    ],
)
def test_an_address_that_is_no_form_of_the_organization_is_not_found(
    mark: str, status: int, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in()
    mark = mark.replace("{own}", client.url(""))

    for path in ("/drafts/keep", "/drafts/discard"):
        answer = client.post(client.url(path), data=_new_customer(client, _draft=mark))
        assert answer.status_code == status, answer.text


def test_nothing_that_a_browser_sends_breaks_it(sign_in: Callable[..., SignedInClient]) -> None:
    client = sign_in()
    keep = client.url("/drafts/keep")
    own = _new_customer(client)

    assert client.post(keep, data=own | {"first_name": "x" * 60_000}).status_code == 422
    assert client.post(keep, data=own | {"first_name": "x" * 900_000}).status_code == 422
    assert client.post(keep, data=own | {"first_name": "x" * 11_000_000}).status_code in (413, 422)
    many = own | {f"field_{place}": "1" for place in range(1500)}
    assert client.post(keep, data=many).status_code == 422
    assert client.post(keep, data=own | {"unheard_of": "\x00\ufffe\u202e"}).status_code == 200
    assert client.post(keep, data=own | {"_title": "\x00" * 900}).status_code == 200
    assert client.post(keep, data=b"\xff\xfe", content_type="text/plain").status_code == 404
    assert client.post(keep, json={"_draft": own["_draft"]}).status_code == 404
    assert client.get(keep).status_code == 405
    assert client.get(client.url("/customers/new")).status_code == 200
    assert client.get(client.url("/drafts")).status_code == 200


def test_one_person_has_at_most_a_hundred_drafts(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, admin_connection: Connection
) -> None:
    client = sign_in(Role.AGENT)
    for place in range(101):
        answer = client.post(
            client.url("/drafts/keep"),
            data=_new_customer(
                client, _draft=f"{client.url('/customers/new')}?x={place}#CustomerForm"
            ),
        )
        assert answer.status_code == (200 if place < 100 else 422)

    again = _new_customer(client, _draft=f"{client.url('/customers/new')}?x=5#CustomerForm")
    assert client.post(client.url("/drafts/keep"), data=again).status_code == 200
    assert _count(admin_connection, org) == 100


def test_who_comes_second_to_a_record_sees_who_is_changing_it(
    app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        customer_id = make_customer()
    first, second = sign_in(Role.AGENT), sign_in(Role.MANAGER)
    path = first.url(f"/customers/{customer_id}/edit")
    first.get(path)
    mark = {"_draft": f"{path}#CustomerForm", "_title": "Edit"}
    first.post(first.url("/drafts/keep"), data=WORDS | mark)

    page = second.get(path).text
    assert "Thandi Mokoena is changing this record since" in page
    assert "Nomvula" not in page
    assert "is changing this record" not in first.get(path).text
    said = second.post(second.url("/drafts/keep"), data=WORDS | mark).text
    assert "Thandi Mokoena is changing this record since" in said

    app_time = clock.now() + timedelta(minutes=31)
    with clock.frozen(app_time):
        assert "is changing this record" not in second.get(path).text


def test_a_quote_goes_on_with_its_product_its_lives_and_its_answers(
    app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id), clock.frozen(NOW):
        book = make_book()
    client = sign_in(Role.AGENT)
    words = {
        "_draft": f"{client.url('/quotes/new')}#QuoteForm",
        "product_id": str(book.product_id),
        "last_name": "Radebe",
        "sum_assured": "123 456",
        "life.1.first_name": "Lindiwe",
        "life.1.relationship": "SPOUSE",
    }
    client.post(client.url("/drafts/keep"), data=words)

    page = client.get(client.url("/quotes/new")).text

    assert 'value="123 456"' in page
    assert 'name="life.1.first_name" value="Lindiwe"' in page
    assert 'value="SPOUSE" selected' in page
    assert (
        'value="Lindiwe"'
        not in client.get(client.url(f"/quotes/new?customer_id={book.customer_id}")).text
    )


def test_beneficiaries_that_were_typed_are_there_again(
    app: Flask, sign_in: Callable[..., SignedInClient], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id), clock.frozen(NOW):
        book = make_book()
    client = sign_in(Role.MANAGER)
    path = client.url(f"/policies/{book.policy_id}/endorse/beneficiaries")
    rows = {"first_name-0": "Lindiwe", "share-0": "60", "kind-1": "CONTINGENT"}
    mark = {"_draft": f"{path}#BeneficiariesForm", "reason": "She asked"}
    assert client.post(client.url("/drafts/keep"), data=rows | mark).status_code == 200

    page = client.get(path).text

    assert 'name="first_name-0" value="Lindiwe"' in page
    assert 'name="share-0" value="60"' in page
    assert "She asked" in page
    assert 'name="_draft" value' in page


def test_keeping_what_is_typed_costs_two_statements_and_one_reading_of_who_it_is(
    app: Flask, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in(Role.AGENT)
    _type(client)
    with app.app_context():
        statements = Statements()
        with statements.counted():
            _type(client, last_name="Radebe-Nkosi")
        opened = Statements()
        with opened.counted():
            client.get(client.url("/customers/new"))

    assert statements.count <= 3
    assert opened.count <= 4
