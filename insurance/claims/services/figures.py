"""Keeping the sums of the reports on claims."""

from insurance.claims.figures import add_to_sums
from insurance.claims.models import UncountedClaims
from insurance.core.figures import count_notes


def count_claims(*, most: int | None = None) -> int:
    """Count the claims that changed anew in the sums kept of them, and say how many were noted.

    Stops after `most` transactions where that is given.
    """
    return count_notes(UncountedClaims.claim_ids, add_to_sums, most=most)
