"""Quotes as a kind of record with notes, documents, letters and messages."""

from insurance.correspondence.kinds import RecordKind, register
from insurance.quotes.letters import LETTERS, facts_of, find_mail_values
from insurance.quotes.permissions import QuotesMay

QUOTES = register(
    RecordKind(
        resource="quotes",
        name="quote",
        id_name="quote_id",
        endpoint="quotes.show",
        may_view=QuotesMay.VIEW,
        find=facts_of,
        letters=LETTERS,
        find_mail_values=find_mail_values,
    )
)
