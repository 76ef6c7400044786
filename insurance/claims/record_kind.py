"""Claims as a kind of record with notes, documents, letters and messages."""

from insurance.claims.letters import LETTERS, facts_of, find_mail_values
from insurance.claims.permissions import ClaimsMay
from insurance.claims.services import add_note, finish_task
from insurance.correspondence.kinds import RecordKind, register
from insurance.correspondence.models import NoteKind

CLAIMS = register(
    RecordKind(
        resource="claims",
        name="claim",
        id_name="claim_id",
        endpoint="claims.show",
        document_endpoint="claims.add_document",
        may_add_document=ClaimsMay.SUBMIT,
        may_view=ClaimsMay.VIEW,
        find=facts_of,
        letters=LETTERS,
        find_mail_values=find_mail_values,
        note_kinds={
            NoteKind.COMMENT: "Note",
            NoteKind.INVESTIGATION: "Investigation",
            NoteKind.TASK: "Task",
            NoteKind.CLAIMANT: "To the claimant, by mail",
        },
        add_note=add_note,
        finish_task=finish_task,
    )
)
