"""What letters about records have in common: whose they are, to whom, and words of one's own."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from insurance.correspondence.kinds import LetterTemplate, Paper, RecordFacts, kind_of
from insurance.organizations.queries import get_organization


@dataclass(frozen=True, slots=True)
class LetterTable:
    """A table in a letter; `money` are the columns whose amounts stand on the right."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    money: Sequence[int] = ()


def letter(
    session: Session,
    to: RecordFacts,
    on: date,
    title: str,
    *,
    facts: Sequence[tuple[str, str]] = (),
    paragraphs: Sequence[str] = (),
    tables: Sequence[LetterTable] = (),
    after: Sequence[str] = (),
) -> Paper:
    """Return a letter of the organization in scope to whom a record concerns."""
    values = {
        "insurer": get_organization(session).name,
        "number": to.number,
        "name": to.name,
        "day": day_words(on),
        "title": title,
        "facts": [list(fact) for fact in facts],
        "paragraphs": list(paragraphs),
        "tables": [asdict(table) for table in tables if table.rows],
        "after": list(after),
    }
    return Paper("letter.typ", values)


def own_words(resource: str) -> LetterTemplate:
    """Return the letter that says what somebody writes; its first line is its heading."""

    def write(session: Session, record_id: UUID, on: date, wording: str) -> Paper:
        heading, *paragraphs = paragraphs_of(wording) or ["Letter"]
        facts = kind_of(resource).find(session, record_id)
        return letter(session, facts, on, heading, paragraphs=paragraphs)

    return LetterTemplate("own-words", "Letter in your own words", write, asks_words=True)


def paragraphs_of(wording: str) -> list[str]:
    """Return what was typed as paragraphs, a line each."""
    return [line.strip() for line in wording.splitlines() if line.strip()]


def day_words(day: date | None) -> str:
    """Return a day as letters print it, or a dash."""
    return f"{day:%Y/%m/%d}" if day else "–"
