"""The administrator's screens and endpoints: /message-templates."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.permissions import Role
from insurance.message_templates import queries, services
from insurance.notifications.languages import Language
from insurance.notifications.models import Mail
from insurance.notifications.services import About, send_later
from insurance.policies.models import Policy
from tests.factories.book import make_book
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts

KIND, ENGLISH = "claim_reopened", Language.ENGLISH
TYPED = {
    "subject": "Claim {number}",
    "body": "Good day {name}\r\n\r\nHere is {number}.",
    "version": "0",
}


@pytest.fixture
def admin(sign_in: Callable[..., SignedInClient]) -> SignedInClient:
    """Return the administrator's browser."""
    return sign_in(Role.TENANT_ADMINISTRATOR)


def test_words_are_tried_saved_compared_and_put_back_on_screen(
    admin: SignedInClient, session: Session
) -> None:
    here = admin.url(f"/message-templates/{KIND}/en")
    assert "We look at your claim CLM-2026-000001 again." in admin.get(here).text
    looked = admin.post(here, data=TYPED | {"do": "preview"}).text
    assert "Good day Thandi Mokoena Here is CLM-2026-000001." in looked
    assert "not saved yet" in looked
    assert queries.list_versions(session, KIND, ENGLISH) == []
    admin.post(here, data=TYPED | {"do": "test"})
    tried = session.scalars(select(Mail)).one()
    assert (tried.recipient, tried.subject, tried.wording) == (
        admin.person.email,
        "Test: Claim CLM-2026-000001",
        "Draft, English",
    )

    assert admin.post(here, data=TYPED | {"do": "save"}).status_code == 303
    stale = admin.post(here, data=TYPED | {"body": "Mine {number}", "do": "save"})
    assert stale.status_code == 409
    assert "Mine {number}" in stale.text
    assert "Good day {name}" in stale.text
    refused = admin.post(here, data=TYPED | {"body": "{{ config }}", "do": "save"})
    assert refused.status_code == 422
    assert "no code: no loops" in refused.text
    listed = admin.get(admin.url("/message-templates")).text
    assert re.search(r"Claim reopened.*?Version 1", listed, re.DOTALL)
    if_used = admin.url(f"/message-templates/{KIND}/en/versions/0")
    assert "<ins>We look at your claim {number} again.</ins>" in admin.get(if_used).text
    asked = admin.get(f"{if_used}/use")
    assert asked.status_code == 200
    assert admin.post(f"{if_used}/use", data={"version": "1"}).status_code == 303
    assert admin.post(f"{if_used}/use", data={"version": "1"}).status_code == 409
    assert queries.get_template(session, KIND, ENGLISH).wording.version is None
    for wrong in ("no_such/en", f"{KIND}/fr", f"{KIND}/en/versions/9", f"{KIND}/en/versions/9/use"):
        assert admin.get(admin.url(f"/message-templates/{wrong}")).status_code == 404
    language = {"language": "af", "version": "0"}
    assert admin.get(admin.url("/message-templates/language")).status_code == 200
    assert admin.post(admin.url("/message-templates/language"), data=language).status_code == 303
    assert (
        "Nothing is written in isiXhosa yet"
        in admin.get(admin.url(f"/message-templates/{KIND}/xh")).text
    )


def test_a_sent_mail_says_whose_words_it_is_in_wherever_it_is_shown(
    admin: SignedInClient, session: Session
) -> None:
    services.save_template(
        KIND, ENGLISH, TYPED["subject"], TYPED["body"], version=0, now=clock.now()
    )
    policy_id = make_book().policy_id
    with transaction() as running:
        mail_id = send_later(
            running,
            KIND,
            to="thandi@x.example",
            about=About("policies", policy_id),
            name="Thandi",
            number="CLM-1",
            organization="Ubuntu Life",
        )
    words = "Version 1, English"
    assert words in admin.get(admin.url(f"/mail/{mail_id}")).text
    assert words in admin.get(admin.url("/mail")).text
    assert words in admin.get(admin.url(f"/correspondence/policies/{policy_id}")).text
    assert words in admin.get(admin.url(f"/correspondence/messages/{mail_id}")).text
    types = admin.get(admin.url("/email-senders")).text
    assert re.search(r"Version 1<span\s+class=\"hidden-text\"> words of Claim reopened", types)


