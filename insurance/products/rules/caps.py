"""The most that a law lets one life be insured for under funeral policies."""

from dataclasses import dataclass
from decimal import Decimal

_YOUNGEST, _OLDER = 6, 14


@dataclass(frozen=True, slots=True)
class FuneralCaps:
    """The most funeral cover of one life over all of the insurer's policies, in rand.

    Insurance Act 18 of 2017, Schedule 2, class funeral; children before their sixth and before
    their fourteenth birthday have caps of their own. Ages are those of the last birthday.
    """

    under_6: Decimal
    under_14: Decimal
    other: Decimal

    def of(self, role: str, age: int | None) -> Decimal:
        """Return the cap of a life of an age; a child whose age nobody knows has the lowest."""
        if age is None:
            return self.under_6 if role == "CHILD" else self.other
        if age < _YOUNGEST:
            return self.under_6
        return self.under_14 if age < _OLDER else self.other
