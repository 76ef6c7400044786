"""Senders of mail and whose mail is whose, in the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import current_app
from pydantic import Field, StrictBool

from insurance.api.edge import Answer, Body, Reply, created, endpoint
from insurance.core import clock
from insurance.core.db import db
from insurance.core.settings import Settings
from insurance.message_templates.queries import wordings_of
from insurance.organizations.queries import get_organization
from insurance.senders import queries, sending, services, verification
from insurance.senders.models import EmailSender
from insurance.senders.permissions import SendersMay
from insurance.senders.rules import SenderDetails
from insurance.web.parsing import Words

TAG = "Email senders"


class DnsAnswer(Answer):
    """A record that a sender's domain is to publish; `found` is what it publishes."""

    record: str = Field(examples=["SPF"])
    name: str = Field(examples=["ubuntulife.example"])
    expected: str = Field(examples=["v=spf1 include:insurance.example ~all"])
    found: str | None = Field(examples=["v=spf1 include:insurance.example ~all"])
    holds: bool


class SenderAnswer(Answer):
    """A sender. It is verified once its mailbox and its domain are proven."""

    id: UUID
    role: str = Field(examples=["Claims"])
    display_name: str = Field(examples=["Ubuntu Life Claims"])
    email_address: str = Field(examples=["claims@ubuntulife.example"])
    reply_to: str | None = Field(examples=["claims@ubuntulife.example"])
    is_active: bool
    is_default: bool
    confirmed_at: datetime | None
    verified_at: datetime | None
    dns: list[DnsAnswer]
    version: int = Field(description="Counts edits; send it back with a change")


class NewSenderBody(Body):
    """A new sender. Without an address its mail is from the platform's."""

    role: Words = Field(min_length=1, max_length=40, examples=["Claims"])
    display_name: Words = Field(min_length=1, max_length=120, examples=["Ubuntu Life Claims"])
    email_address: Words | None = Field(
        None, max_length=254, examples=["claims@ubuntulife.example"]
    )
    reply_to: Words | None = Field(None, max_length=254, examples=["claims@ubuntulife.example"])
    is_active: StrictBool = True
    is_default: StrictBool = False


class SenderBody(Body):
    """What shall be other than it is; with `version` a change since you looked is refused."""

    role: Words | None = Field(None, min_length=1, max_length=40, examples=["Claims"])
    display_name: Words | None = Field(
        None, min_length=1, max_length=120, examples=["Ubuntu Life Claims"]
    )
    email_address: Words | None = Field(
        None, max_length=254, examples=["claims@ubuntulife.example"]
    )
    reply_to: Words | None = Field(None, max_length=254, examples=["claims@ubuntulife.example"])
    is_active: StrictBool | None = None
    is_default: StrictBool | None = None
    version: int | None = Field(None, ge=1, le=2**31)


class TestBody(Body):
    """Where a test goes."""

    to: Words = Field(min_length=3, max_length=254, examples=["nomsa@ubuntulife.example"])


class TestAnswer(Answer):
    """The mail that is on its way."""

    mail_id: UUID


class TypeAnswer(Answer):
    """A type of mail and who sends it; `template_version` is null for the product's own words."""

    type: str = Field(examples=["claim_approved"])
    role: str = Field(examples=["Claims"])
    sender_email: str = Field(examples=["claims@ubuntulife.example"])
    template_version: int | None
    version: int


class TypeBody(Body):
    """Whose mail a type shall be, from the next mail on."""

    role: Words = Field(min_length=1, max_length=40, examples=["Claims"])
    version: int | None = Field(None, ge=0, le=2**31)


@endpoint("GET", "/email-senders", may=SendersMay.VIEW, answer=list[SenderAnswer], tag=TAG)
def list_email_senders():
    """List the senders, by role."""
    return [_answer(sender) for sender in queries.list_senders(db.session())]


@endpoint("GET", "/email-senders/<uuid:sender_id>", may=SendersMay.VIEW, answer=SenderAnswer,
          tag=TAG)  # fmt: skip
def get_email_sender(sender_id: UUID):
    """Get a sender, with what its domain is to publish."""
    return _answer(queries.get_sender(db.session(), sender_id))


@endpoint("POST", "/email-senders", may=SendersMay.MANAGE, body=NewSenderBody, answer=SenderAnswer,
          status=201, tag=TAG)  # fmt: skip
