"""When a mail is given up."""

import smtplib
from datetime import datetime, timedelta

TRIED_FOR = timedelta(days=3)
"""A mail server that is down over a weekend is back before its mail is given up."""


def is_given_up(error: Exception, tried_from: datetime, now: datetime) -> bool:
    """Tell whether a mail that could not be sent is not tried again by itself.

    After three days, or at once where the server refused it for good (5xx, RFC 5321 4.2.1).
    """
    return is_refused_for_good(error) or now - tried_from >= TRIED_FOR


def is_refused_for_good(error: Exception) -> bool:
    """Tell whether the server said that the same mail will never be taken.

    What it says before it knows the mail, such as of our password, is mended, and not the mail.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _words in error.recipients.values())
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError):
        return error.smtp_code >= 500
    return False
