"""Mail is from the sender of its type; a sender's address is proven before mail is from it."""

from collections.abc import Callable
from datetime import timedelta
from email.header import decode_header, make_header
from email.utils import parseaddr
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError, StaleError
from insurance.core.settings import Settings
from insurance.core.tenancy import current_org, tenant_scope
from insurance.notifications.models import Mail
from insurance.notifications.services import send_mail
from insurance.senders import queries, sending, services, verification
from insurance.senders.dns import NoAnswerError
from insurance.senders.links import sign_link
from insurance.senders.models import EmailSender
from insurance.senders.rules import SenderDetails
from tests.factories.name_server import NameServer
from tests.factories.organizations import OrganizationFacts
from tests.factories.postbox import Postbox

ADDRESS = "claims@ubuntulife.example"
CLAIMS = SenderDetails("Claims", "Ubuntu Life Claims", reply_to="help@ubuntulife.example")
OWN = SenderDetails("Claims", "Ubuntu Life Claims", ADDRESS)
SPF = "v=spf1 include:_spf.other.example include:insurance.example ~all"


def _make(settings: Settings, details: SenderDetails = CLAIMS) -> EmailSender:
    return services.create_sender(details, settings, now=clock.now())


def _publish(sender: EmailSender, settings: Settings, names: NameServer) -> None:
    """Publish everything that is asked for, beside what else the domain says."""
    for record in verification.list_records(db.session(), sender, settings):
        names.texts[record.name] = [record.expected]
    names.texts[sender.domain] = ["google-site-verification=1", SPF]


def _prove(sender: EmailSender, settings: Settings, names: NameServer) -> None:
    _publish(sender, settings, names)
    verification.check_dns(sender.id, settings, now=clock.now())
    token = sign_link(settings.secret_key, current_org(), sender.id, ADDRESS, now=clock.now())
    verification.confirm_sender(sender.id, token, settings, now=clock.now())


def _actions(session: Session) -> list[str]:
    found = session.scalars(select(AuditEvent).order_by(AuditEvent.id))
    return [event.action for event in found if event.action.startswith("senders.")]


def test_a_type_of_mail_is_from_its_sender_from_the_next_mail_on(
    session: Session, mail_settings: Settings, box: Postbox, send: Callable[..., None]
) -> None:
    _make(mail_settings)
    send()
    services.map_type("claim_reopened", "claims", now=clock.now())
    send()
    send("password_changed")

    first, mapped, other = box.received
    assert "Claims" not in first["From"]
    assert parseaddr(mapped["From"]) == ("Ubuntu Life Claims", mail_settings.mail_address)
    assert mapped["Reply-To"] == "help@ubuntulife.example"
    assert other["From"] == first["From"]
    assert other["Reply-To"] is None
    assert _actions(session) == ["senders.create", "senders.map"]


def test_an_address_is_used_once_mailbox_and_domain_are_proven(
    session: Session,
    mail_settings: Settings,
    names: NameServer,
    box: Postbox,
    send: Callable[..., None],
) -> None:
    sender = _make(mail_settings, OWN)
    with pytest.raises(ConflictError, match="not verified"):
        services.map_type("claim_reopened", "Claims", now=clock.now())

    mail_id = verification.ask_confirmation(
        sender.id, mail_settings, url="https://x.example/confirm", now=clock.now()
    )
    assert "https" not in session.get_one(Mail, (current_org(), mail_id)).body, "kept sealed"
    send_mail(mail_id, mail_settings)
    words = box.received[0].get_payload(decode=True).decode()  # type: ignore[union-attr]
    token = words.split("https://x.example/confirm/")[1].split()[0]
    verification.confirm_sender(sender.id, token, mail_settings, now=clock.now())
    _publish(sender, mail_settings, names)
    proven = verification.check_dns(sender.id, mail_settings, now=clock.now())
    assert proven.verified_at is not None
    services.map_type("claim_reopened", "Claims", now=clock.now())
    send()

    assert box.received[-1]["From"] == f"Ubuntu Life Claims <{ADDRESS}>"
    assert _actions(session) == [
        f"senders.{act}" for act in ("create", "ask_confirmation", "confirm", "check_dns", "map")
    ]


