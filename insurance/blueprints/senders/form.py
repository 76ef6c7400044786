"""The form of a sender, in a row, a drawer or a page."""

from typing import Any

from wtforms import BooleanField

from insurance.senders.models import EmailSender
from insurance.senders.rules import LONGEST_NAME, LONGEST_ROLE, SenderDetails
from insurance.web.forms import Form, Required, TextField, VersionField


class RowForm(Form):
    """A form in a row of a table, of which several may stand on a page."""

    def stand_in(self, place: str) -> None:
        """Give the fields ids of their own."""
        for field in self:
            field.id = field.label.field_id = f"{place}-{field.short_name}"


class SenderForm(RowForm):
    """Who mail of a role is from."""

    role = TextField("Role", [Required()], longest=LONGEST_ROLE, description="Such as Claims.")
    display_name = TextField(
        "Display name", [Required()], longest=LONGEST_NAME, description="What recipients read."
    )
    email_address = TextField(
        "Email address",
        longest=254,
        description="Without one, mail is from the platform's address, which needs no proof.",
    )
    reply_to = TextField("Replies go to", longest=254)
    is_active = BooleanField("Active", default=True)
    is_default = BooleanField("Default for every other mail")
    version = VersionField()

    @property
    def is_long(self) -> bool:
        """Keep no draft: it is a row of a table."""
        return False

    def details(self) -> SenderDetails:
        """Return what was typed."""
        return SenderDetails(
            role=self.role.data or "",
            display_name=self.display_name.data or "",
            email_address=self.email_address.data,
            reply_to=self.reply_to.data,
            is_active=self.is_active.data,
            is_default=self.is_default.data,
        )


def form_of(sender: EmailSender, *, is_default: bool) -> SenderForm:
    """Return the form of a sender that there is."""
    names = ("role", "display_name", "email_address", "reply_to", "is_active", "version")
    values: dict[str, Any] = {name: getattr(sender, name) for name in names}
    return SenderForm(data=values | {"is_default": is_default})
