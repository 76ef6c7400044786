"""The mail log in the API: what left, waits or failed, and sending again what failed."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, ListQuery, endpoint, listing
from insurance.core.db import db
from insurance.core.paging import decode_cursor
from insurance.notifications import queries, services
from insurance.notifications.models import MailState
from insurance.notifications.permissions import MailMay


class MailAnswer(Answer):
    """A mail and where it is on its way; its words are shown on screen only."""

    id: UUID
    kind: str
    recipient: str
    subject: str
    language: str | None = Field(examples=["en"])
    template_version: int | None = Field(
        description="The organization's own version; null for the product's words, 0 for a draft"
    )
    state: MailState
    created_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    attempts: int
    error: str | None


class MailsQuery(ListQuery):
    """Mails in one state, or all."""

    state: MailState | None = None


class SentAgainAnswer(Answer):
    """How many failed mails are tried again."""

    mails: int


@endpoint(
    "GET",
    "/mails",
    may=MailMay.VIEW,
    query=MailsQuery,
    answer=list[MailAnswer],
    tag="Mail",
)
def list_mails(query: MailsQuery):
    """List mails, newest first."""
    found = queries.list_mails(
        db.session(),
        after=decode_cursor(query.cursor, 1, UUID)[0] if query.cursor else None,
        limit=query.limit,
        state=query.state,
    )
    return listing(found)


@endpoint("GET", "/mails/<uuid:mail_id>", may=MailMay.VIEW, answer=MailAnswer, tag="Mail")
def get_mail(mail_id: UUID):
    """Get a mail."""
    return queries.get_mail(db.session(), mail_id)


@endpoint(
    "POST", "/mails/<uuid:mail_id>/send-again", may=MailMay.SEND, answer=MailAnswer, tag="Mail"
)
def send_mail_again(mail_id: UUID):
    """Try a failed mail again."""
    services.send_again(mail_id)
    return queries.get_mail(db.session(), mail_id)


@endpoint("POST", "/mails/send-again", may=MailMay.SEND, answer=SentAgainAnswer, tag="Mail")
def send_all_mails_again():
    """Try every failed mail again."""
    return {"mails": services.send_all_again()}