def test_programs_write_try_and_put_back_words(
    api: Callable[..., TestClient], session: Session
) -> None:
    client, path = api(), f"/api/v1/message-templates/{KIND}/en"
    whole = client.get(path).json
    assert whole is not None
    assert (whole["template_version"], whole["version"]) == (None, 0)
    assert [one["name"] for one in whole["variables"]] == ["name", "number", "organization"]
    body = {"subject": "Claim {number}", "body": "Dear {name}, {number}.", "version": 0}
    made = client.put(path, json=body)
    assert (made.status_code, made.json and made.json["template_version"]) == (200, 1)
    assert client.put(path, json=body).status_code == 409
    refused = client.put(path, json=body | {"body": "{premium}", "version": 1})
    assert refused.status_code == 422
    assert "There are {name}, {number}, {organization}." in refused.text
    versions = client.get(f"{path}/versions").json or []
    assert [(one["number"], one["body"]) for one in versions] == [(1, "Dear {name}, {number}.\n")]
    types = client.get("/api/v1/email-types").json or []
    assert {line["type"]: line["template_version"] for line in types}[KIND] == 1
    back = client.post(f"{path}/versions", json={"number": 0, "version": 1}).json
    assert (back and back["template_version"]) is None
    assert client.post(f"{path}/versions", json={"number": 7, "version": 2}).status_code == 404
    assert client.post(f"{path}/test", json={}).status_code == 202
    assert client.get("/api/v1/message-templates/no_such/en").status_code == 404
    assert client.get(f"/api/v1/message-templates/{KIND}/fr").status_code == 404
    assert client.get("/api/v1/message-templates/language").json == {"language": "en", "version": 0}
    chosen = client.put("/api/v1/message-templates/language", json={"language": "zu", "version": 0})
    assert chosen.json == {"language": "zu", "version": 1}


def test_words_are_tried_on_a_policy_that_its_reader_may_see(
    api: Callable[..., TestClient], session: Session, org: OrganizationFacts
) -> None:
    number = session.get_one(Policy, (org.id, make_book().policy_id)).policy_number
    path = "/api/v1/message-templates/premium_reminder/en/preview"
    seen = api().post(path, json={"record": number.lower()}).json
    assert seen is not None
    assert number in seen["body"]
    assert seen["samples"] == ["due_date"]
    refused = api().post(path, json={"record": "PL-0000-000000"})
    assert (refused.status_code, "no policy with this number" in refused.text) == (422, True)
    none = api().post("/api/v1/message-templates/invitation/en/preview", json={"record": "X"})
    assert none.status_code == 422


def test_auditors_look_administrators_write_and_nobody_else_does_either(
    sign_in: Callable[..., SignedInClient], api: Callable[..., TestClient]
) -> None:
    body = {"subject": "Claim {number}", "body": "Dear {name}, {number}.", "version": 0}
    path = f"/api/v1/message-templates/{KIND}/en"
    auditor, manager = sign_in(Role.AUDITOR), sign_in(Role.MANAGER)
    here = f"/message-templates/{KIND}/en"

    assert auditor.get(auditor.url(here)).status_code == 200
    assert auditor.post(auditor.url(here), data=TYPED | {"do": "save"}).status_code == 403
    assert auditor.post(auditor.url(f"{here}/versions/0/use")).status_code == 403
    assert manager.get(manager.url("/message-templates")).status_code == 403
    assert api(Role.AUDITOR).put(path, json=body).status_code == 403
    assert api(Role.AUDITOR).get(path).status_code == 200
    assert api(Role.MANAGER).get(path).status_code == 403
