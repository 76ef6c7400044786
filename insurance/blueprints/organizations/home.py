"""Mails that could not be sent, and the people of a new organization."""

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from insurance.identity.permissions import PeopleMay
from insurance.identity.queries import list_colleagues, list_members
from insurance.notifications.permissions import MailMay
from insurance.notifications.queries import count_failed
from insurance.web.home import HomeItem, HomeWork, SetupStep


def _failed(session: Session, _now: datetime) -> Sequence[HomeItem]:
    failed = count_failed(session)
    if not failed:
        return []
    words = "1 mail could not be sent" if failed == 1 else f"{failed} mails could not be sent"
    return [HomeItem(words, url_for("mail.index", state="failed"))]


HOME = (HomeWork("Mail", MailMay.VIEW, 90, "mail.index", _failed, {"state": "failed"}),)
SETUP = (
    SetupStep(
        "Invite your people",
        "Two people at least: whoever asks does not decide.",
        PeopleMay.MANAGE,
        10,
        "people.index",
        lambda session: len(list_colleagues(session, limit=2).items) > 1,
    ),
    SetupStep(
        "See them arrive",
        "Whoever has not chosen a password in seven days needs a new invitation.",
        PeopleMay.MANAGE,
        15,
        "people.index",
        lambda session: len(list_members(session)) > 1,
    ),
)
