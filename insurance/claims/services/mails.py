"""Telling the claimant, through the outbox, what became of a claim."""

from uuid import UUID

from insurance.claims.services.history import Held
from insurance.core.money import format_money
from insurance.notifications.services import About, Letter, send_later


def tell_claimant(
    held: Held,
    kind: str,
    *,
    attachment: tuple[str, bytes] | None = None,
    document_id: UUID | None = None,
    **values: str,
) -> None:
    """Put a mail of a kind into the outbox; nothing where the claimant has no address."""
    claim = held.claim
    if not claim.claimant_email:
        return
    words = {
        "name": claim.claimant_name,
        "number": claim.claim_number,
        "policy": held.policy.policy_number,
        "organization": held.organization.name,
        **values,
    }
    about = About("claims", claim.id, held.policy.customer_id)
    if attachment is None:
        held.told.letters.append(Letter(kind, claim.claimant_email, words, about))
    else:
        send_later(
            held.session,
            kind,
            to=claim.claimant_email,
            attachment=attachment,
            about=about,
            document_id=document_id,
            **words,
        )


def in_rand(amount: object) -> str:
    """Return an amount as a mail prints it."""
    return format_money(amount)  # type: ignore[arg-type]
