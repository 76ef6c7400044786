"""Whether what was offered still holds."""

from datetime import date
from decimal import Decimal

from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import format_money


def check_posted_premium(posted: Decimal | None, computed: Decimal) -> None:
    """Refuse a premium that the price rules do not give. Raises DomainError with both figures."""
    if posted is not None and posted != computed:
        raise DomainError(
            f"The premium is {format_money(computed)} a month, not {format_money(posted)}.",
            field="monthly_premium",
        )


def check_can_be_accepted(status: str, expires_on: date, version_status: str, on: date) -> None:
    """Refuse what is not open any more. Raises ConflictError with the way out.

    A quote is good to the end of the day it expires on. A product version that a newer one
    superseded may still be accepted; one that was withdrawn may not.
    """
    if status == "accepted":
        raise ConflictError("This quote has already been accepted.")
    if status != "quoted":
        raise ConflictError(f"A {status} quote cannot be accepted.")
    if on > expires_on:
        raise ConflictError(
            f"This quote expired on {expires_on:%Y/%m/%d}. Re-price it before it is accepted.",
            detail={"expires_on": expires_on.isoformat()},
        )
    if version_status not in ("launched", "superseded"):
        raise ConflictError("This product has been withdrawn. Quote another product.")
