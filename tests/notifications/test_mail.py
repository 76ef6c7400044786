"""Mail leaves after the commit that asked for it, once, and says when it could not."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.jobs import OutboxJob
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.notifications.models import Mail
from insurance.notifications.services import send_again, send_all_again, send_later, send_mail
from insurance.notifications.texts import PERSONAL, TEXTS
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts
from tests.factories.postbox import Postbox, open_postbox


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, str]]:
    """Return a running SMTP server and its address."""
    with open_postbox() as opened:
        yield opened


def _ask(kind: str = "password_changed", to: str = "thandi@x.example", **values: str) -> Mail:
    with transaction() as session:
        send_later(session, kind, to=to, **({"name": "Thandi Mokoena"} | values))
        return session.scalars(select(Mail).order_by(Mail.id.desc()).limit(1)).one()


def test_a_mail_leaves_by_the_server_and_is_marked(
    session: Session, org: OrganizationFacts, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    mail = _ask()
    send_mail(mail.id, replace(settings, smtp_url=url))

    message = box.received[0]
    sender = f"{org.name} <{settings.mail_from}>"
    assert (message["To"], message["From"]) == ("thandi@x.example", sender)
    assert message["Subject"] == "Your password was changed"
    assert "Hello Thandi Mokoena" in message.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert session.scalars(select(Mail.sent_at)).one() is not None


def test_a_job_that_runs_twice_sends_one_mail(
    session: Session, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    mail = _ask()
    for _ in range(3):
        send_mail(mail.id, replace(settings, smtp_url=url))

    assert len(box.received) == 1


def test_a_failure_is_noted_and_the_next_try_succeeds(
    session: Session, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    mail = _ask()
    box.is_closed = True
    with pytest.raises(smtplib.SMTPException):
        send_mail(mail.id, replace(settings, smtp_url=url))
    session.expire_all()
    failed = session.scalars(select(Mail)).one()
    assert (failed.attempts, failed.sent_at) == (1, None)
    assert "Come back later" in (failed.error or "")
    session.rollback()

    box.is_closed = False
    send_mail(mail.id, replace(settings, smtp_url=url))
    session.expire_all()
    sent = session.scalars(select(Mail)).one()
    assert (sent.attempts, sent.error) == (2, None)


def test_a_server_that_is_down_is_a_failure_like_any_other(
    session: Session, settings: Settings
) -> None:
    mail = _ask()
    with pytest.raises(OSError):  # noqa: PT011
        send_mail(mail.id, replace(settings, smtp_url="smtp://127.0.0.1:1"))
    session.expire_all()
    assert session.scalars(select(Mail.attempts)).one() == 1


def test_without_a_server_mail_is_written_to_the_instance(
    session: Session, settings: Settings, tmp_path: Path
) -> None:
    mail = _ask()
    send_mail(mail.id, replace(settings, smtp_url=None, instance=tmp_path))

    files = list((tmp_path / "mail").glob("*.eml"))
    assert len(files) == 1
    assert message_from_bytes(files[0].read_bytes())["Subject"] == "Your password was changed"


def test_nothing_leaves_when_the_command_that_asked_fails(session: Session) -> None:
    with pytest.raises(ZeroDivisionError), transaction() as running:
        send_later(running, "password_changed", to="thandi@x.example", name="Thandi")
        _ = 1 / 0

    assert session.scalars(select(Mail)).all() == []
    assert session.scalars(select(OutboxJob)).all() == []


def test_the_job_stands_in_the_same_transaction_as_the_mail(session: Session) -> None:
    mail = _ask()
    job = session.scalars(select(OutboxJob)).one()

    assert (job.name, job.arguments) == ("notifications.send_mail", {"mail_id": str(mail.id)})


@pytest.mark.parametrize(
    "name", ["x\r\nBcc: all@x.example", "x\nSubject: buy", "{link}", "{0}", "%s", "\u202ex", "Ḓoḓo"]
)
def test_a_name_can_neither_add_headers_nor_fill_places(
    session: Session, settings: Settings, postbox: tuple[Postbox, str], name: str
) -> None:
    box, url = postbox
    mail = _ask(
        "access_offered", organization=name, inviter=name, name=name, link="http://host/sign-in"
    )
    send_mail(mail.id, replace(settings, smtp_url=url))

    message = box.received[0]
    assert message["Bcc"] is None
    assert message.get_all("Subject") is not None and len(message.get_all("Subject") or []) == 1
    assert "http://host/sign-in" in message.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_a_personal_link_is_sealed_until_it_leaves_and_gone_afterwards(
    session: Session, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    mail = _ask("password_reset", link="http://host/new-password/abc-not-by-chance")
    assert "abc-not-by-chance" not in mail.body
    send_mail(mail.id, replace(settings, smtp_url=url))
    session.expire_all()

    assert (
        "http://host/new-password/abc-not-by-chance"
        in box.received[0].get_payload(decode=True).decode()
    )  # type: ignore[union-attr]
    assert session.scalars(select(Mail.body)).one() == ""


def test_another_insurers_mail_cannot_be_sent(
    session: Session, settings: Settings, other_org: OrganizationFacts
) -> None:
    mail = _ask()
    with tenant_scope(other_org.id), pytest.raises(NotFoundError):
        send_mail(mail.id, settings)
    with pytest.raises(NotFoundError):
        send_mail(new_id(), settings)


def test_every_kind_has_a_subject_of_one_line_and_a_body_that_ends() -> None:
    for subject, body in TEXTS.values():
        assert "\n" not in subject
        assert body.endswith("\n")
    assert set(TEXTS) >= PERSONAL


def _fail(session: Session, settings: Settings, mail: Mail, after: timedelta) -> Mail:
    """Try a mail on a server that is down, some time after it was asked for."""
    session.rollback()
    with clock.frozen(mail.created_at + after), suppress(OSError):
        send_mail(mail.id, replace(settings, smtp_url="smtp://127.0.0.1:1"))
    session.expire_all()
    return session.get_one(Mail, (mail.org_id, mail.id))


def test_a_mail_is_tried_for_three_days_and_then_waits_for_somebody_to_send_it_again(
    session: Session, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    mail = _ask()
    assert _fail(session, settings, mail, timedelta(days=2, hours=23)).state == "WAITING"
    assert _fail(session, settings, mail, timedelta(days=3)).state == "FAILED"
    session.rollback()
    send_mail(mail.id, replace(settings, smtp_url=url))
    assert box.received == [], "a mail that was given up leaves only when somebody asks for it"

    send_again(mail.id)
    send_mail(mail.id, replace(settings, smtp_url=url))

    assert len(box.received) == 1
    with pytest.raises(ConflictError, match="Only a mail that failed"):
        send_again(mail.id)


def test_an_address_that_the_server_refuses_for_good_is_not_tried_for_days(
    session: Session, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    mail = _ask()
    box.is_closed, box.refusal = True, "550 No such person here"

    send_mail(mail.id, replace(settings, smtp_url=url))

    session.expire_all()
    assert session.get_one(Mail, (mail.org_id, mail.id)).state == "FAILED"


def test_all_failed_mails_are_sent_again_but_no_link_that_has_expired(
    session: Session, settings: Settings, postbox: tuple[Postbox, str]
) -> None:
    box, url = postbox
    letters = [_ask(), _ask(to="sipho@x.example")]
    link = _ask("password_reset", link="http://host/new-password/abc-not-by-chance")
    for mail in (*letters, link):
        _fail(session, settings, mail, timedelta(days=3))
    session.rollback()

    assert send_all_again() == 2
    for mail in (*letters, link):
        send_mail(mail.id, replace(settings, smtp_url=url))

    assert len(box.received) == 2
    with pytest.raises(DomainError, match="expired"):
        send_again(link.id)


def test_failed_mails_are_seen_and_sent_again_on_screen_and_over_the_api(
    session: Session,
    settings: Settings,
    sign_in: Callable[..., SignedInClient],
    api: Callable[..., TestClient],
) -> None:
    first, second = _ask(), _ask(to="sipho@x.example")
    for mail in (first, second):
        _fail(session, settings, mail, timedelta(days=3))
    session.rollback()
    admin, auditor = sign_in(), sign_in(Role.AUDITOR)

    assert "2 mails could not be sent" in admin.get(admin.url("/")).text
    failed = 'Failed <span class="count">2</span>'
    assert failed in admin.get(admin.url("/mail?state=failed")).text
    assert "Send again" not in auditor.get(auditor.url(f"/mail/{first.id}")).text
    assert auditor.post(auditor.url(f"/mail/{first.id}/send-again")).status_code == 403
    assert admin.post(admin.url(f"/mail/{first.id}/send-again")).status_code == 303
    failed = api().get("/api/v1/mails?state=FAILED").json
    assert [mail["id"] for mail in failed] == [str(second.id)]
    assert api(Role.AUDITOR).post("/api/v1/mails/send-again").status_code == 403
    assert api().post("/api/v1/mails/send-again").json == {"mails": 1}
    assert api().get(f"/api/v1/mails/{second.id}").json["state"] == "WAITING"
    actions = session.scalars(
        select(AuditEvent.resource_id).where(AuditEvent.action == "mails.send_again")
    ).all()
    assert set(actions) == {str(first.id), str(second.id)}
