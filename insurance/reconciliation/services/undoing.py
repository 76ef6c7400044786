"""What a bank's file says against undoing a payment that somebody typed."""

from sqlalchemy.orm import Session

from insurance.billing.models import Receipt
from insurance.policies.services.undoing import on_undoing_payment
from insurance.reconciliation import queries


def find_proof(session: Session, receipt: Receipt) -> str:
    """Return which row of a file is the same money; nothing where none was passed over as it."""
    row = queries.find_row_repeating(session, receipt.id)
    if row is None:
        return ""
    file = queries.get_file(session, row.file_id)
    return f"The money came: row {row.line} of {file.name} was taken for this payment."


on_undoing_payment(find_proof)
