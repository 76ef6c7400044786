"""The file of a run: rendered with account numbers in clear, handed over, never stored."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core import crypto
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.tenancy import current_org
from insurance.core.text import latin_text
from insurance.debit_orders import queries
from insurance.debit_orders.exporters import EXPORTERS, Exporter, FileItem, FileRun
from insurance.debit_orders.models import DebitOrderRun, DebitRunStatus
from insurance.organizations.queries import get_organization, local_day

_NAMED = 5
_NOT_SENT = (DebitRunStatus.DRAFT, DebitRunStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file for a bank or bureau."""

    name: str
    mimetype: str
    content: bytes


def download_file(run_id: UUID, *, format: str) -> RunFile:
    """Render a released run's file; who took it is written to the audit log.

    In the format of the release it must be byte for byte what was released, else ConflictError.
    """
    with transaction() as session:
        run = queries.get_run(session, run_id)
        exporter = exporter_named(format)
        if run.status in _NOT_SENT or run.released_at is None:
            raise ConflictError(
                "Only a released run has a file.", detail={"current_status": run.status}
            )
        content = render(session, run, exporter)
        digest = digest_of(content)
        if exporter.name == run.exporter and digest != run.file_hash:
            raise ConflictError("The data behind this file changed since its release.")
        record(
            session,
            action="debit_orders.download_file",
            resource="debit_order_runs",
            resource_id=run_id,
            after={"number": run.number, "format": exporter.name, "file_hash": digest},
        )
        return RunFile(f"{run.number}.{exporter.extension}", exporter.mimetype, content)


def exporter_named(name: str) -> Exporter:
    """Return an exporter by its name. Raises DomainError for one nobody knows."""
    found = EXPORTERS.get(name)
    if found is None:
        raise DomainError(f"Choose one of {', '.join(sorted(EXPORTERS))}.", field="format")
    return found


def render(session: Session, run: DebitOrderRun, exporter: Exporter) -> bytes:
    """Return a run's file. Account numbers are decrypted here and nowhere else.

    It is dated on the insurer's own calendar.
    """
    org_id = current_org()
    if run.released_at is None:
        raise ConflictError("Only a released run has a file.")
    items = [
        FileItem(
            reference=row.reference,
            policy_number=row.policy_number,
            holder=row.holder,
            bank=row.bank,
            branch_code=row.branch_code,
            account_type=row.account_type,
            account_number=crypto.decrypt(
                org_id,
                "customer_bank_accounts",
                "account_number",
                row.account_id,
                row.account_number_cipher,
            ),
            amount=row.amount,
            action_date=row.action_date,
        )
        for row in queries.read_file_lines(session, run.id)
    ]
    facts = FileRun(
        number=run.number,
        insurer=get_organization(session).name,
        action_date=run.action_date,
        released_on=local_day(session, run.released_at),
        item_count=run.item_count,
        total=run.total,
    )
    return exporter.render(facts, items)


def refuse_illegible(session: Session, run_id: UUID) -> None:
    """Refuse to release a run whose file would not name an account holder.

    Raises ConflictError with the policies and what to do about them.
    """
    policies = [
        row.policy_number
        for row in queries.read_file_lines(session, run_id)
        if latin_text(row.holder) is None
    ]
    if policies:
        more = f" and {len(policies) - _NAMED} more" if len(policies) > _NAMED else ""
        raise ConflictError(
            f"A bank file cannot hold the account holder's name of {', '.join(policies[:_NAMED])}"
            f"{more}. Add the account again with the name in Latin letters, as the bank writes it,"
            " and capture the mandate for that account.",
            detail={"policies": policies[:100]},
        )


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
