"""The administrator's screens and endpoints: /email-senders, /email-types."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail
from insurance.senders import queries, services, verification
from insurance.senders.links import sign_link
from insurance.senders.rules import TYPES, SenderDetails
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.name_server import NameServer

ADDRESS = "claims@ubuntulife.example"
SPF = "v=spf1 include:insurance.example ~all"


@pytest.fixture
def admin(sign_in: Callable[..., SignedInClient], mail_settings: Settings) -> SignedInClient:
    """Return the administrator's browser."""
    return sign_in(Role.TENANT_ADMINISTRATOR)


def _id_of(session: Session, role: str) -> str:
    session.expire_all()
    sender = queries.find_sender(session, role)
    assert sender is not None
    return str(sender.id)


def test_a_sender_is_made_and_changed_in_its_row_and_that_is_undone(
    admin: SignedInClient, session: Session
) -> None:
    typed = {"role": "Claims", "display_name": "Ubuntu Life Claims", "is_active": "y"}
    admin.get(admin.url("/email-senders/new"))
    made = admin.post(admin.url("/email-senders/new"), data=typed)
    assert made.status_code == 303
    admin.get(admin.url("/email-senders"))
    sender_id = _id_of(session, "Claims")
    url = admin.url(f"/email-senders/{sender_id}/edit")

    row = admin.htmx(url).text
    assert row.lstrip().startswith("<tbody")
    refused = admin.htmx(url, "POST", data=typed | {"display_name": "a\r\nBcc: b@c.example"})
    assert refused.status_code == 422
    assert "control characters" in refused.text or "cannot be printed" in refused.text
    stale = admin.htmx(url, "POST", data=typed | {"role": "Other", "version": "7"})
    assert stale.status_code == 409
    assert "Saved by somebody else" in stale.text
    saved = admin.post(url, data=typed | {"display_name": "Eise", "version": "1"})
    assert saved.status_code == 303
    page = admin.get(admin.url("/email-senders")).text
    assert "Eise" in page
    undo = re.search(r'action="[^"]*/email-senders/undo/([^"]+)"', page)
    assert undo is not None
    assert admin.get(admin.url(f"/email-senders/undo/{undo[1]}")).status_code == 200
    assert admin.post(admin.url(f"/email-senders/undo/{undo[1]}")).status_code == 303
    assert "Ubuntu Life Claims" in admin.get(admin.url("/email-senders")).text
    assert admin.get(admin.url(f"/email-senders/{sender_id}/delete")).status_code == 200
    assert admin.post(admin.url(f"/email-senders/{sender_id}/delete")).status_code == 303
    assert queries.find_sender(session, "Claims") is None


def test_an_address_is_proven_on_screen(
    admin: SignedInClient, session: Session, mail_settings: Settings, names: NameServer
) -> None:
    sender = services.create_sender(
        SenderDetails("Claims", "Ubuntu Life Claims", ADDRESS), mail_settings, now=clock.now()
    )
    here = admin.url(f"/email-senders/{sender.id}")
    assert f'data-copy="{SPF}"' in admin.get(here).text
    admin.post(f"{here}/ask")
    assert session.scalars(select(Mail.recipient)).one() == ADDRESS
    names.is_broken = True
    admin.post(f"{here}/look-up")
    assert "gave no answer" in admin.get(here).text
    names.is_broken = False
    for record in verification.list_records(session, sender, mail_settings):
        names.texts[record.name] = [record.expected]
    admin.post(f"{here}/look-up")
    token = sign_link(mail_settings.secret_key, current_org(), sender.id, ADDRESS, now=clock.now())
    assert admin.get(admin.url(f"/email-senders/{sender.id}/confirm/{token}")).status_code == 200
    session.expire_all()
    assert queries.get_sender(session, sender.id).verified_at is None, "looking confirms nothing"
    assert admin.post(f"{here}/confirm/forged").status_code in (404, 422)
    assert admin.post(f"{here}/confirm/{token}").status_code == 303
    assert "Verified" in admin.get(here).text
    assert admin.get(admin.url(f"/email-senders/{sender.id}/new-key")).status_code == 200
    assert admin.post(f"{here}/new-key").status_code == 303
    assert admin.post(f"{here}/new-key").status_code == 409, "the last one is not published yet"
    assert "DKIM, new" in admin.get(here).text
    admin.post(f"{here}/test")
    assert admin.person.email in session.scalars(select(Mail.recipient)).all()


