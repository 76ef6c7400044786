"""The link that is mailed to a sender's address: signed, for that address, for some days."""

from datetime import datetime
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer

from insurance.core.errors import NotFoundError
from insurance.senders.rules import LINK_LASTS

_SALT = "the address of a mail sender"


def sign_link(key: bytes, org_id: UUID, sender_id: UUID, address: str, *, now: datetime) -> str:
    """Return what proves that whoever has it reads the mail of an address."""
    ends = int((now + LINK_LASTS).timestamp())
    said = [str(org_id), str(sender_id), address, ends]
    return str(URLSafeSerializer(key, _SALT).dumps(said))


def check_link(
    token: str, key: bytes, org_id: UUID, sender_id: UUID, address: str | None, *, now: datetime
) -> None:
    """Refuse a link that is forged, expired, or of another sender or address. Raises NotFoundError."""
    try:
        said = URLSafeSerializer(key, _SALT).loads(token)
    except BadSignature as error:
        raise NotFoundError from error
    if said[:3] != [str(org_id), str(sender_id), address] or now.timestamp() >= said[3]:
        raise NotFoundError("This link has expired. Ask for another one.")