def create_email_sender(body: NewSenderBody) -> Reply:
    """Make a sender; one with an address of its own is verified before its address is used."""
    details = SenderDetails(**body.model_dump(exclude={"org_id"}))
    sender = services.create_sender(details, _settings(), now=clock.now())
    return created(_answer(sender), "get_email_sender", sender_id=sender.id)


@endpoint("PUT", "/email-senders/<uuid:sender_id>", may=SendersMay.MANAGE, body=SenderBody,
          answer=SenderAnswer, tag=TAG)  # fmt: skip
def change_email_sender(sender_id: UUID, body: SenderBody):
    """Change a sender; a new address is to be verified."""
    sender = queries.get_sender(db.session(), sender_id)
    wanted: dict[str, Any] = {
        "role": sender.role,
        "display_name": sender.display_name,
        "email_address": sender.email_address,
        "reply_to": sender.reply_to,
        "is_active": sender.is_active,
        "is_default": queries.find_default(db.session()) == sender.id,
    }
    said = body.model_dump(exclude_unset=True, exclude={"org_id", "version"})
    for name, value in said.items():
        if value is not None or name in ("email_address", "reply_to"):
            wanted[name] = value
    details, version = SenderDetails(**wanted), body.version or sender.version
    changed = services.change_sender(
        sender_id, details, _settings(), version=version, now=clock.now()
    )
    return _answer(changed)


@endpoint("DELETE", "/email-senders/<uuid:sender_id>", may=SendersMay.MANAGE, answer=None,
          status=204, tag=TAG)  # fmt: skip
def delete_email_sender(sender_id: UUID):
    """Delete a sender that is not the default and has no types of mail."""
    services.delete_sender(sender_id, now=clock.now())


@endpoint("POST", "/email-senders/<uuid:sender_id>/verify", may=SendersMay.MANAGE,
          answer=SenderAnswer, tag=TAG)  # fmt: skip
def verify_email_sender(sender_id: UUID):
    """Look up what the domain publishes and mail the link that confirms the mailbox."""
    now = clock.now()
    sender = verification.check_dns(sender_id, _settings(), now=now)
    if sender.confirmed_at is None:
        url = f"{_settings().base_url}/{_slug()}/email-senders/{sender_id}/confirm"
        verification.ask_confirmation(sender_id, _settings(), url=url, now=now)
    return _answer(sender)


@endpoint("POST", "/email-senders/<uuid:sender_id>/test", may=SendersMay.MANAGE, body=TestBody,
          answer=TestAnswer, status=202, tag=TAG)  # fmt: skip
def test_email_sender(sender_id: UUID, body: TestBody):
    """Mail a test as a sender."""
    return {"mail_id": sending.send_test(sender_id, body.to)}


@endpoint("GET", "/email-types", may=SendersMay.VIEW, answer=list[TypeAnswer], tag=TAG)
def list_email_types():
    """List every type of mail with its sender."""
    return _type_answers()


@endpoint("PUT", "/email-types/<kind>", may=SendersMay.MANAGE, body=TypeBody, answer=TypeAnswer,
          tag=TAG)  # fmt: skip
def change_email_type(kind: str, body: TypeBody):
    """Give a type of mail another sender, which must be verified and active."""
    services.map_type(kind, body.role, version=body.version, now=clock.now())
    return next(answer for answer in _type_answers() if answer["type"] == kind)


def _answer(sender: EmailSender) -> dict[str, Any]:
    found = {one["name"]: one for one in sender.dns}
    unseen = {"found": None, "holds": False}
    return {
        **{
            name: getattr(sender, name)
            for name in SenderAnswer.model_fields
            if hasattr(sender, name)
        },
        "email_address": sender.email_address or _settings().mail_address,
        "is_default": queries.find_default(db.session()) == sender.id,
        "dns": [
            {"record": record.record, "name": record.name, "expected": record.expected}
            | {name: found.get(record.name, unseen)[name] for name in unseen}
            for record in verification.list_records(db.session(), sender, _settings())
        ],
    }


def _type_answers() -> list[dict[str, Any]]:
    lines = queries.list_types(db.session())
    words = wordings_of(db.session(), [line.type for line in lines])
    return [_type_answer(line, words[line.type].version) for line in lines]


def _type_answer(line: queries.TypeLine, template_version: int | None) -> dict[str, Any]:
    return {
        "type": line.type,
        "role": line.sender.role,
        "sender_email": line.address or _settings().mail_address,
        "template_version": template_version,
        "version": line.version,
    }


def _settings() -> Settings:
    return current_app.config["SETTINGS"]  # type: ignore[no-any-return]


def _slug() -> str:
    return get_organization(db.session()).slug
