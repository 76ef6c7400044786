"""A kind's words as a recipient would read them: on sample values, or on those of a record."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from insurance.core.context import current_actor
from insurance.core.errors import DomainError
from insurance.correspondence.kinds import kind_of
from insurance.message_templates.kinds import check_kind, resource_of, samples_of, variables_of
from insurance.message_templates.rules import check_wording
from insurance.notifications.wordings import Wording
from insurance.organizations.queries import get_organization


@dataclass(frozen=True, slots=True)
class Preview:
    """Subject and body with values in them; `samples` names those that are no record's."""

    subject: str
    body: str
    samples: list[str]


def preview_wording(
    session: Session, kind: str, wording: Wording, *, number: str | None = None
) -> Preview:
    """Return words with values in them: those of the record with a number, and samples of others.

    Raises DomainErrors at what is wrong with the words, or at `record` for a number that the person
    may not see or that no record has.
    """
    check_kind(kind)
    checked = check_wording(kind, wording, variables_of(kind))
    known = {"organization": get_organization(session).name}
    if number and number.strip():
        known |= _values_of(session, kind, number.strip().upper())
    subject, body = checked.fill(samples_of(kind) | known)
    return Preview(" ".join(subject.split()), body, sorted(checked.names - known.keys()))


def _values_of(session: Session, kind: str, number: str) -> dict[str, str]:
    resource = resource_of(kind)
    if not resource:
        raise DomainError("This mail is about no record that it could be tried on.", field="record")
    record_kind = kind_of(resource)
    find = record_kind.find_mail_values
    found = find(session, number) if find and current_actor().may(record_kind.may_view) else None
    if found is None:
        raise DomainError(f"There is no {record_kind.name} with this number.", field="record")
    return dict(found)
