"""Whether what was offered still holds."""

from datetime import date, timedelta
from decimal import Decimal

from insurance.core.errors import ConflictError, DomainError
from insurance.core.money import format_money

SUPERSEDED = "superseded"
"""What a product version is once a newer one is sold."""


def check_posted_premium(posted: Decimal | None, computed: Decimal) -> None:
    """Refuse a premium that the price rules do not give. Raises DomainError with both figures."""
    if posted is not None and posted != computed:
        raise DomainError(
            f"The premium is {format_money(computed)} a month, not {format_money(posted)}.",
            field="monthly_premium",
        )


def check_can_be_accepted(
    status: str,
    expires_on: date,
    product_status: str,
    version_status: str,
    on: date,
    *,
    replaced_are_repriced: bool = False,
) -> None:
    """Refuse what is not open any more. Raises ConflictError with the way out.

    A quote is good to the end of the day it expires on. A product version that a newer one
    superseded may still be accepted while the product is sold, unless the tenant says that such
    quotes are priced again; a withdrawn product or version may not.
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
    if product_status != "launched" or version_status not in ("launched", SUPERSEDED):
        raise ConflictError("This product has been withdrawn. Quote another product.")
    if replaced_are_repriced and version_status == SUPERSEDED:
        raise ConflictError(
            "A newer version of this product is sold since this quote was priced. Price it again"
            " before it is accepted.",
            detail={"version_status": SUPERSEDED},
        )


def start_of_policy(
    stated: date | None, chosen: date | None, on: date, *, backdating_limit_days: int
) -> date:
    """Return the first day of cover: the one the quote states, else the one chosen, else today.

    Raises DomainError at `effective_date` where another day is chosen than the quote was priced
    for, or where the stated day has fallen too far back to be met.
    """
    if stated is None:
        return chosen or on
    if chosen not in (None, stated):
        raise DomainError(
            f"The quote is for cover from {stated:%Y/%m/%d}. Price it again for another day.",
            field="effective_date",
        )
    check_start_can_be_met(stated, on, backdating_limit_days=backdating_limit_days)
    return stated


def check_start_can_be_met(stated: date, on: date, *, backdating_limit_days: int) -> None:
    """Refuse a stated first day of cover that lies too far back. Raises DomainError."""
    if stated < on - timedelta(days=backdating_limit_days):
        raise DomainError(
            f"Cover from {stated:%Y/%m/%d} can no longer be given: at most {backdating_limit_days}"
            " days back. Price the quote again for another day.",
            field="effective_date",
        )