def test_a_domain_that_is_not_theirs_is_never_verified(
    session: Session, mail_settings: Settings, names: NameServer
) -> None:
    sender = _make(mail_settings, OWN)
    _prove(sender, mail_settings, names)
    names.texts["ubuntulife.example"] = ["v=spf1 include:notinsurance.example -all"]
    found = verification.check_dns(sender.id, mail_settings, now=clock.now())
    assert [(one["record"], one["holds"]) for one in found.dns] == [
        ("SPF", False),
        ("DMARC", True),
        ("DKIM", True),
    ]
    assert found.confirmed_at is not None
    assert found.verified_at is None

    names.texts["ubuntulife.example"] = [SPF, "v=spf1 -all"]
    assert verification.check_dns(sender.id, mail_settings, now=clock.now()).verified_at is None
    names.texts = {}
    assert verification.check_dns(sender.id, mail_settings, now=clock.now()).dns[1]["found"] is None


def test_a_name_server_that_fails_changes_nothing(
    session: Session, mail_settings: Settings, names: NameServer
) -> None:
    sender = _make(mail_settings, OWN)
    _prove(sender, mail_settings, names)
    names.is_broken = True

    with pytest.raises(NoAnswerError):
        verification.check_dns(sender.id, mail_settings, now=clock.now())
    session.expire_all()
    assert queries.get_sender(session, sender.id).verified_at is not None


def test_a_link_counts_for_its_sender_and_address_for_three_days(
    session: Session, mail_settings: Settings
) -> None:
    sender, now = _make(mail_settings, OWN), clock.now()
    key, org_id = mail_settings.secret_key, current_org()
    token = sign_link(key, org_id, sender.id, ADDRESS, now=now)
    for wrong in (
        token[:-2],
        sign_link(b"x" * 32, org_id, sender.id, ADDRESS, now=now),
        sign_link(key, org_id, sender.id, "ceo@ubuntulife.example", now=now),
        sign_link(key, UUID(int=1), sender.id, ADDRESS, now=now),
        sign_link(key, org_id, sender.id, ADDRESS, now=now - timedelta(days=3)),
    ):
        with pytest.raises(NotFoundError):
            verification.confirm_sender(sender.id, wrong, mail_settings, now=now)
    verification.confirm_sender(sender.id, token, mail_settings, now=now)


def test_a_new_address_is_to_be_proven_and_mail_goes_on_meanwhile(
    session: Session,
    mail_settings: Settings,
    names: NameServer,
    box: Postbox,
    send: Callable[..., None],
) -> None:
    sender = _make(mail_settings, OWN)
    _prove(sender, mail_settings, names)
    services.map_type("claim_reopened", "Claims", now=clock.now())
    changed = SenderDetails("Claims", "Ubuntu Life Claims", "elsewhere@other.example")
    version = queries.get_sender(session, sender.id).version
    services.change_sender(sender.id, changed, mail_settings, version=version, now=clock.now())
    send()
    change = queries.list_changes(session, str(sender.id))[0]
    services.undo_change(change.id, now=clock.now())
    send()

    assert [parseaddr(mail["From"])[1] for mail in box.received] == [
        mail_settings.mail_address,
        ADDRESS,
    ]


