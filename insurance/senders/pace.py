"""How many mails about senders an organization may send: they go to any address that is typed."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.errors import TooManyError
from insurance.core.tenancy import current_org
from insurance.notifications.models import Mail
from insurance.senders.models import EmailSetting
from insurance.senders.rules import AN_HOUR


def keep_pace(session: Session) -> None:
    """Let one more test or confirmation be mailed. Raises TooManyError where there were enough."""
    session.get(EmailSetting, current_org(), with_for_update=True)
    lately = select(func.count()).where(
        Mail.org_id == current_org(),
        Mail.resource == "email_senders",
        Mail.resource_id.is_not(None),
        Mail.created_at > clock.now() - timedelta(hours=1),
    )
    if session.scalars(lately).one() >= AN_HOUR:
        raise TooManyError(
            f"{AN_HOUR} tests and confirmations were mailed within the hour. Try again later."
        )
