"""A quote leaves as PDF by mail, once."""

import io
from collections.abc import Callable

from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.jobs.notifications import send_mail
from insurance.notifications.models import Mail
from tests.factories.book import make_book
from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts


def test_a_quote_is_mailed_to_its_customer_as_pdf_and_the_pdf_is_not_kept(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        quote_id = make_book().open_quote_id
    client = sign_in()
    sent = client.get(client.url(f"/quotes/{quote_id}/pdf"))
    on_screen = PdfReader(io.BytesIO(sent.data)).pages[0].extract_text()

    answer = client.post(client.url(f"/quotes/{quote_id}/mail"))

    assert answer.status_code == 303
    with app.app_context(), tenant_scope(org.id):
        mail = db.session.scalars(select(Mail)).one()
        assert (mail.kind, mail.recipient) == ("quote", "palesa1@example.org")
        words = PdfReader(io.BytesIO(mail.attachment or b"")).pages[0].extract_text()
        assert "Palesa Dlamini" in words
        assert "100,00" in words
        assert words == on_screen
        send_mail(str(mail.id))
        db.session.expire_all()
        assert mail.sent_at is not None
        assert mail.attachment is None
