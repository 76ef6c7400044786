"""Refusals that say which customer is here already."""

from uuid import UUID

from insurance.core.errors import ConflictError


class DuplicateCustomerError(ConflictError):
    """The ID number belongs to a customer who is already here."""

    def __init__(self, existing_id: UUID) -> None:
        super().__init__(
            "A customer with this number is already here.",
            field="id_number",
            detail={"existing_id": str(existing_id)},
        )
        self.existing_id = existing_id