@pytest.mark.parametrize(
    ("details", "field"),
    [
        (SenderDetails("Claims", "Claims\r\nBcc: thief@x.example"), "display_name"),
        (SenderDetails("Claims", "Claims\u2028Bcc: thief@x.example"), "display_name"),
        (SenderDetails("Claims", "sm\u202eialC"), "display_name"),
        (SenderDetails("Claims\n", "Claims"), "role"),
        (SenderDetails("", "Claims"), "role"),
        (SenderDetails("Claims", "C" * 121), "display_name"),
        (SenderDetails("Claims", "Claims", "claims@x.example\nBcc: a@b.example"), "email_address"),
        (SenderDetails("Claims", "Claims", "a@b.example, c@d.example"), "email_address"),
        (SenderDetails("Claims", "Claims", reply_to="nobody"), "reply_to"),
        (SenderDetails("general", "A second one"), "role"),
        (SenderDetails("Claims", "Claims", is_active=False, is_default=True), "is_active"),
    ],
)
def test_what_a_header_cannot_hold_is_refused_where_it_stands(
    session: Session, mail_settings: Settings, details: SenderDetails, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        _make(mail_settings, details)
    assert [error.field for error in refused.value.errors] == [field]


def test_a_name_in_any_script_is_read_as_it_was_written(
    session: Session, mail_settings: Settings, box: Postbox, send: Callable[..., None]
) -> None:
    name = 'Ubuntu „Lewe“, Eise & Ēisé 保险 "the <best>" \\o/'
    _make(mail_settings, SenderDetails("Claims", name))
    services.map_type("claim_reopened", "Claims", now=clock.now())
    send()

    raw = box.raw[0].partition(b"\r\n\r\n")[0]
    assert raw.isascii()
    encoded, address = parseaddr(box.received[0]["From"].replace("\r\n", ""))
    assert (str(make_header(decode_header(encoded))), address) == (name, mail_settings.mail_address)


def test_there_is_always_exactly_one_default(session: Session, mail_settings: Settings) -> None:
    first = queries.find_default(session)
    assert first is not None
    general = queries.get_sender(session, first)
    with pytest.raises(ConflictError):
        services.delete_sender(first, now=clock.now())
    for details in (
        SenderDetails("General", "Ubuntu", is_default=False),
        SenderDetails("General", "Ubuntu", is_active=False),
    ):
        with pytest.raises(ConflictError):
            services.change_sender(
                first, details, mail_settings, version=general.version, now=clock.now()
            )
    with pytest.raises(ConflictError, match="not verified"):
        _make(mail_settings, SenderDetails("New", "New", ADDRESS, is_default=True))
    second = _make(mail_settings, SenderDetails("New", "New", is_default=True))
    assert queries.find_default(session) == second.id
    with pytest.raises(IntegrityError), transaction() as running:
        running.execute(text("UPDATE ins.email_settings SET default_sender_id = NULL"))
    with pytest.raises(IntegrityError), transaction() as running:
        running.execute(text("INSERT INTO ins.email_settings SELECT * FROM ins.email_settings"))
    with pytest.raises(IntegrityError), transaction() as running:
        running.execute(text("DELETE FROM ins.email_senders WHERE role = 'New'"))

    services.undo_change(queries.list_changes(session)[0].id, now=clock.now())
    assert queries.find_default(session) == first
    assert queries.find_sender(session, "New") is None


def test_whose_mail_a_type_is_goes_back_in_one_step_for_a_day(
    session: Session, mail_settings: Settings
) -> None:
    sender = _make(mail_settings)
    services.map_type("claim_paid", "Claims", version=0, now=clock.now())
    with pytest.raises(StaleError):
        services.map_type("claim_paid", "General", version=0, now=clock.now())
    with pytest.raises(ConflictError, match="still sends claim_paid"):
        services.delete_sender(sender.id, now=clock.now())
    change = queries.list_changes(session, "claim_paid")[0]
    with pytest.raises(ConflictError, match="24 hours"):
        services.undo_change(change.id, now=clock.now() + timedelta(hours=25))
    services.undo_change(change.id, now=clock.now())
    line = next(line for line in queries.list_types(session) if line.type == "claim_paid")
    assert (line.sender.role, line.is_default) == ("General", True)
    with pytest.raises(ConflictError, match="undone already"):
        services.undo_change(change.id, now=clock.now())

    services.delete_sender(sender.id, now=clock.now())
    services.undo_change(queries.list_changes(session, str(sender.id))[0].id, now=clock.now())
    assert queries.find_sender(session, "Claims").id == sender.id  # type: ignore[union-attr]


def test_a_deactivated_sender_leaves_its_mail_to_the_default(
    session: Session, mail_settings: Settings, box: Postbox, send: Callable[..., None]
) -> None:
    sender = _make(mail_settings)
    services.map_type("claim_reopened", "Claims", now=clock.now())
    off = SenderDetails("Claims", "Ubuntu Life Claims", is_active=False)
    services.change_sender(sender.id, off, mail_settings, version=1, now=clock.now())
    send()

    assert box.received[0]["From"].startswith("Insurer")
    with pytest.raises(ConflictError, match="not active"):
        services.map_type("claim_paid", "Claims", now=clock.now())


def test_nobody_reaches_the_senders_of_another_organization(
    session: Session, mail_settings: Settings, other_org: OrganizationFacts
) -> None:
    sender = _make(mail_settings)
    change = queries.list_changes(session)[0]
    with tenant_scope(other_org.id):
        for attack in (
            lambda: services.change_sender(
                sender.id, CLAIMS, mail_settings, version=1, now=clock.now()
            ),
            lambda: services.delete_sender(sender.id, now=clock.now()),
            lambda: services.undo_change(change.id, now=clock.now()),
            lambda: sending.send_test(sender.id, "thief@x.example"),
            lambda: verification.check_dns(sender.id, mail_settings, now=clock.now()),
        ):
            with pytest.raises(NotFoundError):
                attack()
        with pytest.raises(DomainError, match="no sender of this role"):
            services.map_type("claim_paid", "Claims", now=clock.now())