def test_a_type_is_given_to_a_sender_in_its_row(
    admin: SignedInClient, session: Session, mail_settings: Settings
) -> None:
    services.create_sender(
        SenderDetails("Claims", "Ubuntu Life Claims"), mail_settings, now=clock.now()
    )
    unproven = SenderDetails("Marketing", "Ubuntu Life", ADDRESS)
    services.create_sender(unproven, mail_settings, now=clock.now())
    url = admin.url("/email-senders/types/claim_paid/edit")
    row = admin.htmx(url).text
    assert "Marketing" not in row, "one that is not verified cannot be chosen"
    assert admin.post(url, data={"role": "Marketing", "version": "0"}).status_code == 422
    assert admin.post(url, data={"role": "Claims", "version": "0"}).status_code == 303
    assert admin.get(admin.url("/email-senders/types/no_such/edit")).status_code == 404
    admin.post(admin.url("/email-senders/types/claim_paid/test"))
    mail = session.scalars(select(Mail)).one()
    assert (mail.recipient, mail.subject.endswith("sender Claims")) == (admin.person.email, True)


def test_programs_do_the_same(
    api: Callable[..., TestClient], session: Session, mail_settings: Settings, names: NameServer
) -> None:
    client, path = api(), "/api/v1/email-senders"
    new = {"role": "Claims", "display_name": "Claims", "email_address": ADDRESS}
    made = client.post(path, json=new)
    assert made.status_code == 201
    sender = made.json
    assert sender is not None
    assert (sender["verified_at"], sender["is_default"], sender["dns"][0]["expected"]) == (
        None,
        False,
        SPF,
    )
    one = f"{path}/{sender['id']}"
    refused = client.put("/api/v1/email-types/claim_paid", json={"role": "Claims"})
    assert refused.status_code == 409
    found = client.post(f"{one}/verify").json
    assert found is not None
    assert [entry["holds"] for entry in found["dns"]] == [False, False, False]
    names.is_broken = True
    assert client.post(f"{one}/verify").status_code == 503
    body = {"email_address": None, "reply_to": ADDRESS, "version": 1}
    changed = client.put(one, json=body).json
    assert changed is not None
    assert changed["verified_at"]
    assert client.put(one, json=body).status_code == 409, "somebody saved since version 1"
    assert client.put(one, json={"display_name": "a\nBcc: b@c.example"}).status_code == 422
    assert client.post(f"{one}/test", json={"to": "nobody"}).status_code == 422
    assert client.post(f"{one}/test", json={"to": "a@b.example"}).status_code == 202
    mapped = client.put("/api/v1/email-types/claim_paid", json={"role": "claims"}).json
    assert mapped == {
        "type": "claim_paid",
        "role": "Claims",
        "sender_email": mail_settings.mail_address,
        "template_version": None,
        "version": 1,
    }
    assert client.put("/api/v1/email-types/no_such", json={"role": "Claims"}).status_code == 422
    types = client.get("/api/v1/email-types").json
    assert [line["type"] for line in types or ()] == list(TYPES)
    assert client.delete(one).status_code == 409
    assert client.get(one).status_code == 200
    assert len(client.get(path).json or ()) == 2


@pytest.mark.parametrize("role", [Role.MANAGER, Role.FINANCE])
def test_only_tenant_administrators_see_and_change_senders(
    sign_in: Callable[..., SignedInClient], api: Callable[..., TestClient], role: Role
) -> None:
    browser, client = sign_in(role), api(role)

    assert browser.get(browser.url("/email-senders")).status_code == 403
    assert client.get("/api/v1/email-senders").status_code == 403
    body = {"role": "General"}
    assert api(Role.AUDITOR).put("/api/v1/email-types/claim_paid", json=body).status_code == 403
    assert client.put("/api/v1/email-types/claim_paid", json=body).status_code == 403
